"""What the fake provider can be told to do with a request: frozen values, most of them combinable.

An *event* is one server-sent event of a stream, counted from ``message_start`` (the first) on; ``ping`` is
the second, the first ``content_block_start`` the third. In a stream of Chat Completions the first is the chunk
with the role; chunks with the finish_reason and, where it is asked for, the usage come before ``[DONE]``. Without
``stream`` an event is an eighth of the JSON document. All durations are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import trio

from ccflared.wire import Headers

HELLO = "Hello from the fake provider. Its events are real, so that all on the way can be seen to work."


@dataclass(frozen=True, slots=True)
class Window:
    """One usage window as the ``anthropic-ratelimit-unified-*`` headers tell it."""

    utilization: float
    """0 to 1, a little above 1 when spent."""
    reset_in: float
    status: Literal["allowed", "allowed_warning", "rejected"] = "allowed"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of this tool with exactly this input."""

    tool: str
    input: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole, healthy answer: JSON or a stream, as the request asks.

    Token counts that are None are reckoned from the request: input from its length, cache reads and writes
    from its ``cache_control`` marks and what the same credential sent before, output from the text.
    """

    text: str = HELLO
    thinking: bool = False
    tool: str | None = None
    """``"auto"``: call a sensible tool of the request, else the named one, unless a result is there."""
    tool_input: Mapping[str, object] | None = None
    """What the tool is called with; None: what its schema would accept."""
    calls: tuple[Call, ...] = ()
    """Called side by side after the text, whatever came before; see :func:`calling` and :class:`Steps`."""
    cut: int = 9
    """Characters in a fragment of a call's arguments."""
    interleaved: bool = False
    """Chat Completions alone: fragments of calls made side by side come by turns."""
    stop_reason: str | None = None
    """As the Messages API names it; None: that of a healthy end."""
    events: int | None = None
    """Text deltas; None: one for every two words."""
    headers_after: float = 0.0
    delay_first: float = 0.0
    """Between the headers and the first event (a JSON answer: before the headers)."""
    interval: float = 0.0
    """Between two events."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    five_hour: Window | None = None
    """Given: the unified headers are sent."""
    seven_day: Window | None = None
    headers: Headers = ()
    """Sent in addition."""
    gzip: bool = False
    """Compress where the request accepts it."""


def calling(*calls: Call, text: str = "", thinking: bool = False, cut: int = 9) -> Answer:
    """Return an answer that calls these tools side by side and says nothing else."""
    return Answer(text, thinking=thinking, calls=calls, cut=cut)


@dataclass(frozen=True, slots=True)
class Steps:
    """A task that takes several turns: the first answer, and each next one when results have come back.

    Which one is due is read off the request, from how often it tells that tools were called: whoever asks again gets
    the same. After the last step, and to a request that offers no tools, the last answer is given.
    """

    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Limited:
    """A true 429. ``reset_in`` None: nothing names a reset."""

    reset_in: float | None = 60.0
    unified: bool = True
    """A plan's windows; False: the per-minute headers of an API key."""
    retry_after: float | str | None = "reset"
    """``"reset"``: as ``reset_in``; None: absent; another text is sent as it is."""
    claim: Literal["five_hour", "seven_day"] = "five_hour"
    """Which window is spent."""
    message: str = "This request would exceed your account's rate limit. Please try again later."
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Failing:
    """An error answer. ``kind`` None: the official one of the status. ``body``: sent instead, as it is.

    ``code``: of Chat Completions alone.
    """

    status: int = 529
    kind: str | None = None
    code: str | None = None
    message: str | None = None
    headers: Headers = ()
    body: bytes | None = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """A 200 stream that says ``event: error`` after ``after_events`` healthy ones, and ends.

    ``also_start``: ``message_start`` comes before the error even when ``after_events`` is 0. A request
    without ``stream`` gets the error as its status.
    """

    kind: str = "overloaded_error"
    after_events: int = 0
    also_start: bool = True
    message: str | None = None
    answer: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Reset:
    """TCP RST: after so many bytes of the answer, or after so many events; by default before any byte."""

    after_bytes: int = 0
    after_events: int | None = None
    answer: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Silent:
    """No byte more on an open connection: from the beginning (None), after the headers (0) or some events."""

    after_events: int | None = None
    answer: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Cut:
    """The stream ends cleanly framed, but without ``message_stop``."""

    after_events: int = 4
    answer: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Dropped:
    """FIN in the middle of the chunk that follows ``after_events``; None: FIN before any byte."""

    after_events: int | None = 4
    answer: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Held:
    """Waits for ``release`` before the headers (None), after them (0) or after some events, then goes on."""

    release: trio.Event
    after_events: int | None = None
    answer: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Raw:
    """These bytes, whatever they are, and FIN."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Metered:
    """A plan: ``allowance`` requests a window of ``window`` seconds, then 429 until it resets.

    Each answer's headers say how much is used, as the real ones do.
    """

    allowance: int = 5
    window: float = 20.0
    answer: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Spending:
    """What a usage endpoint tells, in the form of whichever was asked. A window that is None is not told of."""

    five_hour: Window | None = None
    seven_day: Window | None = None
    families: Mapping[str, Window] = field(default_factory=dict)
    """Weekly windows of single model families; of Anthropic's form alone."""
    extra: bool | None = None
    """Whether paid extra usage is on; of Anthropic's form alone. None: nothing is said of it."""
    newer: bool = False
    """Anthropic's newer form: ``limits`` alone."""
    refused: bool = False
    """A failure in a 200, where the form has one; else a 401."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait, then do the other thing."""

    before: float
    behaviour: "Behaviour" = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Cycle:
    """One after the other, for ever."""

    behaviours: "tuple[Behaviour, ...]"


Behaviour = (
    Answer
    | Steps
    | Limited
    | Failing
    | ErrorEvent
    | Reset
    | Silent
    | Cut
    | Dropped
    | Held
    | Raw
    | Metered
    | Spending
    | Slow
    | Cycle
)
