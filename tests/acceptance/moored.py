"""A directory that a container is given: its configuration, secrets and state, before the fake provider."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trio
from stage import QUESTION, accounts, free_port

from acceptance.engine import UID, Container
from ccflared.demo.provider import FakeProvider

KEY, TOKEN = "client-key-of-the-laptop", "token-of-the-admin"


@dataclass(frozen=True, slots=True)
class Site:
    """A directory with the configuration and the secrets of a container, the fake provider, and a port."""

    directory: Path
    provider: FakeProvider
    provider_port: int
    port: int

    @property
    def config(self) -> Path:
        return self.directory / "config"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def text(self, *names: str, listen: str = "0.0.0.0", server: str = "") -> str:
        return (
            f'[server]\nlisten = "{listen}:{self.port}"\n{server}\n'
            '[admin]\ntoken = { file = "/run/secrets/ccflared/admin" }\n'
            '[clients.laptop]\nkey = { file = "/run/secrets/ccflared/laptop" }\n'
            + accounts(self.provider_port, *names)
        )

    def write(self, text: str, name: str = "ccflare.toml") -> None:
        """Replace the file, as an editor does."""
        new = self.config / f"{name}.new"
        new.write_text(text)
        os.chown(new, UID, UID)
        new.chmod(0o600)
        new.replace(self.config / name)

    def mounts(self) -> list[str]:
        return [
            *("--volume", f"{self.config}:/etc/ccflared:ro"),
            *("--volume", f"{self.directory}/secrets:/run/secrets/ccflared:ro"),
            *("--volume", f"{self.directory}/state:/var/lib/ccflared"),
        ]

    async def ask(self) -> httpx.Response:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            return await client.post(
                self.url + "/v1/messages", json=QUESTION | {"stream": True}, headers={"x-api-key": KEY}
            )


@asynccontextmanager
async def site(directory: Path) -> AsyncIterator[Site]:
    for path in (directory, *directory.parents[:2]):
        path.chmod(path.stat().st_mode | 0o011)
    async with trio.open_nursery() as nursery:
        provider = FakeProvider()
        made = Site(directory, provider, await nursery.start(provider.serve), free_port())
        for name in ("config", "secrets", "state"):
            (directory / name).mkdir()
        for name, value in (("laptop", KEY), ("admin", TOKEN)):
            (directory / "secrets" / name).write_text(value + "\n")
        made.write(made.text("first"))
        for path in directory.rglob("*"):
            os.chown(path, UID, UID)
        yield made
        nursery.cancel_scope.cancel()


async def aside(call: object, *given: object) -> object:
    assert callable(call)
    return await trio.to_thread.run_sync(lambda: call(*given))


def status(container: Container) -> dict[str, object]:
    got = container.command("ccflared", "status", "--json")
    told = json.loads(got.stdout)
    assert isinstance(told, dict)
    return told


async def until_accounts(container: Container, *names: str) -> None:
    """Wait until these are the accounts in force."""
    with trio.fail_after(15):
        while True:
            told = await trio.to_thread.run_sync(status, container)
            known = told["accounts"]
            assert isinstance(known, list)
            if [each["name"] for each in known] == list(names):
                return
            await trio.sleep(0.1)
