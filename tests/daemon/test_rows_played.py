"""Each row of the table of answers, played by the fake provider over real sockets.

What the client gets, what history and ``explain`` say of it, and in which state it leaves the account.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
from answers import COUNT, Fixture, fixtures
from stage import Stage, events, free_port, staged

from ccflared.config.model import Cooldown
from ccflared.demo.provider import Endpoint, FakeProvider
from ccflared.demo.script import Behaviour, Dropped, Raw, Reset, Silent
from ccflared.pool.states import EFFECTS, OTHERWISE, RETEST
from ccflared.providers.rows import ROWS, Row
from ccflared.wire import Entry, Scope

ROW = {row.name: row for row in ROWS}
PLAYED = list(fixtures(1_790_000_000.0))
UNLISTED = "/v1/models/claude-unlisted"
OTHER_MODEL = "claude-haiku-4-5"
COOLDOWN = Cooldown().first

each_answer = pytest.mark.parametrize("name", [fixture.name for fixture in PLAYED])
LONGEST = {each.row: each.name for each in sorted(PLAYED, key=lambda each: each.expect_until_offset or 0.0)}
"""Of each row, the answer that holds for longest."""


def made(name: str, now: float) -> Fixture:
    """Return the fixture with its times as of ``now``, a whole second."""
    return next(fixture for fixture in fixtures(now) if fixture.name == name)


def spelled(fixture: Fixture) -> Raw:
    """Return the fixture's answer as the bytes of a whole HTTP response, with no field of anybody else's."""
    fields = [*fixture.headers, (b"connection", b"close")]
    if fixture.status != 204:
        fields.append((b"content-length", str(len(fixture.body)).encode()))
    lines = [b"HTTP/1.1 %d " % fixture.status, *(key + b": " + value for key, value in fields)]
    return Raw(b"\r\n".join(lines) + b"\r\n\r\n" + fixture.body)


def endpoint(fixture: Fixture) -> Endpoint:
    """Return where the fixture can be met; without a model upstream only a model that nobody lists is asked about."""
    if fixture.model is None:
        return "model"
    return "count_tokens" if fixture.path == COUNT else "messages"


def account(name: str, provider: str, port: int, priority: int) -> str:
    """Return the TOML of an account. Windows beyond which money is spent are not what is looked at here."""
    return (
        f'[accounts.{name}]\nprovider = "{provider}"\nbase_url = "http://127.0.0.1:{port}"\n'
        f'api_key = "sk-{name}"\npriority = {priority}\noverage = "allow"\n'
    )


@asynccontextmanager
async def on_stage(
    directory: Path,
    behaviour: Behaviour | None,
    *,
    provider: str = "anthropic-compatible",
    on: Endpoint = "messages",
) -> AsyncIterator[Stage]:
    """Run a daemon with the accounts ``first``, which answers so once; ``neighbour``, at its place; and ``second``.

    Without a behaviour nobody listens at that place.
    """
    fake = FakeProvider()
    async with trio.open_nursery() as nursery:
        elsewhere = await nursery.start(fake.serve)
        here = free_port()
        if behaviour is not None:
            fake.play("sk-first", behaviour, on=on)
            fake.play("sk-second", on=on)
            here = await nursery.start(fake.serve)
        more = account("first", provider, here, 0) + account("neighbour", provider, here, 2)
        more += account("second", "anthropic-compatible", elsewhere, 1)
        more += '[routing]\noverload_retry = { attempts = 1 }\nidle_timeout = "2s"\n'
        async with staged(directory, (), more=more, provider=fake) as stage:
            yield stage
        nursery.cancel_scope.cancel()


async def meet(stage: Stage, fixture: Fixture) -> httpx.Response:
    """Send the request that the fixture answers."""
    if fixture.model is None:
        return await stage.client.get(stage.url + UNLISTED, headers={"anthropic-version": "2023-06-01"})
    return await stage.ask(path=fixture.path, stream=fixture.event is not None, model=fixture.model)


async def get(stage: Stage, path: str, **query: str) -> Any:
    """Return the document of a GET of the REST API."""
    answer = await stage.client.get(stage.url + path, params=query)
    assert answer.status_code == 200
    return answer.json()


async def explained(stage: Stage, answer: httpx.Response) -> tuple[Entry, Any]:
    """Return the history's row of the request, and what ``explain`` says of it."""
    rows = {row.id: row for row in await stage.rows()}
    row = rows[answer.headers["x-ccflared-request-id"]]
    return row, await get(stage, "/api/explain", request=row.id)


async def accounts(stage: Stage) -> dict[str, Any]:
    """Return the accounts of the status document by name."""
    return {each["name"]: each for each in (await get(stage, "/api/status"))["accounts"]}


def says(row: Row, fixture: Fixture, reason: str) -> bool:
    """Whether a reason is the row's sentence with {what}, {status} and {content} filled in, and no other."""
    content = dict(fixture.headers).get(b"content-type", b"nothing").decode()
    what = "[a-z_]+" if fixture.event is not None else f"status {fixture.status}"
    pattern = re.escape(row.reason.replace("{status}", str(fixture.status)).replace("{content}", content))
    return re.match(pattern.replace(re.escape("{what}"), what) + "(?:[:,] |$)", reason) is not None


@each_answer
async def test_client_history_explain_and_account_see_of_an_answer_what_its_row_says(
    tmp_path: Path, name: str
) -> None:
    now = float(int(time()))
    fixture = made(name, now)
    async with on_stage(tmp_path, spelled(fixture), provider=fixture.provider, on=endpoint(fixture)) as stage:
        answer = await meet(stage, fixture)
        answered = time()
        entry, told = await explained(stage, answer)
        assert told["attempts"] == [asdict(attempt) for attempt in entry.attempts]
        assert (told["status"], told["outcome"], told["error"]) == (entry.status, entry.outcome, entry.error)
        first, *others = entry.attempts
        assert (first.account, first.provider, first.status) == ("first", fixture.provider, fixture.status)
        assert (first.model, first.why) == (fixture.model, "priority 0")
        if ROW[fixture.row].client:
            assert others == []
            is_passed_on(fixture, answer, entry)
        else:
            assert [(each.account, each.kind) for each in others] == [("second", "served")]
            is_hidden(fixture, answer, entry)
        is_left_in_its_state(fixture, await accounts(stage), first.reason, (now, answered, time()))


def is_passed_on(fixture: Fixture, answer: httpx.Response, entry: Entry) -> None:
    """The answer is the client's own: it gets it as it is."""
    assert (answer.status_code, answer.content) == (fixture.status, fixture.body)
    assert entry.status == fixture.status
    assert entry.outcome == ("complete" if fixture.event is None else "error")
    told = entry.attempts[0].reason if fixture.event is None else entry.error
    assert fixture.row == "success" or says(ROW[fixture.row], fixture, told or "")


def is_hidden(fixture: Fixture, answer: httpx.Response, entry: Entry) -> None:
    """The client sees another account's answer alone; what the first had said is in the history."""
    row, first = ROW[fixture.row], entry.attempts[0]
    assert first.kind == row.kind
    assert says(row, fixture, first.reason)
    assert answer.headers["x-ccflared-account"] == "second"
    assert (answer.status_code, entry.outcome, entry.error) == (200, "complete", None)
    if fixture.event is not None:
        kinds = [event["type"] for event in events(answer.content)]
        assert (kinds[0], kinds[-1], kinds.count("message_start")) == ("message_start", "message_stop", 1)
    else:
        shape = {"messages": "content", "count_tokens": "input_tokens", "model": "id"}
        assert shape[endpoint(fixture)] in answer.json()


def is_left_in_its_state(fixture: Fixture, seen: Any, reason: str, times: tuple[float, float, float]) -> None:
    """The status document says what the row's kind does. ``times``: before the request, after it, after the status."""
    scope = scope_of(fixture)
    state, seconds = lasting(ROW[fixture.row], fixture.expect_until_offset)
    earliest, latest = times[0] + seconds, times[1] + seconds
    # What lasts a second or two may be over on a busy machine.
    held = times[2] < earliest
    first = seen["first"]
    if scope in ("account", "provider") and held:
        assert first["state"] == state
        assert first["reason"].removesuffix(" (no reset named; a guess)") == reason
        assert earliest <= first["until"] <= latest
    elif scope == "model" and held:
        assert first["state"] == "ready"
        cooling = [each for each in first["also"] if each["reason"].startswith(f"{fixture.model}: {reason}")]
        assert [each["state"] for each in cooling] == ["cooling" if state == "resting" else state]
        assert all(earliest <= each["until"] <= latest for each in cooling)
    elif scope == "request":
        assert (first["state"], first["until"], first["also"]) == ("ready", None, [])
    if held or scope != "provider":
        assert seen["neighbour"]["state"] == (state if scope == "provider" else "ready")
    assert seen["second"]["state"] == "ready"


def scope_of(fixture: Fixture) -> Scope:
    """Return whom an answer speaks of. Only one to a request for a message speaks of more than that request."""
    return ROW[fixture.row].scope if endpoint(fixture) == "messages" else "request"


def lasting(row: Row, told: float | None) -> tuple[str, float]:
    """Return the state that a row leads to, and for how many seconds, as the table of effects has it."""
    effect = EFFECTS.get(row.kind, OTHERWISE)
    match effect.does:
        case "rest":
            return "resting", COOLDOWN if told is None else max(told, 1.0)
        case "reject":
            return "rejected", RETEST
        case "doubt":
            return "doubtful", effect.first if effect.grows or told is None else min(told, effect.longest)


def test_no_row_is_left_unplayed() -> None:
    assert {fixture.row for fixture in PLAYED} == ROW.keys()


NO_ANSWERS: list[tuple[Behaviour | None, str, str]] = [
    (Reset(), "broken", "account"),
    (Dropped(after_events=None), "broken", "account"),
    (Silent(), "time-out", "account"),
    (None, "connect", "provider"),
]


@pytest.mark.parametrize(("behaviour", "kind", "scope"), NO_ANSWERS)
async def test_an_answer_that_never_comes_is_explained_and_puts_the_account_or_its_place_in_doubt(
    tmp_path: Path, behaviour: Behaviour | None, kind: str, scope: str
) -> None:
    async with on_stage(tmp_path, behaviour) as stage:
        began = time()
        answer = await stage.ask()
        entry, told = await explained(stage, answer)
        seen = await accounts(stage)
        held = time() < began + OTHERWISE.first
        first, second = entry.attempts
        assert (first.account, first.status, first.kind, second.account) == ("first", None, kind, "second")
        assert told["attempts"] == [asdict(first), asdict(second)]
        if held:
            assert (seen["first"]["state"], seen["first"]["reason"]) == ("doubtful", first.reason)
            assert seen["neighbour"]["state"] == ("doubtful" if scope == "provider" else "ready")
        assert seen["second"]["state"] == "ready"


@pytest.mark.parametrize("name", LONGEST.values(), ids=LONGEST.keys())
async def test_the_next_request_goes_by_what_an_answer_said_of_the_model_or_the_account(
    tmp_path: Path, name: str
) -> None:
    now = float(int(time()))
    fixture = made(name, now)
    scope = scope_of(fixture)
    ends = now + lasting(ROW[fixture.row], fixture.expect_until_offset)[1]
    async with on_stage(tmp_path, spelled(fixture), provider=fixture.provider, on=endpoint(fixture)) as stage:
        await meet(stage, fixture)
        for model, leaves in (
            (fixture.model or OTHER_MODEL, scope != "request"),
            (OTHER_MODEL, scope in ("account", "provider")),
        ):
            plan = await get(stage, "/api/explain", model=model)
            words = [{"role": "user", "content": f"Something else, of {model}."}]
            again = await stage.ask(model=model, messages=words)
            if not leaves or time() < ends:
                expected = "second" if leaves else "first"
                assert plan["candidates"][0]["account"] == expected
                assert again.headers["x-ccflared-account"] == expected
