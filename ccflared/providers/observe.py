"""Reads an upstream's answer as an Observation: what it says about the request, the account or the provider.

One function for whole answers, one for errors inside a stream, one for answers that never came. None means that
the answer is the client's: a success, or a fault of the request itself, which touches no account.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from ccflared.errors import ConnectFailed, UpstreamError, UpstreamTimeout
from ccflared.formats import anthropic
from ccflared.wire import Head, Observation

_JSON = b"application/json"
STREAM = b"text/event-stream"

_UNIFIED = b"anthropic-ratelimit-unified-"
_LONGEST_QUOTE = 160


def observe(path: str, head: Head, body: bytes, now: float) -> Observation | None:
    """Classify an answer by status, header fields and the beginning of its body (for errors only).

    ``path`` is what the client asked for: a limit on counting tokens says nothing about the account.
    """
    status = head.status
    if status < 300:
        return None if path != "/v1/messages" or _speaks_the_api(head) else _not_the_api(head)
    said = _said(body)
    match status:
        case 429 if path.endswith("/count_tokens"):
            return Observation("request", "limit", f"counting tokens is limited{said}")
        case 429 if _windowless(head):
            return Observation("request", "windowless limit", f"429 without any limit named{said}")
        case 429:
            return Observation("account", "limit", f"limit reached{said}", reset_of(head, now))
        case 529:
            return Observation("account", "overloaded", f"overloaded{said}")
        case 401:
            return Observation("account", "credential", f"the credential is not accepted{said}")
        case 402:
            return Observation("account", "payment", f"the provider wants to be paid{said}")
        case 403:
            return Observation("account", "forbidden", f"the account may not do this{said}")
        case 408:
            return Observation("account", "time-out", f"the upstream gave up waiting{said}")
        case _ if status < 400:
            return Observation("account", "redirect", f"a redirect ({status}), which is never followed")
        case _ if status >= 500:
            return Observation("account", "server error", f"status {status}{said}")
        case _:
            return None


def observe_event(raw: bytes) -> Observation:
    """Classify an ``event: error`` of a stream."""
    kind, message = anthropic.error_of(raw)
    said = f": {_quoted(message)}" if message else ""
    match kind:
        case "overloaded_error":
            return Observation("account", "overloaded", f"overloaded, told inside the stream{said}")
        case "rate_limit_error":
            return Observation("account", "limit", f"limit reached, told inside the stream{said}")
        case "authentication_error":
            return Observation("account", "credential", f"the credential is not accepted{said}")
        case "invalid_request_error" | "not_found_error" | "request_too_large":
            return Observation("request", "invalid request", f"{kind} inside the stream{said}")
        case _:
            return Observation("account", "server error", f"{_quoted(kind)} inside the stream{said}")


def observe_failure(error: UpstreamError) -> Observation:
    """Classify an answer that never came, or broke before anything of it was passed on."""
    match error:
        case ConnectFailed():
            return Observation("account", "connect", str(error))
        case UpstreamTimeout():
            return Observation("account", "time-out", str(error))
        case _:
            return Observation("account", "broken", str(error))


def reset_of(head: Head, now: float) -> float | None:
    """Return when a limit ends, as a wall-clock time, by whichever field tells; None if none does.

    ``anthropic-ratelimit-unified-reset``, and those of a window with status ``rejected``, count Unix seconds;
    ``retry-after`` is seconds or a date (RFC 9110 section 10.2.3).
    """
    for name in (_UNIFIED + b"reset", *_spent_windows(head), b"retry-after"):
        value = (head.get(name) or b"").strip()
        if re.fullmatch(rb"\d{1,12}(\.\d+)?", value):
            number = float(value)
            return number if number > 1e9 else now + number
        if value and (at := _date(value.decode("latin-1"))) is not None:
            return at
    return None


def _spent_windows(head: Head) -> list[bytes]:
    """Return the reset fields of the windows that are spent; a 429 may name only those."""
    windows = [b"7d", b"5h"]
    return [
        _UNIFIED + window + b"-reset"
        for window in windows
        if (head.get(_UNIFIED + window + b"-status") or b"").strip().lower() == b"rejected"
    ]


def _date(text: str) -> float | None:
    try:
        at = parsedate_to_datetime(text)
        # A date without a zone is meant in GMT like every other date of HTTP, wherever this daemon stands.
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _windowless(head: Head) -> bool:
    """Whether a 429 names no limit at all and asks to be tried again: it speaks of this one request."""
    if (head.get(b"x-should-retry") or b"").lower() != b"true" or head.get(b"retry-after") is not None:
        return False
    return not any(name.startswith((b"anthropic-ratelimit-", b"x-ratelimit-")) for name, _ in head.headers)


def is_stream(head: Head) -> bool:
    """Whether the answer is a stream of events."""
    return (head.get(b"content-type") or b"").strip().lower().startswith(STREAM)


def _speaks_the_api(head: Head) -> bool:
    return is_stream(head) or _JSON in (head.get(b"content-type") or b"").lower()


def _not_the_api(head: Head) -> Observation:
    kind = _quoted((head.get(b"content-type") or b"nothing").decode("latin-1"))
    return Observation(
        "account", "not the API", f"answered {head.status} with {kind}: something stands between"
    )


def _said(body: bytes) -> str:
    if not body.lstrip().startswith(b"{"):
        return ""
    _, message = anthropic.error_of(body)
    return f": {_quoted(message)}" if message else ""


def _quoted(text: str) -> str:
    """Text from outside, made fit for a line: printable, single-spaced, short."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
