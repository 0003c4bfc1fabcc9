"""Spans of time and what is picked of them, as SQL: where the measures of a span are read from, and by what rules.

Long spans are read from hours or days, never from rows; the last hours, in steps of minutes, from rows. Where rolls
know all the names that are asked for, these are read instead of the series, which are many. What is read begins with a
whole step, so that no first step is a part of one.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final, Literal

from ccflared.store.measures import MEASURES, ROLLS, TIMES
from ccflared.store.totals import HOUR, calendar

Grain = Literal["rows", "hours", "days"]
Status = Literal["all", "success", "error"]
DAY: Final = 86_400
_OF_SERIES: Final = ("hours", "hour_times", "days", "day_times")
_SAMPLES: Final = 4
"""Days, or hours, whose series are counted to know about how many there are in all."""
_ROWS: Final = "at >= :since AND at < :until"
_HOURS: Final = "start >= :since AND start < :until"
_DAYS: Final = "day >= :day AND day <= :last_day"
_WANTED: Final = {
    "all": "true",
    "success": f"({MEASURES['succeeded']})",
    "error": f"NOT coalesce({MEASURES['succeeded']}, false)",
}
_COUNTED: Final = {"all": "requests", "success": "succeeded", "error": "requests - succeeded"}


@dataclass(frozen=True, slots=True)
class Picked:
    """Whose requests are looked at; an empty tuple: all. ``''`` is what has none."""

    accounts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    status: Status = "all"
    origin: str | None = "client"
    """Who asked; None: whoever it was."""


EVERYBODY: Final = Picked()
"""All that clients asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since`` on, in steps of ``step`` seconds. ``day``: the number of the first, where it begins with a day."""

    since: float
    step: int
    grain: Grain
    day: int = 0
    until: float = 1e12
    last_day: int = 99_999_999

    def pieces(self, picked: Picked) -> "list[Span]":
        """Return what is read where steps do not matter: days, or hours and the rows before the first of them."""
        if self.grain != "rows":
            return [replace(self, grain="days") if self.day else self]
        if picked.status != "all":
            return [self]
        whole = -(-self.since // HOUR) * HOUR
        return [replace(self, until=whole), replace(self, since=whole, step=HOUR, grain="hours")]

    @property
    def exact(self) -> bool:
        """Whether all measures are kept apart by how requests ended; totals have only the counts."""
        return self.grain == "rows"


def span(seconds: float, step: int, now: float, zone: dt.tzinfo | None) -> Span:
    """Return the span of the last ``seconds``, from the beginning of the step that it begins in."""
    since = now - seconds
    day = calendar(zone)(since)
    if step >= DAY:
        return Span(day_start(day, zone), step, "days", day)
    if seconds > DAY:
        # What is not told by step is read from the days, so it begins with one.
        return Span(day_start(day, zone) // HOUR * HOUR, step, "hours", day)
    return Span(since // step * step, step, "hours" if step >= HOUR else "rows")


def day_start(day: int, zone: dt.tzinfo | None) -> float:
    """Return when a day began in the zone, that is given as 20261126; seconds since 1970."""
    if day < 10_101:
        return 0.0  # of a clock that was set to no time that a calendar has
    return dt.datetime(day // 10_000, day // 100 % 100, day % 100, tzinfo=zone).timestamp()


def values(picked: Picked, span: Span) -> dict[str, object]:
    """Return the parameters of the statements made here."""
    return {
        "since": span.since,
        "whole": -(-span.since // HOUR) * HOUR,
        "until": span.until,
        "day": span.day,
        "last_day": span.last_day,
        "accounts": json.dumps(picked.accounts),
        "models": json.dumps(picked.models),
        "clients": json.dumps(picked.clients),
        "projects": json.dumps(picked.projects),
        "origin": picked.origin,
    }


def by_step(names: Iterable[str], span: Span, picked: Picked, more: str = "", *, times: bool = False) -> str:
    """Return the query for the sums of measures by step, and by ``more`` (a name of series) if it is given.

    ``times``: of counts of times instead, which only hours and days have.
    """
    names = list(names)
    kind = roll_kind({more} if more else set(), picked)
    table, number, named = _place(span, kind, times=times)
    key = {"rows": f"cast(at AS INTEGER) / {span.step} * {span.step}", "hours": "start", "days": "day"}
    joined = f" CROSS JOIN {named} AS s ON s.number = {table}.{number}" if more else ""
    grouped, group = (f", s.{more} AS {more}", "1, 2") if more else ("", "1")
    sums = ", ".join(f"sum({what})" for what in _columns(names, span, picked, times=times))
    return (
        f"SELECT {key[span.grain]}{grouped}, {sums} FROM {table}{joined} "  # noqa: S608 - constants
        f"WHERE {_when(span, table)} AND {_rows(span, picked)} AND {_those(picked, table, number, named, kind)} "
        f"GROUP BY {group} ORDER BY {group}"
    )


def by_name(
    names: Iterable[str], span: Span, picked: Picked, columns: Sequence[str], *, times: bool = False
) -> str:
    """Return the query for the sums of measures, or of counts of times, by names of series: these, then the sums."""
    names = list(names)
    if span.grain == "rows":
        what = _columns(names, span, picked)
        sums = ", ".join(f"sum({each}) AS {name}" for name, each in zip(names, what, strict=True))
        read = (
            f"SELECT series AS number, {sums} FROM requests "  # noqa: S608 - constants
            f"WHERE {_when(span)} AND {_rows(span, picked)} AND {of_rows(picked)} GROUP BY series"
        )
        return _named(columns, names, read, None)
    kind = roll_kind(set(columns), picked)
    return _named(columns, names, _summed(names, span, picked, kind, times=times), kind)


def times_of_rows(span: Span, picked: Picked, key: Literal["step", "series"]) -> str:
    """Return the query for how long each request of a span took: its step or series, and milliseconds."""
    told = f"cast(at AS INTEGER) / {span.step} * {span.step}" if key == "step" else "series"
    return (
        f"SELECT {told}, total_ms, first_byte_ms FROM requests "  # noqa: S608 - constants
        f"WHERE {_when(span)} AND {_rows(span, picked)} AND {of_rows(picked)}"
    )


def in_all(names: Iterable[str], span: Span, picked: Picked, *, times: bool = False) -> str:
    """Return the query for the sums of measures, or of counts of times, over the whole span: one row of them."""
    kind = roll_kind(set(), picked)
    table, number, named = _place(span, kind, times=times)
    sums = ", ".join(f"sum({what})" for what in _columns(names, span, picked, times=times))
    return (
        f"SELECT {sums} FROM {table} WHERE {_when(span, table)} AND {_rows(span, picked)} "  # noqa: S608 - constants
        f"AND {_those(picked, table, number, named, kind)}"
    )


def by_hour(names: Iterable[str], picked: Picked, group: str) -> str:
    """Return the query for the sums of measures of each hour from ``:whole`` to ``:until``, grouped by ``group``.

    Each hour is sought for each of the wanted numbers, which are few: between them lie those of everybody else.
    """
    span = Span(0, HOUR, "hours")
    kind = roll_kind(set(), picked)
    table, number, named = _place(span, kind, times=False)
    sums = ", ".join(f"sum({what})" for what in _columns(names, span, picked))
    return (
        "WITH RECURSIVE each_hour (start) AS (SELECT :whole WHERE :whole < :until UNION ALL "  # noqa: S608
        f"SELECT start + {HOUR} FROM each_hour WHERE start + {HOUR} < :until) "
        f"SELECT {group} AS place, {sums} FROM each_hour CROSS JOIN {table} ON {table}.start = each_hour.start "
        f"WHERE {_those(picked, table, number, named, kind)} GROUP BY place"
    )


def of_rows(picked: Picked) -> str:
    """Return the condition on rows of ``requests`` that they are those of the names that are picked."""
    return _those(picked, "requests", "series", "series", None)


def series_read(connection: sqlite3.Connection, span: Span, picked: Picked) -> int:
    """Return about how many totals of series a span of hours or days has of what is picked. Raises sqlite3.Error."""
    table, number, named = _place(span, None, times=False)
    key = "day" if span.grain == "days" else "start"
    query = f"""
        WITH RECURSIVE step (at, place) AS (
            SELECT min({key}), 0 FROM {table} WHERE {_when(span)}
            UNION ALL
            SELECT (SELECT min({key}) FROM {table} WHERE {key} > at AND {_when(span)}), place + 1 FROM step
            WHERE at NOT NULL
        ),
        every AS MATERIALIZED (SELECT at, place FROM step WHERE at NOT NULL),
        some AS MATERIALIZED (
            SELECT at FROM every WHERE place % max(1, (SELECT count(*) FROM every) / {_SAMPLES}) = 0
        )
        SELECT (SELECT count(*) FROM every), (SELECT count(*) FROM some), count(*)
        FROM some CROSS JOIN {table} ON {table}.{key} = some.at
        WHERE {_those(picked, table, number, named, None)}
    """  # noqa: S608 - constants
    steps, looked_at, found = connection.execute(query, values(picked, span)).fetchone()
    return round(found * steps / looked_at) if looked_at else 0


def _named(columns: Sequence[str], names: Sequence[str], summed: str, kind: str | None) -> str:
    """Return the query that gives sums by number the names that they are wanted by."""
    sums = ", ".join(f"sum(p.{name}) AS {name}" for name in names)
    group = ", ".join(f"s.{column}" for column in columns)
    place = "series" if kind is None else "rolls"
    return (
        f"SELECT {group}, {sums} FROM ({summed}) AS p "  # noqa: S608 - constants
        f"CROSS JOIN {place} AS s ON s.number = p.number GROUP BY {group}"
    )


def _summed(names: Sequence[str], span: Span, picked: Picked, kind: str | None, *, times: bool) -> str:
    table, number, named = _place(span, kind, times=times)
    what = _columns(names, span, picked, times=times)
    sums = ", ".join(f"sum({each}) AS {name}" for name, each in zip(names, what, strict=True))
    return (
        f"SELECT {number} AS number, {sums} FROM {table} WHERE {_when(span, table)} "  # noqa: S608 - constants
        f"AND {_those(picked, table, number, named, kind)} GROUP BY {number}"
    )


def roll_kind(columns: AbstractSet[str], picked: Picked) -> str | None:
    """Return the kind of rolls that knows all names that are asked for; None: only the series do."""
    needed = columns | {
        name
        for name, some in (
            ("account", picked.accounts),
            ("model", picked.models),
            ("client", picked.clients),
            ("project", picked.projects),
        )
        if some
    }
    fitting = [kind for kind, known in ROLLS.items() if needed <= set(known)]
    return min(fitting, key=lambda kind: len(ROLLS[kind]), default=None)


def _place(span: Span, kind: str | None, *, times: bool) -> tuple[str, str, str]:
    """Return the table that is read, its column of numbers, and the table of whose they are."""
    if span.grain == "rows":
        return "requests", "series", "series"
    table = f"{span.grain[:-1]}_times" if times else span.grain
    return (table, "series", "series") if kind is None else (f"roll_{table}", "roll", "rolls")


def _when(span: Span, table: str = "") -> str:
    """Return the condition on the time. ``table``: of series, to seek those that are wanted, of each step."""
    condition = _DAYS if span.grain == "days" else _HOURS if span.grain == "hours" else _ROWS
    if table not in _OF_SERIES:
        return condition
    key = "day" if span.grain == "days" else "start"
    return f"""{table}.{key} IN (
        WITH RECURSIVE step (at) AS (
            SELECT min({key}) FROM {table} WHERE {condition}
            UNION ALL
            SELECT (SELECT min({key}) FROM {table} WHERE {key} > at AND {condition}) FROM step WHERE at NOT NULL
        )
        SELECT at FROM step WHERE at NOT NULL
    )"""  # noqa: S608 - constants


def _columns(names: Iterable[str], span: Span, picked: Picked, *, times: bool = False) -> list[str]:
    if span.grain == "rows":
        return [(MEASURES | TIMES)[name] for name in names]
    if picked.status == "all" or times:
        return list(names)
    return [_COUNTED[picked.status] if name == "requests" else "0" for name in names]


def _rows(span: Span, picked: Picked) -> str:
    return _WANTED[picked.status] if span.grain == "rows" else "true"


def _those(picked: Picked, table: str, number: str, named: str, kind: str | None) -> str:
    """Return the condition on the numbers of a table; rows that are in no total yet are in none of it."""
    clauses = [
        f"{column} IN (SELECT value FROM json_each(:{given}))"  # noqa: S608 - constants
        for column, given, some in (
            ("account", "accounts", picked.accounts),
            ("model", "models", picked.models),
            ("client", "clients", picked.clients),
            ("project", "projects", picked.projects),
        )
        if some
    ]
    if not clauses and table == "requests":
        counted = "requests.series NOT NULL"
        return counted if picked.origin is None else f"requests.origin = :origin AND {counted}"
    if picked.origin is not None:
        clauses.append("origin = :origin")
    if named == "rolls":
        clauses.insert(0, f"kind = '{kind}'")
    if not clauses:
        return "true"
    return f"{table}.{number} IN (SELECT number FROM {named} WHERE {' AND '.join(clauses)})"  # noqa: S608
