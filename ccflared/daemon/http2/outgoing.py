"""What goes out on a connection of HTTP/2: queued by the streams in turn, written by one task.

What is queued when it comes to write goes out in one write. So a stream whose application is cancelled never leaves
half a frame behind, and many small events at once cost one system call.
"""

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from ccflared.daemon import pipe
from ccflared.daemon.http2.frames import Http2

if TYPE_CHECKING:
    from ccflared.daemon.http2.stream import Stream

UNREAD_FOR: Final = 300.0
"""Seconds that a client may leave unread what it is sent, on one stream or on all."""
BROKEN: Final = (trio.BrokenResourceError, trio.ClosedResourceError)

_HELD: Final = 64 * 1024
"""Bytes that wait for the socket before the streams have to wait."""
_CLOGGED: Final = 256 * 1024
"""Bytes that wait for the socket before no more is read. Beyond _HELD they are answers to frames that ask for one."""
_LINGERS: Final = 2.0


class Outgoing:
    """See the module."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream], http: Http2) -> None:
        self._pipe = stream
        self._http = http
        self._queue = bytearray()
        self._queued = self._written = 0
        """How many bytes were ever queued, and written."""
        self._to_write = trio.lowlevel.ParkingLot()
        self._torn = False
        """Whether part of a write may be missing."""
        self._turns = trio.Lock()
        """Whose turn it is to queue a frame: streams that have to wait do so in a row."""
        self._stirred = trio.Event()
        self._written_some = trio.Event()
        self._awaited: deque[tuple[int, trio.Event]] = deque()
        self._over = False
        self._scope = trio.CancelScope(shield=True)
        self._finished = trio.Event()
        self.told_all = False
        """Whether all has been written, and that this was all."""

    @property
    def _held(self) -> int:
        return self._queued - self._written

    def push(self, data: bytes) -> None:
        """Queue frames."""
        self._queue += data
        self._queued += len(data)
        self._to_write.unpark()

    def collect(self) -> None:
        """Queue what the library has to say."""
        if data := self._http.data_to_send():
            self.push(data)

    def stir(self) -> None:
        """Take in that the client may have room for more."""
        self._stirred.set()

    def room(self, stream_id: int) -> int:
        """Return how many bytes of a body may be queued now; 0 while others wait for their turn."""
        if self._over or self._turns.locked() or self._held >= _HELD:
            return 0
        return self._http.sendable(stream_id)

    async def wait_for_room(self, stream: "Stream") -> int:
        """Wait until some bytes may be queued, in turn with others. Returns how many; 0 when the stream is over."""
        while not stream.over:
            if self._http.room_of(stream.id) <= 0:
                # Outside of the row: who does not read one stream holds up no other.
                stream.room = trio.Event()
                await stream.room.wait()
                continue
            async with self._turns:
                room = await self._first_in_row(stream)
            if room:
                return room
        return 0

    async def _first_in_row(self, stream: "Stream") -> int:
        while not stream.over:
            if self._held < _HELD and self._http.outbound_flow_control_window > 0:
                return self._http.sendable(stream.id)
            self._stirred = trio.Event()
            await self._stirred.wait()
        return 0

    async def sent_all(self) -> None:
        """Wait until what is queued now has been written, or nothing more can be."""
        if not self._over:
            event = trio.Event()
            self._awaited.append((self._queued, event))
            await event.wait()

    async def unclogged(self) -> None:
        """Wait while the client leaves so much unread that no more should be read of it."""
        while self._held > _CLOGGED and not self._over:
            self._written_some = trio.Event()
            await self._written_some.wait()

    async def run(self) -> None:
        """Write until there is nothing more and the connection is over. Cancelling does not end it; ``end`` does."""
        with self._scope:
            while self._queue or not self._over:
                if not self._queue:
                    await self._to_write.park()
                    continue
                data = bytes(self._queue)
                self._queue.clear()
                self._torn = True
                try:
                    await pipe.write(self._pipe, data, UNREAD_FOR)
                except (*BROKEN, trio.TooSlowError):
                    break
                self._torn = False
                self._wrote(len(data))
        self._finished.set()

    def _wrote(self, count: int) -> None:
        self._written += count
        self._stirred.set()
        self._written_some.set()
        while self._awaited and self._awaited[0][0] <= self._written:
            self._awaited.popleft()[1].set()

    def end(self) -> None:
        """Take in that the connection is over: what is queued is written, and nobody waits for that."""
        self._over = True
        self.limit(_LINGERS)
        self._stirred.set()
        self._written_some.set()
        for _, event in self._awaited:
            event.set()
        self._awaited.clear()
        self._to_write.unpark()

    def limit(self, seconds: float) -> None:
        """Give up writing after so many seconds."""
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + seconds)

    async def close(self) -> None:
        """Close so that the client gets all that was sent: with bytes of its unread, a close would be a reset."""
        await self._finished.wait()
        plain = self._pipe.transport_stream
        with trio.move_on_after(_LINGERS), suppress(*BROKEN):
            if not self._torn:
                await plain.send_eof()
                self.told_all = True
                while await plain.receive_some(65536):
                    pass
        plain.socket.close()
