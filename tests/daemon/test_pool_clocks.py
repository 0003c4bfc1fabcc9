"""Rests and refreshes by clocks that differ, and by answers that come out of turn. Over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import httpx
import pytest
import trio
from elapsed import elapse
from stage import Stage, staged

from ccflared import __version__
from ccflared.config.model import Routing
from ccflared.daemon.refresher import Refresher
from ccflared.demo.script import Answer, Behaviour, Failing, Limited, Slow, Window
from ccflared.pool.states import NOTHING, learn
from ccflared.wire import Observation

NAMED = "x-ccflared-account"
NOW = 1_800_000_000.0


def wait_for(seconds: int) -> Failing:
    """Return a refusal that names how long the account rests, and nothing else."""
    return Failing(429, headers=((b"retry-after", str(seconds).encode()),))


async def state(stage: Stage, name: str = "first") -> str:
    return str((await stage.account(name))["state"])


LIMITS: list[Behaviour] = [wait_for(7200), Limited(7200.0), Limited(7200.0, claim="seven_day")]


@pytest.mark.parametrize("limit", LIMITS, ids=["a wait", "5h", "7d"])
async def test_a_success_ends_for_good_a_rest_that_was_learnt_by_a_clock_that_was_ahead(
    tmp_path: Path, limit: Behaviour
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", limit)
        assert (await stage.fresh()).headers[NAMED] == "second"
        assert await state(stage) == "resting"
        # The clock was an hour ahead, and is put right.
        elapse(stage, "first", -3600.0)
        assert (await stage.fresh()).headers[NAMED] == "first"
        for _ in range(3):
            elapse(stage, "first", 1300.0)
            assert await state(stage) == "ready"
        assert (await stage.fresh()).headers[NAMED] == "first"


async def test_a_credential_that_was_refused_by_a_clock_that_was_ahead_is_accepted_for_good_at_a_success(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Failing(401))
        await stage.fresh()
        elapse(stage, "first", -3600.0)
        assert (await stage.fresh()).headers[NAMED] == "first"
        elapse(stage, "first", 3601.0)
        assert await state(stage) == "ready"


async def test_a_limit_that_was_still_on_its_way_does_not_shorten_a_rest_that_was_stated(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        stage.headers = {NAMED: "first"}
        stage.provider.play("sk-first", Slow(0.2, wait_for(2)), wait_for(3600))
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await stage.fresh())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            with trio.fail_after(5):
                await stage.provider.received(1)
            await stage.fresh()
            assert not answers
            assert await state(stage) == "resting"
        seen = await stage.account("first")
        assert seen["state"] == "resting"
        assert 3590 < seen["until"] - time() <= 3600


async def test_a_limit_that_was_still_on_its_way_does_lengthen_a_rest(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.headers = {NAMED: "first"}
        stage.provider.play("sk-first", Slow(0.2, wait_for(3600)), wait_for(2))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.fresh)
            with trio.fail_after(5):
                await stage.provider.received(1)
            await stage.fresh()
        assert (await stage.account("first"))["until"] - time() > 3590


PAST: list[Behaviour] = [
    Limited(-100.0, unified=False, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    Failing(429, headers=((b"retry-after", b"Wed, 21 Oct 2015 07:28:00 GMT"),)),
]


@pytest.mark.parametrize("limit", PAST, ids=["per minute", "a date"])
async def test_an_upstream_whose_resets_are_always_past_is_asked_ever_more_seldom(
    tmp_path: Path, limit: Behaviour
) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", then=limit)
        waits = []
        for tried in range(1, 9):
            refused = await stage.fresh()
            assert refused.status_code == 429
            assert stage.provider.count == tried
            assert (await stage.fresh()).status_code == 429
            assert stage.provider.count == tried
            waits.append(int(refused.headers["retry-after"]))
            elapse(stage, "only", waits[-1] + 1.0)
        assert waits == sorted(waits)
        assert waits[-1] >= 60


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_resets_that_are_past_make_a_rest_grow_however_many_requests_meet_them_at_once(at_once: int) -> None:
    known, now, waits = NOTHING, NOW, []
    for _ in range(12):
        for number in range(at_once):
            seen = Observation("account", "limit", "limit reached", now - 5)
            known = learn(known, seen, now + number / 100, Routing())
        waits.append(known.rest.until - now)
        now = known.rest.until + 0.01
    assert waits == sorted(waits)
    assert waits[0] <= 2
    assert waits[-1] > 100


ENDED = Answer(five_hour=Window(0.5, -2.0))
"""It tells of a usage window that has ended already."""
ONE, OTHER = "first", "second"
OWN = dict.fromkeys((ONE, OTHER), "auto_refresh = true")
HOURS = 2.5 * 3600


@asynccontextmanager
async def kept(tmp_path: Path) -> AsyncIterator[Stage]:
    """Run a daemon with keepers that look all the time, over upstreams whose windows have always ended."""
    async with staged(tmp_path, own=OWN) as stage, trio.open_nursery() as nursery:
        for name in (ONE, OTHER):
            stage.provider.play(f"sk-{name}", then=ENDED)
        nursery.start_soon(Refresher(stage.running.house, look=0.01, spread=0.0).run)
        yield stage
        nursery.cancel_scope.cancel()


def refreshes(stage: Stage, name: str) -> int:
    mine = f"ccflared/{__version__}".encode()
    return sum(seen.key == f"sk-{name}" and seen.get(b"user-agent") == mine for seen in stage.provider.seen)


async def begin(stage: Stage, name: str) -> None:
    """Have an account tell of its usage window, and wait until it is refreshed."""
    stage.headers = {NAMED: name}
    await stage.ask()
    await refreshed(stage, name, 1)


async def refreshed(stage: Stage, name: str, count: int) -> None:
    house = stage.running.house
    with trio.fail_after(5):
        # Not before the last one has ended, too: it notes its own time then.
        while (
            refreshes(stage, name) < count
            or house.ledger.refreshed_at(name) is None
            or house.under_way.probing[name]
        ):
            await trio.sleep(0.01)


def refreshed_before(stage: Stage, name: str, seconds: float) -> None:
    """Let the last refresh of an account have been so many seconds ago."""
    stage.running.house.ledger._refreshed[name] = time() - seconds


async def test_an_upstream_whose_windows_last_a_minute_is_not_refreshed_every_minute(tmp_path: Path) -> None:
    async with kept(tmp_path) as stage:
        stage.provider.play("sk-first", ENDED, then=Answer(five_hour=Window(0.5, 60.0)))
        await begin(stage, ONE)
        await begin(stage, OTHER)
        for count in (2, 3, 4):
            # A minute later its window has ended, that was begun by the refresh.
            refreshed_before(stage, ONE, 65.0 * (count - 1))
            elapse(stage, ONE, 65.0)
            # While the other one is looked at again and again, the first is, too.
            refreshed_before(stage, OTHER, HOURS + 1)
            await refreshed(stage, OTHER, count)
        assert refreshes(stage, ONE) == 1


async def test_two_hours_and_a_half_after_a_refresh_there_may_be_another(tmp_path: Path) -> None:
    async with kept(tmp_path) as stage:
        await begin(stage, ONE)
        refreshed_before(stage, ONE, HOURS - 60)
        await begin(stage, OTHER)
        assert refreshes(stage, ONE) == 1
        refreshed_before(stage, ONE, HOURS + 1)
        await refreshed(stage, ONE, 2)


async def test_a_refresh_by_a_clock_that_was_ahead_keeps_no_later_one_away(tmp_path: Path) -> None:
    async with kept(tmp_path) as stage:
        await begin(stage, ONE)
        refreshed_before(stage, ONE, -365 * 86400)
        await refreshed(stage, ONE, 2)
