"""Adds rows of ``requests`` to the totals. Rows that are not counted yet have no series, so that none is ever missed.

A crash between writing a row and counting it leaves it uncounted, and it is counted later; each row once.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

from ccflared.store import fives
from ccflared.store.measures import MEASURES, ROLLS, TIMES

MOST_SERIES: Final = 100_000
"""Beyond them what is new is counted under OTHER: names of models and projects come from clients."""
OTHER: Final = "(other)"
HOUR: Final = 3600

Table = Literal["hours", "hour_times", "days", "day_times"]

# Qualified, because a series has columns of the same names. Half of a surrogate pair, which JSON can say and UTF-8
# cannot, must not become a name; nor must a row that somebody has damaged stop all counting.
_ASKED: Final = """iif(
    json_valid(requests.attempts) AND NOT instr(requests.attempts, '\\ud'),
    requests.attempts ->> '$[#-1].model', NULL
)"""
_MODEL: Final = f"coalesce(requests.served_model, {_ASKED}, '')"
_WHO: Final = "coalesce(requests.account, '')"
_CLIENT: Final = "coalesce(requests.client, '')"
KEY: Final = f"{_WHO}, {_MODEL}, {_CLIENT}, coalesce(requests.project, ''), requests.origin"
REDUCED: Final = f"{_WHO}, '{OTHER}', {_CLIENT}, '{OTHER}', requests.origin"
NAMED: Final = "s.account, s.model, s.client, s.project, s.origin"
# The statements are put together from the constants above; values are always parameters.
_FIRST: Final = f"SELECT min(s.number) FROM series AS s WHERE ({NAMED})"  # noqa: S608
_NUMBER: Final = f"coalesce(({_FIRST} = ({KEY})), ({_FIRST} = ({REDUCED})))"
_MISSING: Final = f"NOT EXISTS (SELECT 1 FROM series AS s WHERE ({NAMED}) = ({KEY}))"  # noqa: S608
_ADD_SERIES: Final = "INSERT INTO series (account, model, client, project, origin)"
_UNCOUNTED: Final = (
    "SELECT rowid, at FROM requests INDEXED BY requests_uncounted WHERE series IS NULL LIMIT ?"
)
THESE: Final = "requests.rowid IN (SELECT value FROM json_each(:rows))"
_SUMS: Final = MEASURES | TIMES
_FRESH: Final = f"CREATE TEMP TABLE IF NOT EXISTS fresh (start, day, series, {', '.join(_SUMS)})"
_SUM_UP: Final = f"""
    INSERT INTO fresh
    SELECT cast(at AS INTEGER) / {HOUR} * {HOUR}, :day, series,
        {", ".join(f"coalesce(sum({what}), 0)" for what in _SUMS.values())}
    FROM requests WHERE"""  # noqa: S608 - constants

_TURNED: Final = f"UPDATE fresh SET {', '.join(f'{name} = -{name}' for name in _SUMS)}"  # noqa: S608 - constants


def count(connection: sqlite3.Connection, zone: dt.tzinfo | None, most: int) -> int:
    """Add up to ``most`` rows that were not counted yet to hours and days; return how many there were.

    In the caller's transaction. ``zone``: of the days; None: the system's. Raises sqlite3.Error.
    """
    found = connection.execute(_UNCOUNTED, (most,)).fetchall()
    if not found:
        return 0
    name_series(connection, THESE, {"rows": json.dumps([number for number, _ in found])})
    _add(connection, found, zone)
    return len(found)


def take_back(
    connection: sqlite3.Connection, rows: Sequence[tuple[int, float]], zone: dt.tzinfo | None
) -> None:
    """Take rows, each given with its time, out of the totals, to be counted anew, in the caller's transaction."""
    _add(connection, rows, zone, back=True)
    connection.executemany(
        "UPDATE requests SET series = NULL WHERE rowid = ?", [(number,) for number, _ in rows]
    )


def _add(
    connection: sqlite3.Connection,
    rows: Iterable[tuple[int, float]],
    zone: dt.tzinfo | None,
    *,
    back: bool = False,
) -> None:
    """Add rows that have a series, each given with its time, to hours and days; or take them ``back`` out of these."""
    # The day is reckoned here: to give SQLite a function for it would have every statement prepared anew each time.
    local_day = calendar(zone)
    days: dict[int, list[int]] = {}
    rows = list(rows)
    fives.add(connection, (number for number, _ in rows), back=back)
    for number, at in rows:
        days.setdefault(local_day(at), []).append(number)
    begin_sums(connection)
    for day, numbers in days.items():
        sum_up(connection, THESE, {"rows": json.dumps(numbers)}, day)
    if back:
        connection.execute(_TURNED)
    for table in TABLES:
        add_sums(connection, table)


def name_series(connection: sqlite3.Connection, which: str, values: Mapping[str, object]) -> None:
    """Give the rows that the condition ``which`` is true for the number of their series; new ones are begun."""
    missing = f"FROM requests WHERE {which} AND {_MISSING}"
    if connection.execute(f"SELECT 1 {missing} LIMIT 1", values).fetchone() is not None:
        (known,) = connection.execute("SELECT count(*) FROM series").fetchone()
        room = max(0, MOST_SERIES - known)
        connection.execute(f"{_ADD_SERIES} SELECT DISTINCT {KEY} {missing} LIMIT {room}", values)
        reduced = f"NOT EXISTS ({_FIRST} = ({REDUCED}) HAVING min(s.number) NOT NULL)"
        connection.execute(f"{_ADD_SERIES} SELECT DISTINCT {REDUCED} {missing} AND {reduced}", values)
        roll_up(connection)
    connection.execute(f"UPDATE requests SET series = {_NUMBER} WHERE {which}", values)  # noqa: S608


def roll_up(connection: sqlite3.Connection) -> None:
    """Put the series that are in no roll yet into one of each kind; new ones are begun."""
    (known,) = connection.execute("SELECT coalesce(max(series), 0) FROM rolled").fetchone()
    for kind in ROLLS:
        add, put = _ROLLING[kind]
        connection.execute(add, (kind, known))
        connection.execute(put, (kind, known))


def begin_sums(connection: sqlite3.Connection) -> None:
    """Forget the sums that were made before."""
    connection.execute(_FRESH)
    connection.execute("DELETE FROM fresh")


def sum_up(connection: sqlite3.Connection, which: str, values: Mapping[str, object], day: int) -> int:
    """Add up the rows of one day that the condition ``which`` is true for, by hour and series; return how many sums."""
    return connection.execute(f"{_SUM_UP} {which} GROUP BY 1, 3", {"day": day, **values}).rowcount


def add_sums(connection: sqlite3.Connection, table: Table) -> None:
    """Add what was summed up to a table of totals, and to that of its rolls."""
    for statement in _ADDING[table]:
        connection.execute(statement)


def _rolling(names: Sequence[str]) -> tuple[str, str]:
    """Return the statements that begin the rolls of a kind which new series need, and that put these into them."""
    every = ("account", "model", "client", "project", "origin")
    projected = ", ".join(f"s.{name}" if name in names else "''" for name in every)
    same = f"(r.kind, {', '.join(f'r.{name}' for name in every)}) = (?1, {projected})"
    add = f"""
        INSERT INTO rolls (kind, {", ".join(every)}) SELECT DISTINCT ?1, {projected} FROM series AS s
        WHERE s.number > ?2 AND NOT EXISTS (SELECT 1 FROM rolls AS r WHERE {same})
    """  # noqa: S608 - constants
    put = f"""
        INSERT INTO rolled SELECT s.number, (SELECT min(r.number) FROM rolls AS r WHERE {same})
        FROM series AS s WHERE s.number > ?2
    """  # noqa: S608 - constants
    return add, put


_ROLLING: Final = {kind: _rolling(names) for kind, names in ROLLS.items()}


def _adding(table: str, key: str, columns: Mapping[str, str]) -> tuple[str, str]:
    """Return the statements that add what was summed up to a table of totals, and to that of its rolls."""
    names = ", ".join(columns)
    sums = ", ".join(f"sum({name})" for name in columns)
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in columns)
    of_series = f"""
        INSERT INTO {table} ({key}, series, {names})
        SELECT {key}, series, {sums} FROM fresh WHERE true GROUP BY 1, 2
        ON CONFLICT ({key}, series) DO UPDATE SET {added}
    """  # noqa: S608 - constants
    of_rolls = f"""
        INSERT INTO roll_{table} ({key}, roll, {names})
        SELECT {key}, roll, {sums} FROM fresh JOIN rolled USING (series) WHERE true GROUP BY 1, 2
        ON CONFLICT ({key}, roll) DO UPDATE SET {added}
    """  # noqa: S608 - constants
    return of_series, of_rolls


TABLES: Final[Mapping[Table, tuple[str, Mapping[str, str]]]] = {
    "hours": ("start", MEASURES),
    "hour_times": ("start", TIMES),
    "days": ("day", MEASURES),
    "day_times": ("day", TIMES),
}
"""The tables of totals: each with its key, and with its columns and what they sum up."""

_ADDING: Final = {table: _adding(table, key, columns) for table, (key, columns) in TABLES.items()}


def calendar(zone: dt.tzinfo | None) -> Callable[[float], int]:
    """Return the function that tells the day of a wall-clock time in the zone, as 20261126."""

    def local_day(at: float) -> int:
        try:
            day = dt.datetime.fromtimestamp(at // 60 * 60, zone)
        except (ValueError, OverflowError, OSError):
            return 0  # of a clock that was set to no time that a calendar has
        return day.year * 10_000 + day.month * 100 + day.day

    return local_day
