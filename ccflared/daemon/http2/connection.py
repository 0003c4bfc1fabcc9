"""One client connection that speaks HTTP/2: reading, writing, idling, draining, and what a client may not do.

Against floods: so many requests run at once, those included whose client gave them up and which still are being ended;
giving them up, and frames that carry nothing, are allowed so often; while our answers to such are left unread, nothing
is read. Beyond that the connection ends with ENHANCE_YOUR_CALM.
"""

import logging
from contextlib import suppress
from math import inf
from typing import Final

import trio
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    PingAckReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from hypercorn.trio.worker_context import WorkerContext

from ccflared.daemon import pipe
from ccflared.daemon.about import about
from ccflared.daemon.connection import KEEP_ALIVE, LINGER, both_ends, guarded
from ccflared.daemon.http2 import fields
from ccflared.daemon.http2.frames import AT_ONCE, Allowance, Http2, goaway
from ccflared.daemon.http2.outgoing import BROKEN, Outgoing
from ccflared.daemon.http2.stream import Stream
from ccflared.daemon.protocol import Application, date

_BEGUN_WITHIN: Final = 30.0
"""Seconds for what a connection begins with, and for a request's fields."""
_RUNNING: Final = 4 * AT_ONCE
"""Requests that may run, those included that their clients know to be over: an application may have to tidy up."""
_TURNS_AFTER: Final = 1.0
"""Seconds after which a client has heard that it is to open no more streams, if it does not say so."""
_LAST_WORDS: Final = 0.2
_LOWAT: Final = getattr(trio.socket, "TCP_NOTSENT_LOWAT", None)
_UNSENT: Final = 128 * 1024
"""Bytes that the system keeps unsent, where it can be told: what is queued there no event can overtake."""

log = logging.getLogger("ccflared.server")


class Connection:
    """Serves one stream on which TLS has agreed on h2, until it is closed."""

    def __init__(
        self, app: Application, context: WorkerContext, stream: trio.SSLStream[trio.SocketStream]
    ) -> None:
        """``context`` tells when the listener retires: then the connection ends after its running requests."""
        self.app = app
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None
        self._context = context
        self._pipe = stream
        self._plain = stream.transport_stream
        self._http = Http2()
        self.outgoing = Outgoing(stream, self._http)
        self._streams: dict[int, Stream] = {}
        """Those whose application runs, whether or not their client still waits."""
        self._applications: trio.Nursery
        self._idle_since = trio.current_time()
        self._begun = False
        """Whether the client's first settings have come."""
        self._retiring = False
        self._opened_or_emptied = trio.Event()
        """Set, while the listener retires, when the client opens a stream, or has none left."""
        self._last: int | None = None
        """The last stream that is served, once that has been told."""
        self._heard = trio.Event()
        """Set when the client has heard that it is to open no more streams."""
        self._resets = Allowance(200, 20)
        """Requests given up, or refused."""
        self._frames = Allowance(2000, 100)
        """Frames that come; what is asked, and what is sent, lets there be more."""
        self._over = False
        """Whether nothing more is read, and nothing queued."""
        self._reading = trio.CancelScope()
        self._minding = trio.CancelScope()

    async def run(self) -> None:
        """Serve requests until either side closes. A fault in here ends this connection and is logged."""
        with guarded():
            try:
                await self._serve()
            finally:
                self._plain.socket.close()

    async def _serve(self) -> None:
        socket = self._plain.socket
        try:
            self.client, self.server = both_ends(socket)
            if socket.family != trio.socket.AF_UNIX and _LOWAT is not None:
                socket.setsockopt(trio.socket.IPPROTO_TCP, _LOWAT, _UNSENT)
        except OSError:
            return
        self._http.begin()
        self.outgoing.collect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            try:
                async with trio.open_nursery() as self._applications:
                    self._applications.start_soon(self._mind)
                    await self._read()
                    # Now, and not when the applications have done with their upstreams: somebody may still be sending.
                    await self.outgoing.close()
            finally:
                self._end()
                if socket.fileno() != -1 and not self.outgoing.told_all:
                    # The daemon ends at once: what is not finished is told to be so.
                    self.outgoing.limit(_LAST_WORDS)
                    with trio.move_on_after(_LAST_WORDS, shield=True):
                        await self.outgoing.close()

    # -- what comes

    async def _read(self) -> None:
        """Read until the peer leaves, or this side has enough of it."""
        due = trio.current_time() + _BEGUN_WITHIN
        with self._reading:
            while not self._over:
                await self.outgoing.unclogged()
                try:
                    with trio.fail_at(due):
                        data = await pipe.read(self._pipe)
                except (*BROKEN, trio.TooSlowError):
                    break
                if not data:
                    break
                self._take(data)
                if self._begun and not self._http.begun:
                    due = inf
                elif due is inf:
                    due = trio.current_time() + _BEGUN_WITHIN
        self._end()
        self._minding.cancel()

    def _take(self, data: bytes) -> None:
        before = self._http.frames
        try:
            events = self._http.receive_data(data)
        except ProtocolError as error:
            log.debug("HTTP/2 with %s ends: %s", self._who, error, extra=about("connection"))
            self.outgoing.collect()  # the library has said why
            self._end(None)
            return
        for event in events:
            self._take_event(event)
        if not self._over:
            self.outgoing.collect()
            self._allow(self._frames, self._http.frames - before)
        if self._http.head_too_large:
            self._end(ErrorCodes.ENHANCE_YOUR_CALM)

    def _take_event(self, event: Event) -> None:
        match event:
            case _ if self._over:
                pass
            case RequestReceived():
                self._frames.give(5)
                self._request(event)
            case DataReceived():
                self._piece(event)
            case StreamEnded():
                if (stream := self._streams.get(event.stream_id)) is not None:
                    stream.came_whole()
            case StreamReset():
                if (stream := self._streams.get(event.stream_id)) is not None:
                    stream.close()
                self._allow(self._resets)
            case WindowUpdated():
                self._more_room(event.stream_id)
            case RemoteSettingsChanged():
                self._begun = True
                self._http.keep_table_small()
                self.outgoing.stir()
                for stream in self._streams.values():
                    stream.room.set()
            case PingAckReceived():
                self._heard.set()
            case _:
                pass

    def _request(self, event: RequestReceived) -> None:
        stream_id = event.stream_id
        if (self._last is not None and stream_id > self._last) or self._full():
            self.reset(stream_id, ErrorCodes.REFUSED_STREAM)
            self._allow(self._resets)
            return
        try:
            asked = fields.read(event.headers)
        except fields.TooLarge:
            self.send_head(stream_id, fields.answer(431, [(b"date", date())]), end=True)
            if event.stream_ended is None:
                self.reset(stream_id, ErrorCodes.NO_ERROR)
            return
        except fields.Malformed as malformed:
            log.debug(
                "HTTP/2 with %s: a request is refused: %s", self._who, malformed, extra=about("connection")
            )
            self.reset(stream_id, ErrorCodes.PROTOCOL_ERROR)
            self._allow(self._resets)
            return
        stream = Stream(self, stream_id, asked, ended=event.stream_ended is not None)
        self._streams[stream_id] = stream
        self._applications.start_soon(stream.run)
        if self._retiring:
            self._opened_or_emptied.set()

    def _full(self) -> bool:
        """Whether as many requests are open as may be, or too many that are not open any more still run."""
        if len(self._streams) < AT_ONCE:
            return False
        # As the client counts: it may open another once it has the end of one, which is before the application knows.
        return len(self._streams) >= _RUNNING or self._http.opened > AT_ONCE

    def _piece(self, event: DataReceived) -> None:
        if event.data:
            self._frames.give(1)
        if (stream := self._streams.get(event.stream_id)) is not None:
            stream.came(event.data, event.flow_controlled_length)
        else:
            self.took_in(event.stream_id, event.flow_controlled_length)

    def _more_room(self, stream_id: int) -> None:
        if not stream_id:
            self.outgoing.stir()
        elif (stream := self._streams.get(stream_id)) is not None:
            stream.room.set()

    @property
    def _who(self) -> str:
        return "a client of a unix socket" if self.client is None else self.client[0]

    def _allow(self, allowance: Allowance, count: int = 1) -> None:
        if not allowance.take(trio.current_time(), count):
            log.info(
                "HTTP/2 with %s ends: it sends too much that asks for nothing",
                self._who,
                extra=about("connection"),
            )
            self._end(ErrorCodes.ENHANCE_YOUR_CALM)

    def took_in(self, stream_id: int, window: int) -> None:
        """Let the client send as much again."""
        if not self._over:
            self._http.acknowledge_received_data(window, stream_id)
            self.outgoing.collect()

    # -- what goes

    def send_head(self, stream_id: int, head: fields.Fields, *, end: bool = False) -> None:
        """Queue the head of an answer."""
        if not self._over:
            self._http.send_headers(stream_id, head, end_stream=end)
            self.outgoing.collect()

    def send_data(self, stream_id: int, data: bytes, *, end: bool) -> None:
        """Queue a frame for which there is room."""
        if self._over:
            return
        self._frames.give(2 + len(data) / 1024)
        if end:
            self._http.send_data(stream_id, data, end_stream=True)
            self.outgoing.collect()
        else:
            self.outgoing.push(self._http.data_frame(stream_id, data))

    def reset(self, stream_id: int, code: ErrorCodes) -> None:
        """Queue that a stream has no end."""
        if not self._over:
            with suppress(StreamClosedError):  # by the client, at the same time
                self._http.reset_stream(stream_id, code)
            self.outgoing.collect()

    async def _write(self) -> None:
        await self.outgoing.run()
        self._end()

    # -- its end

    def done(self, stream_id: int) -> None:
        """Take in that an application has ended."""
        del self._streams[stream_id]
        if not self._streams:
            self._idle_since = trio.current_time()
            if self._last is not None:
                self._end()
            elif self._retiring:
                self._opened_or_emptied.set()

    def _end(self, code: ErrorCodes | None = ErrorCodes.NO_ERROR) -> None:
        """Take in that the connection is over: nothing is read any more, and nobody waits for answers.

        ``code``: why, for the client; None where it was told.
        """
        if self._over:
            return
        if code or (code is not None and self._last is None):
            last = self._http.highest_inbound_stream_id if self._last is None else self._last
            self.outgoing.push(goaway(code, last))
        self._over = True
        for stream in self._streams.values():
            stream.close()
        self.outgoing.end()
        self._reading.cancel()

    async def _mind(self) -> None:
        """End the connection when it lay idle for KEEP_ALIVE; where its listener retires, after what is running."""
        with self._minding:
            while not self._context.terminated.is_set():
                due = (trio.current_time() if self._streams else self._idle_since) + KEEP_ALIVE
                if due <= trio.current_time():
                    self._end()
                    return
                with trio.move_on_at(due):
                    await self._context.terminated.wait()
            await self._retire()

    async def _retire(self) -> None:
        """Let what is running end. What the client sent before it heard of that is served, what it sends later refused.

        It is told when nothing runs any more, or when it opens another stream: a client built on the h2 library, as
        httpx is, drops what it still receives once it has been told. First it hears that it is to open no more, and
        only then which stream was the last, so that none is lost on the way.

        One that is idle is heard for LINGER first, as over HTTP/1.1: not every client asks again elsewhere when it is
        told that what it has just sent is not served.
        """
        self._retiring = True
        if not self._streams:
            with trio.move_on_after(LINGER):
                await self._opened_or_emptied.wait()
                self._opened_or_emptied = trio.Event()
        if self._streams:
            await self._opened_or_emptied.wait()
        if self._streams:
            self.outgoing.push(goaway(ErrorCodes.NO_ERROR))
            self._heard = trio.Event()
            self._http.ping(b"retiring")
            self.outgoing.collect()
            with trio.move_on_after(_TURNS_AFTER):
                await self._heard.wait()
        self._last = self._http.highest_inbound_stream_id
        self.outgoing.push(goaway(ErrorCodes.NO_ERROR, self._last))
        if not self._streams:
            self._end()
