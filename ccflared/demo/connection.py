"""One connection to the fake provider: reads requests with h11 and performs acts on the socket, down to RST.

While an answer is under way the connection also reads, so that a peer that hangs up is noticed at once.
"""

import contextlib
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, assert_never

import h11
import trio

from ccflared.demo.acts import Act, Await, Data, Finish, Fuse, Hang, HangUp, Pause, Status, Unframed
from ccflared.wire import Headers

READ = 256 * 1024
PIPELINED = 64 * 1024
"""More than this sent ahead of the answer is left in the socket."""

Ending = Literal["kept", "closed", "reset", "left"]
"""What became of the connection: usable, closed or reset by us, left by the peer before the answer ended."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read to its end. ``body`` is None where it was larger than allowed."""

    method: str
    target: str
    headers: Headers
    body: bytes | None


class Connection:
    """One TCP connection of a peer, from accept to close."""

    def __init__(self, stream: trio.SocketStream, *, max_body: int) -> None:
        self._stream = stream
        self._max_body = max_body
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=128 * 1024)
        self._method = ""

    async def request(self) -> Request | None:
        """Read the next request; None when the peer is gone or does not speak HTTP."""
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        head: h11.Request | None = None
        body = bytearray()
        size = 0
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                return None
            if event is h11.NEED_DATA:
                if not await self._receive():
                    return None
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size <= self._max_body:
                    body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                break
            else:
                return None
        self._method = head.method.decode()
        return Request(
            self._method,
            head.target.decode("latin-1"),
            tuple((bytes(name), bytes(value)) for name, value in head.headers),
            bytes(body) if size <= self._max_body else None,
        )

    async def perform(self, acts: Iterable[Act]) -> Ending:
        """Perform the acts of one answer, until they end or the peer leaves."""
        ending: Ending = "left"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, nursery.cancel_scope)
            # Broken: the peer is gone, which is what "left" says.
            with contextlib.suppress(trio.BrokenResourceError):
                ending = await self._act(acts)
            nursery.cancel_scope.cancel()
        if ending == "reset":
            self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._stream.socket.close()
        elif ending == "kept" and self._http.our_state is not h11.DONE:
            ending = "closed"
        return ending

    async def _act(self, acts: Iterable[Act]) -> Ending:
        fuse: int | None = None
        bodiless = False
        for act in acts:
            data = b""
            match act:
                case Status(code, headers):
                    bodiless = self._method == "HEAD" or code in {204, 304}
                    data = self._spell(h11.Response(status_code=code, headers=list(headers)))
                case Data(content):
                    data = b"" if bodiless else self._spell(h11.Data(data=content))
                case Finish():
                    data = self._spell(h11.EndOfMessage())
                case Unframed(content, half):
                    framed = b"%x\r\n%s\r\n" % (len(content), content) if half else content
                    data = framed[: len(framed) // 2] if half else framed
                case Fuse(after):
                    fuse = after
                case Pause(seconds):
                    await trio.sleep(seconds)
                case Await(event):
                    await event.wait()
                case Hang():
                    await trio.sleep_forever()
                case HangUp(rst):
                    return "reset" if rst else "closed"
                case _:
                    assert_never(act)
            if fuse is not None and len(data) >= fuse:
                await self._send(data[:fuse])
                return "reset"
            if data:
                await self._send(data)
                fuse = None if fuse is None else fuse - len(data)
        return "kept"

    async def _send(self, data: bytes) -> None:
        if data:
            await self._stream.send_all(data)

    def _spell(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> bytes:
        return self._http.send(event) or b""

    async def _receive(self) -> bool:
        try:
            if self._http.they_are_waiting_for_100_continue:
                await self._stream.send_all(self._continue())
            data = await self._stream.receive_some(READ)
        except trio.BrokenResourceError:
            return False
        self._http.receive_data(data)
        return True

    def _continue(self) -> bytes:
        return (
            self._http.send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue")) or b""
        )

    async def _watch(self, answering: trio.CancelScope) -> None:
        """Cancel the answer when the peer hangs up. What it sends ahead is kept for the next request."""
        ahead = 0
        while ahead < PIPELINED:
            try:
                data = await self._stream.receive_some(READ)
            except trio.BrokenResourceError:
                data = b""
            if not data:
                answering.cancel()
                return
            ahead += len(data)
            self._http.receive_data(data)
