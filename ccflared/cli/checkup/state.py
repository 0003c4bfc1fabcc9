"""The state directory: who may get at it, whether its databases are sound and how large they are, how full the disk is.

Only reads. Works on what stands there, with a daemon or without.
"""

import datetime as dt
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from ccflared.cli.checkup.daemon import QUICK
from ccflared.cli.render.checks import Check
from ccflared.cli.render.words import many, size
from ccflared.config.load.rights import contained
from ccflared.errors import Refused
from ccflared.store.engine import engine
from ccflared.store.rebuild import differences, stretches
from ccflared.store.schema import open_reader
from ccflared.store.trouble import sentence
from ccflared.store.versions import copies

HISTORY: Final = "ccflared.db"
PAYLOADS: Final = "payloads.db"
TOKENS: Final = "tokens.db"
_SIDE_FILES: Final = ("", "-wal", "-shm")
_LARGE_WAL: Final = 256 << 20
_LITTLE_ROOM, _NO_ROOM = 256 << 20, 16 << 20
_MOST: Final = 5
_COMPARING: Final = 60.0
"""Seconds that comparing totals with rows may take."""


def state_checks(directory: Path, max_size: int, *, full: bool, sound: bool | None = None) -> Iterator[Check]:
    """Yield what is to be said of the directory. ``max_size``: the byte budget of [storage].

    ``sound``: whether the daemon has looked through the history already; None: it is done here.
    """
    try:
        found = directory.stat()
    except FileNotFoundError:
        yield Check("state", "ok", f"{directory} is not there yet; the daemon makes it when it first starts")
        yield _engine()
        return
    except OSError as error:
        yield Check("state", "fail", f"{directory} cannot be looked at: {error.strerror}", _as_who(directory))
        yield _engine()
        return
    if not stat.S_ISDIR(found.st_mode):
        yield Check(
            "state",
            "fail",
            f"{directory} is no directory",
            "move it away, or name another: [storage] directory",
        )
        return
    yield from _private(directory, found)
    yield from _versions(directory)
    yield from _databases(directory, full=full, sound=sound)
    yield from _sizes(directory, max_size)
    yield from _disk(directory)
    yield _engine()


def _as_who(path: Path) -> str:
    """Return what to do where this user may not look."""
    try:
        import pwd  # noqa: PLC0415 - only here

        owner = pwd.getpwuid(path.parent.stat().st_uid).pw_name
    except (OSError, KeyError):
        owner = "root"
    return f"run ccflared doctor as {owner}, or as root (sudo)"


def _private(directory: Path, found: os.stat_result) -> Iterator[Check]:
    """Yield what others may read or write here."""
    wrong = False
    # A volume of Kubernetes may be written by the group that the pod alone has (fsGroup).
    others = 0o002 if found.st_gid == os.getegid() and contained() else 0o022
    if (mode := stat.S_IMODE(found.st_mode)) & others and not mode & stat.S_ISVTX:
        wrong = True
        said = f"{directory} has mode {mode:04o}: others may replace what is in it"
        yield Check("state", "fail", said, f"chmod go-w {directory}")
    for name, what in (
        (HISTORY, "the history"),
        (PAYLOADS, "bodies of requests"),
        (TOKENS, "tokens"),
        ("secrets", "secrets"),
    ):
        path = directory / name
        try:
            mode = stat.S_IMODE(path.lstat().st_mode)
        except OSError:
            continue  # not there, or of no concern to this user
        if mode & 0o077:
            wrong = True
            how = "fail" if name != HISTORY or mode & 0o022 else "warn"
            said = f"{path} has mode {mode:04o}: others may get at {what}"
            yield Check("state", "fail" if how == "fail" else "warn", said, f"chmod go-rwx {path}")
    if not wrong:
        yield Check("state", "ok", f"{directory} is private")
    if not os.access(directory, os.W_OK):
        yield Check(
            "state", "skip", f"{directory} may not be written by this user; the daemon's may be another"
        )


def _versions(directory: Path) -> Iterator[Check]:
    """Yield what a newer version has written, and what was kept of before an upgrade."""
    from ccflared.store.newer import newer_databases  # noqa: PLC0415 - only where there is a directory

    for newer in newer_databases(directory):
        said = f"{newer.name} has schema {newer.version}, and this ccflared knows it up to {newer.known}"
        yield Check(
            "version", "fail", said, "install the newer ccflared again; ccflared run tells the way back"
        )
    for name in (HISTORY, TOKENS):
        for copy, _ in copies(directory / name):
            try:
                found = copy.stat()
            except OSError:
                continue
            day = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC).date()
            said = f"{copy} is {name} as it was before the upgrade of {day}, {size(found.st_size)}"
            yield Check("copy", "ok", f"{said}; the daemon deletes it in time")


def _databases(directory: Path, *, full: bool, sound: bool | None) -> Iterator[Check]:
    for name, what in ((HISTORY, "database"), (PAYLOADS, "payloads"), (TOKENS, "tokens")):
        path = directory / name
        if name == HISTORY and sound is not None:
            continue  # the daemon has told
        try:
            there = path.exists()
        except OSError:
            there = True
        if there:
            yield from database_checks(path, what, full=full)
        elif name == HISTORY:
            yield Check(what, "ok", f"{path} is not there yet; the daemon makes it when it first starts")


def database_checks(path: Path, what: str, *, full: bool) -> Iterator[Check]:
    """Yield what SQLite finds wrong with a database."""
    from ccflared.store.integrity import advice, check  # noqa: PLC0415 - only where there is a database

    if not os.access(path, os.R_OK):
        yield Check(what, "skip", f"{path} may not be read by this user", _as_who(path))
        return
    try:
        problems = check(path, full=full)
    except (sqlite3.Error, OSError, Refused) as error:
        if not os.access(path.parent, os.W_OK):
            # SQLite makes a file beside one that was written through a log, even to read it.
            yield Check(what, "skip", f"{path} cannot be read where nothing may be written beside it")
            return
        problems = [sentence(error, path)]
    for problem in problems[:_MOST]:
        todo = advice(path)
        if what == "tokens":
            todo += "; without it, ccflared login NAME for each account"
        said, _, _ = problem.partition("; move it away")
        if problem is problems[0] and path.name not in said:
            said = f"{path}: {said}"
        yield Check(what, "fail", said, todo if problem is problems[0] else "")
    if not problems:
        yield Check(what, "ok", f"{path} is sound{QUICK if what == 'database' and not full else ''}")


def totals_check(path: Path, zone: dt.tzinfo | None) -> Iterator[Check]:
    """Yield whether the totals are what the rows add up to, where no daemon is there to be asked."""
    if not os.access(path, os.R_OK):
        return
    try:
        with closing(open_reader(path, seconds=_COMPARING)) as connection:
            looked = stretches(connection, zone)
            wrong = sum(1 for each in looked for _ in differences(connection, each))
    except (sqlite3.Error, OSError) as error:
        yield Check("totals", "skip", f"they were not compared: {sentence(error, path)}")
        return
    if wrong:
        said = f"{many(wrong, 'total is', 'totals are')} not what the rows add up to"
        yield Check("totals", "fail", said, "start the daemon, then: ccflared doctor --rebuild-totals")
    else:
        yield Check(
            "totals",
            "ok",
            f"what the rows add up to, of {many(len(looked), 'hour and day', 'hours and days')}",
        )


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sizes(directory: Path, max_size: int) -> Iterator[Check]:
    """Yield how large everything is beside what it may be."""
    used = sum(_bytes(directory / f"{name}{side}") for name in (HISTORY, PAYLOADS) for side in _SIDE_FILES)
    said = f"{size(used)} of {size(max_size)} are used ([storage] max_size)"
    # Between two looks of the daemon it may be a little more.
    if used > max_size * 1.1:
        todo = "the daemon erases what is oldest in small steps; if it stays so, see ccflared logs"
        yield Check("size", "warn", said, todo)
    else:
        yield Check("size", "ok", said)
    for name in (HISTORY, PAYLOADS):
        if (wal := _bytes(directory / f"{name}-wal")) > _LARGE_WAL:
            yield Check(
                "write-ahead log",
                "warn",
                f"{name}-wal has {size(wal)}: a program reads the database for long, or nobody tidies it up",
                "end other programs that have the database open; a restart of the daemon tidies it up",
            )


def _disk(directory: Path) -> Iterator[Check]:
    try:
        disk = os.statvfs(directory)
    except OSError as error:
        yield Check("disk", "warn", f"nobody knows how much room there is: {error.strerror}")
        return
    free, read_only = disk.f_bavail * disk.f_frsize, bool(disk.f_flag & os.ST_RDONLY)
    if read_only:
        yield Check(
            "disk",
            "fail",
            f"{directory} lies on a read-only file system: nothing is recorded",
            "mount it for writing",
        )
    elif free < _NO_ROOM:
        yield Check(
            "disk", "fail", f"{size(free)} are free: nothing can be recorded", "make room on the disk"
        )
    elif free < _LITTLE_ROOM:
        yield Check(
            "disk",
            "warn",
            f"only {size(free)} are free",
            "make room on the disk, or lower [storage] max_size",
        )
    else:
        yield Check("disk", "ok", f"{size(free)} are free")
    if disk.f_files and disk.f_favail < 100:
        yield Check("disk", "fail", "no inodes are left: no file can be made", "remove files")


def _engine() -> Check:
    version, search = engine()
    if not search:
        return Check(
            "sqlite",
            "warn",
            f"SQLite {version} without FTS5: bodies cannot be searched",
            "use a Python whose SQLite has FTS5, as distributions ship it",
        )
    return Check("sqlite", "ok", f"SQLite {version}, with full-text search")
