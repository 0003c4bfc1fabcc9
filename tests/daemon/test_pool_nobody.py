"""As long as one account can serve, the client is served; with nobody left it is told so at once. Over real sockets."""

import random
from pathlib import Path
from time import time

import httpx
import pytest
import trio
from stage import Stage, events, staged

from ccflared.demo.script import (
    Answer,
    Behaviour,
    Cut,
    Dropped,
    ErrorEvent,
    Failing,
    Limited,
    Raw,
    Reset,
    Silent,
)

NAMED = "x-ccflared-account"
NAMES = ("alpha", "beta", "gamma")
QUICK = '[routing]\noverload_retry = { attempts = 2, delay = "1ms" }\n'
PAGE = b"<!doctype html><title>blocked</title>"

HARD: list[Behaviour] = [
    Limited(600),
    Limited(600, claim="seven_day"),
    Limited(30, unified=False),
    Limited(None, retry_after=None),
    Limited(None, retry_after="30"),
    Failing(401),
]
TRANSIENT: list[Behaviour] = [
    Failing(402),
    Failing(403),
    Failing(404, message="model: claude-sonnet-4-5"),
    Failing(500),
    Failing(503),
    Failing(529),
    Failing(403, body=PAGE, content_type="text/html"),
    Failing(200, body=PAGE, content_type="text/html"),
    Failing(307),
    ErrorEvent("overloaded_error"),
    ErrorEvent("api_error", also_start=False),
    Reset(),
    Reset(after_events=1),
    Dropped(after_events=1),
    Raw(b"nonsense\r\n\r\n"),
]
OF_STREAMS: list[Behaviour] = [Cut(after_events=2), Cut(after_events=1)]
"""An answer that is no stream and ends too early, but as HTTP wants it, is a whole one for all but its reader."""


async def fresh(stage: Stage, number: int, *, stream: bool = False) -> httpx.Response:
    """Ask as a conversation of its own."""
    stage.headers["x-claude-code-session-id"] = str(number)
    return await stage.ask(stream=stream)


def forget(stage: Stage) -> None:
    for name in NAMES:
        stage.running.house.reset(name, time())


def whole(answer: httpx.Response, *, stream: bool) -> bool:
    """Whether it is a whole answer, and one only."""
    if answer.status_code != 200:
        return False
    if not stream:
        return bool(answer.json()["type"] == "message")
    kinds = [event["type"] for event in events(answer.content)]
    return (kinds.count("message_start"), kinds[-1]) == (1, "message_stop") and "error" not in kinds


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("healthy", range(3))
async def test_with_any_two_failures_the_third_account_serves_wherever_it_stands(
    tmp_path: Path, healthy: int, stream: bool
) -> None:
    dice = random.Random(healthy)
    others = [name for name in NAMES if name != NAMES[healthy]]
    failures = [*HARD, *TRANSIENT, *(OF_STREAMS if stream else ())]
    pairs = [
        pair for each in failures for pair in ((each, dice.choice(failures)), (dice.choice(failures), each))
    ]
    async with staged(tmp_path, NAMES, more=QUICK) as stage:
        for number, pair in enumerate(pairs):
            forget(stage)
            for name, failure in zip(others, pair, strict=True):
                stage.provider.play(f"sk-{name}", then=failure)
            answer = await fresh(stage, number, stream=stream)
            assert whole(answer, stream=stream), (pair, answer.status_code, answer.text)


async def test_accounts_that_say_nothing_cost_their_time_and_no_answer(tmp_path: Path) -> None:
    async with staged(tmp_path, NAMES, more='[routing]\nidle_timeout = "400ms"\n') as stage:
        for number, after in enumerate((None, 0, 1)):
            forget(stage)
            for name in NAMES[:2]:
                stage.provider.play(f"sk-{name}", then=Silent(after))
            answer = await fresh(stage, number, stream=True)
            assert whole(answer, stream=True), (after, answer.text)
            assert answer.headers["x-ccflared-attempts"] == "3"


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_fails_in_passing_refuses_nobody_while_one_account_is_well(
    tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    async with staged(tmp_path, NAMES, more=QUICK) as stage:
        for number in range(60):
            healthy, stream = dice.choice(NAMES), dice.random() < 0.5
            for name in NAMES:
                failure = dice.choice([*TRANSIENT, *(OF_STREAMS if stream else ())])
                stage.provider.play(f"sk-{name}", then=Answer() if name == healthy else failure)
            # Nothing is forgotten: the one that is well may be the one that is most in doubt.
            answer = await fresh(stage, number % 7, stream=stream)
            assert whole(answer, stream=stream), (seed, number, answer.text)


async def prepare(stage: Stage, name: str, what: Behaviour | str) -> None:
    """Put an account into a state: by what it answers to a pinned request, or by a person's word."""
    if isinstance(what, str):
        await stage.client.post(f"{stage.url}/api/accounts/{name}/{what}")
    else:
        stage.provider.play(f"sk-{name}", what)
        stage.headers[NAMED] = name
        await stage.ask()
        del stage.headers[NAMED]


REFUSALS: list[tuple[list[list[Behaviour | str]], int, tuple[int, int], str]] = [
    ([[Limited(30)], [Limited(40)], [Limited(600)]], 429, (20, 31), "All 3 accounts have reached a limit"),
    ([[Limited(90)], [Limited(7200)], [Limited(600)]], 429, (70, 91), "expected back in"),
    ([[Limited(None, retry_after=None)]] * 3, 429, (20, 30), "reached a limit"),
    ([[Limited(20 * 86400)]] * 3, 429, (20, 30), "reached a limit"),
    ([["pause"], [Limited(30)], [Limited(40)]], 429, (20, 31), "All 2 accounts have reached a limit"),
    ([[Limited(30), "pause"], [Limited(600)], [Limited(700)]], 429, (580, 601), "reached a limit"),
    ([["pause"]] * 3, 503, (300, 300), "3 paused"),
    ([[Failing(401)]] * 3, 503, (300, 300), "3 not accepted upstream"),
    ([[Failing(401)], ["pause"], [Limited(40)]], 503, (30, 41), "1 not accepted upstream"),
]


@pytest.mark.parametrize(("states", "status", "wait", "said"), REFUSALS, ids=range(len(REFUSALS)))
async def test_with_nobody_left_the_client_is_told_at_once_when_the_first_will_be_back(
    tmp_path: Path, states: list[list[Behaviour | str]], status: int, wait: tuple[int, int], said: str
) -> None:
    async with staged(tmp_path, NAMES) as stage:
        for name, what in zip(NAMES, states, strict=True):
            for each in what:
                await prepare(stage, name, each)
        count = stage.provider.count
        for stream in (True, False):
            refused = await stage.ask(stream=stream)
            assert refused.status_code == status
            error = refused.json()["error"]
            assert error["type"] == ("rate_limit_error" if status == 429 else "overloaded_error")
            assert said in error["message"]
            assert not any(name in error["message"] for name in NAMES)
            retry_after = int(refused.headers["retry-after"])
            assert wait[0] <= retry_after <= wait[1]
            assert refused.headers.get("x-should-retry") == ("false" if retry_after > 60 else None)
            assert refused.headers["x-ccflared-attempts"] == "0"
            assert NAMED not in refused.headers
        assert stage.provider.count == count
        row = (await stage.rows())[-1]
        assert (row.outcome, row.status, row.attempts, row.account) == ("refused", status, (), None)
        assert sorted(passed.account for passed in row.passed) == sorted(NAMES)
        assert row.total_ms < 1000


async def test_what_failed_just_now_counts_as_failing_and_may_be_tried_again_soon(tmp_path: Path) -> None:
    async with staged(tmp_path, ["alpha", "beta"]) as stage:
        await prepare(stage, "alpha", Limited(600))
        stage.provider.play("sk-beta", Failing(500))
        refused = await stage.ask()
        assert refused.status_code == 503
        assert "1 failing, 1 at a limit" in refused.json()["error"]["message"]
        assert int(refused.headers["retry-after"]) <= 5
        assert "x-should-retry" not in refused.headers
        # Doubt never refuses: the next one asks it again at once.
        assert (await stage.ask()).status_code == 200


LACKING = [
    Failing(404, message="model: claude-sonnet-4-5"),
    Failing(402),
    Failing(403),
    Failing(400, message="You're out of extra usage."),
]


@pytest.mark.parametrize("names", [("alpha", "beta"), ("beta", "alpha")], ids=["first", "last"])
@pytest.mark.parametrize("failure", LACKING, ids=lambda each: str(each.status))
async def test_an_account_that_lacks_what_is_asked_for_is_no_recovery_beside_a_limit(
    tmp_path: Path, failure: Failing, names: tuple[str, str]
) -> None:
    async with staged(tmp_path, names) as stage:
        stage.provider.play("sk-alpha", then=failure)
        stage.provider.play("sk-beta", then=Limited(7200))
        refused = await fresh(stage, 0)
        assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")
        assert 7100 <= int(refused.headers["retry-after"]) <= 7201
        assert refused.headers["x-should-retry"] == "false"


async def test_the_first_recovery_is_credible_the_client_that_waited_is_served(tmp_path: Path) -> None:
    more = '[routing]\ncooldown = { first = "500ms" }\n'
    async with staged(tmp_path, ["alpha", "beta"], more=more) as stage:
        stage.provider.play("sk-alpha", Limited(600))
        stage.provider.play("sk-beta", Limited(None, retry_after=None))
        refused = await stage.ask()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        with trio.fail_after(5):
            while (await stage.ask()).status_code != 200:
                await trio.sleep(0.02)
        assert stage.provider.seen[-1].key == "sk-beta"


async def test_with_no_account_at_all_the_client_is_told_how_to_add_one(tmp_path: Path) -> None:
    async with staged(tmp_path, []) as stage:
        refused = await stage.ask()
        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "overloaded_error")
        assert "has no account yet: add one on its dashboard" in refused.json()["error"]["message"]
        assert refused.headers["x-should-retry"] == "false"
        told = (await stage.client.get(stage.url + "/api/explain?model=claude-sonnet-5")).json()
        assert "has no account yet" in told["refusal"]["message"]


async def test_a_limit_of_all_for_one_request_only_is_passed_on_in_the_upstreams_own_words(
    tmp_path: Path,
) -> None:
    headers = ((b"x-should-retry", b"true"),)
    async with staged(tmp_path, ["alpha", "beta"]) as stage:
        for key in ("sk-alpha", "sk-beta"):
            stage.provider.play(key, Failing(429, headers=headers, message="Just once more."))
        refused = await stage.ask()
        assert (refused.status_code, refused.json()["error"]["message"]) == (429, "Just once more.")
        assert refused.headers["x-should-retry"] == "true"
        assert (await stage.ask()).status_code == 200


async def test_counting_tokens_is_kept_from_nobody_by_limits_but_by_pauses(tmp_path: Path) -> None:
    async with staged(tmp_path, ["alpha", "beta"]) as stage:
        await prepare(stage, "alpha", Limited(600))
        await prepare(stage, "beta", Limited(600))
        assert (await stage.ask()).status_code == 429
        assert (await stage.ask(path="/v1/messages/count_tokens")).status_code == 200
        assert (await stage.client.get(stage.url + "/v1/models")).status_code == 200
        for name in ("alpha", "beta"):
            await prepare(stage, name, "pause")
        refused = await stage.ask(path="/v1/messages/count_tokens")
        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "overloaded_error")
