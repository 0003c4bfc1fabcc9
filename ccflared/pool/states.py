"""What has been learnt about an account, a model of it or a place, and what follows from it. Pure: time is an argument.

Two tables say it all: EFFECTS, what each kind of observation does, and STATES, in which states an account can be,
gravest first. The manual's are drawn from them.

What is learnt holds from the moment it was learnt. Before that moment, as when a clock that was ahead has been set
right, it says nothing: otherwise an account could rest for as long as the clock was wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import log
from typing import Final, Literal, assert_never

from ccflared.config.model import Cooldown, Routing
from ccflared.formats.families import family_of
from ccflared.wire import Observation, Quota

State = Literal[
    "paused", "expired", "rejected", "resting", "cooling", "busy", "doubtful", "half-open", "ready"
]
"""What routing knows of an account that can be addressed. What keeps one from that is told by the providers' room."""

RETEST: Final = 300.0
"""Seconds after which a rejected credential is tried again at the latest: a middlebox may have said it."""
_RETEST_FIRST: Final = 5.0
_RETEST_FACTOR: Final = 4.0
MODELS_KEPT: Final = 64
"""Models of one account of which something is remembered; the oldest is forgotten first."""
_MOMENT: Final = 1.0
_SAME_MOMENT: Final = 1.0


@dataclass(frozen=True, slots=True)
class StateRow:
    """One row of the table of states."""

    state: str
    comes_from: str
    ends: str
    asked: Literal["no", "last", "once", "yes"]
    """Whether an account in it is asked: never; after all others; by one request at a time; in its turn."""


STATES: Final[tuple[StateRow, ...]] = (
    StateRow("off", "enabled = false", "by an edit of the file", "no"),
    StateRow("endpoint not trusted", "another base_url that was set over the network without the credential for it",
             "by ccflared account trust; by an edit of the file; when the credential is set anew", "no"),
    StateRow("no credential", "a key, proxy or header value that cannot be read", "when it can be read", "no"),
    StateRow("needs login", "an OAuth account without a token", "by ccflared login", "no"),
    StateRow("paused", "ccflared account pause", "by ccflared account resume", "no"),
    StateRow("paused", "pause_schedule", "at the end of the scheduled pause", "no"),
    StateRow("paused", "a budget that is spent, or a model whose price is unknown under a budget",
             "with the day or month; by an edit of [pricing]", "no"),
    StateRow("paused", 'paid extra usage would begin and overage = "never"', "when the usage window resets", "no"),
    StateRow("expired", "a token that nobody here renews, and that has ended", "when the file holds another", "no"),
    StateRow("rejected", "401: the credential is not accepted",
             "after 5 minutes, sooner if it was accepted before; when the credential changes; at a success", "no"),
    StateRow("resting", "a limit of the account (429), or a usage window that is spent",
             "at the reset that was named; else after a cooldown that grows; at a success", "no"),
    StateRow("cooling", "a limit that is for one model or family only", "as resting; other models are served", "no"),
    StateRow("busy", "max_concurrency requests are running", "when one of them ends", "no"),
    StateRow("doubtful", "529, 5xx, 402, 403, time-outs, broken connections; or the place it is at cannot be reached",
             "after a backoff that grows (529: short, and it does not); at a success", "last"),
    StateRow("half-open", "a rest has ended, and no request has shown yet that it is over",
             "at a success; with a new limit it rests again", "once"),
    StateRow("ready", "otherwise", "", "yes"),
)  # fmt: skip
"""The first that applies is the one shown; all that apply are kept apart and told."""


@dataclass(frozen=True, slots=True)
class View:
    """An account as it looks at one moment."""

    state: State
    reason: str | None = None
    until: float | None = None
    also: tuple[str, ...] = ()
    """What else keeps it from serving: reasons that would remain if the first were gone."""

    @property
    def may_serve(self) -> bool:
        """Whether the account may be asked at all."""
        return self.state in ("ready", "half-open", "doubtful")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a kind of observation does. ``first``, ``longest``: seconds of a doubt; with ``grows`` it doubles."""

    does: Literal["rest", "reject", "doubt"]
    first: float = 0.0
    longest: float = 0.0
    grows: bool = True


EFFECTS: Final[Mapping[str, Effect]] = {
    "limit": Effect("rest"),
    "out of credits": Effect("rest"),
    "credential": Effect("reject"),
    # 529 speaks of the provider's moment, not of the account: short, and no row of failures.
    "overloaded": Effect("doubt", 10.0, 60.0, grows=False),
    "concurrency": Effect("doubt", 5.0, 60.0, grows=False),
    # Each one has cost somebody minutes.
    "time-out": Effect("doubt", 30.0, 600.0),
    "payment": Effect("doubt", 30.0, 300.0),
    "no such model": Effect("doubt", 60.0, 600.0),
}
"""By kind, as providers/rows.py has them. A rest takes its time from the answer, or from [routing] cooldown."""
OTHERWISE: Final = Effect("doubt", 5.0, 60.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing learnt, and from when to when it holds."""

    since: float = 0.0
    until: float = 0.0
    reason: str = ""
    count: int = 0
    """How often in a row, without anything better in between: guesses of a rest, failures of a doubt."""

    def holds(self, now: float) -> bool:
        """Whether it holds now."""
        return self.since <= now < self.until

    def over(self, now: float) -> bool:
        """Whether it held and has ended by time alone."""
        return 0.0 < self.until <= now and self.since <= now


NO_MARK: Final = Mark()


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is known of an account, of one of its models, or of a place."""

    rest: Mark = NO_MARK
    reject: Mark = NO_MARK
    doubt: Mark = NO_MARK


NOTHING: Final = Learnt()


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is known of one account. ``fingerprint`` tells of which provider, place and credential."""

    fingerprint: str = ""
    account: Learnt = NOTHING
    models: Mapping[str, Learnt] = field(default_factory=dict)
    """By the upstream's name of the model."""
    quota: Quota | None = None
    session_since: float | None = None
    """When the session that it holds was begun, under the strategies that have one."""
    accepted: bool = False
    """Whether its credential was ever accepted."""

    def of(self, model: str | None) -> Learnt:
        """Return what is known of a model."""
        return self.models.get(model, NOTHING) if model is not None else NOTHING


def after(standing: Standing, seen: Observation, model: str | None, now: float, routing: Routing) -> Standing:
    """Return the standing after a failure was observed. One of the request alone, or of the place, changes nothing."""
    match seen.scope:
        case "account":
            known = learn(standing.account, seen, now, routing, accepted=standing.accepted)
            return replace(standing, account=known)
        case "model" if model is not None:
            models = dict(standing.models)
            models[model] = learn(models.pop(model, NOTHING), seen, now, routing)
            while len(models) > MODELS_KEPT:
                # Anybody may make up names of models: what is only doubted goes before what rests.
                del models[
                    next((each for each in models if not models[each].rest.holds(now)), next(iter(models)))
                ]
            return replace(standing, models=models)
        case "model":
            return replace(standing, account=learn(standing.account, seen, now, routing))
        case _:
            return standing


def learn(
    known: Learnt, seen: Observation, now: float, routing: Routing, *, accepted: bool = False
) -> Learnt:
    """Return what is known after an observation that speaks of this account, model or place.

    ``accepted``: its credential was accepted before.
    """
    effect = EFFECTS.get(seen.kind, OTHERWISE)
    match effect.does:
        case "rest":
            return replace(known, rest=_rest(known.rest, seen, now, routing))
        case "reject":
            return replace(known, reject=_reject(known.reject, seen, now, hiccup=accepted))
        case "doubt":
            return replace(known, doubt=_doubt(known.doubt, seen, now, effect))
        case _:
            assert_never(effect.does)


def after_success(standing: Standing, model: str | None, began: float, now: float | None = None) -> Standing:
    """Return the standing after an answer came to a request begun at ``began``; it clears what is older than that.

    And what was learnt later than ``now``, by a clock that was ahead.
    """
    account, known = settle(standing.account, began, now), standing.of(model)
    left = settle(known, began, now)
    quota = standing.quota
    if quota is not None and now is not None and quota.at > now:
        quota = None
    if quota is not None and quota.at < began and any(window.spent for window in quota.windows):
        quota = unspent(quota, (None, family_of(model) if model is not None else None))
    if account is standing.account and known is NOTHING and quota is standing.quota and standing.accepted:
        return standing  # the common case, on the hot path
    models = dict(standing.models)
    if model is not None and left is NOTHING:
        models.pop(model, None)
    elif model is not None:
        models[model] = left
    return replace(standing, account=account, models=models, quota=quota, accepted=True)


def settle(known: Learnt, began: float, now: float | None = None) -> Learnt:
    """Return what is left of what is known after a success begun at ``began``.

    Doubt goes in any case: the answer has arrived just now. A limit or a rejection learnt after the request was
    begun stays: the request was let in before. Not so what was learnt after ``now``, by a clock that was ahead.
    """
    if known is NOTHING:
        return known
    latest = float("inf") if now is None else now
    kept = Learnt(
        rest=known.rest if began < known.rest.since <= latest else NO_MARK,
        reject=known.reject if began < known.reject.since <= latest else NO_MARK,
    )
    return NOTHING if kept == NOTHING else kept


def accepted(known: Learnt, began: float) -> Learnt:
    """Return what is known after a success that used nothing up, as of counting tokens.

    The credential is accepted; but limits, and what fails with messages, may still stand.
    """
    left = replace(settle(known, began), rest=known.rest, doubt=known.doubt)
    return NOTHING if left == NOTHING else left


def unspent(quota: Quota, families: tuple[str | None, ...] | None = None) -> Quota:
    """Return the usage windows without the word that they are spent, which has turned out not to hold.

    ``families``: those of which that is known, None among them for the windows of all models; by default of all.
    """
    windows = tuple(
        replace(window, spent=False) if families is None or window.family in families else window
        for window in quota.windows
    )
    # What is paid beyond the plan still matters for a window that is spent.
    return replace(quota, windows=windows, overage=quota.overage if any(w.spent for w in windows) else None)


def _reject(before: Mark, seen: Observation, now: float, *, hiccup: bool) -> Mark:
    """Return the rejection. What was accepted before may be a hiccup on the way: short at first, then longer."""
    if before.holds(now):
        return before
    wait = min(_RETEST_FIRST * _RETEST_FACTOR ** min(before.count, 10), RETEST) if hiccup else RETEST
    return Mark(now, now + wait, seen.reason, before.count + 1)


def _rest(before: Mark, seen: Observation, now: float, routing: Routing) -> Mark:
    stated = seen.until is not None and now < seen.until <= now + routing.trust_reset_up_to
    if before.holds(now) and not (stated and (before.count or (seen.until or 0.0) > before.until)):
        # The request was under way when the rest began: it tells of the same limit, not of another in a row, and
        # puts no nearer end in the place of one that was named.
        return before
    if stated and seen.until is not None:
        return Mark(now, max(seen.until, now + _MOMENT), seen.reason)
    if seen.until is not None and seen.until <= now:
        # It has passed already: the clocks differ. Rest for a moment and let the next answer tell; if it tells the
        # same, for longer.
        wait = min(_MOMENT * 2.0 ** min(before.count, 20), routing.cooldown.longest)
        return Mark(now, now + max(wait, _MOMENT), seen.reason, before.count + 1)
    return Mark(
        now,
        now + _cooldown(routing.cooldown, before.count),
        f"{seen.reason} (no reset named; a guess)",
        before.count + 1,
    )


def _cooldown(rest: Cooldown, limits: int) -> float:
    """Return the rest after ``limits`` guesses in a row. A power is not asked for where it could overflow."""
    if limits * log(rest.factor) >= log(rest.longest / rest.first):
        return rest.longest
    return rest.first * rest.factor**limits


def _doubt(before: Mark, seen: Observation, now: float, effect: Effect) -> Mark:
    count, wait = before.count, effect.first
    if effect.grows:
        # What many requests meet at one moment is one failure.
        same = count > 0 and 0.0 <= now - before.since < _SAME_MOMENT
        count = count if same else count + 1
        wait = min(effect.first * 2.0 ** min(count - 1, 10), effect.longest)
    elif seen.until is not None and now < seen.until:
        wait = min(seen.until - now, effect.longest)
    held = before.until if before.since <= now else 0.0
    return Mark(now, max(now + wait, held), seen.reason, count)
