"""The state directory: made private, and held by one daemon at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ccflared.config.load.rights import unusable
from ccflared.errors import Refused


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Make the state directory if needed and hold its lock. Raises Refused where another daemon does."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(unusable(directory, error)) from error
    try:
        try:
            # The kernel gives it up with the process, however that ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
            by = f" (process {owner})" if owner.isdigit() else ""
            raise Refused(
                f"another ccflared{by} uses the state directory {directory}. Stop it, or give this one a directory "
                "of its own with [storage] directory."
            ) from error
        with suppress(OSError):  # who holds it is a courtesy; a full disk must not stop the daemon
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)
