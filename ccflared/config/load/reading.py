"""Reading a small file whole, without being held up by what is no file."""

import errno
import grp
import os
import pwd
import stat
from pathlib import Path


def read_regular(path: Path, most: int) -> tuple[bytes, os.stat_result]:
    """Return at most ``most`` bytes of a regular file, and what its inode says. Raises OSError.

    Anything else than a regular file is refused (ENOTSUP): a pipe without a writer must not stop the daemon.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, "it is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENOTSUP, "it is no regular file")
        pieces: list[bytes] = []
        while most > 0 and (piece := os.read(descriptor, min(most, 1 << 20))):
            pieces.append(piece)
            most -= len(piece)
        return b"".join(pieces), status
    finally:
        os.close(descriptor)


def user_of(uid: int) -> str:
    """Return who a user is, for people: ``nobody (uid 65534)``."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


def group_of(gid: int) -> str:
    """Return the name of a group, or its number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
