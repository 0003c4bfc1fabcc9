"""Sums of measures, and what they say: rates, averages, money. Null is what nothing is known of; it is never a zero."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

SUMMED: Final = (
    *("requests", "succeeded", "input_tokens", "output_tokens", "cache_read_tokens"),
    *("cache_write_5m_tokens", "cache_write_1h_tokens", "cost", "cost_money", "unpriced", "unpriced_money"),
    *("total_ms", "speed_tokens", "speed_ms"),
)
"""The measures that the charts need."""
Sums = Mapping[str, int]


def named(numbers: Sequence[int | None], names: Sequence[str] = SUMMED) -> Sums:
    """Return the sums by the names of SUMMED; what was not read of them is 0."""
    found = {name: number or 0 for name, number in zip(names, numbers, strict=True)}
    return found if names is SUMMED else dict.fromkeys(SUMMED, 0) | found


def tokens(sums: Sums) -> int:
    """Return the tokens of all kinds."""
    return prompt(sums) + sums["output_tokens"]


def prompt(sums: Sums) -> int:
    """Return the tokens of requests: plain, read from a cache, and written to it."""
    return sums["input_tokens"] + sums["cache_read_tokens"] + written(sums)


def written(sums: Sums) -> int:
    """Return the tokens written to caches."""
    return sums["cache_write_5m_tokens"] + sums["cache_write_1h_tokens"]


def usd(sums: Sums, part: str = "cost") -> float | None:
    """Return a sum of money in USD: of ``cost``, ``plan`` or ``money``. None: there were some, and nothing is known."""
    cost, unknown = {
        "cost": (sums["cost"], sums["unpriced"]),
        "plan": (sums["cost"] - sums["cost_money"], sums["unpriced"] - sums["unpriced_money"]),
        "money": (sums["cost_money"], sums["unpriced_money"]),
    }[part]
    return None if unknown and not cost else cost / 1e6


def share(part: float, whole: float) -> float | None:
    """Return a percentage; None of nothing."""
    return round(100 * part / whole, 2) if whole else None


def mean(total: float, count: float) -> float | None:
    """Return an average; None of nothing."""
    return round(total / count, 2) if count else None


def speed(sums: Sums) -> float | None:
    """Return output tokens per second, of the answers whose first and last token have a time."""
    return mean(sums["speed_tokens"] * 1000, sums["speed_ms"])


def charted(sums: Sums, *, counts_only: bool = False) -> dict[str, Any]:
    """Return what one point of a chart says. ``counts_only``: nothing but how many requests there were is known."""
    if counts_only:
        return {"requests": sums["requests"]} | dict.fromkeys(_REST)
    requests, read = sums["requests"], sums["cache_read_tokens"]
    asked = sums["input_tokens"] + read + sums["cache_write_5m_tokens"] + sums["cache_write_1h_tokens"]
    succeeded = round(100 * sums["succeeded"] / requests, 2) if requests else None
    # Written out, as a chart has more than a thousand points: see usd().
    cost, money, unknown = sums["cost"], sums["cost_money"], sums["unpriced"]
    plan, unknown_money = cost - money, sums["unpriced_money"]
    return {
        "requests": requests,
        "tokens": asked + sums["output_tokens"],
        "costUsd": cost / 1e6 if cost or not unknown else None,
        "planCostUsd": plan / 1e6 if plan or unknown == unknown_money else None,
        "apiCostUsd": money / 1e6 if money or not unknown_money else None,
        "unpricedRequests": sums["unpriced"],
        "successRate": succeeded,
        "errorRate": None if succeeded is None else round(100 - succeeded, 2),
        "cacheHitRate": round(100 * read / asked, 2) if asked else None,
        "avgResponseTime": round(sums["total_ms"] / requests, 2) if requests else None,
        "avgTokensPerSecond": round(sums["speed_tokens"] * 1000 / sums["speed_ms"], 2)
        if sums["speed_ms"]
        else None,
    }


def totalled(point: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the totals of a span say, of which ``point`` is told by :func:`charted`."""
    same = ("requests", "successRate", "avgResponseTime", "planCostUsd", "apiCostUsd", "unpricedRequests")
    return {
        **{name: point[name] for name in (*same, "cacheHitRate", "avgTokensPerSecond")},
        "totalTokens": point["tokens"],
        "totalCostUsd": point["costUsd"],
    }


_REST: Final = (
    *("tokens", "costUsd", "planCostUsd", "apiCostUsd", "unpricedRequests", "successRate", "errorRate"),
    *("cacheHitRate", "avgResponseTime", "avgTokensPerSecond"),
)
