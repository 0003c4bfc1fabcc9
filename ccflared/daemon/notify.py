"""Talks to the service manager: readiness, state in words, the watchdog's sign of life (sd_notify(3))."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """The notification socket, or nothing where there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        micros = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_seconds = int(micros) / 1e6 if self._address and mine and micros.isdigit() else None
        """How often the manager wants to hear from the daemon at the least; None: not at all."""

    def ready(self, status: str) -> None:
        """Say that every listener is bound."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """Say in a sentence how things are; it stands in ``systemctl status``."""
        self._send(f"STATUS={_line(status)}")

    def stopping(self, status: str) -> None:
        """Say that the daemon is on its way out."""
        self._send(f"STOPPING=1\nSTATUS={_line(status)}")

    def alive(self) -> None:
        """Give the watchdog its sign of life."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # An address that begins with @ is in the abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            with suppress(OSError):  # the manager is gone or does not read; the daemon serves all the same
                sender.sendto(message.encode(), address)


def _line(text: str) -> str:
    return " ".join(text.split())
