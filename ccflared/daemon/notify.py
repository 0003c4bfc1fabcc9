"""Talks to the service manager: readiness, state in words, the watchdog's sign of life (sd_notify(3))."""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_LONGEST: Final = 480
"""Letters of a status; a line of ``systemctl status`` is cut at the edge of the terminal anyway."""
_PATIENCE: Final = 5.0
"""Seconds that a manager with a full queue is waited for, where it would wait for ever if it missed the word."""


class Notifier:
    """The notification socket, or nothing where there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._said = ""
        micros = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = bool(self._address) and mine and micros.isdigit() and int(micros) > 0
        self.watchdog_seconds = int(micros) / 1e6 if watched else None
        """How often the manager wants to hear from the daemon at the least; None: not at all."""

    @property
    def listens(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Say that every listener is bound, or that a reload is over, whatever came of it."""
        self._say("READY=1", status, seconds=_PATIENCE)

    def reloading(self) -> None:
        """Say that a reload has begun that a signal asked for; ``ready`` must follow.

        Type=notify-reload goes by the time, which tells it that the signal has arrived.
        """
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}", _PATIENCE)

    def status(self, status: str) -> None:
        """Say in a sentence how things are; it stands in ``systemctl status``. Nothing where that was the last word."""
        if _line(status) != self._said:
            self._say("", status)

    def stopping(self, status: str) -> None:
        """Say that the daemon is on its way out."""
        self._say("STOPPING=1", status)

    def patience(self, seconds: float, status: str) -> None:
        """Ask for so many seconds more from now on for the start, or the stop, that is under way, and say why."""
        self._say(f"EXTEND_TIMEOUT_USEC={seconds * 1e6:.0f}", status)

    def alive(self) -> None:
        """Give the watchdog its sign of life."""
        self._send("WATCHDOG=1")

    def _say(self, fact: str, status: str, *, seconds: float = 0.0) -> None:
        line = _line(status)
        if self._send(f"{fact}\nSTATUS={line}".lstrip(), seconds):
            self._said = line

    def _send(self, message: str, seconds: float = 0.0) -> bool:
        """Send, and wait at most ``seconds`` for a manager that does not read. Returns whether it was sent."""
        if not self._address:
            return False
        # An address that begins with @ is in the abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(seconds)
            try:
                sender.sendto(message.encode(), address)
            except OSError:
                return False  # the manager is gone or does not read; the daemon serves all the same
        return True


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
