"""What is done with the history's file beside its writing and reading: retention, checks of it, backups.

One check, one rebuilding and one backup run at a time, each in a thread of its own that nobody else waits for.
"""

import errno
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import time, tzname
from typing import Any, Final, Literal, TypeVar

import trio

from ccflared.daemon.about import about
from ccflared.daemon.books.sweeper import Sweeper
from ccflared.daemon.house import House
from ccflared.errors import Refused
from ccflared.store import integrity
from ccflared.store.backup import back_up, consider, payloads_beside
from ccflared.store.history import transaction
from ccflared.store.rebuild import (
    Stretch,
    days_anew,
    days_of,
    differences,
    rebuild,
    say_days_of,
    stretches,
)
from ccflared.store.retention import PAYLOADS
from ccflared.store.storage import payload_count
from ccflared.store.trouble import sentence

log = logging.getLogger("ccflared.storage")

Answer = TypeVar("Answer")

CHECKING: Final = 3600.0
"""Seconds that a check of the whole file may take."""
AGAIN: Final = 600.0
"""Seconds from one look at the time zone to the next, unless the file is read again before."""
COUNTING: Final = 2.0
"""Seconds that payloads may take to be counted."""
TOLD: Final = 20
"""Differences of totals that are told."""

Task = Literal["integrity check", "check of the totals", "rebuilding of the totals", "backup"]


class AlreadyRunning(Exception):  # noqa: N818 - reads as the fact it states
    """The same is being done already."""

    def __init__(self, task: Task) -> None:
        super().__init__(f"Another {task} is running.")
        self.task = task


@dataclass(frozen=True, slots=True)
class Checked:
    """What the last integrity check found."""

    kind: Literal["quick", "full"]
    at: float
    seconds: float
    faults: tuple[str, ...]
    error: str | None = None
    """Why it could not be made."""


@dataclass(slots=True)
class Totals:
    """What a check of the totals found. ``since``: the beginning of the first hour that was looked at."""

    hours: int = 0
    days: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)
    more: int = 0
    """Differences that are not among these."""
    since: float | None = None


class Upkeep:
    """See the module. Called from Trio's thread; :meth:`run` must run for what goes on after an answer."""

    def __init__(self, house: House, directory: Path) -> None:
        """``directory``: where the files are."""
        self._house = house
        self.database = directory / "ccflared.db"
        self.sweeper = Sweeper(house, self.database)
        self.sweeper.free_payloads = house.payloads.free
        house.payloads.room = self.sweeper.room
        self.checked: Checked | None = None
        self._counters = trio.CapacityLimiter(1)
        self._under_way: dict[Task, trio.CapacityLimiter] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._keep_days)
            await self.sweeper.run()

    async def _keep_days(self) -> None:
        """Make the days of the totals anew whenever the file, or the system, has another time zone than they are of."""
        while True:
            moved = self._house.moved
            try:
                await self.follow_zone()
            except AlreadyRunning:
                log.debug("the days are looked at when the totals are made", extra=about("history"))
            except (sqlite3.Error, OSError, Refused) as error:
                log.debug(
                    "the days cannot be looked at: %s", sentence(error, self.database), extra=about("history")
                )
            with trio.move_on_after(AGAIN):
                await moved.wait()

    async def follow_zone(self) -> None:
        """See that the days of the totals are those of the zone that counts now.

        Raises AlreadyRunning, sqlite3.Error, OSError or Refused.
        """
        archive, recorder, world = self._house.archive, self._house.recorder, self._house.world
        name = world.config.timezone or "/".join(tzname)
        known = await archive.ask(days_of)
        if known == name:
            return

        async def mend() -> None:
            if known is not None:
                todo = await archive.ask(partial(days_anew, zone=world.zone), seconds=60.0)
                for stretch in todo:
                    begun = trio.current_time()
                    await recorder.between(partial(_rebuild, stretch=stretch))
                    await trio.sleep(trio.current_time() - begun)
                log.info(
                    "the totals of %d days are those of %s now, not of %s",
                    len(todo),
                    name,
                    known,
                    extra=about("history"),
                )
            await recorder.between(partial(_say_days_of, zone=name))

        await self._one("rebuilding of the totals", mend)

    async def payload_count(self) -> int | None:
        """Return how many payloads are kept; None where that cannot be told."""
        path = self.database.with_name(PAYLOADS)
        with trio.move_on_after(COUNTING):
            return await trio.to_thread.run_sync(
                payload_count, path, time(), abandon_on_cancel=True, limiter=self._counters
            )
        return None

    @property
    def checking(self) -> bool:
        """Whether an integrity check runs."""
        return "integrity check" in self._under_way

    async def check(self, *, full: bool) -> Checked | None:
        """Check the history's file: quickly, and return what was found; or in ``full``, after this has returned None.

        Raises AlreadyRunning.
        """
        if self.checking:
            raise AlreadyRunning("integrity check")
        if not full or self._nursery is None:
            return await self._check(full=full)
        await self._nursery.start(self._check_in_full)
        return None

    async def _check_in_full(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await self._check(full=True, started=task_status.started)

    async def _check(self, *, full: bool, started: Callable[[], None] = lambda: None) -> Checked:
        kind: Literal["quick", "full"] = "full" if full else "quick"
        begun, at = trio.current_time(), time()
        faults: list[str] = []
        problem = None
        try:
            faults = await self._alone(
                "integrity check",
                partial(integrity.check, self.database, full=full, seconds=CHECKING),
                started=started,
            )
        except (sqlite3.Error, OSError) as error:
            problem = sentence(error, self.database)
        checked = self.checked = Checked(kind, at, trio.current_time() - begun, tuple(faults), problem)
        if faults:
            advice = integrity.advice(self.database)
            log.error("the history is damaged: %s; %s", faults[0], advice, extra=about("history"))
        return checked

    async def back_up(self, target: Path, *, payloads: bool, force: bool) -> dict[Path, int]:
        """Copy the history, and the ``payloads``, to new files; return their bytes by path.

        Raises AlreadyRunning, Refused, sqlite3.Error or OSError.
        """
        await self._house.recorder.caught_up(totals=True)
        if payloads:
            await self._house.payloads.caught_up()

        def copy() -> dict[Path, int]:
            beside, other = self.database.with_name(PAYLOADS), payloads_beside(target)
            both = payloads and beside.exists()
            if both:
                consider(beside, other, force=force)
            done = {target: back_up(self.database, target, force=force)}
            if both:
                done[other] = back_up(beside, other, force=force)
            return done

        return await self._alone("backup", copy)

    async def check_totals(self) -> Totals:
        """Hold the totals against the rows, as far as there are rows.

        Raises AlreadyRunning, sqlite3.Error or OSError.
        """
        archive, zone = self._house.archive, self._house.world.zone
        await self._house.recorder.caught_up(totals=True)
        found = Totals()

        async def look() -> None:
            for stretch in await archive.ask(partial(stretches, zone=zone), seconds=60.0):
                if stretch.unit == "hour":
                    found.hours += 1
                    found.since = min(found.since or stretch.since, stretch.since)
                else:
                    found.days += 1
                for wrong in await archive.ask(partial(_differences, stretch=stretch), seconds=60.0):
                    if len(found.differences) < TOLD:
                        found.differences.append(wrong)
                    else:
                        found.more += 1

        await self._one("check of the totals", look)
        return found

    async def rebuild_totals(self) -> tuple[int, int]:
        """Make the totals anew from the rows, as far as there are rows; return how many days, and how many rows.

        Raises AlreadyRunning, sqlite3.Error, OSError or Refused.
        """
        recorder, zone = self._house.recorder, self._house.world.zone
        await recorder.caught_up(totals=True)
        days = rows = 0

        async def mend() -> None:
            nonlocal days, rows
            todo = await self._house.archive.ask(partial(stretches, zone=zone), seconds=60.0)
            for done, stretch in enumerate(todo):
                begun = trio.current_time()
                rows += await recorder.between(partial(_rebuild, stretch=stretch))
                await trio.sleep(trio.current_time() - begun)
                if stretch.unit == "day":
                    days += 1
                    log.info(
                        "totals of %d are made anew (%d of %d)",
                        stretch.key,
                        done + 1,
                        len(todo),
                        extra=about("history"),
                    )

        await self._one("rebuilding of the totals", mend)
        return days, rows

    async def _one(self, task: Task, work: Callable[[], Awaitable[None]]) -> None:
        if task in self._under_way:
            raise AlreadyRunning(task)
        self._under_way[task] = trio.CapacityLimiter(1)
        try:
            await work()
        finally:
            del self._under_way[task]

    async def _alone(
        self, task: Task, work: Callable[[], Answer], *, started: Callable[[], None] = lambda: None
    ) -> Answer:
        """Do something in a thread of its own, unless the same is being done: AlreadyRunning. Raises what it raises."""
        if task in self._under_way:
            raise AlreadyRunning(task)
        limiter = self._under_way[task] = trio.CapacityLimiter(1)
        started()
        try:
            with trio.move_on_after(CHECKING + 60.0):
                return await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
        finally:
            del self._under_way[task]
        raise TimeoutError(errno.ETIMEDOUT, "the disk has not answered")


def _differences(connection: sqlite3.Connection, stretch: Stretch) -> list[dict[str, Any]]:
    # One transaction: what is counted between two questions is no difference.
    connection.execute("BEGIN")
    return list(differences(connection, stretch))


def _say_days_of(connection: sqlite3.Connection, zone: str) -> None:
    with transaction(connection):
        say_days_of(connection, zone)


def _rebuild(connection: sqlite3.Connection, stretch: Stretch) -> int:
    with transaction(connection):
        return rebuild(connection, stretch)
