"""ccflared as a process: on a pseudo-terminal, or into pipes."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

COMMAND = (sys.executable, "-m", "ccflared")
NOTHING: Mapping[str, str] = {}


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC", **more}


@dataclass
class Screen:
    """A process on a pseudo-terminal, and what it has written to it."""

    process: subprocess.Popen[bytes]
    terminal: int
    written: bytes = b""
    deadline: float = field(default_factory=lambda: time.monotonic() + 20)

    def until(self, seen: Callable[[str], bool]) -> str:
        """Read until what was written satisfies ``seen`` (or the process has ended)."""
        while not seen(self.written.decode(errors="replace")):
            assert time.monotonic() < self.deadline, self.written
            if select.select([self.terminal], [], [], 0.05)[0]:
                try:
                    self.written += os.read(self.terminal, 65536)
                except OSError:  # Linux reports the end of the other side so
                    break
        return self.written.decode()

    def type_in(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        ioctl(self.terminal, TIOCSWINSZ, pack("HHHH", lines, columns, 0, 0))

    def ended(self) -> int:
        """Read to the end; return the exit code."""
        self.until(lambda _: False)
        return self.process.wait(10)


@contextmanager
def on_a_terminal(
    *words: object,
    columns: int = 80,
    lines: int = 60,
    more: Mapping[str, str] = NOTHING,
    cwd: Path | None = None,
) -> Iterator[Screen]:
    """Run ccflared on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(**more),
        start_new_session=True,
        cwd=cwd,
    )
    os.close(theirs)
    try:
        yield Screen(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def run(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
