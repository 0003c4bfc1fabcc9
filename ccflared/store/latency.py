"""How long requests took, from counts of times: some percentiles of the whole answer and of its first byte."""

import json
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from ccflared.store.measures import BOUNDS, TIMES
from ccflared.store.percentile import percentile
from ccflared.store.spans import Picked, Span, by_name, by_step, in_all, times_of_rows, values

COUNTED: Final = tuple(TIMES)
"""The counts that everything here is made from, in their order: those of whole answers, then of first bytes."""
_HALF: Final = len(COUNTED) // 2
_SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
PERCENTILES: Final = tuple(f"{name}{what}" for what in ("ResponseTime", "FirstByte") for name in _SHARES)
"""What is told, in milliseconds."""
FEW: Final = ("p50ResponseTime", "p95ResponseTime", "p50FirstByte", "p95FirstByte")
"""What is told of a point of a chart."""


def percentiles(
    counts: Sequence[int | None] | None, told: Iterable[str] = PERCENTILES
) -> dict[str, int | None]:
    """Return the percentiles of counts; None where there is nothing to tell of."""
    if counts is None:
        return dict.fromkeys(told)
    numbers = [count or 0 for count in counts]
    sides = {"ResponseTime": numbers[:_HALF], "FirstByte": numbers[_HALF:]}
    return {name: percentile(sides[name[3:]], _SHARES[name[:3]]) for name in told}


def together(many: Iterable[Sequence[int | None]]) -> list[int]:
    """Return the counts of all of them."""
    found = [0] * len(COUNTED)
    for counts in many:
        found = [one + (more or 0) for one, more in zip(found, counts, strict=True)]
    return found


def of_steps(connection: sqlite3.Connection, over: Span, picked: Picked) -> dict[int, Sequence[int]]:
    """Return the counts of each step of a span. Raises sqlite3.Error."""
    if over.grain == "rows":
        return dict(_of_rows(connection, over, picked, "step"))
    query = by_step(COUNTED, over, picked, times=True)
    return {start: counts for start, *counts in connection.execute(query, values(picked, over))}


def of_names(
    connection: sqlite3.Connection, pieces: Iterable[Span], picked: Picked
) -> dict[tuple[str | None, str | None], list[int]]:
    """Return the counts of each account and model of a span that is read in pieces. Raises sqlite3.Error."""
    found: dict[tuple[str | None, str | None], list[int]] = {}
    for piece in pieces:
        for account, model, *counts in _by_name(connection, piece, picked):
            key = account or None, model or None
            found[key] = together([found[key], counts]) if key in found else counts
    return found


def of_all(connection: sqlite3.Connection, pieces: Iterable[Span], picked: Picked) -> list[int]:
    """Return the counts of a whole span that is read in pieces. Raises sqlite3.Error."""
    found: list[Sequence[int | None]] = []
    for piece in pieces:
        if piece.grain == "rows":
            found += _of_rows(connection, piece, picked, "step").values()
        else:
            query = in_all(COUNTED, piece, picked, times=True)
            found.append(connection.execute(query, values(picked, piece)).fetchone())
    return together(found)


def _by_name(connection: sqlite3.Connection, piece: Span, picked: Picked) -> Iterable[Any]:
    if piece.grain != "rows":
        query = by_name(COUNTED, piece, picked, ("account", "model"), times=True)
        return connection.execute(query, values(picked, piece))
    counts = _of_rows(connection, piece, picked, "series")
    query = "SELECT number, account, model FROM series WHERE number IN (SELECT value FROM json_each(?))"
    names = connection.execute(query, (json.dumps(list(counts)),))
    return [(account, model, *counts[number]) for number, account, model in names]


def _of_rows(
    connection: sqlite3.Connection, span: Span, picked: Picked, key: Literal["step", "series"]
) -> dict[int, list[int]]:
    """Return the counts that rows make: to look at each once is less work than to ask for each count of all."""
    found: dict[int, list[int]] = {}
    query = times_of_rows(span, picked, key)
    for where, total, first in connection.execute(query, values(picked, span)):
        counts = found.get(where)
        if counts is None:
            counts = found[where] = [0] * len(COUNTED)
        counts[bisect_left(BOUNDS, total)] += 1
        if first is not None:
            counts[_HALF + bisect_left(BOUNDS, first)] += 1
    return found
