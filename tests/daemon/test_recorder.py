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
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.daemon.books import archive as archive_module
from ccflared.daemon.books import recorder as recorder_module
from ccflared.daemon.books.archive import Archive
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.books.recorder_state import RecorderState
from ccflared.store import history
from ccflared.store.memories import Memory, recall
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


def conversation(number: int, at: float | None = None) -> Memory:
    # Recent, or it would be forgotten.
    return Memory("conversation", f"c{number:06}", f'"{number}"', time.time() if at is None else at)


def remembered(database: Path) -> list[Memory]:
    with closing(open_reader(database)) as reader:
        return recall(reader)


async def recalled(recorder: Recorder) -> list[Memory]:
    memories = await Archive(recorder._database).recall()
    assert memories is not None
    return memories


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
    assert (recorder.state.remembering, recorder.state.forgotten) == (0, 0)
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
            traffic = await Archive(recorder._database).traffic(1_800_000_000.0)
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


LIMITED = Memory("account", "work", '{"until":1800000000.0}', 1_800_000_000.0)


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
        recorder.remember(LIMITED)
        database.chmod(0o600)
        recorder.offer(entry(1))
        await recorder.settled()
        assert await Archive(recorder._database).recall() == [LIMITED]
    assert ids(database) == ["r1"]


async def test_a_read_only_directory_degrades_and_recovers(ordinary: Path) -> None:
    database = ordinary / "state" / "ccflared.db"
    database.parent.mkdir()
    database.parent.chmod(0o500)
    async with recording(Recorder(database)) as recorder:
        assert recorder.state.error == f"{database}: Permission denied"
        recorder.offer(entry(1))
        recorder.remember(LIMITED)
        database.parent.chmod(0o700)
        await recorder.settled()
        assert await Archive(recorder._database).recall() == [LIMITED]
    assert ids(database) == ["r1"]


async def test_a_locked_history_is_waited_for(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            recorder.offer(entry(1))
            recorder.remember(replace(LIMITED, value="{}"))
            assert await until_trouble(recorder) == f"{database} is locked by another program"
            recorder.remember(LIMITED)
            assert (recorder.state.queued, recorder.state.remembering) == (1, 1)
            other.execute("COMMIT")
        await recorder.settled()
        assert recorder.state.error is None
    assert ids(database) == ["r1"]
    assert remembered(database) == [LIMITED]


@pytest.mark.parametrize(("rows", "keys"), [(600, 0), (0, 1200), (600, 1200)])
async def test_a_full_disk_is_told_and_rows_and_memories_wait_for_room(
    database: Path, monkeypatch: pytest.MonkeyPatch, rows: int, keys: int
) -> None:
    room = ["PRAGMA max_page_count = 12"]

    def on_a_small_disk(path: Path, **more: Any) -> sqlite3.Connection:
        connection = open_history(path, **more)
        connection.execute(room[0])
        return connection

    monkeypatch.setattr(history, "open_history", on_a_small_disk)
    async with recording(Recorder(database)) as recorder:
        for number in range(rows):
            recorder.offer(entry(number))
        for number in range(keys):
            recorder.remember(conversation(number))
        assert await until_trouble(recorder) == "the disk is full"
        assert (recorder.state.queued, recorder.state.remembering) == (rows, keys)
        assert (ids(database), remembered(database)) == ([], [])
        room[0] = "PRAGMA max_page_count = 100000"
        await recorder.settled()
        assert (recorder.state.dropped, recorder.state.forgotten) == (0, 0)
    assert len(ids(database)) == rows
    assert len(remembered(database)) == keys


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
        recorder.remember(replace(LIMITED, value="{}"))
        assert "the disk has not answered" in await until_trouble(recorder)
        recorder.remember(LIMITED)
        assert (recorder.state.queued, recorder.state.remembering) == (1, 1)
        monkeypatch.setattr(recorder_module, "HOP", 20.0)
        answer.set()
        await recorder.settled()
    assert ids(database) == ["r1"]
    assert remembered(database) == [LIMITED]


async def test_trouble_does_not_hold_up_the_end_for_ever(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder_module, "FAREWELL", 0.1)
    database.write_bytes(b"garbage " * 200)
    async with recording(Recorder(database)) as recorder:
        recorder.offer(entry(1))
        recorder.remember(conversation(1))
        recorder.remember(conversation(2))
    assert (recorder.state.queued, recorder.state.written, recorder.state.dropped) == (0, 0, 1)
    assert (recorder.state.remembering, recorder.state.forgotten) == (0, 2)
    await recorder.settled()
    assert "1 requests are missing" in caplog.text
    assert "2 changes of what the pool knows are not remembered" in caplog.text
    recorder.remember(conversation(3))
    assert (recorder.state.remembering, recorder.state.forgotten) == (0, 3)


async def test_what_was_remembered_and_settled_is_there_after_a_restart(database: Path) -> None:
    later = replace(LIMITED, value='{"until":null}', at=1.0)
    async with recording(Recorder(database)) as recorder:
        assert await Archive(recorder._database).recall() == []
        recorder.remember(LIMITED)
        recorder.remember(conversation(1))
        await recorder.settled()
        assert recorder.state.remembering == 0
        assert LIMITED in remembered(database)
        recorder.remember(later)
        recorder.remember(replace(conversation(1), value=None))
    async with recording(Recorder(database)) as recorder:
        assert await Archive(recorder._database).recall() == [later]
        recorder.remember(replace(LIMITED, value=None))
        await recorder.settled()
        assert await Archive(recorder._database).recall() == []


async def test_memories_are_written_soon_without_anybody_asking(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        recorder.remember(LIMITED)
        with trio.fail_after(2):
            while recorder.state.remembering:
                await trio.sleep(0.005)
        assert await Archive(recorder._database).recall() == [LIMITED]


async def test_a_cancellation_loses_nothing_that_was_remembered(database: Path) -> None:
    recorder = Recorder(database)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        many = [conversation(number) for number in range(1200)]
        for memory in many:
            recorder.remember(memory)
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert sorted(remembered(database), key=lambda memory: memory.key) == many


async def test_of_many_keys_the_latest_of_each_is_kept_however_many_changes_came(database: Path) -> None:
    many = [conversation(number, at=time.time()) for number in range(3000)]
    async with recording(Recorder(database)) as recorder:
        for change in range(5):
            for memory in many:
                recorder.remember(replace(memory, value=str(change)))
        assert recorder.state.remembering == len(many)
        await recorder.settled()
        assert recorder.state.remembering == 0
        found = sorted(await recalled(recorder), key=lambda memory: memory.key)
        assert found == [replace(memory, value="4") for memory in many]


async def test_settled_ends_though_the_same_keys_change_all_the_time(database: Path) -> None:
    async with recording(Recorder(database)) as recorder, trio.open_nursery() as nursery:
        changes = 0

        async def change() -> None:
            nonlocal changes
            while True:
                changes += 1
                recorder.remember(replace(LIMITED, value=str(changes)))
                await trio.lowlevel.checkpoint()

        nursery.start_soon(change)
        for _ in range(10):
            await trio.sleep(0.01)
            before = changes
            await recorder.settled()
            (found,) = remembered(database)
            assert int(found.value or 0) >= before
        nursery.cancel_scope.cancel()


async def test_beyond_the_bound_the_conversation_that_waited_longest_is_lost_and_counted(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "CHANGES", 3)
    recorder = Recorder(database)
    recorder.remember(LIMITED)
    for number in range(5):
        recorder.remember(conversation(number))
    assert (recorder.state.remembering, recorder.state.forgotten) == (3, 3)
    async with recording(recorder):
        await recorder.settled()
    assert [memory.key for memory in remembered(database)] == ["work", "c000003", "c000004"]


async def test_conversations_are_forgotten_after_a_month_and_beyond_a_number(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "CONVERSATIONS", 600)
    month = 30 * 86_400.0
    async with recording(Recorder(database)) as recorder:
        recorder.remember(replace(LIMITED, at=0.0))
        recorder.remember(conversation(1, time.time() - month - 10))
        recorder.remember(conversation(2, time.time() - month + 1000))
        await recorder.settled()
        assert [memory.key for memory in await recalled(recorder)] == ["work", "c000002"]
        # Not looked for again within the minute: the next look comes with the batch after many.
        recorder.remember(conversation(1, time.time() - month - 10))
        await recorder.settled()
        assert len(await recalled(recorder)) == 3
        for number in range(2000):
            recorder.remember(conversation(10_000 + number))
        await recorder.settled()
        assert len(await recalled(recorder)) < 600 + 2 * recorder_module.BATCH
        for number in range(2000):
            recorder.remember(conversation(10_000 + number))
        await recorder.settled()
        recorder.remember(LIMITED)
        await recorder.settled()
        found = await recalled(recorder)
    assert [memory.kind for memory in found] == ["account"] + ["conversation"] * 600
    assert {memory.key for memory in found[1:]} == {f"c{number:06}" for number in range(11_400, 12_000)}


async def test_what_cannot_be_read_is_nothing_and_told(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.write_bytes(b"This was a shopping list. " * 100)
    recorder = Recorder(database)
    with caplog.at_level(logging.WARNING):
        assert await Archive(recorder._database).recall() is None
        assert await Archive(recorder._database).spent(0.0) is None
    garbage = f"{database} is not a database; move it away and a new one is begun"
    assert [record.getMessage() for record in caplog.records] == [
        f"what was remembered cannot be read: {garbage}",
        f"what was spent cannot be read: {garbage}",
    ]


async def test_a_disk_that_does_not_answer_holds_up_no_start(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = threading.Event()

    def hanging(path: Path, *, seconds: float) -> sqlite3.Connection:
        answer.wait(20)
        return open_reader(path, seconds=seconds)

    monkeypatch.setattr(archive_module, "open_reader", hanging)
    monkeypatch.setattr(archive_module, "RECALLING", 0.0)
    async with recording(Recorder(database)) as recorder:
        with trio.fail_after(5):
            assert await Archive(recorder._database).recall() is None
        answer.set()
    assert "what was remembered cannot be read" in caplog.text


async def test_the_money_spent_since_a_time_is_read_beside_the_writing(database: Path) -> None:
    now = 1_800_000_000.0
    async with recording(Recorder(database)) as recorder:
        recorder.offer(replace(entry(1, now), billing="api", charged=5))
        recorder.offer(replace(entry(2, now + 1), billing="overage", charged=7, origin="refresh"))
        recorder.offer(replace(entry(3, now + 1), billing="plan", charged=100))
        recorder.offer(replace(entry(4, now - 1), billing="api", charged=1000))
        await recorder.settled()
        assert await Archive(recorder._database).spent(now) == {"work": 12}


async def test_rows_and_memories_of_one_moment_are_written_together(database: Path) -> None:
    async with recording(Recorder(database)) as recorder:
        with closing(open_reader(database, seconds=30)) as reader:
            seen = set()
            for number in range(400):
                recorder.offer(entry(number))
                recorder.remember(replace(LIMITED, value=str(number)))
                await trio.sleep(0.001)
                rows, value = reader.execute(
                    "SELECT (SELECT count(*) FROM requests), (SELECT value FROM memories)"
                ).fetchone()
                assert rows == (0 if value is None else int(value) + 1)
                seen.add(rows)
    assert len(seen) > 2


TEXT = st.text(st.characters(codec="utf-8"), max_size=4)
MEMORIES = st.builds(
    Memory,
    kind=st.sampled_from(["account", "place", "conversation"]),
    key=st.sampled_from("abc") | TEXT,
    value=st.none() | TEXT,
    at=st.floats(2e9, 3e9),
)


@settings(max_examples=50)
@given(
    steps=st.lists(MEMORIES | st.sampled_from(["settle", "pass", "restart"]), max_size=40),
)
def test_whatever_is_remembered_the_last_of_each_key_is_recalled(steps: list[Memory | str]) -> None:
    latest: dict[tuple[str, str], Memory] = {}

    async def act(database: Path, steps: Iterator[Memory | str]) -> None:
        async with recording(Recorder(database)) as recorder:
            for step in steps:
                match step:
                    case Memory():
                        recorder.remember(step)
                        latest[step.kind, step.key] = step
                    case "settle":
                        await recorder.settled()
                        assert recorder.state.remembering == 0
                    case "pass":
                        await trio.sleep(0.001)
                    case _:
                        return
            await recorder.settled()
            found = await recalled(recorder)
            assert {(memory.kind, memory.key): memory for memory in found} == {
                key: memory for key, memory in latest.items() if memory.value is not None
            }
            assert len(found) == len({(memory.kind, memory.key) for memory in found})

    with tempfile.TemporaryDirectory() as name:
        left = iter(steps)
        for _ in range(1 + steps.count("restart")):
            trio.run(act, Path(name) / "ccflared.db", left)


async def test_the_traffic_of_the_last_hour_is_read_beside_the_writing(database: Path) -> None:
    now = 1_800_000_000.0
    async with recording(Recorder(database)) as recorder:
        recorder.offer(entry(1, now - 30))
        recorder.offer(entry(2, now - 4000))
        await recorder.settled()
        found = await Archive(recorder._database).traffic(now)
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
from test_recorder import LIMITED, conversation, entry
from ccflared.daemon.books.recorder import Recorder

async def main():
    recorder = Recorder(Path(sys.argv[1]))
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        number = 0
        while True:
            recorder.offer(entry(number))
            recorder.remember(conversation(number))
            recorder.remember(replace(LIMITED, value=str(number)))
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


def test_a_kill_loses_nothing_that_was_offered_or_remembered_200_ms_before(database: Path) -> None:
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
    rows = ids(database)
    assert set(due) <= set(rows)
    account, *conversations = remembered(database)
    assert {f"c{name[1:]:0>6}" for name in due} <= {memory.key for memory in conversations}
    # Nothing that a row tells of is unknown to the memory that was kept with it.
    assert int(account.value or 0) >= len(rows) - 1
