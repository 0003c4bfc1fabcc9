"""What the SQLite of this Python can do."""

import sqlite3
from contextlib import closing
from typing import NamedTuple


class Engine(NamedTuple):
    """Its version, and whether it can search text (FTS5)."""

    version: str
    search: bool


def engine() -> Engine:
    """Try it out, in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE tried USING fts5 (text)")
        except sqlite3.OperationalError:
            return Engine(sqlite3.sqlite_version, search=False)
        return Engine(sqlite3.sqlite_version, search=True)
