"""What everything together has cost, in money and by list price, this day and this month: the owner of those sums.

They are kept whether there is a [budget] or not: a reload may set one, for what was spent already. After a start they
are restored from the history.
"""

import datetime as dt
from typing import Final

from ccflared.config.model import WholeBudget
from ccflared.daemon.purse import Purse
from ccflared.money.budgets import Spent, exhausted

_ALL: Final = ""


class Whole:
    """Two sums. Everything is called from Trio's thread, and nothing here awaits."""

    def __init__(self) -> None:
        self._value = Purse()
        self._money = Purse()

    def restore(
        self, day: tuple[int, int], month: tuple[int, int], now: float, zone: dt.tzinfo | None
    ) -> None:
        """Add what the history says of the time before the start: value and money, in millionths of a USD."""
        for purse, which in ((self._value, 0), (self._money, 1)):
            purse.restore({_ALL: day[which]}, {_ALL: month[which]}, now, zone)

    def move(self, now: float, before: dt.tzinfo | None, zone: dt.tzinfo | None) -> None:
        """Keep what was spent today and this month where days are those of another zone from now on."""
        self._value.move(now, before, zone)
        self._money.move(now, before, zone)

    def pay(self, cost: int, now: float, zone: dt.tzinfo | None, *, billed: bool) -> None:
        """Take in what a request cost. ``billed``: in money."""
        self._value.pay(_ALL, cost, now, zone)
        if billed:
            self._money.pay(_ALL, cost, now, zone)

    def spent(self, budget: WholeBudget) -> Spent:
        """Return what was spent, in the way that the budget counts."""
        return (self._money if budget.counts == "money" else self._value).spent(_ALL)

    def exhausted(
        self, budget: WholeBudget | None, now: float, zone: dt.tzinfo | None
    ) -> tuple[str, float] | None:
        """Say that the budget is spent, in a sentence without its full stop, and until when; None: it is not."""
        return None if budget is None else exhausted(budget, self.spent(budget), now, zone, of="all accounts")
