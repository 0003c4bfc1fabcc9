"""What the requests that run may still cost: of any number at once no more are admitted than a budget may be good for.

A request is paid when it ends. Until then it is taken to cost what the dearest of its client did lately, and never
next to nothing: the first ones, and a dear one after many cheap ones, would all pass at once.
"""

from collections import Counter
from typing import Final

from ccflared.config.model import Budget
from ccflared.money.budgets import millionths

AT_ONCE: Final = 16
"""Requests that may run at once of a client whose budget is whole and whose costs are not known yet."""
_FADES: Final = 8
"""What the dearest cost counts for becomes less by one part of so many with each cheaper one."""


class Reserve:
    """Running requests and late costs by client, the costs in millionths of a USD. Bounded by the clients there are."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._value: dict[str, int] = {}
        self._money: dict[str, int] = {}

    def begin(self, name: str) -> None:
        """Take in that a request of a client begins."""
        self._running[name] += 1

    def end(self, name: str) -> None:
        """Take in that a request of a client has ended, and that what it cost was paid."""
        self._running[name] -= 1

    def paid(self, name: str, cost: int, *, billed: bool) -> None:
        """Take in what a request cost. ``billed``: in money."""
        for dearest, mine in ((self._value, cost), (self._money, cost if billed else 0)):
            known = dearest.get(name, 0)
            dearest[name] = max(mine, known - known // _FADES)

    def of(self, name: str, budget: Budget) -> int:
        """Return what is kept of a client's budget for its requests that run."""
        running = self._running[name]
        if not running:
            return 0
        dearest = self._money if budget.counts == "money" else self._value
        limit = budget.daily if budget.daily is not None else budget.monthly
        return running * max(dearest.get(name, 0), millionths(limit or 0.0) // AT_ONCE)
