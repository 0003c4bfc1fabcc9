"""What was spent since a time, by account or client: exact, whatever of the rows has been deleted, and read quickly.

Whole hours come from the totals. Rows are read for the parts of hours at either end, and where they are in no total
yet: after a crash those of its last seconds. A zone whose days begin within an hour has such a part at the beginning,
too; where its rows are gone, whole days stand for it.
"""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from typing import Final, Literal

from ccflared.store.measures import MEASURES
from ccflared.store.totals import HOUR, calendar

ROWS_SINCE: Final = "rows_since"
"""The mark that says up to when rows were deleted."""

Spender = Literal["account", "client"]

_SPENT: Final = ("charged", "charged_money")
_OF_ROWS: Final = ", ".join(f"total({MEASURES[name]})" for name in _SPENT)
_OF_TOTALS: Final = ", ".join(f"total({name})" for name in _SPENT)
_SIDES: Final = "charged_microusd IS NOT NULL AND at >= ? AND at < ?"


def spent(
    connection: sqlite3.Connection, who: Spender, *, since: float, before: float, zone: dt.tzinfo | None
) -> dict[str, tuple[int, int]]:
    """Return what the requests in [since, before) cost in all and in money, in millionths of a USD, by name.

    ``since``: the beginning of a day in ``zone``. Raises sqlite3.Error.
    """
    # One transaction: what is counted between two questions would be missed, or found twice.
    connection.execute("BEGIN")
    try:
        parts = list(_parts(connection, who, since, before, zone))
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    sums: dict[str, tuple[int, int]] = {}
    for name, sign, value, money in parts:
        before_value, before_money = sums.get(name, (0, 0))
        sums[name] = before_value + sign * round(value), before_money + sign * round(money)
    return {name: both for name, both in sums.items() if any(both)}


def rows_since(connection: sqlite3.Connection) -> float | None:
    """Return up to when rows were deleted; None: none ever were."""
    found = connection.execute("SELECT value FROM marks WHERE name = ?", (ROWS_SINCE,)).fetchone()
    return None if found is None else float(found[0])


def _parts(
    connection: sqlite3.Connection, who: Spender, since: float, before: float, zone: dt.tzinfo | None
) -> Iterator[tuple[str, int, float, float]]:
    """Yield names with a sign and what is to be added by it."""
    first = -int(-since // HOUR) * HOUR
    last = max(first, int(min(before, 1e15) // HOUR) * HOUR)
    deleted = rows_since(connection)
    if first > since and deleted is not None and deleted > since:
        # Rows of after ``before`` are in the totals of days, too: they are young, and there.
        yield from _totals(connection, who, "days", calendar(zone)(since), 1 << 62)
        for name, sign, value, money in _rows(connection, who, "series IS NOT NULL", before, 1e300):
            yield name, -sign, value, money
    else:
        yield from _rows(connection, who, "series IS NOT NULL", since, min(first, before))
        yield from _totals(connection, who, "hours", first, last)
        yield from _rows(connection, who, "series IS NOT NULL", max(last, since), before)
    yield from _rows(connection, who, "series IS NULL", since, before)


def _totals(
    connection: sqlite3.Connection, who: Spender, table: Literal["hours", "days"], since: int, before: int
) -> Iterator[tuple[str, int, float, float]]:
    key = "start" if table == "hours" else "day"
    kind = "pair" if who == "account" else "client"
    query = f"""
        SELECT {who}, {_OF_TOTALS} FROM roll_{table} CROSS JOIN rolls ON rolls.number = roll_{table}.roll
        WHERE {key} >= ? AND {key} < ? AND kind = ? AND {who} != '' GROUP BY 1
    """  # noqa: S608 - constants
    for name, value, money in connection.execute(query, (since, before, kind)):
        yield name, 1, value, money


def _rows(
    connection: sqlite3.Connection, who: Spender, which: str, since: float, before: float
) -> Iterator[tuple[str, int, float, float]]:
    if since < before:
        # Named, or SQLite might go through all rows in the order of the names.
        index = "requests_uncounted" if which == "series IS NULL" else "requests_at"
        query = (
            f"SELECT {who}, {_OF_ROWS} FROM requests INDEXED BY {index} WHERE {which} AND {_SIDES} GROUP BY 1"  # noqa: S608
        )
        for name, value, money in connection.execute(query, (since, before)):
            if name:
                yield name, 1, value, money
