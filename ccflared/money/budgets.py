"""Budgets of a day and a month: what is spent of them, and until when a spent one counts.

Amounts are whole millionths of a USD. Days and months are those of a time zone; None is the system's.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from ccflared.config.model import Budget

Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in the day and in the month that began at these wall-clock times. Nothing yet: Spent()."""

    day: int = 0
    month: int = 0
    day_start: float = 0.0
    month_start: float = 0.0
    earlier: "Spent | None" = field(default=None, compare=False, repr=False)
    """What was spent when an earlier day ended: it counts again where the clock was only ahead."""


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
    day, day_start = _carried(spent, now, zone, "day")
    month, month_start = _carried(spent, now, zone, "month")
    earlier = spent.earlier if day_start == spent.day_start else None
    if day_start > spent.day_start:
        earlier = replace(spent, earlier=None)
    return Spent(day + cost, month + cost, day_start, month_start, earlier)


def exhausted(
    budget: Budget, spent: Spent, now: float, zone: tzinfo | None, *, reserved: int = 0, of: str = ""
) -> tuple[str, float] | None:
    """Say which budget is spent, in a sentence without its full stop, and at what time it ends; None if none is.

    Where both are, it is the month's, which ends last. ``reserved``: what counts as spent besides; ``of``: whose
    budget it is, where that has to be told.
    """
    periods: tuple[tuple[Period, str, float | None], ...] = (
        ("month", "monthly", budget.monthly),
        ("day", "daily", budget.daily),
    )
    for period, word, limit in periods:
        if limit is None:
            continue
        amount, start = _carried(spent, now, zone, period)
        if amount + reserved >= millionths(limit):
            whose = f" for {of}" if of else ""
            return f"the {word} budget of {_written(limit)} USD{whose} is spent", period_end(
                start, zone, period
            )
    return None


_STEP: Final = 3600.0
"""Seconds by which a clock may step back over midnight without its day being the one before again."""


def _carried(spent: Spent, now: float, zone: tzinfo | None, period: Period) -> tuple[int, float]:
    """Return the amount and beginning of the period that counts now: the same one, or a new one with nothing spent.

    A clock that steps back over midnight stays in the period that has begun. One that was ahead by more, by years
    perhaps, is put right with what is spent kept, or nobody could spend anything until then; and with what had been
    spent before it went ahead, or the period's budget would be whole once more.
    """
    began, end = _bounds(now, zone, period)
    amount, start = _of(spent, period)
    if start < began:
        return 0, began
    if spent.earlier is not None and spent.day_start > now + _STEP and start > began:
        before, of_period = _of(spent.earlier, period)
        if began <= of_period <= end:
            return before + amount, of_period
    return amount, start if start <= end else began


def _of(spent: Spent, period: Period) -> tuple[int, float]:
    return (spent.day, spent.day_start) if period == "day" else (spent.month, spent.month_start)


def millionths(usd: float) -> int:
    """Return an amount of the file in millionths of a USD; a half is rounded up."""
    return int((Decimal(repr(usd)) * 1_000_000).to_integral_value(ROUND_HALF_UP))


def _written(usd: float) -> str:
    """Write an amount with two decimal places, more if it has more."""
    return f"{usd:.2f}" if round(usd, 2) == usd else f"{Decimal(millionths(usd)) / 1_000_000:f}"
