"""The file of payloads, payloads.db: its schema, and the buckets of time that lie in it.

A bucket is a table of payloads, one of their bodies, and an index of their text, which go together: of an index entries
cannot be deleted one by one without their words staying behind. ``oldest`` is when the first request in it came,
``keep`` for how many seconds they were to be kept when something was last written; from ``oldest + keep`` on nobody
reads it, and soon it is gone: marked so, then emptied in small steps, then dropped. SQLite writes zeros over what it
gives up. One that has become large is followed by another of the same time: where room is needed the oldest goes, and
that must not be all there is.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ccflared.errors import Refused
from ccflared.store.schema import make_private

APPLICATION_ID: Final = 0x63636670
"""``ccfp``: marks the file as ours."""
VERSION: Final = 1
_TABLES: Final = """
    CREATE TABLE buckets (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        since REAL NOT NULL,
        until REAL NOT NULL,
        oldest REAL NOT NULL,
        keep REAL NOT NULL,
        bytes INTEGER NOT NULL DEFAULT 0,
        gone INTEGER NOT NULL DEFAULT 0
    ) STRICT
"""
_HOUR: Final = 3600.0
_PART: Final = 24
ROWS: Final = 16
NAMES: Final = 2000
WORDS: Final = 500
PAGES: Final = 1000
"""Bodies, names of requests, pages of an index and pages of the file that one step of deleting takes."""
_ABOUT: Final = 10
"""The last row of an index's data that is about the index itself, without which it cannot even be dropped."""
LIVE: Final = "gone = 0 AND oldest + keep > ?"
"""Of a bucket that may be read, given the time."""


def width(keep: float) -> float:
    """Return how many seconds of requests lie in one bucket: those of one are dropped together, with the oldest."""
    return max(keep / _PART, min(_HOUR, keep / 4))


def open_payloads(path: Path, *, patience: float) -> sqlite3.Connection:
    """Open the file for writing, made as needed; to be used by one thread at a time.

    Raises Refused for a file that is another program's, or a newer version's, sqlite3.Error or OSError.
    """
    make_private(path)
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise Refused(f"{path} is a database of another program; ccflared leaves it as it is")
    if version > VERSION:
        raise Refused(f"{path} was written by a newer ccflared; move it away and a new one is begun")
    connection.execute("PRAGMA secure_delete = ON")
    # What is written anew after a purge is next to nothing, and shall be in no other file meanwhile.
    connection.execute("PRAGMA temp_store = MEMORY")
    if not tables:
        # A payload is many small pages, or some larger ones.
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # A power cut may take the latest payloads; that of a request is not worth a wait for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if not tables:
        with closing(connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute(_TABLES)
            cursor.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            cursor.execute(f"PRAGMA user_version = {VERSION}")
            cursor.execute("COMMIT")
    else:
        # Proves that it can be written: read-only lets even BEGIN IMMEDIATE pass.
        connection.execute(f"PRAGMA user_version = {version}")


def bucket_for(connection: sqlite3.Connection, at: float, keep: float, most: int) -> int:
    """Return the number of the bucket for a request that came at ``at``, made if there is none, in a transaction.

    ``most``: bytes from which on a bucket is full.
    """
    found = connection.execute(
        "SELECT number FROM buckets WHERE gone = 0 AND since <= ? AND until > ? AND bytes < ? "
        "ORDER BY number DESC LIMIT 1",
        (at, at, most),
    ).fetchone()
    if found is not None:
        number = int(found[0])
        connection.execute("UPDATE buckets SET oldest = min(oldest, ?) WHERE number = ?", (at, number))
        return number
    long = width(keep)
    since = at // long * long
    number = int(
        connection.execute(
            "INSERT INTO buckets (since, until, oldest, keep) VALUES (?, ?, ?, ?)",
            (since, since + long, at, keep),
        ).lastrowid
        or 0
    )
    connection.execute(
        f"CREATE TABLE payloads_{number} (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at REAL NOT NULL) STRICT"
    )
    # Apart, so that many names are read at once.
    connection.execute(
        f"CREATE TABLE bodies_{number} ("
        "number INTEGER PRIMARY KEY, request BLOB NOT NULL, response BLOB NOT NULL) STRICT"
    )
    # Without the text itself: it stands in the payloads, compressed.
    connection.execute(
        f"CREATE VIRTUAL TABLE search_{number} USING fts5 (said, content = '', columnsize = 0)"
    )
    return number


def expire(connection: sqlite3.Connection, now: float, keep: float | None) -> bool:
    """Mark what has been kept for long enough; return whether anything is to be deleted. In a transaction.

    ``keep``: seconds for which payloads are kept now; None: none are taken any more, and what there is stays as long
    as it was to stay.
    """
    # After a clock that went ahead was set right, nothing shall be kept for longer.
    connection.execute("UPDATE buckets SET oldest = ? WHERE oldest > ?", (now, now))
    if keep is not None:
        connection.execute("UPDATE buckets SET keep = ? WHERE keep != ?", (keep, keep))
    connection.execute("UPDATE buckets SET gone = 1 WHERE gone = 0 AND oldest + keep <= ?", (now,))
    return leftovers(connection)


def count_old(connection: sqlite3.Connection, now: float, keep: float | None) -> int:
    """Return how many payloads ``expire`` would let go of."""
    old = connection.execute(
        "SELECT number FROM buckets WHERE gone = 0 AND min(oldest, ?) + ifnull(?, keep) <= ?",
        (now, keep, now),
    ).fetchall()
    counts = (connection.execute(f"SELECT count(*) FROM payloads_{number}").fetchone() for (number,) in old)  # noqa: S608
    return sum(int(count) for (count,) in counts)


def leftovers(connection: sqlite3.Connection) -> bool:
    """Whether a bucket is to be deleted, or pages are to be given back."""
    gone = connection.execute("SELECT 1 FROM buckets WHERE gone = 1 LIMIT 1").fetchone() is not None
    return gone or _free_pages(connection) > 0


def mark_oldest(connection: sqlite3.Connection) -> bool:
    """Mark the oldest bucket as gone; False: there is none."""
    marked = connection.execute(
        "UPDATE buckets SET gone = 1 WHERE number = "
        "(SELECT number FROM buckets WHERE gone = 0 ORDER BY oldest, number LIMIT 1)"
    )
    return marked.rowcount > 0


def taken(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the bytes of all pages, wherever they stand now, and of those in use."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return size * pages, size * (pages - _free_pages(connection))


def clear_step(connection: sqlite3.Connection) -> bool:
    """Delete a little of what is gone, in a transaction of its own; False: nothing was left to do."""
    found = connection.execute("SELECT number FROM buckets WHERE gone = 1 ORDER BY number LIMIT 1").fetchone()
    if found is None:
        return _give_back(connection)
    number = int(found[0])
    for table, key, most, after in (
        (f"bodies_{number}", "number", ROWS, 0),
        (f"payloads_{number}", "number", NAMES, 0),
        (f"search_{number}_data", "id", WORDS, _ABOUT),
    ):
        if _exists(connection, table) and _delete(connection, table, key, most, after):
            return True
    drop(connection, number)
    return True


def drop(connection: sqlite3.Connection, number: int) -> None:
    """Drop a bucket as it is."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"DROP TABLE IF EXISTS search_{number}")
        connection.execute(f"DROP TABLE IF EXISTS bodies_{number}")
        connection.execute(f"DROP TABLE IF EXISTS payloads_{number}")
        connection.execute("DELETE FROM buckets WHERE number = ?", (number,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def forget_log(connection: sqlite3.Connection) -> bool:
    """Bring everything into the file itself and empty the log beside it; False: a reader is in the way."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _delete(connection: sqlite3.Connection, table: str, key: str, most: int, after: int) -> int:
    chosen = f"SELECT {key} FROM {table} WHERE {key} > {after} ORDER BY {key} LIMIT {most}"  # noqa: S608 - all ours
    return connection.execute(f"DELETE FROM {table} WHERE {key} IN ({chosen})").rowcount  # noqa: S608 - likewise


def _exists(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def _free_pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def _give_back(connection: sqlite3.Connection) -> bool:
    """Give a few free pages back to the disk; False: there were none."""
    before = _free_pages(connection)
    if not before:
        return False
    connection.executescript(f"PRAGMA incremental_vacuum({PAGES})")
    return _free_pages(connection) < before
