"""What all charts show: the requests of clients in a span of time, by step, account, model and client.

Read from the totals, but for steps of minutes; percentiles from the counts of times (see percentile.py).
"""

import datetime as dt
import sqlite3
from dataclasses import dataclass
from typing import Any, Final, Literal

from ccflared.store import fives
from ccflared.store.measures import TIMES
from ccflared.store.percentile import percentile
from ccflared.store.spans import DAY, EVERYBODY, Picked, Span, by_name, by_step, day_start, span, values
from ccflared.store.sums import SUMMED, charted, mean, named, share, speed, tokens, usd, written
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

_FIRST: Final = 10
"""How many models, accounts and clients are told of, the busiest first."""
_PAIRS: Final = 50
_TOTAL_TIMES: Final = tuple(name for name in TIMES if name.startswith("total_"))
_ALL: Final = ", ".join(f"sum({name})" for name in SUMMED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. ``zone``: of the days."""

    range: str
    now: float
    zone: dt.tzinfo | None
    picked: Picked = EVERYBODY
    cumulative: bool = False
    by_model: bool = False


def analytics(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    """Return the whole document. Raises sqlite3.Error."""
    seconds, step, name = RANGES[asked.range]
    over = span(seconds, step, asked.now, asked.zone)
    picked = asked.picked
    given = values(picked, over)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("BEGIN")  # one transaction, so that the numbers agree with each other
    try:
        connection.execute(
            f"CREATE TEMP TABLE part AS {by_name(SUMMED, over, picked, ('account', 'model'))}", given
        )
        counts_only = picked.status != "all" and not over.exact
        return {
            "meta": {
                "range": asked.range,
                "bucket": name,
                "cumulative": asked.cumulative,
                "since": over.since,
                "until": asked.now,
                "status": picked.status,
                "countsOnly": counts_only,
            },
            "totals": _totals(connection, asked, over, counts_only=counts_only),
            "timeSeries": _series(connection, asked, over, counts_only=counts_only),
            **_parts(connection, counts_only=counts_only),
            "apiKeyPerformance": _clients(connection, asked, over, counts_only=counts_only),
            "modelPerformance": [] if counts_only else _models(connection, asked, over),
        }
    finally:
        connection.execute("ROLLBACK")


def _totals(connection: sqlite3.Connection, asked: Asked, over: Span, *, counts_only: bool) -> dict[str, Any]:
    sums = named(connection.execute(f"SELECT {_ALL} FROM part").fetchone())  # noqa: S608 - constants
    (accounts,) = connection.execute(
        "SELECT count(DISTINCT account) FROM part WHERE account != '' AND requests > 0"
    ).fetchone()
    point = charted(sums, counts_only=counts_only)
    rates = dict.fromkeys(_BURN) if asked.picked.status != "all" else _burn(connection, asked, over)
    return {
        "requests": point["requests"],
        "successRate": point["successRate"],
        "activeAccounts": accounts,
        "avgResponseTime": point["avgResponseTime"],
        "totalTokens": point["tokens"],
        "totalCostUsd": point["costUsd"],
        "planCostUsd": point["planCostUsd"],
        "apiCostUsd": point["apiCostUsd"],
        "unpricedRequests": point["unpricedRequests"],
        "cacheHitRate": point["cacheHitRate"],
        "avgTokensPerSecond": point["avgTokensPerSecond"],
        **rates,
    }


_BURN: Final = ("avgDailyPlanCostUsd", "avgDailyApiCostUsd", "avgWeeklyPlanCostUsd", "avgWeeklyApiCostUsd")


def _burn(connection: sqlite3.Connection, asked: Asked, over: Span) -> dict[str, float | None]:
    """Return what a day and a week cost: of the last 7 and 30 days, or of as many as there is anything of."""
    (first,) = connection.execute("SELECT min(start) FROM hours").fetchone()
    if first is None:
        return dict.fromkeys(_BURN)
    age = max(1.0, (asked.now - first) / DAY)
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


def _series(
    connection: sqlite3.Connection, asked: Asked, over: Span, *, counts_only: bool
) -> list[dict[str, Any]]:
    if over.step == fives.STEP and asked.picked == EVERYBODY:
        query = fives.by_step(model=asked.by_model)
    else:
        query = by_step(SUMMED, over, asked.picked, "model" if asked.by_model else "")
    points: list[dict[str, Any]] = []
    busiest = {model for (model,), _ in _by(connection, "model")} if asked.by_model else {None}
    running: dict[str | None, dict[str, int]] = {}
    for start, *rest in connection.execute(query, values(asked.picked, over)):
        model = rest.pop(0) or None if asked.by_model else None
        if model not in busiest:
            continue
        sums = named(rest)
        if asked.cumulative:
            before = running.setdefault(model, dict.fromkeys(SUMMED, 0))
            for each in SUMMED:
                before[each] += sums[each]
            sums = before
        at = day_start(start, asked.zone) if over.grain == "days" else start
        point = {"ts": int(at * 1000), **charted(sums, counts_only=counts_only)}
        if asked.by_model:
            point["model"] = model
        points.append(point)
    return points


def _parts(connection: sqlite3.Connection, *, counts_only: bool) -> dict[str, Any]:
    """Return the breakdowns by kind of token, model, account and client."""
    whole = named(connection.execute(f"SELECT {_ALL} FROM part").fetchone())  # noqa: S608 - constants
    breakdown = {
        "inputTokens": whole["input_tokens"],
        "cacheReadInputTokens": whole["cache_read_tokens"],
        "cacheCreationInputTokens": written(whole),
        "cacheCreation5mInputTokens": whole["cache_write_5m_tokens"],
        "cacheCreation1hInputTokens": whole["cache_write_1h_tokens"],
        "outputTokens": whole["output_tokens"],
    }
    models, accounts = _by(connection, "model"), _by(connection, "account")
    costs = [] if counts_only else _by(connection, "model", order="cost")
    return {
        "tokenBreakdown": dict.fromkeys(breakdown) if counts_only else breakdown,
        "modelDistribution": [{"model": model, "count": sums["requests"]} for (model,), sums in models],
        "accountPerformance": [
            {"name": account, **charted(sums, counts_only=counts_only)} for (account,), sums in accounts
        ],
        "costByModel": [
            {
                "model": model,
                "costUsd": usd(sums),
                "planCostUsd": usd(sums, "plan"),
                "apiCostUsd": usd(sums, "money"),
                "unpricedRequests": sums["unpriced"],
                "requests": sums["requests"],
                "totalTokens": tokens(sums),
            }
            for (model,), sums in costs
        ],
        "accountModelUsage": [
            {"account": account, "model": model, "count": sums["requests"]}
            for (account, model), sums in _by(connection, "account, model", most=_PAIRS)
        ],
    }


def _clients(
    connection: sqlite3.Connection, asked: Asked, over: Span, *, counts_only: bool
) -> list[dict[str, Any]]:
    query = by_name(SUMMED, over, asked.picked, ("client",))
    found = [
        (client, named(numbers))
        for client, *numbers in connection.execute(query, values(asked.picked, over))
        if client
    ]
    found.sort(key=lambda each: (-each[1]["requests"], each[0]))
    return [
        {"id": client, "name": client, **charted(sums, counts_only=counts_only)}
        for client, sums in found[:_FIRST]
        if sums["requests"]
    ]


def _by(
    connection: sqlite3.Connection, columns: str, *, order: str = "requests", most: int = _FIRST
) -> list[tuple[tuple[str | None, ...], dict[str, int]]]:
    """Return the sums by columns of the part that was read, the largest first; '' is None."""
    many = len(columns.split(", "))
    query = (
        f"SELECT {columns}, {_ALL} FROM part GROUP BY {columns} HAVING sum(requests) > 0 "  # noqa: S608
        f"ORDER BY sum({order}) DESC, {columns} LIMIT {most}"
    )
    return [
        (tuple(name or None for name in found[:many]), dict(named(found[many:])))
        for found in connection.execute(query)
    ]


def _models(connection: sqlite3.Connection, asked: Asked, over: Span) -> list[dict[str, Any]]:
    """Return how the busiest models did. The slowest and fastest single answers are not kept in totals: null."""
    picked = asked.picked
    query = by_name(_TOTAL_TIMES, over, picked, ("model",), times=True)
    times = {
        model: percentile(numbers, 0.95)
        for model, *numbers in connection.execute(query, values(picked, over))
    }
    return [
        {
            "model": model,
            "requests": sums["requests"],
            "avgResponseTime": mean(sums["total_ms"], sums["requests"]),
            "p95ResponseTime": times.get(model or ""),
            "errorRate": share(sums["requests"] - sums["succeeded"], sums["requests"]),
            "avgTokensPerSecond": speed(sums),
            "minTokensPerSecond": None,
            "maxTokensPerSecond": None,
        }
        for (model,), sums in _by(connection, "model")
    ]
