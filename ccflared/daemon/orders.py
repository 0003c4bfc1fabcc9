"""What the daemon is told by signals: to stop, once or twice, and to read its file again."""

import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import trio

from ccflared.daemon.books.pen import Pen


class Orders:
    """Hears them from the beginning to the end: :meth:`obey` is to run all the while."""

    def __init__(self) -> None:
        self.stop = trio.Event()
        """Set by the first wish to stop."""
        self.at_once = trio.Event()
        """Set by the second."""
        self._hangups, self.hangups = trio.open_memory_channel[None](1)
        """Wishes for a reload. Many at once mean one, begun after the last of them."""
        self._hearing = trio.CancelScope()

    async def obey(self, signals: AsyncIterator[int]) -> None:
        """Take in the signals as they come."""
        with self._hearing:
            async for number in signals:
                if number == signal.SIGHUP:
                    with suppress(trio.WouldBlock):
                        self._hangups.send_nowait(None)
                else:
                    if self.stop.is_set():
                        self.at_once.set()
                    self.stop.set()

    async def break_off(self, start: trio.CancelScope, pen: Pen) -> None:
        """End a start that is under way as soon as there is a wish to stop, whatever the pen writes meanwhile."""
        await self.stop.wait()
        pen.interrupt()
        start.cancel()

    def enough(self) -> None:
        """Hear no more."""
        self._hearing.cancel()
