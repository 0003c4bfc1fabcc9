"""Secrets that commands and REST put into the state directory: ``secrets/``, where ``{ stored = … }`` is read from.

The directory belongs to the daemon's user, and this may run as root: nothing in it is followed, and what is written
gets the owner of the directory.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ccflared.secret import Secret

_DIRECTORY = "secrets"


def free_name(state: Path, wanted: str) -> str:
    """Return a name that no stored secret has: the one that is wanted, else with a number behind it."""
    number = 1
    name = wanted
    while os.path.lexists(state / _DIRECTORY / name):
        number += 1
        name = f"{wanted}-{number}"
    return name


def store_secret(state: Path, name: str, secret: Secret) -> Path:
    """Write a secret, durable when this returns, and return its path.

    Never replaces one: raises FileExistsError then, OSError if it cannot be written.
    """
    if not state.is_dir():
        state.mkdir(mode=0o700, parents=True)
    with _opened(state) as (directory, owner):
        temporary = f".{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret.reveal().encode())
                file.flush()
                _give(file.fileno(), owner)
                os.fsync(file.fileno())
            os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        finally:
            os.unlink(temporary, dir_fd=directory)
        with contextlib.suppress(OSError):
            os.fsync(directory)
    return state / _DIRECTORY / name


def forget_secret(state: Path, name: str) -> None:
    """Erase a stored secret, if it is there. Raises OSError."""
    with contextlib.suppress(FileNotFoundError), _opened(state) as (directory, _):
        os.unlink(name, dir_fd=directory)
        with contextlib.suppress(OSError):
            os.fsync(directory)


@contextlib.contextmanager
def _opened(state: Path) -> Iterator[tuple[int, os.stat_result]]:
    """Open the directory of the secrets, made if needed, and tell to whom the state directory belongs."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    parent = os.open(state, flags)
    try:
        owner = os.fstat(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(_DIRECTORY, 0o700, dir_fd=parent)
            with contextlib.suppress(OSError):
                os.fsync(parent)
        directory = os.open(_DIRECTORY, flags | os.O_NOFOLLOW, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        _give(directory, owner)
        os.fchmod(directory, 0o700)
        yield directory, owner
    finally:
        os.close(directory)


def _give(descriptor: int, owner: os.stat_result) -> None:
    """Let a file belong to whom the state directory belongs to, or the daemon could not read it."""
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (owner.st_uid, owner.st_gid):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
