"""What is taken of one request while it runs, for its payload: references to what was sent and given out, no more."""

from collections.abc import Callable
from typing import Final

from ccflared.formats.redaction import MARGIN
from ccflared.store.packing import REQUEST_MOST, RESPONSE_MOST, Message, Payload
from ccflared.wire import Headers, Inbound

_PIECE: Final = 64
"""Bytes that a piece takes beyond its own."""


class Capture:
    """One request's. It never fails: where there is no room, the payload is lost and nothing else."""

    __slots__ = (
        "_answered",
        "_fields",
        "_pieces",
        "_request",
        "_size",
        "_status",
        "_take",
        "charged",
        "lost",
    )

    def __init__(self, take: Callable[[int], bool]) -> None:
        """``take``: asks for room for so many bytes; False: there is none."""
        self._take = take
        self._request: Inbound | None = None
        self._status: int | None = None
        self._fields: Headers = ()
        self._pieces: list[bytes] = []
        self._size = 0
        self._answered = 0
        self.charged = 0
        """Bytes of room that were taken."""
        self.lost = False
        """Whether there was no room."""

    def request(self, inbound: Inbound) -> None:
        """Take the request, whose body was read."""
        self._request = inbound
        self._charge(min(len(inbound.body), REQUEST_MOST + MARGIN))

    def head(self, status: int, headers: Headers) -> None:
        """Take the head of the answer."""
        self._status, self._fields = status, headers

    def piece(self, data: bytes) -> None:
        """Take a piece of the answer's body."""
        length = len(data)
        self._size += length
        room = RESPONSE_MOST + MARGIN - self._answered
        if not length or room <= 0 or self.lost:
            return
        if length > room:
            data, length = data[:room], room
        if self._charge(length + _PIECE):
            self._pieces.append(data)
            self._answered += length

    def payload(self, inbound: Inbound, *, whole: bool) -> Payload:
        """Return what was taken, ``inbound`` for a request whose body was never read."""
        asked = self._request or inbound
        body = asked.body[: REQUEST_MOST + MARGIN]
        return Payload(
            id=inbound.id,
            at=inbound.at,
            request=Message(asked.headers, (body,), len(asked.body)),
            response=Message(self._fields, self._pieces, self._size, self._status),
            whole=whole,
        )

    def _charge(self, length: int) -> bool:
        if not self.lost and self._take(length):
            self.charged += length
            return True
        self.lost = True
        self._pieces.clear()
        return False
