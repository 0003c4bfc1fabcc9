"""``explain``: who would serve a request now and why, who would not and why not, and why one went as it did."""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import time
from typing import Any, Final

import httpx
import pytest
import trio
from stage import QUESTION, Stage, staged

from ccflared.demo.script import Answer, Behaviour, ErrorEvent, Failing, Held, Limited, Reset, Window
from ccflared.providers.target import Target
from ccflared.wire import Observation

SONNET, HAIKU, OPUS = "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5"
KEY, TOKEN = "client-key-0123456789", "admin-token-0123456789"
LAPTOP = f'[clients.laptop]\nkey_sha256 = "{hashlib.sha256(KEY.encode()).hexdigest()}"\n'
ADMIN = f'[admin]\ntoken_sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\n'
CHAIN = '[[fallback]]\nmodels = ["sonnet"]\ntry = ["second"]\n'
EQUAL = {"first": "priority = 0", "second": "priority = 0"}
NAMES_MODEL = (
    b'{"error":{"message":"Rate limit reached for %s","code":"rate_limit_exceeded"}}' % SONNET.encode()
)
OVERDRAWN = Answer(
    five_hour=Window(1.0, 600.0, "rejected"),
    headers=(
        (b"anthropic-ratelimit-unified-status", b"allowed"),
        (b"anthropic-ratelimit-unified-overage-in-use", b"true"),
        (b"anthropic-ratelimit-unified-overage-status", b"allowed"),
    ),
)
"""The window of a plan is used up, and what is served is paid for."""


async def call(stage: Stage, **query: str) -> httpx.Response:
    """Ask at the control socket: whoever may open it administers."""
    transport = httpx.AsyncHTTPTransport(uds=str(stage.state / "c.sock"), verify=False)
    async with httpx.AsyncClient(transport=transport, timeout=20, trust_env=False) as client:
        return await client.get("http://localhost/api/explain", params=query)


async def explain(stage: Stage, **query: str) -> Any:
    """Return the explanation for a model, by default that of the usual question."""
    answer = await call(stage, **{"model": SONNET} | query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def told(stage: Stage, answer: httpx.Response) -> Any:
    """Return the explanation of a request that was answered, once its row is written."""
    rows = await stage.rows()
    said = (await call(stage, request=answer.headers["x-ccflared-request-id"])).json()
    (row,) = [row for row in rows if row.id == said["request"]]
    assert said["attempts"] == [asdict(attempt) for attempt in row.attempts]
    assert said["passed"] == [asdict(passed) for passed in row.passed]
    assert (said["model"], said["conversation"], said["chain"]) == (row.model, row.conversation, row.chain)
    assert (said["status"], said["outcome"], said["error"]) == (row.status, row.outcome, row.error)
    return said


async def first_gets(stage: Stage, behaviour: Behaviour, **more: Any) -> None:
    """Let ``first`` answer one request so."""
    stage.provider.play("sk-first", behaviour)
    await stage.ask(**more)
    await stage.rows()


def order(plan: Any) -> list[tuple[str, str]]:
    """Return the candidates with why they stand where they stand."""
    assert [each["order"] for each in plan["candidates"]] == [*range(1, len(plan["candidates"]) + 1)]
    return [(each["account"], each["why"]) for each in plan["candidates"]]


def passed(document: Any, name: str) -> Any:
    """Return what is said of an account that is not asked."""
    (found,) = [each for each in document["passed"] if each["account"] == name]
    return found


# -- who is not asked


@dataclass(frozen=True, slots=True)
class Out:
    """What keeps ``first`` from being asked, and what is said of it."""

    state: str
    reason: str
    lasts: float | None = None
    """Seconds; None: nobody knows."""
    own: str = ""
    """Lines of its table in the file."""
    more: str = ""
    answers: Behaviour | None = None
    """To one request that comes before."""
    query: Mapping[str, str] = field(default_factory=dict)


OUT: Final = {
    "its schedule": Out(
        "paused", "its pause_schedule says so", own='pause_schedule = [{ from = "00:00", to = "00:00" }]'
    ),
    "a model without a price": Out(
        "paused",
        'nobody knows what mystery-1 costs, and there is a budget: add [pricing."mystery-1"] with input = … and '
        "output = …, in USD per million tokens",
        own="budget = { daily = 5.0 }", query={"model": "mystery-1"},
    ),
    "extra usage": Out(
        "paused", 'its usage window is used up, and overage = "never" keeps paid extra usage off', 600,
        answers=OVERDRAWN,
    ),
    "a credential": Out("rejected", "the credential is not accepted: invalid x-api-key", 300, answers=Failing(401)),
    "a limit": Out(
        "resting", "limit reached: That was all; its 5h window is spent", 600,
        answers=Limited(reset_in=600, message="That was all."),
    ),
    "a limit without a reset": Out(
        "resting", "limit reached: no (no reset named; a guess)", 30,
        answers=Limited(reset_in=None, retry_after=None, message="no"),
    ),
    "a limit of the model": Out(
        "cooling", f"{SONNET}: limit for this model reached: Rate limit reached for {SONNET}", 90,
        answers=Failing(429, body=NAMES_MODEL, headers=((b"retry-after", b"90"),)),
    ),
    "its map": Out(
        "not asked", f"its models map other names of Claude's, but not {SONNET}", own='models = { opus = "big" }',
    ),
    "pool = false": Out("not asked", "pool = false: only for chains and pins", own="pool = false"),
    "pool = false, with a chain": Out(
        "not asked", "pool = false, and the chain does not name it", own="pool = false", more=CHAIN
    ),
    "a chain that ends": Out(
        "not asked", 'the chain ends before it (then = "fail")', more=CHAIN + 'then = "fail"\n'
    ),
    "the client's rights": Out(
        "not asked", "the client laptop may not use it", more=LAPTOP + 'accounts = ["s*"]\n',
        query={"client": "laptop"},
    ),
    "a pin": Out("not asked", "the request is pinned to second", query={"account": "second"}),
    "enabled = false": Out("off", "enabled = false", own="enabled = false"),
    "a key that cannot be read": Out(
        "no credential", "the environment variable NOT_SET is not set", own='api_key = { env = "NOT_SET" }',
    ),
}  # fmt: skip


@pytest.mark.parametrize("out", OUT.values(), ids=OUT.keys())
async def test_explain_says_what_keeps_an_account_from_serving_and_the_next_request_says_the_same(
    tmp_path: Path, out: Out
) -> None:
    async with staged(tmp_path, own={"first": out.own}, more=out.more) as stage:
        began = time()
        if out.answers is not None:
            await first_gets(stage, out.answers)
        plan = await explain(stage, **out.query)
        said = passed(plan, "first")
        assert (said["state"], said["reason"]) == (out.state, out.reason)
        if out.lasts is None:
            assert said["until"] is None
        else:
            assert began + out.lasts - 1 <= said["until"] <= time() + out.lasts + 1
        assert [name for name, _ in order(plan)] == ["second"]
        assert plan["refusal"] is None

        headers = {"x-api-key": KEY} if "client" in out.query else {}
        headers |= {"x-ccflared-account": pin} if (pin := out.query.get("account")) else {}
        body = QUESTION | {"model": plan["model"]}
        answer = await stage.client.post(stage.url + "/v1/messages", json=body, headers=headers)
        story = await told(stage, answer)
        assert [each["account"] for each in story["attempts"]] == ["second"]
        assert story["passed"] == [said]


async def test_a_pause_by_hand_is_named_before_the_limit_that_is_there_besides(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await first_gets(stage, Limited(reset_in=600, message="no"))
        await stage.client.post(stage.url + "/api/accounts/first/pause")
        said = passed(await explain(stage), "first")
        assert (said["state"], said["reason"]) == (
            "paused",
            "paused by hand; limit reached: no; its 5h window is spent",
        )
        # A pause by hand ends when somebody ends it, so no time is promised.
        assert said["until"] is None


async def test_a_spent_budget_is_told_with_the_end_of_its_day(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": "budget = { daily = 0.000001 }"}) as stage:
        await stage.ask()
        await stage.rows()
        said = passed(await explain(stage), "first")
        assert (said["state"], said["reason"]) == ("paused", "the daily budget of 0.000001 USD is spent")
        assert 0 < said["until"] - time() <= 25 * 3600


async def test_a_full_account_is_busy_until_a_request_ends(tmp_path: Path) -> None:
    async with (
        staged(tmp_path, own={"first": "max_concurrency = 1"}) as stage,
        trio.open_nursery() as nursery,
    ):
        release = trio.Event()
        stage.provider.play("sk-first", Held(release))
        nursery.start_soon(stage.ask)
        await stage.provider.received(1)
        said = passed(await explain(stage), "first")
        assert (said["state"], said["until"]) == ("busy", None)
        assert "as many as max_concurrency allows" in said["reason"]
        release.set()
        await stage.rows()
        assert [name for name, _ in order(await explain(stage))] == ["first", "second"]


async def test_a_limit_of_one_model_leaves_the_account_to_the_others(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await first_gets(stage, Failing(429, body=NAMES_MODEL, headers=((b"retry-after", b"90"),)))
        assert passed(await explain(stage), "first")["state"] == "cooling"
        other = await explain(stage, model=HAIKU)
        assert (order(other)[0], other["passed"]) == (("first", "priority 0"), [])


# -- who is asked, and why in this order


async def test_candidates_stand_in_the_order_of_their_priorities(tmp_path: Path) -> None:
    async with staged(tmp_path, ("a", "b", "c"), own={"a": "priority = 7"}) as stage:
        plan = await explain(stage)
        assert order(plan) == [("b", "priority 1"), ("c", "priority 2"), ("a", "priority 7")]
        assert [each["model"] for each in plan["candidates"]] == [SONNET] * 3
        assert (plan["passed"], plan["chain"], plan["strategy"]) == ([], None, "session")


async def test_an_account_is_named_with_every_name_that_it_has_for_the_model(tmp_path: Path) -> None:
    own = {"first": 'models = { sonnet = ["vendor/big", "vendor/mid"] }'}
    async with staged(tmp_path, own=own) as stage:
        plan = await explain(stage)
        names = [(each["account"], each["model"]) for each in plan["candidates"]]
        assert names == [("first", "vendor/big"), ("first", "vendor/mid"), ("second", SONNET)]
        story = await told(stage, await stage.ask())
        assert [each["model"] for each in story["attempts"]] == ["vendor/big"]


async def test_the_steps_of_a_chain_come_before_the_pool(tmp_path: Path) -> None:
    async with staged(tmp_path, more=CHAIN) as stage:
        plan = await explain(stage)
        assert order(plan) == [("second", "step 1 of the chain"), ("first", "priority 0")]
        assert plan["chain"] == "sonnet"
        assert (await told(stage, await stage.ask()))["chain"] == "sonnet"
        assert (await explain(stage, model=HAIKU))["chain"] is None


async def test_whoever_holds_the_session_comes_first_among_equals(tmp_path: Path) -> None:
    async with staged(tmp_path, own=EQUAL) as stage:
        stage.provider.play("sk-first", Failing(500))
        await stage.ask()
        await stage.rows()
        plan = await explain(stage)
        assert order(plan)[0] == ("second", "priority 0, holds the session")
        assert order(plan)[1] == ("first", "priority 0, in doubt: status 500: Internal server error")


async def test_of_a_candidate_in_doubt_it_is_told_until_when(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        began = time()
        await first_gets(stage, Failing(402))
        second, first = (await explain(stage))["candidates"]
        assert (second["account"], second["until"]) == ("second", None)
        assert began + 30 <= first["until"] <= time() + 30


STRATEGIES = [
    ("affinity", "40 % of its usage left", "90 % of its usage left"),
    ("least-used", "40 % of its usage left", "90 % of its usage left"),
    ("drain-soonest", "its quota resets soonest", "its quota resets soonest"),
]


@pytest.mark.parametrize(("strategy", "of_first", "of_second"), STRATEGIES)
async def test_among_equals_the_strategy_decides_and_says_by_what(
    tmp_path: Path, strategy: str, of_first: str, of_second: str
) -> None:
    async with staged(tmp_path, own=EQUAL, more=f'[routing]\nstrategy = "{strategy}"\n') as stage:
        windows = {"sk-first": Window(0.6, 9000.0), "sk-second": Window(0.1, 3600.0)}
        for name in ("first", "second"):
            stage.provider.play(
                f"sk-{name}", Answer(five_hour=windows[f"sk-{name}"], seven_day=Window(0.0, 9e4))
            )
            stage.headers["x-ccflared-account"] = name
            await stage.ask()
        await stage.rows()
        plan = await explain(stage)
        assert order(plan) == [("second", f"priority 0, {of_second}"), ("first", f"priority 0, {of_first}")]


async def test_an_account_whose_rest_has_ended_is_tried_by_one_request(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, trio.open_nursery() as nursery:
        house, now = stage.running.house, time()
        target = house.world.targets["first"]
        assert isinstance(target, Target)
        house.failed(target, Observation("account", "limit", "limit reached", now - 60), now - 120)
        tries = "priority 0, its rest has ended, and one request tries it"
        assert order(await explain(stage))[0] == ("first", tries)
        release = trio.Event()
        stage.provider.play("sk-first", Held(release))
        nursery.start_soon(stage.ask)
        await stage.provider.received(1)
        waits = "priority 0, its rest has ended, and another request is trying it"
        assert order(await explain(stage)) == [("second", "priority 1"), ("first", waits)]
        release.set()
        rows = await stage.rows()
        assert [attempt.why for attempt in rows[0].attempts] == [tries]
        assert order(await explain(stage))[0] == ("first", "priority 0, holds the session")


async def test_paid_extra_usage_that_is_allowed_as_a_last_resort_comes_last(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": 'overage = "last-resort"'}) as stage:
        await first_gets(stage, OVERDRAWN)
        (second, first) = order(await explain(stage))
        assert second == ("second", "priority 1")
        assert first[0] == "first"
        assert "as a last resort, on paid extra usage" in first[1]


async def test_a_conversation_stays_borrows_and_comes_home_and_explain_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": "priority = 5", "second": "priority = 9"}) as stage:
        stage.headers["x-claude-code-session-id"] = "s1"
        conversation = (await told(stage, await stage.ask()))["conversation"]
        assert conversation == "claude-code:s1"
        stays = await explain(stage, conversation=conversation)
        assert order(stays)[0] == (
            "first",
            "it served this conversation before, priority 5, holds the session",
        )
        await first_gets(stage, Limited(reset_in=60))
        away = await explain(stage, conversation=conversation)
        assert order(away)[0][1].startswith(
            "this conversation borrows it, and its prompt cache is warm there"
        )
        assert passed(away, "first")["state"] == "resting"
        await stage.client.post(stage.url + "/api/accounts/first/force-reset-rate-limit")
        # home is back, and the latest turns are warm only where it is: it stays for now
        assert order(await explain(stage, conversation=conversation))[0][0] == "second"
        await stage.client.post(stage.url + "/api/accounts/second/pause")
        home = await explain(stage, conversation=conversation)
        assert order(home)[0][0] == "first"
        assert order(home)[0][1].startswith("this conversation comes home, priority 5")
        assert not any("conversation" in why for _, why in order(await explain(stage)))


# -- when nobody is left


async def test_when_nobody_is_left_explain_tells_the_refusal_that_the_client_gets(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Limited(reset_in=7200))
        stage.provider.play("sk-second", Limited(reset_in=3600))
        await stage.ask()
        asked = time()
        plan = await explain(stage)
        answer = await stage.ask()
        story = await told(stage, answer)
        assert plan["candidates"] == story["attempts"] == []
        assert [each["account"] for each in plan["passed"]] == ["first", "second"]
        assert plan["passed"] == story["passed"]
        assert (plan["refusal"]["status"], answer.status_code) == (429, 429)
        assert plan["refusal"]["message"] == answer.json()["error"]["message"] == story["error"]
        assert 0 <= plan["refusal"]["retry_after"] - int(answer.headers["retry-after"]) <= time() - asked + 1
        assert story["outcome"] == "refused"


async def test_a_refusal_by_the_file_promises_no_recovery(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": "enabled = false", "second": "pool = false"}) as stage:
        plan = await explain(stage)
        answer = await stage.ask()
        refusal = plan["refusal"]
        assert (refusal["status"], refusal["retry_after"]) == (503, None)
        assert refusal["message"] == answer.json()["error"]["message"]
        assert [each["state"] for each in plan["passed"]] == ["off", "not asked"]


DENIED = [
    ('models = ["claude-haiku-*"]\n', {}, {}, f"This client may not use the model {SONNET}."),
    (
        "",
        {"account": "first"},
        {"x-ccflared-account": "first"},
        "This client may not choose an account (pin = true allows it).",
    ),
]


@pytest.mark.parametrize(("rights", "query", "fields", "message"), DENIED)
async def test_what_a_client_may_not_ask_for_is_refused_whoever_could_serve_it(
    tmp_path: Path, rights: str, query: dict[str, str], fields: dict[str, str], message: str
) -> None:
    async with staged(tmp_path, more=LAPTOP + rights) as stage:
        plan = await explain(stage, client="laptop", **query)
        assert (plan["candidates"], plan["refusal"]) == (
            [],
            {"status": 403, "message": message, "retry_after": None},
        )
        stage.headers |= {"x-api-key": KEY, **fields}
        answer = await stage.ask()
        assert (answer.status_code, answer.json()["error"]["message"]) == (403, message)
        assert stage.provider.count == 0


# -- who may ask, and for what

MISTAKES: list[tuple[dict[str, str], int, str]] = [
    ({}, 400, "Give model=NAME or request=ID."),
    ({"model": ""}, 400, "Give model=NAME or request=ID."),
    ({"client": "laptop"}, 400, "Give model=NAME or request=ID."),
    ({"model": SONNET, "client": "nobody"}, 404, "There is no client nobody; there is none at all."),
    ({"model": SONNET, "account": "nobody"}, 404, "There is no account nobody; there is only only."),
    ({"request": "req_none"}, 404, "The history knows no request req_none."),
    ({"request": ""}, 400, "Give model=NAME or request=ID."),
]


@pytest.mark.parametrize(("query", "status", "message"), MISTAKES)
async def test_a_mistake_in_the_question_is_named(
    tmp_path: Path, query: dict[str, str], status: int, message: str
) -> None:
    async with staged(tmp_path, ("only",)) as stage:
        answer = await call(stage, **query)
        assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


# the file, whose credential comes along, status
RIGHTS = [
    ("", None, 200),
    (LAPTOP, None, 403),
    (LAPTOP, KEY, 403),
    (ADMIN, None, 401),
    (ADMIN, TOKEN, 200),
    (LAPTOP + ADMIN, KEY, 401),
    (LAPTOP + ADMIN, TOKEN, 200),
]


@pytest.mark.parametrize(("more", "credential", "status"), RIGHTS)
async def test_explain_is_for_those_who_administer_and_for_the_control_socket(
    tmp_path: Path, more: str, credential: str | None, status: int
) -> None:
    async with staged(tmp_path, more=more) as stage:
        headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
        query = {"model": SONNET}
        answer = await stage.client.get(stage.url + "/api/explain", params=query, headers=headers)
        assert answer.status_code == status
        assert ("second" in answer.text) == (status == 200)
        here = await explain(stage)
        if status == 200:
            assert {**answer.json(), "now": here["now"]} == here


# -- what it says is what happens

FILES: Final = {
    "priorities": ("", {}),
    "session": ("", EQUAL),
    "affinity": ('[routing]\nstrategy = "affinity"\n', EQUAL),
    "drain-soonest": ('[routing]\nstrategy = "drain-soonest"\n', EQUAL),
    "least-used": ('[routing]\nstrategy = "least-used"\n', EQUAL),
    "chain": ('[[fallback]]\nmodels = ["sonnet", "opus"]\ntry = [["second", "third"], "first"]\n', {}),
    "maps": (
        "",
        {"first": 'models = { opus = ["a", "b"], sonnet = "c" }', "third": 'models = { "*" = "d" }'},
    ),
    "fallback": ("", {"first": "auto_fallback = true", "second": "pool = false"}),
}
WINDOWED = Answer(five_hour=Window(0.7, 3000.0), seven_day=Window(0.3, 90_000.0))
MOODS: list[Behaviour] = [
    *(
        Failing(429, body=NAMES_MODEL, headers=((b"retry-after", b"90"),)),
        Failing(404, kind="not_found_error"),
    ),
    *(Limited(reset_in=600), Limited(reset_in=60, unified=False), Limited(reset_in=None, retry_after=None)),
    *(
        Failing(529),
        Failing(500),
        Failing(401),
        Failing(403),
        Failing(400),
        ErrorEvent(),
        Reset(),
        OVERDRAWN,
        WINDOWED,
    ),
]
"""What an account does in between."""
NAMES = ("first", "second", "third")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("file", FILES)
async def test_the_account_that_explain_names_first_is_the_one_that_is_asked(
    tmp_path: Path, file: str, seed: int
) -> None:
    dice = random.Random(f"{file} {seed}")
    more, own = FILES[file]
    quick = more.replace("[routing]\n", "[routing]\noverload_retry = { attempts = 1 }\n")
    async with staged(tmp_path, NAMES, more=quick, own=own) as stage:
        for _ in range(12):
            name = dice.choice(NAMES)
            if dice.random() < 0.4:
                act = dice.choice(("pause", "resume", "resume", "force-reset-rate-limit"))
                await stage.client.post(f"{stage.url}/api/accounts/{name}/{act}")
            else:
                stage.provider.play(f"sk-{name}", dice.choice(MOODS))
            await goes_as_explained(stage, dice.choice((SONNET, HAIKU, OPUS)), dice.choice("xyz"))


async def goes_as_explained(stage: Stage, model: str, conversation: str) -> None:
    """Ask for an explanation, then do what it is about, and compare."""
    plan = await explain(stage, model=model, conversation=f"claude-code:{conversation}")
    stage.headers["x-claude-code-session-id"] = conversation
    answer = await stage.ask(model=model, stream=True)
    story = await told(stage, answer)
    assert story["passed"] == plan["passed"]
    assert (story["chain"], story["conversation"]) == (plan["chain"], plan["conversation"])
    if plan["refusal"] is not None:
        assert story["attempts"] == []
        assert answer.status_code == plan["refusal"]["status"]
        # In seconds, the time until the first is expected back may be another by now.
        said, expected = (
            text.partition(" The first")[0] for text in (story["error"], plan["refusal"]["message"])
        )
        assert said == expected
        return
    named, asked = plan["candidates"][0], story["attempts"][0]
    assert {key: asked[key] for key in ("account", "model", "why")} == {
        key: named[key] for key in ("account", "model", "why")
    }
    if asked["kind"] == "served":
        assert answer.headers["x-ccflared-account"] == named["account"]
