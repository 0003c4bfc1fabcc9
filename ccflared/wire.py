"""The small frozen dataclasses that cross the borders between rooms. Nothing here does anything.

Times called ``at`` are seconds of the wall clock since 1970; durations are seconds unless a name ends in ``_ms``.
"""

from dataclasses import dataclass, field
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

Scope = Literal["request", "model", "account", "provider"]
"""Whom an answer speaks of: the request alone, the account with this one model, the account, or the place it is at."""

Confidence = Literal["stated", "inferred"]
"""stated: the upstream said so itself, by a documented field or error; inferred: concluded from less than that."""

Origin = Literal["client", "refresh", "test"]
"""Who asked: a client; the daemon, to start a usage window (auto_refresh); a person, by `account test`."""


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

    ``kind`` is one word of the table in providers/rows.py; ``until`` the wall-clock time up to which it holds, None
    where nobody said (it is never invented); ``reason`` a sentence for people, without secrets.
    """

    scope: Scope
    kind: str
    reason: str
    until: float | None = None
    confidence: Confidence = "stated"


@dataclass(frozen=True, slots=True)
class Window:
    """One usage window of an account, as its provider tells of it."""

    name: str
    """``5h``, ``7d``; with a family behind it where it counts that family alone: ``7d opus``."""
    utilization: float | None = None
    """0 to 1, above 1 when it is overdrawn; None: not told."""
    resets_at: float | None = None
    """Wall-clock time; None: not told."""
    spent: bool = False
    """The provider says that nothing is left of it."""
    family: str | None = None
    """The model family that it is for; None: for all models."""
    told_at: float | None = field(default=None, compare=False)
    """When it was last told of, a wall-clock time; None: with the quota that it is of."""
    polled: bool = field(default=False, compare=False)
    """It was told when the usage itself was asked for, not with the answer to a request."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What an answer told of an account's usage windows, ``at`` a wall-clock time."""

    at: float
    windows: tuple[Window, ...] = ()
    overage: Literal["in use", "available", "unavailable"] | None = None
    """Paid extra usage beyond the windows; None: not told."""
    polled: bool = field(default=False, compare=False)
    """The provider was asked for the usage itself; else an answer to a request told of it."""


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
    model: str | None = None
    """What the upstream was asked for, where a model was."""


@dataclass(frozen=True, slots=True)
class Passed:
    """One account that a request was not offered to, as it stands in the request's row."""

    account: str
    state: str
    reason: str | None = None
    until: float | None = None


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
    """From arrival to the first byte of the answer's body given to the client; None where no account answered it."""
    total_ms: int
    tokens: Tokens
    usage: str | None
    """The usage object as reported, JSON."""
    attempts: tuple[Attempt, ...]
    passed: tuple[Passed, ...] = ()
    """Accounts that were not asked when it was first planned, and why not."""
    chain: str | None = None
    """The ``models`` of the [[fallback]] that it went by."""
    origin: Origin = "client"
    cost: int | None = None
    """Millionths of a USD at list price; None: unknown."""
    cost_source: Literal["reported", "computed"] | None = None
    charged: int | None = None
    """What counts towards budgets, in millionths of a USD: the cost, or what it is at least where nobody knows it.

    Of a request that a plan paid for, towards budgets by value alone.
    """
    billing: Literal["plan", "api", "overage"] | None = None
    """Who paid for what served it: a plan, or money."""
    first_token_ms: int | None = None
    """From arrival to the first event of the upstream's that had content in it."""
    last_token_ms: int | None = None
    """From arrival to the last of them."""
    overhead_us: int | None = None
    """Microseconds of the whole that no upstream was waited for, and no client: what ccflared itself took."""
    price_source: str | None = None
    """Which prices a computed cost is by: ``shipped DATE``, ``list DATE`` or ``file``."""
    project_source: Literal["header", "workspace"] | None = None
    """Who said which project it belongs to: its client, or the directory that a coding agent works in."""
