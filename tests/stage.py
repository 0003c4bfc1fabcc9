"""A stage for tests: a real daemon in this process, real sockets, and the fake provider behind it."""

import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import trio

from ccflared.api.routes import make_api
from ccflared.daemon.main import Running, run
from ccflared.demo.provider import FakeProvider
from ccflared.store.requests import recent
from ccflared.store.schema import open_reader
from ccflared.wire import Entry

QUESTION = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Say hello."}],
}

_CONVERSATIONS = count()


@dataclass(slots=True)
class Stage:
    """What a test has at hand."""

    provider: FakeProvider
    provider_port: int
    running: Running
    config: Path
    state: Path
    signals: trio.MemorySendChannel[int]
    client: httpx.AsyncClient
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """The port of the first listener."""
        return int(self.running.listeners.bound[0].addresses[0].rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, *, stream: bool = False, path: str = "/v1/messages", **more: Any) -> httpx.Response:
        """Send a question and return the whole answer."""
        return await self._ask(self.headers, stream=stream, path=path, **more)

    async def fresh(self, **more: Any) -> httpx.Response:
        """Ask as ``ask`` does, in a conversation that nobody has had before."""
        conversation = {"x-claude-code-session-id": f"fresh-{next(_CONVERSATIONS)}"}
        return await self._ask(self.headers | conversation, **more)

    async def account(self, name: str) -> dict[str, Any]:
        """Return what status says of an account."""
        answer = await self.client.get(self.url + "/api/status", headers=self.headers)
        return next(dict(each) for each in answer.json()["accounts"] if each["name"] == name)

    async def rows(self) -> list[Entry]:
        """Return the rows of the requests made so far, oldest first."""
        while self.running.house.under_way.requests:
            await trio.lowlevel.checkpoint()
        await self.running.house.recorder.settled()
        connection = open_reader(self.state / "ccflared.db")
        try:
            return list(reversed(recent(connection, 1000)))
        finally:
            connection.close()

    async def _ask(
        self, headers: dict[str, str], *, stream: bool = False, path: str = "/v1/messages", **more: Any
    ) -> httpx.Response:
        body = QUESTION | {"stream": stream} | more
        return await self.client.post(self.url + path, json=body, headers=headers)

    def edit(self, text: str) -> None:
        """Replace the configuration file, as an editor does."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)


def accounts(port: int, *names: str, more: str = "", own: Mapping[str, str] | None = None) -> str:
    """Return the TOML of accounts at the fake provider, in descending priority.

    ``own``: further lines of single accounts; a key that stands there takes the place of the usual one, and one behind
    a # leaves it out.
    """
    return "\n".join(
        _account(port, name, position, (own or {}).get(name, more)) for position, name in enumerate(names)
    )


def _account(port: int, name: str, position: int, more: str) -> str:
    usual = {
        "provider": '"anthropic-compatible"',
        "base_url": f'"http://127.0.0.1:{port}"',
        "api_key": f'"sk-{name}"',
        "priority": str(position),
    }
    given = {line.partition("=")[0].strip("# ") for line in more.splitlines()}
    lines = [f"{key} = {value}" for key, value in usual.items() if key not in given]
    return "\n".join([f"[accounts.{name}]", *lines, more])


def toml(
    state: Path,
    port: int,
    names: Sequence[str],
    *,
    server: str = "",
    storage: str = "",
    more: str = "",
    own: Mapping[str, str] | None = None,
) -> str:
    """Return a whole configuration for tests: one listener on a free port, a state directory of its own."""
    listen = "" if "listen" in server else 'listen = "127.0.0.1:0"\n'
    return (
        (f"{more}\n" if more.startswith("include") else "")
        + (
            f'[server]\n{listen}{server}\n[control]\nsocket = "{state}/c.sock"\n'
            f'[storage]\ndirectory = "{state}"\n{storage}\n{accounts(port, *names, own=own)}\n'
        )
        + ("" if more.startswith("include") else more)
    )


@asynccontextmanager
async def staged(
    directory: Path,
    names: Sequence[str] = ("first", "second"),
    *,
    server: str = "",
    storage: str = "",
    more: str = "",
    own: Mapping[str, str] | None = None,
    provider: FakeProvider | None = None,
) -> AsyncIterator[Stage]:
    """Run a daemon over accounts of the fake provider until the context ends; then stop it at once.

    ``PORT`` in what is given stands for the provider's.
    """
    provider = provider or FakeProvider()
    config = directory / "ccflare.toml"
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        text = toml(directory / "state", port, names, server=server, storage=storage, more=more, own=own)
        config.write_text(text.replace("PORT", str(port)))
        config.chmod(0o600)
        async with restaged(directory, provider, port) as stage:
            yield stage
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def restaged(directory: Path, provider: FakeProvider, port: int) -> AsyncIterator[Stage]:
    """Run a daemon with the file and the state that another one has left in this directory."""
    config = directory / "ccflare.toml"
    send, receive = trio.open_memory_channel[int](10)
    async with trio.open_nursery() as nursery:
        environ = {"HOME": str(directory)}
        running = await nursery.start(partial(run, config, environ, make_api, signals=receive))
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            yield Stage(provider, port, running, config, directory / "state", send, client)
        nursery.cancel_scope.cancel()


def events(body: bytes) -> list[dict[str, Any]]:
    """Return the data of the events of a stream."""
    lines = [line for line in body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
