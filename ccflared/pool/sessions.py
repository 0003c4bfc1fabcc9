"""Which account a conversation belongs to. A binding is a preference, not a lock. Pure; times are wall-clock.

A conversation has a home, and is for the moment where it was served last. What passes soon (doubt, a short rest, a
full house) makes it borrow another account, and it comes home when no warm prompt cache is left there to lose: what
home still has in its own lacks the latest turns. What does not pass soon makes the borrowed account its home.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ccflared.config.model import Strategy
from ccflared.pool.states import View


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a conversation belongs and where it is."""

    home: str
    at: str
    """The account that served it last."""
    used: float
    """When it was served last, by ``at``."""
    home_used: float
    """When its home served it last; 0: it was asked first, but has not served it yet, so nothing ties it there."""


@dataclass(frozen=True, slots=True)
class Grade:
    """How an account that could serve now stands among all that could."""

    place: tuple[int, int]
    """Step of the chain and priority; lower is preferred."""
    auto_fallback: bool


@dataclass(frozen=True, slots=True)
class Preference:
    """The account that a conversation should go on with, and why."""

    account: str
    why: str


def served(binding: Binding | None, account: str, began: float, now: float, *, borrows: bool) -> Binding:
    """Return the binding after an account served a request begun at ``began``.

    ``borrows``: home is only away for the moment, as plan() said. A request that was begun before home served again
    moves nothing: a conversation may ask several things at once.
    """
    if binding is None or not borrows or not binding.home_used:
        return Binding(account, account, now, now)
    if account == binding.home:
        return replace(binding, at=account, used=now, home_used=now)
    if binding.home_used > began:
        return replace(binding, used=now)
    return replace(binding, at=account, used=now)


def prefers(
    binding: Binding, able: Mapping[str, Grade], strategy: Strategy, cache_cold: float, now: float
) -> Preference | None:
    """Return where the conversation should go on, of the accounts that are able to serve; None: anywhere.

    It stays while its prompt cache is warm, or, with strategy affinity, among equals always. An account that is
    better takes it over when the cache has gone cold, or at once if that account has auto_fallback.
    """
    warm = _warm(binding.used, now, cache_cold)
    stay = _where(binding, able, warm=warm)
    if stay is None:
        return None
    grade = able[stay.account]
    if any(other.place[0] < grade.place[0] for other in able.values()):
        return None  # the steps of a chain are strict
    better = [other for other in able.values() if other.place < grade.place]
    if better:
        return stay if warm and not any(other.auto_fallback for other in better) else None
    return stay if warm or strategy == "affinity" else None


def borrows(home: View | None, patience: float, now: float) -> bool:
    """Whether a home that cannot serve now (None: is not even a candidate) will be back within ``patience`` seconds."""
    if home is None:
        return False
    if home.state in ("ready", "half-open", "doubtful", "busy"):
        return True
    if home.state in ("resting", "cooling"):
        return home.until is not None and home.until - now <= patience
    return False


def _where(binding: Binding, able: Mapping[str, Grade], *, warm: bool) -> Preference | None:
    known = (
        "it served this conversation before" if binding.home_used else "this conversation is with it already"
    )
    home = Preference(binding.home, known)
    if binding.at == binding.home:
        return home if binding.home in able else None
    away = Preference(binding.at, "this conversation borrows it, and its prompt cache is warm there")
    if binding.home in able and (not warm or binding.at not in able):
        return replace(home, why="this conversation comes home")
    return away if binding.at in able else None


def _warm(used: float, now: float, cache_cold: float) -> bool:
    """Whether a prompt cache used at ``used`` still lives. By a clock that was set back, it does."""
    return now - used < cache_cold
