"""What is learnt, as text that outlives the daemon, and back. Pure.

Times are those of the wall clock, so that a restart changes nothing. What cannot be read any more, because it is
damaged or of another version, is forgotten: it would be learnt again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any, Final, TypeVar

from ccflared.pool.sessions import Binding
from ccflared.pool.states import NO_MARK, NOTHING, Learnt, Mark, Standing
from ccflared.wire import Quota, Window

T = TypeVar("T")

_UNCOUNTABLE: Final = 2**53
"""More than happens, and what a float no longer holds exactly."""
_OVERAGE: Final = ("in use", "available", "unavailable")


def standing_text(standing: Standing) -> str:
    """Write a standing as JSON."""
    return json.dumps(
        {
            "fingerprint": standing.fingerprint,
            "account": _learnt_value(standing.account),
            "models": {model: _learnt_value(known) for model, known in standing.models.items()},
            "quota": None if standing.quota is None else asdict(standing.quota),
            "accepted": standing.accepted,
            "session_since": standing.session_since,
        },
        separators=(",", ":"),
    )


def standing_of(text: str) -> Standing | None:
    """Read a standing, or None where the text is not one."""
    return _read(text, _standing)


def binding_text(binding: Binding) -> str:
    """Write a conversation's binding as JSON."""
    return json.dumps([binding.home, binding.at, binding.used, binding.home_used], separators=(",", ":"))


def binding_of(text: str) -> Binding | None:
    """Read a conversation's binding, or None where the text is not one."""
    return _read(text, _binding)


def learnt_text(known: Learnt) -> str:
    """Write what is known of a place as JSON."""
    return json.dumps(_learnt_value(known), separators=(",", ":"))


def learnt_of(text: str) -> Learnt | None:
    """Read what was known of a place, or None where the text is not that."""
    return _read(text, _learnt)


def _read(text: str, read: Callable[[Any], T]) -> T | None:
    try:
        return read(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None


def _standing(value: Any) -> Standing:
    return Standing(
        fingerprint=_text(value["fingerprint"]),
        account=_learnt(value["account"]),
        models={_text(model): _learnt(known) for model, known in value["models"].items()},
        quota=None if value["quota"] is None else _quota(value["quota"]),
        accepted=value.get("accepted") is True,
        session_since=_maybe(value["session_since"]),
    )


def _binding(value: Any) -> Binding:
    home, at, used, home_used = value
    return Binding(_text(home), _text(at), _number(used), _number(home_used))


def _learnt(value: Any) -> Learnt:
    if not isinstance(value, dict):
        raise TypeError("a table of marks is expected")
    known = Learnt(
        *(_mark(value[name]) if name in value else NO_MARK for name in ("rest", "reject", "doubt"))
    )
    return NOTHING if known == NOTHING else known


def _learnt_value(known: Learnt) -> Mapping[str, object]:
    marks = {"rest": known.rest, "reject": known.reject, "doubt": known.doubt}
    return {name: asdict(mark) for name, mark in marks.items() if mark != NO_MARK}


def _mark(value: Any) -> Mark:
    count = value["count"]
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < _UNCOUNTABLE:
        raise TypeError("a count is a whole number")
    return Mark(_number(value["since"]), _number(value["until"]), _text(value["reason"]), count)


def _quota(value: Any) -> Quota:
    overage = value["overage"]
    if overage is not None and overage not in _OVERAGE:
        raise ValueError("no word for overage")
    windows = tuple(_window(window) for window in value["windows"])
    return Quota(_number(value["at"]), windows, overage, value.get("polled") is True)


def _window(value: Any) -> Window:
    family = value["family"]
    return Window(
        name=_text(value["name"]),
        utilization=_maybe(value["utilization"]),
        resets_at=_maybe(value["resets_at"]),
        spent=value["spent"] is True,
        family=None if family is None else _text(family),
        told_at=_maybe(value.get("told_at")),
        polled=value.get("polled") is True,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError("a finite number is expected")
    return float(value)


def _maybe(value: Any) -> float | None:
    return None if value is None else _number(value)
