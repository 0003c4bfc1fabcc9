"""The single writer of the history: takes entries and memories at once, writes them in batches, never stops the proxy.

Whatever the disk or the file does, offering an entry or remembering something costs nothing and cannot fail.
While the history cannot be written, both wait within a bound and ``state`` says in words what is wrong; the
file is tried again and again.
"""

import datetime as dt
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import trio

from ccflared.daemon.about import about
from ccflared.daemon.books.pen import Pen
from ccflared.daemon.books.recorder_state import RecorderState
from ccflared.errors import Refused
from ccflared.store.history import History
from ccflared.store.memories import Changes, Memory
from ccflared.store.renaming import Renaming
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
"""Seconds without a move after which a disk that does not answer is trouble, too."""
FAREWELL = 5.0
"""Seconds without success that the history may hold up the end of the daemon."""
CHANGES = 50_000
"""Keys whose memories may wait."""
TIDYING = 60.0
"""Seconds from one look for conversations to forget to the next, unless a batch's worth of memories comes before."""
CONVERSATION_LASTS = 30 * 86_400.0
"""Seconds after which a conversation that was not remembered again may be forgotten."""
COUNT = 1000
"""Rows of one step that are added to the totals."""
COUNTING = 2.0
"""Seconds that a row may wait for being counted, unless COUNT of them come before."""
PATIENT = 2.0
"""Seconds that a reader waits for what is still being written."""
RENAMED = 64
"""Renamings that rows of requests follow which were under way then."""


class Recorder:
    """See the module. One task runs :meth:`run`; the rest may be called from any task of the loop."""

    def __init__(self, database: Path, *, bound: int = 20_000) -> None:
        """``database``: path of the file. ``bound``: how many entries may wait; further ones are dropped."""
        self._database = database
        self._bound = bound
        self.pen = Pen()
        say = partial(log.info, "%s", extra=about("history"))
        self._history = History(database, patience=PATIENCE, say=say, moves=self.pen.moves)
        self.upgrade = self._history.upgrade
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
        self._rename_at = float("-inf")
        """When the history may follow on, by trio's clock: later after trouble."""
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
        self._totalled = trio.Event()
        self.zone: dt.tzinfo | None = None
        """Of the days of totals; None: the system's."""
        self._uncounted = COUNT
        """Rows that are in no total yet, or may be: also those of a run before."""
        self._counted = float("-inf")
        """When rows were last counted, by trio's clock."""
        self._count_now = False
        self._behind_by: str | None = None
        """What keeps totals or names from following the rows, which are written all the same."""

    @property
    def state(self) -> RecorderState:
        """How the history does now."""
        return RecorderState(
            queued=len(self._waiting),
            written=self._written,
            dropped=self._dropped,
            error=self._error or self._behind_by,
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

    async def pulse(self) -> None:
        """Have the thread that writes answer, behind what waits for it. See ``pen`` for what is known meanwhile."""
        await self.pen.pulse(self._history.pulse)

    def close(self) -> None:
        """Say that nothing more will come: :meth:`run` writes what waits and returns."""
        self.pen.hurried = True
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

    async def remembered(self) -> bool:
        """Wait until what was remembered before this call is committed. False: it is not, as there is trouble.

        Who has changed something waits no longer than that: a full disk may stay full for days.
        """
        while True:
            with trio.move_on_after(PATIENT):
                await self.settled()
                return self._error is None
            if self._error is not None:
                return False

    async def caught_up(self, *, totals: bool = False) -> None:
        """Wait a moment for what was offered before this call to be in the history, and with ``totals`` in these.

        For somebody who is about to read it: whoever asks about a request the moment it has ended shall find it.
        """
        with trio.move_on_after(PATIENT):
            await self.settled()
            if totals:
                await self._in_totals()

    async def _in_totals(self) -> None:
        if self._uncounted and self._error is None and not self._ended:
            self._count_now = True
            self._offered.set()
            await self._totalled.wait()

    async def between(self, piece: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return what a short piece of work with the history gives, done by its writer between two batches.

        For what deletes or tidies up: it must take a moment only, and see to its own transactions. Raises
        sqlite3.Error, OSError or Refused.
        """
        return await self._hop(partial(self._history.work, piece))

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
                if await self._write():
                    await self._count_some()
                    if self._renaming and trio.current_time() >= self._rename_at:
                        await self._rename_some(self._renaming[0])
        finally:
            with trio.CancelScope(shield=True):
                await self._farewell()

    async def _gather(self) -> None:
        """Wait for a first entry or memory and, a moment, for company."""
        renaming = self._renaming and trio.current_time() >= self._rename_at
        idle = not (self._waiting or self._changes or renaming)
        if idle and not self._closing.is_set():
            self._offered = trio.Event()
            count_at = self._counted + COUNTING if self._uncounted else float("inf")
            rename_at = self._rename_at if self._renaming else float("inf")
            with trio.CancelScope(deadline=min(count_at, rename_at)):
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
        self._uncounted += len(batch)
        self._advance(len(batch))
        self._well()
        return True

    async def _count_some(self) -> None:
        """Add rows to the totals, where enough wait for it or one has waited long enough."""
        due = self._count_now or trio.current_time() >= self._counted + COUNTING
        many = self._uncounted >= COUNT and self._behind_by is None
        if not self._uncounted or not (due or many):
            return
        try:
            counted = await self._hop(partial(self._history.count, self.zone, COUNT, tuple(self._renaming)))
        except (sqlite3.Error, OSError, Refused) as error:
            self._counted, self._count_now = trio.current_time(), False
            self._behind(sentence(error, self._database))
            return
        self._behind(None)
        self._uncounted = COUNT if counted == COUNT else 0  # there may be more, of a run before
        if not self._uncounted:
            self._counted, self._count_now = trio.current_time(), False
            self._totalled.set()
            self._totalled = trio.Event()

    async def _rename_some(self, renaming: Renaming) -> None:
        """Let a few more rows follow a renaming; its memory goes with the last."""
        try:
            reached = await self._hop(partial(self._history.rename, renaming, self._renamed_to, self.zone))
        except (sqlite3.Error, OSError, Refused) as error:
            self._rename_at = trio.current_time() + AGAIN_LONGEST
            self._behind(sentence(error, self._database))
            return
        self._behind(None)
        if reached is None:
            self._renaming.popleft()
            self.remember(renaming.memory(time.time(), over=True))
            log.info(
                "the history of account %s is that of %s now",
                renaming.old,
                renaming.new,
                extra=about("history", account=renaming.new),
            )
        self._renamed_to = reached or 0

    async def _hop(self, work: Callable[[], Answer]) -> Answer:
        """Write in a thread, to its end. Raises OSError too where the disk does not answer in time."""
        return await self.pen.write(work, HOP, lambda: self.upgrade.under_way)

    async def _farewell(self) -> None:
        """Write what still waits, as long as that makes progress; give up the rest; let go of the file."""
        self.close()
        with trio.CancelScope(deadline=trio.current_time() + FAREWELL) as scope:
            while self._waiting or self._changes:
                if await self._write():
                    scope.deadline = trio.current_time() + FAREWELL
                else:
                    await trio.sleep(AGAIN_FIRST)
        with suppress(sqlite3.Error, OSError, Refused):
            # What is not counted now is counted after the next start.
            await self._hop(partial(self._history.count, self.zone, COUNT, tuple(self._renaming)))
        self._ended = True
        self._totalled.set()
        if lost := len(self._waiting):
            log.error("%d requests are missing in the history: %s", lost, self._error, extra=about("history"))
            self._waiting.clear()
            self._dropped += lost
        if forgotten := len(self._changes):
            log.error(
                "%d changes of what the pool knows are not remembered: %s",
                forgotten,
                self._error,
                extra=about("history"),
            )
            self._changes.clear()
            self._forgotten += forgotten
        self._advance(lost)
        with trio.move_on_after(FAREWELL):
            await self.pen.lay_down(self._history.close)

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress.set()
        self._progress = trio.Event()

    def _in_trouble(self, said: str) -> None:
        self._totalled.set()
        self._totalled = trio.Event()
        if self._error is None:
            self._since = time.time()
        if self._error != said:
            log.warning("the history is off: %s", said, extra=about("history"))
        self._error = said

    def _behind(self, said: str | None) -> None:
        """Take in that rows are written, but totals or names cannot follow them; None: they can."""
        if said is not None:
            self._totalled.set()
            self._totalled = trio.Event()
            self._since = self._since or time.time()
        if said != self._behind_by:
            log.warning(
                "the totals are %s",
                "counted again" if said is None else f"behind: {said}",
                extra=about("history"),
            )
        self._behind_by = said
        if said is None and self._error is None:
            self._since = None

    def _well(self) -> None:
        if self._error is not None:
            log.warning(
                "the history is written again; %d requests are missing", self._dropped, extra=about("history")
            )
        self._error = None
        if self._behind_by is None:
            self._since = None
