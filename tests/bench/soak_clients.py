"""The clients of the soak: many at once over real sockets, of which a share leaves at a random moment.

Each request carries a User-Agent of its own, so that it can be found again at the upstream and in the history.
"""

import random
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import h11
import trio
from bodies import body

Moment = Literal["in the head", "in the body", "waiting", "in the answer"]
"""When a client leaves: while it sends, before the answer begins, or after some of it came."""

MOMENTS: Final[tuple[Moment, ...]] = (
    "in the head",
    "in the body",
    "waiting",
    "waiting",
    "in the answer",
    "in the answer",
)
SIZES: Final = (600, 2_000, 20_000, 200_000)
BODIES: Final = {(size, stream): body(size, stream=stream) for size in SIZES for stream in (False, True)}
REQUEST_SECONDS: Final = 60.0
_RST: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Wish:
    """One request: what is asked for, and when the client leaves (None: it stays to the end), and how."""

    agent: str
    stream: bool
    size: int
    leaves: Moment | None
    by_reset: bool
    patience: float
    """Seconds until a waiting client leaves."""
    reads: int
    """Pieces of the answer after which a client leaves that leaves in the answer."""
    closes: bool
    """Whether a whole answer ends the connection."""


@dataclass
class Clients:
    """All clients, and what they saw."""

    port: int
    count: int
    concurrency: int
    aborts: float
    seed: int = 0
    begun: int = 0
    done: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    """How requests ended, in words."""
    answered: set[str] = field(default_factory=set)
    """Agents that saw the head of an answer."""

    async def run(self) -> None:
        """Make all requests."""
        async with trio.open_nursery() as nursery:
            for number in range(self.concurrency):
                nursery.start_soon(self._work, random.Random(f"{self.seed}/{number}"))

    async def _work(self, dice: random.Random) -> None:
        connection: Connection | None = None
        while self.begun < self.count:
            wish = self._wish(dice)
            try:
                with trio.fail_after(REQUEST_SECONDS):
                    connection = connection or await Connection.to(self.port)
                    seen = await connection.make(wish, self.answered.add)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
                seen = "broken off"
            except trio.TooSlowError:
                seen = f"NOT ANSWERED within {REQUEST_SECONDS:g} s"
            self.seen[seen] += 1
            self.done += 1
            if connection is not None and not connection.reusable:
                connection.close(by_reset=wish.by_reset and wish.leaves is not None)
                connection = None
        if connection is not None:
            connection.close()

    def _wish(self, dice: random.Random) -> Wish:
        self.begun += 1
        return Wish(
            agent=f"soak/{self.begun}",
            stream=dice.random() < 0.6,
            size=dice.choices(SIZES, (4, 10, 4, 1))[0],
            leaves=dice.choice(MOMENTS) if dice.random() < self.aborts else None,
            by_reset=dice.random() < 0.5,
            patience=dice.uniform(0.0, 0.15),
            reads=dice.randint(0, 15),
            closes=dice.random() < 0.1,
        )


class Connection:
    """One connection of a client, used for one request after another."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)
        self.reusable = False

    @classmethod
    async def to(cls, port: int) -> "Connection":
        """Connect to the daemon."""
        return cls(await trio.open_tcp_stream("127.0.0.1", port))

    def close(self, *, by_reset: bool = False) -> None:
        """End the connection, politely or by RST."""
        if by_reset:
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        self._stream.socket.close()

    async def make(self, wish: Wish, answered: Callable[[str], None]) -> str:
        """Make a request, leave when it is wished; say in words how it went. ``answered``: called with the agent."""
        self.reusable = False
        data = self._request(wish)
        if wish.leaves == "in the head":
            await self._stream.send_all(data[:60])
            return "left before the head was whole"
        if wish.leaves == "in the body":
            await self._stream.send_all(data[: -wish.size // 2])
            return "left before the body was whole"
        await self._stream.send_all(data)
        if wish.leaves == "waiting":
            with trio.move_on_after(wish.patience):
                await self._head(wish, answered)
            return "left while waiting"
        head = await self._head(wish, answered)
        return await self._answer(head, wish)

    def _request(self, wish: Wish) -> bytes:
        content = BODIES[wish.size, wish.stream]
        headers = [
            ("host", "127.0.0.1"),
            ("user-agent", wish.agent),
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
            ("x-api-key", "sk-ant-dummy"),
            ("content-length", str(len(content))),
        ]
        request = h11.Request(method="POST", target="/v1/messages", headers=headers)
        parts = (request, h11.Data(data=content), h11.EndOfMessage())
        return b"".join(self._http.send(part) or b"" for part in parts)

    async def _event(self) -> h11.Event:
        while not isinstance(event := self._http.next_event(), h11.Event):
            self._http.receive_data(await self._stream.receive_some(65536))
        return event

    async def _head(self, wish: Wish, answered: Callable[[str], None]) -> h11.Response:
        while not isinstance(event := await self._event(), h11.Response):
            if isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("closed instead of an answer")
        answered(wish.agent)
        return event

    async def _answer(self, head: h11.Response, wish: Wish) -> str:
        end = b""
        pieces = 0
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if wish.leaves == "in the answer" and pieces >= wish.reads:
                return "left in the answer"
            if isinstance(event, h11.Data):
                pieces += 1
                end = (end + event.data)[-400:]
        if not wish.closes and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self.reusable = True
        if head.status_code != 200:
            return f"status {head.status_code}"
        if wish.stream and b"event: error" in end:
            return "told of an error in the stream"
        return "whole" if not wish.stream or b"message_stop" in end else "CUT WITHOUT A WORD"
