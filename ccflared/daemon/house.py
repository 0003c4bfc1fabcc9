"""What lives as long as the daemon: the world in force, what was learnt of the accounts, and who is running.

One owner per mutable thing, and this is the owner; everything else asks here. All of it is called from Trio's
thread, and no change here awaits, so each call sees and leaves a whole state.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache

import trio

from ccflared.daemon.recorder import Recorder
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.world import World
from ccflared.pool.route import Candidate, Plan, plan
from ccflared.pool.states import Standing, View, after, after_success, view
from ccflared.providers.target import Target
from ccflared.wire import Inbound, Observation

log = logging.getLogger("ccflared.accounts")


class House:
    """The daemon's state in memory."""

    def __init__(self, world: World, recorder: Recorder, upstream: Upstream, started_at: float) -> None:
        self.world = world
        self.recorder = recorder
        self.upstream = upstream
        self.started_at = started_at
        self.draining = False
        self.running: Counter[str] = Counter()
        """Tries under way, by account."""
        self.last_used: dict[str, float] = {}
        """Wall-clock time of the last success, by account."""
        self._standings: dict[str, Standing] = {}
        self._requests: set[str] = set()
        self._empty = trio.Event()

    def move(self, world: World) -> None:
        """Swap in a new world. What was learnt of an account stays while provider, place and credential do."""
        self.world = world
        self._standings = {name: known for name, known in self._standings.items() if name in world.targets}
        self.upstream.close_idle()

    @property
    def requests(self) -> int:
        """How many requests are being served."""
        return len(self._requests)

    @contextmanager
    def counted(self, request: str) -> Iterator[None]:
        """Count a request as running while the context lasts."""
        self._requests.add(request)
        try:
            yield
        finally:
            self._requests.discard(request)
            if not self._requests:
                self._empty.set()

    async def emptied(self) -> None:
        """Wait until no request is running."""
        while self._requests:
            self._empty = trio.Event()
            await self._empty.wait()

    @contextmanager
    def trying(self, account: str) -> Iterator[None]:
        """Count a try at an account while the context lasts."""
        self.running[account] += 1
        try:
            yield
        finally:
            self.running[account] -= 1

    def view(self, target: Target, now: float) -> View:
        """Say in which state an account is."""
        return view(self._standing(target), now)

    def fitting(self, world: World, inbound: Inbound) -> Iterator[Target]:
        """Yield the accounts that may serve a request by the file's rules, in the order of the file."""
        client = world.config.clients.get(inbound.client) if inbound.client is not None else None
        allowed = client.accounts if client else ("*",)
        for name, target in world.targets.items():
            wanted = world.config.accounts[name].pool if inbound.pin is None else name == inbound.pin
            if isinstance(target, Target) and wanted and any(fnmatchcase(name, p) for p in allowed):
                yield target

    def plan(self, world: World, inbound: Inbound, now: float) -> Plan:
        """Choose the accounts for a request, best first."""
        return self._plan(world, self.fitting(world, inbound), now)

    def preview(self, now: float) -> Plan:
        """Say how the router would choose for a request that any account may serve."""
        world = self.world
        targets = (
            target
            for name, target in world.targets.items()
            if isinstance(target, Target) and world.config.accounts[name].pool
        )
        return self._plan(world, targets, now)

    def failed(self, target: Target, seen: Observation, now: float) -> None:
        """Take in that an account failed."""
        if self._outdated(target):
            return
        before = self._standing(target)
        seen = replace(seen, reason=target.without_secrets(seen.reason))
        standing = after(before, seen, now, self.world.config.routing)
        self._standings[target.account] = standing
        _tell(target.account, view(before, now), view(standing, now), now)

    def succeeded(self, target: Target, began: float) -> None:
        """Take in that an account answered a try begun at ``began``."""
        if self._outdated(target):
            return
        self.last_used[target.account] = began
        known = self._standing(target)
        settled = after_success(known, began)
        if settled is not known:
            self._standings[target.account] = settled
            _tell(target.account, view(known, began), view(settled, began), began)

    def reset(self, account: str) -> None:
        """Forget what was learnt of an account. No checkpoint lies between this and the next plan."""
        self._standings.pop(account, None)

    def _plan(self, world: World, targets: Iterator[Target], now: float) -> Plan:
        accounts = world.config.accounts
        return plan(
            (
                Candidate(target.account, accounts[target.account].priority, self._standing(target))
                for target in targets
            ),
            now,
        )

    def _outdated(self, target: Target) -> bool:
        """Whether a reload has changed the account since: what an old request learns no longer concerns it."""
        current = self.world.targets.get(target.account)
        return not isinstance(current, Target) or current.fingerprint != target.fingerprint

    def _standing(self, target: Target) -> Standing:
        known = self._standings.get(target.account)
        if known is None or known.fingerprint != target.fingerprint:
            # Not kept: a request of an older configuration must not wipe out what was learnt since.
            return _unknown(target.fingerprint)
        return known


@lru_cache(maxsize=256)
def _unknown(fingerprint: str) -> Standing:
    """Return the standing of an account of which nothing was learnt. Frozen, so that one serves all requests."""
    return Standing(fingerprint)


def _tell(account: str, before: View, after_: View, now: float) -> None:
    """Log a change of an account's state; the same state for another reason is no news."""
    if before.state == after_.state:
        return
    if after_.state == "ready":
        log.info("account %s is ready again", account)
        return
    until = "" if after_.until is None else f" for {after_.until - now:.0f} s"
    level = logging.INFO if after_.state == "doubtful" else logging.WARNING
    log.log(level, "account %s is %s%s: %s", account, after_.state, until, after_.reason)
