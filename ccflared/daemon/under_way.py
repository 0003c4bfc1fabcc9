"""What is under way: requests of clients, tries at accounts, and those that have had no answer yet."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import time

import trio

from ccflared.providers.target import Target


@dataclass(slots=True, eq=False)
class Waiting:
    """A try that waits for the head of its answer. ``since``: Trio's time."""

    target: Target
    model: str | None
    body: bytes
    since: float
    at: float
    """The same moment by the wall clock."""
    looked_at: bool = False
    """Whether somebody has asked himself what its silence means."""
    noted: bool = False
    """Its silence was taken in already."""


class UnderWay:
    """Counts them, each as long as a context lasts."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        """Tries under way, by account."""
        self.probing: Counter[str] = Counter()
        """Requests of the daemon's own under way, by account."""
        self.waiting: set[Waiting] = set()
        """Tries that have had no answer yet."""
        self._requests: set[str] = set()
        self._empty = trio.Event()

    @property
    def requests(self) -> int:
        """How many requests are being served."""
        return len(self._requests)

    @contextmanager
    def counted(self, request: str) -> Iterator[None]:
        """Count a request as running while the context lasts."""
        self._requests.add(request)
        try:
            yield
        finally:
            self._requests.discard(request)
            if not self._requests:
                self._empty.set()

    async def emptied(self) -> None:
        """Wait until no request is running."""
        while self._requests:
            self._empty = trio.Event()
            await self._empty.wait()

    @contextmanager
    def trying(self, account: str) -> Iterator[None]:
        """Count a try at an account while the context lasts."""
        self.running[account] += 1
        try:
            yield
        finally:
            self.running[account] -= 1

    @contextmanager
    def waits_for(self, target: Target, model: str | None, body: bytes) -> Iterator[Waiting]:
        """Let it be known, while the context lasts, that a try waits for the head of an answer."""
        waiting = Waiting(target, model, body, trio.current_time(), time())
        self.waiting.add(waiting)
        try:
            yield waiting
        finally:
            self.waiting.discard(waiting)
