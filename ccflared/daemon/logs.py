"""Where log lines go: stderr, as text on a terminal, with journald's priorities under systemd, or as JSON.

And beside it, to whoever wants to keep them: see Lines.
"""

import json
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import gmtime, strftime
from typing import Final, NamedTuple

import trio

from ccflared.config.model import Log

_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = strftime("%H:%M:%S", self.converter(record.created))
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        return f"{at} {level}{_message(self, record)}"


class _Journald(logging.Formatter):
    """Each line has its priority in front (sd-daemon(3)): a traceback is many lines, and all of them count."""

    def format(self, record: logging.LogRecord) -> str:
        mark = f"<{_PRIORITIES.get(record.levelname, 6)}>"
        return "\n".join(mark + line for line in _message(self, record).splitlines())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = strftime("%Y-%m-%dT%H:%M:%S", gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line = {"ts": at, "level": record.levelname, "logger": record.name, "msg": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Line(NamedTuple):
    """One line of the log: a wall-clock time, the level's and logger's names, and what it says, fit to be shown."""

    at: float
    level: str
    logger: str
    message: str


class Lines(logging.Handler):
    """Hands on each line in Trio's thread, whichever it was logged in, and lets nobody wait.

    Lines of other threads come a moment later; beyond WAITING of them at once the oldest are lost.
    """

    WAITING: Final = 1000

    def __init__(self, take: Callable[[Line], object]) -> None:
        super().__init__()
        self._take = take
        self._thread = threading.get_ident()
        self._elsewhere: deque[Line] = deque(maxlen=self.WAITING)
        self._loop: trio.lowlevel.TrioToken | None = None
        self.setFormatter(logging.Formatter())

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Take in the log as long as the context lasts. To be entered in Trio's thread."""
        self._thread, self._loop = threading.get_ident(), trio.lowlevel.current_trio_token()
        root = logging.getLogger("ccflared")
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Have none: a thread that holds it could make the loop wait."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record, without a lock."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        message = _message(self.formatter or logging.Formatter(), record)
        line = Line(record.created, record.levelname, record.name, message)
        if threading.get_ident() == self._thread:
            self._hand_on()
            self._take(line)
        elif self._loop is not None:
            self._elsewhere.append(line)
            try:
                self._loop.run_sync_soon(self._hand_on, idempotent=True)
            except trio.RunFinishedError:
                return  # the daemon has ended, and nobody keeps anything any more

    def _hand_on(self) -> None:
        while self._elsewhere:
            self._take(self._elsewhere.popleft())


def set_up(settings: Log, environ: Mapping[str, str]) -> None:
    """Direct the log as ``[log]`` says; may be called again when that changed."""
    formatter: logging.Formatter
    match settings.format:
        case "json":
            formatter = _Json()
        case "journald":
            formatter = _Journald()
        case "auto" if _to_journal(environ):
            formatter = _Journald()
        case _:
            formatter = _Text()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger("ccflared")
    root.handlers[:] = [handler, *(other for other in root.handlers if isinstance(other, Lines))]
    root.propagate = False
    root.setLevel(settings.level.upper())


def _to_journal(environ: Mapping[str, str]) -> bool:
    """Whether stderr is the journal's stream: JOURNAL_STREAM holds its device and inode (systemd.exec(5))."""
    try:
        stat = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    message = record.getMessage()
    # What came from outside must not begin a line of its own.
    message = "".join(c if c.isprintable() else " " for c in message)
    if record.exc_info:
        message += "\n" + formatter.formatException(record.exc_info)
    return message
