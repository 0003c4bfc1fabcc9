"""A disk that is full or cannot be written, a database that somebody damages or replaces: requests go on all the same."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from rest import at_home
from stage import Stage, staged

from ccflared.daemon.books.recorder import Recorder
from ccflared.store.retention import empty_log
from ccflared.store.schema import open_reader


def mounted(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk of its own can be mounted here: {done.stderr}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The state directory, on a disk of 2 MiB of its own."""
    state = tmp_path / "state"
    state.mkdir()
    mounted("mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "none", str(state))
    try:
        yield state
    finally:
        unmount(state)


def fill(ballast: Path) -> None:
    """Take all the room that is left on a disk."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def unmount(place: Path) -> None:
    subprocess.run(("umount", "--lazy", str(place)), check=True)


async def history(stage: Stage) -> dict[str, Any]:
    """Return what status says of the history."""
    answer = await stage.client.get(stage.url + "/api/status")
    return dict(answer.json()["history"])


async def until(stage: Stage, *, ok: bool) -> str | None:
    """Wait until the history is well, or not; return what is told."""
    with trio.fail_after(40):
        while (told := await history(stage))["ok"] is not ok:
            await trio.sleep(0.02)
    return None if told["error"] is None else str(told["error"])


def counts(state: Path) -> tuple[int, int]:
    """Return how many rows there are, and how many the totals know."""
    with closing(open_reader(state / "ccflared.db")) as reader:
        (rows,) = reader.execute("SELECT count(*) FROM requests").fetchone()
        (known,) = reader.execute("SELECT coalesce(sum(requests), 0) FROM days").fetchone()
    return rows, known


async def asked(stage: Stage, times: int) -> None:
    for _ in range(times):
        assert (await stage.fresh()).status_code == 200


async def counted(stage: Stage) -> None:
    """Wait until all that ended is in the totals."""
    while stage.running.house.under_way.requests:
        await trio.lowlevel.checkpoint()
    await stage.running.house.recorder.settled()
    await stage.running.house.recorder.caught_up(totals=True)


async def test_a_disk_that_fills_up_is_told_and_nothing_is_lost_when_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    async with staged(tmp_path) as stage:
        await asked(stage, 3)
        await counted(stage)
        ballast = small_disk / "ballast"
        fill(ballast)
        await asked(stage, 5)
        # What fits into the log that is there is written still.
        while (await history(stage))["ok"]:
            await asked(stage, 10)
        assert (await history(stage))["error"] == "the disk is full"
        await asked(stage, 5)
        storage = (await stage.client.get(stage.url + "/api/storage")).json()
        assert storage["error"] == "the disk is full"
        ballast.unlink()
        assert await until(stage, ok=True) is None
        await counted(stage)
        rows, known = counts(stage.state)
        assert rows == known >= 13
        assert (await history(stage))["dropped"] == 0


async def test_a_disk_that_is_mounted_to_be_read_only_is_told_and_used_when_it_can_be_written(
    tmp_path: Path, small_disk: Path
) -> None:
    async with staged(tmp_path) as stage:
        await asked(stage, 2)
        await counted(stage)
    # The lock and the word left for commands are to be written, too: they lie elsewhere in a directory of one's own.
    database = small_disk / "ccflared.db"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    mounted("mount", "--bind", str(small_disk), str(elsewhere))
    mounted("mount", "-o", "remount,bind,ro", str(elsewhere))
    kept = database.read_bytes()
    try:
        recorder = Recorder(elsewhere / "ccflared.db")
        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            assert "Read-only file system" in str(recorder.state.error) or "not writable" in str(
                recorder.state.error
            )
            assert database.read_bytes() == kept
            mounted("mount", "-o", "remount,bind,rw", str(elsewhere))
            with trio.fail_after(40):
                while recorder.state.error is not None:
                    await trio.sleep(0.02)
            recorder.close()
    finally:
        unmount(elsewhere)
    assert counts(small_disk) == (2, 2)


GARBAGE = b"This was a shopping list. " * 4000


async def test_garbage_that_is_moved_over_the_database_is_told_and_left_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await asked(stage, 2)
        await counted(stage)
        database, kept = stage.state / "ccflared.db", stage.state / "kept.db"
        (stage.state / "new").write_bytes(GARBAGE)
        database.rename(kept)
        (stage.state / "new").rename(database)
        await asked(stage, 3)
        said = await until(stage, ok=False)
        assert said == f"{database} is not a database; move it away and a new one is begun"
        await asked(stage, 2)
        assert database.read_bytes() == GARBAGE
        # Moved away, as was said: a new one is begun, with all that waited.
        database.rename(stage.state / "list.txt")
        assert await until(stage, ok=True) is None
        await counted(stage)
        assert counts(stage.state) == (5, 5)


@pytest.mark.parametrize("word", ["pause", "resume", "force-reset-rate-limit"])
async def test_what_a_person_does_to_an_account_does_not_wait_for_a_history_that_is_off(
    tmp_path: Path, word: str
) -> None:
    async with staged(tmp_path) as stage:
        await at_home(stage, "POST", "/api/accounts/first/pause")
        database = stage.state / "ccflared.db"
        garbage = tmp_path / "garbage"
        garbage.write_bytes(b"no database at all" * 1000)
        garbage.replace(database)
        await stage.ask()
        await until(stage, ok=False)
        with trio.fail_after(15):
            answer = await at_home(stage, "POST", f"/api/accounts/first/{word}")
        assert answer.status_code == 200
        assert "longer only if the history can be written" in answer.json()["message"]
        state = (await stage.account("first"))["state"]
        assert state == ("ready" if word == "resume" else "paused")


@pytest.mark.parametrize("left", [0, 100, 4096 * 3])
async def test_a_database_that_is_cut_off_while_it_is_used_stops_no_request(
    tmp_path: Path, left: int
) -> None:
    async with staged(tmp_path) as stage:
        await asked(stage, 2)
        await counted(stage)
        database = stage.state / "ccflared.db"
        with closing(open_reader(database)) as reader:
            reader.execute("SELECT count(*) FROM requests").fetchone()
        with database.open("r+b") as file:
            file.truncate(left)
        await asked(stage, 3)
        with trio.move_on_after(1):
            await stage.running.house.recorder.caught_up(totals=True)
        await asked(stage, 3)
        # Whatever SQLite makes of it, it ends with moving the file away.
        for name in ("ccflared.db", "ccflared.db-wal", "ccflared.db-shm"):
            (stage.state / name).unlink(missing_ok=True)
        await asked(stage, 1)
        assert await until(stage, ok=True) is None
        await counted(stage)
        rows, known = counts(stage.state)
        assert rows == known >= 1


@pytest.mark.parametrize("logged", [True, False])
async def test_a_database_that_is_overwritten_in_place_is_told_with_what_to_do(
    tmp_path: Path, *, logged: bool
) -> None:
    async with staged(tmp_path) as stage:
        await asked(stage, 2)
        await counted(stage)
        database, recorder = stage.state / "ccflared.db", stage.running.house.recorder
        if not logged:
            assert await recorder.between(empty_log)
        with database.open("r+b") as file:
            file.write(GARBAGE)
        if logged:
            (stage.state / "ccflared.db-wal").write_bytes(b"")
        await asked(stage, 1)
        await recorder.settled()
        await stage.running.upkeep.sweeper.look()
        await asked(stage, 2)
        assert "move it away and a new one is begun" in str(await until(stage, ok=False))
        for name in ("ccflared.db", "ccflared.db-wal", "ccflared.db-shm"):
            (stage.state / name).unlink(missing_ok=True)
        assert await until(stage, ok=True) is None
        await counted(stage)
        rows, known = counts(stage.state)
        assert rows == known >= 2


async def test_a_backup_that_is_moved_over_the_database_is_gone_on_with(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await asked(stage, 2)
        await counted(stage)
        copy = tmp_path / "copy.db"
        await stage.running.upkeep.back_up(copy, payloads=False, force=False)
        await asked(stage, 4)
        await counted(stage)
        copy.rename(stage.state / "ccflared.db")
        await asked(stage, 3)
        await counted(stage)
        assert (await history(stage))["ok"]
        assert counts(stage.state) == (5, 5)
        assert (await stage.running.upkeep.check(full=False)) is not None
        assert stage.running.upkeep.checked is not None
        assert stage.running.upkeep.checked.faults == ()


async def test_no_room_for_a_backup_is_told_and_nothing_is_left_of_it(
    tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    async with staged(tmp_path) as stage:
        await asked(stage, 2)
        (small_disk / "copies").mkdir()
        fill(small_disk / "ballast")
        with pytest.raises((OSError, sqlite3.Error), match=r"full|No space|I/O"):
            await stage.running.upkeep.back_up(small_disk / "copies" / "c.db", payloads=False, force=False)
        assert list((small_disk / "copies").iterdir()) == []


async def test_where_totals_alone_are_damaged_rows_are_written_and_it_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with staged(tmp_path) as stage:
        await asked(stage, 1)
        await counted(stage)
        recorder = stage.running.house.recorder
        with closing(sqlite3.connect(stage.state / "ccflared.db", isolation_level=None)) as other:
            other.execute("ALTER TABLE hours RENAME TO elsewhere")
            for number in range(2, 5):
                await asked(stage, 1)
                await counted(stage)
                assert "no such table" in str(await until(stage, ok=False))
                assert (recorder.state.written, recorder.state.queued) == (number, 0)
            other.execute("ALTER TABLE elsewhere RENAME TO hours")
        await counted(stage)
        assert await until(stage, ok=True) is None
        assert counts(stage.state) == (4, 4)
    said = capsys.readouterr().err
    assert [said.count(each) for each in ("totals are behind", "totals are counted again")] == [1, 1]
    assert "history is written again" not in said
