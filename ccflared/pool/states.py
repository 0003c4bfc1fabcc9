"""What has been learnt about one account, and what follows from it. Pure: time is an argument.

An account is in one of these states, the first that applies:

========== ======================================== ==========================================
state      comes from                               ends
========== ======================================== ==========================================
resting    a limit (429)                            at the reset it named; else after a
                                                    cooldown that grows; at a success begun later
rejected   401: the credential is not accepted      after RETEST, when the credential changes,
                                                    at a success
doubtful   529, 5xx, 402, 403, broken connections,  after a backoff that grows; at a success
           time-outs
ready      otherwise
========== ======================================== ==========================================

Resting and rejected accounts are not asked. Doubt only orders: a doubtful account is asked after the others.

What is learnt holds from the moment it was learnt. Before that moment, as when a clock that was ahead has been set
right, it says nothing: otherwise an account could rest for as long as the clock was wrong.
"""

from dataclasses import dataclass, replace
from math import log
from typing import Literal

from ccflared.config.model import Cooldown, Routing
from ccflared.wire import Observation

State = Literal["ready", "doubtful", "rejected", "resting"]

RETEST = 300.0
"""Seconds after which a rejected credential is tried again: a middlebox may have said it."""

_DOUBT_FIRST = 5.0
_DOUBT_LONGEST = 60.0
_OVERLOADED = 10.0
_SAME_MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one account. ``fingerprint`` tells for which provider, place and credential it was learnt."""

    fingerprint: str = ""
    resting_until: float = 0.0
    resting_since: float = 0.0
    resting_reason: str = ""
    limits: int = 0
    """Limits in a row that named no reset."""
    rejected_until: float = 0.0
    rejected_since: float = 0.0
    rejected_reason: str = ""
    doubtful_until: float = 0.0
    doubtful_since: float = 0.0
    doubtful_reason: str = ""
    failures: int = 0
    """Failures in a row."""


@dataclass(frozen=True, slots=True)
class View:
    """A standing as it looks at one moment."""

    state: State
    reason: str | None = None
    until: float | None = None

    @property
    def may_serve(self) -> bool:
        """Whether the account may be asked at all."""
        return self.state in ("ready", "doubtful")


def view(standing: Standing, now: float) -> View:
    """Say in which state an account is at ``now``."""
    if standing.resting_since <= now < standing.resting_until:
        return View("resting", standing.resting_reason, standing.resting_until)
    if standing.rejected_since <= now < standing.rejected_until:
        return View("rejected", standing.rejected_reason, standing.rejected_until)
    if standing.doubtful_since <= now < standing.doubtful_until:
        return View("doubtful", standing.doubtful_reason, standing.doubtful_until)
    return View("ready")


def after(standing: Standing, seen: Observation, now: float, routing: Routing) -> Standing:
    """Return the standing after a failure was observed. One of the request alone changes nothing."""
    if seen.scope == "request":
        return standing
    match seen.kind:
        case "limit":
            return _limited(standing, seen, now, routing)
        case "credential":
            return replace(
                standing, rejected_until=now + RETEST, rejected_since=now, rejected_reason=seen.reason
            )
        case "overloaded":
            # 529 speaks of the provider's moment, not of the account: short, and it does not grow.
            return _doubted(standing, seen, now, _OVERLOADED, standing.failures)
        case _:
            # What many requests meet at one moment is one failure.
            same = standing.failures > 0 and 0.0 <= now - standing.doubtful_since < _SAME_MOMENT
            failures = standing.failures if same else standing.failures + 1
            wait = min(_DOUBT_FIRST * 2.0 ** min(failures - 1, 10), _DOUBT_LONGEST)
            return _doubted(standing, seen, now, wait, failures)


def after_success(standing: Standing, began: float) -> Standing:
    """Return the standing after an answer came to a request begun at ``began``; it clears what is older than that."""
    if not (standing.resting_until or standing.rejected_until or standing.doubtful_until):
        return standing  # the common case, on the hot path
    kept = Standing(standing.fingerprint)
    if standing.resting_since > began:
        kept = replace(
            kept,
            resting_until=standing.resting_until,
            resting_since=standing.resting_since,
            resting_reason=standing.resting_reason,
            limits=standing.limits,
        )
    if standing.rejected_since > began:
        kept = replace(
            kept,
            rejected_until=standing.rejected_until,
            rejected_since=standing.rejected_since,
            rejected_reason=standing.rejected_reason,
        )
    return kept


def _limited(standing: Standing, seen: Observation, now: float, routing: Routing) -> Standing:
    if seen.until is not None and seen.until <= now + routing.trust_reset_up_to:
        # A reset that has passed already is a clock that differs: rest for a moment, and let the next one tell.
        return replace(
            standing,
            resting_until=max(seen.until, now + 1.0),
            resting_since=now,
            resting_reason=seen.reason,
            limits=0,
        )
    if standing.resting_since <= now < standing.resting_until:
        # The request was under way when the rest began: it tells of the same limit, not of another in a row.
        return standing
    return replace(
        standing,
        resting_until=now + _cooldown(routing.cooldown, standing.limits),
        resting_since=now,
        resting_reason=f"{seen.reason} (no reset named; a guess)",
        limits=standing.limits + 1,
    )


def _cooldown(rest: Cooldown, limits: int) -> float:
    """Return the rest after ``limits`` guesses in a row. A power is not asked for where it could overflow."""
    if limits * log(rest.factor) >= log(rest.longest / rest.first):
        return rest.longest
    return rest.first * rest.factor**limits


def _doubted(standing: Standing, seen: Observation, now: float, wait: float, failures: int) -> Standing:
    before = standing.doubtful_until if standing.doubtful_since <= now else 0.0
    return replace(
        standing,
        doubtful_until=max(now + wait, before),
        doubtful_since=now,
        doubtful_reason=seen.reason,
        failures=failures,
    )
