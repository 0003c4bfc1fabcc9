"""What the rows of the table ask of an answer: does it fit, and when does it say that this ends."""

import re
from collections.abc import Callable
from typing import Final

from ccflared.providers.facts import Facts
from ccflared.providers.resets import moment, per_minute_reset, rate_limit_reset, retry_after, unified_reset

Fits = Callable[[Facts], bool]

# A page of whatever stands before the API has these statuses; with a 5xx the API may well be behind it, and down.
_PAGES: Final = frozenset({403, 404, 405, 413, 429, 451})

_OVERLOADED: Final = frozenset({"overloaded_error", "engine_overloaded_error"})  # Anthropic; Moonshot
# Anthropic, OpenAI (three), DeepSeek and resellers, MiniMax, Moonshot, Alibaba.
_UNPAID: Final = frozenset(
    {
        *("billing_error", "insufficient_quota", "billing_hard_limit_reached", "billing_not_active"),
        *("insufficient_balance", "insufficient_balance_error", "exceeded_current_quota_error", "Arrearage"),
    }
)
_UNKNOWN_MODEL: Final = frozenset({"model_not_found", "ResourceNotFoundException"})  # OpenAI; Amazon

_NO_MODEL: Final = re.compile(
    r"\bmodel\b.{0,160}\b(?:not found|does not exist|doesn't exist)|\bmodel identifier is invalid"
    r"|\bnot a valid model\b|\b(?:unknown|no such) model\b|\bno endpoints found\b",
    re.DOTALL,
)
_NO_ACCESS: Final = re.compile(
    r"\baccess to (?:the |this )?model\b"
    r"|\bmodel\b.{0,160}\bnot (?:allowed|available|enabled|permitted|authorized|found|have access)",
    re.DOTALL,
)
_TOO_LONG: Final = re.compile(
    r"\b(?:prompt|input) is too long|\bmaximum context length|\bexceeds? (?:the )?context (?:window|limit)"
)
# What these say holds for the whole account; and upstreams repeat what they were sent, a model's or a beta's name. So
# they count at the beginning of a message alone, and not where the client calls the model so. Doubt does less harm
# than a rest of days: it may stand behind a gateway's own words, if they quote nothing.
_REGAINED: Final = re.compile(
    r"You have reached your .{0,80}?regain access on ([0-9]{4}-[0-9]{2}-[0-9]{2}) at ([0-9]{2}:[0-9]{2}) UTC",
    re.DOTALL,
)
_BALANCE_EMPTY: Final = re.compile(r"[\w .:-]{0,60}\bcredit balance is too low", re.IGNORECASE)
_ORGANISATION_CLOSED: Final = re.compile(r"[\w .:-]{0,60}\borganization has been disabled", re.IGNORECASE)


# Does it fit?


def means(meaning: str) -> Fits:
    """Fit what the provider's own code means."""
    return lambda f: f.meaning == meaning


def limited(fits: Fits) -> Fits:
    """Fit a 429 that also fits the other criterion."""
    return lambda f: f.status == 429 and fits(f)


def a_page(f: Facts) -> bool:
    """Fit a page for people where the API was asked."""
    return f.html and (f.status < 300 or f.status in _PAGES)


def overloaded(f: Facts) -> bool:
    """Fit an error that is named an overload, whatever its status."""
    return not _OVERLOADED.isdisjoint((f.kind, f.code))


def family_spent(f: Facts) -> bool:
    """Fit where all spent windows count a family of models alone."""
    return bool(f.spent) and all(w.family is not None for w in f.spent)


def family_claimed(f: Facts) -> bool:
    """Fit a refusal that names such a window without giving its status."""
    claim = f.unified.claim if f.unified else None
    return f.hard and claim is not None and claim.family is not None


def refused(f: Facts) -> bool:
    """Fit what a plan's status refuses, or a reset of a plan that comes without any status."""
    if f.unified is None or f.hard:
        return f.hard
    return not (f.unified.status or f.unified.windows) and unified_reset(f.head) is not None


def out_of_credits(f: Facts) -> bool:
    """Fit a refusal because the paid credits, which alone would serve it, are used up."""
    return f.unified is not None and f.unified.overage_disabled == "out_of_credits"


def of_a_plan(f: Facts) -> bool:
    """Fit an answer that tells of a plan's windows."""
    return f.unified is not None and bool(f.unified.status or f.unified.windows)


def unpaid(f: Facts) -> bool:
    """Fit an error about money by its name, or by Anthropic's words for an empty prepaid balance (a 400)."""
    named = not _UNPAID.isdisjoint((f.kind, f.code))
    return f.status >= 400 and (named or _said_by_itself(f, _BALANCE_EMPTY))


def spend_limited(f: Facts) -> bool:
    """Fit the spend limit that an API organisation has set itself, which is told by a 400."""
    return f.status in (400, 429) and _said_by_itself(f, _REGAINED)


def to_be_retried(f: Facts) -> bool:
    """Fit an answer that asks to be tried again and names nothing to wait for."""
    return (f.head.get(b"x-should-retry") or b"").strip().lower() == b"true" and not f.inside


def credential_refused(f: Facts) -> bool:
    """Fit a 401, or any 4xx that names the key."""
    return f.status == 401 or (400 <= f.status < 500 and f.code == "invalid_api_key")


def token_refused(f: Facts) -> bool:
    """Fit Anthropic's 403 for an OAuth token that has ended or was taken back, which is no matter of permission."""
    return (
        f.status == 403 and "oauth token" in f.low and any(word in f.low for word in ("revoked", "expired"))
    )


def model_forbidden(f: Facts) -> bool:
    """Fit a 403 that is about the model, not the account."""
    if f.status != 403:
        return False
    named = not _UNKNOWN_MODEL.isdisjoint((f.kind, f.code)) or f.names_model
    return named or _NO_ACCESS.search(f.low) is not None


def forbidden(f: Facts) -> bool:
    """Fit a 403, or Anthropic's 400 for an organisation that it has closed."""
    return f.status == 403 or (f.status == 400 and _said_by_itself(f, _ORGANISATION_CLOSED))


def model_unknown(f: Facts) -> bool:
    """Fit a 400 or 404 that says there is no such model."""
    if f.status not in (400, 404):
        return False
    if not _UNKNOWN_MODEL.isdisjoint((f.kind, f.code)) or _NO_MODEL.search(f.low) is not None:
        return True
    return f.kind == "not_found_error" and "model" in f.low


def too_long(f: Facts) -> bool:
    """Fit a prompt that does not fit the model's context."""
    told = f.code == "context_length_exceeded" or _TOO_LONG.search(f.low) is not None
    return f.status in (400, 413, 422) and told


def _said_by_itself(f: Facts, said: re.Pattern[str]) -> bool:
    """Whether the message begins so, and does not repeat it from what the client calls the model."""
    return said.match(f.message) is not None and said.search(f.model or "") is None


# When does it end?


def untold(_: Facts) -> float | None:
    """Nobody says when."""
    return None


def after(f: Facts) -> float | None:
    """When retry-after says."""
    return retry_after(f.head, f.now)


def spent_end(f: Facts) -> float | None:
    """When the last of the spent windows ends: of those for all models, if there are any."""
    wide = [w.resets_at for w in f.spent if w.family is None]
    ends = wide or [w.resets_at for w in f.spent]
    told = max((at for at in ends if at is not None), default=None)
    return _first(told, unified_reset(f.head), after(f))


def claim_end(f: Facts) -> float | None:
    """When the window ends that the answer says it is about."""
    claim = f.unified.claim if f.unified else None
    return _first(claim.resets_at if claim else None, unified_reset(f.head), after(f))


def per_minute_end(f: Facts) -> float | None:
    """When retry-after says, else when the used-up limits of an API key are whole again."""
    return _first(after(f), per_minute_reset(f.head))


def rate_limit_end(f: Facts) -> float | None:
    """When retry-after says, else what the x-ratelimit fields tell."""
    return _first(after(f), rate_limit_reset(f.head, f.now))


def overload_end(f: Facts) -> float | None:
    """When any field says; retry-after first, for the reset of a plan's window is about something else."""
    return _first(rate_limit_end(f), unified_reset(f.head))


def message_end(f: Facts) -> float | None:
    """When the message says, in the wall-clock time of its provider, else retry-after."""
    return _first(f.signs.time_in(f.message), after(f))


def regained_end(f: Facts) -> float | None:
    """When the message says: "You will regain access on 2026-11-01 at 00:00 UTC"."""
    match = _REGAINED.match(f.message)
    return _first(moment(f"{match[1]}T{match[2]}:00Z") if match else None, after(f))


def _first(*told: float | None) -> float | None:
    return next((at for at in told if at is not None), None)
