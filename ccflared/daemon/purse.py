"""What each account has cost in money, or each client by some measure, this day and this month: the owner of the sums.

After a start they are restored from the history, so that a budget holds over restarts.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from ccflared.money.budgets import Spent, added, period_end, period_start

_NOTHING = Spent()


class Purse:
    """Sums by the name of who has a budget, in millionths of a USD."""

    def __init__(self) -> None:
        self._spent: dict[str, Spent] = {}
        self._day: tuple[float, float, dt.tzinfo | None] = (0.0, 0.0, None)
        """When the day that was last paid in begins and ends, and by which zone."""

    def restore(
        self, day: Mapping[str, int], month: Mapping[str, int], now: float, zone: dt.tzinfo | None
    ) -> None:
        """Add what the history says was spent this day and this month before the start."""
        starts = period_start(now, zone, "day"), period_start(now, zone, "month")
        for name, cost in month.items():
            since = added(self.spent(name), 0, now, zone)
            self._spent[name] = Spent(day.get(name, 0) + since.day, cost + since.month, *starts)

    def move(self, now: float, before: dt.tzinfo | None, zone: dt.tzinfo | None) -> None:
        """Keep what was spent today and this month where days are those of another zone from now on."""
        starts = period_start(now, zone, "day"), period_start(now, zone, "month")
        for name, known in self._spent.items():
            current = added(known, 0, now, before)
            self._spent[name] = Spent(current.day, current.month, *starts)
        self._day = (0.0, 0.0, zone)

    def rename(self, old: str, new: str, now: float, zone: dt.tzinfo | None) -> None:
        """Let what was spent in a name follow it to another one, as its rows of the history do."""
        if old in self._spent:
            moved = added(self._spent.pop(old), 0, now, zone)
            there = added(self.spent(new), 0, now, zone)
            self._spent[new] = replace(moved, day=moved.day + there.day, month=moved.month + there.month)

    def spent(self, name: str) -> Spent:
        """Return what was spent in a name."""
        return self._spent.get(name, _NOTHING)

    def today(self, now: float, zone: dt.tzinfo | None) -> int:
        """Return what was spent today in all names together."""
        return sum(added(known, 0, now, zone).day for known in self._spent.values())

    def pay(self, name: str, cost: int, now: float, zone: dt.tzinfo | None) -> None:
        """Take in what a request cost."""
        known = self._spent.get(name)
        start, end, of_zone = self._day
        if known is not None and start <= now < end and of_zone is zone and known.day_start == start:
            # The same day, so the same month: nothing has to be reckoned from the calendar.
            self._spent[name] = replace(known, day=known.day + cost, month=known.month + cost)
            return
        self._day = period_start(now, zone, "day"), period_end(now, zone, "day"), zone
        self._spent[name] = added(self.spent(name), cost, now, zone)
