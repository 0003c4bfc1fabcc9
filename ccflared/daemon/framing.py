"""Where the body of an answer ends (RFC 9112, section 6.3), and its bytes without the framing. No I/O.

h11 reads and judges the head; then a frame from here takes over: taking chunks apart in h11 was a fifth of the work
for a stream. What h11 refuses is refused here, too, with its exception: tests hold the two against each other.
"""

import re
from typing import Final, Protocol

from h11 import RemoteProtocolError, Response

_CHUNK_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_FIELD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00\r\n]*")
_LONGEST_LINE: Final = 4096
_LONGEST_TRAILER: Final = 65536


class Frame(Protocol):
    """Takes the bytes of a connection, gives those of the body."""

    @property
    def ended(self) -> bool:
        """Whether the body is complete."""

    @property
    def excess(self) -> bool:
        """Whether bytes came behind the end, so that the connection cannot be trusted any more."""

    def feed(self, data: bytes) -> bytes:
        """Take what was received; return what of it belongs to the body. Raises RemoteProtocolError."""

    def eof(self) -> None:
        """Take in that the connection was closed; sets ``ended``, or raises RemoteProtocolError."""


def frame_of(method: str, head: Response) -> Frame:
    """Return the frame that an answer's body comes in. That its fields are in order is h11's word."""
    if method == "HEAD" or head.status_code in (204, 304):
        return Counted(0)
    fields = dict(head.headers)
    if b"transfer-encoding" in fields:
        return Chunked()
    if b"content-length" in fields:
        return Counted(int(fields[b"content-length"]))
    return UntilClosed()


class Counted:
    """A body of a length told before."""

    __slots__ = ("_left", "excess")

    def __init__(self, length: int) -> None:
        self._left = length
        self.excess = False

    @property
    def ended(self) -> bool:
        """See Frame."""
        return self._left == 0

    def feed(self, data: bytes) -> bytes:
        """See Frame. Never raises."""
        if len(data) > self._left:
            self.excess = True
            data = data[: self._left]
        self._left -= len(data)
        return data

    def eof(self) -> None:
        """See Frame."""
        if self._left:
            raise RemoteProtocolError(f"closed {self._left} bytes before the end of the body")


class UntilClosed:
    """A body that ends with its connection, so that a break cannot be told from an end."""

    __slots__ = ("ended",)
    excess = False

    def __init__(self) -> None:
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """See Frame. Never raises."""
        return data

    def eof(self) -> None:
        """See Frame. Never raises."""
        self.ended = True


class Chunked:
    """A body in chunks (RFC 9112, section 7.1). Extensions and trailer fields are passed over."""

    __slots__ = ("_held", "_left", "_trailer", "ended", "excess")

    def __init__(self) -> None:
        self._held = b""
        """The beginning of a line that has not ended yet."""
        self._left = 0
        """Bytes of this chunk still to come, the line end behind it included; 0 between chunks."""
        self._trailer = -1
        """Bytes of the trailer section so far; -1 before it."""
        self.ended = False
        self.excess = False

    def feed(self, data: bytes) -> bytes:
        """See Frame."""
        pieces: list[bytes] = []
        if self._held:
            data = self._held + data
            self._held = b""
        at, size = 0, len(data)
        while at < size:
            if self.ended:
                self.excess = True
                break
            if self._left:
                at = self._within(data, at, pieces)
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._held = data[at:]
                if len(self._held) > _LONGEST_LINE:
                    raise RemoteProtocolError("a line between two chunks does not end")
                break
            self._line(data[at:end])
            at = end + 2
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def eof(self) -> None:
        """See Frame."""
        if not self.ended:
            raise RemoteProtocolError("closed before the last chunk")

    def _within(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Take what there is of the current chunk and of the line end behind it; return where that ends."""
        content = self._left - 2
        if content > 0:
            piece = data[at : at + content]
            pieces.append(piece)
            at += len(piece)
            self._left -= len(piece)
        if 0 < self._left <= 2:
            line_end = data[at : at + self._left]
            if not b"\r\n"[2 - self._left :].startswith(line_end):
                raise RemoteProtocolError("a chunk is longer than it says")
            at += len(line_end)
            self._left -= len(line_end)
        return at

    def _line(self, line: bytes) -> None:
        if self._trailer >= 0:
            self._trailer += len(line) + 2
            if self._trailer > _LONGEST_TRAILER:
                raise RemoteProtocolError("the trailer is too long")
            if line and not _FIELD.fullmatch(line):
                raise RemoteProtocolError("the trailer holds a line that is no field")
            self.ended = not line
            return
        match = _CHUNK_HEAD.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("what should say how long a chunk is does not")
        length = int(match[1], 16)
        if length:
            self._left = length + 2
        else:
            self._trailer = 0
