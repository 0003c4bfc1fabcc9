"""What stands for systemd's journal: its socket, and what comes of the datagrams that are sent there."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Fields = dict[str, str]


class Receiver:
    """A datagram socket at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    def entries(self) -> list[Fields]:
        """Return what has come since the last time, an entry for each datagram."""
        found = []
        while True:
            try:
                found.append(read(self.socket.recv(1 << 20)))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self.socket.close()
        self.path.unlink()


@contextmanager
def journal(path: Path) -> Iterator[Receiver]:
    """Listen at ``path`` as the journal does at its own."""
    receiver = Receiver(path)
    try:
        yield receiver
    finally:
        receiver.close()


def read(data: bytes) -> Fields:
    """Read an entry as sd-journal's native protocol has it."""
    fields = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(data[:8], "little")
            value, end, data = data[8 : 8 + size], data[8 + size : 9 + size], data[9 + size :]
            assert end == b"\n"
        assert name.decode() not in fields
        fields[name.decode()] = value.decode()
    return fields
