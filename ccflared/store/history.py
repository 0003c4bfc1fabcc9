"""The writer's end of the history: keeps the connection to the file that stands at the path now."""

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ccflared.store.memories import CONVERSATION, DURABLE, Memory, forget_beyond, forget_older, keep
from ccflared.store.renaming import STEP, Renaming, move_totals, rename_rows
from ccflared.store.requests import insert
from ccflared.store.retention import empty_log
from ccflared.store.schema import open_history, prove_writable
from ccflared.store.totals import count
from ccflared.store.upgrade import Say, Upgrade
from ccflared.wire import Entry

Answer = TypeVar("Answer")

CONVERSATIONS = 10_000
"""How many of them are remembered; a few more until the next look."""


@contextmanager
def transaction(connection: sqlite3.Connection, *, durable: bool = False) -> Iterator[None]:
    """Commit what is written within, or none of it when something is raised.

    ``durable``: it is on the disk then. Else a power cut may take the latest transactions back, all of them whole.
    """
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class History:
    """One file, opened when it is first needed and again after trouble. For one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        patience: float,
        say: Say = lambda _: None,
        moves: Callable[[], bool] | None = None,
    ) -> None:
        """``patience``: seconds to wait for a lock; ``say``: told of upgrades; ``moves``: see open_history."""
        self.upgrade = Upgrade(say) if moves is None else Upgrade(say, moves)
        self._path = path
        self._moves = moves
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._log = path.with_name(path.name + "-wal")
        self._log_file: tuple[int, int] | None = None

    def insert(
        self, entries: Sequence[Entry], memories: Sequence[Memory] = (), *, forget_before: float | None = None
    ) -> None:
        """Write entries and memories in one transaction; with none, make sure that the file is open and writable.

        With ``forget_before``, a few of the conversations that were last remembered before that time, or are too
        many, are forgotten. Raises sqlite3.Error, OSError or Refused, and then has written nothing.
        """
        with self._opened() as connection:
            if entries or memories:
                durable = any(memory.kind in DURABLE for memory in memories)
                with transaction(connection, durable=durable):
                    insert(connection, entries)
                    keep(connection, memories)
                    if forget_before is not None:
                        forget_older(connection, CONVERSATION, forget_before)
                        forget_beyond(connection, CONVERSATION, CONVERSATIONS)

    def count(self, zone: dt.tzinfo | None, most: int, renamings: Sequence[Renaming] = ()) -> int:
        """Add up to ``most`` rows to the totals that are in none yet; return how many. Raises as ``insert``.

        ``renamings``: those under way, which the totals follow first.
        """
        with self._opened() as connection, transaction(connection):
            move_totals(connection, renamings, zone)
            return count(connection, zone, most)

    def work(self, piece: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do a short piece of work on the writing connection, in transactions of its own. Raises as ``insert``."""
        with self._opened() as connection:
            return piece(connection)

    def rename(self, renaming: Renaming, after: int, zone: dt.tzinfo | None) -> int | None:
        """Give the new name to a step's worth of rows behind the row ``after``; return the last one, None at the end.

        The totals follow first, all at once. Raises as ``insert``.
        """
        with self._opened() as connection, transaction(connection):
            move_totals(connection, [renaming], zone)
            return rename_rows(connection, renaming, after, STEP)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to the file that stands there now; after trouble, let go of it."""
        if self._connection is not None and _standing(self._path) != self._file:
            # Moved or removed under us: SQLite would go on writing into a file that nobody can find.
            self._leave(self._connection)
        try:
            if self._connection is None:
                self._connection = open_history(
                    self._path, patience=self._patience, moves=self._moves, upgrade=self.upgrade
                )
                self._file = _standing(self._path)
                prove_writable(self._connection)
                self._log_file = _standing(self._log)
            yield self._connection
        except sqlite3.Error:
            self.close()
            raise

    def pulse(self) -> None:
        """Touch the file, as writing would, and change nothing. Whatever is wrong with it is not this one's to tell."""
        with suppress(sqlite3.Error, OSError):
            _standing(self._path)
            if self._connection is not None:
                self._connection.execute("PRAGMA user_version").fetchone()

    def close(self) -> None:
        """Let go of the file; the next insert opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # What cannot be tidied up now is tidied up by the next opening: closing loses nothing.
            with suppress(sqlite3.Error):
                connection.close()

    def _leave(self, connection: sqlite3.Connection) -> None:
        """Let go of a file that is elsewhere now, and of its log: what stands here must not be read with that."""
        with suppress(sqlite3.Error):
            empty_log(connection)
        self.close()
        # SQLite leaves the log of a file that was moved.
        if self._log_file is not None and _standing(self._log) == self._log_file:
            for end in ("-wal", "-shm"):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)


def _standing(path: Path) -> tuple[int, int] | None:
    """Return device and inode of what stands at the path."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
