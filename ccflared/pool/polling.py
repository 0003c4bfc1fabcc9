"""When an account's usage is asked for, as nobody's requests tell of it. Pure.

Answers to real requests come first, and they are enough: usage endpoints refuse those who ask often, for hours.
"""

import json
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Final

from ccflared.pool.capacity import used_up
from ccflared.pool.states import Standing
from ccflared.wire import Quota

INTERVAL: Final = 600.0
"""Seconds for which what was told of usage is fresh enough, and that lie between two polls of one account at least."""
LONGEST: Final = 4 * 3600.0
"""Seconds that failures can put the next poll off by themselves."""
BELIEVED: Final = 86400.0
"""Seconds up to which a retry-after is believed."""

_SETTLED: Final = 60.0
"""Seconds after which a limit that an answer told of is counted in what the provider tells of usage."""
_UNCOUNTABLE: Final = 2**53


@dataclass(frozen=True, slots=True)
class Polled:
    """What came of the polls of one account, as long as ``fingerprint`` is that of its credential and place."""

    fingerprint: str
    at: float
    """When it was asked last."""
    failures: int = 0
    """In a row."""
    not_before: float = 0.0
    """Failures put the next poll off to this time."""
    problem: str | None = None
    """Why the last poll told nothing."""


def next_poll(
    polled: Polled | None,
    told_at: float | None,
    now: float,
    *,
    interval: float = INTERVAL,
    jitter: float = 0.0,
) -> float:
    """Return when the account is to be asked next: ``interval`` after it was asked, and after anything told of it.

    ``jitter``: seconds that this account waits longer. Times of a clock that was ahead say nothing.
    """
    known = [told_at] if told_at is not None and told_at <= now else []
    put_off = 0.0
    if polled is not None and polled.at <= now:
        known.append(polled.at)
        put_off = min(polled.not_before, polled.at + max(BELIEVED, interval))
    return max([at + interval + jitter for at in known] + [put_off])


def asked(polled: Polled | None, fingerprint: str, now: float) -> Polled:
    """Return what is known once it is asked. It is remembered before there is an answer: a restart asks no sooner."""
    if polled is None or polled.fingerprint != fingerprint:
        return Polled(fingerprint, now)
    return replace(polled, at=now)


def told(polled: Polled) -> Polled:
    """Return what is known after an answer that told of usage."""
    return Polled(polled.fingerprint, polled.at)


def failed(
    polled: Polled, problem: str, now: float, *, again_at: float | None = None, interval: float = INTERVAL
) -> Polled:
    """Return what is known after a poll that told nothing; each in a row puts the next one off for twice as long.

    ``again_at``: as the answer named it, which may put it off further, and never brings it nearer: "0" is common.
    """
    failures = polled.failures + 1
    wait = min(interval * 2.0 ** min(failures, 20), max(LONGEST, interval))
    if again_at is not None and again_at - now <= BELIEVED:
        wait = max(wait, again_at - now)
    return Polled(polled.fingerprint, polled.at, failures, now + wait, problem)


def relieved(standing: Standing, told: Quota) -> Standing:
    """Return the standing after a poll: a long rest ends where nothing is used up any more.

    A limit may be lifted before the reset that it named. The next request shows: if it is refused, the account rests
    again. What was refused for something that no window tells of is short, and is waited for.
    """
    rest = standing.account.rest
    if not rest.holds(told.at) or rest.until - told.at < INTERVAL or told.at - rest.since < _SETTLED:
        return standing
    own = [window for window in told.windows if window.family is None and window.utilization is not None]
    if not own or any(used_up(window) for window in own):
        return standing
    return replace(standing, account=replace(standing.account, rest=replace(rest, until=told.at)))


def polled_text(polled: Polled) -> str:
    """Write it as JSON."""
    return json.dumps(asdict(polled))


def polled_of(text: str) -> Polled | None:
    """Read what was written, or None where the text is not that."""
    try:
        value: Any = json.loads(text)
        fingerprint, failures, problem = value["fingerprint"], value["failures"], value["problem"]
        at, not_before = float(value["at"]), float(value["not_before"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    texts = isinstance(fingerprint, str) and isinstance(problem, str | None)
    counted = isinstance(failures, int) and not isinstance(failures, bool) and 0 <= failures < _UNCOUNTABLE
    if not (texts and counted and isfinite(at) and isfinite(not_before)):
        return None
    return Polled(fingerprint, at, failures, not_before, problem)
