"""One client connection of HTTP/1.1: reading, writing, idling, closing. What HTTP is, protocol.py knows.

In place of Hypercorn's TCPServer, for these reasons: sending can be cancelled (a client that does not read would
otherwise hold a drain for ever), a head that trickles in is given up, what is closed is let go of at once,
HTTP/2 has files of its own (http2/: an unfinished stream would not be told from a finished one), an unfinished
answer to an HTTP/1.0 client ends with a reset (for the same reason), a handshake that fails ends only itself, and one
task minds idleness instead of two new ones for each request.
"""

import logging
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from typing import Final

import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from ccflared.daemon import pipe
from ccflared.daemon.about import about
from ccflared.daemon.faults import FAULTS
from ccflared.daemon.protocol import Application, Protocol
from ccflared.daemon.stopwatch import Stopwatch

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

KEEP_ALIVE: Final = 180.0
"""Seconds. Clients keep one connection a conversation and come back to it after minutes."""

_HANDSHAKE_WITHIN: Final = 20.0
_HEADERS_WITHIN: Final = 30.0
_LARGEST_HEAD: Final = 64 * 1024
_UNREAD_FOR: Final = 300.0
"""Seconds that a client may leave unread what it is sent. Else one that never reads held an upstream for ever."""

LINGER: Final = 0.2
"""Seconds for which an idle connection of a listener that retires is still heard: what its client has just sent, or
is sending, gets its answer and no reset."""

log = logging.getLogger("ccflared.server")


def hypercorn_settings() -> HypercornConfig:
    """Hypercorn's settings, as far as its protocol asks for them."""
    settings = HypercornConfig()
    settings.include_server_header = False
    settings.h11_max_incomplete_size = _LARGEST_HEAD
    settings.errorlog = logging.getLogger("ccflared.hypercorn")
    settings.accesslog = None
    return settings


class Connection:
    """Serves one accepted stream until it is closed."""

    def __init__(
        self, app: Application, settings: HypercornConfig, context: WorkerContext, stream: Stream
    ) -> None:
        """``context`` tells when the listener retires: then the connection ends after its running request."""
        self._app = app
        self._settings = settings
        self._context = context
        self._stream = stream
        self._secured = stream if isinstance(stream, trio.SSLStream) else None
        self._plain = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        self._sending = trio.Lock()
        self._minding = trio.CancelScope()
        self._idle = True
        self._idle_since = trio.current_time()
        self._protocol: Protocol | None = None
        self._waits = Stopwatch()
        """How long the client was waited for while it took nothing in."""

    async def run(self) -> None:
        """Serve requests until either side closes. What the peer does wrong ends the connection quietly.

        A fault in the protocol's code ends this connection and is logged: it must not end all the others.
        """
        try:
            with guarded():
                await self._serve()
        finally:
            self._reset_if_unfinished()
            self._plain.socket.close()

    async def _serve(self) -> None:
        try:
            client, server = both_ends(self._plain.socket)
        except OSError:
            return
        async with trio.open_nursery() as nursery:
            self._protocol = protocol = Protocol(
                self._app,  # type: ignore[arg-type]
                self._settings,
                self._context,
                nursery,  # type: ignore[arg-type]
                ConnectionState({}),
                self._secured is not None,
                client,
                server,
                self._obey,
                self._waits,
            )
            nursery.start_soon(self._mind_idleness)
            try:
                await self._read(protocol)
            finally:
                # Else the connection of a client that has left would be kept for as long as an idle one may be.
                self._minding.cancel()

    async def _obey(self, event: Event) -> None:
        """Carry out what the protocol asks for."""
        if isinstance(event, RawData):
            await self._write(event.data)
        elif isinstance(event, Updated):
            self._idle, self._idle_since = event.idle, trio.current_time()
        else:
            self._reset_if_unfinished()
            await self._close()

    async def _write(self, data: bytes) -> None:
        """Send. A send that is cancelled half-way, or that nobody takes in for long, ends the connection."""
        try:
            self._sending.acquire_nowait()
        except trio.WouldBlock:  # an interim answer is being sent
            await self._sending.acquire()
        try:
            await pipe.write(self._stream, data, _UNREAD_FOR, self._waits)
        except trio.TooSlowError:
            self._plain.socket.close()
            await self._over()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            await self._over()  # busy with being closed: what came behind the request was no HTTP
        except trio.Cancelled:
            self._plain.socket.close()
            raise
        finally:
            self._sending.release()

    async def _close(self) -> None:
        """Close in an orderly way, so that the client gets all that was sent."""
        if self._secured is None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
                await self._plain.send_eof()
        await self._stream.aclose()
        await self._over()

    async def _over(self) -> None:
        """Tell the protocol that nothing more comes or goes."""
        if self._protocol is not None:
            await self._protocol.handle(Closed())

    def _reset_if_unfinished(self) -> None:
        """Close with RST where an orderly close would make what was begun look whole."""
        socket = self._plain.socket
        if self._protocol is not None and self._protocol.would_seem_whole() and socket.fileno() != -1:
            socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close()

    async def _mind_idleness(self) -> None:
        """Close the connection when it lay idle for KEEP_ALIVE; after LINGER where its listener retires."""
        due = self._idle_since + KEEP_ALIVE
        with self._minding:
            while due > trio.current_time():
                with trio.move_on_at(due):
                    await self._context.terminated.wait()
                    if self._idle:
                        await trio.sleep(LINGER)
                    if not self._idle:
                        return  # the protocol closes it behind the running answer
                    break
                due = (self._idle_since if self._idle else trio.current_time()) + KEEP_ALIVE
            await self._over()
            await self._stream.aclose()

    async def _read(self, protocol: Protocol) -> None:
        """Read until the peer leaves. A head that was begun has its time to end; a keep-alive pause has another."""
        head_due = inf
        data = b"begin"
        while data:
            await protocol.room()
            try:
                if head_due is inf:
                    data = await pipe.read(self._stream)
                else:
                    with trio.fail_at(head_due):
                        data = await pipe.read(self._stream)
            except (trio.ClosedResourceError, trio.BrokenResourceError, trio.TooSlowError):
                break
            await protocol.handle(RawData(data))
            if not protocol.head_begun():
                head_due = inf
            elif head_due is inf:
                head_due = trio.current_time() + _HEADERS_WITHIN
        await protocol.handle(Closed())


def both_ends(socket: trio.socket.SocketType) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """Return the client's address and ours; None for those of a Unix socket. Raises OSError: it has left already.

    A client whose machine has gone is noticed, in the end, by the system from now on.
    """
    if socket.family != trio.socket.AF_UNIX:
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1)
    return (
        parse_socket_addr(socket.family, socket.getpeername()),
        parse_socket_addr(socket.family, socket.getsockname()),
    )


async def secured(stream: trio.SSLStream[trio.SocketStream]) -> bool:
    """Shake hands. Returns whether that succeeded; where it did not, the connection is closed."""
    try:
        with trio.fail_after(_HANDSHAKE_WITHIN):
            await stream.do_handshake()
    except (trio.BrokenResourceError, trio.TooSlowError, ssl.SSLError):
        stream.transport_stream.socket.close()
        return False
    return True


@contextmanager
def guarded() -> Iterator[None]:
    """Log a fault in the protocol of one connection, which must not end all the others."""
    try:
        yield
    except* Exception:
        fault = FAULTS.handled()
        log.exception(
            "a fault in the protocol of one connection: %s",
            fault.name,
            exc_info=fault.new,
            extra=about("fault"),
        )
