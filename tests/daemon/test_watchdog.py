"""The watchdog: a sign of life while the loop turns and the history's writer answers, and none while either hangs."""

import logging
import re
import signal
import sqlite3
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from entries import plain
from manager import Manager, manager
from process import daemon
from trio.testing import MockClock, wait_all_tasks_blocked

from ccflared.daemon.books import recorder as recorder_module
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.notify import Notifier
from ccflared.daemon.watchdog import watch
from ccflared.store import history
from ccflared.store.schema import open_history

STEPS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 500000) SELECT sum(x) FROM n"


def busy(connection: sqlite3.Connection) -> int:
    """Keep SQLite at work for more than four seconds."""
    until = time.monotonic() + 4.1
    count = 0
    while time.monotonic() < until:
        count += connection.execute(STEPS).fetchone()[0]
    return count


async def hang(recorder: Recorder, release: threading.Event) -> None:
    """Have the writer's thread hang, as in a system call on a disk that does not answer."""
    with suppress(OSError):
        await recorder.between(lambda _: release.wait(60))


async def pass_by(clock: MockClock, told: Manager, seconds: float) -> None:
    """Let time pass in steps of a second; threads get a moment of real time for each."""
    for _ in range(int(seconds)):
        clock.jump(1)
        await wait_all_tasks_blocked(0.005)
        assert told.told is not None  # read: the queue of such a socket is short


def notifier(told: Manager, seconds: float = 20.0) -> Notifier:
    return Notifier(told.environ | {"WATCHDOG_USEC": f"{seconds * 1e6:.0f}"})


async def test_a_writer_that_hangs_ends_the_signs_of_life_after_15_seconds_and_says_where(
    tmp_path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    with manager(tmp_path) as told:
        async with trio.open_nursery() as nursery:
            recorder = Recorder(tmp_path / "h.db")
            await nursery.start(recorder.run)
            nursery.start_soon(watch, notifier(told), recorder)
            await pass_by(mock_clock, told, 60)
            before = told.signs
            assert 12 <= before <= 13
            nursery.start_soon(hang, recorder, release)
            with caplog.at_level(logging.CRITICAL):
                await pass_by(mock_clock, told, 60)
            # For 15 s after the last answer; then the manager waits for its 20: with a second for the start below 45.
            assert 2 <= told.signs - before <= 3
            assert "neither answered nor moved for 16 s (in history.py:" in caplog.text
            assert caplog.text.count("no more signs of life") == 1
            release.set()
            with trio.fail_after(600):
                while told.signs - before <= 3:
                    await pass_by(mock_clock, told, 5)
            nursery.cancel_scope.cancel()


async def test_a_loop_that_was_held_up_does_not_make_the_writer_seem_stuck(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with manager(tmp_path) as told:
        async with trio.open_nursery() as nursery:
            recorder = Recorder(tmp_path / "h.db")
            await nursery.start(recorder.run)
            nursery.start_soon(watch, notifier(told, 2.0), recorder)
            await told.hears("WATCHDOG", more_than=2)
            threading.Event().wait(1.7)  # longer than the writer may be silent, and shorter than WatchdogSec=
            before = told.signs
            await trio.sleep(0.2)
            assert told.signs > before
            assert "neither answered nor moved" not in caplog.text
            recorder.close()
            nursery.cancel_scope.cancel()


async def test_work_that_takes_long_but_moves_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "HOP", 1.3)
    with manager(tmp_path) as told:
        async with trio.open_nursery() as nursery:
            recorder = Recorder(tmp_path / "h.db")
            await nursery.start(recorder.run)
            nursery.start_soon(watch, notifier(told, 2.0), recorder)

            # Without the progress it would be given up after HOP, and be stuck after 1.5 s.
            begun = trio.current_time()
            assert await recorder.between(busy) > 0
            assert trio.current_time() - begun > 4
            assert told.signs >= 7
            nursery.cancel_scope.cancel()


async def test_bytes_that_the_thread_writes_are_a_move_though_sqlite_is_silent(tmp_path: Path) -> None:
    """A checkpoint of a large log is a single step of SQLite's machine."""
    recorder, stop = Recorder(tmp_path / "h.db"), threading.Event()

    def slowly(_: sqlite3.Connection) -> None:
        with (tmp_path / "written").open("wb", buffering=0) as file:
            while not stop.wait(0.02):
                file.write(b"x")

    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        nursery.start_soon(recorder.between, slowly)
        await trio.sleep(0.5)
        recorder.pen.silent_for()  # from now on it is known how much was written before
        longest = 0.0
        for _ in range(20):
            await trio.sleep(0.05)
            longest = max(longest, recorder.pen.silent_for())
        assert longest < 0.2
        stop.set()
        recorder.close()


async def test_a_full_or_broken_or_locked_history_is_trouble_and_not_stuck(
    tmp_path: Path, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_small_disk(path: Path, **more: Any) -> sqlite3.Connection:
        connection = open_history(path, **more)
        connection.execute("PRAGMA max_page_count = 12")
        return connection

    broken = tmp_path / "broken.db"
    broken.write_bytes(b"garbage " * 200)
    locked = tmp_path / "locked.db"
    with sqlite3.connect(locked, isolation_level=None) as other, manager(tmp_path) as told:
        other.execute("BEGIN EXCLUSIVE")
        for path in (broken, locked, tmp_path / "full.db"):
            before = told.signs
            if path.stem == "full":
                monkeypatch.setattr(history, "open_history", on_a_small_disk)
            async with trio.open_nursery() as nursery:
                recorder = Recorder(path)
                await nursery.start(recorder.run)
                for number in range(600):
                    recorder.offer(plain(id=f"r{number}"))
                nursery.start_soon(watch, notifier(told), recorder)
                for _ in range(12):
                    mock_clock.jump(5)
                    await wait_all_tasks_blocked(0.005)
                    assert told.signs > before
                    while recorder.pen.silent_for() > 5:
                        await wait_all_tasks_blocked(0.05)
                assert recorder.state.error is not None
                assert told.signs - before >= 12
                mock_clock.rate = 100.0  # the end waits a while for what was not written
                nursery.cancel_scope.cancel()
            mock_clock.rate = 0.0
        other.execute("ROLLBACK")
    other.close()


async def test_a_writer_that_has_not_answered_since_the_start_does_not_end_the_process_again_and_again(
    tmp_path: Path, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hanging(path: Path, **more: Any) -> sqlite3.Connection:
        release.wait(60)
        return open_history(path, **more)

    monkeypatch.setattr(history, "open_history", hanging)
    with manager(tmp_path) as told:
        async with trio.open_nursery() as nursery:
            recorder = Recorder(tmp_path / "h.db")
            nursery.start_soon(partial(nursery.start, recorder.run))
            await pass_by(mock_clock, told, 25)
            assert "the disk has not answered for 20 s" in str(recorder.state.error)
            nursery.start_soon(watch, notifier(told), recorder)
            await pass_by(mock_clock, told, 60)
            assert told.signs >= 12
            release.set()
            nursery.cancel_scope.cancel()


async def test_a_process_that_is_stopped_gives_no_sign_and_goes_on_when_it_is_continued(
    tmp_path: Path,
) -> None:
    with manager(tmp_path) as told:
        environ = told.environ | {"WATCHDOG_USEC": "400000"}
        async with daemon(tmp_path, environ=environ) as running:
            await told.hears("WATCHDOG", more_than=3)
            running.process.send_signal(signal.SIGSTOP)
            await trio.sleep(0.3)
            before = told.signs
            await trio.sleep(1)
            assert told.signs == before
            running.process.send_signal(signal.SIGCONT)
            await told.hears("WATCHDOG", more_than=before)


async def test_a_process_that_is_aborted_writes_where_its_threads_are_and_leaves_no_core(
    tmp_path: Path,
) -> None:
    async with daemon(tmp_path) as running:
        limits = Path(f"/proc/{running.process.pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
        running.process.send_signal(signal.SIGABRT)
        with trio.fail_after(5):
            assert await running.process.wait() == -signal.SIGABRT
        await running.said("Fatal Python error: Aborted")
        await running.said("most recent call first")
        assert "sk-first" not in "".join(running.lines)


async def test_a_watchdog_for_another_process_is_not_served(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        assert (
            Notifier(told.environ | {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).watchdog_seconds is None
        )
        assert Notifier({"WATCHDOG_USEC": "1000"}).watchdog_seconds is None
        assert Notifier(told.environ | {"WATCHDOG_USEC": "0"}).watchdog_seconds is None
