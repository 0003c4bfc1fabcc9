"""The small frozen dataclasses that cross the borders between rooms. Nothing here does anything.

Times called ``at`` are seconds of the wall clock since 1970; durations are seconds unless a name ends in ``_ms``.
"""

from dataclasses import dataclass
from typing import Literal

Headers = tuple[tuple[bytes, bytes], ...]
"""HTTP header fields in order, names in lower case."""

Outcome = Literal["complete", "truncated", "error", "client_gone", "refused"]
"""How a client's request ended.

complete
    the client got a whole answer (an upstream's own 4xx is a whole answer, too).
truncated
    an answer was begun and broke; the client was told so.
error
    an answer was given that says the upstream failed (error event in a stream, 5xx, a bug of ours).
client_gone
    the client left before the end.
refused
    nobody could serve, or the daemon refused it.
"""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request of a client, admitted and with its body read."""

    id: str
    at: float
    method: str
    path: str
    """Below base_path, as it came: ``/v1/messages``."""
    query: bytes
    headers: Headers
    body: bytes
    client: str | None
    """Name of the entry in [clients] whose key was given; None where keys are not asked for."""
    administers: bool
    """Whether the peer may administer too, so may be told account names."""
    pin: str | None = None
    """The account that the client chose, where it may."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """One request to an upstream, complete. ``headers`` hold the credential: its repr does not show them."""

    method: str
    url: str
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        return f"Outbound({self.method} {self.url}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Head:
    """Status and header fields of an upstream's answer."""

    status: int
    headers: Headers

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of the field ``name`` (lower case), or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Observation:
    """What one upstream answer, or its absence, says about whom.

    ``kind`` is one word of the table in providers/observe.py; ``until`` the wall-clock time up to which it holds,
    None where nobody said; ``reason`` a sentence for people, without secrets.
    """

    scope: Literal["request", "model", "account", "provider"]
    kind: str
    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens as the provider reported them, in the five kinds that are billed apart. None: not reported."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one account, as it stands in the request's row."""

    account: str
    provider: str
    why: str
    """Why the router chose it."""
    started_ms: int
    """After the request's arrival."""
    took_ms: int
    status: int | None
    """HTTP status of the upstream; None if it did not come to one."""
    kind: str
    """``served`` or the kind of the observation that ended it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """The row of one client request in the history."""

    id: str
    at: float
    method: str
    path: str
    client: str | None
    project: str | None
    conversation: str | None
    user_agent: str | None
    model: str | None
    """As requested."""
    served_model: str | None
    """As the upstream names it in its answer."""
    account: str | None
    """Who served, or was tried last; None if nobody was tried."""
    provider: str | None
    status: int | None
    """What the client got; None if it left before."""
    outcome: Outcome
    error: str | None
    """A sentence where it did not end well."""
    stream: bool
    stop_reason: str | None
    first_byte_ms: int | None
    """From arrival to the first byte of the answer's body given to the client."""
    total_ms: int
    tokens: Tokens
    usage: str | None
    """The usage object as reported, JSON."""
    attempts: tuple[Attempt, ...]
