"""Reads the answer of Anthropic's ``/api/oauth/usage``, in both shapes that it has had.

It is not documented. The older shape has one key a window (``five_hour``, ``seven_day``, ``seven_day_opus``); the
newer one adds a list ``limits``, which alone tells of limits of newer models. Both are told at once, and a window
counts by whichever tells of it; where both do, by the newer.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from ccflared.formats.families import FAMILIES
from ccflared.providers.usage_values import (
    MOST_WINDOWS,
    entries,
    family_named,
    moment,
    percent,
    table,
    window,
)
from ccflared.wire import Quota, Window

# The account's own windows, and those of one family. Other keys (seven_day_cowork, iguana_necktie …) are limits of
# other products, or of nobody knows what: they say nothing of what a request is counted in.
_KEYS: Final[Mapping[str, tuple[str, str | None]]] = {
    "five_hour": ("5h", None),
    "seven_day": ("7d", None),
    "seven_day_oauth_apps": ("7d oauth_apps", None),
    **{f"seven_day_{family}": (f"7d {family}", family) for family in FAMILIES},
}
_KINDS: Final = {"session": "5h", "weekly_all": "7d"}


def read(document: Mapping[str, Any], now: float) -> Quota | str:
    """Return the windows that an answer tells of, or why it tells of none."""
    found: dict[str, Window] = {}
    for told in (*_older(document, now), *_newer(document, now)):
        if told.utilization is not None or told.resets_at is not None:
            found[told.name] = told
    if not found:
        return "the answer tells of no usage window"
    return Quota(now, tuple(found.values())[:MOST_WINDOWS], _overage(document), polled=True)


def _older(document: Mapping[str, Any], now: float) -> Iterator[Window]:
    for key, (name, family) in _KEYS.items():
        told = table(document.get(key))
        yield window(name, percent(told.get("utilization")), moment(told.get("resets_at")), now, family)


def _newer(document: Mapping[str, Any], now: float) -> Iterator[Window]:
    for limit in entries(document.get("limits")):
        kind = limit.get("kind")
        used, reset = percent(limit.get("percent")), moment(limit.get("resets_at"))
        if isinstance(kind, str) and kind in _KINDS:
            yield window(_KINDS[kind], used, reset, now)
        elif kind == "weekly_scoped":
            model = table(table(limit.get("scope")).get("model"))
            family = family_named(model.get("display_name")) or family_named(model.get("id"))
            if family is not None:  # else it is a limit of a surface, not of a model
                yield window(f"7d {family}", used, reset, now, family)


def _overage(document: Mapping[str, Any]) -> Literal["available", "unavailable"] | None:
    """Return whether there is paid extra usage beyond the windows. It is no window, and is never spent as one."""
    for told, switch, used in (
        (table(document.get("spend")), "enabled", "percent"),
        (table(document.get("extra_usage")), "is_enabled", "utilization"),
    ):
        switched = told.get(switch)
        if isinstance(switched, bool):
            gone = bool(told.get("disabled_reason")) or (percent(told.get(used)) or 0.0) >= 1.0
            return "available" if switched and not gone else "unavailable"
    return None
