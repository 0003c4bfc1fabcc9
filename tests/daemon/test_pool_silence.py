"""Accounts that say nothing, and clients that leave meanwhile. Over real sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
import trio.testing
from stage import Stage, staged

from ccflared.config.model import Routing
from ccflared.daemon.silence import watch
from ccflared.demo.script import Answer, Failing, Held, Silent
from ccflared.pool.states import NOTHING, learn
from ccflared.providers.target import Target
from ccflared.wire import Observation

NAMED = "x-ccflared-account"
TRIED = "x-ccflared-attempts"
PATIENCE = 0.05


@asynccontextmanager
async def watched(
    tmp_path: Path, names: tuple[str, ...] = ("first", "second"), more: str = ""
) -> AsyncIterator[Stage]:
    """Run a daemon whose watcher loses its patience at once: its own has a minute of it."""
    async with staged(tmp_path, names, more=more) as stage, trio.open_nursery() as nursery:

        async def look() -> None:
            await watch(stage.running.house, look=0.01, patience=PATIENCE)

        nursery.start_soon(look)
        yield stage
        nursery.cancel_scope.cancel()


async def doubted(stage: Stage, name: str) -> dict[str, Any]:
    """Wait until an account is in doubt, and return what status says of it."""
    with trio.fail_after(5):
        while (seen := await stage.account(name))["state"] != "doubtful":
            await trio.sleep(0.01)
    return seen


def asking(stage: Stage, answers: list[httpx.Response], **more: Any) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        answers.append(await stage.fresh(**more))

    return ask


async def test_a_stream_that_does_not_begin_puts_its_account_in_doubt_while_the_try_goes_on(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as stage, trio.open_nursery() as nursery:
        release = trio.Event()
        answers: list[httpx.Response] = []
        stage.provider.play("sk-first", Held(release))
        nursery.start_soon(asking(stage, answers, stream=True))
        with trio.fail_after(5):
            await stage.provider.received(1)
        seen = await doubted(stage, "first")
        assert 0 < seen["until"] - time() <= 30
        for stream in (True, False):
            answer = await stage.fresh(stream=stream)
            assert (answer.headers[NAMED], answer.headers[TRIED]) == ("second", "1")
        assert not answers
        release.set()
        with trio.fail_after(5):
            while not answers:
                await trio.sleep(0.01)
        assert (answers[0].headers[NAMED], answers[0].headers[TRIED]) == ("first", "1")
        assert b"message_stop" in answers[0].content
        assert (await stage.account("first"))["state"] == "ready"


async def test_an_answer_that_is_no_stream_may_take_its_time(tmp_path: Path) -> None:
    async with watched(tmp_path) as stage, trio.open_nursery() as nursery:
        release = trio.Event()
        for key in ("sk-first", "sk-second"):
            stage.provider.play(key, Held(release))
        stage.headers = {NAMED: "first"}
        nursery.start_soon(asking(stage, [], stream=False))
        with trio.fail_after(5):
            await stage.provider.received(1)
        stage.headers = {NAMED: "second"}
        nursery.start_soon(asking(stage, [], stream=True))
        with trio.fail_after(5):
            await stage.provider.received(2)
        # Whoever was asked later, and for a stream, is in doubt; the other is not.
        await doubted(stage, "second")
        assert (await stage.account("first"))["state"] == "ready"
        release.set()


async def test_a_stream_whose_head_has_come_is_waited_for_as_long_as_the_file_says(tmp_path: Path) -> None:
    async with watched(tmp_path) as stage, trio.open_nursery() as nursery:
        release = trio.Event()
        stage.provider.play("sk-first", Held(release, after_events=4))
        stage.provider.play("sk-second", Held(release))
        for number, name in enumerate(("first", "second"), 1):
            stage.headers = {NAMED: name}
            nursery.start_soon(asking(stage, [], stream=True))
            with trio.fail_after(5):
                await stage.provider.received(number)
        await doubted(stage, "second")
        assert (await stage.account("first"))["state"] == "ready"
        release.set()


async def test_with_no_other_account_one_that_is_silent_is_asked_all_the_same(tmp_path: Path) -> None:
    async with watched(tmp_path, ("only",)) as stage, trio.open_nursery() as nursery:
        release = trio.Event()
        stage.provider.play("sk-only", Held(release))
        nursery.start_soon(asking(stage, [], stream=True))
        await doubted(stage, "only")
        assert (await stage.fresh()).status_code == 200
        release.set()


def test_the_doubt_of_a_time_out_lasts_half_a_minute_and_grows_to_ten() -> None:
    known, now, waits = NOTHING, 1_800_000_000.0, []
    for _ in range(7):
        known = learn(known, Observation("account", "time-out", "no answer"), now, Routing())
        waits.append(known.doubt.until - now)
        now = known.doubt.until
    assert waits == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]


async def left(stage: Stage, when: Callable[[], Awaitable[None]], **more: Any) -> None:
    """Ask, and hang up at that moment."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking(stage, [], **more))
        with trio.fail_after(5):
            await when()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_during_a_try_leaves_that_try_in_its_row(
    tmp_path: Path, stream: bool
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Silent())

        async def asked() -> None:
            await stage.provider.received(1)

        await left(stage, asked, stream=stream)
        (row,) = await stage.rows()
        assert (row.outcome, row.account) == ("client_gone", "first")
        (attempt,) = row.attempts
        assert (attempt.account, attempt.kind, attempt.status) == ("first", "left", None)
        assert attempt.model == "claude-sonnet-4-5"
        # Patience is the client's own affair: it says nothing of the account.
        assert (await stage.account("first"))["state"] == "ready"


PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
"""USD per million tokens."""


async def test_what_a_client_left_behind_is_charged_to_the_account_that_answered(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 0.40 }"}
    async with staged(tmp_path, own=own, more=PRICE) as stage:
        stage.provider.play("sk-first", Failing(500), then=Answer())
        stage.provider.play("sk-second", Silent(after_events=1, answer=Answer(input_tokens=500)))

        async def begun() -> None:
            await stage.provider.received(2)
            # Nothing of it is given out yet, so nothing outside tells that its beginning was read.
            await trio.testing.wait_all_tasks_blocked(0.05)

        await left(stage, begun, stream=True)
        (row,) = await stage.rows()
        assert row.outcome == "client_gone"
        assert [(each.account, each.kind) for each in row.attempts] == [
            ("first", "server error"),
            ("second", "left"),
        ]
        assert (row.account, row.billing) == ("second", "api")
        purse = stage.running.house.purse
        assert purse.spent("first").day == 0
        assert purse.spent("second").day >= 500_000


@pytest.mark.parametrize("stream", [True, False])
async def test_one_silence_is_one_failure_whether_or_not_it_was_noticed_before_its_end(
    tmp_path: Path, stream: bool
) -> None:
    more = '[routing]\nidle_timeout = "300ms"\n'
    async with watched(tmp_path, ("only",), more) as stage:
        stage.provider.play("sk-only", Silent())
        assert (await stage.fresh(stream=stream)).status_code == 503
        known = stage.running.house.candidate("only", time()).standing.account.doubt
        assert (known.count, (await stage.account("only"))["state"]) == (1, "doubtful")
        row = (await stage.rows())[-1]
        assert [attempt.kind for attempt in row.attempts] == ["time-out"]


async def test_many_tries_into_one_silence_are_one_failure_however_late_they_are_noticed(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, ["only"]) as stage, trio.open_nursery() as nursery:
        release = trio.Event()
        stage.provider.play("sk-only", then=Held(release))
        for number in (1, 2, 3):
            nursery.start_soon(asking(stage, [], stream=True))
            with trio.fail_after(5):
                await stage.provider.received(number)
        house = stage.running.house
        for patience in (0.0, 0.0):
            with trio.move_on_after(0.2):
                await watch(house, look=0.01, patience=patience)
        assert house.candidate("only", time()).standing.account.doubt.count == 1
        release.set()


async def test_nothing_is_concluded_from_the_silence_of_a_path_that_is_passed_through(tmp_path: Path) -> None:
    async with watched(tmp_path) as stage, trio.open_nursery() as nursery:
        release = trio.Event()
        house = stage.running.house
        target = house.world.targets["first"]
        assert isinstance(target, Target)
        with house.under_way.waits_for(target, None, b""):
            stage.provider.play("sk-second", Held(release))
            stage.headers = {NAMED: "second"}
            nursery.start_soon(asking(stage, [], stream=True))
            await doubted(stage, "second")
        assert (await stage.account("first"))["state"] == "ready"
        release.set()
