"""Keeps the history within [storage] keep_requests and max_size: looks now and then, and deletes in small steps.

Each step is a moment of the writer's time between two batches, and as long a pause follows: rows of requests that end
meanwhile wait for one step at the most. Where the files are too large, the oldest payloads go first, then the oldest
rows; those of the last hour stay, as limits and status are read from them.
"""

import logging
import math
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time
from typing import Final, TypeVar

import trio

from ccflared.daemon.about import about
from ccflared.daemon.house import House
from ccflared.errors import Refused
from ccflared.store import retention
from ccflared.store.retention import Files
from ccflared.store.storage import facts
from ccflared.store.trouble import broken, sentence

log = logging.getLogger("ccflared.storage")

Answer = TypeVar("Answer")

LOOK: Final = 15.0
"""Seconds from one look to the next."""
STEADY: Final = 3600.0
"""Seconds by which the clock may have been put between two looks: else it is not believed for a while."""
SURE: Final = 3600.0
"""Seconds after which it is: until then a wrong one has mostly been put right, and nothing is too old."""
YOUNG: Final = 3600.0
"""Seconds that a row stays, whatever the files take."""
ROOM: Final = 0.95
"""Part of max_size that is left in use when it was exceeded."""
LONGEST_LOG: Final = 64 * 1024**2
"""Bytes of the log from which it is cut off, if nobody reads of it."""
PAUSE: Final = 1.0
"""Length of the pause after a step, as a multiple of what the step took."""

Trouble = (sqlite3.Error, OSError, Refused)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has come to."""

    at: float
    cutoff: float
    """Rows of before that time were too old."""
    rows: int = 0
    payload_bytes: int = 0
    seconds: float = 0.0


class Sweeper:
    """See the module. Called from Trio's thread."""

    def __init__(self, house: House, database: Path) -> None:
        """``database``: the path of the history; payloads are beside it."""
        self._house = house
        self._database = database
        self._one_at_a_time = trio.Lock()
        self._offset: float | None = None
        """Of the clock against one that cannot be put, at the last look."""
        self._sure_at = -math.inf
        """From when on the clock is believed, by the one that cannot be put."""
        self.free_payloads: Callable[[int], Awaitable[int]] = _none
        """Deletes the oldest payloads until so many bytes are free, or none is left; returns how many are."""
        self.last: Swept | None = None
        """The last one that deleted something or was asked for."""
        self.known: Files | None = None
        """What the files took at the last look."""
        self.error: str | None = None
        """Why the last look could not do what it should."""

    async def run(self) -> None:
        """Look every now and then, and at once when the file may say something else."""
        while True:
            moved = self._house.moved
            with trio.move_on_after(LOOK):
                await moved.wait()
            await self.look()

    async def look(self) -> None:
        """Delete what the file says. Trouble is told once, and in ``error``."""
        if self._house.recorder.state.error is not None:
            return  # told by whoever writes; there is no room to delete either
        try:
            await self._prove()
            steady = self._steady()
            if steady:
                await self._drop_copies()
            await self.sweep(steady=steady)
        except Trouble as error:
            self._told(f"the history cannot be tidied up: {sentence(error, self._database)}")

    async def _drop_copies(self) -> None:
        most = self._house.world.config.storage.max_size
        drop = partial(retention.drop_copies, self._database, time(), most)
        for copy in await trio.to_thread.run_sync(drop, abandon_on_cancel=True):
            log.info("deleted %s, the copy from before an upgrade", copy, extra=about("history"))

    async def _prove(self) -> None:
        """See that what others would read is the history still. Raises sqlite3.Error, OSError or Refused.

        Whoever writes has much of the file in memory, and may not notice for long that somebody has overwritten it.
        """
        try:
            await self._house.archive.ask(facts)
        except OSError as error:
            log.debug(
                "the history cannot be looked at: %s", error, extra=about("history")
            )  # whoever writes will say so
        except sqlite3.Error as error:
            if broken(error):
                # The writer lets go of the file; it finds out for itself when it opens it again.
                await self._house.recorder.between(partial(_raise, error))

    async def sweep(self, *, steady: bool = True) -> Swept:
        """Delete what is too old or too much now. ``steady``: the clock can be relied on.

        Raises sqlite3.Error, OSError or Refused.
        """
        async with self._one_at_a_time:
            begun, storage = trio.current_time(), self._house.world.config.storage
            now = time()
            cutoff = now - storage.keep_requests
            rows = await self._delete(cutoff) if steady else 0
            payload_bytes, more, problem = await self._fit(storage.max_size, now)
            rows += more
            swept = Swept(now, cutoff, rows, payload_bytes, trio.current_time() - begun)
            if rows:
                await self._give_back()
                log.info(
                    "deleted %d rows of the history in %.1f s", rows, swept.seconds, extra=about("history")
                )
            if rows or (await self.files()).wal > LONGEST_LOG:
                await self._step(retention.empty_log)
                await self.files()
            if rows or payload_bytes or self.last is None:
                self.last = swept
            self._told(problem)
            return swept

    async def _delete(self, before: float, enough: Callable[[], Awaitable[bool]] | None = None) -> int:
        """Delete rows of before that time, the oldest first, until there is ``enough``; return how many."""
        gone = 0
        while enough is None or not await enough():
            step = await self._step(partial(retention.delete_oldest, before=before))
            if not step and await self._step(partial(retention.uncounted, before=before)):
                await self._house.recorder.caught_up(totals=True)
                step = await self._step(partial(retention.delete_oldest, before=before))
            if not step:
                break
            gone += step
            await self._step(retention.shrink)
        return gone

    async def _fit(self, most: int, now: float) -> tuple[int, int, str | None]:
        """Make the files fit; return the bytes of payloads and the rows that went, and why it is not enough."""
        found = await self.files()
        if found.total <= most:
            return 0, 0, None
        # What the log holds twice, and pages that are free already, are not worth a row.
        await self._step(retention.empty_log)
        await self._give_back()
        await self._step(retention.empty_log)
        found, goal = await self.files(), int(most * ROOM)
        if found.total <= most:
            return 0, 0, None
        # A log that a reader holds up, a backup perhaps, is no reason to lose anything: it is short again soon.
        used = (await self._step(retention.pages)).used
        excess = used + found.payloads + found.payloads_wal - goal
        freed = await self.free_payloads(excess) if found.payloads and excess > 0 else 0

        async def fits() -> bool:
            beside = await self.files()
            used = (await self._step(retention.pages)).used
            return used + beside.payloads + beside.payloads_wal <= goal

        rows = await self._delete(now - YOUNG, fits)
        if await fits():
            return freed, rows, None
        problem = f"the history takes more than [storage] max_size ({most} bytes) allows"
        return freed, rows, f"{problem}, though only the last hour and the totals are left: raise it"

    async def _give_back(self) -> None:
        """Give free pages back to the disk."""
        free, before = await self._step(retention.shrink), math.inf
        # One that somebody has made anew (sqlite3 .recover) may keep them: they are used again, and that is all.
        while 0 < free < before:
            free, before = await self._step(retention.shrink), free

    async def _step(self, piece: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do one step, and pause for as long: others want the disk, too."""
        begun = trio.current_time()
        answer = await self._house.recorder.between(piece)
        await trio.sleep(PAUSE * (trio.current_time() - begun))
        return answer

    def room(self) -> int:
        """Return the bytes that payloads may take beside what the history took at the last look, but for its log."""
        database = 0 if self.known is None else self.known.database
        return max(0, int(self._house.world.config.storage.max_size * ROOM) - database)

    async def files(self) -> Files:
        """Return what the files take now. Raises OSError."""
        self.known = await trio.to_thread.run_sync(retention.files, self._database, abandon_on_cancel=True)
        return self.known

    def _steady(self) -> bool:
        """Whether the clock went on since the last look as it should; False at the first."""
        before, self._offset = self._offset, time() - trio.current_time()
        if before is not None and abs(self._offset - before) >= STEADY:
            self._sure_at = trio.current_time() + SURE
        return before is not None and trio.current_time() >= self._sure_at

    def _told(self, problem: str | None) -> None:
        if problem is not None and problem != self.error:
            log.warning("%s", problem, extra=about("history"))
        self.error = problem


def _raise(error: sqlite3.Error, _connection: sqlite3.Connection) -> None:
    raise error


async def _none(_wanted: int) -> int:
    return 0
