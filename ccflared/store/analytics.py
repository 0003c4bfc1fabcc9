"""What all charts show: the requests of clients in a span of time, by step, and who had which share (see shares.py).

Read from the totals, but for steps of minutes; percentiles from the counts of times (see percentile.py).
"""

import datetime as dt
import sqlite3
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ccflared.store import fives
from ccflared.store.heatmap import heatmap
from ccflared.store.latency import FEW, of_all, of_steps, percentiles
from ccflared.store.previous import Before, all_of, previous
from ccflared.store.shares import FIRST, MOST_TIMES, Shares
from ccflared.store.spans import (
    DAY,
    EVERYBODY,
    Picked,
    Span,
    by_step,
    day_start,
    roll_kind,
    series_read,
    span,
    values,
)
from ccflared.store.sums import SUMMED, Sums, charted, named, totalled
from ccflared.store.totals import HOUR, calendar

Range = Literal["1h", "6h", "24h", "7d", "30d", "90d", "1y"]
RANGES: Final[dict[str, tuple[float, int, str]]] = {
    "1h": (3600, 60, "1m"),
    "6h": (6 * 3600, 300, "5m"),
    "24h": (DAY, HOUR, "1h"),
    "7d": (7 * DAY, HOUR, "1h"),
    "30d": (30 * DAY, DAY, "1d"),
    "90d": (90 * DAY, DAY, "1d"),
    "1y": (365 * DAY, DAY, "1d"),
}
"""Of each range: seconds, the step of its chart in seconds, and the step's name."""

PARTS: Final = ("previous", "timeSeries", "costByDay", "heatmap", "shares", "latency")
"""What may be asked for beside the totals. shares: all that is told by name; latency: percentiles of accounts and
models among that."""
_ROWS: Final = 10_000
"""Rows of minutes that the times of a chart are read from; of more than these they are left out."""
_SPENT: Final = ("requests", "tokens", "costUsd", "planCostUsd", "apiCostUsd", "unpricedRequests")
"""What is told of a day beside a chart of hours."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. ``zone``: of the days."""

    range: str
    now: float
    zone: dt.tzinfo | None
    picked: Picked = EVERYBODY
    cumulative: bool = False
    by_model: bool = False
    parts: AbstractSet[str] = frozenset(PARTS)


def analytics(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    """Return the whole document. Raises sqlite3.Error."""
    seconds, step, bucket = RANGES[asked.range]
    over = span(seconds, step, asked.now, asked.zone)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("BEGIN")  # one transaction, so that the numbers agree with each other
    try:
        look = _Look(connection, asked, over)
        return {**look.document(), "meta": look.meta(bucket)}
    finally:
        connection.execute("ROLLBACK")


class _Look:
    """What is read for one document."""

    def __init__(self, connection: sqlite3.Connection, asked: Asked, over: Span) -> None:
        self._connection, self._asked, self._over = connection, asked, over
        self._picked = asked.picked
        self._given = values(asked.picked, over)
        self._counts_only = asked.picked.status != "all" and not over.exact
        self._before = Before(over, asked.now, asked.zone)
        self._omitted: list[str] = []
        self._plain: list[tuple[int, str, Sums]] | None = None

    def document(self) -> dict[str, Any]:
        """Return all parts that are asked for."""
        parts = self._asked.parts
        shares = None
        if "shares" in parts:
            shares = Shares(
                self._connection,
                self._over,
                self._picked,
                counts_only=self._counts_only,
                latency="latency" in parts,
            )
            self._omitted += shares.omitted
        totals = self._totals(shares)
        found: dict[str, Any] = {"totals": totals}
        if "previous" in parts:
            found["previous"] = previous(
                self._connection, self._before, self._picked, counts_only=self._counts_only
            )
        if "timeSeries" in parts:
            found["timeSeries"] = self._series()
        if "costByDay" in parts:
            found["costByDay"] = self._days()
        if "heatmap" in parts:
            found["heatmap"] = self._heatmap()
        return found if shares is None else found | shares.told()

    def meta(self, bucket: str) -> dict[str, Any]:
        """Return what the document is about, and what is left out of it."""
        return {
            "range": self._asked.range,
            "bucket": bucket,
            "cumulative": self._asked.cumulative,
            "since": self._over.since,
            "until": self._asked.now,
            "status": self._picked.status,
            "countsOnly": self._counts_only,
            "previousSince": self._before.since,
            "omitted": sorted(self._omitted),
        }

    def _totals(self, shares: Shares | None) -> dict[str, Any]:
        found = None if shares is None else shares.whole()
        counts = None if shares is None else shares.counts()
        pieces = self._over.pieces(self._picked)
        sums, accounts = (all_of(self._connection, pieces, self._picked), None) if found is None else found
        if counts is None and not self._counts_only:
            counts = of_all(self._connection, pieces, self._picked)
        rates = (
            dict.fromkeys(_BURN)
            if self._picked.status != "all"
            else _burn(self._connection, self._asked, self._over)
        )
        point = charted(sums, counts_only=self._counts_only)
        return {**totalled(point), "activeAccounts": accounts, **percentiles(counts), **rates}

    def _series(self) -> list[dict[str, Any]]:
        asked, over = self._asked, self._over
        steps = self._steps(model=asked.by_model)
        busiest = _busiest(steps)
        times = self._times()
        points: list[dict[str, Any]] = []
        running: dict[str, dict[str, int]] = {}
        for start, model, sums in steps:
            if model not in busiest:
                continue
            shown = running.setdefault(model, dict.fromkeys(SUMMED, 0)) if asked.cumulative else {**sums}
            if asked.cumulative:
                for each in SUMMED:
                    shown[each] += sums[each]
            at = day_start(start, asked.zone) if over.grain == "days" else start
            point = {
                "ts": int(at * 1000),
                **charted(shown, counts_only=self._counts_only),
            }
            point |= percentiles(times.get(start), FEW)
            if asked.by_model:
                point["model"] = model or None
            points.append(point)
        return points

    def _steps(self, *, model: bool) -> list[tuple[int, str, Sums]]:
        """Return the sums of each step, and of each model where that is wanted; else its name is empty."""
        over = self._over
        if over.step == fives.STEP and replace(self._picked, models=()) == EVERYBODY:
            query = fives.by_step(model=model, some=bool(self._picked.models))
        else:
            query = by_step(SUMMED, over, self._picked, "model" if model else "")
        if model:
            found = self._connection.execute(query, self._given)
            return [(start, name, named(sums)) for start, name, *sums in found]
        if self._plain is None:
            found = self._connection.execute(query, self._given)
            self._plain = [(start, "", named(sums)) for start, *sums in found]
        return self._plain

    def _times(self) -> dict[int, Sequence[int]]:
        """Return the counts of times of each step: none of a chart by model or of sums, or where they are too many."""
        asked, over = self._asked, self._over
        if asked.by_model or asked.cumulative or self._counts_only:
            return {}
        rows = over.exact and fives.requests(self._connection, over.since // fives.STEP * fives.STEP) > _ROWS
        if rows or self._too_many(over):
            self._omitted.append("timeSeries.percentiles")
            return {}
        return of_steps(self._connection, over, self._picked)

    def _days(self) -> list[dict[str, Any]]:
        """Return what each day has cost."""
        if not self._over.day:
            return []
        if self._over.grain == "days":
            days = [(day, sums) for day, _, sums in self._steps(model=False)]
        else:
            query = by_step(SUMMED, replace(self._over, grain="days"), self._picked)
            days = [(day, named(sums)) for day, *sums in self._connection.execute(query, self._given)]
        found = []
        for day, sums in days:
            point = charted(sums, counts_only=self._counts_only)
            told = f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}"
            found.append({"day": told, **{name: point[name] for name in _SPENT}})
        return found

    def _heatmap(self) -> list[dict[str, Any]]:
        """Return when there was most to do."""
        if self._over.grain == "rows":
            return []
        if self._too_many(replace(self._over, grain="hours")):
            self._omitted.append("heatmap")
            return []
        return heatmap(
            self._connection,
            self._over,
            self._picked,
            self._asked.now,
            self._asked.zone,
            counts_only=self._counts_only,
        )

    def _too_many(self, over: Span) -> bool:
        """Whether a span that no roll knows all names of has too many totals of series to be waited for."""
        if over.exact or roll_kind(set(), self._picked) is not None:
            return False
        return series_read(self._connection, over, self._picked) > MOST_TIMES


def _busiest(steps: Iterable[tuple[int, str, Sums]]) -> set[str]:
    """Return the models with the most requests of all steps."""
    counts: dict[str, int] = {}
    for _, model, sums in steps:
        counts[model] = counts.get(model, 0) + sums["requests"]
    return set(sorted(counts, key=lambda model: (-counts[model], model))[:FIRST])


_BURN: Final = ("avgDailyPlanCostUsd", "avgDailyApiCostUsd", "avgWeeklyPlanCostUsd", "avgWeeklyApiCostUsd")


def _burn(connection: sqlite3.Connection, asked: Asked, over: Span) -> dict[str, float | None]:
    """Return what a day and a week cost: of the last 7 and 30 days, or of as many as there is anything of.

    Before a day has passed nobody knows what one costs.
    """
    (first,) = connection.execute("SELECT min(start) FROM hours").fetchone()
    age = 0.0 if first is None else (asked.now - first) / DAY
    if age < 1:
        return dict.fromkeys(_BURN)
    week, month = min(7.0, age), min(30.0, age)
    day_of = calendar(asked.zone)
    month_days = Span(over.since, DAY, "days", day_of(asked.now - 29 * DAY))
    given = values(asked.picked, month_days) | {"week": day_of(asked.now - 6 * DAY)}
    query = by_step(("cost", "cost_money"), month_days, asked.picked)
    plan_week, money_week, plan_month, money_month = (
        number or 0
        for number in connection.execute(
            "SELECT sum(iif(day >= :week, cost - money, 0)), sum(iif(day >= :week, money, 0)), "  # noqa: S608
            f"sum(cost - money), sum(money) FROM (WITH d (day, cost, money) AS ({query}) SELECT * FROM d)",
            given,
        ).fetchone()
    )
    return {
        "avgDailyPlanCostUsd": plan_week / week / 1e6,
        "avgDailyApiCostUsd": money_week / week / 1e6,
        "avgWeeklyPlanCostUsd": plan_month / month * 7 / 1e6,
        "avgWeeklyApiCostUsd": money_month / month * 7 / 1e6,
    }
