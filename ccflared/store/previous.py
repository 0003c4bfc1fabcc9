"""The span before another one, and as long: what it adds up to, so that a number can be told with its trend."""

import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ccflared.store.latency import of_all, percentiles
from ccflared.store.spans import DAY, Picked, Span, day_start, in_all, values
from ccflared.store.spending import rows_since
from ccflared.store.sums import SUMMED, Sums, charted, named, totalled
from ccflared.store.totals import HOUR, calendar


@dataclass(frozen=True, slots=True)
class Before:
    """The span before ``over``, which goes on until ``now``."""

    over: Span
    now: float
    zone: dt.tzinfo | None

    @property
    def since(self) -> float:
        """When it begins: to the hour, where it is longer than a day."""
        length = self.now - self.over.since
        since = self.over.since - length
        return since if length < 2 * DAY else -(-since // HOUR) * HOUR

    def pieces(self, *, rows: bool) -> Iterator[Span]:
        """Yield what it is read from: days, the hours before the first, and rows before the first hour.

        ``rows``: of rows alone.
        """
        since, until = self.since, self.over.since
        first, last = int(-(-since // HOUR) * HOUR), int(until // HOUR * HOUR)
        if rows or first >= last:
            yield Span(since, HOUR, "rows", 0, until)
            return
        if since < first:
            yield Span(since, HOUR, "rows", 0, first)
        if last < until and not self.over.day:
            yield Span(last, HOUR, "rows", 0, until)
        yield from self._whole(first, last)

    def _whole(self, first: int, last: int) -> Iterator[Span]:
        day_of = calendar(self.zone)
        day, end = day_of(first), self.over.day
        if day_start(day, self.zone) < first:
            day = day_of(day_start(day, self.zone) + 36 * HOUR)
        if not end or day >= end:
            yield Span(first, HOUR, "hours", 0, last)
            return
        # Where days do not begin with an hour of UTC, totals cannot tell the half hour between them apart.
        begins = day_start(day, self.zone) // HOUR * HOUR
        if first < begins:
            yield Span(first, HOUR, "hours", 0, begins)
        yield Span(begins, DAY, "days", day, last_day=day_of(day_start(end, self.zone) - 12 * HOUR))


def previous(
    connection: sqlite3.Connection, before: Before, picked: Picked, *, counts_only: bool
) -> dict[str, Any] | None:
    """Return the totals of the span before; None: the history does not reach back to its beginning.

    Raises sqlite3.Error.
    """
    since = before.since
    (first,) = connection.execute("SELECT min(start) FROM hours").fetchone()
    gone = rows_since(connection)
    pieces = list(before.pieces(rows=picked.status != "all" and before.over.exact))
    missing = gone is not None and any(piece.grain == "rows" and piece.since < gone for piece in pieces)
    if first is None or first > since or missing:
        return None
    point = charted(all_of(connection, pieces, picked), counts_only=counts_only)
    return {**totalled(point), **percentiles(None if counts_only else of_all(connection, pieces, picked))}


def all_of(connection: sqlite3.Connection, pieces: Iterable[Span], picked: Picked) -> Sums:
    """Return what a span that is read in pieces adds up to. Raises sqlite3.Error."""
    sums = [0] * len(SUMMED)
    for piece in pieces:
        numbers = connection.execute(in_all(SUMMED, piece, picked), values(picked, piece)).fetchone()
        sums = [one + (more or 0) for one, more in zip(sums, numbers, strict=True)]
    return named(sums)
