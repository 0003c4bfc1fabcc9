"""What the history consists of: since when there are rows and totals, and how many. Read at once, however many."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccflared.store.payload_reader import live, open_payload_reader
from ccflared.store.retention import Pages, pages
from ccflared.store.spending import rows_since

_TABLES: Final = ("series", "hours", "days", "memories")


@dataclass(frozen=True, slots=True)
class Facts:
    """See the module. Times are seconds since 1970."""

    pages: Pages
    rows: int
    """About how many: the numbers of rows run from the oldest to the latest without gaps, or nearly."""
    uncounted: bool
    """Whether some of them are in no total yet."""
    oldest_row: float | None
    newest_row: float | None
    deleted_before: float | None
    """Up to when rows were deleted; None: none ever were."""
    totals_since: int | None
    """When the first hour of the totals begins."""


def facts(connection: sqlite3.Connection) -> Facts:
    """Return what the history consists of. Raises sqlite3.Error."""

    def one(query: str) -> tuple[float | None, ...]:
        found: tuple[float | None, ...] = connection.execute(query).fetchone()
        return found

    (first,) = one("SELECT min(rowid) FROM requests")
    (last,) = one("SELECT max(rowid) FROM requests")
    (since,) = one("SELECT min(start) FROM hours")
    return Facts(
        pages=pages(connection),
        rows=0 if first is None or last is None else int(last - first) + 1,
        uncounted=bool(
            *one("SELECT EXISTS (SELECT 1 FROM requests INDEXED BY requests_uncounted WHERE series IS NULL)")
        ),
        oldest_row=one("SELECT min(at) FROM requests")[0],
        newest_row=one("SELECT max(at) FROM requests")[0],
        deleted_before=rows_since(connection),
        totals_since=None if since is None else int(since),
    )


def payload_count(path: Path, now: float) -> int | None:
    """Return how many payloads the file at ``path`` keeps; None where that cannot be told."""
    try:
        connection = open_payload_reader(path)
        if connection is None:
            return 0
        with closing(connection):
            counted: Iterable[int] = (
                connection.execute(f"SELECT count(*) FROM payloads_{bucket}").fetchone()[0]  # noqa: S608 - a number
                for bucket in live(connection, now)
            )
            return sum(counted)
    except sqlite3.Error:
        return None


def row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table has; of ``requests`` about how many. Raises sqlite3.Error."""
    counted = {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - constants
        for table in _TABLES
    }
    return {"requests": facts(connection).rows, **counted}
