"""Deletes the oldest rows in small steps, and gives what they took back to the disk. Totals and memories stay.

Every function here is one step: a moment of the writer's time, in a transaction of its own.
"""

import math
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccflared.store.spending import ROWS_SINCE
from ccflared.store.versions import copies

STEP: Final = 100
"""Rows that are deleted in one transaction."""
PAGES: Final = 128
"""Pages that are given back to the disk in one transaction."""
PAYLOADS: Final = "payloads.db"
TOKENS: Final = "tokens.db"
DAY: Final = 86400.0
"""Seconds that a copy from before an upgrade is kept in any case. That of the tokens no longer: they have been renewed
since, so that it is of no use, and it holds secrets."""
KEPT: Final = 30 * DAY
"""Seconds that the copy of the history is kept where there is room."""

_OLDEST: Final = "SELECT rowid, at FROM requests INDEXED BY requests_at WHERE at < ? ORDER BY at LIMIT ?"
_SINCE: Final = """
    INSERT INTO marks VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)
"""
_UNCOUNTED: Final = (
    "SELECT 1 FROM requests INDEXED BY requests_uncounted WHERE series IS NULL AND at < ? LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Files:
    """What the files take, in bytes."""

    database: int = 0
    wal: int = 0
    payloads: int = 0
    payloads_wal: int = 0
    copies: int = 0
    """What copies from before an upgrade take; they go by themselves, and before anything else where room is short."""

    @property
    def total(self) -> int:
        """What counts against [storage] max_size."""
        return self.database + self.wal + self.payloads + self.payloads_wal


@dataclass(frozen=True, slots=True)
class Pages:
    """How the database's pages are used."""

    size: int
    count: int
    free: int

    @property
    def used(self) -> int:
        """Bytes in use: what the file would take without its free pages."""
        return self.size * (self.count - self.free)


def files(database: Path) -> Files:
    """Return what the history and the payloads beside it take; 0 for what is not there. Raises OSError."""
    payloads = database.with_name(PAYLOADS)
    sizes = [_bytes(Path(f"{path}{end}")) for path in (database, payloads) for end in ("", "-wal")]
    sizes.append(sum(_bytes(copy) for copy, _ in copies(database)))
    return Files(*sizes)


def drop_copies(database: Path, now: float, most: int) -> list[Path]:
    """Delete the copies from before upgrades that are no longer of use; return which. Raises OSError.

    ``most``: bytes that everything may take together.
    """
    found = files(database)
    tokens = [(copy, DAY) for copy, _ in copies(database.with_name(TOKENS))]
    crowded = found.total + found.copies > most
    history = [(copy, DAY if crowded else KEPT) for copy, _ in copies(database)]
    gone = [copy for copy, kept in (*tokens, *history) if copy.stat().st_mtime < now - kept]
    for copy in gone:
        copy.unlink(missing_ok=True)
    return gone


def pages(connection: sqlite3.Connection) -> Pages:
    """Return how the pages are used. Raises sqlite3.Error."""
    size, count, free = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    return Pages(size, count, free)


def uncounted(connection: sqlite3.Connection, before: float) -> bool:
    """Whether rows of before that time are in no total yet. Raises sqlite3.Error."""
    return connection.execute(_UNCOUNTED, (before,)).fetchone() is not None


def delete_oldest(connection: sqlite3.Connection, before: float, most: int = STEP) -> int:
    """Delete up to ``most`` of the oldest rows of before that time; return how many. Raises sqlite3.Error.

    None that is in no total yet: the caller has all counted first.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = connection.execute(_OLDEST, (before, most)).fetchall()
        gone = 0
        if found:
            gone = connection.executemany(
                "DELETE FROM requests WHERE rowid = ? AND series NOT NULL", [(number,) for number, _ in found]
            ).rowcount
            if gone:
                connection.execute(_SINCE, (ROWS_SINCE, math.nextafter(found[-1][1], math.inf)))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return gone


def shrink(connection: sqlite3.Connection, most: int = PAGES) -> int:
    """Give up to ``most`` free pages back to the disk; return how many are still free. Raises sqlite3.Error."""
    # One step of this statement frees one page, and of a statement that has no columns execute() takes one step alone.
    connection.executescript(f"PRAGMA incremental_vacuum({most})")
    return pages(connection).free


def empty_log(connection: sqlite3.Connection) -> bool:
    """Move the log into the file and cut it off; False: somebody still reads of it. Raises sqlite3.Error."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    # Whoever reads for long is not waited for: the next look is soon.
    connection.execute("PRAGMA busy_timeout = 20")
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
