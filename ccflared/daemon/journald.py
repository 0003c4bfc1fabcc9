"""The log as systemd's journal takes it: an entry of fields for each line, in one datagram (sd_journal_print(3)).

Never waits: what the journal does not take at once is lost and counted, and the next entry that it takes is told so.
"""

import logging
import socket
from pathlib import Path
from typing import Final

from ccflared.daemon.about import About, about_of

SOCKET: Final = Path("/run/systemd/journal/socket")
PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
IDENTIFIER: Final = "ccflared"
_LARGEST: Final = 48 * 1024
"""Bytes of a message: with the other fields it fits into a datagram as every kernel takes it."""


class Journal(logging.Handler):
    """Writes to the journal's socket, and to another handler while there is none."""

    def __init__(self, path: Path, otherwise: logging.Handler) -> None:
        """``otherwise``: gets what nobody listens for at ``path``."""
        super().__init__()
        self._path = str(path)
        self._otherwise = otherwise
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.lost = 0
        """Entries that the journal did not take and has not been told of."""

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Have none: a datagram is written whole, and a thread that holds a lock could make the loop wait."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record, without a lock."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            self._tell_of_lost()
            self._send(entry(self.format(record), record))
        except BlockingIOError:
            self.lost += 1
        except OSError:  # there is no journal, or none any more: it may be starting anew
            self._otherwise.handle(record)

    def _tell_of_lost(self) -> None:
        """Tell how many entries are missing. Raises OSError."""
        if self.lost:
            lines = "1 line of the log is" if self.lost == 1 else f"{self.lost} lines of the log are"
            message = f"{lines} missing before this: the journal took no more"
            record = logging.makeLogRecord(
                {"name": "ccflared.log", "levelname": "WARNING", "about": About("log")}
            )
            self._send(entry(message, record))
            self.lost = 0

    def _send(self, data: bytes) -> None:
        self._socket.sendto(data, socket.MSG_NOSIGNAL, self._path)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()


def entry(message: str, record: logging.LogRecord) -> bytes:
    """Return the datagram that makes one entry of a record; ``message`` is what it says, of any number of lines."""
    fields = {
        "MESSAGE": message,
        "PRIORITY": str(PRIORITIES.get(record.levelname, 6)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "CCFLARED_LOGGER": record.name,
    }
    fields |= {f"CCFLARED_{name.upper()}": value for name, value in about_of(record).fields.items()}
    return b"".join(_field(name, value) for name, value in fields.items())


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if len(data) > _LARGEST:
        kept = data[:_LARGEST].decode("utf-8", "ignore").encode()
        data = kept + b" ... (%d bytes more)" % (len(data) - len(kept))
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    # A value of several lines has its length in front, or each would begin a field.
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
