"""A peer for tests of HTTP/2: the h2 library as a client, over TLS and real sockets, and any application behind them."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import trio
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
)
from hypercorn.trio.worker_context import WorkerContext

from ccflared.daemon.server import Listeners

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


@cache
def authority() -> trustme.CA:
    return trustme.CA()


def write_certificate(directory: Path) -> str:
    """Write a certificate and its key into a directory; return the line of [server] that names them."""
    issued = authority().issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(str(directory / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
    (directory / "key.pem").chmod(0o600)
    authority().cert_pem.write_to_path(str(directory / "ca.pem"))
    return 'tls = { cert = "cert.pem", key = "key.pem" }'


def trusting(*protocols: str) -> ssl.SSLContext:
    """Return what a client has that knows the authority and speaks these protocols."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@dataclass
class Seen:
    """What has come on one stream."""

    fields: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None
    interim: int = 0

    @property
    def status(self) -> int:
        return int(self.fields[b":status"])

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


@dataclass
class Peer:
    """One connection of a client. ``reads``: streams whose window is opened again as they are read; None: all."""

    stream: trio.SSLStream[trio.SocketStream]
    http: H2Connection
    reads: set[int] | None = None
    streams: dict[int, Seen] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    """The stream of each frame of a body, as they came."""
    goaways: list[tuple[int, int]] = field(default_factory=list)
    """Code and last stream of each."""
    settled: bool = False
    closed: bool = False
    events: list[Event] = field(default_factory=list)

    async def flush(self) -> None:
        if data := self.http.data_to_send():
            await self.stream.send_all(data)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self.flush()
        await self.stream.send_all(data)

    async def ask(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        body: bytes | None = None,
        more: Iterable[tuple[str, str]] = (),
        end: bool = True,
    ) -> int:
        """Send a request and return its stream."""
        pseudo = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
        return await self.ask_with([*pseudo, *more], body=body, end=end)

    async def ask_with(
        self, fields: Iterable[tuple[str, str]], *, body: bytes | None = None, end: bool = True
    ) -> int:
        """Send a request of exactly these fields and return its stream."""
        number = self.http.get_next_available_stream_id()
        self.streams[number] = Seen()
        self.http.send_headers(number, list(fields), end_stream=end and body is None)
        if body is not None:
            self.http.send_data(number, body, end_stream=end)
        await self.flush()
        return number

    async def until(self, done: Callable[[], object], seconds: float = 10) -> None:
        """Read until something holds, or the connection is closed."""
        with trio.fail_after(seconds):
            while not done() and not self.closed:
                await self.read()

    async def answer(self, number: int) -> Seen:
        """Return what came on a stream, once it is over."""
        seen = self.streams[number]
        await self.until(lambda: seen.over)
        return seen

    async def left(self, seconds: float = 10) -> None:
        """Read until the connection is closed."""
        await self.until(lambda: False, seconds)

    async def read(self) -> None:
        try:
            data = await self.stream.receive_some(65536)
        except trio.BrokenResourceError:
            data = b""
        if not data:
            self.closed = True
            return
        for event in self.http.receive_data(data):
            self.events.append(event)
            self._note(event)
        try:
            with trio.CancelScope(shield=True):  # half a record would be the end of it
                await self.flush()
        except trio.BrokenResourceError:
            self.closed = True

    def _note(self, event: Event) -> None:
        match event:
            case SettingsAcknowledged():
                self.settled = True
            case ConnectionTerminated():
                self.goaways.append((int(event.error_code or 0), event.last_stream_id or 0))
            case InformationalResponseReceived():
                self.streams[event.stream_id].interim += 1
            case ResponseReceived():
                self.streams[event.stream_id].fields = dict(event.headers)
            case DataReceived():
                seen = self.streams[event.stream_id]
                seen.body += event.data
                seen.pieces.append(event.data)
                self.order.append(event.stream_id)
                if self.reads is None or event.stream_id in self.reads:
                    self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                else:
                    # For the others' sake the connection's own window stays open.
                    self.http.increment_flow_control_window(max(event.flow_controlled_length, 1))
            case StreamEnded():
                self.streams[event.stream_id].ended = True
            case StreamReset():
                self.streams.setdefault(event.stream_id, Seen()).reset = int(event.error_code)
            case _:
                pass


class Draining(H2Connection):
    """A client that goes on with what it has begun when the server says that it is to begin no more."""

    def _receive_goaway_frame(self, frame: Any) -> Any:
        _, events = super()._receive_goaway_frame(frame)
        from h2.connection import ConnectionState  # noqa: PLC0415

        self.state_machine.state = ConnectionState.CLIENT_OPEN
        return [], events


@asynccontextmanager
async def peer_at(port: int, *, greet: bool = True) -> AsyncIterator[Peer]:
    """Connect. ``greet``: say what a client says first."""
    plain = await trio.open_tcp_stream("127.0.0.1", port)
    stream = trio.SSLStream(plain, trusting("h2"), server_hostname="localhost", https_compatible=True)
    async with stream:
        await stream.do_handshake()
        assert stream.selected_alpn_protocol() == "h2"
        config = H2Configuration(
            client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        peer = Peer(stream, Draining(config))
        if greet:
            peer.http.initiate_connection()
            await peer.flush()
        yield peer


@dataclass
class Served:
    """Something that is served over TLS on a port."""

    port: int
    connections: trio.Nursery
    context: WorkerContext

    def retire(self) -> None:
        self.context.terminated._event.set()  # type: ignore[attr-defined]

    async def emptied(self) -> None:
        """Wait until no connection is left."""
        with trio.fail_after(10):
            while self.connections.child_tasks:
                await trio.sleep(0.005)


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[Served]:
    """Serve an application as a listener with TLS does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority().issue_cert("localhost", "127.0.0.1").configure_cert(context)
    listeners = Listeners()
    worker = WorkerContext(None)

    async def serve(plain: trio.SocketStream) -> None:
        stream = trio.SSLStream(plain, context, server_side=True, https_compatible=True)
        await listeners._converse(app, worker, stream)

    async def hold(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        async with trio.open_nursery() as connections:
            task_status.started(connections)
            await trio.sleep_forever()

    async with trio.open_nursery() as accepting:
        # A task of its own: it can be cancelled without the test.
        connections = await accepting.start(hold)
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]

        async def accept() -> None:
            await trio.serve_listeners(serve, [listener], handler_nursery=connections)

        accepting.start_soon(accept)
        yield Served(port, connections, worker)
        accepting.cancel_scope.cancel()


@asynccontextmanager
async def talking(app: App) -> AsyncIterator[Peer]:
    """Serve an application to one client."""
    async with serving(app) as served, peer_at(served.port) as peer:
        yield peer


def start(status: int = 200, *fields: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(fields)}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}
