"""What the service manager is told while the daemon starts, serves and stops, and when."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import time
from typing import Final

import trio

from ccflared.daemon.alarms.lookout import states
from ccflared.daemon.house import House
from ccflared.daemon.notify import Notifier
from ccflared.daemon.reload import Reloads
from ccflared.daemon.server import Listeners
from ccflared.daemon.standing import accounts_words, counted, seconds_words

LOOK: Final = 5.0
"""Seconds from one look at how things stand to the next, where nobody rings."""
AGAIN: Final = 5.0
"""Seconds from one request for patience to the next."""
MORE: Final = 30.0
"""Seconds that are asked for each time."""


class Herald:
    """Tells of a daemon that is up. Called from Trio's thread."""

    def __init__(self, manager: Notifier, house: House, reloads: Reloads, listeners: Listeners) -> None:
        self.manager = manager
        self._house = house
        self._reloads = reloads
        self._listeners = listeners
        self._bell = trio.Event()
        reloads.judged_at_last = self.ring

    @property
    def sentence(self) -> str:
        """How things stand now."""
        house, now = self._house, time()
        parts = [accounts_words(states(house, now), now, house.world.zone)]
        if refused := self._reloads.refused:
            parts.append(refused.sentence)
        if (error := house.recorder.state.error) is not None:
            parts.append(f"the history is off: {error}")
        parts.append("listening on " + ", ".join(address for _, address in self._listeners.places))
        return "; ".join(parts)

    def ready(self) -> None:
        """Say that the daemon serves, or serves on."""
        if not self._house.draining:
            self.manager.ready(self.sentence)

    def ring(self) -> None:
        """Have the sentence looked at soon."""
        self._bell.set()

    async def keep_told(self) -> None:
        """Keep the sentence fresh until the stop begins, or cancelled."""
        if not self.manager.listens:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear_of_accounts)
            while not self._house.draining:
                self._bell = trio.Event()
                self.manager.status(self.sentence)
                with trio.move_on_after(LOOK):
                    await self._bell.wait()
            nursery.cancel_scope.cancel()

    async def _hear_of_accounts(self) -> None:
        changes = self._house.live.accounts
        while True:
            await changes.stirred(changes.latest)
            self.ring()

    def stopping(self, seconds: float) -> None:
        """Say that the stop has begun, and may take so many seconds."""
        self.manager.stopping(self._draining(seconds))

    async def ask_for_patience(self, until: float) -> None:
        """While answers may end, by Trio's clock ``until`` then, ask for the time and say what is waited for."""
        while True:
            self.manager.patience(MORE, self._draining(until - trio.current_time()))
            await trio.sleep(AGAIN)

    def _draining(self, seconds: float) -> str:
        running = self._house.under_way.requests
        if not running:
            return "Stopping: every answer has ended"
        verb = "runs" if running == 1 else "run"
        return f"Draining: {counted(running, 'answer')} of /v1 still {verb}, for {seconds_words(seconds)} at most"


@contextmanager
def starting(manager: Notifier, nursery: trio.Nursery, what: Callable[[], str]) -> Iterator[None]:
    """Ask for patience as long as the context lasts, where it lasts long. ``what``: what is being waited for."""
    scope = trio.CancelScope()

    async def ask() -> None:
        begun = trio.current_time()
        with scope:
            while True:
                await trio.sleep(AGAIN)
                manager.patience(
                    MORE, f"Starting: {what()}, for {seconds_words(trio.current_time() - begun)} so far"
                )

    if manager.listens:
        nursery.start_soon(ask)
    try:
        yield
    finally:
        scope.cancel()
