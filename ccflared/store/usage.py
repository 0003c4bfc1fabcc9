"""What was used in a span of time, by account, model, client, project, day or hour: from the totals alone."""

import datetime as dt
import sqlite3
from typing import Any, Final, Literal

from ccflared.store.measures import TIMES
from ccflared.store.percentile import percentile
from ccflared.store.spans import DAY, Picked, Span, by_name, by_step, day_start, values
from ccflared.store.sums import usd
from ccflared.store.totals import HOUR, calendar

By = Literal["account", "model", "client", "project", "day", "hour"]
MOST: Final = 1000
"""Rows that are told of; the total counts all."""
_FEW: Final = 2 * DAY
"""Seconds up to which a span is read from hours, exactly to the hour; a longer one from days."""
_TOKENS: Final = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_5m_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
}
_SUMMED: Final = (
    *("requests", "succeeded", "refused", *_TOKENS.values()),
    *("cost", "cost_money", "unpriced", "unpriced_money"),
)
_TIMES: Final = tuple(TIMES)
_HALF: Final = len(_TIMES) // 2


def usage(
    connection: sqlite3.Connection,
    *,
    by: By,
    since: float,
    until: float,
    zone: dt.tzinfo | None,
    origin: str | None = "client",
) -> dict[str, Any]:
    """Return what was used in [since, until), by ``by``; the most expensive first, days and hours by their time.

    ``since`` is moved to the beginning of its hour, or of its day in a span of more than two days. Raises
    sqlite3.Error.
    """
    over = _span(by, since, until, zone)
    picked = Picked(origin=origin)
    sums = _read(connection, by, over, picked, _SUMMED)
    times = _read(connection, by, over, picked, _TIMES)
    nothing = (0,) * len(_TIMES)
    rows = [
        {"key": _key(key, by, zone)} | _told(numbers, times.get(key, nothing))
        for key, numbers in sums.items()
    ]
    if by not in ("day", "hour"):
        rows.sort(key=lambda row: (-(row["cost_usd"] or 0), -row["requests"], row["key"] or ""))
    every = _columns(list(sums.values()), len(_SUMMED)), _columns(list(times.values()), len(_TIMES))
    return {
        "since": over.since,
        "until": until,
        "by": by,
        "rows": rows[-MOST:] if by in ("day", "hour") else rows[:MOST],
        "total": _told(*every),
    }


def _span(by: By, since: float, until: float, zone: dt.tzinfo | None) -> Span:
    day_of = calendar(zone)
    if by == "hour" or (by != "day" and until - since <= _FEW):
        return Span(since // HOUR * HOUR, HOUR, "hours", 0, until)
    day = day_of(since)
    return Span(day_start(day, zone), DAY, "days", day, until, day_of(until))


def _read(
    connection: sqlite3.Connection, by: By, over: Span, picked: Picked, names: tuple[str, ...]
) -> dict[Any, tuple[int, ...]]:
    given = values(picked, over)
    times = names is _TIMES
    if by in ("day", "hour"):
        query = by_step(names, over, picked, times=times)
    else:
        query = by_name(names, over, picked, (by,), times=times)
    return {key: tuple(numbers) for key, *numbers in connection.execute(query, given)}


def _key(key: Any, by: By, zone: dt.tzinfo | None) -> str | None:
    """Return what a row is of: a name, None for none; a day as 2026-11-26; an hour with its zone."""
    if by == "day":
        return f"{key // 10_000:04}-{key // 100 % 100:02}-{key % 100:02}"
    if by == "hour":
        return dt.datetime.fromtimestamp(key, zone).astimezone(zone).isoformat(timespec="minutes")
    return str(key) or None


def _columns(rows: list[tuple[int, ...]], width: int) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*rows, strict=True)) if rows else (0,) * width


def _told(numbers: tuple[int, ...], times: tuple[int, ...]) -> dict[str, Any]:
    sums = dict(zip(_SUMMED, numbers, strict=True))
    return {
        "requests": sums["requests"],
        "succeeded": sums["succeeded"],
        "refused": sums["refused"],
        "tokens": {kind: sums[name] for kind, name in _TOKENS.items()},
        "cost_usd": usd(sums),
        "plan_usd": usd(sums, "plan"),
        "money_usd": usd(sums, "money"),
        "unpriced": sums["unpriced"],
        "unpriced_plan": sums["unpriced"] - sums["unpriced_money"],
        "unpriced_money": sums["unpriced_money"],
        "first_byte_ms_p50": percentile(times[_HALF:], 0.5),
        "total_ms_p50": percentile(times[:_HALF], 0.5),
        "total_ms_p95": percentile(times[:_HALF], 0.95),
    }
