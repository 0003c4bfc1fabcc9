"""What goes on, for those who look on: rings of requests, log lines, changes of accounts, and alerts."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Final, NamedTuple, TypeVar

import trio

from ccflared.daemon.alarms.alert import Alert
from ccflared.daemon.exchange import ClientGone, Exchange
from ccflared.daemon.feeds.rings import Ring
from ccflared.daemon.feeds.tickets import Tickets
from ccflared.daemon.logs import Line, Lines
from ccflared.wire import Entry, Inbound

T = TypeVar("T")

LISTENERS: Final = 64
SILENCE: Final = 15.0
"""Seconds without an event after which a comment shows that the connection stands."""
STUCK: Final = 60.0
"""Seconds for which a listener may take nothing in before it is given up."""
_PREAMBLE: Final = b"retry: 3000\n\n"
"""How many milliseconds an EventSource waits before it comes again."""


class Started(NamedTuple):
    """A client's request that has begun."""

    id: str
    at: float
    method: str
    path: str


class Tried(NamedTuple):
    """An account that a request is tried at, from ``at`` on, and the model it is asked for."""

    id: str
    at: float
    account: str
    model: str | None


class Ended(NamedTuple):
    """A request that has ended, and whether its bodies are kept."""

    entry: Entry
    has_payload: bool


@dataclass(frozen=True, slots=True)
class AccountChange:
    """The state of an account from ``at`` on; ``removed`` where it has left the file."""

    name: str
    state: str
    reason: str | None
    until: float | None
    at: float


class Live:
    """See the module. The owner of the rings; there is one as long as the daemon lives. Called from Trio's thread."""

    def __init__(self) -> None:
        start = f"{int(time() * 1000):012x}"
        # Three things happen to a request: it begins, it is tried somewhere, and something comes of it.
        self.requests: Ring[Started | Tried | Ended] = Ring(3000, start)
        self.lines: Ring[Line] = Ring(1000, start)
        self.accounts: Ring[AccountChange] = Ring(500, start)
        self.alerts: Ring[Alert] = Ring(500, start)
        self.log = Lines(self.lines.add)
        """Keeps the log's lines."""
        self._tickets = Tickets()
        self.listeners = 0
        self.closed = False
        """The daemon is stopping: streams have ended, and none begins."""

    def began(self, inbound: Inbound) -> None:
        """Take in that a client's request has begun."""
        self.requests.add(Started(inbound.id, inbound.at, inbound.method, inbound.path))

    def tried(self, request: str, account: str, model: str | None) -> None:
        """Take in that a request is tried at an account from now on."""
        self.requests.add(Tried(request, time(), account, model))

    def ended(self, entry: Entry, *, has_payload: bool = False) -> None:
        """Take in what came of a request, and whether its bodies are kept."""
        self.requests.add(Ended(entry, has_payload))

    def take_seat(self) -> bool:
        """Count one more listener; False where there are as many as may be. It is given back by ``leave_seat``."""
        if self.listeners >= LISTENERS:
            return False
        self.listeners += 1
        return True

    def leave_seat(self) -> None:
        """Count one listener less."""
        self.listeners -= 1

    def ticket(self, lasts: Callable[[], bool]) -> str:
        """Return a ticket for one stream. ``lasts``: whether its bearer still may administer."""
        return self._tickets.mint(trio.current_time(), lasts)

    def redeem(self, ticket: str) -> Callable[[], bool] | None:
        """Return whether a ticket's bearer still may listen, as a question; None where it admits nobody."""
        return self._tickets.take(ticket, trio.current_time())

    def close(self) -> None:
        """End every stream."""
        self.closed = True
        self.stir()

    def stir(self) -> None:
        """Have every stream look now whether its listener still may listen."""
        for ring in (self.requests, self.lines, self.accounts, self.alerts):
            ring.stir()

    async def tell(
        self,
        exchange: Exchange,
        ring: Ring[T],
        spell: Callable[[T], object],
        *,
        last_id: str | None,
        hello: bytes,
        allowed: Callable[[], bool],
    ) -> None:
        """Give a listener what happens, from the event after ``last_id`` on, until the daemon stops.

        ``hello``: what it is told first; ``allowed``: whether it still may listen. Raises ClientGone where it takes
        nothing in any more.
        """
        position, lost = ring.position(last_id)
        await _write(exchange, _PREAMBLE + hello + (_missed(None) if lost is None else b""))
        while not self.closed and allowed():
            with trio.move_on_after(SILENCE) as silence:
                await ring.stirred(position)
            if silence.cancelled_caught:
                await _write(exchange, b":\n\n")
                continue
            if not allowed():
                return
            read = ring.read(position, spell)
            position = read.position
            if data := (_missed(read.missed) if read.missed else b"") + read.data:
                await _write(exchange, data)


def _missed(number: int | None) -> bytes:
    """Tell a listener that events are gone which it has not read, and how many where that is known."""
    return b'event: missed\ndata: {"missed":%s}\n\n' % (b"null" if number is None else b"%d" % number)


async def _write(exchange: Exchange, data: bytes) -> None:
    with trio.move_on_after(STUCK) as patience:
        await exchange.write(data)
    if patience.cancelled_caught:
        raise ClientGone
