"""The way from the screen to the daemon: what threads ask by, never the loop that draws."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ccflared.cli.client import Answer, Daemon
from ccflared.cli.stream import Again, Event, Tick, follow

EVERY: Final = 1.0
"""Seconds after which a stream that is silent yields a ``Tick``, so that its reader can see whether it shall end."""


class Link:
    """The daemon that is shown. ``config``: the file given by ``--config``, whose daemon is meant."""

    def __init__(self, daemon: Daemon, config: Path | None) -> None:
        self.daemon = daemon
        self.config = config

    def get(self, path: str, *, timeout: float = 10.0) -> Answer:
        """Ask for ``path``, whatever the status of the answer. Blocks. Raises NotRunning, Refused."""
        return self.daemon.get(path, timeout=timeout)

    def send(self, method: str, path: str, body: object = None, timeout: float = 60.0) -> Answer:
        """Have something done; ``body`` goes as JSON. Blocks up to ``timeout`` seconds. Raises as ``get``."""
        return self.daemon.send(method, path, body, timeout=timeout)

    def follow(self, path: str, sleep: Callable[[float], None]) -> Iterator[Event | Tick | Again]:
        """Yield what the stream at ``path`` tells, over restarts, a ``Tick`` each second of silence. Raises as ``get``.

        ``sleep``: how it is waited for a daemon that has gone; what it raises ends the following.
        """
        return follow(self.daemon, path, "top", lambda _: None, every=EVERY, sleep=sleep)
