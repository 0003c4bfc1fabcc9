"""How long a request waited for others, so that what ccflared itself took of it can be told."""

from time import perf_counter
from types import TracebackType
from typing import Final, Self

import trio


class Loop(trio.abc.Instrument):
    """Notes when the loop was last told what is ready. That is once for all who then have their turn."""

    def __init__(self) -> None:
        self._told_at = 0.0

    def after_io_wait(self, timeout: float) -> None:
        """See trio.abc.Instrument."""
        del timeout
        self._told_at = perf_counter()

    def told_at(self, since: float) -> float:
        """Return when the loop knew that a wait begun at ``since`` is over; now, where it was not asked meanwhile."""
        return self._told_at if self._told_at > since else perf_counter()

    def watch(self) -> None:
        """Begin with the loop that runs now; asked again, it has begun already."""
        trio.lowlevel.add_instrument(self)


LOOP: Final = Loop()
"""Of this process, which has one loop."""


class Stopwatch:
    """Adds up the seconds of one request in which others were waited for. One owner: the request's journal.

    The overhead of a request is its whole time, from when it was admitted to when its row is made, less

    - what an upstream was waited for: connecting to it (names, TLS and a proxy included), a socket of it that took in
      no more, the head of its answer, each silence before a piece of the body, a token that had to be renewed, its
      list of models;
    - what the client was waited for: the pieces of its request's body, and its taking in of what it was sent;
    - deliberate pauses: before an overloaded account is asked again.

    What is left is ccflared's own: reading, choosing, rewriting, translating, metering, the system calls, work done
    in threads, and the waits for a turn on the loop: a wait ends when the loop has been told by the system that it is
    over, not when the request has its turn. For a stream it is the sum over all of its pieces of the time between
    receiving one and having written it. What came while the loop was busy is known when it looks for news the next
    time, so of a busy loop a part remains unseen; ``ccflared_loop_lag_seconds`` tells how late it is.

    None of the waits overlap, as one task serves a request, so the overhead is never negative but for the rounding of
    clocks, which is cut off. ``with stopwatch:`` counts what passes within as waiting; it is not to be nested. The
    clock is that of which Trio's is made, asked directly, as the way through Trio costs more than all the rest of this.
    """

    __slots__ = ("_since", "waited")

    def __init__(self) -> None:
        self.waited = 0.0
        self._since = 0.0

    def __enter__(self) -> Self:
        self._since = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.waited += LOOP.told_at(self._since) - self._since
