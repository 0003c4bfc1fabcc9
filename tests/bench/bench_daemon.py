"""The daemon as a process of its own, for measuring: started over given upstreams, looked at from outside.

Nothing here is part of a figure's path: the process is the real ``ccflared run``, its memory, descriptors and
processor time are read from /proc, its own view from the control socket.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """A process whose use of the machine is read from /proc."""

    pid: int

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss(self) -> int:
        """Resident memory in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def descriptors(self) -> int:
        """How many file descriptors are open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def threads(self) -> int:
        """How many threads it has."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("Threads:")[2].split()[0])


@dataclass(frozen=True)
class Daemon(Measured):
    """A running daemon."""

    port: int
    directory: Path
    """Its configuration, log and state stand here."""
    start_seconds: float
    """From the start of the process until its port was open."""

    @property
    def database(self) -> Path:
        return self.directory / "state" / "ccflared.db"

    def log(self) -> str:
        """Return what it has logged."""
        return (self.directory / "log").read_text()

    def ask(self, request: str = "GET /api/status") -> Any:
        """Return what the control socket answers, read as JSON."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(20)
            control.connect(str(self.directory / "c.sock"))
            control.sendall(f"{request} HTTP/1.0\r\nhost: x\r\n\r\n".encode())
            data = b"".join(iter(lambda: control.recv(65536), b""))
        return json.loads(data.partition(b"\r\n\r\n")[2])


def configuration(
    directory: Path,
    port: int,
    upstream: int,
    names: Sequence[str],
    *,
    more: str = "",
    server: str = "",
    storage: str = "",
) -> str:
    """Return the TOML of a daemon on ``port`` with accounts at the upstream port, in descending priority."""
    accounts = "".join(
        f'[accounts.{name}]\nprovider = "anthropic-compatible"\nbase_url = "http://127.0.0.1:{upstream}"\n'
        f'api_key = "sk-{name}"\npriority = {priority}\n'
        for priority, name in enumerate(names)
    )
    return (
        f'[server]\nlisten = "127.0.0.1:{port}"\n{server}\n[control]\nsocket = "{directory}/c.sock"\n'
        f'[storage]\ndirectory = "{directory}/state"\n{storage}\n{accounts}{more}'
    )


@contextmanager
def daemon(
    directory: Path,
    upstream: int,
    names: Sequence[str],
    *,
    more: str = "",
    server: str = "",
    storage: str = "",
    core: int | None = None,
    source: Path | None = None,
) -> Iterator[Daemon]:
    """Run the daemon until the context ends, then stop it as a service manager does.

    ``core``: the one processor core it may use. ``source``: a directory with another version of the package.
    """
    port = free_port()
    config = directory / "ccflare.toml"
    config.write_text(
        configuration(directory, port, upstream, names, more=more, server=server, storage=storage)
    )
    config.chmod(0o600)
    command = [*pinned(core), sys.executable, "-m", "ccflared", "run", "--config", str(config)]
    environ = {"HOME": str(directory), "PATH": os.environ["PATH"]}
    if source is not None:
        environ["PYTHONPATH"] = str(source.resolve())
    began = time.monotonic()
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, env=environ, cwd=directory)
    try:
        until_open(process, port)
        yield Daemon(process.pid, port, directory, time.monotonic() - began)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def pinned(core: int | None) -> list[str]:
    """Return what a command line begins with that keeps a process to one core; nothing without one."""
    return [] if core is None else ["taskset", "-c", str(core)]


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_open(process: subprocess.Popen[bytes], port: int, seconds: float = 30.0) -> None:
    """Wait until a process listens on ``port``; ends the program if it does not come to that."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit("the process did not open its port")
