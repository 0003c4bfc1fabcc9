"""Where log lines go: stderr, as text on a terminal, with journald's priorities under systemd, or as JSON."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from time import gmtime, strftime
from typing import Final

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
    root.handlers[:] = [handler]
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
