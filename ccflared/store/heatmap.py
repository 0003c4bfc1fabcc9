"""When there is most to do: what was used in each hour of the week, by the clock of a time zone."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from ccflared.store.spans import DAY, Picked, Span, by_hour, values
from ccflared.store.sums import charted, named
from ccflared.store.totals import HOUR

WEEK: Final = 7 * 24
_THURSDAY: Final = 3 * 24
"""The hour of the week, from Monday on, that the time since 1970 began with."""
_PLACE: Final = f"((each_hour.start + :offset) / {HOUR} + {_THURSDAY}) % {WEEK}"
_READ: Final = (
    *("requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens"),
    *("cache_write_1h_tokens", "cost", "unpriced"),
)
_TOLD: Final = ("requests", "tokens", "costUsd")


def heatmap(
    connection: sqlite3.Connection,
    over: Span,
    picked: Picked,
    now: float,
    zone: dt.tzinfo | None,
    *,
    counts_only: bool,
) -> list[dict[str, Any]]:
    """Return what was used since the first whole hour of a span, by weekday (0: Monday) and hour of the zone.

    Where clocks are not set to whole hours of UTC, an hour of it counts for the one that it begins in. Raises
    sqlite3.Error.
    """
    (first,) = connection.execute("SELECT min(start) FROM hours WHERE start >= ?", (over.since,)).fetchone()
    if first is None:
        return []
    week = [[0] * len(_READ) for _ in range(WEEK)]
    for since, until, offset in offsets(first, int(now) // HOUR * HOUR + HOUR, zone):
        given = values(picked, over) | {"whole": since, "until": until, "offset": offset}
        for place, *sums in connection.execute(by_hour(_READ, picked, _PLACE), given):
            week[place] = [one + (more or 0) for one, more in zip(week[place], sums, strict=True)]
    found = []
    for place, sums in enumerate(week):
        point = charted(named(sums, _READ), counts_only=counts_only)
        if point["requests"]:
            found.append({"weekday": place // 24, "hour": place % 24} | {name: point[name] for name in _TOLD})
    return found


def offsets(since: int, until: int, zone: dt.tzinfo | None) -> Iterator[tuple[int, int, int]]:
    """Yield the parts of [since, until) within which no clock is set, each with its offset from UTC; in seconds."""
    begun, offset = since, _ahead(since, zone)
    at = since
    while at < until:
        later = min(at + DAY, until)
        if _ahead(later, zone) != offset:
            while _ahead(at, zone) == offset:
                at += HOUR
            if at < until:
                yield begun, at, offset
                begun, offset = at, _ahead(at, zone)
            continue
        at = later
    yield begun, until, offset


def _ahead(at: int, zone: dt.tzinfo | None) -> int:
    offset = dt.datetime.fromtimestamp(at, dt.UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
