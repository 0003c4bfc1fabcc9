"""One account as a request finds it: what keeps it from serving, and in which state that leaves it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from ccflared.config.words import quoted
from ccflared.formats.families import family_of
from ccflared.pool import capacity
from ccflared.pool.states import NOTHING, Learnt, Mark, Standing, State, View
from ccflared.wire import Quota

Overage = Literal["never", "last-resort", "allow"]
PausedBy = Literal["hand", "schedule", "budget", "overage"]


@dataclass(frozen=True, slots=True)
class Block:
    """One reason for which an account does not serve. ``until``: when it ends by itself, if that is known."""

    state: State
    reason: str
    until: float | None = None
    limit: bool = False
    """Something is used up, rather than broken, refused or switched off."""
    by: PausedBy | None = None
    """Of a pause: whose it is."""
    unpriced: str | None = None
    """The model that a budget keeps from being asked for, as nobody knows what it costs."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that fits a request by the rules of the file, in the order of the file."""

    account: str
    standing: Standing
    models: tuple[str | None, ...] = (None,)
    """The upstream's names of the model, in the order to be tried; None where no model is asked for."""
    step: int = 0
    """Its step in the chain; in the pool, the number of steps."""
    chained: bool = False
    """Whether that is a step of a chain."""
    priority: int = 0
    """Within a step of a chain, 0: those are equals."""
    tier: float = 1.0
    overage: Overage = "never"
    auto_fallback: bool = False
    session_length: float = 5 * 3600.0
    place: Learnt = NOTHING
    """What is known of the place it is at, which other accounts may share."""
    rules: tuple[Block, ...] = ()
    """What the file's rules or a person say against it now: pauses of every kind."""
    unpriced: frozenset[str] = frozenset()
    """Upstream models that a budget, its own or the client's, keeps from being asked: nobody knows what they cost."""
    running: int = 0
    max_concurrency: int | None = None
    conversations: int = 0
    """Conversations whose home it is."""
    last_used: float = 0.0
    """When it last served, a wall-clock time; 0: not since the start."""
    probed: bool = False
    """A request is under way already that will show whether its rest is over."""


def blocks(candidate: Candidate, now: float) -> list[Block]:
    """Return everything that keeps the account from serving any model, gravest first."""
    known, quota = candidate.standing.account, candidate.standing.quota
    found = list(candidate.rules)
    if known is not NOTHING and known.reject.holds(now):
        found.append(Block("rejected", known.reject.reason, known.reject.until))
    if known is not NOTHING and known.rest.holds(now):
        found.append(Block("resting", known.rest.reason, known.rest.until, limit=True))
    if quota is not None and capacity.presses(quota):
        found += _overdrawn(candidate, now, None) + _spent(candidate, now, None)
    if candidate.max_concurrency is not None and candidate.running >= candidate.max_concurrency:
        running = candidate.max_concurrency
        are = "1 request is" if running == 1 else f"{running} requests are"
        found.append(Block("busy", f"{are} running, as many as max_concurrency allows"))
    return gravest_first(found) if len(found) > 1 else found


def gravest_first(found: Iterable[Block]) -> list[Block]:
    """Return what was found against an account in the order of the table of states."""
    return sorted(found, key=lambda block: _GRAVITY[block.state])


def model_blocks(candidate: Candidate, model: str | None, now: float) -> list[Block]:
    """Return everything that keeps the account from serving this one model, gravest first."""
    found: list[Block] = []
    standing, quota = candidate.standing, candidate.standing.quota
    pressed = quota is not None and capacity.presses(quota)
    if model is None or not (standing.models or candidate.unpriced or pressed):
        return found  # the common case, on the hot path
    if model in candidate.unpriced:
        found.append(Block("paused", unpriced(model), by="budget", unpriced=model))
    rest = standing.of(model).rest
    if rest.holds(now):
        found.append(Block("cooling", f"{model}: {rest.reason}", rest.until, limit=True))
    family = family_of(model)
    if family is not None:
        found += _overdrawn(candidate, now, family)
        found += _spent(candidate, now, family)
    return gravest_first(found)


def view(candidate: Candidate, now: float, model: str | None = None) -> View:
    """Say in which state the account is, for a model if one is given. All that is said against it is in ``also``."""
    against = gravest_first(blocks(candidate, now) + model_blocks(candidate, model, now))
    if against:
        first, *others = against
        return View(first.state, first.reason, first.until, tuple(block.reason for block in others))
    doubt = doubted(candidate, model, now)
    if doubt is not None:
        return View("doubtful", doubt.reason, doubt.until)
    if half_open(candidate, model, now):
        return View("half-open", "its rest has ended; the next request shows whether it serves again")
    return View("ready")


def coolings(candidate: Candidate, now: float) -> list[Block]:
    """Return what is said against single models and families, for those who look at the account as a whole."""
    found = [block for model in candidate.standing.models for block in model_blocks(candidate, model, now)]
    for model, known in candidate.standing.models.items():
        if known.doubt.holds(now):
            found.append(Block("doubtful", f"{model}: {known.doubt.reason}", known.doubt.until))
    quota = candidate.standing.quota
    for family in dict.fromkeys(w.family for w in (quota.windows if quota else ()) if w.family):
        found += _overdrawn(candidate, now, family) + _spent(candidate, now, family)
    return list(dict.fromkeys(found))


def doubted(candidate: Candidate, model: str | None, now: float) -> Mark | None:
    """Return the doubt there is about the account, the model or the place: the deepest of the three."""
    standing, place = candidate.standing, candidate.place
    if standing.account is NOTHING and place is NOTHING and not standing.models:
        return None  # the common case, on the hot path
    marks = (standing.account.doubt, standing.of(model).doubt, place.doubt)
    return max((mark for mark in marks if mark.holds(now)), key=lambda mark: mark.count, default=None)


def half_open(candidate: Candidate, model: str | None, now: float) -> bool:
    """Whether a rest or a rejection has ended by time alone, without anybody having been served since."""
    standing = candidate.standing
    if standing.account is NOTHING and not standing.models:
        return False  # the common case, on the hot path
    account = standing.account
    return account.rest.over(now) or account.reject.over(now) or standing.of(model).rest.over(now)


def on_overage(candidate: Candidate, model: str | None, now: float) -> bool:
    """Whether serving would now be paid for beyond the plan, which the file allows."""
    if candidate.overage == "never":
        return False
    families = (None, family_of(model) if model is not None else None)
    return any(_paid_until(candidate.standing.quota, now, family) for family in families)


def unpriced(model: str) -> str:
    """Return the sentence for a model whose price is unknown under a budget, with what to add to the file."""
    table = f"[pricing.{quoted(model, 200)}]"
    return (
        f"nobody knows what {model} costs, and there is a budget: add {table} with input = … and output = …, "
        "in USD per million tokens"
    )


_LOOK_AGAIN: Final = 300.0
"""Seconds after which an account that is on paid extra usage, and named no reset, is looked at again."""
_GRAVITY: Final[dict[State, int]] = {
    "paused": 0,
    "expired": 1,
    "rejected": 2,
    "resting": 3,
    "cooling": 4,
    "busy": 5,
}


def _paid_until(quota: Quota | None, now: float, family: str | None) -> tuple[float, bool] | None:
    """Return until when paid extra usage runs or would begin, and whether that was told; else it is a guess.

    Of the windows that are for ``family`` alone, or with None of those for all models. None: they cost nothing extra.
    """
    if quota is None or quota.overage not in ("in use", "available"):
        return None
    full = [window for window in capacity.current(quota, now) if capacity.used_up(window)]
    mine = [window.resets_at for window in full if window.family == family]
    ends = [(reset, True) for reset in mine if reset is not None]
    # Where no window explains what runs already, not even one that has been reset since, it concerns all models.
    unexplained = (
        family is None and quota.overage == "in use" and not any(map(capacity.used_up, quota.windows))
    )
    look_again = quota.at + _LOOK_AGAIN
    if (None in mine or unexplained) and quota.at <= now < look_again:
        ends.append((look_again, False))
    return max(ends, default=None)


def _overdrawn(candidate: Candidate, now: float, family: str | None) -> list[Block]:
    """Return the pause that keeps paid extra usage from beginning or going on, where the file does not allow it."""
    paid = _paid_until(candidate.standing.quota, now, family) if candidate.overage == "never" else None
    if paid is None:
        return []
    until, told = paid
    what = f"its {family} window" if family else "its usage window"
    said = f'{what} is used up, and overage = "never" keeps paid extra usage off'
    said = said if told else f"{said} (no reset named; a guess)"
    return [Block("paused", said, until, limit=True, by="overage")]


def _spent(candidate: Candidate, now: float, family: str | None) -> list[Block]:
    """Return the windows that the provider says are spent and that nothing paid lies beyond."""
    quota = candidate.standing.quota
    if quota is None or quota.overage in ("in use", "available"):
        return []
    return [
        Block(
            "resting" if family is None else "cooling",
            f"its {window.name} window is spent",
            window.resets_at,
            limit=True,
        )
        for window in capacity.running(quota, now, family)
        if window.family == family and window.spent and window.resets_at is not None
    ]
