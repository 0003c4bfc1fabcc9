"""Scheduled pauses: whether an account rests now by ``pause_schedule``, and until when that holds. Pure."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ccflared.config.model import PauseWindow

ZoneOf = Callable[[str | None], dt.tzinfo | None]
"""From a zone's name to the zone; None for the name means the file's; None for the zone, the system's."""

_HORIZON = 15
"""Days: every window begins again within a week, or in the one after where a change of clocks leaves nothing of it."""
_WEEK = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Pause:
    """What the schedule says. ``until``: when it will say something else, a wall-clock time; None: never."""

    paused: bool
    until: float | None


def scheduled(windows: Sequence[PauseWindow], now: float, zone_of: ZoneOf) -> Pause:
    """Say whether a pause runs at ``now``. Touching and overlapping windows are one pause."""
    spans = sorted(span for window in windows for span in _spans(window, now, zone_of(window.timezone)))
    ends: float | None = None
    for begin, end in spans:
        if ends is None:
            if begin <= now < end:
                ends = end
        elif begin <= ends:
            ends = max(ends, end)
    if ends is not None:
        # What covers a whole week, and a change of clocks besides, covers all of them.
        return Pause(paused=True, until=ends if ends <= now + _WEEK + 86400.0 else None)
    return Pause(paused=False, until=min((begin for begin, _ in spans if begin > now), default=None))


def _spans(window: PauseWindow, now: float, zone: dt.tzinfo | None) -> list[tuple[float, float]]:
    """Return the window's pauses around ``now``. One that ends no later than it begins ends on the next day."""
    today = dt.datetime.fromtimestamp(now, zone).date()
    spans = []
    for offset in range(-2, _HORIZON + 1):
        day = today + dt.timedelta(days=offset)
        if day.weekday() in window.days:
            end_day = day if window.end > window.start else day + dt.timedelta(days=1)
            spans.append((_at(day, window.start, zone), _at(end_day, window.end, zone)))
    return [(begin, end) for begin, end in spans if begin < end]


def _at(day: dt.date, minutes: int, zone: dt.tzinfo | None) -> float:
    """Return the wall-clock time of a local time of day. One that a change of clocks skips is an hour later."""
    local = dt.datetime.combine(day, dt.time(minutes // 60, minutes % 60))
    return (local.replace(tzinfo=zone) if zone is not None else local).timestamp()
