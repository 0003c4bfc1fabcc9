"""The one thread that writes the history: a piece of work at a time, and whether it still moves.

A disk that hangs keeps its thread: one writer waits for it, nobody else. Work that takes long is no hanging disk as
long as it moves, which SQLite tells by its progress handler, and the kernel by counting what the thread reads and
writes.
"""

import errno
import os
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

import trio

from ccflared.errors import Refused

Answer = TypeVar("Answer")

TOLD_APART: Final = 1.0
"""Seconds from one word of the thread's that it moves to the next."""


@dataclass(slots=True)
class _Held:
    """The thread that holds the pen, by the numbers of Python and of the kernel."""

    thread: int
    task: int
    counted: str = ""
    """What it had read and written at the last look."""


class Pen:
    """See the module. Called from Trio's thread, but for :meth:`moves`."""

    def __init__(self) -> None:
        self._one = trio.CapacityLimiter(1)
        self._patient: set[trio.CancelScope] = set()
        self._held: _Held | None = None
        self._loop: trio.lowlevel.TrioToken | None = None
        self._told = float("-inf")
        """When the thread last said that it moves, by its own clock."""
        self._heard = float("-inf")
        self._patience = 0.0
        self._interrupted = False
        self.hurried = False
        """The end is near: what moves is waited for no longer than what does not."""

    def silent_for(self) -> float:
        """Return for how many seconds the thread has not moved, by Trio's clock; infinity: it has never done so."""
        held = self._held
        if held is not None:
            before, held.counted = held.counted, _counted(held.task)
            if before not in ("", held.counted):
                self._hear()
        return trio.current_time() - self._heard

    def interrupt(self) -> None:
        """Have SQLite break off what it does, and undo it: for a daemon that ends before it has begun."""
        self._interrupted = self.hurried = True

    def moves(self) -> bool:
        """Say that work goes on. For SQLite to call in the thread, now and then; it breaks off where this is true."""
        now = monotonic()
        if now - self._told >= TOLD_APART and self._loop is not None:
            self._told = now
            with suppress(trio.RunFinishedError):
                self._loop.run_sync_soon(self._hear, idempotent=True)
        return self._interrupted

    async def write(
        self, work: Callable[[], Answer], patience: float, doing: Callable[[], str | None] = lambda: None
    ) -> Answer:
        """Do a piece of work in the thread, to its end. Raises OSError too where it has not moved for ``patience``.

        ``doing``: what takes long just now, for people; None: nothing that should.
        """
        self._patience = patience
        with trio.CancelScope(shield=True, deadline=trio.current_time() + patience) as scope:
            self._patient.add(scope)
            try:
                return await self._in_thread(work)
            except sqlite3.OperationalError as error:
                if not self._interrupted:
                    raise
                raise OSError(errno.ECANCELED, "told to stop while it was brought up to date") from error
            finally:
                self._patient.discard(scope)
        raise TimeoutError(errno.ETIMEDOUT, doing() or f"the disk has not answered for {patience:.0f} s")

    async def pulse(self, beat: Callable[[], object]) -> None:
        """Have the thread answer, behind all the work that waits for it: ``beat`` touches what it writes to."""
        await self._in_thread(beat)

    async def lay_down(self, close: Callable[[], object]) -> None:
        """Do the last piece of work, which nobody needs to wait for."""
        await self._in_thread(close)

    def whereabouts(self) -> str:
        """Say in words where the thread is that has not answered: its innermost line of ours."""
        frame = None if self._held is None else sys._current_frames().get(self._held.thread)  # noqa: SLF001
        for line in reversed([] if frame is None else traceback.extract_stack(frame, limit=20)):
            if "ccflared" in line.filename and not line.filename.endswith("pen.py"):
                return f"{Path(line.filename).name}:{line.lineno}, {line.name}"
        return "nowhere that is known"

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        self._loop = trio.lowlevel.current_trio_token()

        def held() -> Answer:
            self._held = _Held(threading.get_ident(), threading.get_native_id())
            try:
                return work()
            finally:
                self._held = None

        try:
            answer = await trio.to_thread.run_sync(held, abandon_on_cancel=True, limiter=self._one)
        except (sqlite3.Error, OSError, Refused):
            self._hear()  # trouble, and told as such: a thread that says so does not hang
            raise
        self._hear()
        return answer

    def _hear(self) -> None:
        self._heard = trio.current_time()
        if not self.hurried:
            for scope in self._patient:
                scope.deadline = self._heard + self._patience


def _counted(task: int) -> str:
    """Return how much a thread has read and written by now, as the kernel tells; nothing where it does not tell."""
    try:
        descriptor = os.open(f"/proc/self/task/{task}/io", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 512).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
