"""Upgrades of the databases: whole or not at all, with a copy of before, and the way back."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ccflared.errors import Refused
from ccflared.providers.oauth import Grant
from ccflared.store import schema, upgrade, vault
from ccflared.store.newer import newer_databases, refuse_newer
from ccflared.store.retention import DAY, KEPT, drop_copies, files
from ccflared.store.schema import open_history
from ccflared.store.upgrade import Upgrade
from ccflared.store.vault import Vault
from ccflared.store.versions import version_of

FIRST = """
    INSERT INTO requests (id, at, method, path, account, status, outcome, stream, total_ms, output_tokens, tries,
        attempts, user_agent)
    SELECT 'r' || value, 1700000000 + value, 'POST', '/v1/messages', 'work', 200, 'complete', 1, 340, value, 1, '[]',
        'client of a test'
    FROM (WITH RECURSIVE counted (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM counted WHERE value < ?)
        SELECT value FROM counted)
"""
NEWEST = len(schema.STEPS)


def older(path: Path, version: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a history as a version that knew the first steps alone has left it."""
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", schema.STEPS[:version])
        with closing(open_history(path)) as connection:
            connection.execute(FIRST, (rows,))


def told(path: Path, pragma: str) -> object:
    """Ask a copy of a database, so that nothing is made beside it."""
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
        return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def summed(connection: sqlite3.Connection) -> tuple[int, int, str]:
    numbers: tuple[int, int, str] = connection.execute(
        "SELECT count(*), sum(output_tokens), max(id) FROM requests"
    ).fetchone()
    return numbers


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_history_of_each_version_is_brought_up_to_date_and_can_be_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    path, said = tmp_path / "ccflared.db", list[str]()
    older(path, version, 1000, monkeypatch)
    with closing(open_history(path, upgrade=Upgrade(said.append))) as connection:
        assert summed(connection) == (1000, 500_500, "r999")
        assert version_of(path) == (schema.APPLICATION_ID, NEWEST)
    copy = tmp_path / f"ccflared.db.schema{version}"
    assert {each.name for each in tmp_path.iterdir()} == {"ccflared.db", copy.name}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert told(copy, "integrity_check") == "ok"
    assert f"from schema {version} to {NEWEST}" in said[-1]
    assert str(copy) in said[-1]
    # Back: what knows that version alone opens the copy, and goes on with it.
    path.unlink()
    copy.rename(path)
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", schema.STEPS[:version])
        with closing(open_history(path)) as connection:
            assert summed(connection) == (1000, 500_500, "r999")
            connection.execute(FIRST.replace("'r'", "'s'"), (1,))


def test_one_copy_is_kept_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ccflared.db"
    older(path, 1, 10, monkeypatch)
    for known in (2, 3, 4):
        with monkeypatch.context() as then:
            then.setattr(schema, "STEPS", schema.STEPS[:known])
            open_history(path).close()
        assert {each.name for each in tmp_path.iterdir()} == {"ccflared.db", f"ccflared.db.schema{known - 1}"}
    open_history(path).close()
    assert (tmp_path / "ccflared.db.schema3").exists()


def test_without_room_for_a_copy_nothing_is_changed_and_it_is_done_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ccflared.db"
    older(path, 3, 10, monkeypatch)
    before = path.read_bytes()
    with monkeypatch.context() as full:
        full.setattr(upgrade, "_SPARE", 1 << 60)
        with pytest.raises(Refused, match=r"GiB must be free in .*make room, and it is done by itself"):
            open_history(path)
        assert path.read_bytes() == before
        assert [each.name for each in tmp_path.iterdir()] == ["ccflared.db"]
    open_history(path).close()
    assert told(path, "user_version") == NEWEST


def test_an_upgrade_can_be_broken_off_while_the_copy_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, asked = tmp_path / "ccflared.db", list[bool]()
    older(path, 3, 50_000, monkeypatch)

    def moves() -> bool:
        asked.append(len(asked) == 1)
        return asked[-1]

    with pytest.raises(sqlite3.OperationalError, match="broken off"):
        open_history(path, upgrade=Upgrade(moves=moves))
    assert asked == [False, True]
    assert [each.name for each in tmp_path.iterdir()] == ["ccflared.db"]
    assert told(path, "user_version") == 3


def test_a_step_that_fails_leaves_the_version_and_one_copy_however_often_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, known = tmp_path / "ccflared.db", Upgrade()
    older(path, 2, 10, monkeypatch)
    with monkeypatch.context() as broken:
        broken.setattr(schema, "STEPS", (*schema.STEPS, ("CREATE TABLE later (x)", "CREATE NONSENSE")))
        made = []
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError):
                open_history(path, upgrade=known)
            assert version_of(path) == (schema.APPLICATION_ID, 2)
            made.append((tmp_path / "ccflared.db.schema2").stat().st_ino)
        assert len(set(made)) == 1
        assert known.under_way is None


UPGRADING = """
import sys
from pathlib import Path
from ccflared.store.schema import open_history
from ccflared.store.upgrade import Upgrade
print("begun", flush=True)
open_history(Path(sys.argv[1]), upgrade=Upgrade()).close()
print("done", flush=True)
"""


def test_a_kill_at_any_instant_leaves_either_version_and_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, path = tmp_path / "origin.db", tmp_path / "state" / "ccflared.db"
    older(origin, 2, 20_000, monkeypatch)
    found = set()
    took = 0.4
    for attempt in range(40):
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir()
        shutil.copy(origin, path)
        with subprocess.Popen([sys.executable, "-c", UPGRADING, path], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            began = time.monotonic()
            if attempt == 0:
                assert process.stdout.readline() == b"done\n"
                took = time.monotonic() - began
            else:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(took * attempt / 36)
            process.send_signal(signal.SIGKILL)
        before = version_of(path)
        assert before is not None
        copy = tmp_path / "state" / "ccflared.db.schema2"
        if copy.exists():
            assert told(copy, "integrity_check") == "ok"
            assert told(copy, "user_version") == 2
        with closing(sqlite3.connect(path)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert summed(connection)[0] == 20_000
        assert before[1] == version
        assert version in (2, NEWEST)
        assert version == 2 or copy.exists()
        found.add((version, copy.exists()))
        with closing(open_history(path)) as connection:
            assert summed(connection)[0] == 20_000
        assert {each.name for each in path.parent.iterdir()} == {path.name, copy.name}
    # Before the copy, between copy and upgrade, and after it.
    assert found == {(2, False), (2, True), (NEWEST, True)}


def test_the_version_is_read_as_sqlite_reads_it_and_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    left = tmp_path / "left" / "ccflared.db"
    left.parent.mkdir()
    with closing(open_history(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        for version in range(5, 40):
            # Some transactions are in the file already, and some in the log alone, or in both.
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute(FIRST.replace("'r'", f"'{version}-'"), (version * 3,))
            if version % 7 == 0:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            if version % 11 == 0:
                connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            connection.execute("BEGIN")
            connection.execute("PRAGMA user_version = 77")
            for end in ("", "-wal", "-shm"):
                shutil.copy(f"{path}{end}", f"{left}{end}")
            before = {
                each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in left.parent.iterdir()
            }
            assert version_of(left) == (schema.APPLICATION_ID, version)
            assert {
                each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in left.parent.iterdir()
            } == before
            connection.execute("ROLLBACK")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"x" * 5000, None])
def test_what_is_no_database_has_no_version(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ccflared.db"
    if content is not None:
        path.write_bytes(content)
    (tmp_path / "ccflared.db-wal").write_bytes(b"7\x7f\x06\x82" + bytes(5000))
    assert version_of(path) is None
    refuse_newer(tmp_path, "1.0")


def test_the_tokens_are_copied_too_and_only_by_whoever_holds_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = tmp_path / "tokens.db", list[str]()
    Vault(path).save(Grant("work", "claude-oauth", "1", "", None), 1.0)
    monkeypatch.setattr(vault, "STEPS", (*vault.STEPS, ("ALTER TABLE grants ADD COLUMN more TEXT",)))
    before = path.read_bytes()
    with pytest.raises(Refused, match=r"of an older ccflared \(schema 1\); the daemon brings it up to date"):
        Vault(path).load()
    assert path.read_bytes() == before
    assert list(Vault(path, upgrade=Upgrade(said.append)).load().grants) == ["work"]
    copy = tmp_path / "tokens.db.schema1"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert told(copy, "user_version") == 1
    assert told(path, "user_version") == 2
    assert len(said) == 2


def test_copies_go_when_they_are_old_and_before_rows_where_room_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ccflared.db"
    older(path, 3, 1000, monkeypatch)
    open_history(path).close()
    history, tokens = tmp_path / "ccflared.db.schema3", tmp_path / "tokens.db.schema1"
    tokens.write_bytes(b"secret")
    now, found = time.time(), files(path)
    assert found.copies == history.stat().st_size
    assert found.total == path.stat().st_size
    assert drop_copies(path, now + 10.0, 0) == []
    assert drop_copies(path, now + DAY + 10.0, 1 << 40) == [tokens]
    os.utime(history, (now + 100.0, now + 100.0))
    assert drop_copies(path, now, 0) == []
    assert drop_copies(path, now + DAY + 200.0, found.total + found.copies) == []
    assert drop_copies(path, now + DAY + 200.0, found.total) == [history]
    history.write_bytes(b"")
    assert drop_copies(path, time.time() + KEPT + 10.0, 1 << 40) == [history]


def test_a_newer_database_without_a_copy_that_fits_says_what_else_there_is(tmp_path: Path) -> None:
    with closing(open_history(tmp_path / "ccflared.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    (tmp_path / "ccflared.db.schema98").write_bytes(b"")
    assert [(each.name, each.version) for each in newer_databases(tmp_path)] == [("ccflared.db", 99)]
    with pytest.raises(Refused, match=r"no copy here of ccflared.db .*ccflared-backup\(1\)") as raised:
        refuse_newer(tmp_path, "0.1.0")
    assert f"schema 99, and ccflared 0.1.0 knows it up to {NEWEST}" in str(raised.value)
