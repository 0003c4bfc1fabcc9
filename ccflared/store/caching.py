"""What prompt caches saved, by account, model, client and project: from the totals, at list price."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final

from ccflared.store.spans import EVERYBODY, Picked, Span, by_name, values
from ccflared.store.sums import share

_SUMMED: Final = (
    *("requests", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
)
_BY: Final = {"account": "byAccount", "model": "byModel", "client": "byClient", "project": "byProject"}
_MOST: Final = 100
LOW: Final = 50.0
"""Per cent of what requests brought along that is read from the cache; less is worth a look."""
ENOUGH: Final = 10
"""Requests from which on a low share says anything."""

Saving = Callable[[str, Mapping[str, int]], float | None]
"""What reading from a cache saved a model, less what writing to it cost more, in USD; None: no price is known."""


def caching(
    connection: sqlite3.Connection, over: Span, saving: Saving, picked: Picked = EVERYBODY
) -> dict[str, Any]:
    """Return the shares and savings of a span. Raises sqlite3.Error."""
    given = values(picked, over)
    every: dict[tuple[str, str], _Sum] = {}
    whole = _Sum()
    pairs = by_name(_SUMMED, over, picked, ("account", "model"))
    for account, model, *sums in connection.execute(pairs, given):
        numbers = dict(zip(_SUMMED, sums, strict=True))
        if not any(sums[1:]):
            continue
        saved = saving(model, numbers)
        for each in (
            whole,
            *(every.setdefault(key, _Sum()) for key in (("account", account), ("model", model))),
        ):
            each.add(numbers, saved)
    # Which models these asked for is not read: theirs is what a token read from a cache has saved on average.
    mean = None if whole.saved is None or not whole.read else whole.saved / whole.read
    for column in ("client", "project"):
        for key, *sums in connection.execute(by_name(_SUMMED, over, picked, (column,)), given):
            if any(sums[1:]):
                numbers = dict(zip(_SUMMED, sums, strict=True))
                about = None if mean is None else mean * numbers["cache_read_tokens"]
                every.setdefault((column, key), _Sum(estimated=True)).add(numbers, about)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _BY.values()}
    for (column, key), each in sorted(every.items(), key=lambda item: -item[1].requests):
        rows[_BY[column]].append({"key": key or None, **each.told()})
    flagged = [{"kind": kind, **row} for kind, named in _BY.items() for row in rows[named] if row["flagged"]]
    return {
        "since": over.since,
        "totals": whole.told(),
        **{name: many[:_MOST] for name, many in rows.items()},
        "flagged": flagged[:_MOST],
    }


class _Sum:
    """What adds up of one key."""

    def __init__(self, *, estimated: bool = False) -> None:
        self.estimated = estimated
        self.requests = self.plain = self.read = self.written = self.unpriced = 0
        self.saved: float | None = None

    def add(self, numbers: Mapping[str, int], saved: float | None) -> None:
        """Add a series."""
        self.requests += numbers["requests"]
        self.plain += numbers["input_tokens"]
        self.read += numbers["cache_read_tokens"]
        self.written += numbers["cache_write_5m_tokens"] + numbers["cache_write_1h_tokens"]
        if saved is None:
            self.unpriced += numbers["requests"]
        else:
            self.saved = (self.saved or 0.0) + saved

    def told(self) -> dict[str, Any]:
        """Return it as it is answered."""
        rate = share(self.read, self.plain + self.read + self.written)
        return {
            "requests": self.requests,
            "inputTokens": self.plain,
            "cacheReadInputTokens": self.read,
            "cacheCreationInputTokens": self.written,
            "cacheHitRate": rate,
            "savingsUsd": None if self.saved is None else round(self.saved, 6),
            "savingsEstimated": self.estimated,
            "unpricedRequests": self.unpriced,
            "flagged": rate is not None and rate < LOW and self.requests >= ENOUGH,
        }
