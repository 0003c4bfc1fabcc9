"""Reads an upstream's answer as an Observation: what it says about the request, the model, the account or the provider.

One function for whole answers, one for errors inside a stream, one for answers that never came. None means that
the answer is the client's: a success, or a fault of the request itself, which touches no account.
"""

import re
from dataclasses import replace
from typing import Final

from ccflared.errors import ConnectFailed, UpstreamError, UpstreamTimeout
from ccflared.providers.facts import STREAM, Facts, is_stream, read, read_event, speaks_the_api
from ccflared.providers.rows import Row, row_of
from ccflared.providers.signs import NO_SIGNS, Signs
from ccflared.wire import Head, Observation

__all__ = ["STREAM", "is_stream", "observe", "observe_event", "observe_failure", "remark"]

_ESCAPE: Final = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?")
"""What colours a terminal or moves its cursor; without its first letter the rest would be left as text."""
_LONGEST_QUOTE: Final = 160
_LONGEST_WORD: Final = 60

_ASKS_A_MODEL: Final = frozenset({"/v1/messages", "/v1/chat/completions", "/v1/responses"})
_ASKS_ABOUT: Final = re.compile(r"/v1/messages/count_tokens|/v1/models(?:/.+)?")

_NOTHING: Final = Head(200, ((b"content-type", STREAM),))


def observe(
    path: str, head: Head, body: bytes, now: float, *, signs: Signs = NO_SIGNS, model: str | None = None
) -> Observation | None:
    """Classify an answer by status, header fields and the beginning of its body (for errors only).

    ``path`` is what the client asked for: only requests for a message say anything about an account; what comes of
    counting tokens or listing models speaks of that request, and what is passed through elsewhere is the client's.
    ``signs`` are the codes of the account's provider; ``model`` is the name that the upstream was asked for.
    """
    generates = path in _ASKS_A_MODEL
    if not generates and not _ASKS_ABOUT.fullmatch(path):
        return None
    if head.status < 300 and (not generates or (not body and speaks_the_api(head))):
        return None
    facts = read(path, head, body, now, signs=signs, model=model)
    row = row_of(facts)
    if row.client:
        return None
    seen = _seen(row, facts)
    return seen if generates else replace(seen, scope="request")


def remark(
    path: str, head: Head, body: bytes, now: float, *, signs: Signs = NO_SIGNS, model: str | None = None
) -> str:
    """Return in the table's words what an answer is that is the client's own; "" for a success and other paths."""
    if path not in _ASKS_A_MODEL and not _ASKS_ABOUT.fullmatch(path):
        return ""
    facts = read(path, head, body, now, signs=signs, model=model)
    row = row_of(facts)
    return _seen(row, facts).reason if row.client and row.kind != "served" else ""


def observe_event(
    raw: bytes,
    head: Head | None = None,
    now: float = 0.0,
    *,
    signs: Signs = NO_SIGNS,
    model: str | None = None,
) -> Observation:
    """Classify an ``event: error`` of a stream; ``head`` is that of its answer, whose limits may tell more."""
    facts = read_event(raw, head or _NOTHING, now, signs=signs, model=model)
    return _seen(row_of(facts), facts)


def observe_failure(error: UpstreamError) -> Observation:
    """Classify an answer that never came, or broke before anything of it was passed on."""
    match error:
        case ConnectFailed():
            return Observation("provider", "connect", str(error))
        case UpstreamTimeout():
            return Observation("account", "time-out", str(error))
        case _:
            return Observation("account", "broken", str(error))


def _seen(row: Row, facts: Facts) -> Observation:
    """Say in the row's words, and the upstream's, what was observed."""
    word = quoted(facts.kind or facts.code or "api_error", _LONGEST_WORD)
    reason = row.reason.format(
        what=word if facts.inside else f"status {facts.status}",
        status=facts.status,
        content=quoted((facts.head.get(b"content-type") or b"nothing").decode("latin-1"), _LONGEST_WORD),
    )
    if facts.inside:
        reason += ", told inside the stream" if is_stream(facts.head) else ", told inside a success"
    if facts.message:
        reason += f": {quoted(facts.message)}"
    return Observation(row.scope, row.kind, reason, row.until(facts), row.confidence)


def quoted(text: str, longest: int = _LONGEST_QUOTE) -> str:
    """Text from outside, made fit for a line: printable, single-spaced, short."""
    text = " ".join("".join(c if c.isprintable() else " " for c in _ESCAPE.sub("", text)).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
