"""A stage with an OAuth account: a fake issuer, a provider that accepts its tokens alone, and an API-key account."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from issuer import FakeIssuer, oauth_table
from stage import Stage, restaged, toml

from ccflared.demo.provider import FakeProvider
from ccflared.providers.oauth import Grant
from ccflared.store.vault import Vault


@asynccontextmanager
async def placed(
    directory: Path,
    issuer: FakeIssuer,
    tokens: str = "",
    *,
    names: tuple[str, ...] = ("plan",),
    client_id: str | None = "the-operators-own",
    more: str = "",
) -> AsyncIterator[tuple[FakeProvider, int]]:
    """Play issuer and provider until the context ends, with a file for a daemon; yields provider and port.

    The first account, ``plan``, has OAuth tokens: those of the lines ``tokens``. Any other account has an API key.
    """
    provider = FakeProvider(accepts=lambda key: key.startswith("sk-") or issuer.accepts(key))
    async with trio.open_nursery() as nursery:
        port = await nursery.start(issuer.serve)
        upstream = await nursery.start(provider.serve)
        config = directory / "ccflare.toml"
        whole = login_provider(port, client_id) + more
        config.write_text(toml(directory / "state", upstream, names, more=whole, own={"plan": plan(tokens)}))
        config.chmod(0o600)
        yield provider, upstream
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def lasting(
    directory: Path, issuer: FakeIssuer, tokens: str = "", **more: Any
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Stage]]]:
    """Yield what runs one daemon after the other in such a place; ``more`` as for ``placed``."""
    async with placed(directory, issuer, tokens, **more) as (provider, upstream):
        yield lambda: restaged(directory, provider, upstream)


@asynccontextmanager
async def issued(directory: Path, issuer: FakeIssuer, tokens: str = "", **more: Any) -> AsyncIterator[Stage]:
    """Run one daemon in such a place; ``more`` as for ``lasting``."""
    async with lasting(directory, issuer, tokens, **more) as run, run() as stage:
        yield stage


def login_provider(port: int, client_id: str | None = "the-operators-own") -> str:
    """Return a provider with a login of its own, at an issuer on this port."""
    return f'[providers.login]\nauth = "bearer"\n[providers.login.oauth]\n{oauth_table(port, client_id)}\n'


def plan(tokens: str) -> str:
    """Return the lines of an account at that provider."""
    return f'provider = "login"\n# api_key = none\n{tokens}'


def kept(stage: Stage, account: str = "plan") -> Grant | None:
    """Return what tokens.db holds of an account."""
    return Vault(stage.state / "tokens.db").find(account)
