"""The daemon as a process of its own, for tests that send it signals, kill it, or hand it sockets."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio
from stage import toml

from ccflared.demo.provider import FakeProvider
from ccflared.store.requests import recent
from ccflared.store.schema import open_reader
from ccflared.wire import Entry

# Moves the descriptors that a test passes to where a service manager puts them, and says that they are for us.
HAND_IN = (
    "import os, sys, runpy\n"
    "for target, source in enumerate(map(int, sys.argv.pop(1).split(',')), 3): os.dup2(source, target)\n"
    "os.environ['LISTEN_PID'] = str(os.getpid())\n"
    "runpy.run_module('ccflared', run_name='__main__', alter_sys=True)\n"
)


@dataclass
class Daemon:
    """A running `ccflared run` over the fake provider."""

    process: trio.Process
    provider: FakeProvider
    state: Path
    config: Path
    lines: list[str]

    @property
    def port(self) -> int:
        """The port of the first listener, as the log tells it."""
        line = next(line for line in self.lines if "listening on" in line)
        return int(line.partition("listening on ")[2].split()[0].rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def said(self, text: str, *, within: float = 10) -> None:
        """Wait until a line of the log holds ``text``."""
        with trio.fail_after(within):
            while not any(text in line for line in self.lines):
                await trio.sleep(0.01)

    def rows(self) -> list[Entry]:
        """Return the rows in the database, newest first."""
        connection = open_reader(self.state / "ccflared.db")
        try:
            return list(recent(connection, 1000))
        finally:
            connection.close()

    def status(self) -> Any:
        """Return what the control socket answers to /api/status."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.state / "c.sock"))
            control.sendall(b"GET /api/status HTTP/1.0\r\nhost: x\r\n\r\n")
            data = b"".join(iter(lambda: control.recv(65536), b""))
        return json.loads(data.partition(b"\r\n\r\n")[2])


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"}


@asynccontextmanager
async def daemon(
    tmp_path: Path,
    *,
    server: str = "",
    storage: str = "",
    more: str = "",
    command: Sequence[str] = (sys.executable, "-m", "ccflared"),
    environ: dict[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> AsyncIterator[Daemon]:
    """Run the daemon until the context ends; killed then if it still lives."""
    provider = FakeProvider()
    state, config = tmp_path / "state", tmp_path / "ccflare.toml"
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        config.write_text(toml(state, port, ["first", "second"], server=server, storage=storage, more=more))
        config.chmod(0o600)
        process = await trio.lowlevel.open_process(
            [*command, "run", "--config", str(config)],
            stderr=subprocess.PIPE,
            env=environment(tmp_path) | (environ or {}),
            pass_fds=pass_fds,
        )
        running = Daemon(process, provider, state, config, [])
        nursery.start_soon(read_lines, process, running.lines)
        try:
            await running.said("ready:", within=20)
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            nursery.cancel_scope.cancel()


async def read_lines(process: trio.Process, lines: list[str]) -> None:
    """Add each line that a process writes to its standard error output, the unfinished last one included."""
    assert process.stderr is not None
    text = ""
    async for data in process.stderr:
        *whole, text = (text + data.decode()).split("\n")
        lines += whole
    lines += filter(None, [text])


def start(
    config: Path, home: Path, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `ccflared run` where it is expected to end by itself."""
    config.chmod(0o600)
    command = [sys.executable, "-m", "ccflared", "run", "--config", str(config)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment(home) | (environ or {}),
        timeout=20,
        check=False,
    )
