"""Budgets of a day and a month: what is spent of them, and until when a spent one counts.

Amounts are whole millionths of a USD. Days and months are those of a time zone; None is the system's.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from ccflared.config.model import Budget

Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in the day and in the month that began at these wall-clock times. Nothing yet: Spent()."""

    day: int = 0
    month: int = 0
    day_start: float = 0.0
    month_start: float = 0.0


def period_start(now: float, zone: tzinfo | None, period: Period) -> float:
    """Return the wall-clock time at which the day or month that ``now`` is in began."""
    return _bounds(now, zone, period)[0]


def period_end(now: float, zone: tzinfo | None, period: Period) -> float:
    """Return the wall-clock time at which the next day or month begins; always later than ``now``."""
    return _bounds(now, zone, period)[1]


def _bounds(now: float, zone: tzinfo | None, period: Period) -> tuple[float, float]:
    # The fraction is cut off, as rounding it up could make it tomorrow.
    day = datetime.fromtimestamp(math.floor(now), zone).date()
    first = day if period == "day" else day.replace(day=1)
    following = _next(first, period)
    # Where clocks go back just after midnight, a day is left for the one before it; it has begun all the same.
    while (end := _midnight(following, zone)) <= now:
        first, following = following, _next(following, period)
    return _midnight(first, zone), end


def _next(first: date, period: Period) -> date:
    return first + timedelta(days=1) if period == "day" else (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: tzinfo | None) -> float:
    # The first of two; and where clocks skip it, the moment at which they do.
    return datetime.combine(day, time(), zone).timestamp()


def added(spent: Spent, cost: int, now: float, zone: tzinfo | None) -> Spent:
    """Return what is spent when ``cost`` millionths of a USD are added to it now. A negative cost adds nothing."""
    cost = max(0, cost)
    day, day_start = _carried(spent.day, spent.day_start, now, zone, "day")
    month, month_start = _carried(spent.month, spent.month_start, now, zone, "month")
    return Spent(day + cost, month + cost, day_start, month_start)


def exhausted(budget: Budget, spent: Spent, now: float, zone: tzinfo | None) -> tuple[str, float] | None:
    """Say which budget is spent, in a sentence without its full stop, and at what time it ends; None if none is.

    Where both are, it is the month's, which ends last.
    """
    periods: tuple[tuple[Period, str, float | None, int, float], ...] = (
        ("month", "monthly", budget.monthly, spent.month, spent.month_start),
        ("day", "daily", budget.daily, spent.day, spent.day_start),
    )
    for period, word, limit, amount, start in periods:
        if limit is None:
            continue
        amount, start = _carried(amount, start, now, zone, period)  # noqa: PLW2901 - the same, brought up to now
        if amount >= _millionths(limit):
            return f"the {word} budget of {_written(limit)} USD is spent", period_end(start, zone, period)
    return None


def _carried(amount: int, start: float, now: float, zone: tzinfo | None, period: Period) -> tuple[int, float]:
    """Return the amount and beginning of the period that counts now: the same one, or a new one with nothing spent.

    A clock that steps back over midnight stays in the period that has begun. One that was ahead by more, by years
    perhaps, is put right with what is spent kept, or nobody could spend anything until then.
    """
    began, end = _bounds(now, zone, period)
    if start < began:
        return 0, began
    return amount, start if start <= end else began


def _millionths(usd: float) -> int:
    return int((Decimal(repr(usd)) * 1_000_000).to_integral_value(ROUND_HALF_UP))


def _written(usd: float) -> str:
    """Write an amount with two decimal places, more if it has more."""
    return f"{usd:.2f}" if round(usd, 2) == usd else f"{Decimal(_millionths(usd)) / 1_000_000:f}"
