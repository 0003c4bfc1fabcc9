"""The small acts that an answer is made of on the wire. The connection performs them."""

from dataclasses import dataclass

import trio

from ccflared.wire import Headers


@dataclass(frozen=True, slots=True)
class Status:
    """Status line and header fields. Without content-length the body goes in chunks."""

    code: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of the body: one chunk, sent at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing, for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Await:
    """Nothing, until the event is set."""

    event: trio.Event


@dataclass(frozen=True, slots=True)
class Fuse:
    """RST as soon as so many more bytes were sent."""

    after: int


@dataclass(frozen=True, slots=True)
class Unframed:
    """Bytes past HTTP's framing. ``half``: the first half of a chunk with this content."""

    data: bytes
    half: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """The body is complete; the connection may serve another request."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing, until the peer leaves."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close: with FIN or, ``rst``, with RST."""

    rst: bool = False


Act = Status | Data | Pause | Await | Fuse | Unframed | Finish | Hang | HangUp
