"""Brings a database to the schema of this version: all steps in one transaction, and a copy of it before.

Whatever happens, the file is of the version before or of this one. The copy is whole and on the disk when the first
step begins; it stands beside the database, named for its version, until it has grown old or another one is made.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ccflared.errors import Refused
from ccflared.store.backup import to_disk
from ccflared.store.versions import COPY, copies

Say = Callable[[str], object]
_SPARE: Final = 16 * 1024 * 1024
_PAGES: Final = 1024
"""Pages of a copy that are written at a time."""
_SYNCED_APART: Final = 1.0
"""Seconds from one time that the copy so far is brought to the disk to the next: all of it at once would take long."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What makes up one kind of database."""

    what: str
    """For people: ``the history``."""
    application: int
    steps: Sequence[Sequence[str]]
    """Step n brings a database of version n-1 to version n."""


@dataclass(eq=False, slots=True)
class Upgrade:
    """How upgrades are told, and what this process has done for one already. Used by the one who writes."""

    say: Say = lambda _: None
    moves: Callable[[], bool] = lambda: False
    """Called again and again while a copy is made; true breaks it off, and the upgrade with it."""
    under_way: str | None = None
    """What takes long just now, for people."""
    copied: set[Path] = field(default_factory=set)
    """Copies made by this process of databases that nobody else writes: not made again after trouble."""


def standing(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """Return the database's version, 0 for an empty one. Raises Refused for what must not be touched."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != schema.application:
        raise Refused(f"{path} is a database of another program; ccflared leaves it as it is")
    if version > len(schema.steps):
        raise Refused(
            f"{path} was written by a newer ccflared (schema {version}, this one knows {len(schema.steps)}); "
            "it is left as it is: upgrade, or restart ccflared, which then says how to go back"
        )
    return version


def bring_up_to_date(connection: sqlite3.Connection, path: Path, schema: Schema, upgrade: Upgrade) -> None:
    """Take the steps that a database lacks. Raises Refused, sqlite3.Error or OSError, and it is what it was then."""
    version, newest = standing(connection, path, schema), len(schema.steps)
    if version in (0, newest):
        if version == 0:
            _step(connection, schema, 0)
        return
    began = time.monotonic()
    upgrade.under_way = f"{schema.what} is being brought from schema {version} to {newest}"
    try:
        copy = _copy(connection, path, version, upgrade, upgrade.under_way)
        _step(connection, schema, version)
        # The file alone tells its version from now on, to whoever looks without the log.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        upgrade.under_way = None
    took = time.monotonic() - began
    upgrade.say(
        f"{schema.what} was brought from schema {version} to {newest} in {took:.1f} s; as it was before: {copy}"
    )


def _step(connection: sqlite3.Connection, schema: Schema, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    with closing(connection.cursor()) as cursor:
        try:
            for statements in schema.steps[version:]:
                for statement in statements:
                    cursor.execute(statement)
            cursor.execute(f"PRAGMA application_id = {schema.application}")
            cursor.execute(f"PRAGMA user_version = {len(schema.steps)}")
            cursor.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise


def _copy(connection: sqlite3.Connection, path: Path, version: int, upgrade: Upgrade, what: str) -> Path:
    """Make the copy, unless this process has made it already; what others have made is gone then."""
    target = path.with_name(f"{path.name}{COPY}{version}")
    if target in upgrade.copied and target.exists():
        return target
    (count,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    part = path.with_name(f".{path.name}{COPY}.part")
    part.unlink(missing_ok=True)
    _see_to_room(path, count * size, what)
    upgrade.say(f"{what}; a copy of {_size(count * size)} is made first: {target}")
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as copied:
            # Nobody needs half of it: it is synced as a whole below.
            copied.execute("PRAGMA synchronous = OFF")
            connection.backup(copied, pages=_PAGES, progress=_progress(descriptor, upgrade))
        os.fsync(descriptor)
        part.replace(target)
        to_disk(path.parent)
    finally:
        os.close(descriptor)  # not before: it would drop SQLite's locks on it
        for end in ("", "-journal", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)
    for other, number in copies(path):
        if number != version:
            other.unlink(missing_ok=True)
    upgrade.copied.add(target)
    return target


def _progress(descriptor: int, upgrade: Upgrade) -> Callable[[int, int, int], None]:
    synced_at = time.monotonic()

    def progress(_status: int, _remaining: int, _total: int) -> None:
        nonlocal synced_at
        if upgrade.moves():
            raise sqlite3.OperationalError("the upgrade was broken off; it is begun again at the next start")
        if time.monotonic() >= synced_at + _SYNCED_APART:
            os.fsync(descriptor)
            synced_at = time.monotonic()

    return progress


def _see_to_room(path: Path, size: int, what: str) -> None:
    """Raise Refused where copy and steps, which may write as much again, would fill the disk."""
    disk = os.statvfs(path.parent)
    free, needed = disk.f_bavail * disk.f_frsize, 2 * size + _SPARE
    if free < needed:
        raise Refused(
            f"{what}, and a copy is made before: {_size(needed)} must be free in {path.parent}, and {_size(free)} "
            "are. Nothing was changed; make room, and it is done by itself"
        )


def _size(number: int) -> str:
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{max(0.1, number / 2**20):.1f} MiB"
