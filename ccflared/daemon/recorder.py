"""The single writer of the history: takes entries and memories at once, writes them in batches, never stops the proxy.

Whatever the disk or the file does, offering an entry or remembering something costs nothing and cannot fail.
While the history cannot be written, both wait within a bound and ``state`` says in words what is wrong; the
file is tried again and again.
"""

import errno
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import trio

from ccflared.errors import Refused
from ccflared.store import clients, memories
from ccflared.store.clients import Before, ClientTraffic
from ccflared.store.history import History
from ccflared.store.memories import Changes, Memory
from ccflared.store.renaming import Renaming
from ccflared.store.requests import row
from ccflared.store.schema import open_reader
from ccflared.store.traffic import Traffic, spent, traffic
from ccflared.store.trouble import sentence
from ccflared.wire import Entry

log = logging.getLogger("ccflared.recorder")

Answer = TypeVar("Answer")

BATCH = 500
"""Rows of one transaction, and memories."""
COMPANY = 0.02
"""Seconds that the first entry or memory waits for others."""
PATIENCE = 1.0
"""Seconds that SQLite waits for another program's lock; afterwards it is trouble, and tried again."""
AGAIN_FIRST, AGAIN_LONGEST = 0.25, 15.0
"""Seconds between tries in trouble; each wait doubles."""
HOP = 20.0
"""Seconds after which a disk that does not answer is trouble, too."""
FAREWELL = 5.0
"""Seconds without success that the history may hold up the end of the daemon."""
LOOK_BACK = 3600.0
"""Seconds that :meth:`Recorder.traffic` tells about."""
READING = 2.0
"""Seconds that it may take."""
RECALLING = 10.0
"""Seconds that a start may take to read what was remembered, or spent."""
CHANGES = 50_000
"""Keys whose memories may wait."""
TIDYING = 60.0
"""Seconds from one look for conversations to forget to the next, unless a batch's worth of memories comes before."""
CONVERSATION_LASTS = 30 * 86_400.0
"""Seconds after which a conversation that was not remembered again may be forgotten."""
RENAMED = 64
"""Renamings that rows of requests follow which were under way then."""


@dataclass(frozen=True, slots=True)
class RecorderState:
    """How the history does, at one moment."""

    queued: int
    """Entries that wait to be written."""
    written: int
    dropped: int
    """Entries lost, because too many waited or the daemon ended in trouble."""
    error: str | None
    """What keeps the history from being written; None: nothing."""
    since: float | None
    """Wall-clock time since when."""
    remembering: int = 0
    """Memories that wait to be written."""
    forgotten: int = 0
    """Memories lost, because too many waited or the daemon ended in trouble."""


class Recorder:
    """See the module. One task runs :meth:`run`; the rest may be called from any task of the loop."""

    def __init__(self, database: Path, *, bound: int = 20_000) -> None:
        """``database``: path of the file. ``bound``: how many entries may wait; further ones are dropped."""
        self._database = database
        self._bound = bound
        self._history = History(database, patience=PATIENCE)
        self._waiting: deque[Entry] = deque()
        self._changes = Changes(CHANGES)
        self._accepted = 0
        """Entries ever taken into the queue."""
        self._done = 0
        """Entries that have left it, written or given up."""
        self._written = 0
        self._dropped = 0
        self._forgotten = 0
        self._renamed: deque[Renaming] = deque(maxlen=RENAMED)
        self._renaming: deque[Renaming] = deque()
        """Renamings that the history has yet to follow, the first of them up to the row ``_renamed_to``."""
        self._renamed_to = 0
        self._tidied = float("-inf")
        """When conversations were last looked through, by trio's clock."""
        self._untidied = 0
        """Memories written since."""
        self._error: str | None = None
        self._since: float | None = None
        self._ended = False
        self._closing = trio.Event()
        self._offered = trio.Event()
        self._hurry = trio.Event()
        """Set when the first entry need not wait for company."""
        self._progress = trio.Event()
        # A disk that hangs keeps its thread: one writer and two readers at most wait for it, nobody else.
        self._writer = trio.CapacityLimiter(1)
        self._readers = trio.CapacityLimiter(2)

    @property
    def state(self) -> RecorderState:
        """How the history does now."""
        return RecorderState(
            queued=len(self._waiting),
            written=self._written,
            dropped=self._dropped,
            error=self._error,
            since=self._since,
            remembering=len(self._changes),
            forgotten=self._forgotten,
        )

    def offer(self, entry: Entry) -> None:
        """Take one entry. Never waits, never raises; beyond the bound it is counted as dropped."""
        if self._ended or len(self._waiting) >= self._bound:
            self._dropped += 1
            return
        for renaming in self._renamed:
            entry = renaming.applied(entry)
        self._waiting.append(entry)
        self._accepted += 1
        self._offered.set()
        if len(self._waiting) >= BATCH:
            self._hurry.set()

    def remember(self, memory: Memory) -> None:
        """Take what is known now under a kind and key, in place of what still waits under them.

        Never waits, never raises. Where too many wait, the conversation that waited longest is lost and counted.
        """
        if self._ended:
            self._forgotten += 1
            return
        self._forgotten += self._changes.add(memory)
        self._offered.set()
        if len(self._changes) >= BATCH:
            self._hurry.set()

    def rename(self, renaming: Renaming) -> None:
        """Let the history follow an account to its new name: in small steps, between other writing.

        The memory of the renaming goes when all has followed.
        """
        self._renamed.append(renaming)
        self._renaming.append(renaming)
        self._offered.set()

    def close(self) -> None:
        """Say that nothing more will come: :meth:`run` writes what waits and returns."""
        self._closing.set()
        self._offered.set()
        self._hurry.set()

    async def settled(self) -> None:
        """Wait until all that was offered and remembered before this call is committed, or given up as run ended.

        A memory that was replaced meanwhile counts as committed when the later one is.
        """
        target, turn = self._accepted, self._changes.turn
        if self._done < target or self._changes.waits(turn):
            self._hurry.set()
        while self._done < target or self._changes.waits(turn):
            await self._progress.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open the history; write what is offered until closed or cancelled, and then what still waits.

        ``started`` comes after the first try to open, also when that failed: see ``state``.
        """
        try:
            await self._write()
            task_status.started()
            pause = AGAIN_FIRST
            while not self._closing.is_set():
                if self._error is None:
                    pause = AGAIN_FIRST
                    await self._gather()
                else:
                    await self._rest(pause)
                    pause = min(AGAIN_LONGEST, 2 * pause)
                if await self._write() and self._renaming:
                    await self._rename_some(self._renaming[0])
        finally:
            with trio.CancelScope(shield=True):
                await self._farewell()

    async def traffic(self, now: float) -> Traffic:
        """Return what the history says about the hour before ``now``; marked unknown if it cannot be read."""
        since = now - LOOK_BACK
        try:
            return await self._read(partial(traffic, since=since, now=now), READING)
        except (sqlite3.Error, OSError) as error:
            log.debug("traffic is unknown: %s", sentence(error, self._database))
        return Traffic(since=since, until=now, known=False)

    async def recall(self) -> list[Memory] | None:
        """Return what was remembered and is committed, kind by kind, the oldest first; None if it cannot be read.

        Once ``run`` has started: it makes the file, and brings an older one up to date.
        """
        try:
            return await self._read(memories.recall, RECALLING)
        except (sqlite3.Error, OSError) as error:
            log.warning("what was remembered cannot be read: %s", sentence(error, self._database))
        return None

    async def request(self, request_id: str) -> Entry | None:
        """Return a request's row; None where there is none, or the history cannot be written or read."""
        with trio.move_on_after(READING):
            await self.settled()  # it may be asked about the moment it has ended
        try:
            return await self._read(partial(row, request_id=request_id), READING)
        except (sqlite3.Error, OSError) as error:
            log.debug("request %s cannot be looked up: %s", request_id, sentence(error, self._database))
        return None

    async def spent(self, since: float, before: float = 1e300) -> Mapping[str, int] | None:
        """Return what each account has cost since that time, in millionths of a USD; None if it cannot be read.

        Only what money paid for counts, not what a plan did. Once ``run`` has started, like ``recall``.
        """
        try:
            return await self._read(partial(spent, since=since, before=before), RECALLING)
        except (sqlite3.Error, OSError) as error:
            log.warning("what was spent cannot be read: %s", sentence(error, self._database))
        return None

    async def clients_before(self, *, day: float, month: float, hour: float, until: float) -> Before | None:
        """Return what counts of clients' requests of the time before ``until``; None if it cannot be read."""
        asked = partial(clients.before, day=day, month=month, hour=hour, until=until)
        try:
            return await self._read(asked, RECALLING)
        except (sqlite3.Error, OSError) as error:
            log.warning("what clients have used cannot be read: %s", sentence(error, self._database))
        return None

    async def clients(self, *, day: float, month: float) -> ClientTraffic | None:
        """Return what clients have used since the day and month began; None if it cannot be read in time."""
        try:
            return await self._read(partial(clients.used, day=day, month=month), READING)
        except (sqlite3.Error, OSError) as error:
            log.debug("what clients have used is unknown: %s", sentence(error, self._database))
        return None

    async def _read(self, question: Callable[[sqlite3.Connection], Answer], seconds: float) -> Answer:
        """Ask the history in a thread. Raises sqlite3.Error or OSError where it does not answer in time, too."""
        with trio.move_on_after(seconds + 1.0):
            return await trio.to_thread.run_sync(
                partial(_ask, self._database, question, seconds),
                abandon_on_cancel=True,
                limiter=self._readers,
            )
        raise _silence(seconds + 1.0)

    async def _gather(self) -> None:
        """Wait for a first entry or memory and, a moment, for company."""
        idle = not (self._waiting or self._changes or self._renaming)
        if idle and not self._closing.is_set():
            self._offered = trio.Event()
            await self._offered.wait()
        if max(len(self._waiting), len(self._changes)) < BATCH and not self._closing.is_set():
            with trio.move_on_after(COMPANY):
                await self._hurry.wait()
        self._hurry = trio.Event()

    async def _rest(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._closing.wait()

    async def _write(self) -> bool:
        """Write one batch and take it out of the queue. False: there is trouble, and it stays.

        An empty batch finds out whether there is trouble. A cancellation waits for the thread's end, so that
        what is known about the batch is true.
        """
        batch, changes = list(islice(self._waiting, BATCH)), self._changes.batch(BATCH)
        due = self._untidied >= BATCH or trio.current_time() >= self._tidied + TIDYING
        tidy = due and bool(batch or changes)
        before = time.time() - CONVERSATION_LASTS if tidy else None
        try:
            await self._hop(partial(self._history.insert, batch, changes, forget_before=before))
        except (sqlite3.Error, OSError, Refused) as error:
            self._in_trouble(sentence(error, self._database))
            return False
        if tidy:
            self._tidied, self._untidied = trio.current_time(), 0
        self._untidied += len(changes)
        for _ in batch:
            self._waiting.popleft()
        self._changes.kept(changes)
        self._written += len(batch)
        self._advance(len(batch))
        self._well()
        return True

    async def _rename_some(self, renaming: Renaming) -> None:
        """Let a few more rows follow a renaming; its memory goes with the last."""
        try:
            reached = await self._hop(partial(self._history.rename, renaming, self._renamed_to))
        except (sqlite3.Error, OSError, Refused) as error:
            self._in_trouble(sentence(error, self._database))
            return
        if reached is None:
            self._renaming.popleft()
            self.remember(renaming.memory(time.time(), over=True))
            log.info("the history of account %s is that of %s now", renaming.old, renaming.new)
        self._renamed_to = reached or 0

    async def _hop(self, work: Callable[[], Answer]) -> Answer:
        """Write in a thread, to its end. Raises OSError too where the disk does not answer in time."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + HOP):
            return await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._writer)
        raise _silence(HOP)

    async def _farewell(self) -> None:
        """Write what still waits, as long as that makes progress; give up the rest; let go of the file."""
        self.close()
        with trio.CancelScope(deadline=trio.current_time() + FAREWELL) as scope:
            while self._waiting or self._changes:
                if await self._write():
                    scope.deadline = trio.current_time() + FAREWELL
                else:
                    await trio.sleep(AGAIN_FIRST)
        self._ended = True
        if lost := len(self._waiting):
            log.error("%d requests are missing in the history: %s", lost, self._error)
            self._waiting.clear()
            self._dropped += lost
        if forgotten := len(self._changes):
            log.error("%d changes of what the pool knows are not remembered: %s", forgotten, self._error)
            self._changes.clear()
            self._forgotten += forgotten
        self._advance(lost)
        with trio.move_on_after(FAREWELL):
            await trio.to_thread.run_sync(self._history.close, abandon_on_cancel=True, limiter=self._writer)

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress.set()
        self._progress = trio.Event()

    def _in_trouble(self, said: str) -> None:
        if self._error is None:
            self._since = time.time()
        if self._error != said:
            log.warning("the history is off: %s", said)
        self._error = said

    def _well(self) -> None:
        if self._error is not None:
            log.warning("the history is written again; %d requests are missing", self._dropped)
        self._error = self._since = None


def _ask(database: Path, question: Callable[[sqlite3.Connection], Answer], seconds: float) -> Answer:
    with closing(open_reader(database, seconds=seconds)) as connection:
        return question(connection)


def _silence(seconds: float) -> OSError:
    return TimeoutError(errno.ETIMEDOUT, f"the disk has not answered for {seconds:.0f} s")
