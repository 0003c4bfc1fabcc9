"""The tokens of OAuth accounts: their owner. Gives each request the token in force, and has one renewed where it must.

Renewing itself is in renewing.py. Two laws. A new pair is durable before anybody uses it: an issuer that rotates
takes the old one back for good once the new one was used. And who may renew is one task for each account.
"""

import random
import secrets
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import time
from typing import Final, Literal, TypeVar

import trio

from ccflared.config.model import OAuth
from ccflared.errors import Refused
from ccflared.providers.oauth import Grant, Seed, TokenFailure, TokenPair, in_force
from ccflared.providers.target import Target, Unfit
from ccflared.secret import Secret
from ccflared.store.trouble import sentence
from ccflared.store.vault import Kept, Vault
from ccflared.wire import Observation

T = TypeVar("T")

MARGIN: Final = 1800.0
"""Seconds before its end at which a token is renewed; of a short-lived one, a quarter of its life."""
PATIENCE: Final = 10.0
"""Seconds, from the beginning of a renewal, for which requests wait for it."""
FORCED_APART: Final = 60.0
"""Seconds between renewals that a 401 asks for. They double while new tokens are refused, too."""
FORCED_LONGEST: Final = 3600.0
KEPT: Final = 30 * 86400.0
"""Seconds for which tokens of an account that has left the file are kept."""
_NEARLY: Final = 5.0
_DISK_SECONDS: Final = 20.0
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
    oauth: OAuth | None
    asked: trio.Event = field(default_factory=trio.Event)
    """Set by whoever needs a new token now."""
    tried: trio.Event = field(default_factory=trio.Event)
    """Set, and made anew, after each try."""
    problem: Problem | None = None
    failures: int = 0
    not_before: float = float("-inf")
    """Trio's time of the next try at the earliest."""
    trying_since: float | None = None
    """Trio's time at which the try under way began."""
    renewed_at: float = float("-inf")
    """Trio's time of the last renewal."""
    in_vain: int = 0
    """Renewals that a 401 has asked for since a token of this grant last served."""
    doomed: TokenFailure | None = None
    """The issuer has refused to renew for good; the access token serves until its end, or until it is refused."""
    rejected: bool = False
    """The access token was refused by a provider."""
    early: float = field(default_factory=lambda: random.uniform(0.8, 1.2))  # noqa: S311 - spreads, hides nothing

    @property
    def access(self) -> Secret | None:
        """The access token."""
        return self.grant.pair.access if self.grant.pair else None

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
        if pair is None or pair.refresh is None or self.grant.refused is not None:
            return float("inf")
        if self.doomed is not None:
            return pair.expires_at if pair.expires_at is not None else float("inf")
        if pair.access is None or self.grant.spending is not None:
            return 0.0  # an exchange was interrupted: the sooner it is repeated, the more issuers let it pass
        if pair.expires_at is None:
            return float("inf")
        lifetime = pair.lifetime
        margin = MARGIN if lifetime is None else min(MARGIN, lifetime / 4)
        return pair.expires_at - margin * self.early

    def forget_failures(self) -> None:
        """Let the next try begin at once, as after the file or a person has changed what may have been wrong.

        Where nothing has failed, none is due: a renewal takes the token from the requests under way with it.
        """
        failed = self.problem is not None
        self.not_before, self.failures, self.problem, self.in_vain = float("-inf"), 0, None, 0
        if failed:
            self.asked.set()


class Custody:
    """See the module. Called from Trio's thread."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._kept: dict[str, Grant] = {}
        self._adopted: dict[str, str] = {}
        """Seeds that were spent: their digests, and by which account."""
        self._held: dict[str, Held] = {}
        self.unsaved: dict[str, Grant] = {}
        """Rotated pairs that could not be written yet, by account: nobody uses them before they are."""
        self._called: dict[str, str] = {}
        """By a name of before, what an account is called now."""
        self._locks: dict[str, trio.Lock] = {}
        """Who changes an account's tokens holds its lock; it outlives what a reload replaces."""
        self._disk = trio.CapacityLimiter(1)
        self.trouble: str | None = None
        """Why the vault could not be read."""
        self.changed: Callable[[str], None] = lambda _: None
        """Called with an account whose grant was replaced, refused or given up."""
        self.adopted = trio.Event()
        """Set, and made anew, when other accounts are held than before."""

    async def open(self) -> bool:
        """Read what is kept. False: it cannot be read; ``trouble`` says why, and accounts that need it stand still."""
        kept = await self.on_disk(self._vault.load)
        if not isinstance(kept, Kept):
            self.trouble = kept
            return False
        self.trouble, self._kept, self._adopted = None, kept.grants, kept.adopted
        return True

    def grant(
        self,
        account: str,
        provider: str,
        seed: Seed,
        known: Collection[str],
        formerly: str | None = None,
    ) -> Grant | str | None:
        """Return the grant that counts for an account whose file gives ``seed``; for building a world.

        ``known``: the accounts of the file; ``formerly``: the name under which its tokens are still kept. A str says
        why there is none that can be used: what is kept cannot be read, say, and a seed that was rotated since would
        be worthless.
        """
        if self.trouble is not None and (seed.pair is None or seed.pair.refresh is not None):
            return f"its tokens cannot be read: {self.trouble}"
        kept = self._kept.get(formerly or account)
        if formerly is not None and kept is not None:
            kept = replace(kept, account=account)
        found = in_force(account, provider, kept, seed)
        if found is None or found is kept or found.pair is None or found.pair.refresh is None:
            return found
        owner = self._adopted.get(seed.digest)
        if owner is None:
            return found
        if owner != account and owner in known:
            return f"its refresh token is that of {owner}, and only one of them can use it"
        other = self._kept.get(owner)
        if other is not None and other.seed == seed.digest and other.provider == provider:
            return replace(other, account=account)  # its table got another name
        said = "the file's refresh token was exchanged before, and what came for it is not kept any more"
        return replace(found, refused=said)

    def claimed(self, grant: Grant) -> bool:
        """Whether another account has adopted the seed of this grant."""
        return grant.from_seed and self._adopted.get(grant.seed, grant.account) != grant.account

    def adopt(self, targets: Mapping[str, Target | Unfit]) -> None:
        """Hold the grants of the world in force, and no others. What is newer here stays."""
        wanted = {
            name: target
            for name, target in targets.items()
            if isinstance(target, Target) and target.grant is not None
        }
        for name in self._held.keys() - wanted.keys():
            del self._held[name]
        for name, target in wanted.items():
            held = self._held.get(name)
            if target.grant is not None and (
                held is None or held.grant.id != target.grant.id or held.grant.refused
            ):
                self._held[name] = Held(self.latest(target.grant), target.oauth)
            elif held is not None and held.oauth != target.oauth:
                held.oauth = target.oauth
                held.forget_failures()
        self.adopted.set()
        self.adopted = trio.Event()

    def latest(self, grant: Grant) -> Grant:
        """Return the grant as it stands after its last rotation."""
        kept = self._kept.get(grant.account)
        return kept if kept is not None and kept.id == grant.id and kept.provider == grant.provider else grant

    def lock(self, account: str) -> trio.Lock:
        """Return the lock under which an account's tokens are changed."""
        return self._locks.setdefault(account, trio.Lock())

    def held(self, account: str) -> Held | None:
        """Return what is held of an account; None where nothing of it has to be renewed."""
        return self._held.get(account)

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
            return Observation("account", "token", ENDED) if ended else target
        held = self._of(target)
        if held is None:
            return Observation("account", "token", "its tokens were replaced meanwhile")
        if not held.usable(time()):
            await self._renewal(held)
        if not held.usable(time()):
            why = f": {held.problem.reason}" if held.problem else ""
            return Observation("account", "token", f"its token has ended and was not renewed{why}")
        return replace(target, credential=held.access)

    def hidden(self, target: Target) -> Callable[[str], str]:
        """Return what takes the account's secrets, the tokens of now among them, out of a sentence."""
        held = self._of(target) or self._held.get(target.account)
        here = target if held is None else replace(target, credential=held.access)
        return lambda text: target.without_secrets(here.without_secrets(text))

    def is_current(self, target: Target) -> bool:
        """Whether the credential that a target was armed with is still the one in force."""
        held = self._of(target)
        return held is None or target.credential is None or held.access == target.credential

    async def renewed(self, target: Target, rejected: Secret | None) -> bool:
        """After a 401 for the token ``rejected``: whether there is another by now, renewed if need be."""
        held = self._of(target)
        if held is None:
            return False
        if held.access == rejected:
            apart = min(FORCED_APART * 2.0 ** min(held.in_vain, 10), FORCED_LONGEST)
            if trio.current_time() < held.renewed_at + apart:
                return False
            held.in_vain += 1
            await self._renewal(held, rejected=True)
        return held.access not in (None, rejected) and held.usable(time())

    def served(self, account: str) -> None:
        """Take in that a token of an account was accepted."""
        held = self._held.get(account)
        if held is not None:
            held.in_vain = 0

    async def install(self, account: str, provider: str, seed: str, pair: TokenPair) -> None:
        """Put the tokens of a login in force, durable first. Raises Refused where they cannot be kept."""
        if self.trouble is not None:
            await self.open()
        await self._replace(Grant(account, provider, secrets.token_hex(6), seed, pair, refreshed_at=time()))

    async def log_out(self, account: str, provider: str, seed: str) -> None:
        """Forget the tokens of an account; those that the file gives count no more either, until they change."""
        await self._replace(Grant(account, provider, "", seed, None))

    async def forget(self, account: str) -> None:
        """Erase all that is kept of an account that is removed. Raises Refused where it cannot be erased."""
        async with self.lock(account):
            problem = await self.on_disk(partial(self._vault.erase, account))
            if isinstance(problem, str):
                raise Refused(f"the tokens of {account} cannot be erased: {problem}")
            self._let_go(account)

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
            self._let_go(new)
        if (kept := self._kept.pop(old, None)) is not None:
            self._kept.setdefault(new, replace(kept, account=new))
        if (waiting := self.unsaved.pop(old, None)) is not None:
            self.unsaved[new] = replace(waiting, account=new)
        if (held := self._held.pop(old, None)) is not None:
            held.grant = replace(held.grant, account=new)
            self._held[new] = held
        self._adopted = {seed: new if name == old else name for seed, name in self._adopted.items()}
        self._called = {was: new if now == old else now for was, now in self._called.items()}
        self._called[old] = new
        while len(self._called) > _CALLED:
            del self._called[next(iter(self._called))]

    async def carry(self, old: str, new: str, replaces: str | None) -> str | None:
        """Move what is kept on disk of an account. A sentence: it could not be, and is to be done again."""
        problem = await self.on_disk(partial(self._vault.rename, old, new, replaces=replaces))
        return problem if isinstance(problem, str) else None

    async def tend(self, known: set[str]) -> None:
        """Erase what has been kept for too long of accounts that are not in the file."""
        gone = await self.on_disk(partial(self._vault.tend, known, time(), KEPT))
        for account in gone if isinstance(gone, list) else ():
            self._let_go(account)

    async def save(self, grant: Grant) -> str | None:
        """Write a grant; it is durable when this returns None. A sentence: it could not be written."""
        problem = await self.on_disk(partial(self._vault.save, grant, time()))
        if isinstance(problem, str):
            return problem
        self._kept[grant.account] = grant
        if grant.from_seed:
            self._adopted[grant.seed] = grant.account
        return None

    async def stored(self, account: str) -> Grant | None:
        """Read anew what is kept of an account: another process may have logged in."""
        found = await self.on_disk(partial(self._vault.find, account))
        return None if isinstance(found, str) else found

    async def on_disk(self, work: Callable[[], T]) -> T | str:
        """Do something with the vault in a thread. A str is the sentence of what went wrong.

        A disk that does not answer is trouble, too, and keeps nobody waiting for ever, least of all the daemon's end.
        """
        try:
            with trio.move_on_after(_DISK_SECONDS):
                return await trio.to_thread.run_sync(work, limiter=self._disk, abandon_on_cancel=True)
        except (sqlite3.Error, OSError, Refused) as error:
            return sentence(error, self._vault.path)
        return f"the disk has not answered for {_DISK_SECONDS:g} s"

    def _of(self, target: Target) -> Held | None:
        """Return what is held of a target, whose account may have got another name since it was built.

        None where it has got other tokens, which are not for its place.
        """
        for name in (target.account, self._called.get(target.account)):
            held = self._held.get(name) if name is not None else None
            if held is not None and target.grant is not None and held.grant.id == target.grant.id:
                return held
        return None

    def _let_go(self, account: str) -> None:
        for known in (self._kept, self._held, self.unsaved):
            known.pop(account, None)

    async def _replace(self, grant: Grant) -> None:
        async with self.lock(grant.account):
            if problem := await self.save(grant):
                raise Refused(f"the tokens of {grant.account} cannot be kept: {problem}")
            self._held.pop(grant.account, None)
            self.unsaved.pop(grant.account, None)
        self.changed(grant.account)

    async def _renewal(self, held: Held, *, rejected: bool = False) -> None:
        """Ask for a renewal and wait for the try to end, unless it has to wait itself, or takes too long already.

        ``rejected``: the access token was refused, so that one whose renewal was refused before has no more use.
        """
        now = trio.current_time()
        if now < held.not_before or held.grant.refused or (held.doomed is not None and not rejected):
            return
        held.rejected = held.rejected or rejected
        tried = held.tried
        held.asked.set()
        since = now if held.trying_since is None else held.trying_since
        with trio.move_on_at(since + PATIENCE):
            await tried.wait()


ENDED: Final = "its token has ended, and whoever keeps it has not renewed it"
