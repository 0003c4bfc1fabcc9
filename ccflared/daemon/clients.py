"""What each client has used of what the file allows it: the owner of those sums and counts.

Sums by list price and of money are kept side by side, for every client and whether it has a budget or not: a reload
may set one, or let it count the other, for what was used already. After a start they are restored from the history.
"""

import datetime as dt
import logging
from dataclasses import dataclass
from math import ceil
from typing import Final

from ccflared.config.model import Client
from ccflared.daemon.about import about
from ccflared.daemon.hour import Hour
from ccflared.daemon.purse import Purse
from ccflared.daemon.reserve import Reserve
from ccflared.money.budgets import Spent, exhausted
from ccflared.pool.refusal import Refusal, span
from ccflared.store.clients import Before

log = logging.getLogger("ccflared.clients")

ROWS_AN_HOUR: Final = 60
"""Requests of one client that no account was asked for, and that the history tells of in an hour.

Somebody who is refused and asks again as fast as he can would fill the disk with rows that all say the same: 60 are
enough to see that it happens, when it began and by which rule. The others are counted, and status tells how many.
"""
_NOBODY: Final = ""
"""Stands for all who ask where no clients are configured: no client has that name."""
_SOON_AGAIN: Final = 10.0
"""Seconds after which one may ask again whose running requests may cost what is left of a budget."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a client is refused, as the end of a sentence without its full stop, and until when."""

    reason: str
    until: float
    said: str
    """What comes at that time, as the beginning of a sentence."""


class Clients:
    """Sums and counts by client. Everything is called from Trio's thread, and nothing here awaits."""

    def __init__(self) -> None:
        self._value = Purse()
        self._money = Purse()
        self._reserve = Reserve()
        self._asked: dict[str, Hour] = {}
        self._refused: dict[str, Hour] = {}
        self._rows: dict[str, Hour] = {}
        """Requests that no account was asked for and that have a row."""
        self._logged: dict[str, Hour] = {}

    def restore(self, before: Before, now: float, zone: dt.tzinfo | None) -> None:
        """Take in what the history says of the time before the start."""
        day, month = before.day, before.month
        for purse, which in ((self._value, 0), (self._money, 1)):
            purse.restore(
                {name: sums[which] for name, sums in day.items()},
                {name: sums[which] for name, sums in month.items()},
                now,
                zone,
            )
        for name, first, last, count in sorted(before.asked, key=lambda each: each[1], reverse=True):
            self._asked.setdefault(name, Hour()).restore(first, last, count)

    def move(self, now: float, before: dt.tzinfo | None, zone: dt.tzinfo | None) -> None:
        """Keep what was spent today and this month where days are those of another zone from now on."""
        self._value.move(now, before, zone)
        self._money.move(now, before, zone)

    def pay(self, name: str, cost: int, now: float, zone: dt.tzinfo | None, *, billed: bool) -> None:
        """Take in what a request cost in millionths of a USD. ``billed``: in money."""
        self._reserve.paid(name, cost, billed=billed)
        self._value.pay(name, cost, now, zone)
        if billed:
            self._money.pay(name, cost, now, zone)

    def spent(self, client: Client) -> Spent:
        """Return what a client has spent, in the way that its budget counts; by value where it has none."""
        money = client.budget is not None and client.budget.counts == "money"
        return (self._money if money else self._value).spent(client.name)

    def asked(self, name: str, now: float) -> int:
        """Return how many requests of a client count for the last hour: those that may have been sent upstream."""
        return _count(self._asked, name, now)

    def refused(self, name: str, now: float) -> int:
        """Return how many requests of a client were refused in the last hour without any account being asked."""
        return _count(self._refused, name, now)

    def waits(self, client: Client, now: float, zone: dt.tzinfo | None) -> Wait | None:
        """Say what a client has used up, so that it has to wait; of two reasons that which ends last. None: nothing."""
        found = [wait for wait in (self._budget(client, now, zone), self._rate(client, now)) if wait]
        return max(found, key=lambda wait: wait.until, default=None)

    def admit(
        self, client: Client, now: float, zone: dt.tzinfo | None, *, spends: bool = True
    ) -> Refusal | None:
        """Count a request of a client, or say what it is told because it has used up what it may.

        Both in one step: of any number that come at once no more are admitted than may be. Each that is admitted has
        to be ``ended``. ``spends``: it costs something, so that a budget is for it.
        """
        refusal = self.refusal(client, now, zone, spends=spends)
        if refusal is None:
            self._asked.setdefault(client.name, Hour()).add(now)
            if spends:
                self._reserve.begin(client.name)
        elif not _count(self._logged, client.name, now):
            self._logged.setdefault(client.name, Hour()).add(now)
            log.info(
                "client %s is refused: %s",
                client.name,
                refusal.message,
                extra=about("client", client=client.name),
            )
        return refusal

    def ended(self, name: str, at: float, *, spends: bool, sent: bool) -> None:
        """Take in that a request admitted at ``at`` has ended. It counts no more where no upstream was ``sent`` it."""
        if spends:
            self._reserve.end(name)
        if not sent and (hour := self._asked.get(name)) is not None:
            hour.take_back(at)

    def unserved(self, name: str | None, now: float, *, refused: bool) -> bool:
        """Take in that no account was asked for a request; return whether the history shall tell of it."""
        name = name or _NOBODY
        if refused:
            self._refused.setdefault(name, Hour()).add(now)
        rows = self._rows.setdefault(name, Hour())
        if rows.count(now) >= ROWS_AN_HOUR:
            return False
        rows.add(now)
        return True

    def refusal(
        self, client: Client, now: float, zone: dt.tzinfo | None, *, spends: bool = True
    ) -> Refusal | None:
        """Return what a client is told that has to wait; None: it may ask. Counts nothing."""
        budget = self._budget(client, now, zone, running=True) if spends else None
        found = [wait for wait in (budget, self._rate(client, now)) if wait]
        wait = max(found, key=lambda wait: wait.until, default=None)
        if wait is None:
            return None
        seconds = max(1, ceil(wait.until - now))
        message = f"This client cannot ask now: {wait.reason}. {wait.said} in {span(seconds)}"
        message += f", at {_clock(wait.until, zone)}." if seconds > _SOON else "."
        return Refusal(429, "rate_limit_error", message, seconds)

    def _budget(
        self, client: Client, now: float, zone: dt.tzinfo | None, *, running: bool = False
    ) -> Wait | None:
        """Say why a client's budget keeps it waiting. ``running``: by what its running requests may cost, too."""
        budget = client.budget
        if budget is None:
            return None
        spent, kept = self.spent(client), self._reserve.of(client.name, budget) if running else 0
        found = exhausted(budget, spent, now, zone, reserved=kept)
        if found is not None and kept and exhausted(budget, spent, now, zone) is None:
            reason = "the requests that it has running may cost what is left of its budget"
            return Wait(reason, now + _SOON_AGAIN, said="It may ask again")
        return None if found is None else Wait(*found, said="It is whole again")

    def _rate(self, client: Client, now: float) -> Wait | None:
        limit = client.requests_per_hour
        if limit is None or self.asked(client.name, now) < limit:
            return None
        counted = "its one request of an hour is" if limit == 1 else f"its {limit} requests of an hour are"
        until = self._asked[client.name].below(limit, now)
        return Wait(f"{counted} used up", until, said="The next one is possible")


_SOON: Final = 7200
"""Seconds within which the time of day tells nobody more than the wait does."""


def _count(hours: dict[str, Hour], name: str, now: float) -> int:
    hour = hours.get(name)
    return 0 if hour is None else hour.count(now)


def _clock(at: float, zone: dt.tzinfo | None) -> str:
    when = dt.datetime.fromtimestamp(at, zone)
    return f"{when if zone is not None else when.astimezone():%Y-%m-%d %H:%M %Z}".rstrip()
