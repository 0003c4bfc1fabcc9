"""The writer's end of payloads.db: takes packed payloads, drops what is too old, erases everything on demand."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ccflared.store.buckets import (
    bucket_for,
    clear_step,
    count_old,
    drop,
    expire,
    forget_log,
    leftovers,
    mark_oldest,
    open_payloads,
    taken,
)
from ccflared.store.history import transaction
from ccflared.store.packing import Packed

BUCKETS: Final = 32
"""Into how many buckets at least what the file may take is divided."""
_SMALLEST: Final = 256 * 1024
_READERS_MS: Final = 4000
"""Milliseconds that readers are waited for when everything is erased: none of ours reads for longer."""


class PayloadFile:
    """One file, opened when it is first needed and again after trouble. For one thread at a time.

    Every method may raise sqlite3.Error, OSError or Refused.
    """

    def __init__(self, path: Path, *, patience: float) -> None:
        """``patience``: seconds to wait for a lock of another program."""
        self.path = path
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._log_file: tuple[int, int] | None = None
        self._log_due = True
        """Whether the log beside the file may hold what is deleted, also of a run before."""

    def insert(self, payloads: Sequence[Packed], keep: float, now: float, room: int = 1 << 40) -> None:
        """Write payloads, which are kept for ``keep`` seconds, in one transaction; none that is too old already.

        ``room``: the bytes that the file may take, so that many buckets fit in.
        """
        full = max(_SMALLEST, room // BUCKETS)
        with self._opened() as connection, transaction(connection):
            for payload in payloads:
                if payload.at + keep > now:
                    _insert(connection, payload, keep, full)

    def make_room(self, room: int) -> bool:
        """Delete a little of the oldest where the file takes more than ``room`` bytes; False: nothing is to be done."""
        if self._connection is None and not self.path.exists():
            return False
        with self._opened() as connection:
            pages, used = taken(connection)
            if pages <= room:
                return False
            if clear_step(connection):
                self._log_due = True
                return True
            with transaction(connection):
                return used > room and mark_oldest(connection)

    def expire(self, now: float, keep: float | None) -> bool:
        """Let go of what has been kept for long enough, so that nobody reads it; whether there is something to clear.

        ``keep``: see buckets.expire.
        """
        if self._connection is None and not self.path.exists():
            return False
        with self._opened() as connection, transaction(connection):
            return expire(connection, now, keep) or self._log_due

    def old(self, now: float, keep: float | None) -> int:
        """Return how many payloads have been kept for long enough, and are there still."""
        if self._connection is None and not self.path.exists():
            return 0
        with self._opened() as connection:
            return count_old(connection, now, keep)

    def clear_step(self) -> bool:
        """Delete a little of what was let go; False: nothing was left but the log, which is empty now, too."""
        with self._opened() as connection:
            if clear_step(connection):
                self._log_due = True
                return True
            # Where a reader is in the way, the next look does it.
            self._log_due = not forget_log(connection)
            return False

    def let_go_of_oldest(self) -> bool:
        """Let go of the oldest bucket; False: there is none. clear_step deletes it."""
        if self._connection is None and not self.path.exists():
            return False
        with self._opened() as connection, transaction(connection):
            return mark_oldest(connection)

    def purge(self) -> None:
        """Erase everything now: the file is written anew without it."""
        if self._connection is None and not self.path.exists():
            return
        with self._opened() as connection:
            with transaction(connection):
                connection.execute("UPDATE buckets SET gone = 1")
            # The pages are cut off as a whole below: to write zeros over them first would take long.
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute(f"PRAGMA busy_timeout = {_READERS_MS}")
            try:
                for (number,) in connection.execute("SELECT number FROM buckets WHERE gone = 1").fetchall():
                    drop(connection, int(number))
            finally:
                connection.execute("PRAGMA secure_delete = ON")
            connection.execute("VACUUM")
            emptied = forget_log(connection)
            connection.execute(f"PRAGMA busy_timeout = {round(self._patience * 1000)}")
            if not emptied:
                self._log_due = True
                raise sqlite3.OperationalError("somebody reads the payloads; purge them again in a moment")

    def size(self) -> int:
        """Return the bytes that the file and its log take."""
        total = 0
        for name in (self.path, self.path.with_name(self.path.name + "-wal")):
            with suppress(FileNotFoundError):
                total += name.stat().st_size
        return total

    def unfinished(self) -> bool:
        """Whether something is to be cleared."""
        if self._connection is None and not self.path.exists():
            return False
        with self._opened() as connection:
            return leftovers(connection)

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    @property
    def _log(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    def _leave(self, connection: sqlite3.Connection) -> None:
        """Let go of a file that is elsewhere now, and of its log, which would be taken for that of what stands here."""
        with suppress(sqlite3.Error):
            forget_log(connection)
        self.close()
        if self._log_file is not None and _standing(self._log) == self._log_file:
            for end in ("-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if self._connection is not None and _standing(self.path) != self._file:
            # Moved or removed under us: nobody would find what is written.
            self._leave(self._connection)
        try:
            if self._connection is None:
                self._connection = open_payloads(self.path, patience=self._patience)
                self._file = _standing(self.path)
                self._log_file = _standing(self._log)
            yield self._connection
        except sqlite3.Error:
            self.close()
            raise


def _insert(connection: sqlite3.Connection, payload: Packed, keep: float, full: int) -> None:
    bucket = bucket_for(connection, payload.at, keep, full)
    written = connection.execute(
        f"INSERT INTO payloads_{bucket} (id, at) VALUES (?, ?) "  # noqa: S608 - a number
        "ON CONFLICT (id) DO NOTHING",
        (payload.id, payload.at),
    )
    if not written.rowcount:
        return  # offered again, as it was not certain that it had been committed
    connection.execute(
        f"INSERT INTO bodies_{bucket} (number, request, response) VALUES (?, ?, ?)",  # noqa: S608 - a number
        (written.lastrowid, payload.request, payload.response),
    )
    connection.execute(
        f"INSERT INTO search_{bucket} (rowid, said) VALUES (?, ?)",  # noqa: S608 - a number
        (written.lastrowid, payload.said),
    )
    connection.execute(
        "UPDATE buckets SET bytes = bytes + ? WHERE number = ?",
        (len(payload.request) + len(payload.response), bucket),
    )


def _standing(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
