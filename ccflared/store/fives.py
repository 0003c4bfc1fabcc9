"""What charts of the last hours need of clients' requests, by model and five minutes; kept for two days.

Hours are too long for them, and rows too many. It is counted with the totals (totals.py), in the same transactions.
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

from ccflared.store.measures import MEASURES
from ccflared.store.sums import SUMMED

STEP: Final = 300
KEPT: Final = 2 * 86_400
"""Seconds that are kept, up to the latest of them that is not still to come."""

_COLUMNS: Final = ",\n".join(f"{name} INTEGER NOT NULL" for name in SUMMED)
TABLE: Final = f"""CREATE TABLE fives (
    start INTEGER NOT NULL,
    model TEXT NOT NULL,
    {_COLUMNS},
    PRIMARY KEY (start, model)
) STRICT, WITHOUT ROWID"""

_START: Final = f"cast(at AS INTEGER) / {STEP} * {STEP}"
_ADDED: Final = ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMMED)
# The statements are put together from the constants above; values are always parameters.
_ADD: Final = f"""
    INSERT INTO fives (start, model, {", ".join(SUMMED)})
    SELECT {_START}, s.model, {", ".join(f"coalesce(:sign * sum({MEASURES[name]}), 0)" for name in SUMMED)}
    FROM requests CROSS JOIN series AS s ON s.number = requests.series
    WHERE requests.origin = 'client' AND (%s) GROUP BY 1, 2
    ON CONFLICT (start, model) DO UPDATE SET {_ADDED}
"""  # noqa: S608
_THESE: Final = _ADD % "requests.rowid IN (SELECT value FROM json_each(:rows))"
_WITHIN: Final = _ADD % "at >= :since AND at < :until"
# A row of a clock that was ahead must not have all others forgotten until its time has come.
_LATEST: Final = """coalesce(
    (SELECT max(start) FROM fives WHERE start <= cast(strftime('%s', 'now') AS INTEGER)),
    (SELECT max(start) FROM fives)
)"""
_FORGET: Final = f"DELETE FROM fives WHERE start < {_LATEST} - {KEPT}"  # noqa: S608


def add(connection: sqlite3.Connection, rows: Iterable[int], *, back: bool = False) -> None:
    """Add rows, by their numbers, that have a series; or take them ``back`` out. Forgets what is too old."""
    connection.execute(_THESE, {"rows": json.dumps(list(rows)), "sign": -1 if back else 1})
    connection.execute(_FORGET)


def rebuild(connection: sqlite3.Connection, since: int, until: int) -> None:
    """Make what is kept of an hour anew from its rows, in the caller's transaction."""
    (latest,) = connection.execute(f"SELECT {_LATEST}").fetchone()
    connection.execute("DELETE FROM fives WHERE start >= ? AND start < ?", (since, until))
    if latest is None or until > latest - KEPT:
        connection.execute(_WITHIN, {"since": since, "until": until, "sign": 1})
        connection.execute(_FORGET)


def by_step(*, model: bool, some: bool = False) -> str:
    """Return the query for SUMMED by step from ``:since`` on; by model, and of some (``:models``), where wanted."""
    more = ", model" if model else ""
    those = " AND model IN (SELECT value FROM json_each(:models))" if some else ""
    sums = ", ".join(f"sum({name})" for name in SUMMED)
    group = f"start{more}"
    return f"SELECT {group}, {sums} FROM fives WHERE start >= :since{those} GROUP BY {group} ORDER BY {group}"  # noqa: S608


def requests(connection: sqlite3.Connection, since: float) -> int:
    """Return how many requests there were since the beginning of a step. Raises sqlite3.Error."""
    (found,) = connection.execute("SELECT sum(requests) FROM fives WHERE start >= ?", (since,)).fetchone()
    return found or 0
