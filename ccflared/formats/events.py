"""An answer in no dialect: its events, and the order in which they may come.

A reader makes these events out of what an upstream says, a writer spells them for the client. The order is that of
Anthropic's streams, the strictest there is: one block open at a time, so a reader of another dialect sorts first. The
table below is the whole law; a writer refuses what breaks it, so that a bug cannot become an illegal stream.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

StopReason = Literal["end", "stop sequence", "length", "tools", "refusal", "pause"]
Kind = Literal["text", "thinking", "redacted", "call"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. ``input`` leaves out what was read from a cache or written to it. None: not told."""

    input: int | None = None
    output: int | None = None
    """Thinking included."""
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    """The part of ``output`` that was thought."""


@dataclass(frozen=True, slots=True)
class Began:
    """The answer begins."""

    id: str = ""
    model: str = ""
    usage: Usage = Usage()
    """As far as it is known already."""


@dataclass(frozen=True, slots=True)
class BlockBegan:
    """A block begins. ``id`` and ``name`` are those of a call; ``data`` is the content of sealed thinking."""

    kind: Kind
    id: str = ""
    name: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the open block: text, thoughts, or the next characters of a call's arguments, which are JSON text."""

    text: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The signature of the open thinking block, or more of it."""

    signature: str


@dataclass(frozen=True, slots=True)
class BlockEnded:
    """The open block is whole."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole. Nothing follows."""

    reason: StopReason = "end"
    sequence: str | None = None
    """The stop sequence that was met."""
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer broke off, and says so. Nothing follows.

    ``kind`` is Anthropic's name of the error type. Nobody may take what came before for a whole answer.
    """

    kind: str
    message: str
    status: int | None = None
    """The HTTP status it would have had before the answer began."""


Event = Began | BlockBegan | Delta | Signed | BlockEnded | Finished | Failed

State = Literal["nothing", "between", "text", "thinking", "redacted", "call", "over"]

# What may come in which state; BlockBegan leads into the state of its kind, and is told apart below.
_MAY: Final[dict[State, tuple[type, ...]]] = {
    "nothing": (Began, Failed),
    "between": (BlockBegan, Finished, Failed),
    "text": (Delta, BlockEnded, Failed),
    "thinking": (Delta, Signed, BlockEnded, Failed),
    "redacted": (BlockEnded, Failed),
    "call": (Delta, BlockEnded, Failed),
    "over": (),
}


class OutOfOrder(Exception):  # noqa: N818 - reads as the fact it states
    """An event came where it may not. A bug of a reader: it crosses no border."""


def after(state: State, event: Event) -> State:
    """Return the state after an event. Raises OutOfOrder."""
    if not isinstance(event, _MAY[state]):
        raise OutOfOrder(f"{type(event).__name__} in state {state}")
    match event:
        case BlockBegan():
            return event.kind
        case Began() | BlockEnded():
            return "between"
        case Finished() | Failed():
            return "over"
        case _:
            return state


def state_after(events: Iterable[Event], state: State = "nothing") -> State:
    """Return the state after events. Raises OutOfOrder."""
    for event in events:
        state = after(state, event)
    return state
