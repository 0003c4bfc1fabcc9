"""The client's side of one exchange: its body comes in, the answer goes out, and its leaving is noticed.

ASGI does not cancel an application whose client has left. Our server tells (protocol.py), so nobody has to wait for it.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import trio

from ccflared.daemon.books.capture import Capture
from ccflared.daemon.stopwatch import Stopwatch
from ccflared.errors import ClientError

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
WhenOver = Callable[[Callable[[], object]], None]
"""Has a function called once nothing can be sent any more."""
RawHeaders = list[tuple[bytes, bytes]]

_LINGER_SECONDS: Final = 2.0
_FITS: Final = 16384
"""Bytes that the system takes in at once, however slowly the client reads."""


class ClientGone(Exception):  # noqa: N818 - it is a fact, and not an error
    """The client left before its request was read."""


class Exchange:
    """One request and its answer, as the ASGI server hands them over."""

    def __init__(self, receive: Receive, send: Send, when_over: WhenOver, waits: Stopwatch) -> None:
        """Made for each request. ``waits`` counts how long the client took nothing in, also in exchanges before."""
        self._receive = receive
        self._send = send
        self._when_over = when_over
        self._reading = Stopwatch()
        self._waits, self._waited_before = waits, waits.waited
        self._left = False
        self._body_ended = False
        self._added: RawHeaders = []
        self.status: int | None = None
        """Of the answer, once it was begun."""
        self.first_byte_at: float | None = None
        """Trio's time at which the first byte of the answer's body was given out."""
        self.ended = False
        """Whether the answer was given to its end."""
        self.capture: Capture | None = None
        """What takes the answer for the request's payload, where payloads are kept."""

    @property
    def begun(self) -> bool:
        """Whether anything of the answer has gone out, so that it can no longer be another."""
        return self.status is not None

    @property
    def client_left(self) -> bool:
        """Whether the client hung up before the end of the answer."""
        return self._left and not self.ended

    @property
    def waited(self) -> float:
        """Seconds that the client was waited for: for its request's body, and to take in what it was sent."""
        return self._reading.waited + self._waits.waited - self._waited_before

    async def read_body(self, limit: int, piece_seconds: float, declared: bytes | None) -> bytes:
        """Return the request's body.

        Raises ClientError 413 beyond ``limit`` bytes, 408 when ``piece_seconds`` pass without a piece, ClientGone.
        ``declared`` is the Content-Length field: a body that is too large by its own account is not read at all.
        """
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        body = b""
        gathered = bytearray()
        while not self._body_ended:
            with trio.move_on_after(piece_seconds) as scope, self._reading:
                message = await self._receive()
            if scope.cancelled_caught:
                raise ClientError(
                    408, "timeout_error", f"The rest of the request did not come within {piece_seconds:g} s."
                )
            if message["type"] == "http.disconnect":
                self._left = True
                raise ClientGone
            self._body_ended = not message.get("more_body", False)
            piece: bytes = message["body"]
            if len(body) + len(gathered) + len(piece) > limit:
                raise _too_large(limit)
            if not body:
                body = piece  # most bodies come in one piece, and are never copied
            elif piece:
                # One growing buffer: a list of the tiniest pieces would take many times their bytes.
                gathered += piece
        return body + gathered if gathered else body

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Leave this context at once when the client leaves before the answer has ended. For when the body was read."""
        with trio.CancelScope() as scope:

            def over() -> None:
                self._left = True
                if not self.ended:
                    scope.cancel()

            self._when_over(over)
            yield

    def add_headers(self, headers: RawHeaders) -> None:
        """Have fields added to whatever answer will be given."""
        self._added += headers

    async def begin(self, status: int, headers: RawHeaders) -> None:
        """Give out the head of the answer. It is sent with the first piece of the body, or by flush."""
        self.status = status
        headers = headers + self._added
        if self.capture is not None:
            self.capture.head(status, tuple(headers))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def flush(self) -> None:
        """Have the head sent now, though nothing of the body is there yet. (ASGI servers wait for a first piece.)"""
        await self._send({"type": "http.response.body", "body": b"", "more_body": True})

    async def write(self, data: bytes) -> None:
        """Give out a piece of the answer's body. Waits for a client that reads slowly."""
        if self.first_byte_at is None:
            self.first_byte_at = trio.current_time()
        if self.capture is not None:
            self.capture.piece(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, last: bytes = b"") -> None:
        """Give out the last piece of the answer's body, if there is one left, and its end."""
        if len(last) > _FITS:
            # While the client takes it in, it may still leave.
            await self.write(last)
            last = b""
        elif last and self.first_byte_at is None:
            self.first_byte_at = trio.current_time()
        self.ended = True
        if last and self.capture is not None:
            self.capture.piece(last)
        await self._send({"type": "http.response.body", "body": last, "more_body": False})

    async def reply(self, status: int, headers: RawHeaders, body: bytes) -> None:
        """Give a whole answer. One that comes before the request was read to its end closes the connection.

        Then what the client is still sending is taken in for a moment: a connection closed with bytes unread is
        reset, and the client might never see the answer.
        """
        if status not in (204, 304):  # which have no body, and say nothing of one
            headers = [*headers, (b"content-length", str(len(body)).encode())]
        if self._body_ended:
            await self.begin(status, headers)
            self.first_byte_at = trio.current_time()
            self.ended = True
            if self.capture is not None:
                self.capture.piece(body)
            await self._send({"type": "http.response.body", "body": body, "more_body": False})
            return
        whole = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._take_in, whole)
            await self.begin(status, [*headers, (b"connection", b"close")])
            await self.write(body)
            with trio.move_on_after(_LINGER_SECONDS), self._reading:
                await whole.wait()
            await self.end()

    async def _take_in(self, whole: trio.Event) -> None:
        """Read and forget, until the server says that the exchange is over; set ``whole`` at the end of the body."""
        while (message := await self._receive())["type"] != "http.disconnect":
            if not message.get("more_body", False):
                whole.set()
        whole.set()


def _too_large(limit: int) -> ClientError:
    return ClientError(413, "request_too_large", f"The request is larger than max_body ({limit} bytes).")
