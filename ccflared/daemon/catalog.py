"""Which models each account's provider lists: asked when a client wants to know, at most once an hour and account.

Clients wait three seconds for a list and no longer, so a provider that is slow is left out for this once: what it told
before counts meanwhile. Nothing of it says anything about an account.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import time
from typing import Final

import trio

from ccflared import __version__
from ccflared.config.model import Routing
from ccflared.daemon.custody import Custody
from ccflared.daemon.paths import MODELS
from ccflared.daemon.upstream import Upstream
from ccflared.errors import UpstreamError
from ccflared.formats.model_list import Listed, read_list
from ccflared.providers.prepare import prepare
from ccflared.providers.target import Target
from ccflared.wire import Inbound, Observation

_FRESH: Final = 3600.0
_AGAIN: Final = 60.0
"""Seconds after which a provider is asked again that did not answer."""
_WITHIN: Final = 2.0
_LONGEST: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class _Known:
    """What an account's provider listed. ``due``: Trio's time at which it is asked again."""

    fingerprint: str
    models: tuple[Listed, ...] = ()
    names: frozenset[str] = frozenset()
    due: float = 0.0
    told: float = 0.0
    """Wall-clock time of the list."""
    asking: trio.Event | None = None


class Catalog:
    """The owner of those lists. Of any number of clients that want to know at once, one has the question asked."""

    def __init__(self, upstream: Upstream, custody: Custody) -> None:
        self._upstream = upstream
        self._custody = custody
        self._known: dict[str, _Known] = {}

    def __contains__(self, name: object) -> bool:
        """Whether any provider has listed a model of this name."""
        return any(name in known.names for known in self._known.values())

    async def listed(
        self, targets: Collection[Target], accounts: Collection[str], routing: Routing
    ) -> Mapping[str, tuple[Listed, ...]]:
        """Ask the providers of ``targets`` and return what is listed, by account; of others, what they told before.

        ``accounts``: all that there are.
        """
        for gone in self._known.keys() - set(accounts):
            del self._known[gone]
        with trio.move_on_after(_WITHIN):
            async with trio.open_nursery() as nursery:
                for target in targets:
                    nursery.start_soon(self._ask, target, routing)
        return {account: known.models for account, known in self._known.items()}

    def outdate(self) -> None:
        """Let lists count as old already, but for those that were asked for within the last minute."""
        for known in self._known.values():
            if known.due > trio.current_time() + _AGAIN:
                known.due += _AGAIN - _FRESH

    def known(self, account: str) -> tuple[Listed, ...]:
        """Return what the provider of an account has listed so far; it is not asked for it."""
        known = self._known.get(account)
        return () if known is None else known.models

    def told_since(self, target: Target, at: float) -> bool:
        """Whether a provider has listed its models after ``at``, a wall-clock time."""
        known = self._known.get(target.account)
        return known is not None and known.told >= at

    def _of(self, target: Target) -> _Known:
        known = self._known.get(target.account)
        if known is None or known.fingerprint != target.fingerprint:
            known = self._known[target.account] = _Known(target.fingerprint)
        return known

    async def _ask(self, target: Target, routing: Routing) -> None:
        known = self._of(target)
        while known.asking is not None:
            await known.asking.wait()
        began = trio.current_time()
        if began < known.due:
            return
        known.asking = trio.Event()
        known.due = began + _AGAIN
        try:
            models = await self._question(target, routing)
            if models is not None:
                known.models, known.due = models, trio.current_time() + _FRESH
                known.told = time()
                known.names = frozenset(model.id for model in models)
        except trio.Cancelled:
            if trio.current_time() < began + _WITHIN:
                known.due = 0.0  # who asked has left; whoever waits for it asks instead
            raise
        finally:
            known.asking.set()
            known.asking = None

    async def _question(self, target: Target, routing: Routing) -> tuple[Listed, ...] | None:
        """Return what a provider lists; None where it does not tell."""
        armed = await self._custody.armed(target)
        if isinstance(armed, Observation):
            return None
        agent = (b"user-agent", f"ccflared/{__version__}".encode())
        query = b"limit=1000" if target.dialect == "anthropic" else b""
        inbound = Inbound("", time(), "GET", MODELS, query, (agent,), b"", client=None, administers=False)
        try:
            answer = await self._upstream.send(
                prepare(inbound, armed),
                armed,
                connect_seconds=routing.connect_timeout,
                silent_seconds=_WITHIN,
            )
            with answer:
                body = b"" if answer.head.status != 200 else await answer.read(_LONGEST, _WITHIN)
                return read_list(body) if body else None
        except UpstreamError:
            return None
