"""The tokens of OAuth accounts: their owner. Gives each request the token in force, and has one renewed where it must.

Renewing itself is in renewing.py. Two laws. A new pair is durable before anybody uses it: an issuer that rotates
takes the old one back for good once the new one was used. And who may refresh is one task for each account.
"""

import random
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import time
from typing import Final, Literal, TypeVar

import trio

from ccflared.errors import Refused
from ccflared.providers.oauth import Grant, Seed, TokenPair, in_force
from ccflared.providers.target import Target, Unfit
from ccflared.secret import Secret
from ccflared.store.trouble import sentence
from ccflared.store.vault import Vault
from ccflared.wire import Observation

T = TypeVar("T")

MARGIN: Final = 1800.0
"""Seconds before its end at which a token is renewed; of a short-lived one, a quarter of its life."""
PATIENCE: Final = 15.0
"""Seconds for which a request waits for a token to be renewed."""
FORCED_APART: Final = 60.0
"""Seconds between renewals that a 401 asks for: an upstream that refuses a new token, too, means something else."""
_NEARLY: Final = 5.0
_CALLED: Final = 64

ProblemKind = Literal["revoked", "client", "endpoint", "temporary", "disk"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps tokens from being renewed, and since when by the wall clock."""

    kind: ProblemKind
    reason: str
    since: float


@dataclass(slots=True, eq=False)
class Held:
    """One account's grant in memory, and what goes on around it."""

    grant: Grant
    asked: trio.Event = field(default_factory=trio.Event)
    """Set by whoever needs a new token now."""
    tried: trio.Event = field(default_factory=trio.Event)
    """Set, and made anew, after each try."""
    problem: Problem | None = None
    failures: int = 0
    not_before: float = float("-inf")
    """Trio's time of the next try at the earliest."""
    renewed_at: float = float("-inf")
    """Trio's time of the last renewal."""
    unsaved: Grant | None = None
    """A rotated pair that could not be written yet: nobody uses it before it is."""
    early: float = field(default_factory=lambda: random.uniform(0.8, 1.2))  # noqa: S311 - spreads, hides nothing

    def usable(self, now: float) -> bool:
        """Whether the access token still holds."""
        pair = self.grant.pair
        if pair is None or pair.access is None:
            return False
        lifetime = pair.lifetime
        nearly = _NEARLY if lifetime is None else min(_NEARLY, lifetime / 10)
        return pair.expires_at is None or now < pair.expires_at - nearly

    def due_at(self) -> float:
        """Return the wall-clock time at which it shall be renewed; infinity: when somebody asks."""
        pair = self.grant.pair
        if self.unsaved is not None:
            return 0.0
        if pair is None or pair.refresh is None or self.grant.refused is not None:
            return float("inf")
        if pair.access is None or self.grant.spending is not None:
            return 0.0  # an exchange was interrupted: the sooner it is repeated, the more issuers let it pass
        if pair.expires_at is None:
            return float("inf")
        lifetime = pair.lifetime
        margin = MARGIN if lifetime is None else min(MARGIN, lifetime / 4)
        return pair.expires_at - margin * self.early


class Custody:
    """See the module. Called from Trio's thread."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._kept: dict[str, Grant] = {}
        self._held: dict[str, Held] = {}
        self._locks: dict[str, trio.Lock] = {}
        """Who changes an account's tokens holds its lock; it outlives what a reload replaces."""
        self._disk = trio.CapacityLimiter(1)
        self._called: dict[str, str] = {}
        """By a name of before, what an account is called now."""
        self.trouble: str | None = None
        """Why the vault could not be read."""
        self.changed: Callable[[str], None] = lambda _: None
        """Called with an account whose grant was replaced, refused or given up."""
        self.adopted = trio.Event()
        """Set, and made anew, when other accounts are held than before."""

    async def open(self) -> None:
        """Read what is kept. What cannot be read is told by ``trouble``, and the accounts that need it stand still."""
        kept = await self.on_disk(self._vault.load)
        if isinstance(kept, str):
            self.trouble = kept
        else:
            self.trouble, self._kept = None, kept

    def grant(self, account: str, seed: Seed, formerly: str | None = None) -> Grant | str | None:
        """Return the grant that counts for an account whose file gives ``seed``; for building a world.

        ``formerly``: the name under which its tokens are still kept. A str: nobody knows, because what is kept cannot
        be read; a seed that was rotated since would be worthless.
        """
        if self.trouble is not None and (seed.pair is None or seed.pair.refresh is not None):
            return self.trouble
        kept = self._kept.get(formerly or account)
        if formerly is not None and kept is not None:
            kept = replace(kept, account=account)
        return in_force(account, kept, seed)

    def adopt(self, targets: Mapping[str, Target | Unfit]) -> None:
        """Hold the grants of the world in force, and no others. What is newer here stays."""
        wanted = {
            name: target.grant
            for name, target in targets.items()
            if isinstance(target, Target) and target.grant is not None
        }
        for name in self._held.keys() - wanted.keys():
            del self._held[name]
        for name, built_with in wanted.items():
            held, grant = self._held.get(name), self.latest(built_with)
            if held is None or held.grant.id != grant.id or held.grant.refused:
                self._held[name] = Held(grant)
        self.adopted.set()
        self.adopted = trio.Event()

    def latest(self, grant: Grant) -> Grant:
        """Return the grant as it stands after its last rotation."""
        kept = self._kept.get(grant.account)
        return kept if kept is not None and kept.id == grant.id else grant

    def lock(self, account: str) -> trio.Lock:
        """Return the lock under which an account's tokens are changed."""
        return self._locks.setdefault(account, trio.Lock())

    def held(self, account: str) -> Held | None:
        """Return what is held of an account; None where nothing of it has to be renewed."""
        return self._held.get(account)

    def _held_by(self, target: Target) -> Held | None:
        """Return what is held of a target's account, which may have got another name since it was built."""
        name = target.account
        return self._held.get(name) or self._held.get(self._called.get(name, name))

    @property
    def known(self) -> set[str]:
        """The accounts of which tokens are kept, in the file or not."""
        return set(self._kept)

    @property
    def accounts(self) -> set[str]:
        """The accounts whose tokens have to be renewed."""
        return set(self._held)

    async def armed(self, target: Target) -> Target | Observation:
        """Return a target with the credential that is in force. An Observation: there is none now.

        Waits for a renewal where the token has ended, for ``PATIENCE`` at the most.
        """
        if target.grant is None:
            ended = target.ends_at is not None and target.ends_at <= time()
            return Observation("account", "token", _ENDED) if ended else target
        held = self._held_by(target)
        if held is None:
            return Observation("account", "token", "it is logged out")
        if not held.usable(time()):
            await self._renewal(held)
        if not held.usable(time()):
            why = f": {held.problem.reason}" if held.problem else ""
            return Observation("account", "token", f"its token has ended and was not renewed{why}")
        return _with(target, held)

    def hidden(self, target: Target) -> Callable[[str], str]:
        """Return what takes the account's secrets, the tokens of now among them, out of a sentence."""
        held = self._held_by(target)
        return (target if held is None else _with(target, held)).without_secrets

    async def renewed(self, target: Target, rejected: Secret | None) -> bool:
        """After a 401 for the token ``rejected``: whether there is another by now, renewed if need be."""
        held = self._held_by(target)
        if held is None:
            return False
        if _access(held) == rejected:
            if trio.current_time() < held.renewed_at + FORCED_APART:
                return False
            await self._renewal(held)
        return _access(held) not in (None, rejected) and held.usable(time())

    async def install(self, account: str, seed: str, pair: TokenPair) -> None:
        """Put the tokens of a login in force, durable first. Raises Refused where they cannot be kept."""
        await self._replace(Grant(account, secrets.token_hex(6), seed, pair, refreshed_at=time()))

    async def log_out(self, account: str, seed: str) -> None:
        """Forget the tokens of an account; those that the file gives count no more either, until they change."""
        await self._replace(Grant(account, "", seed, None))

    async def forget(self, account: str) -> None:
        """Erase all that is kept of an account that is removed. Raises Refused where it cannot be erased."""
        async with self.lock(account):
            problem = await self.on_disk(partial(self._vault.erase, account))
            if isinstance(problem, str):
                raise Refused(f"the tokens of {account} cannot be erased: {problem}")
            self._kept.pop(account, None)
            self._held.pop(account, None)

    def id_of(self, account: str) -> str | None:
        """Return which tokens are kept of an account, by their id."""
        kept = self._kept.get(account)
        return kept.id if kept is not None else None

    def rename(self, old: str, new: str, replaces: str | None) -> None:
        """Let an account's tokens follow it to its new name, in memory; who calls holds the locks of both.

        :meth:`carry` moves what is kept on disk, by the same rules. Requests that know the account by its old name go
        on.
        """
        if self.id_of(new) == replaces:
            self._kept.pop(new, None)
        if (kept := self._kept.pop(old, None)) is not None:
            self._kept.setdefault(new, replace(kept, account=new))
        if (held := self._held.pop(old, None)) is not None:
            held.grant = replace(held.grant, account=new)
            if held.unsaved is not None:
                held.unsaved = replace(held.unsaved, account=new)
            self._held[new] = held
        self._called = {was: new if now == old else now for was, now in self._called.items()}
        self._called[old] = new
        while len(self._called) > _CALLED:
            del self._called[next(iter(self._called))]

    async def carry(self, old: str, new: str, replaces: str | None) -> str | None:
        """Move what is kept on disk of an account. A sentence: it could not be, and is to be done again."""
        problem = await self.on_disk(partial(self._vault.rename, old, new, replaces=replaces))
        return problem if isinstance(problem, str) else None

    async def save(self, grant: Grant) -> str | None:
        """Write a grant; it is durable when this returns None. A sentence: it could not be written."""
        problem = await self.on_disk(partial(self._vault.save, grant, time()))
        if isinstance(problem, str):
            return problem
        self._kept[grant.account] = grant
        return None

    async def stored(self, account: str) -> Grant | None:
        """Read anew what is kept of an account: another process may have logged in."""
        found = await self.on_disk(partial(self._vault.find, account))
        return None if isinstance(found, str) else found

    async def on_disk(self, work: Callable[[], T]) -> T | str:
        """Do something with the vault in a thread, to its end. A str is the sentence of what went wrong."""
        try:
            return await trio.to_thread.run_sync(work, limiter=self._disk)
        except (sqlite3.Error, OSError, Refused) as error:
            return sentence(error, self._vault.path)

    async def _replace(self, grant: Grant) -> None:
        async with self.lock(grant.account):
            if problem := await self.save(grant):
                raise Refused(f"the tokens of {grant.account} cannot be kept: {problem}")
            self._held.pop(grant.account, None)
        self.changed(grant.account)

    async def _renewal(self, held: Held) -> None:
        """Ask for a renewal and wait for the next try to end, unless it has to wait itself."""
        if trio.current_time() < held.not_before or held.grant.refused:
            return
        tried = held.tried
        held.asked.set()
        with trio.move_on_after(PATIENCE):
            await tried.wait()


_ENDED: Final = "its token has ended, and whoever keeps it has not renewed it"


def _access(held: Held) -> Secret | None:
    return held.grant.pair.access if held.grant.pair else None


def _with(target: Target, held: Held) -> Target:
    return replace(target, credential=_access(held))
