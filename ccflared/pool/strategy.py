"""How accounts that are equal by priority are chosen among: one key for each strategy, the lower the better. Pure."""

from typing import assert_never

from ccflared.config.model import Strategy
from ccflared.formats.families import family_of
from ccflared.pool import capacity
from ccflared.pool.candidates import Candidate

Key = tuple[float, ...]

_UNKNOWN = 1e12
"""Sorts what is not known behind everything that is."""


def key(candidate: Candidate, model: str | None, strategy: Strategy, now: float) -> Key:
    """Return where the candidate stands among its equals. Ties are decided by the order of the file."""
    standing = candidate.standing
    family = family_of(model) if model is not None else None
    left = capacity.remaining(standing.quota, candidate.tier, now, family)
    match strategy:
        case "session":
            # The session that was begun last goes on; without one, whoever has most left.
            since = standing.session_since
            return (-since, 0.0) if holds_session(candidate, now) and since is not None else (0.0, -left)
        case "affinity":
            # Where nothing is known of what is left, conversations are spread.
            return (-left, candidate.conversations / candidate.tier)
        case "drain-soonest":
            # What a window still holds is lost when it resets.
            drains = capacity.drains_at(standing.quota, now)
            return (_UNKNOWN if drains is None else drains, -left)
        case "least-used":
            return (candidate.running / candidate.tier, -left, candidate.last_used)
        case _:
            assert_never(strategy)


def why(candidate: Candidate, model: str | None, strategy: Strategy, now: float) -> str | None:
    """Return what the strategy says for the candidate, in words; None where it says nothing."""
    standing = candidate.standing
    family = family_of(model) if model is not None else None
    if strategy == "session" and holds_session(candidate, now):
        return "holds the session"
    if strategy == "drain-soonest" and capacity.drains_at(standing.quota, now) is not None:
        return "its quota resets soonest"
    if strategy == "least-used" and candidate.running:
        return f"{candidate.running} running"
    share = capacity.used(standing.quota, now, family)
    if share is None:
        return None
    return f"{max(0, round(100 * (1 - share)))} % of its usage left"


def holds_session(candidate: Candidate, now: float) -> bool:
    """Whether the candidate holds a session that still runs."""
    standing = candidate.standing
    return capacity.session_holds(standing.session_since, standing.quota, candidate.session_length, now)
