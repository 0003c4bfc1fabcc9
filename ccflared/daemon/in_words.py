"""A request and its tries as lines of the log, for level debug. What others have said is quoted short. Pure."""

from typing import Final

from ccflared.wire import Attempt, Entry

_QUOTED: Final = 200
"""Letters of what others have said."""


def try_words(attempt: Attempt) -> str:
    """Return what came of a try."""
    asked = attempt.account if attempt.model is None else f"{attempt.account} for {attempt.model}"
    status = "" if attempt.status is None else f"{attempt.status} "
    said = f": {_short(attempt.reason)}" if attempt.reason else ""
    return f"asked {asked} ({attempt.why}): {status}{attempt.kind} after {_seconds(attempt.took_ms)}{said}"


def request_words(entry: Entry) -> str:
    """Return how a request of a client has ended."""
    asked = f"{entry.method} {_short(entry.path)}"
    if entry.model is not None:
        asked += f" for {_short(entry.model)}"
    ended = "no answer" if entry.status is None else str(entry.status)
    by = "" if entry.account is None else f" by {entry.account}"
    parts = [f"{asked}: {ended}, {entry.outcome.replace('_', ' ')}{by} in {_seconds(entry.total_ms)}"]
    if len(entry.attempts) > 1:
        parts.append(f"{len(entry.attempts)} tries")
    tokens = entry.tokens
    if tokens.output is not None:
        parts.append(f"{tokens.input or 0} tokens in, {tokens.output} out")
    if tokens.cache_read:
        parts.append(f"{tokens.cache_read} from the cache")
    if entry.cost is not None:
        parts.append(f"{entry.cost / 1e6:.4f} USD")
    said = "" if entry.error is None else f": {_short(entry.error)}"
    return ", ".join(parts) + said


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"


def _short(text: str) -> str:
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…"
