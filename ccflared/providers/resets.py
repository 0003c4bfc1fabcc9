"""When a limit ends, as the fields of an answer tell it. What none of them tells stays unknown.

All times are seconds of the wall clock; a time that has passed already is returned as it was told.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil

from ccflared.wire import Head, Headers

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,20})?")
# 1s, 6m0s, 20ms, 2m59.56s, 1h2m3s: how Go prints a duration, and with it OpenAI, Groq and others.
_DURATION = re.compile(
    r"(?:([0-9]{1,4})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m(?!s))?"
    r"(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)ms)?"
)
_DURATION_SECONDS = (86400.0, 3600.0, 60.0, 1.0, 0.001)

# Numbers tell by their size what they count: a duration, Unix seconds (since 2001), or Unix milliseconds.
_FIRST_UNIX_TIME = 1e9
_FIRST_UNIX_MS = 1e11
_LATEST = 1e11  # the year 5138; later than that is no time at all

_PER_MINUTE = re.compile(rb"anthropic-ratelimit-(?!unified-)([a-z0-9-]{1,40})-remaining")
_REMAINING = re.compile(rb"x-ratelimit-remaining-([a-z0-9_-]{1,40})")
_RESET = re.compile(rb"x-ratelimit-reset-([a-z0-9_-]{1,40})")


def text_of(head: Head, name: bytes) -> str:
    """Return a header field without the blanks around it; "" where it is missing."""
    return (head.get(name) or b"").decode("latin-1").strip()


def number(text: str) -> float | None:
    """Return a plain decimal number, which is never negative; None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def moment(text: str) -> float | None:
    """Return the time that Unix seconds or an RFC 3339 date tell; None for anything else."""
    if (value := number(text)) is not None:
        return value if _FIRST_UNIX_TIME <= value < _FIRST_UNIX_MS else None
    try:
        at = datetime.fromisoformat(text)
        return at.timestamp() if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def duration(text: str) -> float | None:
    """Return the seconds of a duration such as ``6m0s`` or ``20ms``; None for anything else."""
    match = _DURATION.fullmatch(text) if text else None
    if match is None:
        return None
    parts = zip(match.groups(), _DURATION_SECONDS, strict=True)
    return sum(float(part) * seconds for part, seconds in parts if part)


def retry_after(head: Head, now: float) -> float | None:
    """Return what ``retry-after`` tells: seconds or a date (RFC 9110 section 10.2.3).

    ``retry-after-ms``, which OpenAI's clients know too, says the same more exactly and counts first.
    """
    if (ms := number(text_of(head, b"retry-after-ms"))) is not None and ms < _FIRST_UNIX_MS:
        return now + ms / 1000
    text = text_of(head, b"retry-after")
    if (value := number(text)) is not None:
        if value >= _LATEST:
            return None
        return value if value > _FIRST_UNIX_TIME else now + value
    return _date(text) if text else None


def wait_fields(head: Head, now: float) -> Headers:
    """Return the fields that tell a client of this answer when to ask again; none where nothing is told.

    ``retry-after`` in whole seconds, from whatever told it: a date or an odd number would be misread by some clients.
    A 429 without one is told the end of the limits that it names. ``retry-after-ms`` is kept, for OpenAI's clients.
    """
    until = retry_after(head, now)
    if until is None and head.status == 429:
        until = rate_limit_reset(head, now)
        if until is None:
            until = per_minute_reset(head)
    if until is None:
        return ()
    fields = ((b"retry-after", str(max(0, ceil(until - now))).encode()),)
    ms = text_of(head, b"retry-after-ms")
    return fields if number(ms) is None else (*fields, (b"retry-after-ms", ms.encode()))


def unified_reset(head: Head) -> float | None:
    """Return ``anthropic-ratelimit-unified-reset``: the end of the window that the answer is about."""
    return moment(text_of(head, b"anthropic-ratelimit-unified-reset"))


def per_minute(head: Head) -> bool:
    """Whether the limits of an API key are told: ``anthropic-ratelimit-requests-remaining`` and its like."""
    return any(_PER_MINUTE.fullmatch(name) for name, _ in head.headers)


def per_minute_reset(head: Head) -> float | None:
    """Return when the last of the API key's limits that are used up is whole again (RFC 3339 in the fields).

    Source: the rate limits page of Anthropic's API documentation.
    """
    ends = [
        moment(text_of(head, b"anthropic-ratelimit-" + match[1] + b"-reset"))
        for name, value in head.headers
        if (match := _PER_MINUTE.fullmatch(name)) and number(value.decode("latin-1").strip()) == 0
    ]
    return max((end for end in ends if end is not None), default=None)


def rate_limit_reset(head: Head, now: float) -> float | None:
    """Return what the ``x-ratelimit-`` fields of OpenAI-style hosts tell.

    Of ``x-ratelimit-reset-requests``, ``-tokens`` and their like the latest whose ``remaining`` is 0 or not told,
    else ``x-ratelimit-reset`` or ``ratelimit-reset``. Durations, seconds, Unix seconds and milliseconds are all in use.
    """
    left = {match[1]: value for name, value in head.headers if (match := _REMAINING.fullmatch(name))}
    ends = [
        _ahead(value.decode("latin-1").strip(), now)
        for name, value in head.headers
        if (match := _RESET.fullmatch(name)) and _used_up(left.get(match[1]))
    ]
    told = [end for end in ends if end is not None]
    if told:
        return max(told)
    for prefix in (b"x-ratelimit-", b"ratelimit-"):
        if _used_up(head.get(prefix + b"remaining")):
            end = _ahead(text_of(head, prefix + b"reset"), now)
            if end is not None:
                return end
    return None


def _used_up(remaining: bytes | None) -> bool:
    return remaining is None or number(remaining.decode("latin-1").strip()) in (None, 0.0)


def _ahead(text: str, now: float) -> float | None:
    """Read a reset that may be a duration or a time, in seconds or milliseconds."""
    if (value := number(text)) is not None:
        if value >= _FIRST_UNIX_MS:
            value /= 1000
        if value >= _LATEST:
            return None
        return value if value > _FIRST_UNIX_TIME else now + value
    if (seconds := duration(text)) is not None:
        return now + seconds
    return moment(text)


def _date(text: str) -> float | None:
    try:
        at = parsedate_to_datetime(text)
        # A date without a zone is meant in GMT like every other date of HTTP, wherever this daemon stands.
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
