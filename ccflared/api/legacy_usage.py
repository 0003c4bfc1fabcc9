"""Usage windows in the shape of better-ccflare's REST API: percentages by the names that Anthropic's answer has."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_LENGTHS = {"5h": "five_hour", "7d": "seven_day"}


def iso(at: float | None) -> str | None:
    """Write a wall-clock time as that API does; None for None, and for a time that no calendar has."""
    if at is None:
        return None
    try:
        written = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None
    return written.replace("+00:00", "Z")


def usage_fields(usage: Mapping[str, Any] | None, now: float) -> dict[str, Any]:
    """Return ``usageUtilization``, ``usageWindow`` and ``usageData`` of an account; null where nothing was told.

    The first is that of the account's fullest window; limits of single model families are in ``usageData`` alone.
    """
    windows = [] if usage is None else list(usage["windows"])
    told = {_name(window["name"]): _told(window, now) for window in windows}
    shares = {
        _name(window["name"]): told[_name(window["name"])]["utilization"]
        for window in windows
        if window["family"] is None and told[_name(window["name"])]["utilization"] is not None
    }
    fullest = max(shares, key=lambda name: float(shares[name]), default=None)
    return {
        "usageUtilization": shares[fullest] if fullest is not None else None,
        "usageWindow": fullest,
        "usageData": told or None,
    }


def _told(window: Mapping[str, Any], now: float) -> dict[str, Any]:
    ended = window["resets_at"] is not None and window["resets_at"] <= now
    share = window["utilization"]
    return {
        "utilization": 0.0 if ended else None if share is None else round(share * 100, 2),
        "resets_at": None if ended else iso(window["resets_at"]),
    }


def _name(name: str) -> str:
    length, _, family = name.partition(" ")
    return "_".join(filter(None, (_LENGTHS.get(length, length), family.replace(" ", "_").replace("-", "_"))))
