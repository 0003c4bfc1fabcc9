"""A start finds again what the pool knew, also where the database cannot be read at first. Over real sockets."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from time import time

import pytest
import trio
from stage import Stage, restaged, toml

from ccflared.daemon.books import archive, recorder
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Limited

NAMED = "x-ccflared-account"
PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
DOLLAR = Answer(input_tokens=500, output_tokens=250)


@asynccontextmanager
async def lasting(
    directory: Path, names: tuple[str, ...], *, own: dict[str, str], more: str = ""
) -> AsyncIterator[tuple[FakeProvider, int]]:
    """Play the provider until the context ends, whatever daemons come and go with this file."""
    provider = FakeProvider()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        config = directory / "ccflare.toml"
        config.write_text(toml(directory / "state", port, names, more=more, own=own))
        config.chmod(0o600)
        yield provider, port
        nursery.cancel_scope.cancel()


def order(stage: Stage) -> list[str]:
    return [choice.account for choice in stage.running.house.preview(time()).choices]


async def test_least_used_makes_the_same_plan_after_a_restart(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    own = dict.fromkeys(names, "priority = 0")
    more = '[routing]\nstrategy = "least-used"\n'
    async with lasting(tmp_path, names, own=own, more=more) as (provider, port):
        async with restaged(tmp_path, provider, port) as stage:
            assert [(await stage.fresh()).headers[NAMED] for _ in range(4)] == ["a", "b", "c", "a"]
            before = order(stage)
            await stage.rows()
        async with restaged(tmp_path, provider, port) as again:
            assert order(again) == before == ["b", "c", "a"]
            assert (await again.fresh()).headers[NAMED] == "b"


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Lock the database, as another program may."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = exclusive")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM requests WHERE 0")
        yield
        other.execute("COMMIT")


@contextmanager
def replaced(database: Path) -> Iterator[None]:
    """Have something else in the place of the database, as a wrong mount may."""
    kept = database.with_suffix(".kept")
    database.rename(kept)
    database.write_bytes(b"This is no database. " * 1000)
    yield
    kept.replace(database)


async def states(stage: Stage, names: tuple[str, ...]) -> list[str]:
    # Asked once: where the history is locked, status waits for it.
    answer = await stage.client.get(stage.url + "/api/status", headers=stage.headers)
    found = {each["name"]: str(each["state"]) for each in answer.json()["accounts"]}
    return [found[name] for name in names]


@pytest.mark.parametrize("unreadable", [locked, replaced])
async def test_what_cannot_be_read_at_the_start_is_taken_in_when_it_can(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unreadable: Callable[[Path], AbstractContextManager[None]],
) -> None:
    monkeypatch.setattr(recorder, "PATIENCE", 0.05)
    for name in ("RECALLING", "READING"):
        monkeypatch.setattr(archive, name, 0.05)
    # What waits to be written is tried again later than what waits to be read.
    for name in ("AGAIN_FIRST", "AGAIN_LONGEST"):
        monkeypatch.setattr(recorder, name, 0.5)
    names = ("paused", "spent", "limited", "last")
    own = {"spent": "budget = { daily = 2.00 }"}
    async with lasting(tmp_path, names, own=own, more=PRICE) as (provider, port):
        provider.play("sk-spent", then=DOLLAR)
        provider.play("sk-limited", Limited(3600.0), then=Answer())
        async with restaged(tmp_path, provider, port) as stage:
            await stage.client.post(stage.url + "/api/accounts/paused/pause")
            assert (await stage.fresh()).headers[NAMED] == "spent"
            stage.headers = {NAMED: "limited"}
            await stage.fresh()
            await stage.rows()
            assert await states(stage, names) == ["paused", "ready", "resting", "ready"]
        with ExitStack() as trouble:
            trouble.enter_context(unreadable(tmp_path / "state" / "ccflared.db"))
            async with restaged(tmp_path, provider, port) as again, trio.open_nursery() as nursery:
                house = again.running.house
                # Nobody is kept waiting, and what happens meanwhile counts, too.
                assert (await again.fresh()).headers[NAMED] == "paused"
                again.headers = {NAMED: "spent"}
                assert (await again.fresh()).headers[NAMED] == "spent"
                again.headers = {}
                assert await states(again, names) == ["ready"] * 4
                trouble.close()
                nursery.start_soon(partial(house.recall_later, again=0.05))
                with trio.fail_after(5):
                    while not house.recalled:
                        await trio.sleep(0.01)
                assert await states(again, names) == ["paused", "paused", "resting", "ready"]
                assert house.purse.spent("spent").day == 2_000_000
                assert (await again.fresh()).headers[NAMED] == "last"
