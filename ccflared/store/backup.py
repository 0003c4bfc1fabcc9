"""Copies of a database that is in use: whole, compact, and there under their name only when they are complete."""

import os
import secrets
import sqlite3
import stat
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from ccflared.errors import Refused

_OURS: Final = frozenset({"payloads.db", "tokens.db"})
"""Names in the state directory that may not be there yet."""
_BESIDE: Final = ("-wal", "-shm", "-journal")
SYNCED_APART: Final = 1.0
"""Seconds from one time that the copy so far is brought to the disk to the next."""
STEPS: Final = 50_000
"""Steps of SQLite's machine from one look at the clock to the next."""
_MAGIC: Final = b"SQLite format 3\0"


def back_up(source: Path, target: Path, *, force: bool = False) -> int:
    """Copy a database to ``target``, for its owner alone to read, while others go on writing; return its bytes.

    Raises Refused where ``target`` exists (``force`` replaces a database) or is a file of the state directory that
    is in use; sqlite3.Error or OSError where it fails, and has then left nothing.
    """
    consider(source, target, force=force)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        uri = f"{source.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            trickle = _Trickle(descriptor)
            connection.set_progress_handler(trickle, STEPS)
            try:
                connection.execute("VACUUM INTO ?", (str(part.absolute()),))
            except sqlite3.OperationalError as error:
                raise trickle.error or error from None
        os.fsync(descriptor)
        size = part.stat().st_size
        if force:
            part.replace(target)
        else:
            # Unlike a renaming, a link never takes the place of what has come to stand there meanwhile.
            os.link(part, target)
        to_disk(target.parent)
    except FileExistsError:
        raise Refused(f"{target} exists; name another file, or force it") from None
    finally:
        os.close(descriptor)  # not before: it would drop SQLite's locks on it
        with suppress(FileNotFoundError):
            part.unlink()
    return size


class _Trickle:
    """Has a copy go to the disk as it is made: all at once at its end, it would hold up whoever writes the history."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._next = time.monotonic() + SYNCED_APART
        self.error: OSError | None = None
        """What broke it off. The system tells of it once, so that the last fsync would know nothing of it."""

    def __call__(self) -> bool:
        if time.monotonic() >= self._next:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self.error = error
            self._next = time.monotonic() + SYNCED_APART
        return self.error is not None


def payloads_beside(target: Path) -> Path:
    """Return where the payloads are copied to when the history is copied to ``target``."""
    return target.with_name(f"{target.stem}.payloads{target.suffix}")


def consider(source: Path, target: Path, *, force: bool) -> None:
    """Raise Refused where ``target`` must not be written. ``back_up`` asks, too; of two copies both are first."""
    if not target.name or not target.is_absolute():
        raise Refused(f"{target} is no path to a file; give an absolute one")
    try:
        found = target.lstat()
    except FileNotFoundError:
        found = None
    ours = target.parent.resolve() == source.parent.resolve()
    if ours and (found is not None or target.name in _OURS or target.name.endswith(_BESIDE)):
        raise Refused(f"{target} may be in use by ccflared itself; name another file")
    if found is not None and not force:
        raise Refused(f"{target} exists; name another file, or force it")
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise Refused(f"{target} is not a regular file; name another one")
    if found is not None and found.st_size and not _is_database(target):
        raise Refused(f"{target} is no database; what is no earlier copy is not replaced, name another file")


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def to_disk(path: Path) -> None:
    """Bring a directory, and with it the names in it, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
