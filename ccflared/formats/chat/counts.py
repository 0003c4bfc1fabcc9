"""The tokens that Chat Completions report, in the neutral kinds: OpenAI's prompt tokens include those of the cache."""

from collections.abc import Mapping
from typing import Any

from ccflared.formats.events import Usage


def usage_in(answer: Mapping[str, Any]) -> Usage | None:
    """Return the usage that an answer or a chunk tells; None where it tells none."""
    usage = usage_object(answer)
    return usage_of(usage) if usage is not None else None


def usage_object(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the usage of an answer or a chunk as it was reported; None where there is none.

    Nearly all tell it in ``usage``; Groq's streams in ``x_groq``, Moonshot's in the choice that ends.
    """
    usage = answer.get("usage")
    if usage is None and "x_groq" in answer:
        usage = _members(answer.get("x_groq")).get("usage")
    if usage is None and (choices := answer.get("choices")) and isinstance(choices, list):
        usage = _members(choices[0]).get("usage")
    return usage if isinstance(usage, dict) else None


def usage_of(usage: Mapping[str, Any]) -> Usage | None:
    """Read a usage object. None: it tells of no tokens as Chat Completions do."""
    prompt, output = count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens"))
    if prompt is None and output is None:
        return None
    details = _members(usage.get("prompt_tokens_details"))
    read = _first(
        details.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),  # DeepSeek
        usage.get("cached_tokens"),  # Moonshot
    )
    written = _first(details.get("cache_write_tokens"), details.get("cache_creation_tokens"))
    reasoning = count_of(_members(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    # xAI's completion tokens leave out the thoughts, everybody else's have them in; the sum tells which it is.
    total = count_of(usage.get("total_tokens"))
    if reasoning and total is not None and total == (prompt or 0) + (output or 0) + reasoning:
        output = (output or 0) + reasoning
    return Usage(
        input=None if prompt is None else max(0, prompt - (read or 0) - (written or 0)),
        output=output,
        cache_read=read,
        cache_write=written,
        reasoning=reasoning,
    )


def _first(*values: object) -> int | None:
    return next((count for value in values if (count := count_of(value)) is not None), None)


def count_of(value: object) -> int | None:
    """Return a number of tokens; None for anything that is none. Proxies in JavaScript write 12.0, too."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
