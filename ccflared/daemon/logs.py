"""Where log lines go: to stderr as text, as JSON or with journald's priorities, or to the journal itself.

And beside it, to whoever wants to keep them: see Lines. What a line is about is said by about.py.
"""

import json
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import gmtime, strftime
from typing import Final, NamedTuple

import trio

from ccflared.config.model import Log
from ccflared.daemon.about import About, about_of
from ccflared.daemon.journald import PRIORITIES, SOCKET, Journal

_COLOURS: Final = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
"""By level, as the commands paint what is faint, wants attention or is wrong."""


class _Text(logging.Formatter):
    """For people: the time, in a file or a pipe with its date; the level, where it is none of the usual."""

    def __init__(self, *, terminal: bool, colour: bool) -> None:
        super().__init__()
        self._clock = "%H:%M:%S" if terminal else "%Y-%m-%d %H:%M:%S%z"
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        at = strftime(self._clock, self.converter(record.created))
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}:"
        if self._colour and level:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        return f"{at} {level}{' ' if level else ''}{_whole(self, record)}"


class _Plain(logging.Formatter):
    """The words alone, as the journal takes them."""

    def format(self, record: logging.LogRecord) -> str:
        return _whole(self, record)


class _Prefixed(logging.Formatter):
    """Each line has its priority in front (sd-daemon(3)): a traceback is many lines, and all of them count."""

    def format(self, record: logging.LogRecord) -> str:
        mark = f"<{PRIORITIES.get(record.levelname, 6)}>"
        return "\n".join(mark + line for line in _whole(self, record).splitlines())


class _Json(logging.Formatter):
    """One object a line, a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        at = strftime("%Y-%m-%dT%H:%M:%S", gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line = {"ts": at, "level": record.levelname, "logger": record.name, "msg": record.getMessage()}
        line |= about_of(record).fields
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Line(NamedTuple):
    """One line: a wall-clock time, the level's and logger's names, what it says, fit to be shown, and what of."""

    at: float
    level: str
    logger: str
    message: str
    about: About


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
        line = Line(record.created, record.levelname, record.name, message, about_of(record))
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


def set_up(settings: Log, environ: Mapping[str, str], journal: Path | None = None) -> None:
    """Direct the log as ``[log]`` says; may be called again when that changed. ``journal``: the socket of journald."""
    root = logging.getLogger("ccflared")
    before = [handler for handler in root.handlers if not isinstance(handler, Lines)]
    own = _handler(settings, environ, SOCKET if journal is None else journal)
    root.handlers[:] = [own, *(other for other in root.handlers if isinstance(other, Lines))]
    root.propagate = False
    root.setLevel(settings.level.upper())
    for handler in before:
        handler.close()


def _handler(settings: Log, environ: Mapping[str, str], journal: Path) -> logging.Handler:
    written = logging.StreamHandler(sys.stderr)
    match settings.format:
        case "json":
            written.setFormatter(_Json())
        case "journald":
            return _to_journal(written, journal)
        case "auto" if _is_journal(environ):
            return _to_journal(written, journal)
        case _:
            terminal = sys.stderr is not None and sys.stderr.isatty()
            dumb = environ.get("TERM", "") in ("", "dumb", "unknown")
            colour = terminal and not dumb and not environ.get("NO_COLOR")
            written.setFormatter(_Text(terminal=terminal, colour=colour))
    return written


def _to_journal(written: logging.Handler, journal: Path) -> logging.Handler:
    """Return what writes to the journal; where it cannot be reached, to stderr, which is the journal's as well."""
    written.setFormatter(_Prefixed())
    handler = Journal(journal, written)
    handler.setFormatter(_Plain())
    return handler


def _is_journal(environ: Mapping[str, str]) -> bool:
    """Whether stderr is the journal's stream: JOURNAL_STREAM holds its device and inode (systemd.exec(5))."""
    if sys.stderr is None:
        return False
    try:
        stat = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


def _whole(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Return what a record says, with the request that it is about: who reads words alone can look that up."""
    message, request = _message(formatter, record), about_of(record).request
    if request is None:
        return message
    first, *traceback = message.split("\n", 1)
    return "\n".join([f"{first} [{request}]", *traceback])


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    message = record.getMessage()
    # What came from outside must not begin a line of its own.
    message = "".join(c if c.isprintable() else " " for c in message)
    if record.exc_info:
        message += "\n" + formatter.formatException(record.exc_info)
    return message
