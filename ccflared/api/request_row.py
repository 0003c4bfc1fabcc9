"""A request as REST shows it in a row: the same, whether it comes from the history or has just ended."""

from typing import Any, Final

from ccflared.api.legacy_usage import iso
from ccflared.wire import Entry, Outcome

_TERMINAL: Final[dict[Outcome, str]] = {
    "complete": "complete",
    "truncated": "truncated",
    "error": "error",
    "client_gone": "client_cancelled",
    "refused": "error",
}


def row_of(entry: Entry, has_payload: bool) -> dict[str, Any]:
    """Return the row of a request. ``has_payload``: whether its bodies were kept."""
    tokens = entry.tokens
    last = entry.attempts[-1] if entry.attempts else None
    written = _sum(tokens.cache_write_5m, tokens.cache_write_1h)
    prompt = _sum(tokens.input, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h)
    asked = last.model if last else None
    return {
        "id": entry.id,
        "timestamp": iso(int(entry.at * 1000 + 0.5) / 1000),
        "at": entry.at,
        "method": entry.method,
        "path": entry.path,
        "accountUsed": entry.account,
        "provider": entry.provider,
        "statusCode": entry.status,
        "success": succeeded(entry),
        "outcome": entry.outcome,
        "errorMessage": why(entry),
        "responseTimeMs": entry.total_ms,
        "firstByteMs": entry.first_byte_ms,
        "firstTokenMs": entry.first_token_ms,
        "lastTokenMs": entry.last_token_ms,
        "overheadUs": entry.overhead_us,
        "failoverAttempts": max(0, len(entry.attempts) - 1),
        "tries": len(entry.attempts),
        "model": next((name for name in (entry.served_model, asked, entry.model) if name is not None), None),
        "originalModel": entry.model,
        "appliedModel": asked,
        "promptTokens": prompt,
        "completionTokens": tokens.output,
        "totalTokens": _sum(prompt, tokens.output),
        "inputTokens": tokens.input,
        "outputTokens": tokens.output,
        "cacheReadInputTokens": tokens.cache_read,
        "cacheCreationInputTokens": written,
        "cacheCreation5mInputTokens": tokens.cache_write_5m,
        "cacheCreation1hInputTokens": tokens.cache_write_1h,
        "tokensPerSecond": _speed(entry),
        "costUsd": None if entry.cost is None else entry.cost / 1_000_000,
        "costSource": entry.cost_source,
        "priceSource": entry.price_source,
        "billingType": entry.billing,
        "project": entry.project,
        "projectSource": entry.project_source,
        "clientSessionId": entry.conversation,
        "apiKeyId": entry.client,
        "apiKeyName": entry.client,
        "client": entry.client,
        "userAgent": entry.user_agent,
        "comboName": entry.chain,
        "origin": entry.origin,
        "stream": entry.stream,
        "stopReason": entry.stop_reason,
        "streamTerminalState": _TERMINAL[entry.outcome] if entry.stream else None,
        "rateLimited": entry.status == 429,
        "hasPayload": has_payload,
    }


def succeeded(entry: Entry) -> bool:
    """Return whether nothing went wrong; a client that leaves is no failure of anybody's."""
    complete = entry.outcome == "complete" and entry.status is not None and entry.status < 400
    return complete or entry.outcome == "client_gone"


def why(entry: Entry) -> str | None:
    """Return why it failed: of what was given on to the client, as the upstream of the last try said it."""
    if entry.error is not None or entry.status is None or entry.status < 400 or not entry.attempts:
        return entry.error
    return entry.attempts[-1].reason or None


def _sum(*numbers: int | None) -> int | None:
    """Return the sum of what is known; None where nothing is."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _speed(entry: Entry) -> float | None:
    """Return the output tokens a second from the first to the last; None where that is not known."""
    first, last, count = entry.first_token_ms, entry.last_token_ms, entry.tokens.output
    if first is None or last is None or last <= first or count is None or count <= 0:
        return None
    return round(count * 1000 / (last - first), 2)
