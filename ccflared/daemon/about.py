"""What a line of the log is about: an event, and the request, account and client that it speaks of.

Whoever logs says it by ``extra=about("account-state", account=name)``. The fields stand beside the words: in JSON, in
what ``/api/logs`` gives, and in the journal, which can be asked for them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from logging import LogRecord
from typing import Final, Literal, NamedTuple

Event = Literal[
    "start",
    "stop",
    "configuration",
    "certificate",
    "edit",
    "account-state",
    "place",
    "token",
    "usage",
    "window",
    "client",
    "authentication-failure",
    "connection",
    "request",
    "try",
    "translation",
    "alert",
    "webhook",
    "prices",
    "history",
    "payloads",
    "fault",
    "log",
]
EVENTS: Final[Mapping[Event, str]] = {
    "start": "The daemon listens, and is ready.",
    "stop": "It was told to stop, and what it waits for.",
    "configuration": "A version of the file was applied or refused; and what should be known of one.",
    "certificate": "A certificate of our own was renewed, cannot be, or is about to end.",
    "edit": "What an edit has left behind: a stored secret that could not be erased, say.",
    "account-state": "An account is ready, resting, doubtful, paused and so on from now on, and why.",
    "place": "The host of a provider cannot be reached, or can again.",
    "token": "The token of an OAuth account was renewed, could not be, or needs a login.",
    "usage": "The usage of an account cannot be asked for, or can again.",
    "window": "auto_refresh has begun a usage window, or could not.",
    "client": "A client has used up what it may.",
    "authentication-failure": "A wrong client key or admin token.",
    "connection": "A client's connection was ended, or a request on it refused, for what no protocol allows.",
    "request": "A request of a client has ended, or was refused at the door (debug).",
    "try": "An account was asked, and what came of it (debug).",
    "translation": "What an account's dialect or its provider does not take of a request.",
    "alert": "An alert begins or is over.",
    "webhook": "An alert could not be posted.",
    "prices": "A price list was taken into force, or not.",
    "history": "The database of requests cannot be written or read, can again, or was put in order.",
    "payloads": "The same of the bodies of requests.",
    "fault": "A bug of ccflared, with its traceback. Please report it.",
    "log": "Lines of the log itself are missing.",
}
"""What each is about, for the manual: ccflared(8)."""


class About(NamedTuple):
    """The fields of a line; None where it speaks of none."""

    event: Event | None = None
    request: str | None = None
    account: str | None = None
    client: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """Those that there are, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}


NOTHING: Final = About()
_CAUSE: ContextVar[tuple[str | None, str | None]] = ContextVar("cause", default=(None, None))
"""The request that is being served, and its client."""


@contextmanager
def caused_by(request: str, client: str | None) -> Iterator[None]:
    """Let each line that is logged within the context name this request and its client, however deep it is logged."""
    before = _CAUSE.set((request, client))
    try:
        yield
    finally:
        _CAUSE.reset(before)


def about(
    event: Event, *, account: str | None = None, client: str | None = None, request: str | None = None
) -> dict[str, About]:
    """Return what a line is about, to be given as its ``extra``. Request and client: by default, see ``caused_by``."""
    cause = _CAUSE.get()
    return {"about": About(event, request or cause[0], account, client or cause[1])}


def about_of(record: LogRecord) -> About:
    """Return what a record is about; nothing where whoever logged it did not say."""
    found = getattr(record, "about", NOTHING)
    return found if isinstance(found, About) else NOTHING
