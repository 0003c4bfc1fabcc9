"""One client connection: Hypercorn's HTTP/1.1 protocol on a Trio stream, with what a proxy of long streams needs.

Differences from Hypercorn's own TCPServer, each for a reason: sending can be cancelled (a client that does not
read would otherwise hold a drain for ever), a head that trickles in is given up, what is closed is let go of at once,
HTTP/2 without TLS is not offered (an unfinished HTTP/2 stream would not be told from a finished one), an unfinished
answer to an HTTP/1.0 client ends with a reset (for the same reason), and a handshake that fails ends only itself.
"""

import logging
import ssl
import struct
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Final

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

Application = Callable[[Any, Any, Any], Awaitable[None]]
Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

KEEP_ALIVE: Final = 180.0
"""Seconds. Clients keep one connection a conversation and come back to it after minutes."""

_HEADERS_WITHIN: Final = 30.0
_LARGEST_HEAD: Final = 64 * 1024

log = logging.getLogger("ccflared.server")


def hypercorn_settings() -> HypercornConfig:
    """Hypercorn's settings, where its defaults do not suit long streams and idle conversations."""
    settings = HypercornConfig()
    settings.keep_alive_timeout = KEEP_ALIVE
    settings.keep_alive_max_requests = 1_000_000_000
    settings.include_server_header = False
    settings.h11_max_incomplete_size = _LARGEST_HEAD
    settings.ssl_handshake_timeout = 20.0
    settings.errorlog = logging.getLogger("ccflared.hypercorn")
    settings.accesslog = None
    return settings


class _Protocol(H11Protocol):
    """Hypercorn's HTTP/1.1, which is never left: what an upgrade asks for, the application sees as a field."""

    async def _check_protocol(self, _event: h11.Request) -> None:
        """Read on behind a request that offers to switch protocols: h11 would wait for the answer to that.

        Private to h11. While it waits, a client that leaves would not be noticed.
        """
        self.connection._cstate.pending_switch_proposals.clear()  # type: ignore[union-attr]  # noqa: SLF001

    async def _create_stream(self, request: h11.Request) -> None:
        """Begin a request. Hypercorn's WebSocket streams fail on what clients may send, so there are none."""
        self.stream = HTTPStream(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode(),
                method=request.method.decode("ascii").upper(),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1

    def head_begun(self) -> bool:
        """Whether part of a request's head has come, and not all of it."""
        return self.stream is None and bool(self.connection.trailing_data[0])

    def would_seem_whole(self) -> bool:
        """Whether an orderly close now would pass for the end of a body: HTTP/1.0 has no other end for a stream."""
        return self.connection.our_state is h11.SEND_BODY and self.connection.their_http_version != b"1.1"


class Connection(TCPServer):
    """Serves one accepted stream until it is closed."""

    def __init__(
        self, app: Application, settings: HypercornConfig, context: WorkerContext, stream: Stream
    ) -> None:
        super().__init__(ASGIWrapper(app), settings, context, {}, stream)  # type: ignore[arg-type]
        self._secured = stream if isinstance(stream, trio.SSLStream) else None
        self._plain = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream

    async def run(self) -> None:
        """Serve requests until either side closes. What the peer does wrong ends the connection quietly.

        A fault in the protocol's code ends this connection and is logged: it must not end all the others.
        """
        try:
            await self._serve()
        except* Exception:
            log.exception("a fault in the protocol of one connection")
        finally:
            self._plain.socket.close()

    async def _serve(self) -> None:
        if not await self._handshake():
            return
        socket = self._plain.socket
        protocol: _Protocol | None = None
        try:
            client = parse_socket_addr(socket.family, socket.getpeername())
            server = parse_socket_addr(socket.family, socket.getsockname())
            async with TaskGroup() as task_group:
                self._task_group = task_group
                self.protocol = self._protocol = protocol = _Protocol(  # type: ignore[assignment]
                    self.app,
                    self.config,
                    self.context,
                    task_group,
                    ConnectionState({}),
                    self._secured is not None,
                    client,
                    server,
                    self.protocol_send,
                )
                await self.idle_task.restart(task_group, self._idle_timeout)
                await self._read_data()
                # Else the connection of a client that has left would be kept for as long as an idle one may be.
                await self.idle_task.stop()
        except OSError:
            pass  # gone between accept and getpeername
        finally:
            if protocol is not None and protocol.would_seem_whole():
                self._reset()
            socket.close()

    async def protocol_send(self, event: Event) -> None:
        """Carry out what the protocol asks for. A send that is cancelled half-way ends the connection."""
        if isinstance(event, Closed) and self._protocol.would_seem_whole():
            self._reset()
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        async with self.send_lock:
            try:
                await self.stream.send_all(event.data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await self.protocol.handle(Closed())
            except trio.Cancelled:
                self._plain.socket.close()
                raise

    def _reset(self) -> None:
        """Close with RST: what was begun is not whole."""
        socket = self._plain.socket
        if socket.fileno() != -1:
            socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close()

    async def _read_data(self) -> None:
        """Read until the peer leaves. A head that was begun has its time to end; a keep-alive pause has another."""
        head_due = inf
        data = b"begin"
        while data:
            try:
                if head_due is inf:
                    data = bytes(await self.stream.receive_some(MAX_RECV))
                else:
                    with trio.fail_at(head_due):
                        data = bytes(await self.stream.receive_some(MAX_RECV))
            except (trio.ClosedResourceError, trio.BrokenResourceError, trio.TooSlowError):
                break
            await self.protocol.handle(RawData(data))
            if not self._protocol.head_begun():
                head_due = inf
            elif head_due is inf:
                head_due = trio.current_time() + _HEADERS_WITHIN
        await self.protocol.handle(Closed())

    async def _handshake(self) -> bool:
        if self._secured is None:
            return True
        try:
            with trio.fail_after(self.config.ssl_handshake_timeout):
                await self._secured.do_handshake()
        except (trio.BrokenResourceError, trio.TooSlowError, ssl.SSLError):
            self._plain.socket.close()
            return False
        return True
