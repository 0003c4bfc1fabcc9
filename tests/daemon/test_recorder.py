import logging
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import trio

from ccflared.daemon import recorder as recorder_module
from ccflared.daemon.recorder import Recorder, RecorderState
from ccflared.store import history
from ccflared.store.requests import insert
from ccflared.store.schema import open_history, open_reader
from ccflared.wire import Attempt, Entry, Tokens

NOBODY = 65534


def entry(number: int, at: float = 1_800_000_000.0) -> Entry:
    return Entry(
        id=f"r{number}",
        at=at,
        method="POST",
        path="/v1/messages",
        client=None,
        project=None,
        conversation=None,
        user_agent=None,
        model="claude-sonnet-5",
        served_model=None,
        account="work",
        provider="anthropic",
        status=200,
        outcome="complete",
        error=None,
        stream=True,
        stop_reason="end_turn",
        first_byte_ms=5,
        total_ms=9,
        tokens=Tokens(1, 2, 3, 4, 5),
        usage=None,
        attempts=(Attempt("work", "anthropic", "only one", 0, 9, 200, "served", ""),),
    )


def ids(database: Path) -> list[str]:
    with closing(open_reader(database)) as reader:
        return [name for (name,) in reader.execute("SELECT id FROM requests ORDER BY rowid")]


@asynccontextmanager
async def recording(recorder: Recorder) -> AsyncIterator[Recorder]:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            yield recorder
            recorder.close()


async def until_trouble(recorder: Recorder) -> str:
    while recorder.state.error is None:
        await trio.sleep(0.01)
    return recorder.state.error


async def until_well(recorder: Recorder) -> None:
    while recorder.state.error is not None:
        await trio.sleep(0.01)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ccflared.db"


async def test_what_was_offered_is_in_the_history_when_run_returns(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        for number in range(1200):
            recorder.offer(entry(number))
    assert recorder.state == RecorderState(queued=0, written=1200, dropped=0, error=None, since=None)
    assert [file.name for file in database.parent.iterdir()] == ["ccflared.db"]
    assert ids(database) == [f"r{number}" for number in range(1200)]


async def test_settled_waits_for_all_that_was_offered_before(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        await recorder.settled()
        for number in range(700):
            recorder.offer(entry(number))
        assert recorder.state.queued == 700
        await recorder.settled()
        assert (recorder.state.queued, recorder.state.written) == (0, 700)
        assert len(ids(database)) == 700


async def test_entries_are_written_soon_without_anybody_asking(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        recorder.offer(entry(1))
        with trio.fail_after(2):
            while recorder.state.written == 0:
                await trio.sleep(0.005)


async def test_what_was_offered_before_the_start_is_written_too(database: Path) -> None:
    recorder = Recorder(database)
    recorder.offer(entry(1))
    async with recording(recorder):
        await recorder.settled()
        assert ids(database) == ["r1"]


async def test_a_cancellation_loses_nothing_that_was_offered(database: Path) -> None:
    recorder = Recorder(database)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        for number in range(1200):
            recorder.offer(entry(number))
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert len(ids(database)) == 1200
    assert recorder.state.queued == 0


async def test_entries_offered_after_the_end_are_counted_as_dropped(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        pass
    recorder.offer(entry(1))
    assert (recorder.state.queued, recorder.state.dropped) == (0, 1)


async def test_beyond_the_bound_the_oldest_are_kept_and_the_rest_is_counted(database: Path) -> None:
    recorder = Recorder(database, bound=3)
    for number in range(5):
        recorder.offer(entry(number))
    assert (recorder.state.queued, recorder.state.dropped) == (3, 2)
    async with recording(recorder):
        await recorder.settled()
        recorder.offer(entry(9))
    assert ids(database) == ["r0", "r1", "r2", "r9"]


async def test_garbage_in_place_of_the_history_degrades_and_is_left_alone(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.write_bytes(b"This was a shopping list. " * 100)
    begun = time.time()
    with caplog.at_level(logging.WARNING):
        async with recording(Recorder(database)) as recorder:
            state = recorder.state
            assert state.error == f"{database} is not a database; move it away and a new one is begun"
            assert state.since is not None
            assert state.since >= begun
            recorder.offer(entry(1))
            traffic = await recorder.traffic(1_800_000_000.0)
            assert not traffic.known
            assert database.read_bytes().startswith(b"This was a shopping list. ")
            database.rename(database.with_name("list.txt"))
            await recorder.settled()
            assert recorder.state == RecorderState(0, 1, 0, None, None)
    assert ids(database) == ["r1"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the history is off",
        "the history is written again; 0 requests are missing",
    ]


async def test_trouble_ends_by_itself_even_when_nothing_is_offered(database: Path) -> None:
    database.mkdir()
    async with recording(Recorder(database)) as recorder:
        assert await until_trouble(recorder) == f"{database} cannot be opened"
        database.rmdir()
        await until_well(recorder)
    assert ids(database) == []


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    blocking = tmp_path / "state"
    blocking.write_text("a file")
    async with recording(Recorder(blocking / "ccflared.db")) as recorder:
        assert str(blocking) in (recorder.state.error or "")


@pytest.fixture
def ordinary(tmp_path: Path) -> Iterator[Path]:
    """A directory of a user for whom modes count: root is not one."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


async def test_a_read_only_history_degrades_and_recovers(ordinary: Path) -> None:
    database = ordinary / "ccflared.db"
    async with recording(Recorder(database)):
        pass
    database.chmod(0o400)
    async with recording(Recorder(database)) as recorder:
        assert recorder.state.error == f"{database}: not writable"
        database.chmod(0o600)
        recorder.offer(entry(1))
        await recorder.settled()
    assert ids(database) == ["r1"]


async def test_a_read_only_directory_degrades_and_recovers(ordinary: Path) -> None:
    database = ordinary / "state" / "ccflared.db"
    database.parent.mkdir()
    database.parent.chmod(0o500)
    async with recording(Recorder(database)) as recorder:
        assert recorder.state.error == f"{database}: Permission denied"
        recorder.offer(entry(1))
        database.parent.chmod(0o700)
        await recorder.settled()
    assert ids(database) == ["r1"]


async def test_a_locked_history_is_waited_for(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            recorder.offer(entry(1))
            assert await until_trouble(recorder) == f"{database} is locked by another program"
            assert recorder.state.queued == 1
            other.execute("COMMIT")
        await recorder.settled()
        assert recorder.state.error is None
    assert ids(database) == ["r1"]


async def test_a_full_disk_is_told_and_the_rows_wait_for_room(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = ["PRAGMA max_page_count = 12"]

    def on_a_small_disk(path: Path, *, patience: float) -> sqlite3.Connection:
        connection = open_history(path, patience=patience)
        connection.execute(room[0])
        return connection

    monkeypatch.setattr(history, "open_history", on_a_small_disk)
    async with recording(Recorder(database)) as recorder:
        for number in range(600):
            recorder.offer(entry(number))
        assert await until_trouble(recorder) == "the disk is full"
        assert recorder.state.queued == 600
        room[0] = "PRAGMA max_page_count = 100000"
        await recorder.settled()
    assert len(ids(database)) == 600


async def test_a_history_removed_while_it_is_written_is_begun_anew(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        recorder.offer(entry(1))
        await recorder.settled()
        database.unlink()
        recorder.offer(entry(2))
        await recorder.settled()
        assert ids(database) == ["r2"]


async def test_a_disk_that_hangs_is_told_and_the_rows_are_written_once_when_it_answers(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()

    def hanging(connection: sqlite3.Connection, entries: list[Entry]) -> None:
        if entries:
            answer.wait(20)
        insert(connection, entries)

    monkeypatch.setattr(history, "insert", hanging)
    monkeypatch.setattr(recorder_module, "HOP", 0.05)
    async with recording(Recorder(database)) as recorder:
        recorder.offer(entry(1))
        assert "the disk has not answered" in await until_trouble(recorder)
        assert recorder.state.queued == 1
        monkeypatch.setattr(recorder_module, "HOP", 20.0)
        answer.set()
        await recorder.settled()
    assert ids(database) == ["r1"]


async def test_trouble_does_not_hold_up_the_end_for_ever(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder_module, "FAREWELL", 0.1)
    database.write_bytes(b"garbage " * 200)
    async with recording(Recorder(database)) as recorder:
        recorder.offer(entry(1))
    assert (recorder.state.queued, recorder.state.written, recorder.state.dropped) == (0, 0, 1)
    await recorder.settled()
    assert "1 requests are missing" in caplog.text


async def test_the_traffic_of_the_last_hour_is_read_beside_the_writing(database: Path) -> None:
    now = 1_800_000_000.0
    async with recording(Recorder(database)) as recorder:
        recorder.offer(entry(1, now - 30))
        recorder.offer(entry(2, now - 4000))
        await recorder.settled()
        found = await recorder.traffic(now)
    assert found.known
    assert (found.requests, found.since, found.until) == (1, now - 3600, now)
    assert found.tokens == Tokens(1, 2, 3, 4, 5)
    assert found.accounts["work"].last_used == now - 30


OFFERING = """
import sys, time
from dataclasses import replace
from pathlib import Path
import trio
sys.path.insert(0, sys.argv[2])
from test_recorder import entry
from ccflared.daemon.recorder import Recorder

async def main():
    recorder = Recorder(Path(sys.argv[1]))
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        number = 0
        while True:
            recorder.offer(entry(number))
            print(number, time.monotonic(), flush=True)
            number += 1
            if number % 2 == 0:
                await trio.sleep(0.004)

trio.run(main)
"""


def awake_before(moment: float, seconds: float, times: list[float]) -> float:
    """The time at which a process that speaks every few milliseconds had still so many seconds to run.

    A busy machine stops a whole process for a while, its threads too: of each silence 20 ms count.
    """
    later = moment
    for at in reversed([at for at in times if at <= moment]):
        seconds -= min(later - at, 0.02)
        if seconds <= 0:
            return at
        later = at
    return float("-inf")


def test_a_kill_loses_nothing_that_was_offered_200_ms_before(database: Path) -> None:
    here = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", OFFERING, str(database), here], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        begun: float | None = None
        offered: list[tuple[int, float]] = []
        killed = 0.0
        for line in child.stdout:
            number, at = line.split()
            offered.append((int(number), float(at)))
            begun = begun or float(at)
            if not killed and float(at) - begun > 1.0:
                killed = time.monotonic()
                child.send_signal(signal.SIGKILL)
    latest = awake_before(killed, 0.2, [at for _, at in offered])
    due = [f"r{number}" for number, at in offered if at < latest]
    assert len(due) > 100
    with closing(open_history(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert set(due) <= set(ids(database))
