"""Writing configuration files: whole and durable, or not at all."""

import contextlib
import errno
import os
import tempfile
from pathlib import Path


def create(path: Path, content: bytes, *, mode: int) -> None:
    """Write a new file, making its directory.

    Raises FileExistsError if it is there, OSError if it cannot be.
    """
    _make_directory(path.parent)
    temporary = _written_beside(path, content, mode)
    try:
        # A link, unlike a rename, never replaces what somebody else has put there meanwhile.
        os.link(temporary, path)
    finally:
        temporary.unlink()
    _settle(path.parent)


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file in place of what is there, if anything, through symbolic links. Raises OSError."""
    target = Path(os.path.realpath(path))
    _make_directory(target.parent)
    temporary = _written_beside(target, content, mode)
    try:
        temporary.replace(target)
    except OSError:
        temporary.unlink()
        raise
    _settle(target.parent)


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # something else has its name; not to be taken for the file being there
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory)) from None


def _written_beside(path: Path, content: bytes, mode: int) -> Path:
    """Return a temporary file in the same directory that holds the content, on disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink()
        raise
    return temporary


def _settle(directory: Path) -> None:
    """Make the directory's new entry durable, where the file system knows how."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
