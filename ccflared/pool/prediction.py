"""When a usage window will be used up: a straight line through what was told of it since it last began anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["exhausted", "insufficient_data", "stable", "rising"]
ENOUGH: Final = 3
"""Points that a line needs."""
SHORT: Final = 300.0
"""Seconds; a line over less than that says little."""
_RESET_MOVED: Final = 60.0
"""Seconds by which its end must have moved for a window to be another one."""
_DROP: Final = 0.05
"""What its share must have fallen by for it to have begun anew."""
_FLAT: Final = 0.001
"""Of the whole in an hour; less is no rise."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was told of a window ``at`` a wall-clock time; ``utilization`` is 0 to 1, or above."""

    at: float
    utilization: float
    resets_at: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is to be expected of a window."""

    state: State
    """rising: it is used up at ``at`` if it goes on so; stable: it does not rise, or resets before it is used up."""
    at: float | None = None
    """A wall-clock time; None: it is not expected, or unknown."""
    per_hour: float | None = None
    """What is used in an hour, of the whole."""
    low_confidence: bool = False
    points: int = 0
    """That the line goes through."""


def predict(points: Sequence[Point], now: float) -> Prediction:
    """Return what is to be expected of a window that has been told of so, the oldest first."""
    segment = _segment(points)
    count = len(segment)
    last = segment[-1] if segment else None
    if last is None or (last.resets_at is not None and last.resets_at <= now):
        return Prediction("insufficient_data")  # it has begun anew, and nothing was told since
    if last.utilization >= 1.0:
        return Prediction("exhausted", last.at, None, points=count)
    span = segment[-1].at - segment[0].at
    if count < ENOUGH or span <= 0:
        return Prediction("insufficient_data", points=count)
    slope = _slope(segment)
    per_hour, low = slope * 3600, span < SHORT
    if per_hour < _FLAT:
        return Prediction("stable", None, per_hour, low, count)
    at = max(now, last.at + (1.0 - last.utilization) / slope)
    if last.resets_at is not None and at >= last.resets_at:
        return Prediction("stable", None, per_hour, low, count)
    return Prediction("rising", at, per_hour, low, count)


def _segment(points: Sequence[Point]) -> Sequence[Point]:
    """Return the points since the window last began anew."""
    for number in range(len(points) - 1, 0, -1):
        before, after = points[number - 1], points[number]
        ends = (before.resets_at, after.resets_at)
        moved = None not in ends and abs((after.resets_at or 0) - (before.resets_at or 0)) > _RESET_MOVED
        if moved or before.utilization - after.utilization > _DROP:
            return points[number:]
    return points


def _slope(points: Sequence[Point]) -> float:
    """Return the slope of the line of least squares, per second."""
    middle = sum(point.at for point in points) / len(points)
    mean = sum(point.utilization for point in points) / len(points)
    above = sum((point.at - middle) * (point.utilization - mean) for point in points)
    return above / sum((point.at - middle) ** 2 for point in points)
