"""Which accounts are asked for a request, in which order, and what is answered when none is left. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from ccflared.pool.states import Standing, State, View, view


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that fits the request, in the order of the file."""

    account: str
    priority: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Choice:
    """An account to be asked, and why it stands where it stands."""

    account: str
    why: str


@dataclass(frozen=True, slots=True)
class Passed:
    """An account that is not asked, and why not."""

    account: str
    state: State
    reason: str | None
    until: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The accounts to ask, best first, and those passed over."""

    choices: tuple[Choice, ...]
    passed: tuple[Passed, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told when nobody is left. ``wait`` is seconds to the earliest credible recovery, if any."""

    status: int
    kind: str
    message: str
    wait: int | None


def plan(candidates: Iterable[Candidate], now: float) -> Plan:
    """Order the candidates: ready before doubtful, then priority, then the order of the file."""
    ready: list[tuple[int, Choice]] = []
    doubtful: list[tuple[float, int, Choice]] = []
    passed: list[Passed] = []
    for candidate in candidates:
        seen = view(candidate.standing, now)
        match seen.state:
            case "ready":
                ready.append((candidate.priority, Choice(candidate.account, _why(candidate))))
            case "doubtful":
                choice = Choice(candidate.account, f"{_why(candidate)}, in doubt: {seen.reason}")
                doubtful.append((candidate.standing.failures, candidate.priority, choice))
            case _:
                passed.append(Passed(candidate.account, seen.state, seen.reason, seen.until))
    ready.sort(key=lambda item: item[0])
    doubtful.sort(key=lambda item: item[:2])
    return Plan((*(choice for _, choice in ready), *(choice for *_, choice in doubtful)), tuple(passed))


def refuse(views: Sequence[View], now: float) -> Refusal:
    """Say what a client is told when every account that could serve is in one of ``views``.

    429 when limits are the reason for all of them, else 503; ``wait`` is at least a second. No account names.
    One that is ready, as when the tries of this request were used up before it, can be asked again at once.
    """
    waits = [(now if seen.until is None else seen.until) - now for seen in views if seen.state != "rejected"]
    wait = max(1, ceil(min(waits))) if waits else None
    back = f" The first is expected back in {_span(wait)}." if wait is not None else ""
    if views and all(seen.state == "resting" for seen in views):
        count = "The account has" if len(views) == 1 else f"All {len(views)} accounts have"
        return Refusal(429, "rate_limit_error", f"{count} reached a limit.{back}", wait)
    if not views:
        return Refusal(
            503, "overloaded_error", "No account can serve this request: `ccflared status` says why.", None
        )
    limited = sum(seen.state == "resting" for seen in views)
    rejected = sum(seen.state == "rejected" for seen in views)
    failing = len(views) - limited - rejected
    told = ", ".join(
        f"{count} {what}"
        for count, what in (
            (failing, "failing"),
            (limited, "at a limit"),
            (rejected, "not accepted upstream"),
        )
        if count
    )
    return Refusal(503, "overloaded_error", f"No account could serve this request ({told}).{back}", wait)


def _why(candidate: Candidate) -> str:
    return f"priority {candidate.priority}"


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
