"""Whether a database is whole: SQLite's own check, for the daemon and for a program without one."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ccflared.store.schema import open_reader
from ccflared.store.trouble import broken

MOST: Final = 100
"""Faults that are told."""
ADVICE: Final = (
    "stop ccflared, move {name} and {name}-wal away and start it again: a new one is begun; "
    "what can be saved of the old one is read by: sqlite3 {name} .recover"
)


def check(path: Path, *, full: bool, seconds: float = 3600.0) -> list[str]:
    """Return what is wrong with a database, a sentence each; none: it is whole.

    Quick looks at every page; ``full`` also holds every index against its table. Raises sqlite3.Error where it cannot
    be opened or takes longer than ``seconds``, but says so of one that is no database.
    """
    pragma = "integrity_check" if full else "quick_check"
    try:
        with closing(open_reader(path, seconds=seconds)) as connection:
            found = [str(said) for (said,) in connection.execute(f"PRAGMA {pragma}({MOST})")]
    except sqlite3.DatabaseError as error:
        if not broken(error):
            raise
        found = [str(error)]
    return [] if found == ["ok"] else found


def advice(path: Path) -> str:
    """Return what to do about a database that is damaged."""
    return ADVICE.format(name=path)
