"""Upstreams for tests of the transport: real sockets on loopback that do exactly what a test says, byte by byte."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from ccflared.daemon.upstream import Answer, Upstream
from ccflared.providers.target import Target
from ccflared.secret import Secret
from ccflared.wire import Outbound

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass(slots=True)
class Link:
    """One accepted connection, as the far side sees it. ``number`` counts connections from 1."""

    stream: Stream
    number: int
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each request, as they came."""
    _held: bytes = b""

    async def request(self, *, body: bool = True) -> bytes:
        """Read one request, or its head alone; b"" when the other side has closed."""
        while b"\r\n\r\n" not in self._held:
            if not await self._more():
                return b""
        head, _, rest = self._held.partition(b"\r\n\r\n")
        length = 0
        if body:
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            while len(rest) < length:
                await self._more()
                rest = self._held.partition(b"\r\n\r\n")[2]
        self._held = rest[length:]
        self.requests.append(head + b"\r\n\r\n" + rest[:length])
        return self.requests[-1]

    async def answer(self, data: bytes = OK) -> None:
        await self.stream.send_all(data)

    async def closed(self) -> None:
        """Wait until the other side closes."""
        while await self._more():
            pass

    async def reset(self) -> None:
        """Close with RST."""
        plain = self.stream.transport_stream if isinstance(self.stream, trio.SSLStream) else self.stream
        plain.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        plain.socket.close()

    async def _more(self) -> bool:
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError:
            data = b""
        self._held += data
        return bool(data)


Script = Callable[[Link], Awaitable[None]]


@dataclass(slots=True)
class Far:
    """An upstream, and what it has seen."""

    port: int
    links: list[Link] = field(default_factory=list)
    open: int = 0
    """Connections that its script has not left yet."""
    _change: trio.Event = field(default_factory=trio.Event)

    @property
    def requests(self) -> list[bytes]:
        return [request for link in self.links for request in link.requests]

    async def left(self, but: int = 0) -> None:
        """Wait until no connection is open, or only so many."""
        with trio.fail_after(5):
            while self.open > but:
                await self._change.wait()

    def changed(self, by: int) -> None:
        self.open += by
        self._change.set()
        self._change = trio.Event()


@asynccontextmanager
async def far(
    script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Far]:
    """Serve each connection by ``script`` until the context ends."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host=host)
        place = Far(listeners[0].socket.getsockname()[1])

        async def serve(tcp: trio.SocketStream) -> None:
            stream = tcp if tls is None else trio.SSLStream(tcp, tls, server_side=True, https_compatible=True)
            link = Link(stream, len(place.links) + 1)
            place.links.append(link)
            place.changed(1)
            try:
                await script(link)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the daemon's side went away, as it may
            finally:
                tcp.socket.close()
                place.changed(-1)

        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield place
        nursery.cancel_scope.cancel()


async def polite(link: Link) -> None:
    """Answer every request with the number of the connection it came on."""
    while await link.request():
        number = str(link.number).encode()
        await link.answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(number), number))


def held_until(event: trio.Event) -> Script:
    """Answer with the number of the connection; the head at once, the body after the event."""

    async def script(link: Link) -> None:
        while await link.request():
            number = str(link.number).encode()
            await link.answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(number))
            await event.wait()
            await link.answer(number)

    return script


def always(*data: bytes, close: bool = False) -> Script:
    """Answer every request with these bytes, each piece in a write of its own."""

    async def script(link: Link) -> None:
        while await link.request():
            for piece in data:
                await link.answer(piece)
            if close:
                return

    return script


TARGET = Target(
    account="a",
    provider="p",
    dialect="anthropic",
    base_url="http://127.0.0.1",
    auth="none",
    credential=None,
    headers=(),
    proxy=None,
    insecure=False,
    link_local=False,
    fingerprint="f",
)


async def send(
    upstream: Upstream,
    url: str | int,
    body: bytes = b"{}",
    *,
    method: str = "POST",
    proxy: str | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = ((b"x-test", b"1"),),
    connect: float = 5.0,
    silent: float = 5.0,
    **target: Any,
) -> Answer:
    """Send a request to a URL, or to /v1/messages at a port of loopback."""
    url = f"http://127.0.0.1:{url}/v1/messages" if isinstance(url, int) else url
    place = replace(TARGET, proxy=Secret(proxy) if proxy else None, **target)
    outbound = Outbound(method, url, headers, body)
    return await upstream.send(outbound, place, connect_seconds=connect, silent_seconds=silent)


async def whole(answer: Answer) -> bytes:
    """Return an answer's body."""
    data = b""
    while piece := await answer.receive():
        data += piece
    return data


async def ask(upstream: Upstream, url: str | int, body: bytes = b"{}", **more: Any) -> bytes:
    """Send a request and return the body of its answer."""
    return await whole(await send(upstream, url, body, **more))
