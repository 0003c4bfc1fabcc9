"""What clients asked for today, for status: one row of the day's totals, and the few rows that are in no total yet."""

import datetime as dt
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ccflared.store.measures import MEASURES
from ccflared.store.spans import day_start
from ccflared.store.totals import calendar

_TOKENS: Final = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
)
_SUMMED: Final = (
    *("requests", "complete", "truncated", "error", "client_gone", "refused", "failovers", "failovers_limit"),
    *_TOKENS,
    *("cost", "cost_money", "unpriced", "unpriced_money"),
)
_OF_ROWS: Final = ", ".join(f"coalesce(sum({MEASURES[name]}), 0)" for name in _SUMMED)
# Both are found by an index, and are as few however long the history is, or the day was.
_COUNTED: Final = f"""
    SELECT {", ".join(_SUMMED)} FROM rolls CROSS JOIN roll_days ON roll_days.roll = rolls.number
    WHERE kind = 'origin' AND origin = 'client' AND day = ?
"""  # noqa: S608 - constants
_UNCOUNTED: Final = f"""
    SELECT {_OF_ROWS} FROM requests INDEXED BY requests_uncounted
    WHERE series IS NULL AND at >= ? AND origin = 'client'
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Today:
    """The sums of a day that began at ``since``, seconds since 1970. ``known`` false: the history cannot be read.

    ``sums`` are by the names of measures: counts, tokens, and costs in millionths of a USD.
    """

    since: float
    known: bool = True
    sums: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMMED, 0))


def beginning(now: float, zone: dt.tzinfo | None) -> float:
    """Return when the day began that ``now`` is of, in the zone; None: the system's."""
    return day_start(calendar(zone)(now), zone)


def today(connection: sqlite3.Connection, *, now: float, zone: dt.tzinfo | None) -> Today:
    """Return what clients asked for since the day began in ``zone``. Raises sqlite3.Error."""
    since = beginning(now, zone)
    # One transaction: what is counted between two questions would be missed, or found twice.
    connection.execute("BEGIN")
    try:
        parts = connection.execute(_COUNTED, (calendar(zone)(now),)).fetchall()
        parts += connection.execute(_UNCOUNTED, (since,)).fetchall()
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    sums = (sum(column) for column in zip(*parts, strict=True))
    return Today(since, sums=dict(zip(_SUMMED, sums, strict=True)))
