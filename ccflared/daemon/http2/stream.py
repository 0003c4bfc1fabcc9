"""One request of HTTP/2 and its answer: what came for the application, and the application's way to answer.

To the application it is what a Turn of protocol.py is.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import trio
from h2.errors import ErrorCodes

from ccflared.daemon.about import about
from ccflared.daemon.faults import FAULTS
from ccflared.daemon.http2 import fields
from ccflared.daemon.http2.outgoing import UNREAD_FOR
from ccflared.daemon.protocol import date
from ccflared.daemon.stopwatch import Stopwatch

if TYPE_CHECKING:
    from ccflared.daemon.http2.connection import Connection

log = logging.getLogger("ccflared.server")


class Stream:
    """See the module. ``ended``: the request has no body."""

    def __init__(self, connection: "Connection", stream_id: int, asked: fields.Asked, *, ended: bool) -> None:
        self.id = stream_id
        self._connection = connection
        self._waits = Stopwatch()
        self._continues = asked.continues
        path, _, query = asked.target.partition(b"?")
        extensions: dict[str, Any] = {"ccflared.when_over": self.when_over, "ccflared.waits": self._waits}
        if not ended:
            # Nothing else says so: a body needs no length, and no field that says how it is framed.
            extensions["ccflared.body_follows"] = True
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"spec_version": "2.3", "version": "3.0"},
            "http_version": "2",
            "method": asked.method,
            "scheme": "https",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": asked.fields,
            "client": connection.client,
            "server": connection.server,
            "extensions": extensions,
        }
        self._body = bytearray()
        """What has come and was not received yet: at most a window of it, however small the pieces."""
        self._unread = 0
        """Bytes of the window that it takes up."""
        self._ended = ended
        """Whether the request has come whole."""
        self._told_end = False
        self._news = trio.Event()
        """Set when there is something to receive."""
        self.room = trio.Event()
        """Set when the client may take in more of this stream."""
        self.over = False
        """Whether nothing can be sent any more: the answer has its end, or the client has left."""
        self._begun = False
        self._head: fields.Fields | None = None
        """The head of the answer, until the first piece of the body."""
        self._without_body = False
        self._when_over: Callable[[], object] | None = None

    def when_over(self, call: Callable[[], object]) -> None:
        """Have ``call`` called once nothing can be sent any more; an extension of ASGI, see protocol.py."""
        self._when_over = call
        if self.over:
            call()

    # -- what comes

    def came(self, data: bytes, window: int) -> None:
        """Take in a piece of the body, which takes up ``window`` bytes with its padding."""
        self._unread += window
        if self.over or not data:
            self._read_on()
            return
        self._body += data
        self._news.set()

    def came_whole(self) -> None:
        """Take in that the request has its end."""
        self._ended = True
        self._news.set()

    def close(self) -> None:
        """Take in that nothing more can be sent."""
        if self.over:
            return
        self.over = True
        self._read_on()
        self._news.set()
        self.room.set()
        if self._when_over is not None:
            self._when_over()

    def _read_on(self) -> None:
        """Let the client send as much as was taken in."""
        unread, self._unread = self._unread, 0
        if unread:
            self._connection.took_in(self.id, unread)

    async def receive(self) -> dict[str, Any]:
        """Return the next message for the application; when all was received, wait for the client to leave."""
        if self._continues and not (self._body or self._ended or self._begun or self.over):
            self._connection.send_head(self.id, [(b":status", b"100")])
        self._continues = False
        while not self._body and (self._told_end or not self._ended):
            if self.over:
                await trio.lowlevel.checkpoint()
                return {"type": "http.disconnect"}
            if self._news.is_set():
                self._news = trio.Event()
            await self._news.wait()
        body = bytes(self._body)
        self._body.clear()
        self._told_end = self._ended
        self._read_on()
        return {"type": "http.request", "body": body, "more_body": not self._ended}

    # -- what goes

    async def run(self) -> None:
        """Let the application answer. An answer that it leaves without an end is never told as one that has it."""
        code = ErrorCodes.INTERNAL_ERROR
        try:
            await self._connection.app(self.scope, self.receive, self.send)
        except trio.Cancelled:
            code = ErrorCodes.CANCEL
            self._begun = True  # the daemon ends: an answer of its own would say that it is at fault
            raise
        except Exception:
            fault = FAULTS.handled()
            log.exception(
                "a fault of the application: %s", fault.name, exc_info=fault.new, extra=about("fault")
            )
        finally:
            self._cut(code)
            self._connection.done(self.id)

    async def send(self, message: dict[str, Any]) -> None:
        """Carry out what the application wants to be sent. After the client has left it leads nowhere."""
        if self.over:
            await trio.lowlevel.checkpoint()
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
            return
        body: bytes = b"" if self._without_body else message["body"]
        end = not message["more_body"]
        if self._head is not None:
            head, self._head = self._head, None
            self._connection.send_head(self.id, head, end=end and not body)
            if end and not body:
                await self._finish()
                return
        if body:
            await self._give(body, end=end)
        elif end:
            self._connection.send_data(self.id, b"", end=True)
        if end:
            await self._finish()

    def _begin(self, status: int, headers: fields.Fields) -> None:
        self._begun = True
        self._without_body = self.scope["method"] == "HEAD" or status in (204, 304)
        self._head = fields.answer(status, [*headers, (b"date", date())])

    async def _give(self, body: bytes, *, end: bool) -> None:
        """Send a piece of the body, a frame at a time: between two of a large one others have their turn."""
        at = 0
        while at < len(body) and not self.over:
            room = self._connection.outgoing.room(self.id)
            if not room:
                room = await self._patiently()
            if room:
                # A slice of the whole is no copy.
                piece = body[at : at + room]
                at += len(piece)
                self._connection.send_data(self.id, piece, end=end and at == len(body))

    async def _patiently(self) -> int:
        """Wait for room, but not for ever: else a client that never reads held an upstream for ever."""
        with trio.move_on_after(UNREAD_FOR) as patience, self._waits:
            return await self._connection.outgoing.wait_for_room(self)
        if patience.cancelled_caught:
            self._reset(ErrorCodes.CANCEL)
        return 0

    async def _finish(self) -> None:
        """Wait until the end of the answer has gone out: from then on, the daemon may end."""
        if not self.over:
            with self._waits:
                await self._connection.outgoing.sent_all()
        if not self.over:
            if not self._ended:
                # What the client still sends of its request is for nobody.
                self._reset(ErrorCodes.NO_ERROR)
            self.close()

    def _cut(self, code: ErrorCodes) -> None:
        """End an answer that has no end."""
        if self.over:
            return
        if not self._begun:
            self._connection.send_head(self.id, fields.answer(500, [(b"date", date())]), end=True)
            code = ErrorCodes.NO_ERROR
        if self._begun or not self._ended:
            self._reset(code)
        self.close()

    def _reset(self, code: ErrorCodes) -> None:
        self._connection.reset(self.id, code)
        self.close()
