"""Writing configuration files: whole and durable, or not at all."""

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Literal

from ccflared.config.load.reading import user_of
from ccflared.config.load.rights import mounted

_LOCK_TRIES = 100
_LOCK_PAUSE = 0.05
_OF_THE_CONTENT = ("security.ima", "security.evm")
"""Attributes that are digests of the old content."""
_EFFECTIVE = os.access in os.supports_effective_ids


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nothing was written, in a sentence without its file."""

    kind: Literal["conflict", "not writable"]
    path: Path
    sentence: str


def create(path: Path, content: bytes, *, mode: int, gid: int = -1) -> None:
    """Write a new file, making its directory. ``gid``: its group, if not the one that new files here get.

    Raises FileExistsError if it is there, OSError if it cannot be.
    """
    _make_directory(path.parent)
    temporary = _written_beside(path, content, mode, gid=gid)
    try:
        # A link, unlike a rename, never replaces what somebody else has put there meanwhile.
        os.link(temporary, path)
    finally:
        temporary.unlink()
    settle(path.parent)


def replace_file(path: Path, content: bytes, *, mode: int, gid: int = -1) -> None:
    """Write a file in place of what is there, if anything, through symbolic links. Raises OSError."""
    target = Path(os.path.realpath(path))
    _make_directory(target.parent)
    temporary = _written_beside(target, content, mode, gid=gid)
    try:
        temporary.replace(target)
    except OSError:
        temporary.unlink()
        raise
    settle(target.parent)


def replace_files(contents: Mapping[Path, bytes], digests: Mapping[Path, str], main: Path) -> Obstacle | None:
    """Replace files through symbolic links, with owner, mode and attributes as they are; None if it is done.

    ``digests`` are those of the files that the new contents come from, SHA-256: if one of them has changed
    meanwhile, nothing is written. A file that is in ``contents`` alone is new, and belongs to whom ``main``
    belongs. Several files are not replaced in one moment: after a crash in between, only some may be.
    """
    written: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            target = Path(os.path.realpath(path))
            beside = _like_the_old(target, path if path in digests else main, content)
            if isinstance(beside, Obstacle):
                return beside
            written[target] = beside
        with _locked(Path(os.path.realpath(main)).parent) as free:
            if not free:
                return Obstacle("conflict", main, "is being edited by another ccflared right now")
            for path, digest in digests.items():
                if _digest(path) != digest:
                    return Obstacle("conflict", path, "was changed meanwhile; nothing was written")
            return _put_in_place(
                written, new={Path(os.path.realpath(p)) for p in contents if p not in digests}
            )
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def copy_beside(path: Path, content: bytes) -> Path | Obstacle:
    """Write a copy beside a file, for an editor: hidden, of the same kind by name, with owner and mode kept."""
    target = Path(os.path.realpath(path))
    return _like_the_old(target, target, content, suffix=target.suffix)


def hindrance(path: Path, main: Path) -> Obstacle | None:
    """Return what would keep ``replace_files`` from writing a file, as far as that can be known without writing.

    Where the file is new, it would belong to whom ``main`` belongs.
    """
    target = Path(os.path.realpath(path))
    try:
        if (known := _unwritable(target)) is not None:
            return known
        directory = target.parent
        if not os.access(directory, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
            frozen = os.statvfs(directory).f_flag & os.ST_RDONLY
            return _not_writable(target, OSError(errno.EROFS, "")) if frozen else _closed(directory)
        if mounted(target):
            return _not_writable(target, OSError(errno.EBUSY, ""))
        old = (target if target.exists() else Path(os.path.realpath(main))).stat()
        parent = directory.stat()
    except OSError as error:
        return _not_writable(target, error)
    gid = parent.st_gid if parent.st_mode & stat.S_ISGID else os.getegid()
    foreign = old.st_uid != os.geteuid() or (old.st_gid != gid and old.st_gid not in os.getgroups())
    return _undressable(target, old, errno.EPERM) if foreign and os.geteuid() != 0 else None


def settle(directory: Path) -> None:
    """Make the directory's new entry durable, where the file system knows how."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _like_the_old(target: Path, model: Path, content: bytes, *, suffix: str = "") -> Path | Obstacle:
    """Return a file beside ``target`` that holds the content and has the owner, mode and attributes of ``model``."""
    try:
        if (known := _unwritable(target)) is not None:
            return known
    except OSError as error:
        return _not_writable(target, error)
    try:
        beside = _written_beside(target, content, 0o600, suffix)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            return _closed(target.parent)
        return _not_writable(target, error)
    try:
        _dress(beside, model)
    except OSError as error:
        beside.unlink()
        return _undressable(target, model.stat(), error.errno or errno.EPERM)
    return beside


def _unwritable(target: Path) -> Obstacle | None:
    """Return why a file that is there may not be written. Raises OSError."""
    if not target.exists() or os.access(target, os.W_OK, effective_ids=_EFFECTIVE):
        return None
    frozen = os.statvfs(target).f_flag & os.ST_RDONLY
    return _not_writable(target, OSError(errno.EROFS if frozen else errno.EACCES, ""))


def _closed(directory: Path) -> Obstacle:
    why = f"may not be written by {user_of(os.geteuid())}, and a file is replaced from within its directory"
    return Obstacle("not writable", directory, why)


def _undressable(target: Path, old: os.stat_result, code: int) -> Obstacle:
    owner = f"uid {old.st_uid}, gid {old.st_gid}, mode {stat.S_IMODE(old.st_mode):04o}"
    return Obstacle(
        "not writable",
        target,
        f"cannot be replaced by {user_of(os.geteuid())} with its owner, mode and attributes kept ({owner}): "
        f"{os.strerror(code)}; do it as its owner or as root",
    )


def _dress(beside: Path, model: Path) -> None:
    """Give a file the owner, the attributes (access control lists, labels) and the mode of another. Raises OSError."""
    old, new = model.stat(), beside.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.chown(beside, old.st_uid, old.st_gid)
    if sys.platform == "linux":
        _label(beside, model)
    beside.chmod(stat.S_IMODE(old.st_mode))


if sys.platform == "linux":  # Python knows extended attributes there alone

    def _label(beside: Path, model: Path) -> None:
        """Give a file the attributes of another. Raises OSError."""
        wanted, given = _attributes(model), _attributes(beside)
        for name in (name for name in given.keys() - wanted.keys() if not name.startswith("security.")):
            os.removexattr(beside, name)
        for name, value in wanted.items():
            if given.get(name) == value or name in _OF_THE_CONTENT:
                continue
            try:
                os.setxattr(beside, name, value)
            except OSError:
                # Labels of the security modules are the system's: it gives them to a new file by its own rules.
                if not name.startswith("security."):
                    raise

    def _attributes(path: Path) -> dict[str, bytes]:
        """Return the extended attributes of a file; none where the file system knows none."""
        try:
            return {name: os.getxattr(path, name) for name in os.listxattr(path)}
        except OSError as error:
            if error.errno == errno.ENOTSUP:
                return {}
            raise


def _put_in_place(written: Mapping[Path, Path], new: set[Path]) -> Obstacle | None:
    """Rename each file to its place; what was renamed before one that fails is put back."""
    kept: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for target in written if len(written) > 1 else ():
            beside = None if target in new else _like_the_old(target, target, target.read_bytes())
            if isinstance(beside, Obstacle):
                return beside
            if beside is not None:
                kept[target] = beside
        for target, temporary in written.items():
            if target in new:
                # A link, unlike a rename, never replaces what somebody else has put there meanwhile.
                os.link(temporary, target)
            else:
                temporary.replace(target)
            done.append(target)
    except OSError as error:
        _put_back(done, kept)
        if isinstance(error, FileExistsError):
            return Obstacle("conflict", target, "has come into being meanwhile; nothing was written")
        return _not_writable(target, error)
    finally:
        for beside in kept.values():
            beside.unlink(missing_ok=True)
    for directory in {target.parent for target in written}:
        settle(directory)
    return None


def _put_back(done: list[Path], kept: Mapping[Path, Path]) -> None:
    for target in done:
        with contextlib.suppress(OSError):
            if target in kept:
                kept[target].replace(target)
            else:
                target.unlink()


def _not_writable(path: Path, error: OSError) -> Obstacle:
    if error.errno == errno.EBUSY:
        why = "is mounted as a single file, which cannot be replaced; mount its directory instead"
    elif error.errno == errno.EROFS:
        why = "is on a read-only file system"
    elif error.errno in (errno.EACCES, errno.EPERM):
        why = f"may not be written by {user_of(os.geteuid())}"
    else:
        why = f"cannot be written: {error.strerror}"
    return Obstacle("not writable", path, why)


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[bool]:
    """Hold the lock of ccflared's own edits, that of the directory itself; whether it was to be had.

    Where the file system knows no such lock, or the directory may not be opened, there is none: the digests are
    compared in any case.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield True
        return
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    pause = Event()
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pause.wait(_LOCK_PAUSE)
        except OSError:
            return True
        else:
            return True
    return False


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # something else has its name; not to be taken for the file being there
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory)) from None


def _written_beside(path: Path, content: bytes, mode: int, suffix: str = "", gid: int = -1) -> Path:
    """Return a temporary file in the same directory that holds the content, on disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=suffix)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if gid != -1:  # before the mode is widened, so that the wrong group never has access
                os.fchown(file.fileno(), -1, gid)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink()
        raise
    return temporary
