"""Sessions of the dashboard: who has logged in once, and goes on by a cookie.

In memory alone, and by digest: a restart ends them, and what could be read of the memory opens nothing. Times are
seconds since 1970, and an argument: they go on while the machine sleeps.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from ccflared.daemon.access import digest

IDLE: Final = 12 * 3600.0
"""Seconds without a request after which a session is over."""
MOST: Final = 64
"""Sessions at a time; the one used longest ago gives way."""


@dataclass(slots=True, eq=False)
class Session:
    """One session. ``key``: the digest of its cookie; ``admin``: of the admin token that it was begun under."""

    key: bytes
    admin: bytes
    used: float


class Sessions:
    """The sessions there are. The look-up tells by its time nothing that helps: what is compared are digests."""

    def __init__(self, cookie: str = "ccflared") -> None:
        """``cookie``: the name of the cookie."""
        self.cookie = cookie
        self._known: dict[bytes, Session] = {}
        """By digest, the one used last at the end."""

    def __len__(self) -> int:
        return len(self._known)

    def begin(self, now: float, admin: bytes) -> str:
        """Begin a session and return what its cookie holds. ``admin``: the digest of the admin token in force."""
        for session in list(self._known.values()):
            if not self.lives(session, now, admin):
                self.end(session)
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        token = secrets.token_urlsafe(32)
        key = digest(token)
        self._known[key] = Session(key, admin, now)
        return token

    def find(self, token: str, now: float, admin: bytes | None) -> Session | None:
        """Return the session of a cookie; None where there is none, or it is over."""
        if not token.isascii():
            return None
        session = self._known.get(digest(token))
        if session is None or self.lives(session, now, admin):
            return session
        self.end(session)
        return None

    def lives(self, session: Session, now: float, admin: bytes | None) -> bool:
        """Whether a session is not over: by itself, by a log-out, or by another admin token than it was begun under."""
        known = self._known.get(session.key) is session
        # A clock that was set back by more than that tells nothing of how long it was: it is over then, too.
        return known and session.admin == admin and abs(now - session.used) < IDLE

    def use(self, session: Session, now: float) -> None:
        """Take in a request of a session."""
        session.used = now
        if self._known.pop(session.key, None) is not None:
            self._known[session.key] = session

    def end(self, session: Session) -> None:
        """End a session."""
        self._known.pop(session.key, None)

    def end_all(self) -> None:
        """End every session."""
        self._known.clear()
