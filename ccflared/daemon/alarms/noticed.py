"""What alerts have to know of requests: how often each conversation asks, and that one found nobody. Bounded.

And the bell for whoever looks at what has changed (lookout.py).
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import trio

from ccflared.daemon.alarms.alert_rules import Pace, Shortage
from ccflared.daemon.hour import Hour
from ccflared.daemon.journal import UNTOLD
from ccflared.daemon.paths import generates
from ccflared.pool.candidates import Block
from ccflared.wire import Attempt, Entry, Inbound

CONVERSATIONS: Final = 1024
"""Of which it is known how often they ask; the one that has asked for the longest time no more is forgotten first."""
SETTLED: Final = 60.0
"""Seconds without a request that found nobody after which the word of the router counts that there is somebody."""


_OF_THE_REQUEST: Final = frozenset({"no such model", UNTOLD})
"""Kinds of failures that say something of what was asked for, and nothing of the accounts."""


def tell_of_accounts(attempts: Iterable[Attempt], blocks: Iterable[Block]) -> bool:
    """Whether what kept a request from being served lies with accounts, rather than with what it asks for."""
    return any(attempt.kind not in _OF_THE_REQUEST for attempt in attempts) or any(
        block.unpriced is None for block in blocks
    )


class Noticed:
    """Called from Trio's thread. Times are of the wall clock."""

    def __init__(self) -> None:
        self.stirred = trio.Event()
        """Set when an account may be in another state, or there may be something to alert of."""
        self._pace: OrderedDict[str, tuple[Hour, str | None, str]] = OrderedDict()
        """By conversation, how often it asked, its client, and the id of its latest request."""
        self._fast: set[str] = set()
        """Conversations that asked more often than ``limit`` allowed."""
        self.limit = 0
        """Requests of a conversation in an hour that are nothing special; 0: any number."""
        self.shortage: Shortage | None = None

    def stir(self) -> None:
        """Have somebody look."""
        self.stirred.set()

    def ended(self, entry: Entry) -> None:
        """Take in what came of a client's request."""
        if not generates(entry.path):
            return
        last = entry.attempts[-1] if entry.attempts else None
        served = last is not None and last.kind == "served"
        if served and self.shortage is not None and entry.at >= self.shortage.since:
            self.shortage = None
            self.stir()
        if entry.conversation is not None:
            self._asked(entry.conversation, entry)

    def nobody(self, inbound: Inbound, message: str, now: float) -> None:
        """Take in that no account could serve a request, and what its client is told."""
        since = now if self.shortage is None else self.shortage.since
        self.shortage = Shortage(since, now, message, inbound.id, inbound.client)
        self.stir()

    def fast(self, now: float) -> list[Pace]:
        """Return the conversations that ask more often than is usual."""
        found = [self._paced(key, now) for key in self._fast]
        kept = [pace for pace in found if self.limit and pace.requests > self.limit]
        self._fast = {pace.conversation for pace in kept}
        return kept

    def _asked(self, conversation: str, entry: Entry) -> None:
        hour = self._pace[conversation][0] if conversation in self._pace else Hour()
        hour.add(entry.at)
        self._pace[conversation] = (hour, entry.client, entry.id)
        self._pace.move_to_end(conversation)
        while len(self._pace) > CONVERSATIONS:
            gone, _ = self._pace.popitem(last=False)
            self._fast.discard(gone)
        if self.limit and conversation not in self._fast and hour.count(entry.at) > self.limit:
            self._fast.add(conversation)
            self.stir()

    def _paced(self, conversation: str, now: float) -> Pace:
        hour, client, latest = self._pace[conversation]
        return Pace(conversation, hour.count(now), client, latest)
