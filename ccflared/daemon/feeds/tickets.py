"""Tickets: a random token that admits its bearer once, within a while.

For streams: a web page may be unable to give an EventSource header fields. It asks for a ticket with its own credential
and puts that into the query: what a proxy's log may keep of it is worth nothing any more. For the dashboard: the link
that ``ccflared dashboard`` prints.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ccflared.daemon.access import digest

LASTS: Final = 60.0
MOST: Final = 256
"""Tickets that may be outstanding; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class _Ticket:
    until: float
    lasts: Callable[[], bool]


class Tickets:
    """The tickets that are outstanding, by their digests. Times are Trio's, and an argument."""

    def __init__(self, seconds: float = LASTS, most: int = MOST) -> None:
        """``seconds``: how long each is good for; ``most``: how many may be outstanding."""
        self._seconds = seconds
        self._most = most
        self._given: dict[bytes, _Ticket] = {}

    def mint(self, now: float, lasts: Callable[[], bool]) -> str:
        """Return a new ticket. ``lasts``: whether what it was given out for still holds; without that it is void."""
        for key in [key for key, ticket in self._given.items() if ticket.until <= now]:
            del self._given[key]
        while len(self._given) >= self._most:
            del self._given[next(iter(self._given))]
        token = secrets.token_urlsafe(32)
        self._given[digest(token)] = _Ticket(now + self._seconds, lasts)
        return token

    def take(self, token: str, now: float) -> Callable[[], bool] | None:
        """Return what a ticket's admission lasts by, None where it admits nobody. It admits once.

        The look-up tells by its time nothing that helps to guess one: what is compared are digests.
        """
        if not token.isascii():
            return None
        ticket = self._given.pop(digest(token), None)
        return ticket.lasts if ticket is not None and now < ticket.until and ticket.lasts() else None
