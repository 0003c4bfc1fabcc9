"""Keeps the payloads of requests, where the file wants it: takes them at once, writes them in a thread, drops the old.

Whatever its file or disk does, no request waits for it and none fails: in trouble nothing more is taken, ``state``
says why, and the file is tried again. The history is a file of its own, and has no part in that.
"""

import errno
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time
from typing import Final, TypeVar

import trio

from ccflared.daemon.about import about
from ccflared.daemon.books.capture import Capture
from ccflared.daemon.books.payload_archive import PayloadArchive
from ccflared.errors import Refused
from ccflared.formats.redaction import Redaction
from ccflared.store.packing import Payload, pack
from ccflared.store.payloads import PayloadFile
from ccflared.store.trouble import sentence
from ccflared.wire import Inbound

log = logging.getLogger("ccflared.payloads")

Answer = TypeVar("Answer")

BOUND: Final = 64 * 1024 * 1024
"""Bytes of payloads in memory, of running requests and of those that wait to be written."""
BATCH: Final = 16
"""Payloads of one transaction."""
COMPANY: Final = 0.25
"""Seconds that the first of them waits for others."""
PATIENCE: Final = 1.0
"""Seconds that SQLite waits for another program's lock."""
AGAIN_FIRST, AGAIN_LONGEST = 0.25, 15.0
"""Seconds between tries in trouble; each wait doubles."""
LOOK: Final = 30.0
"""Seconds from one look for what is too old to the next."""
HOP: Final = 20.0
"""Seconds after which a disk that does not answer is trouble, too."""
PATIENT: Final = 2.0
"""Seconds that a reader waits for what is still being written."""
PURGING: Final = 120.0
FAREWELL: Final = 5.0
"""Seconds that what waits may hold up the end of the daemon."""
_TROUBLE: Final = (sqlite3.Error, OSError, Refused)


@dataclass(frozen=True, slots=True)
class PayloadsState:
    """How the payloads do, at one moment."""

    on: bool
    """Whether the file wants them kept."""
    error: str | None
    """What keeps them from being written, or deleted; None: nothing."""
    waiting: int
    """Bytes in memory."""
    written: int
    dropped: int
    """Payloads of requests that were not kept, because too much waited, or in trouble."""


class Payloads:
    """See the module. One task runs :meth:`run`; the rest may be called from any task of the loop."""

    def __init__(self, path: Path, *, bound: int = BOUND) -> None:
        """``path``: of the file. ``bound``: how many bytes may be in memory."""
        self.path = path
        self.archive = PayloadArchive(path)
        self._file = PayloadFile(path, patience=PATIENCE)
        self._bound = bound
        self._held = 0
        self._waiting: deque[tuple[Payload, int]] = deque()
        self._keep = 0.0
        self._error: str | None = None
        self._written = self._dropped = 0
        self._taken = self._done = 0
        """Payloads that were ever taken into the queue, and that have left it."""
        self._purged = 0
        self._progress = trio.Event()
        self._offered = trio.Event()
        self._hurry = trio.Event()
        """Set when the first of them need not wait for company."""
        self._closing = False
        self._look_at = float("-inf")
        """Trio's time of the next look for what is too old."""
        self._to_clear = True
        # A disk that hangs keeps its thread: one writer waits for it, nobody else.
        self._writer = trio.CapacityLimiter(1)
        self.redaction: Callable[[], Redaction] = lambda: Redaction(())
        """Says what is to be taken out now."""
        self.room: Callable[[], int] = lambda: 1 << 40
        """Says how many bytes the file may take now."""

    @property
    def state(self) -> PayloadsState:
        """How the payloads do now."""
        return PayloadsState(self._keep > 0, self._error, self._held, self._written, self._dropped)

    @property
    def keep(self) -> float:
        """Seconds for which payloads are kept; 0: none are taken."""
        return self._keep

    def keep_for(self, seconds: float) -> None:
        """Take in for how long payloads are kept from now on; 0: no more are taken, and what there is expires."""
        if self._keep and not seconds:
            log.info(
                "payloads are kept no more; what is there expires as it would have: "
                "`ccflared payloads purge` erases it now",
                extra=about("payloads"),
            )
        if seconds != self._keep:
            self._keep, self._look_at = seconds, float("-inf")
            self._offered.set()

    def capture(self) -> Capture | None:
        """Return what a request that begins now is taken into; None where it is not."""
        return Capture(self._take) if self._keep > 0 and self._error is None else None

    def offer(self, capture: Capture | None, inbound: Inbound, *, whole: bool) -> None:
        """Take the payload of a request that has ended and has a row. Never waits, never raises."""
        if capture is None:
            self._dropped += self._error is not None
            return
        if capture.lost or not self._keep or self._closing:
            self._dropped += capture.lost
            self.forget(capture)
            return
        self._waiting.append((capture.payload(inbound, whole=whole), capture.charged))
        self._taken += 1
        self._offered.set()

    def forget(self, capture: Capture | None) -> None:
        """Give up what was taken of a request that has no row."""
        if capture is not None:
            self._held -= capture.charged

    def close(self) -> None:
        """Say that nothing more will come: :meth:`run` writes what waits and returns."""
        self._closing = True
        self._offered.set()
        self._hurry.set()

    async def settled(self) -> None:
        """Wait until what was offered before this call is written or dropped."""
        target = self._taken
        if self._done < target:
            self._hurry.set()
        while self._done < target:
            await self._progress.wait()

    async def caught_up(self) -> None:
        """Wait a moment for what was offered before this call, for somebody who is about to read it."""
        with trio.move_on_after(PATIENT):
            await self.settled()

    async def drop_old(self) -> int:
        """Look now for what is too old, and delete it; return how many payloads that were."""
        self._look_at, old = float("-inf"), 0
        try:
            old = await self._hop(partial(self._file.old, time(), self._keep or None))
        except _TROUBLE as error:
            self._in_trouble(error)
        await self._look()
        while self._to_clear and self._error is None:
            await self._clear_some()
        return old

    async def purge(self) -> None:
        """Erase all payloads now, also those that wait. Raises sqlite3.Error, OSError, Refused where it fails."""
        self._purged += 1
        self._give_up(count=False)
        await self._hop(self._file.purge, PURGING)

    async def free(self, wanted: int) -> int:
        """Drop the oldest payloads until the files are ``wanted`` bytes smaller or nothing is left; by how much."""
        began = freed = 0
        try:
            began = await self._hop(self._file.size)
            while freed < wanted and await self._hop(self._file.let_go_of_oldest):
                while await self._hop(self._file.clear_step):
                    pass
                freed = began - await self._hop(self._file.size)
        except _TROUBLE as error:
            self._in_trouble(error)
        return max(0, freed)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drop what is too old; write what is offered until closed or cancelled, and then what still waits."""
        pause = AGAIN_FIRST
        try:
            await self._look()
            task_status.started()
            while not self._closing:
                if self._error is None:
                    pause = AGAIN_FIRST
                    await self._gather()
                else:
                    await trio.sleep(pause)
                    pause = min(AGAIN_LONGEST, 2 * pause)
                if self._waiting:
                    await self._make_room()
                if (self._waiting or self._error is not None) and not await self._write():
                    continue
                await self._look()
                await self._clear_some()
        finally:
            with trio.CancelScope(shield=True):
                await self._farewell()

    async def _gather(self) -> None:
        """Wait for something to do: a payload, a moment for others to come with it, or the next look."""
        if not (self._waiting or self._to_clear or self._closing):
            self._offered = trio.Event()
            with trio.move_on_at(max(self._look_at, trio.current_time())):
                await self._offered.wait()
        if 0 < len(self._waiting) < BATCH and not self._closing:
            with trio.move_on_after(COMPANY):
                await self._hurry.wait()
        self._hurry = trio.Event()

    async def _make_room(self) -> None:
        """Delete the oldest until the file is within its bytes: before anything is added, or it might never be.

        What comes meanwhile waits within its bound.
        """
        try:
            while self._error is None and await self._hop(partial(self._file.make_room, self.room())):
                pass
        except _TROUBLE as error:
            self._in_trouble(error)

    async def _write(self) -> bool:
        """Write one batch. False: there is trouble, and it waits again."""
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        purged = self._purged
        payloads = [payload for payload, _ in batch]
        try:
            with self._counted(batch):
                await self._hop(partial(self._insert, payloads, self.redaction(), self._keep, self.room()))
        except _TROUBLE as error:
            if purged == self._purged:
                self._waiting.extendleft(reversed(batch))
                self._held += sum(charged for _, charged in batch)
                self._done -= len(batch)
            self._in_trouble(error)
            return False
        self._written += len(batch)
        self._well()
        return True

    @contextmanager
    def _counted(self, batch: list[tuple[Payload, int]]) -> Iterator[None]:
        try:
            yield
        finally:
            self._held -= sum(charged for _, charged in batch)
            self._done += len(batch)
            self._advance()

    def _insert(self, payloads: list[Payload], redaction: Redaction, keep: float, room: int) -> None:
        """In the thread: pack and write. With none, find out whether the file can be written."""
        self._file.insert([pack(payload, redaction) for payload in payloads], keep, time(), room)

    async def _look(self) -> None:
        """Let go of what has been kept for long enough, where it is time to look."""
        if trio.current_time() < self._look_at:
            return
        try:
            self._to_clear = await self._hop(partial(self._file.expire, time(), self._keep or None))
        except _TROUBLE as error:
            self._in_trouble(error)
            return
        self._look_at = trio.current_time() + LOOK

    async def _clear_some(self) -> None:
        """Delete a little of what was let go."""
        if self._to_clear and self._error is None:
            try:
                self._to_clear = await self._hop(self._file.clear_step)
            except _TROUBLE as error:
                self._in_trouble(error)

    async def _hop(self, work: Callable[[], Answer], seconds: float = HOP) -> Answer:
        """Do something with the file in a thread, to its end. Raises OSError too where the disk does not answer."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds):
            return await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._writer)
        raise TimeoutError(errno.ETIMEDOUT, f"the disk has not answered for {seconds:.0f} s")

    async def _farewell(self) -> None:
        self.close()
        end = trio.current_time() + FAREWELL
        while self._waiting and trio.current_time() < end and await self._write():
            pass
        if self._waiting:
            log.error(
                "%d payloads are not kept: %s",
                len(self._waiting),
                self._error or "the disk is slow",
                extra=about("payloads"),
            )
        self._give_up()
        with trio.move_on_after(FAREWELL):
            await trio.to_thread.run_sync(self._file.close, abandon_on_cancel=True, limiter=self._writer)

    def _take(self, length: int) -> bool:
        if self._held + length > self._bound:
            return False
        self._held += length
        return True

    def _give_up(self, *, count: bool = True) -> None:
        """Drop what waits."""
        lost = len(self._waiting)
        self._held -= sum(charged for _, charged in self._waiting)
        self._waiting.clear()
        self._dropped += lost if count else 0
        self._done += lost
        self._advance()

    def _advance(self) -> None:
        self._progress.set()
        self._progress = trio.Event()

    def _in_trouble(self, error: sqlite3.Error | OSError | Refused) -> None:
        said = sentence(error, self.path)
        if said != self._error:
            log.warning("payloads are off: %s", said, extra=about("payloads"))
        self._error = said

    def _well(self) -> None:
        if self._error is not None:
            log.warning(
                "payloads are kept again; those of %d requests are missing",
                self._dropped,
                extra=about("payloads"),
            )
        self._error = None
