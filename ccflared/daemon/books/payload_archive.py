"""Reads payloads beside their writing: on connections of its own, in threads, within a time limit."""

import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from ccflared.store.payload_reader import open_payload_reader
from ccflared.store.trouble import sentence

Answer = TypeVar("Answer")

READERS: Final = 2
"""Each may hold megabytes."""
READING: Final = 5.0
"""Seconds that a question may take."""


class PayloadArchive:
    """The reading end of the file. May be called from any task of the loop."""

    def __init__(self, path: Path) -> None:
        """``path``: of the file."""
        self._path = path
        self._readers = trio.CapacityLimiter(READERS)

    async def ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """Return what ``question`` answers, asked in a thread; None where there are no payloads.

        Raises sqlite3.Error, OSError or ValueError where there is no answer in time: see :meth:`words`.
        """
        with trio.move_on_after(READING + 1.0):
            return await trio.to_thread.run_sync(
                partial(_answer, self._path, question), abandon_on_cancel=True, limiter=self._readers
            )
        raise TimeoutError(errno.ETIMEDOUT, f"the disk has not answered for {READING + 1.0:.0f} s")

    def words(self, error: sqlite3.Error | OSError | ValueError) -> str:
        """Return why there is no answer, as a clause."""
        if isinstance(error, ValueError):
            return f"{self._path} is damaged ({error})"
        return sentence(error, self._path)


def _answer(path: Path, question: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
    connection = open_payload_reader(path, seconds=READING)
    if connection is None:
        return None
    with closing(connection):
        return question(connection)
