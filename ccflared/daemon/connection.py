"""One client connection: Hypercorn's HTTP/1.1 protocol on a Trio stream, with what a proxy of long streams needs.

Differences from Hypercorn's own TCPServer, each for a reason: sending can be cancelled (a client that does not
read would otherwise hold a drain for ever), HTTP/2 without TLS is not offered (an unfinished HTTP/2 stream would
not be told from a finished one), and a handshake that fails ends only itself.
"""

import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
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
    async def _check_protocol(self, event: h11.Request) -> None:
        """Never leave HTTP/1.1."""


class Connection(TCPServer):
    """Serves one accepted stream until it is closed."""

    def __init__(
        self, app: Application, settings: HypercornConfig, context: WorkerContext, stream: Stream
    ) -> None:
        super().__init__(ASGIWrapper(app), settings, context, {}, stream)  # type: ignore[arg-type]
        self._secured = stream if isinstance(stream, trio.SSLStream) else None
        self._plain = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream

    async def run(self) -> None:
        """Serve requests until either side closes. What the peer does wrong ends the connection quietly."""
        if not await self._handshake():
            return
        socket = self._plain.socket
        try:
            client = parse_socket_addr(socket.family, socket.getpeername())
            server = parse_socket_addr(socket.family, socket.getsockname())
            async with TaskGroup() as task_group:
                self._task_group = task_group
                self.protocol = _Protocol(  # type: ignore[assignment]
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
        except OSError:
            pass  # gone between accept and getpeername
        finally:
            socket.close()

    async def protocol_send(self, event: Event) -> None:
        """Carry out what the protocol asks for. A send that is cancelled half-way ends the connection."""
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
