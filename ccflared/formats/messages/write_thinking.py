"""Says in Anthropic's words how much is to be thought, where that can be said at all.

Manual thinking has conditions: a budget of 1,024 tokens or more and less than max_tokens, no forced tool, and a
signed thought at the beginning of the turn whose tools are being answered. Where they are not met nothing is said of
thinking: an answer without thoughts is better than none.
"""

from typing import Any, Final

from ccflared.formats.messages.models import Traits
from ccflared.formats.request import Effort, Request

LEAST_BUDGET: Final = 1024

_BUDGETS: Final[dict[Effort, int]] = {
    "minimal": LEAST_BUDGET,
    "low": 2048,
    "medium": 8192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 65_536,
}
_EFFORTS: Final[dict[Effort, str]] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}

Thinking = dict[str, Any] | None


def asks_to_think(request: Request) -> bool:
    """Return whether the client wants thoughts, however many."""
    return not _declines(request) and (
        bool(request.thinks) or request.budget is not None or request.effort is not None
    )


def _declines(request: Request) -> bool:
    return request.thinks is False or request.effort == "none" or request.budget == 0


def thinking_of(
    request: Request, traits: Traits, max_tokens: int, *, forced: bool, loop: bool
) -> tuple[Thinking, str | None]:
    """Return ``thinking`` and ``output_config.effort``, either None where it is not to be said.

    ``forced``: a tool must be called. ``loop``: the model answers results of its calls, and its thoughts are lost.
    """
    if traits.thinking == "none":
        return None, None
    if _declines(request):
        return _off(traits)
    if not asks_to_think(request):
        return None, None
    if traits.thinking == "adaptive":
        shown = {"display": "summarized"} if traits.displays else {}
        return None if forced else {"type": "adaptive", **shown}, _effort(request, traits)
    if forced or loop:
        return None, None
    wanted = request.budget or _BUDGETS[request.effort or "medium"]
    # The client's limit stands, and something must be left of it for the answer.
    budget = min(max(wanted, LEAST_BUDGET), max_tokens * 3 // 4)
    return {"type": "enabled", "budget_tokens": budget} if budget >= LEAST_BUDGET else None, None


def _off(traits: Traits) -> tuple[Thinking, str | None]:
    match traits.off:
        case "never":
            return None, "low"
        case "omitted":
            return None, None
        case word:
            return {"type": word}, None


def _effort(request: Request, traits: Traits) -> str | None:
    if request.effort is not None:
        word = _EFFORTS[request.effort]
        return "high" if word == "xhigh" and not traits.xhigh else word
    if request.budget is None:
        return None
    return "low" if request.budget <= 2048 else "medium" if request.budget <= 16_384 else "high"
