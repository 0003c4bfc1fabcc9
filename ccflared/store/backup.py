"""Copies of a database that is in use: whole, compact, and there under their name only when they are complete."""

import os
import secrets
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from ccflared.errors import Refused

_OURS: Final = frozenset({"payloads.db", "tokens.db"})
"""Names in the state directory that may not be there yet."""
_BESIDE: Final = ("-wal", "-shm", "-journal")
_MAGIC: Final = b"SQLite format 3\0"


def back_up(source: Path, target: Path, *, force: bool = False) -> int:
    """Copy a database to ``target``, for its owner alone to read, while others go on writing; return its bytes.

    Raises Refused where ``target`` exists (``force`` replaces a database) or is a file of the state directory that
    is in use; sqlite3.Error or OSError where it fails, and has then left nothing.
    """
    consider(source, target, force=force)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        uri = f"{source.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(part.absolute()),))
        _to_disk(part)
        size = part.stat().st_size
        if force:
            part.replace(target)
        else:
            # Unlike a renaming, a link never takes the place of what has come to stand there meanwhile.
            os.link(part, target)
        _to_disk(target.parent)
    except FileExistsError:
        raise Refused(f"{target} exists; name another file, or force it") from None
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return size


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


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
