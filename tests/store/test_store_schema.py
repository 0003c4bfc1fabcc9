import hashlib
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest

from ccflared.errors import Refused
from ccflared.store import schema
from ccflared.store.memories import recall
from ccflared.store.requests import row
from ccflared.store.schema import open_history, open_reader
from ccflared.store.traffic import traffic
from ccflared.store.trouble import sentence
from ccflared.wire import Attempt

OURS = {"requests", "memories", "series", "hours", "days", "hour_times", "day_times", "marks"} | {
    *("rolls", "rolled", "roll_hours", "roll_days", "roll_hour_times", "roll_day_times", "fives"),
    *("usage_samples", "errors", "errors_said"),
    *(f"errors_said_{part}" for part in ("config", "data", "docsize", "idx")),
}


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_new_history_is_private_durable_and_can_shrink(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ccflared.db"
    with closing(open_history(path)) as connection:
        assert tables(connection) == OURS
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == 1
        assert pragma(connection, "auto_vacuum") == 2
        assert pragma(connection, "foreign_keys") == 1
        assert pragma(connection, "busy_timeout") == 5000
        assert pragma(connection, "user_version") == len(schema.STEPS)
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_existing_history_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    open_history(path).close()
    before = path.read_bytes()
    open_history(path).close()
    assert path.read_bytes() == before


def test_an_older_history_gets_the_steps_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ccflared.db"
    open_history(path).close()
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, ("CREATE TABLE later (x INTEGER) STRICT",)))
    with closing(open_history(path)) as connection:
        assert tables(connection) == OURS | {"later"}
        assert pragma(connection, "user_version") == len(schema.STEPS)


def test_the_released_steps_are_what_they_were() -> None:
    assert (
        hashlib.sha256("\n".join(schema.STEPS[0]).encode()).hexdigest()
        == "c031c4f00e7508e68281eec8182aed9457e66f7096665aaf8517f67ad56a0503"
    )


def test_a_history_of_the_first_version_is_read_with_the_defaults_of_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ccflared.db"
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", schema.STEPS[:1])
        with closing(open_history(path)) as connection:
            connection.execute(
                """
                INSERT INTO requests (id, at, method, path, account, status, outcome, stream, total_ms, tries, attempts)
                VALUES ('r1', 1700000000.5, 'POST', '/v1/messages', 'work', 200, 'complete', 1, 340, 1,
                    '[{"account":"work","provider":"anthropic","why":"priority 0","started_ms":1,"took_ms":4,
                       "status":200,"kind":"served","reason":""}]')
                """
            )
            assert pragma(connection, "user_version") == 1
    with closing(open_history(path)) as connection:
        assert pragma(connection, "user_version") == len(schema.STEPS)
        found = row(connection, "r1")
        assert found is not None
        assert found.attempts == (Attempt("work", "anthropic", "priority 0", 1, 4, 200, "served", "", None),)
        assert (found.at, found.account, found.passed, found.chain) == (1_700_000_000.5, "work", (), None)
        assert (found.origin, found.cost, found.cost_source, found.billing) == ("client", None, None, None)
        assert traffic(connection, since=1_699_999_999.0, now=1_700_000_001.0).requests == 1
        assert recall(connection) == []


def test_a_step_that_fails_leaves_the_history_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ccflared.db"
    open_history(path).close()
    released = schema.STEPS
    monkeypatch.setattr(
        schema, "STEPS", (*released, ("CREATE TABLE later (x INTEGER) STRICT", "CREATE NONSENSE"))
    )
    with pytest.raises(sqlite3.OperationalError):
        open_history(path)
    monkeypatch.setattr(schema, "STEPS", released)
    with closing(open_history(path)) as connection:
        assert tables(connection) == OURS


def test_a_newer_history_is_refused_in_words_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    with closing(open_history(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    with pytest.raises(Refused, match=r"newer ccflared \(schema 99"):
        open_history(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == ["ccflared.db"]


def test_the_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE accounts (id TEXT)")
    before = path.read_bytes()
    with pytest.raises(Refused, match="another program"):
        open_history(path)
    assert path.read_bytes() == before


def test_garbage_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    path.write_bytes(b"This was a shopping list. " * 100)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        open_history(path)
    assert sentence(caught.value, path) == f"{path} is not a database; move it away and a new one is begun"
    assert path.read_bytes().startswith(b"This was a shopping list.")


def test_an_empty_file_becomes_a_history(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    path.touch()
    with closing(open_history(path)) as connection:
        assert tables(connection) == OURS
        assert pragma(connection, "auto_vacuum") == 2


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "with a space?" / "ccflared.db"
    with (
        closing(open_history(path)),
        closing(open_reader(path)) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("DELETE FROM requests")


def test_a_reader_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as caught:
        open_reader(tmp_path / "ccflared.db")
    assert sentence(caught.value, tmp_path / "ccflared.db").endswith("cannot be opened")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_is_interrupted_when_its_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    open_history(path).close()
    begun = time.monotonic()
    with (
        closing(open_reader(path, seconds=0.05)) as reader,
        pytest.raises(sqlite3.OperationalError) as caught,
    ):
        reader.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        ).fetchone()
    assert sentence(caught.value, path) == f"reading {path} took too long"
    assert time.monotonic() - begun < 5
