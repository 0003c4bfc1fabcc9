"""Renewing tokens: one task for each account, ahead of their end, spread, and with a backoff when it fails.

The steps, in this order, each of which may be the last one before a crash: note durably which refresh token is about
to be spent; ask the issuer; write the new pair; only then let it be used. What was begun is finished, also when the
daemon stops meanwhile: an answer that is thrown away may be an account that is lost.
"""

import logging
import random
from dataclasses import replace
from shlex import quote
from time import time
from typing import Final

import trio

from ccflared.daemon import issuer
from ccflared.daemon.about import about
from ccflared.daemon.custody import Held, Problem, ProblemKind
from ccflared.daemon.house import House
from ccflared.providers.oauth import Grant, TokenFailure, TokenPair, digest, refresh_request
from ccflared.providers.target import Target
from ccflared.secret import Secret

log = logging.getLogger("ccflared.tokens")

LOOK: Final = 30.0
"""Seconds between looks: the wall clock may be set, or the machine may sleep, while a timer runs on."""
_FIRST, _LONGEST = 5.0, 900.0
_APART: Final = 1.0
"""Seconds from one renewal to the next at least, whatever an issuer says of how long its tokens hold."""
_TEND: Final = 86400.0
_FAREWELL: Final = 5.0


class Renewing:
    """The tasks."""

    def __init__(self, house: House, *, look: float = LOOK, first: float = _FIRST) -> None:
        """``first``: seconds from a failure to the next try; they double."""
        self._house = house
        self._custody = house.custody
        self._look = look
        self._first = first

    async def run(self) -> None:
        """Keep a task for each account whose tokens have to be renewed, until cancelled."""
        running: dict[str, tuple[Held, trio.CancelScope]] = {}
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._tend)
                while True:
                    changed = self._custody.adopted
                    for name, (held, scope) in list(running.items()):
                        if self._custody.held(name) is not held:
                            scope.cancel()
                            del running[name]
                    for name in sorted(self._custody.accounts - running.keys()):
                        if (held_now := self._custody.held(name)) is not None:
                            scope = trio.CancelScope()
                            running[name] = held_now, scope
                            nursery.start_soon(self._keep, name, held_now, scope)
                    await changed.wait()
        finally:
            with trio.move_on_after(_FAREWELL, shield=True):
                await self._save_late()

    async def _tend(self) -> None:
        """Read what could not be read at the start, write what could not be written, and forget what is too old."""
        tended = float("-inf")
        while True:
            if self._custody.trouble is not None and await self._custody.open():
                for name in self._house.world.config.accounts:
                    self._house.retarget(name)
            await self._save_late()
            if trio.current_time() >= tended + _TEND and self._custody.trouble is None:
                tended = trio.current_time()
                await self._custody.tend(set(self._house.world.config.accounts))
            await trio.sleep(self._look / 3)

    async def _save_late(self) -> None:
        """Write the pairs that could not be written when they came, whether their accounts are in use or not."""
        for name, grant in list(self._custody.unsaved.items()):
            async with self._custody.lock(name):
                held = self._custody.held(name)
                if self._custody.unsaved.get(name) is grant:
                    await self._keep_new(held if held and held.grant.id == grant.id else None, grant)

    async def _keep(self, name: str, held: Held, scope: trio.CancelScope) -> None:
        with scope:
            while True:
                with trio.move_on_after(max(0.0, min(self._look, self._wait(held)))):
                    await held.asked.wait()
                asked, held.asked = held.asked.is_set(), trio.Event()
                if trio.current_time() >= held.not_before and (asked or time() >= held.due_at()):
                    held.trying_since = trio.current_time()
                    await self._try(name, held)
                    held.trying_since = None
                # Whoever has asked meanwhile was waiting for this try, and asks for no other.
                held.asked = trio.Event()
                held.tried.set()
                held.tried = trio.Event()

    def _wait(self, held: Held) -> float:
        """Return the seconds until something is to be done."""
        until_due = held.due_at() - time()
        return max(until_due, held.not_before - trio.current_time())

    async def _try(self, name: str, held: Held) -> None:
        before = held.grant
        async with self._custody.lock(name):
            target = self._house.world.targets.get(name)
            if self._custody.held(name) is not held or not isinstance(target, Target):
                return  # a login, a logout or a reload has put something else in its place meanwhile
            held.grant = self._custody.latest(before)
            if held.grant.pair != before.pair:
                return  # somebody else has renewed it while this task waited for its turn
            with trio.CancelScope(shield=True):  # bounded by the issuer's time and the disk's
                await self._one_try(target, held)

    async def _one_try(self, target: Target, held: Held) -> None:
        waiting = self._custody.unsaved.get(target.account)
        if waiting is not None and waiting.id == held.grant.id:
            await self._keep_new(held, waiting)
        elif held.doomed is not None:
            if held.rejected or not held.usable(time()):
                await self._give_up(held, held.doomed)
        elif self._custody.claimed(held.grant):
            self._custody.changed(target.account)
        else:
            await self._renew(target, held)

    async def _renew(self, target: Target, held: Held) -> None:
        grant = held.grant
        spent = grant.pair.refresh if grant.pair else None
        if spent is None or grant.refused:
            return
        begun = replace(grant, spending=digest(spent))
        if problem := await self._custody.save(begun):
            # Not asked for: a pair that cannot be kept would cost the one there is.
            self._failed(held, "disk", f"it is not renewed, because a new one could not be kept: {problem}")
            return
        held.grant = begun
        answer = await self._ask(target, spent)
        if isinstance(answer, TokenPair):
            await self._keep_new(held, replace(begun, pair=answer, spending=None, refreshed_at=time()))
        elif answer.kind == "revoked":
            await self._revoked(target, held, spent, answer)
        else:
            self._failed(held, answer.kind, answer.reason, answer.until)

    async def _ask(self, target: Target, spent: Secret) -> TokenPair | TokenFailure:
        """Exchange a refresh token for a pair."""
        oauth = target.oauth
        if oauth is None or not oauth.token_url:
            return TokenFailure("endpoint", "no token_url is given in its oauth table")
        return await issuer.ask(self._house.upstream, refresh_request(oauth, spent), target, spent=spent)

    async def _keep_new(self, held: Held | None, grant: Grant) -> None:
        """Write a rotated pair, and only then put it in force. It waits where it cannot be written."""
        self._custody.unsaved[grant.account] = grant
        if problem := await self._custody.save(grant):
            if held is not None:
                self._failed(held, "disk", f"its new token cannot be kept: {problem}")
            return
        del self._custody.unsaved[grant.account]
        if held is not None:
            self._in_force(held, grant)

    def _in_force(self, held: Held, grant: Grant) -> None:
        now = trio.current_time()
        held.grant, held.problem, held.failures, held.doomed, held.rejected = grant, None, 0, None, False
        held.not_before, held.renewed_at = now + _APART, now
        self._house.renewed(grant.account, time())
        ends = grant.pair.expires_at if grant.pair else None
        lasts = "" if ends is None else f"; it holds for {max(0.0, ends - time()) / 60:.0f} min"
        log.info(
            "account %s: its token was renewed%s",
            grant.account,
            lasts,
            extra=about("token", account=grant.account),
        )

    async def _revoked(self, target: Target, held: Held, spent: Secret, failure: TokenFailure) -> None:
        """Take in a definitive refusal, unless another process has put other tokens there meanwhile."""
        stored = await self._custody.stored(held.grant.account)
        there = stored.pair.refresh if stored and stored.pair else None
        if stored is not None and there is not None and there != spent:
            held.grant = replace(stored, spending=None)
            answer = await self._ask(target, there)
            if isinstance(answer, TokenPair):
                await self._keep_new(held, replace(held.grant, pair=answer, refreshed_at=time()))
                return
            if answer.kind != "revoked":
                self._failed(held, answer.kind, answer.reason, answer.until)
                return
        if held.usable(time()) and not held.rejected:
            # It serves until its end. A person has that long for a login that nobody notices.
            held.doomed, held.problem = failure, Problem("revoked", failure.reason, time())
            log.warning(
                "account %s: its token is the last one: %s",
                held.grant.account,
                failure.reason,
                extra=about("token", account=held.grant.account),
            )
            return
        await self._give_up(held, failure)

    async def _give_up(self, held: Held, failure: TokenFailure) -> None:
        since = held.problem.since if held.problem and held.problem.kind == "revoked" else time()
        refused = replace(held.grant, refused=failure.reason, refused_at=since, spending=None)
        if problem := await self._custody.save(refused):
            log.warning(
                "account %s: that it was refused cannot be kept: %s",
                refused.account,
                problem,
                extra=about("token", account=refused.account),
            )
        held.grant, held.problem = refused, Problem("revoked", failure.reason, since)
        name = refused.account
        log.warning(
            "account %s needs a login: %s. Next: ccflared login %s",
            name,
            failure.reason,
            quote(name),
            extra=about("token", account=name),
        )
        self._custody.changed(name)

    def _failed(self, held: Held, kind: ProblemKind, reason: str, until: float | None = None) -> None:
        """Take in that it did not work; try again later, and later still."""
        held.failures += 1
        wait = min(self._first * 2.0 ** min(held.failures - 1, 20), _LONGEST)
        if until is not None:
            wait = max(wait, min(until - time(), _LONGEST))
        held.not_before = trio.current_time() + wait * random.uniform(0.8, 1.2)  # noqa: S311 - spreads
        since = held.problem.since if held.problem else time()
        if held.problem is None or held.problem.reason != reason:
            log.warning(
                "account %s: its token was not renewed: %s",
                held.grant.account,
                reason,
                extra=about("token", account=held.grant.account),
            )
        held.problem = Problem(kind, reason, since)
