"""Reads the history beside its writing: on connections of its own, in threads, within a time limit.

A disk that hangs keeps its threads: at most READERS of them wait for it, nobody else. Equal questions that are asked
at the same time are asked once.
"""

import datetime as dt
import errno
import logging
import sqlite3
from collections.abc import Callable, Hashable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from ccflared.daemon.about import about
from ccflared.store import clients, memories
from ccflared.store.clients import Before, ClientTraffic
from ccflared.store.memories import Memory
from ccflared.store.requests import row
from ccflared.store.schema import open_reader
from ccflared.store.spending import spent
from ccflared.store.today import Today, beginning, today
from ccflared.store.traffic import Traffic, traffic
from ccflared.store.trouble import sentence
from ccflared.wire import Entry

log = logging.getLogger("ccflared.archive")

Answer = TypeVar("Answer")

READERS: Final = 2
LOOK_BACK: Final = 3600.0
"""Seconds that :meth:`Archive.traffic` tells about."""
READING: Final = 2.0
"""Seconds that a question of a person may take."""
RECALLING: Final = 10.0
"""Seconds that a start may take to read what was remembered, or spent."""

Unreadable = (sqlite3.Error, OSError)
"""What :meth:`Archive.ask` raises where there is no answer."""


class Archive:
    """The reading end of a database. May be called from any task of the loop."""

    def __init__(self, database: Path) -> None:
        """``database``: path of the file."""
        self._database = database
        self._readers = trio.CapacityLimiter(READERS)
        self._asked: dict[Hashable, _Flight] = {}

    async def ask(
        self,
        question: Callable[[sqlite3.Connection], Answer],
        *,
        seconds: float = READING,
        same: Hashable | None = None,
    ) -> Answer:
        """Return what ``question`` answers, asked in a thread with a connection that cannot write.

        ``same``: questions of one such key that are asked while one is under way get its answer. Raises
        sqlite3.Error or OSError where there is no answer within ``seconds``, too: see :meth:`words`.
        """
        if same is None:
            return await self._ask(question, seconds)
        while (flight := self._asked.get(same)) is not None:
            await flight.over.wait()
            if flight.error is not None:
                raise flight.error.with_traceback(None)
            if flight.answered:
                answer: Answer = flight.answer
                return answer
            # Whoever asked has left before the answer: somebody else has to ask.
        flight = self._asked[same] = _Flight()
        try:
            flight.answer = await self._ask(question, seconds)
            flight.answered = True
        except Unreadable as error:
            flight.error = error
            raise
        finally:
            del self._asked[same]
            flight.over.set()
        given: Answer = flight.answer
        return given

    def words(self, error: sqlite3.Error | OSError) -> str:
        """Return why there is no answer, as a clause."""
        return sentence(error, self._database)

    async def _ask(self, question: Callable[[sqlite3.Connection], Answer], seconds: float) -> Answer:
        with trio.move_on_after(seconds + 1.0):
            return await trio.to_thread.run_sync(
                partial(_answer, self._database, question, seconds),
                abandon_on_cancel=True,
                limiter=self._readers,
            )
        raise TimeoutError(errno.ETIMEDOUT, f"the disk has not answered for {seconds + 1.0:.0f} s")

    async def traffic(self, now: float) -> Traffic:
        """Return what the history says about the hour before ``now``; marked unknown if it cannot be read.

        Who asks while somebody else is being answered gets that answer, of a moment before: pages ask all the time.
        """
        since = now - LOOK_BACK
        try:
            return await self.ask(partial(traffic, since=since, now=now), same="traffic")
        except Unreadable as error:
            log.debug("traffic is unknown: %s", self.words(error), extra=about("history"))
        return Traffic(since=since, until=now, known=False)

    async def today(self, now: float, zone: dt.tzinfo | None) -> Today:
        """Return what the history says about the day of ``zone`` so far; marked unknown if it cannot be read."""
        try:
            return await self.ask(partial(today, now=now, zone=zone), same=("today", zone))
        except Unreadable as error:
            log.debug("the day is unknown: %s", self.words(error), extra=about("history"))
        return Today(beginning(now, zone), known=False)

    async def lately(self, now: float, zone: dt.tzinfo | None) -> tuple[Traffic, Today]:
        """Return both at once: where the history does not answer, it is waited for once."""
        days: list[Today] = []

        async def day() -> None:
            days.append(await self.today(now, zone))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(day)
            hour = await self.traffic(now)
        return hour, days[0]

    async def recall(self) -> list[Memory] | None:
        """Return what was remembered and is committed, kind by kind, the oldest first; None if it cannot be read.

        Once the recorder has started: it makes the file, and brings an older one up to date.
        """
        try:
            return await self.ask(memories.recall, seconds=RECALLING)
        except Unreadable as error:
            log.warning("what was remembered cannot be read: %s", self.words(error), extra=about("history"))
        return None

    async def request(self, request_id: str) -> Entry | None:
        """Return a request's row; None where there is none, or the history cannot be read."""
        try:
            return await self.ask(partial(row, request_id=request_id))
        except Unreadable as error:
            log.debug(
                "request %s cannot be looked up: %s",
                request_id,
                self.words(error),
                extra=about("history", request=request_id),
            )
        return None

    async def spent(
        self, since: float, before: float = 1e300, *, zone: dt.tzinfo | None = None
    ) -> Mapping[str, int] | None:
        """Return what each account has cost since a day began, in millionths of a USD; None if it cannot be read.

        Only what money paid for counts, not what a plan did. Once the recorder has started, like ``recall``.
        """
        question = partial(spent, who="account", since=since, before=before, zone=zone)
        try:
            found = await self.ask(question, seconds=RECALLING)
            return {name: money for name, (_, money) in found.items() if money}
        except Unreadable as error:
            log.warning("what was spent cannot be read: %s", self.words(error), extra=about("history"))
        return None

    async def spent_in_all(
        self, since: float, before: float, *, zone: dt.tzinfo | None = None
    ) -> tuple[int, int] | None:
        """Return what everything has cost in that time, by list price and in money; None if it cannot be read."""
        try:
            question = partial(spent, who="account", since=since, before=before, zone=zone)
            each = await self.ask(question, seconds=RECALLING)
        except Unreadable as error:
            log.warning("what was spent cannot be read: %s", self.words(error), extra=about("history"))
            return None
        return sum(value for value, _ in each.values()), sum(money for _, money in each.values())

    async def clients_before(
        self, *, day: float, month: float, hour: float, until: float, zone: dt.tzinfo | None = None
    ) -> Before | None:
        """Return what counts of clients' requests of the time before ``until``; None if it cannot be read."""
        question = partial(clients.before, day=day, month=month, hour=hour, until=until, zone=zone)
        try:
            return await self.ask(question, seconds=RECALLING)
        except Unreadable as error:
            log.warning(
                "what clients have used cannot be read: %s", self.words(error), extra=about("history")
            )
        return None

    async def clients(
        self, *, day: float, month: float, zone: dt.tzinfo | None = None
    ) -> ClientTraffic | None:
        """Return what clients have used since the day and month began; None if it cannot be read in time."""
        try:
            return await self.ask(
                partial(clients.used, day=day, month=month, zone=zone), same=("clients", day, month, zone)
            )
        except Unreadable as error:
            log.debug("what clients have used is unknown: %s", self.words(error), extra=about("history"))
        return None


class _Flight:
    """One question under way."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.answered = False
        self.answer: Any = None
        self.error: sqlite3.Error | OSError | None = None


def _answer(database: Path, question: Callable[[sqlite3.Connection], Answer], seconds: float) -> Answer:
    with closing(open_reader(database, seconds=seconds)) as connection:
        return question(connection)
