"""Tickets for streams: a token that admits its bearer once, to one stream, within a minute.

A web page cannot give an EventSource header fields. It asks for a ticket with its own credential and puts that into the
query: what a proxy's log may keep of it is worth nothing any more.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from ccflared.daemon.access import digest

LASTS: Final = 60.0
MOST: Final = 256
"""Tickets that may be outstanding; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class _Ticket:
    until: float
    admin: bytes | None
    """Digest of the admin token in force when it was given out."""


class Tickets:
    """The tickets that are outstanding, by their digests. Times are Trio's, and an argument."""

    def __init__(self) -> None:
        self._given: dict[bytes, _Ticket] = {}

    def mint(self, now: float, admin: bytes | None) -> str:
        """Return a new ticket. ``admin``: the digest of the admin token; with another one, the ticket is void."""
        for key in [key for key, ticket in self._given.items() if ticket.until <= now]:
            del self._given[key]
        while len(self._given) >= MOST:
            del self._given[next(iter(self._given))]
        token = secrets.token_urlsafe(32)
        self._given[digest(token)] = _Ticket(now + LASTS, admin)
        return token

    def take(self, token: str, now: float, admin: bytes | None) -> bool:
        """Whether a ticket admits its bearer; it does so once.

        The look-up tells by its time nothing that helps to guess one: what is compared are digests.
        """
        if not token.isascii():
            return False
        ticket = self._given.pop(digest(token), None)
        return ticket is not None and now < ticket.until and ticket.admin == admin
