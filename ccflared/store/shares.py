"""Who had which share of a span: what was used by model, account, client and project, the busiest first.

Rolls know most of it. Where the names that are picked and those that are told apart stand together in no roll, it is
read from the series, once for all; and left out where there are too many of these to be waited for.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ccflared.store.latency import of_names, percentiles, together
from ccflared.store.spans import Picked, Span, by_name, roll_kind, series_read, values
from ccflared.store.sums import SUMMED, charted, mean, named, share, speed, tokens, usd, written

FIRST: Final = 10
"""How many models, accounts, clients and projects are told of."""
MOST: Final = 40_000
"""Totals of series that are read for one answer."""
MOST_TIMES: Final = 12_000
"""Likewise, of counts of times, which are many to each."""
_PAIRS: Final = 50
_ALL: Final = ", ".join(f"sum({name})" for name in SUMMED)
_TABLES: Final = {"part": ("account", "model"), "part_client": ("client",), "part_project": ("project",)}
"""The tables of the moment that everything is told from, and what they tell apart."""
_TOLD: Final[Mapping[str, Sequence[str]]] = {
    "part": (
        *("tokenBreakdown", "modelDistribution", "accountPerformance", "costByModel", "accountModelUsage"),
        "modelPerformance",
    ),
    "part_client": ("apiKeyPerformance",),
    "part_project": ("projectPerformance",),
}
"""What is told from each."""
_Names = tuple[str | None, ...]


class Shares:
    """The sums of a span by names, read into tables of the moment within the caller's transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        over: Span,
        picked: Picked,
        *,
        counts_only: bool,
        latency: bool,
    ) -> None:
        """Read them; ``latency``: how long the requests took, too. Raises sqlite3.Error."""
        self._connection, self._picked = connection, picked
        self._counts_only = counts_only
        pieces = over.pieces(picked)
        of_series = {name for name in _of_series(pieces[-1], picked) if pieces[-1].grain != "rows"}
        many = series_read(connection, pieces[-1], picked) if of_series else 0
        self._missing = of_series if many > MOST else set()
        self._untimed = "part" in of_series and many > MOST_TIMES
        for table, columns in _TABLES.items():
            connection.execute(f"CREATE TEMP TABLE {table} ({', '.join((*columns, *SUMMED))})")
        for piece in pieces:
            self._read(piece)
        self._times: dict[tuple[str | None, str | None], list[int]] | None = None
        if latency and not self._untimed and not counts_only:
            self._times = of_names(connection, pieces, picked)

    def _read(self, piece: Span) -> None:
        given = values(self._picked, piece)
        of_series = [name for name in _of_series(piece, self._picked) if name not in self._missing]
        if of_series:
            every = sorted({column for name in of_series for column in _TABLES[name]})
            query = by_name(SUMMED, piece, self._picked, every)
            self._connection.execute("DROP TABLE IF EXISTS temp.part_series")
            self._connection.execute(f"CREATE TEMP TABLE part_series AS {query}", given)
        for name, columns in _TABLES.items():
            group = ", ".join(columns)
            query = f"SELECT {group}, {_ALL} FROM part_series GROUP BY {group}"  # noqa: S608 - constants
            if name not in of_series:
                query = by_name(SUMMED, piece, self._picked, columns)
            if name not in self._missing:
                self._connection.execute(f"INSERT INTO {name} {query}", () if name in of_series else given)

    @property
    def omitted(self) -> list[str]:
        """The names of what is left out."""
        missing = [told for name in self._missing for told in _TOLD[name]]
        return missing + ["latency"] * self._untimed

    def whole(self) -> tuple[Mapping[str, int], int] | None:
        """Return the sums of all, and how many accounts there are; None: they are not to be had from here."""
        if "part" in self._missing:
            return None
        accounts = "count(DISTINCT iif(account != '' AND requests > 0, account, NULL))"
        *sums, many = self._connection.execute(f"SELECT {_ALL}, {accounts} FROM part").fetchone()  # noqa: S608
        return named(sums), many

    def counts(self) -> list[int] | None:
        """Return the counts of times of all; None: they are not to be had from here."""
        return None if self._times is None else together(self._times.values())

    def told(self) -> dict[str, Any]:
        """Return all that is told of them."""
        models, accounts = self._by("model"), self._by("account")
        costs = [] if self._counts_only else self._by("model", order="cost")
        return {
            "tokenBreakdown": self._breakdown(),
            "modelDistribution": [{"model": model, "count": sums["requests"]} for (model,), sums in models],
            "accountPerformance": [
                {"name": account, **self._point(sums), **self._percentiles(0, account)}
                for (account,), sums in accounts
            ],
            "costByModel": [_cost(model, sums) for (model,), sums in costs],
            "accountModelUsage": [
                {"account": account, "model": model, "count": sums["requests"]}
                for (account, model), sums in self._by("account, model", most=_PAIRS)
            ],
            "apiKeyPerformance": [
                {"id": client, "name": client, **self._point(sums)}
                for (client,), sums in self._by("client", table="part_client", most=FIRST + 1)
                if client is not None
            ][:FIRST],
            "projectPerformance": [
                {"name": project, **self._point(sums)}
                for (project,), sums in self._by("project", table="part_project")
            ],
            "modelPerformance": []
            if self._counts_only
            else [_model(model, sums) | self._percentiles(1, model) for (model,), sums in models],
        }

    def _by(
        self, columns: str, *, table: str = "part", order: str = "requests", most: int = FIRST
    ) -> list[tuple[_Names, dict[str, int]]]:
        """Return the sums by columns of what was read, the largest first; '' is None."""
        if table in self._missing:
            return []
        many = len(columns.split(", "))
        query = (
            f"SELECT {columns}, {_ALL} FROM {table} GROUP BY {columns} HAVING sum(requests) > 0 "  # noqa: S608
            f"ORDER BY sum({order}) DESC, {columns} LIMIT {most}"
        )
        return [
            (tuple(name or None for name in found[:many]), dict(named(found[many:])))
            for found in self._connection.execute(query)
        ]

    def _point(self, sums: Mapping[str, int]) -> dict[str, Any]:
        return charted(sums, counts_only=self._counts_only)

    def _percentiles(self, column: int, name: str | None) -> dict[str, int | None]:
        """Return the percentiles of an account (column 0) or a model (1)."""
        if self._times is None:
            return percentiles(None)
        return percentiles(
            together(numbers for names, numbers in self._times.items() if names[column] == name)
        )

    def _breakdown(self) -> dict[str, int | None]:
        found = self.whole()
        sums = named([0] * len(SUMMED)) if found is None else found[0]
        breakdown = {
            "inputTokens": sums["input_tokens"],
            "cacheReadInputTokens": sums["cache_read_tokens"],
            "cacheCreationInputTokens": written(sums),
            "cacheCreation5mInputTokens": sums["cache_write_5m_tokens"],
            "cacheCreation1hInputTokens": sums["cache_write_1h_tokens"],
            "outputTokens": sums["output_tokens"],
        }
        return dict.fromkeys(breakdown) if self._counts_only or found is None else {**breakdown}


def _of_series(piece: Span, picked: Picked) -> list[str]:
    """Return which tables are made from what is read of series: what no roll knows, and all where rows are read."""
    return [
        name
        for name, columns in _TABLES.items()
        if piece.grain == "rows" or roll_kind(set(columns), picked) is None
    ]


def _cost(model: str | None, sums: Mapping[str, int]) -> dict[str, Any]:
    return {
        "model": model,
        "costUsd": usd(sums),
        "planCostUsd": usd(sums, "plan"),
        "apiCostUsd": usd(sums, "money"),
        "unpricedRequests": sums["unpriced"],
        "requests": sums["requests"],
        "totalTokens": tokens(sums),
    }


def _model(model: str | None, sums: Mapping[str, int]) -> dict[str, Any]:
    """Return how a model did. The slowest and fastest single answers are not kept in totals: null."""
    return {
        "model": model,
        "requests": sums["requests"],
        "avgResponseTime": mean(sums["total_ms"], sums["requests"]),
        "errorRate": share(sums["requests"] - sums["succeeded"], sums["requests"]),
        "avgTokensPerSecond": speed(sums),
        "minTokensPerSecond": None,
        "maxTokensPerSecond": None,
    }
