"""What a client is told when nobody is left to serve it. Pure; names no account."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from ccflared.pool.candidates import Block

_WORDS = {
    "resting": "at a limit",
    "cooling": "at a limit for this model",
    "paused": "paused",
    "rejected": "not accepted upstream",
    "busy": "busy",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told when nobody is left. ``wait`` is seconds to the earliest credible recovery, if any."""

    status: int
    kind: str
    message: str
    wait: int | None


def refuse(blocks: Sequence[Block], failing: Sequence[float | None], now: float) -> Refusal:
    """Say what a client is told when every account that could serve is in one of ``blocks``, or ``failing`` until then.

    429 when limits are the reason for all of them, else 503; ``wait`` is at least a second. A rejected credential
    and a pause by hand end by a person: they promise nothing. One that failed can be asked
    again at once, and better when the doubt about it has ended.
    """
    waits = [block.until - now for block in blocks if block.until is not None and block.state != "rejected"]
    waits += [0.0 if until is None else until - now for until in failing]
    waits += [0.0 for block in blocks if block.state == "busy"]
    wait = max(1, ceil(min(waits))) if waits else None
    back = f" The first is expected back in {_span(wait)}." if wait is not None else ""
    count = len(blocks) + len(failing)
    if not count:
        return Refusal(
            503, "overloaded_error", "No account can serve this request: `ccflared status` says why.", None
        )
    if not failing and all(block.limit for block in blocks):
        who = "The account has" if count == 1 else f"All {count} accounts have"
        which = " for this model" if all(block.state == "cooling" for block in blocks) else ""
        return Refusal(429, "rate_limit_error", f"{who} reached a limit{which}.{back}", wait)
    states = [block.state for block in blocks]
    told = [f"{len(failing)} failing"] if failing else []
    told += [f"{states.count(state)} {_WORDS[state]}" for state in _WORDS if state in states]
    return Refusal(
        503, "overloaded_error", f"No account could serve this request ({', '.join(told)}).{back}", wait
    )


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
