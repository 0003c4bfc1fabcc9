"""Hypercorn's HTTP/1.1 for one connection, in which a request and its answer are one Turn.

Hypercorn's own HTTPStream writes head, pieces and end of an answer each by itself, through several layers. Here the
head waits for the first piece of the body (as the ASGI specification wants it) and the end goes with the last, so a
short answer is one write; and what the application does not read never holds anybody up.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Any, Final
from urllib.parse import unquote

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, RawData, Updated
from hypercorn.events import Event as ConnectionEvent
from hypercorn.protocol.events import Body, EndBody, Event, StreamClosed
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.typing import AppWrapper, ConnectionState, TaskGroup, WorkerContext

from ccflared.daemon.about import about
from ccflared.daemon.faults import FAULTS
from ccflared.daemon.stopwatch import Stopwatch

Application = Callable[[Any, Any, Any], Awaitable[None]]

_AHEAD: Final = 64 * 1024
"""Bytes that a client may send ahead of their turn before they are left unread."""
_PIECES_HELD: Final = 8
"""Pieces of a request's body that wait for the application; while there are so many, the client waits."""

log = logging.getLogger("ccflared.server")


class Turn:
    """One request and its answer: what came for the application, and the application's way to answer."""

    def __init__(self, protocol: "Protocol", request: h11.Request) -> None:
        path, _, query = request.target.partition(b"?")
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"spec_version": "2.3", "version": "3.0"},
            "http_version": request.http_version.decode(),
            "method": request.method.decode("ascii").upper(),
            "scheme": "https" if protocol.ssl else "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": list(request.headers),
            "client": protocol.client,
            "server": protocol.server,
            "extensions": {"ccflared.when_over": self.when_over, "ccflared.waits": protocol.waits},
        }
        self._protocol = protocol
        self._messages: deque[dict[str, Any]] = deque()
        self._news = trio.Event()
        """Set when there is something to receive."""
        self._room = trio.Event()
        self._closed = False
        """The answer was given to its end, or the client has left."""
        self._begun = False
        self._waiting = b""
        """The answer's head, encoded, until the first piece of the body."""
        self._without_body = False
        self._chunked = False
        self._when_over: Callable[[], object] | None = None

    def when_over(self, call: Callable[[], object]) -> None:
        """Have ``call`` called once nothing can be sent any more: the answer has its end, or the client has left.

        An extension of ASGI: an application need not receive for ever to know of it.
        """
        self._when_over = call
        if self._closed:
            call()

    async def handle(self, event: Event) -> None:
        """Take in what the protocol read of the request, or that this turn is over."""
        if isinstance(event, Body):
            while len(self._messages) >= _PIECES_HELD and not self._closed:
                self._room = trio.Event()
                await self._room.wait()
            self._messages.append({"type": "http.request", "body": bytes(event.data), "more_body": True})
        elif isinstance(event, EndBody):
            if self._messages:
                self._messages[-1]["more_body"] = False
            else:
                self._messages.append({"type": "http.request", "body": b"", "more_body": False})
        elif isinstance(event, StreamClosed):
            self._closed = True
            self._room.set()
            if self._when_over is not None:
                self._when_over()
        self._news.set()

    async def run(self) -> None:
        """Let the application answer. An answer that it leaves without an end is cut off."""
        try:
            await self._protocol.app(self.scope, self.receive, self.send)
        except Exception:
            fault = FAULTS.handled()
            log.exception(
                "a fault of the application: %s", fault.name, exc_info=fault.new, extra=about("fault")
            )
        finally:
            if not self._closed:
                await self._protocol.cut(begun=self._begun)

    async def receive(self) -> dict[str, Any]:
        """Return the next message for the application; when all was received, wait for the client to leave."""
        while not self._messages:
            if self._closed:
                await trio.lowlevel.checkpoint()
                return {"type": "http.disconnect"}
            if self._news.is_set():
                self._news = trio.Event()
            await self._news.wait()
        self._room.set()
        return self._messages.popleft()

    async def send(self, message: dict[str, Any]) -> None:
        """Carry out what the application wants to be sent. After the client has left it leads nowhere."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
            return
        data, self._waiting = self._waiting, b""
        if (body := message["body"]) and not self._without_body:
            data += self._framed(body)
        if message["more_body"]:
            await self._protocol.write(data)
            return
        await self._protocol.write(data + self._protocol.encoded(h11.EndOfMessage()))
        if not self._closed:
            await self._protocol.recycle()

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        protocol = self._protocol
        self._begun = True
        self._without_body = self.scope["method"] == "HEAD" or status in (204, 304)
        headers = [*headers, (b"date", date())]
        if protocol.context.terminated.is_set():
            headers.append((b"connection", b"close"))
        counted = any(name == b"content-length" for name, _ in headers)
        if not counted and not self._without_body and protocol.connection.their_http_version == b"1.1":
            headers.append((b"transfer-encoding", b"chunked"))
            self._chunked = True
        self._waiting = protocol.encoded(h11.Response(status_code=status, headers=headers))

    def _framed(self, data: bytes) -> bytes:
        """Return a piece of the body as it is sent. A chunk needs no h11, which takes ten times as long for it."""
        if self._chunked and self._protocol.connection.our_state is h11.SEND_BODY:
            return b"%x\r\n%b\r\n" % (len(data), data)
        return self._protocol.encoded(h11.Data(data=data))


class Protocol(H11Protocol):
    """Hypercorn's HTTP/1.1, which is never left: what an upgrade asks for, the application sees as a field."""

    app: Application  # type: ignore[assignment]
    task_group: trio.Nursery  # type: ignore[assignment]
    connection: h11.Connection
    stream: Turn | None  # type: ignore[assignment]

    def __init__(  # noqa: PLR0917 - Hypercorn's signature
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        task_group: TaskGroup,
        connection_state: ConnectionState,
        ssl: bool,
        client: tuple[str, int] | None,
        server: tuple[str, int] | None,
        send: Callable[[ConnectionEvent], Awaitable[None]],
        waits: Stopwatch,
    ) -> None:
        super().__init__(app, config, context, task_group, connection_state, ssl, client, server, send)
        self.waits = waits
        """Counts how long the client was waited for while it took nothing in; an extension of ASGI, too."""
        self._handing_out = trio.Lock()
        self._may_come = trio.Event()
        """Set while what was sent ahead of its turn is little, or the turn has come."""
        self._may_come.set()
        self._over = False

    async def handle(self, event: ConnectionEvent) -> None:
        """Take in what was read, or that the connection is over."""
        await super().handle(event)
        if isinstance(event, Closed):
            self._over = True
            self._may_come.set()

    async def room(self) -> None:
        """Wait while so much was sent ahead of its turn that no more should be read."""
        if not self._may_come.is_set():
            await self._may_come.wait()

    async def _handle_events(self) -> None:
        """Hand out what has come. What comes ahead of its turn waits in h11's buffer, and reading goes on.

        Hypercorn would stop reading there. A client that left then was noticed late or never, and its connection
        was kept for ever.
        """
        try:
            self._handing_out.acquire_nowait()  # without the checkpoint of acquire
        except trio.WouldBlock:
            await self._handing_out.acquire()
        try:
            await self._hand_out_all()
        finally:
            self._handing_out.release()

    async def _hand_out_all(self) -> None:
        # Behind a request that was said to be the last nothing counts.
        while self.connection.their_state not in (h11.MUST_CLOSE, h11.CLOSED):
            if self.connection.they_are_waiting_for_100_continue:
                await self._send_h11_event(h11.InformationalResponse(status_code=100, headers=[]))
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError as error:
                if self.connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                    await self._send_error_response(error.error_status_hint)
                await self.send(Closed())
                return
            if event is h11.PAUSED:
                ahead = len(self.connection.trailing_data[0])
                # One that is not set stays: somebody may be waiting for it.
                if ahead > _AHEAD and not self._over and self._may_come.is_set():
                    self._may_come = trio.Event()
                return
            if not await self._hand_out(event):
                return

    async def _hand_out(self, event: object) -> bool:
        """Hand out one event. Returns whether there may be more."""
        if isinstance(event, h11.Request) and not event.http_version.startswith(b"1."):
            # Where HTTP/2 begins without being asked for: it is spoken where TLS has agreed on it.
            await self._send_error_response(505)
            await self.send(Closed())
            return False
        if isinstance(event, h11.Request):
            # Private to h11, which would wait for the answer to an offer to switch protocols.
            self.connection._cstate.pending_switch_proposals.clear()  # noqa: SLF001
            await self.send(Updated(idle=False))
            # Hypercorn's WebSocket streams fail on what clients may send, so there are none.
            self.stream = Turn(self, event)
            self.task_group.start_soon(self.stream.run)
        elif isinstance(event, h11.Data) and self.stream is not None:
            await self.stream.handle(Body(stream_id=STREAM_ID, data=bytes(event.data)))
        elif isinstance(event, h11.EndOfMessage) and self.stream is not None:
            await self.stream.handle(EndBody(stream_id=STREAM_ID))
        else:
            return False
        return True

    def encoded(self, event: h11.Event) -> bytes:
        """Return how a part of the answer is sent; nothing after the client broke the protocol."""
        try:
            return self.connection.send(event) or b""
        except h11.LocalProtocolError:
            if self.connection.their_state is not h11.ERROR:
                raise
            return b""

    async def write(self, data: bytes) -> None:
        """Send. Returns without having sent when the client has left."""
        await self.send(RawData(data=data))

    async def recycle(self) -> None:
        """End the turn: be ready for the next, or close where there can be none."""
        await self._maybe_recycle()
        self._may_come.set()
        if self.connection.trailing_data[0] and self.connection.their_state is h11.IDLE:
            self.task_group.start_soon(self._handle_events)

    async def cut(self, *, begun: bool) -> None:
        """End a turn that has no end: with a 500 where nothing was begun; always by closing."""
        if not begun:
            await self._send_error_response(500)
        await self._maybe_recycle()

    def head_begun(self) -> bool:
        """Whether part of a request's head has come, and not all of it."""
        return self.stream is None and bool(self.connection.trailing_data[0])

    def would_seem_whole(self) -> bool:
        """Whether an orderly close now would pass for the end of a body: HTTP/1.0 has no other end for a stream."""
        return self.connection.our_state is h11.SEND_BODY and self.connection.their_http_version != b"1.1"


def date() -> bytes:
    """Return what an answer's field of this name says now."""
    return _date(int(time()))


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
