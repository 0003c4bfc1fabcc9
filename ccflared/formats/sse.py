"""Server-sent events: cuts a byte stream into raw events without changing a byte.

The stream format is that of the HTML standard, section 9.2.6: lines end in LF, CR or CRLF, a blank line ends an event,
a byte order mark may stand before the first line and nowhere else.

The law of the cutter, for any bytes in any pieces:

* What it has given out and what it still holds (``rest``), joined, is exactly what it was fed.
* Whatever the pieces are, the raw events read (parse) as the same events, in the same order, but for those that say
  nothing: a CRLF that comes in two pieces leaves its LF to the next raw event, which it does not change.
* Each byte is looked at a bounded number of times, and what is held is bounded.
"""

import re
from dataclasses import dataclass

from ccflared.errors import UpstreamBroken

# Atomic groups: a CRLF must not be taken apart to make a blank line of one line end.
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE_END = re.compile(rb"\r\n|\r|\n")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

LONGEST_EVENT = 32 * 1024 * 1024
"""Bytes. The largest event seen in practice is a message_start that repeats a long answer; this is far above."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, read: ``name`` is "" where none was given; ``data`` the data lines joined by LF."""

    name: bytes
    data: bytes


class Cutter:
    """Cuts a stream into raw events, whatever pieces it comes in. See above for its law."""

    __slots__ = ("_begun", "_held", "_longest", "_returns")

    def __init__(self, longest: int = LONGEST_EVENT) -> None:
        # Appending to a bytearray is cheap; joining bytes anew for each piece of a long event blocks the loop for
        # seconds (measured: 18 s for 31 MiB in pieces of 16 KiB).
        self._held = bytearray()
        self._longest = longest
        self._returns = False
        self._begun = False

    @property
    def between(self) -> bool:
        """Whether the stream stands between two events, so that another may be slipped in."""
        # A CRLF may come in two pieces: its LF then stands alone, and begins nothing.
        return len(self._held) <= 2 and not self._held.strip(b"\r\n")

    @property
    def rest(self) -> bytes:
        """The beginning of an event that has not ended yet."""
        return bytes(self._held)

    def close(self) -> list[bytes]:
        """Take the end of the stream, and return what is still held as a last raw event; none where nothing is.

        The standard drops an event without its blank line, as it may be cut short. For those who know better: servers
        of Chat Completions that write ``data: [DONE]``, one line end, and no more. The cutter is empty afterwards.
        """
        last = self.rest
        self._held.clear()
        return [last] if last else []

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the raw events that are complete now, each with its blank line.

        A byte order mark before the first event is given out by itself. Raises UpstreamBroken when an event grows
        beyond the bound.
        """
        if not self._begun:
            return self._begin(data)
        self._returns = self._returns or b"\r" in data
        cut = _cut_at_any if self._returns else _cut_at_newlines
        if self._held:
            start = max(0, len(self._held) - 3)
            self._held += data
            events = cut(self._held, start)
            del self._held[: sum(map(len, events))]
        else:
            events = cut(data, 0)
            self._held += data[sum(map(len, events)) :] if events else data
        self._returns = self._returns and bool(self._held)
        if len(self._held) > self._longest:
            raise UpstreamBroken(f"an event of the stream is longer than {self._longest} bytes")
        return events

    def _begin(self, data: bytes) -> list[bytes]:
        """Take the first bytes. The mark is cut off here, as in front of a later event it is part of a field's name."""
        data = self.rest + data
        self._held.clear()
        if len(data) < 3 and _BYTE_ORDER_MARK.startswith(data):
            self._held += data
            return []
        self._begun = True
        if not data.startswith(_BYTE_ORDER_MARK):
            return self.feed(data)
        return [_BYTE_ORDER_MARK, *self.feed(data[3:])]


def _cut_at_newlines(held: bytes | bytearray, start: int) -> list[bytes]:
    events = []
    begin = 0
    while (end := held.find(b"\n\n", start)) >= 0:
        events.append(bytes(held[begin : end + 2]))
        begin = start = end + 2
    return events


def _cut_at_any(held: bytes | bytearray, start: int) -> list[bytes]:
    events = []
    begin = 0
    while match := _BLANK_LINE.search(held, start):
        events.append(bytes(held[begin : match.end()]))
        begin = start = match.end()
    return events


def parse(raw: bytes) -> Event:
    """Read one raw event. Comments and fields other than ``event`` and ``data`` are passed over.

    An event whose only data are empty reads as one without; no dialect here has such.
    """
    name = b""
    data: list[bytes] = []
    for line in _LINE_END.split(raw) if b"\r" in raw else raw.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return Event(name, b"\n".join(data))


def encode(name: str, data: bytes) -> bytes:
    """Write one event; ``data`` must hold no line end (JSON as we write it has none)."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
