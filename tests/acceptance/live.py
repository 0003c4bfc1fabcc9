"""The stage of the acceptance tests: the daemon as its own process, as a person starts it, before a fake provider."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trio
from stage import toml

from ccflared.demo.provider import FakeProvider, Seen
from ccflared.store.requests import recent
from ccflared.store.schema import open_reader
from ccflared.wire import Entry

READY_SECONDS = 30.0
STOP_SECONDS = 15.0
WRITTEN_SECONDS = 10.0
RESTED_SECONDS = 15.0

COMMAND = Path(sys.prefix, "bin", "ccflared")
ROOT = Path(__file__).parents[2]

NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody runs: what a client sends anywhere but to loopback ends there."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What an agent's program came to. ``text`` is what it answered, ``error`` what it told on the way."""

    code: int
    text: str
    error: str
    seconds: float


@dataclass(slots=True)
class Live:
    """A running daemon and the provider behind it."""

    provider: FakeProvider
    process: trio.Process
    config: Path
    state: Path
    port: int
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def keys(self) -> list[str | None]:
        """The credentials that the provider saw, in order."""
        return [seen.key for seen in self.provider.seen]

    async def rows(self) -> list[Entry]:
        """Stop the daemon as a service manager does, and return what it wrote down, oldest first."""
        self.process.send_signal(signal.SIGTERM)
        with trio.fail_after(STOP_SECONDS):
            await self.process.wait()
        assert self.process.returncode == 0, self.log
        assert not [line for line in self.log if "fault of ccflared" in line or "Traceback" in line], self.log
        return self._rows()

    async def written(self, count: int) -> list[Entry]:
        """Return the first ``count`` rows, oldest first, as soon as they are written; the daemon goes on."""
        with trio.fail_after(WRITTEN_SECONDS):
            while len(rows := self._rows()) < count:
                # To ask the daemon takes long enough, and shows that it is still there.
                await self.states()
        return rows[:count]

    async def command(self, *words: str) -> str:
        """Run ``ccflared`` with these words as its user does, and return what it prints. Its exit code must be 0."""
        done = await trio.run_process(
            [str(COMMAND), *words, "--config", str(self.config)],
            env=environment(self.config.parent, PYTHONPATH=str(ROOT)),
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout.decode(), done.stderr.decode())
        return done.stdout.decode()

    async def states(self) -> dict[str, str]:
        """Return the state of each account, as ``ccflared status`` tells it."""
        accounts = json.loads(await self.command("status", "--json"))["accounts"]
        return {account["name"]: account["state"] for account in accounts}

    async def rested(self, name: str) -> None:
        """Wait until the rest of an account is over."""
        with trio.fail_after(RESTED_SECONDS):
            while (await self.states())[name] == "resting":
                pass

    def _rows(self) -> list[Entry]:
        with closing(open_reader(self.state / "ccflared.db")) as connection:
            return list(reversed(recent(connection, 1000)))


@asynccontextmanager
async def live(
    directory: Path,
    names: Sequence[str] = ("first", "second"),
    *,
    server: str = "",
    more: str = "",
    own: Mapping[str, str] | None = None,
    provider: FakeProvider | None = None,
) -> AsyncIterator[Live]:
    """Run ``ccflared run`` on a free port, over accounts of the fake provider, until the context ends.

    The account NAME has the key ``sk-NAME``; priorities fall in the order of the names. ``own``: further lines of
    single accounts. ``PORT`` in what is given stands for the provider's.
    """

    def text(port: int) -> str:
        return toml(directory / "state", port, names, server=server, more=more, own=own)

    async with started(directory, text, provider=provider) as scene:
        yield scene


@asynccontextmanager
async def started(
    directory: Path,
    text: Callable[[int], str],
    *,
    provider: FakeProvider | None = None,
    command: Sequence[str] = (str(COMMAND),),
    environ: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> AsyncIterator[Live]:
    """Run ``ccflared run`` with this file, given the provider's port, until the context ends.

    The state has to be in ``state`` of the directory. Without a listener on loopback the port is 0.
    """
    provider = provider or FakeProvider()
    config = directory / "ccflare.toml"
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        config.write_text(text(port).replace("PORT", str(port)))
        config.chmod(0o600)
        process = await trio.lowlevel.open_process(
            [*command, "run", "--config", str(config)],
            env=environment(directory, PYTHONPATH=str(ROOT)) | dict(environ or {}),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        scene = Live(provider, process, config, directory / "state", 0)
        try:
            with trio.fail_after(READY_SECONDS):
                scene.port = await nursery.start(partial(_listen, process, scene.log))
            yield scene
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            nursery.cancel_scope.cancel()


async def _listen(
    process: trio.Process, log: list[str], *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Gather the daemon's log; started with the port it listens on, once it says that it is ready."""
    assert process.stderr is not None
    rest, port, started = "", 0, False
    async for data in process.stderr:
        *lines, rest = (rest + data.decode()).split("\n")
        log += lines
        for line in lines:
            if " listening on 127.0.0.1:" in line:
                port = int(line.rpartition(":")[2])
            elif " ready: " in line:
                started = True
                task_status.started(port)
    assert started, f"the daemon did not become ready: {log}"


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a program that must know nothing of this machine's user, nor of any network."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
    } | more


def kinds(row: Entry) -> list[tuple[str, str]]:
    """Return of each try of a request the account and what came of it."""
    return [(attempt.account, attempt.kind) for attempt in row.attempts]


def asked(seen: Seen) -> dict[str, Any]:
    """Return the JSON body of a request that the provider saw."""
    parsed = json.loads(seen.body)
    assert isinstance(parsed, dict)
    return parsed


def traces(seen: Seen, word: str) -> bool:
    """Whether a word stands anywhere in a request that the provider saw."""
    needle = word.encode().lower()
    fields: Mapping[bytes, bytes] = dict(seen.headers)
    return needle in (seen.target.encode() + b"".join(fields) + b"".join(fields.values()) + seen.body).lower()
