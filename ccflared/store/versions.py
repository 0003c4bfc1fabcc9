"""Which version of its schema a database is of, found out without touching it: no side files, no lock, no recovery.

An older daemon must leave a newer database as it is, byte for byte. SQLite cannot look without making files beside one
that was written through a log; so the number is read from the header, and from the log, as their formats are laid
down: https://www.sqlite.org/fileformat2.html, sections 1.3 and 4.1.
"""

import struct
from pathlib import Path
from typing import Final

COPY: Final = ".schema"
"""What stands between a database's name and the version, in the name of the copy that was made before an upgrade."""
_MAGIC: Final = b"SQLite format 3\0"
_HEADER, _FRAME, _LOG_HEADER = 100, 24, 32
_LOG_MAGIC: Final = (0x377F0682, 0x377F0683)


def version_of(path: Path) -> tuple[int, int] | None:
    """Return application and version of the database at ``path``; None where there is none, or nobody may look."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError:
        return None
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        return None
    return _numbers(_latest_first_page(path.with_name(f"{path.name}-wal")) or header)


def fitting_copy(path: Path, version: int) -> Path | None:
    """Return the latest copy that a program can use which knows up to ``version``; None: there is none."""
    fits = {number: copy for copy, number in copies(path) if number <= version}
    return fits[max(fits)] if fits else None


def copies(path: Path) -> list[tuple[Path, int]]:
    """Return the copies of a database from before upgrades, each with its version."""
    try:
        beside = list(path.parent.iterdir())
    except OSError:
        return []
    start = path.name + COPY
    ends = [(each, each.name.removeprefix(start)) for each in beside if each.name.startswith(start)]
    return [(each, int(end)) for each, end in ends if end.isascii() and end.isdigit()]


def _numbers(page: bytes) -> tuple[int, int]:
    (version,) = struct.unpack_from(">i", page, 60)
    (application,) = struct.unpack_from(">I", page, 68)
    return application, version


def _latest_first_page(log: Path) -> bytes | None:
    """Return the beginning of the database's first page as the log has it; None: it does not have it.

    Checksums are not looked at: a transaction that was cut off by a power failure may count here. Then a newer daemon
    was at work, and saying so is right.
    """
    try:
        with log.open("rb") as file:
            header = file.read(_LOG_HEADER)
            if len(header) < _LOG_HEADER:
                return None
            magic, _, size, _ = struct.unpack_from(">IIII", header)
            if magic not in _LOG_MAGIC or not 512 <= size <= 65536:
                return None
            found = waiting = None
            while len(frame := file.read(_FRAME)) == _FRAME and frame[8:16] == header[16:24]:
                number, commit = struct.unpack_from(">II", frame)
                if number == 1:
                    waiting = file.read(_HEADER)
                    file.seek(size - _HEADER, 1)
                else:
                    file.seek(size, 1)
                if commit:
                    found = waiting or found
            return found if found is not None and len(found) == _HEADER else None
    except OSError:
        return None
