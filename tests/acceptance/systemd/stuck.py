"""Put in the daemon's way as sitecustomize.py: two ways to get stuck, each upon a signal.

SIGUSR1: the loop stands still, in Python's code. SIGUSR2: whatever a database is asked from then on takes for ever.
"""

import signal
import sqlite3
import threading
import time
from typing import Any

_free = threading.Event()
_free.set()


class Stuck(sqlite3.Connection):
    """A connection to a disk that answers while it is free."""

    def execute(self, *words: Any) -> sqlite3.Cursor:
        """Execute, once it is."""
        _free.wait()
        return super().execute(*words)

    def executemany(self, *words: Any) -> sqlite3.Cursor:
        """Do the same many times."""
        _free.wait()
        return super().executemany(*words)


def stand_still(*_: object) -> None:
    """Do so."""
    while True:
        time.sleep(1)


def _connect(*words: Any, connect: Any = sqlite3.connect, **named: Any) -> sqlite3.Connection:
    found: sqlite3.Connection = connect(*words, factory=Stuck, **named)
    return found


sqlite3.connect = _connect  # type: ignore[assignment] # it is overloaded
signal.signal(signal.SIGUSR1, stand_still)
signal.signal(signal.SIGUSR2, lambda *_: _free.clear())
