"""Whether the totals are what the rows add up to, and how they are made anew from these.

Both are done an hour, or a day, at a time, so that nobody waits for long. They cover the time that all rows are still
there of; what is older is known by the totals alone, and is never touched. Rows that are not counted yet are left out
on both sides.
"""

import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ccflared.store import fives, totals
from ccflared.store.measures import MEASURES, TIMES
from ccflared.store.spending import rows_since
from ccflared.store.totals import HOUR, add_sums, begin_sums, calendar, name_series, sum_up

_COLUMNS: Final = MEASURES | TIMES
_NAMES: Final = ("account", "model", "client", "project", "origin")
_WITHIN: Final = "series NOT NULL AND at >= :since AND at < :until"
_ROWS: Final = f"""
    SELECT series, {", ".join(f"coalesce(sum({what}), 0)" for what in _COLUMNS.values())}
    FROM requests INDEXED BY requests_at WHERE {_WITHIN} GROUP BY series
"""  # noqa: S608 - constants
_OF_HOURS: Final = ", ".join(f"sum({name})" for name in _COLUMNS)
_HOURS: Final = f"""
    SELECT series, {_OF_HOURS} FROM hours JOIN hour_times USING (start, series)
    WHERE start >= :since AND start < :until GROUP BY series
"""  # noqa: S608 - constants
_MISNAMED: Final = f"""
    {_WITHIN} AND NOT EXISTS (
        SELECT 1 FROM series AS s WHERE s.number = requests.series
        AND (({totals.NAMED}) = ({totals.KEY}) OR ({totals.NAMED}) = ({totals.REDUCED}))
    )
"""  # noqa: S608 - constants


def _rolled(table: str, key: str) -> str:
    """Return the query for the rolls of an hour or a day that are not the sums of their series."""
    times = f"{table[:-1]}_times"
    sums, same = ", ".join(f"sum({name})" for name in _COLUMNS), ", ".join(_COLUMNS)
    return f"""
        WITH added AS (
            SELECT roll, {sums} FROM {table} JOIN {times} USING ({key}, series) JOIN rolled USING (series)
            WHERE {key} = :key GROUP BY roll
        ), kept AS (
            SELECT roll, {same} FROM roll_{table} JOIN roll_{times} USING ({key}, roll) WHERE {key} = :key
        )
        SELECT DISTINCT roll FROM (
            SELECT * FROM (SELECT * FROM added EXCEPT SELECT * FROM kept)
            UNION ALL SELECT * FROM (SELECT * FROM kept EXCEPT SELECT * FROM added)
        )
    """  # noqa: S608 - constants


_ROLLED: Final = {"hour": _rolled("hours", "start"), "day": _rolled("days", "day")}
_DAYS_OF: Final = ("days of ", "days of!")
"""Between these are the marks that say which zone the days are of."""
_LONGEST_DAY: Final = 27 * HOUR
_LATEST: Final = 253_402_300_800
"""The year 10000: what a clock set to nonsense dates later is no time."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """An hour of UTC or a day of the configured zone: from ``since`` to ``until``, known in the totals as ``key``."""

    unit: Literal["hour", "day"]
    key: int
    since: int
    until: int


def stretches(connection: sqlite3.Connection, zone: dt.tzinfo | None) -> list[Stretch]:
    """Return the hours and days that rows or totals exist of and that rows cover wholly; hours before their day.

    Raises sqlite3.Error.
    """
    gone = rows_since(connection)
    least = 0.0 if gone is None else max(gone, 0.0)
    hours = set(_hours_of_rows(connection, least))
    keys = connection.execute(
        "SELECT DISTINCT start FROM hours WHERE start >= ? AND start < ?", (least, _LATEST)
    )
    hours |= {start for (start,) in keys}
    found = [Stretch("hour", start, start, start + HOUR) for start in hours if start >= least]
    local_day = calendar(zone)
    days = {local_day(moment) for start in hours for moment in (start, start + HOUR - 1)}
    days |= {day for (day,) in connection.execute("SELECT DISTINCT day FROM days")}
    for day in days:
        sides = _sides(day, zone)
        if sides is not None and sides[0] >= least:
            found.append(Stretch("day", day, *sides))
    return sorted(found, key=lambda each: (each.until, each.unit == "day"))


def days_of(connection: sqlite3.Connection) -> str | None:
    """Return the name of the zone that the days of the totals are of; None: nobody has said. Raises sqlite3.Error."""
    found = connection.execute("SELECT name FROM marks WHERE name >= ? AND name < ?", _DAYS_OF).fetchone()
    return None if found is None else str(found[0]).removeprefix(_DAYS_OF[0])


def say_days_of(connection: sqlite3.Connection, zone: str) -> None:
    """Note the name of the zone that the days of the totals are of from now on, in the caller's transaction."""
    connection.execute("DELETE FROM marks WHERE name >= ? AND name < ?", _DAYS_OF)
    connection.execute("INSERT INTO marks VALUES (?, 0)", (_DAYS_OF[0] + zone,))


def days_anew(connection: sqlite3.Connection, zone: dt.tzinfo | None) -> list[Stretch]:
    """Return the days to be made anew where they are of another zone now: by hours also those whose rows are gone.

    Raises sqlite3.Error.
    """
    gone = rows_since(connection)
    least = 0.0 if gone is None else max(gone, 0.0)
    local_day = calendar(zone)
    hours = connection.execute("SELECT DISTINCT start FROM hours WHERE start < ?", (_LATEST,)).fetchall()
    days = {local_day(moment) for (start,) in hours for moment in (start, start + HOUR - 1)}
    days |= {day for (day,) in connection.execute("SELECT DISTINCT day FROM days")}
    found = []
    for day in sorted(days):
        sides = _sides(day, zone)
        if sides is not None:
            stretch = Stretch("day", day, *sides)
            if _of_whole_hours(stretch) or sides[0] >= least:
                found.append(stretch)
    return found


def differences(connection: sqlite3.Connection, stretch: Stretch) -> Iterator[dict[str, Any]]:
    """Yield for each series of a stretch what its totals say otherwise than its rows, by measure. Raises sqlite3.Error.

    A series is told by its names; of one whose names are not those of its rows, ``misnamed`` says how many rows there
    are; ``rolls``: how many of them are not the sums of their series.
    """
    sides = {"since": stretch.since, "until": stretch.until}
    table = "hours" if stretch.unit == "hour" else "days"
    times = "hour_times" if stretch.unit == "hour" else "day_times"
    key = "start" if stretch.unit == "hour" else "day"
    told = f"""
        SELECT series, {", ".join(_COLUMNS)} FROM {table} LEFT JOIN {times} USING ({key}, series) WHERE {key} = :key
    """  # noqa: S608 - constants
    # An hour is held against its rows, a day against its hours, unless it begins within one.
    found = _HOURS if _of_whole_hours(stretch) else _ROWS
    values = {"key": stretch.key, **sides}
    wrong: dict[int, dict[str, tuple[Any, ...]]] = {}
    for side, query in (
        ("rows", f"SELECT * FROM ({found}) EXCEPT {told}"),  # noqa: S608
        ("totals", f"{told} EXCEPT SELECT * FROM ({found})"),  # noqa: S608
    ):
        for series, *sums in connection.execute(query, values):
            wrong.setdefault(series, {})[side] = tuple(sums)
    nothing = (0,) * len(_COLUMNS)
    for series, both in wrong.items():
        pairs = zip(_COLUMNS, both.get("rows", nothing), both.get("totals", nothing), strict=True)
        differing = {name: {"rows": rows, "totals": told} for name, rows, told in pairs if rows != told}
        if differing:
            yield {stretch.unit: stretch.key, **_named(connection, series), "measures": differing}
    rolled = connection.execute(_ROLLED[stretch.unit], {"key": stretch.key}).fetchall()
    if rolled:
        yield {stretch.unit: stretch.key, "rolls": len(rolled)}
    if stretch.unit == "hour":
        query = f"SELECT series, count(*) FROM requests WHERE {_MISNAMED} GROUP BY series"  # noqa: S608
        for series, number in connection.execute(query, sides):
            yield {"hour": stretch.key, **_named(connection, series), "misnamed": number}


def rebuild(connection: sqlite3.Connection, stretch: Stretch) -> int:
    """Replace the totals of a stretch by what its rows add up to, in the caller's transaction; return how many rows.

    Hours before the days that they are of. Raises sqlite3.Error.
    """
    sides = {"since": stretch.since, "until": stretch.until}
    if stretch.unit == "hour":
        misnamed = connection.execute(f"SELECT 1 FROM requests WHERE {_MISNAMED} LIMIT 1", sides)  # noqa: S608
        if misnamed.fetchone() is not None:
            name_series(connection, _WITHIN, sides)
    tables, key = (
        (("hours", "hour_times"), "start") if stretch.unit == "hour" else (("days", "day_times"), "day")
    )
    for table in (*tables, *(f"roll_{table}" for table in tables)):
        connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (stretch.key,))  # noqa: S608
    if _of_whole_hours(stretch):
        for of, before in (("series", ""), ("roll", "roll_")):
            for table, columns in (("day", MEASURES), ("day_time", TIMES)):
                of_hours = f"{before}{table.replace('day', 'hour')}s"
                connection.execute(
                    f"INSERT INTO {before}{table}s SELECT :key, {of}, "  # noqa: S608 - constants
                    f"{', '.join(f'sum({name})' for name in columns)} "
                    f"FROM {of_hours} WHERE start >= :since AND start < :until GROUP BY {of}",
                    {"key": stretch.key, **sides},
                )
        return 0
    begin_sums(connection)
    sum_up(connection, _WITHIN, sides, stretch.key)
    if stretch.unit == "day":
        add_sums(connection, "days")
        add_sums(connection, "day_times")
        return 0
    fives.rebuild(connection, stretch.since, stretch.until)
    add_sums(connection, "hours")
    add_sums(connection, "hour_times")
    (rows,) = connection.execute("SELECT coalesce(sum(requests), 0) FROM fresh").fetchone()
    return int(rows)


def _of_whole_hours(stretch: Stretch) -> bool:
    return stretch.unit == "day" and not stretch.since % HOUR and not stretch.until % HOUR


def _hours_of_rows(connection: sqlite3.Connection, since: float) -> Iterator[int]:
    """Step from one hour to the next in the index of times, instead of reading all of it."""
    while True:
        (at,) = connection.execute("SELECT min(at) FROM requests WHERE at >= ?", (since,)).fetchone()
        if at is None or at >= _LATEST:
            return
        yield int(at) // HOUR * HOUR
        since = int(at) // HOUR * HOUR + HOUR


def _sides(day: int, zone: dt.tzinfo | None) -> tuple[int, int] | None:
    """Return when a day, told as 20261126, begins and ends; None for one that no calendar has."""
    local_day = calendar(zone)
    try:
        first = dt.datetime(day // 10_000, day // 100 % 100, day % 100, tzinfo=zone).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    # The next day begins a day later, or an hour or so sooner or later where clocks are put.
    since = until = int(first)
    step = _LONGEST_DAY
    while step:
        if local_day(until + step - 1) == day:
            until += step
        step //= 2
    while local_day(until) == day:
        until += 1
    return since, until


def _named(connection: sqlite3.Connection, series: int) -> Mapping[str, Any]:
    query = f"SELECT {', '.join(_NAMES)} FROM series WHERE number = ?"  # noqa: S608
    found = connection.execute(query, (series,)).fetchone()
    return dict(zip(_NAMES, found or (None,) * len(_NAMES), strict=True))
