"""What SQLite's errors mean for the person who must act. Pure."""

import sqlite3
from pathlib import Path

from ccflared.errors import Refused

MEANINGS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "{path} is not writable",
    "SQLITE_CANTOPEN": "{path} cannot be opened",
    "SQLITE_PERM": "{path} may not be opened",
    "SQLITE_AUTH": "{path} may not be opened",
    "SQLITE_BUSY": "{path} is locked by another program",
    "SQLITE_LOCKED": "{path} is locked by another program",
    "SQLITE_NOTADB": "{path} is not a database; move it away and a new one is begun",
    "SQLITE_CORRUPT": "{path} is damaged; move it away and a new one is begun",
    "SQLITE_IOERR": "the disk failed while {path} was read or written",
    "SQLITE_INTERRUPT": "reading {path} took too long",
    "SQLITE_PROTOCOL": "{path} is locked by another program",
}


def broken(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is no database, or a damaged one."""
    name = getattr(error, "sqlite_errorname", None) or ""
    return name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))


def sentence(error: sqlite3.Error | OSError | Refused, path: Path) -> str:
    """Return what is wrong with the database at ``path``, as a clause that can follow "history is off:"."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or path}: {error.strerror or error}"
    name = getattr(error, "sqlite_errorname", None) or ""
    # The extended names are the plain ones and a suffix: SQLITE_IOERR_WRITE.
    for plain, meaning in MEANINGS.items():
        if name == plain or name.startswith(plain + "_"):
            return meaning.format(path=path)
    return f"{path}: {error}"
