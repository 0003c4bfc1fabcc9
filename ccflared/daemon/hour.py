"""How often something happened in the last hour: a sliding count in bounded memory, however large the number is."""

from collections import deque
from dataclasses import dataclass
from typing import Final

HOUR: Final = 3600.0
_TOGETHER: Final = 60.0
"""Seconds within which moments are kept as one bunch, which counts until its last one is an hour old: never too few."""


@dataclass(slots=True)
class _Bunch:
    first: float
    last: float
    count: int


class Hour:
    """Moments of the last hour, in at most 62 bunches. Times are of the wall clock, and an argument everywhere."""

    def __init__(self) -> None:
        self._bunches: deque[_Bunch] = deque()
        self._count = 0

    def __len__(self) -> int:
        return len(self._bunches)

    def count(self, now: float) -> int:
        """Return how many moments the last hour has; one may count for a minute longer than that."""
        self._tidy(now)
        return self._count

    def add(self, now: float) -> None:
        """Take in that it happened now."""
        self._tidy(now)
        self._count += 1
        newest = self._bunches[-1] if self._bunches else None
        if newest is not None and now < newest.first + _TOGETHER:
            newest.count += 1
            newest.last = now
        else:
            self._bunches.append(_Bunch(now, now, 1))

    def take_back(self, at: float) -> None:
        """Take back what was added at ``at``; nothing where that has been forgotten."""
        for bunch in reversed(self._bunches):
            if bunch.first <= at:
                taken = min(1, bunch.count)
                bunch.count -= taken
                self._count -= taken
                return

    def below(self, limit: int, now: float) -> float:
        """Return when there will be fewer than ``limit`` (at least 1) of them, if nothing more happens."""
        self._tidy(now)
        left = self._count
        until = now
        for bunch in self._bunches:
            if left < limit:
                break
            left -= bunch.count
            until = bunch.last + HOUR
        return until

    def restore(self, first: float, last: float, count: int) -> None:
        """Put a bunch that came before all that are known in front of them; called with the latest such bunch first."""
        self._bunches.appendleft(_Bunch(first, last, count))
        self._count += count

    def _tidy(self, now: float) -> None:
        bunches = self._bunches
        while bunches and bunches[0].last + HOUR <= now:
            self._count -= bunches.popleft().count
        if bunches and bunches[-1].last > now:
            # The clock was ahead, or steps back: what it calls future was just now, or it would count for ever.
            ahead = 0
            while bunches and bunches[-1].last > now:
                ahead += bunches.pop().count
            bunches.append(_Bunch(now, now, ahead))
