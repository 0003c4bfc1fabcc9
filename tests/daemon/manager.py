"""A service manager for tests: the socket that the daemon notifies, and what it was told there."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio


class Manager:
    """The notification socket. ``told`` are the messages that came so far, each as a mapping."""

    def __init__(self, path: Path, receiver: socket.socket) -> None:
        self.environ = {"NOTIFY_SOCKET": str(path)}
        self._receiver = receiver
        self._told: list[dict[str, str]] = []

    @property
    def told(self) -> list[dict[str, str]]:
        while True:
            try:
                message = self._receiver.recv(65536).decode()
            except BlockingIOError:
                return self._told
            self._told.append(dict(line.split("=", 1) for line in message.splitlines()))

    @property
    def signs(self) -> int:
        """How many signs of life there were."""
        return sum("WATCHDOG" in message for message in self.told)

    @property
    def statuses(self) -> list[str]:
        return [message["STATUS"] for message in self.told if "STATUS" in message]

    async def hears(
        self, key: str, text: str = "", *, more_than: int = 0, within: float = 10
    ) -> dict[str, str]:
        """Wait for the latest of more than so many messages with a key whose value holds ``text``; return it."""
        with trio.fail_after(within):
            while True:
                found = [message for message in self.told if key in message and text in message[key]]
                if len(found) > more_than:
                    return found[-1]
                await trio.sleep(0.01)


@contextmanager
def manager(directory: Path) -> Iterator[Manager]:
    path = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.setblocking(False)
        yield Manager(path, receiver)
