"""Reads the usage windows of a plan off the ``anthropic-ratelimit-unified-`` fields of an answer.

The fields are not documented by Anthropic; names and values are those that its answers carry and Claude Code reads.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from ccflared.formats.families import FAMILIES
from ccflared.providers.resets import moment, number, text_of
from ccflared.wire import Head, Quota, Window

PREFIX: Final = b"anthropic-ratelimit-unified-"

HARD: Final = frozenset({"rejected", "rate_limited", "blocked", "queueing_hard", "payment_required"})
SOFT: Final = frozenset({"allowed", "allowed_warning", "queueing_soft"})

_USUAL: Final = 2048
"""Bytes of all their values together, about four times what is sent."""

# "Overage included": the weekly window that requests to Fable are counted in, and no others.
_FAMILY_OF_SUFFIX: Final = {"oi": "fable", "overage_included": "fable"}

_FIELD: Final = re.compile(
    re.escape(PREFIX)
    + rb"([0-9]{1,3}[mhdw](?:[_-][a-z0-9_-]{1,40}?)?)-(utilization|reset|status|surpassed-threshold)"
)
_CLAIMED: Final = {"five_hour": "5h", "seven_day": "7d"}
_MOST_WINDOWS: Final = 16
# Overdrawn windows are told as 1.01 and the like; what is far beyond is no share of anything.
_HIGHEST_SHARE: Final = 10.0

Overage = Literal["in use", "available", "unavailable"]


@dataclass(frozen=True, slots=True)
class Unified:
    """The unified fields of one answer, read. ``status`` and the texts are "" where they are not told."""

    status: str
    windows: tuple[Window, ...]
    statuses: frozenset[str]
    """Names of the windows that told a status of their own."""
    claim: Window | None
    """The window that the answer says it is about."""
    overage: Overage | None
    overage_disabled: str
    """Why there is no paid extra usage, word for word."""


def read_quota(head: Head, now: float) -> Quota | None:
    """Return the usage windows that an answer tells of; None where it has no unified field. Nonsense is passed over."""
    unified = read_unified(head)
    return None if unified is None else Quota(now, unified.windows, unified.overage)


def read_unified(head: Head) -> Unified | None:
    """Return the unified fields of an answer; None where it has none."""
    fields = tuple(field for field in head.headers if field[0].startswith(PREFIX))
    if not fields:
        return None
    # What is remembered is bounded in size, too: an upstream may send fields of any length.
    read = _read if sum(len(value) for _, value in fields) <= _USUAL else _read.__wrapped__
    return read(Head(200, fields))


@lru_cache(maxsize=256)
def _read(head: Head) -> Unified:
    """Read the fields, which alone are there. An account tells the same for many answers in a row."""
    told: dict[str, dict[bytes, str]] = {}
    for name, value in head.headers:
        match = _FIELD.fullmatch(name)
        if match and (match[1].decode() in told or len(told) < _MOST_WINDOWS):
            fields = told.setdefault(match[1].decode(), {})
            fields.setdefault(match[2], value.decode("latin-1").strip())
    windows = {window.name: window for window in (_window(name, fields) for name, fields in told.items())}
    return Unified(
        status=text_of(head, PREFIX + b"status").lower(),
        windows=tuple(windows.values()),
        statuses=frozenset(_window(name, {}).name for name, fields in told.items() if fields.get(b"status")),
        claim=_claim(text_of(head, PREFIX + b"representative-claim"), windows),
        overage=_overage(head),
        overage_disabled=text_of(head, PREFIX + b"overage-disabled-reason"),
    )


def _window(abbreviation: str, fields: dict[bytes, str]) -> Window:
    length, _, suffix = abbreviation.replace("-", "_").partition("_")
    family = _FAMILY_OF_SUFFIX.get(suffix) or next((f for f in FAMILIES if f in suffix.split("_")), None)
    share = number(fields.get(b"utilization", ""))
    if share is None:
        # At least so much is used: better than to know nothing of it.
        share = number(fields.get(b"surpassed-threshold", ""))
    return Window(
        name=f"{length} {family or suffix}".rstrip(),
        utilization=share if share is not None and share <= _HIGHEST_SHARE else None,
        resets_at=moment(fields.get(b"reset", "")),
        spent=fields.get(b"status", "").lower() in HARD,
        family=family,
    )


def _claim(name: str, windows: dict[str, Window]) -> Window | None:
    """Return the window that ``representative-claim`` names: ``five_hour``, ``seven_day``, ``seven_day_opus`` …"""
    for word, length in _CLAIMED.items():
        if name == word or name.startswith(word + "_"):
            window = _window(length + name.removeprefix(word), {})
            return windows.get(window.name, window)
    return None


def _overage(head: Head) -> Overage | None:
    if text_of(head, PREFIX + b"overage-in-use").lower() == "true":
        return "in use"
    status = text_of(head, PREFIX + b"overage-status").lower()
    if status in SOFT:
        return "available"
    if status in HARD or "disabled" in status or text_of(head, PREFIX + b"overage-disabled-reason"):
        return "unavailable"
    return None
