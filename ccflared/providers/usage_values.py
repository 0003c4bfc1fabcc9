"""Values of usage answers, which are written as numbers or texts, in percent or shares, seconds, milliseconds or ISO.

What is no such value is None, and nothing here raises.
"""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from ccflared.formats.families import family_of
from ccflared.providers import resets
from ccflared.wire import Window

HIGHEST_SHARE: Final = 10.0
"""What is far beyond all of a window is no share of it."""
_FIRST_UNIX_MS: Final = 1e11
_LONGEST_NAME: Final = 24
MOST_WINDOWS: Final = 16


def table(value: Any) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON list; none for anything else."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """Return a text; "" for anything else."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """Return a number that is not negative, also one written as a text; None for anything else."""
    if isinstance(value, str):
        return resets.number(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) and found >= 0.0 else None


def percent(value: Any) -> float | None:
    """Return the share that a percentage tells."""
    found = number(value)
    return None if found is None else share(found / 100.0)


def share(value: Any) -> float | None:
    """Return a share: 0 to 1, above 1 when it is overdrawn."""
    found = number(value)
    return found if found is not None and found <= HIGHEST_SHARE else None


def moment(value: Any) -> float | None:
    """Return the time that Unix seconds, Unix milliseconds or an RFC 3339 date tell."""
    found = number(value)
    if found is None:
        return resets.moment(value.strip()) if isinstance(value, str) else None
    return resets.moment(f"{found / 1000 if found >= _FIRST_UNIX_MS else found:.3f}")


def window(
    name: str, used: float | None, resets_at: float | None, now: float, family: str | None = None
) -> Window:
    """Return a window as it was asked for.

    It is spent when nothing is left of it *and* it is told when it begins anew. That is the rule for everything
    that keeps an account from serving: a share of 100 % without a reset may be a rounding, a balance or a limit that
    nobody runs into, and would bench the account for ever; it only makes the account the last one to be asked.
    """
    spent = used is not None and used >= 1.0 and resets_at is not None and resets_at > now
    return Window(name, used, resets_at, spent, family)


def family_named(name: Any) -> str | None:
    """Return the model family that a limit's own name speaks of.

    Of an unknown model, a family of its own: it is shown, and counts for no model that we know. None: no name at all.
    """
    if not isinstance(name, str):
        return None
    plain = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:_LONGEST_NAME].strip("-")
    return family_of(name) or plain or None
