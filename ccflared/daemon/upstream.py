"""The only door to the network outside. Sends what providers/ prepared; exceptions of the libraries end here.

An :class:`Answer` owns its connection until its body has ended or it is aborted; ``with`` sees to it.
"""

import zlib
from functools import lru_cache
from types import TracebackType
from typing import Self

import httpx
import trio

from ccflared.daemon.stopwatch import Stopwatch
from ccflared.daemon.transport import Body, Transport
from ccflared.errors import ConnectFailed, UpstreamBroken
from ccflared.providers.target import Target
from ccflared.wire import Head, Outbound

_DECODED_AT_ONCE = 16 * 1024
_DROPPED_WHEN_DECODED = (b"content-encoding", b"content-length")


class Answer:
    """An upstream's answer: the head, and a body to be received piece by piece.

    The daemon asks for an unencoded body; one that comes in gzip or deflate all the same is decoded, and the
    fields that told so are gone from the head. Any other encoding is left as it is.
    """

    def __init__(self, head: Head, body: Body) -> None:
        self._body = body
        # What read() came upon beyond what it returned: bytes, and a break.
        self._ahead = b""
        self._broken: UpstreamBroken | None = None
        self._decoder = None
        self._encoded = False
        self._undecoded = b""
        if (head.get(b"content-encoding") or b"").strip().lower() in (b"gzip", b"x-gzip", b"deflate"):
            self._decoder = _decoder()
            head = Head(head.status, tuple(f for f in head.headers if f[0] not in _DROPPED_WHEN_DECODED))
        self.head = head

    @property
    def ended(self) -> bool:
        """Whether the end is known already: the next receive would return b"" at once. False says nothing."""
        return self._decoder is None and self._body.ended and not self._ahead and self._broken is None

    async def receive(self) -> bytes:
        """Return the next bytes of the body, b"" at its end. May be called again after it was cancelled.

        Raises UpstreamBroken when the connection breaks or what comes is no HTTP.
        """
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead
        if self._broken is not None:
            raise self._broken
        if self._undecoded:
            # A few bytes can hold gigabytes: others have their turn, and time limits count, in between.
            await trio.lowlevel.checkpoint()
        if self._decoder is None:
            return await self._receive_raw()
        try:
            while True:
                raw = self._undecoded or await self._receive_raw()
                if not raw:
                    return self._rest_of(self._decoder)
                if self._decoder.eof:  # another member of the same file, as gzip allows
                    self._decoder = _decoder()
                data = self._decoder.decompress(raw, _DECODED_AT_ONCE)
                self._undecoded = self._decoder.unconsumed_tail or self._decoder.unused_data
                self._encoded = True
                if data:
                    return data
        except zlib.error as error:
            raise UpstreamBroken("the compressed answer is damaged") from error

    def _rest_of(self, decoder: "zlib._Decompress") -> bytes:
        """Return what is left when the body has ended; raise where the compressed data has not."""
        rest = decoder.flush()
        if self._encoded and not decoder.eof:
            raise UpstreamBroken("the compressed answer ends before its end")
        return rest

    async def _receive_raw(self) -> bytes:
        try:
            return await self._body.receive()
        except httpx.HTTPError as error:
            raise UpstreamBroken(f"the connection broke: {error}") from error

    async def read(self, limit: int, seconds: float) -> bytes:
        """Return what arrives of the body within ``seconds``, at most ``limit`` bytes, whether or not it is all.

        What it does not return, a break included, :meth:`receive` does.
        """
        parts: list[bytes] = []
        with trio.move_on_after(seconds):
            try:
                while sum(map(len, parts)) < limit and (data := await self.receive()):
                    parts.append(data)
            except UpstreamBroken as error:
                self._broken = error
        data = b"".join(parts)
        self._ahead = data[limit:] + self._ahead
        return data[:limit]

    def abort(self) -> None:
        """Close the connection unless the body has ended."""
        self._body.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


class Upstream:
    """All upstreams of the daemon."""

    def __init__(self) -> None:
        self._transport = Transport()

    async def send(
        self,
        outbound: Outbound,
        target: Target,
        *,
        connect_seconds: float,
        silent_seconds: float,
        once: bool = False,
        stopwatch: Stopwatch | None = None,
    ) -> Answer:
        """Send a request and return the answer once its head is there.

        ``stopwatch`` counts how long the upstream is waited for, up to the end of the answer's body.

        Raises ConnectFailed, UpstreamTimeout (silent for ``silent_seconds``), UpstreamBroken.
        """
        extensions = {
            "timeout": {"connect": connect_seconds, "read": silent_seconds},
            "proxy": target.proxy.reveal() if target.proxy else None,
            "insecure": target.insecure,
            "link_local": target.link_local,
            "once": once,
            "stopwatch": stopwatch,
        }
        try:
            request = httpx.Request(
                outbound.method,
                _url(outbound.url),
                headers=list(outbound.headers),
                content=outbound.body,
                extensions=extensions,
            )
        except httpx.InvalidURL:
            raise ConnectFailed("no connection: the URL is none that can be asked") from None
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.HTTPError as error:
            raise UpstreamBroken(f"the connection broke: {error}") from error
        if not isinstance(response.stream, Body):
            raise TypeError("the transport's answers have a Body")
        return Answer(Head(response.status_code, _lowered(response.headers.raw)), response.stream)

    def close_idle(self) -> None:
        """Close the connections that nobody uses, as when accounts have changed or the daemon ends."""
        self._transport.close_idle()


# Of one account nearly all requests go to one URL, and taking it apart is half the cost of a request object.
_url = lru_cache(maxsize=64)(httpx.URL)


def _decoder() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)


def _lowered(raw: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower(), value) for name, value in raw)
