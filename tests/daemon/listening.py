"""A listener for tests: reads a stream of server-sent events over a real socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import h11
import trio
from stage import Stage


@dataclass(slots=True)
class Listener:
    """An open stream. ``last_id``: of the last event it has read."""

    stream: trio.SocketStream
    http: h11.Connection
    last_id: str | None = None
    _rest: bytes = b""

    async def block(self) -> bytes:
        """Return the next lines up to an empty one; comments are such, too. Raises EOFError at the end."""
        with trio.fail_after(20):
            while b"\n\n" not in self._rest:
                self._rest += await self._more()
        block, _, self._rest = self._rest.partition(b"\n\n")
        return block

    async def next(self) -> dict[str, Any]:
        """Return the next event: its data, with its name as ``event`` where it has one; comments are passed over."""
        event: dict[str, Any] = {}
        while not event:
            for line in (await self.block()).decode().split("\n"):
                name, _, value = line.partition(": ")
                if name == "data":
                    event |= json.loads(value)
                elif name == "event":
                    event["event"] = value
                elif name == "id":
                    self.last_id = value
        return event

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """Return the next event that has these values."""
        while True:
            event = await self.next()
            if all(event.get(key) == value for key, value in wanted.items()):
                return event

    async def ended(self) -> bool:
        """Wait for the end of the stream; True where it came."""
        try:
            while True:
                await self.block()
        except EOFError:
            return True

    async def head(self) -> h11.Response:
        """Read the head of the answer."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.stream.receive_some())
        assert isinstance(event, h11.Response)
        return event

    async def _more(self) -> bytes:
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.stream.receive_some())
            elif isinstance(event, h11.Data):
                return bytes(event.data)
            else:
                raise EOFError("the stream has ended")


@asynccontextmanager
async def listening(stage: Stage, path: str, *, last_id: str | None = None) -> AsyncIterator[Listener]:
    """Open a stream, and read that it is connected."""
    fields = {"host": "localhost", **stage.headers} | ({"last-event-id": last_id} if last_id else {})
    async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
        listener = Listener(stream, h11.Connection(h11.CLIENT))
        request = h11.Request(method="GET", target=path, headers=list(fields.items()))
        head = listener.http.send(request) or b""
        await stream.send_all(head + (listener.http.send(h11.EndOfMessage()) or b""))
        answer = await listener.head()
        assert answer.status_code == 200
        assert (b"content-type", b"text/event-stream") in list(answer.headers)
        assert await listener.block() == b"retry: 3000"
        assert await listener.next() in ({"event": "connected"}, {"connected": True})
        yield listener
