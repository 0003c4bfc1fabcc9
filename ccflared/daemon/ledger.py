"""What was learnt of accounts and places, and what a person said of them: their owner. Each change is remembered.

Everything is called from Trio's thread, and no change here awaits, so each call sees and leaves a whole state.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import trio

from ccflared.config.model import Routing
from ccflared.daemon.telling import Telling
from ccflared.pool import capacity
from ccflared.pool.candidates import Candidate, view
from ccflared.pool.polling import Polled, polled_of, polled_text, relieved
from ccflared.pool.remembered import learnt_of, learnt_text, standing_of, standing_text
from ccflared.pool.states import (
    NOTHING,
    Learnt,
    Standing,
    View,
    accepted,
    after,
    after_success,
    learn,
    settle,
    unspent,
)
from ccflared.providers.target import Target
from ccflared.store.memories import Memory
from ccflared.wire import Observation, Quota

KEPT: Final = 30 * 86400.0
"""Seconds for which a place of which nothing is heard is remembered."""
OF_ACCOUNTS: Final = ("account", "pause", "refresh", "poll")
"""Kinds of memories whose keys are names of accounts."""
_FRESH: Final = 1.0
"""Seconds for which what was told of usage windows counts as told just now."""
PROBE_LONGEST: Final = 120.0
"""Seconds after which a request that was to show whether a rest is over no longer keeps others away."""

Remember = Callable[[Memory], None]


class Ledger:
    """The standings of all accounts and places, pauses by hand, and who is being tried after a rest."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._standings: dict[str, Standing] = {}
        self._places: dict[str, Learnt] = {}
        self._paused: dict[str, float] = {}
        self._probes: dict[str, float] = {}
        self._refreshed: dict[str, float] = {}
        self._polled: dict[str, Polled] = {}
        self._telling = Telling()
        self.last_used: dict[str, float] = {}
        """Wall-clock time of the last success for a client, by account."""
        self.changed: Callable[[], object] = lambda: None
        """Called when an account, or accounts, may be in another state."""

    def recall(self, memories: Iterable[Memory], now: float, known: Iterable[str]) -> None:
        """Take in what was remembered before this start, but for what was learnt anew since.

        ``known``: the accounts that are not to be forgotten.
        """
        names = set(known)
        for memory in memories:
            gone = memory.kind in OF_ACCOUNTS and memory.key not in names
            if gone or (memory.kind == "place" and memory.at < now - KEPT):
                self._remember(Memory(memory.kind, memory.key, None, now))
            elif memory.value is not None:
                self._take_in(memory.kind, memory.key, memory.value)

    def standing(self, target: Target) -> Standing:
        """Return what is known of an account, as long as provider, place and credential are the same."""
        known = self._standings.get(target.account)
        if known is None or known.fingerprint != target.fingerprint:
            # Not kept: a request of an older configuration must not wipe out what was learnt since.
            return _unknown(target.fingerprint)
        return known

    def place(self, target: Target) -> Learnt:
        """Return what is known of the place an account is at, which others may share."""
        return self._places.get(target.place, NOTHING)

    def failed(
        self, target: Target, model: str | None, seen: Observation, now: float, routing: Routing
    ) -> None:
        """Take in that an account, its model or its place failed."""
        seen = replace(seen, reason=target.without_secrets(seen.reason))
        if seen.scope == "provider":
            known = self.place(target)
            self._set_place(target.place, learn(known, seen, now, routing), now)
            self._telling.place(target.place, target.account, known, seen.reason)
            return
        before = self.standing(target)
        self._set(target, before, after(before, seen, model, now, routing), now)

    def succeeded(
        self, target: Target, model: str | None, began: float, now: float, *, uses: bool, own: bool = False
    ) -> None:
        """Take in an answer to a try begun at ``began``. ``uses``: of a kind that counts against usage windows.

        ``own``: to the daemon's own request, which is no traffic.
        """
        if not own:
            self.last_used[target.account] = began
        if (known := self.place(target)) is not NOTHING:
            left = settle(known, began, now)
            self._set_place(target.place, left, now)
            self._telling.place_settled(target.place, target.account, known, left)
        before = self.standing(target)
        if uses:
            self._set(target, before, after_success(before, model, began, now), now)
        elif before.account is not NOTHING or not before.accepted:
            learnt = accepted(before.account, began)
            self._set(target, before, replace(before, account=learnt, accepted=True), now)

    def told(self, target: Target, quota: Quota, trust_reset_up_to: float) -> None:
        """Take in what an answer told of the account's usage windows."""
        before = self.standing(target)
        last = before.quota
        if last is not None and not capacity.presses(quota) and _told_just_now(last, quota):
            return  # the common case, on the hot path
        merged = capacity.merged(before.quota, quota, trust_reset_up_to)
        same = last is not None and last.windows == merged.windows and last.overage == merged.overage
        if same and merged.overage != "in use" and not quota.polled:
            # Nothing new but its age, which nothing depends on and which is worth no write for each request.
            self._standings[target.account] = replace(before, quota=merged)
            return
        known = replace(before, quota=merged)
        self._set(target, before, relieved(known, merged) if quota.polled else known, quota.at)

    def begin_session(self, target: Target, began: float) -> None:
        """Take in that a session begins with this account."""
        before = self.standing(target)
        self._set(target, before, replace(before, session_since=began), began)

    def reset(self, account: str, now: float) -> None:
        """Forget the cooldowns, doubts and rejections of an account; not its usage."""
        known = self._standings.get(account)
        if known is None:
            return
        quota = None if known.quota is None else unspent(known.quota)
        self._standings[account] = replace(known, account=NOTHING, models={}, quota=quota)
        self._probes.pop(account, None)
        self._keep("account", account, standing_text(self._standings[account]), now)
        self._telling.by_hand(account, "reset")

    def renewed(self, target: Target, now: float) -> None:
        """Take in that the account's credential is another now, of the same login: one request may try it."""
        before = self.standing(target)
        reject = before.account.reject
        if reject.holds(now):
            # Its count stays: an upstream that refuses every new token is asked ever more seldom.
            known = replace(before.account, reject=replace(reject, until=now))
            self._set(target, before, replace(before, account=known), now)

    def reset_place(self, target: Target, now: float) -> None:
        """Forget the doubt about a place."""
        self._set_place(target.place, NOTHING, now)

    def pause(self, account: str, now: float) -> None:
        """Take an account out by hand, until resume."""
        self._paused.setdefault(account, now)
        self._keep("pause", account, json.dumps(self._paused[account]), now)
        self._telling.by_hand(account, "paused")

    def resume(self, account: str, now: float) -> bool:
        """Let an account serve again that was paused by hand; other reasons stay. False: it was not paused by hand."""
        was = self._paused.pop(account, None) is not None
        self._remember(Memory("pause", account, None, now))
        self.changed()
        if was:
            self._telling.by_hand(account, "resumed")
        return was

    def paused_since(self, account: str) -> float | None:
        """Return since when an account is paused by hand; None: it is not."""
        return self._paused.get(account)

    def refreshed(self, account: str, now: float) -> None:
        """Take in that the daemon itself has started a usage window of an account."""
        self._refreshed[account] = now
        self._keep("refresh", account, json.dumps(now), now)

    def refreshed_at(self, account: str) -> float | None:
        """Return when the daemon itself last started a usage window of an account."""
        return self._refreshed.get(account)

    def rename(self, old: str, new: str, now: float, *, again: bool) -> None:
        """Let what was learnt and said of an account follow it to its new name, in place of what is known there.

        ``again``: it may have followed already, before a crash; then what is known there may be its own.
        """
        kept: tuple[tuple[str, dict[str, Any], Callable[[Any], str]], ...] = (
            ("account", self._standings, standing_text),
            ("pause", self._paused, json.dumps),
            ("refresh", self._refreshed, json.dumps),
            ("poll", self._polled, polled_text),
        )
        for kind, known, text in kept:
            if old in known or not again:
                known.pop(new, None)
                self._remember(Memory(kind, new, text(known[old]) if old in known else None, now))
                self._remember(Memory(kind, old, None, now))
        self._telling.rename(old, new)
        for each in (*(known for _, known, _ in kept), self.last_used, self._probes):
            if old in each:
                each[new] = each.pop(old)

    def set_polled(self, account: str, polled: Polled, now: float) -> None:
        """Take in that the usage of an account was asked for, and what came of it."""
        self._polled[account] = polled
        self._keep("poll", account, polled_text(polled), now)

    def polled(self, account: str) -> Polled | None:
        """Return what came of asking for the usage of an account; None where it never was."""
        return self._polled.get(account)

    @contextmanager
    def probing(self, account: str) -> Iterator[None]:
        """Keep other requests away while this one shows whether the account's rest is over."""
        ends = trio.current_time() + PROBE_LONGEST
        self._probes[account] = ends
        try:
            yield
        finally:
            if self._probes.get(account) == ends:
                del self._probes[account]

    def probed(self, account: str) -> bool:
        """Whether a request is under way that will show whether the account's rest is over."""
        return self._probes.get(account, 0.0) > trio.current_time()

    def _take_in(self, kind: str, key: str, value: str) -> None:
        if kind == "account" and (standing := standing_of(value)) is not None:
            self._standings.setdefault(key, standing)
        elif kind == "place" and (known := learnt_of(value)) is not None:
            self._places.setdefault(key, known)
        elif kind == "poll" and (polled := polled_of(value)) is not None:
            self._polled.setdefault(key, polled)
        elif kind in ("pause", "refresh") and (at := _number(value)) is not None:
            (self._paused if kind == "pause" else self._refreshed).setdefault(key, at)

    def _set(self, target: Target, before: Standing, now_known: Standing, now: float) -> None:
        if now_known is before or now_known == before:
            return
        self._standings[target.account] = now_known
        self._keep("account", target.account, standing_text(now_known), now)
        self._telling.account(target.account, _bare(target, before, now), _bare(target, now_known, now), now)

    def _set_place(self, place: str, known: Learnt, now: float) -> None:
        if known is NOTHING:
            self._places.pop(place, None)
            self._remember(Memory("place", place, None, now))
            self.changed()
        else:
            self._places[place] = known
            self._keep("place", place, learnt_text(known), now)

    def _keep(self, kind: str, key: str, value: str, now: float) -> None:
        self._remember(Memory(kind, key, value, now))
        self.changed()


@lru_cache(maxsize=256)
def _unknown(fingerprint: str) -> Standing:
    """Return the standing of an account of which nothing was learnt. Frozen, so that one serves all requests."""
    return Standing(fingerprint)


def _told_just_now(last: Quota, quota: Quota) -> bool:
    same = last.windows == quota.windows and last.overage == quota.overage
    return same and 0.0 <= quota.at - last.at < _FRESH


def _bare(target: Target, standing: Standing, now: float) -> View:
    """Say in which state an account is by what was learnt alone, whatever the file allows it."""
    return view(Candidate(target.account, standing, overage="allow"), now)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
