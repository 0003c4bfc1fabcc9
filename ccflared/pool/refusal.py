"""What a client is told when nobody is left to serve it. Pure; names no account."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from ccflared.pool.candidates import Block, unpriced

_HICCUP = 60.0
_WORDS = {
    "resting": "at a limit",
    "cooling": "at a limit for this model",
    "paused": "paused",
    "rejected": "not accepted upstream",
    "busy": "busy",
}
_OF_BUDGETS = ("over budget", "without a known price")

NONE_YET: Final = "This ccflared has no account yet: add one on its dashboard, or by `ccflared account add`."


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told when nobody is left. ``wait`` is seconds to the earliest credible recovery, if any."""

    status: int
    kind: str
    message: str
    wait: int | None


def refuse(
    blocks: Sequence[Block],
    failing: Sequence[float | None],
    now: float,
    *,
    unasked: int = 0,
    lacking: int = 0,
    any_account: bool = True,
) -> Refusal:
    """Say what a client is told when every account that could serve is in one of ``blocks``, or ``failing`` until then.

    429 when limits are the reason for all that nobody has paused, else 503; ``wait`` is at least a second. A pause by
    hand ends by a person, and so may a rejected credential: they promise nothing. One that failed can be asked again
    at once, and better when the doubt about it has ended. A model that is not asked for because nobody knows its price
    is named with what to add. ``unasked``: how many could have been, had there been tries. ``lacking``: how
    many do not have what was asked for, which no waiting changes: beside a limit of others they count for nothing.
    ``any_account``: whether the file has one at all.
    """
    if not any_account:
        return Refusal(503, "overloaded_error", NONE_YET, None)
    waits = [block.until - now for block in blocks if block.until is not None and _credible(block, now)]
    waits += [0.0 if until is None else until - now for until in failing]
    waits += [0.0] * (unasked + sum(block.state == "busy" for block in blocks))
    wait = max(1, ceil(min(waits))) if waits else None
    back = f" The first is expected back in {span(wait)}." if wait is not None else ""
    if not blocks and not failing and not unasked and not lacking:
        said = "No account can serve this request: `ccflared status` and `ccflared explain MODEL` say why."
        return Refusal(503, "overloaded_error", said, None)
    counted = [block for block in blocks if block.by != "hand"]
    if counted and not failing and not unasked and all(block.limit for block in counted):
        who = "The account has" if len(counted) == 1 else f"All {len(counted)} accounts have"
        if all(block.by == "budget" for block in counted):
            reasons = sorted({block.reason for block in counted})
            what = reasons[0] if len(reasons) == 1 else "what they may cost is spent"
            return Refusal(429, "rate_limit_error", f"{who} reached a limit: {what}.{back}", wait)
        which = " for this model" if all(block.state == "cooling" for block in counted) else ""
        return Refusal(429, "rate_limit_error", f"{who} reached a limit{which}.{back}", wait)
    words = Counter(_word(block) for block in blocks)
    told = [f"{len(failing)} failing"] if failing else []
    told += [f"{lacking} without what was asked for"] if lacking else []
    told += [f"{words[word]} {word}" for word in (*_WORDS.values(), *_OF_BUDGETS) if word in words]
    if unasked:
        told.append(f"{unasked} not asked, as its tries were used up")
        back = ""
    model = next((block.unpriced for block in blocks if block.unpriced is not None), None)
    add = ""
    if model is not None:
        said = unpriced(model)
        add = f" {said[0].upper()}{said[1:]}."
    return Refusal(
        503, "overloaded_error", f"No account could serve this request ({', '.join(told)}).{back}{add}", wait
    )


def _word(block: Block) -> str:
    if block.by == "budget":
        return _OF_BUDGETS[block.unpriced is not None]
    return _WORDS[block.state]


def _credible(block: Block, now: float) -> bool:
    """Whether the end of a block is a recovery to wait for. A credential refused just now may have been a hiccup."""
    return block.state != "rejected" or (block.until is not None and block.until - now <= _HICCUP)


def span(seconds: int) -> str:
    """Return a wait in one unit: ``90 s``, ``5 min``, ``3.2 h``."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
