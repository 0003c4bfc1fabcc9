"""How the daemon stands, in a sentence for ``systemctl status``, which everybody may read: no names, no secrets."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

_PAUSED: Final = {"paused": "paused", "off": "off"}
_RESTING: Final = ("resting", "cooling")
_PERSON: Final = (
    "needs login",
    "no credential",
    "expired",
    "rejected",
    "unsupported",
    "endpoint not trusted",
)


class Seen(Protocol):
    """The state of an account."""

    @property
    def state(self) -> str:
        """Its name."""

    @property
    def until(self) -> float | None:
        """When it ends; None: nobody knows."""


def accounts_words(states: Mapping[str, Seen], now: float, zone: dt.tzinfo | None) -> str:
    """Say how many accounts serve, and of the others what they wait for."""
    kinds = Counter(_kind(seen.state) for seen in states.values())
    serving, total = kinds.pop("serving", 0), len(states)
    if not total:
        return "Serving, but there is no account yet: `ccflared account add` adds one"
    if not kinds:
        return f"Serving {counted(total, 'account')}"
    what = f"Serving {serving} of {counted(total, 'account')}" if serving else "No account can serve"
    parts = [f"{count} {kind}" for kind, count in sorted(kinds.items()) if kind in _PAUSED.values()]
    if resting := kinds["resting"]:
        ends = [each.until for each in states.values() if each.state in _RESTING and each.until is not None]
        verb = "rests" if resting == 1 else "rest"
        first = "" if resting == 1 else ", the first"
        until = f"{first} until {_clock(min(ends), now, zone)}" if ends else ""
        parts.insert(0, f"{resting} {verb}{until}")
    if waiting := kinds["waiting"]:
        parts.append(f"{waiting} {'needs' if waiting == 1 else 'need'} a person, see `ccflared status`")
    return f"{what}: {', '.join(parts)}"


def counted(number: int, thing: str) -> str:
    """Return a number of things: ``1 account``, ``2 accounts``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def seconds_words(seconds: float) -> str:
    """Return a time as people say it: ``45 s``, ``4 min 30 s``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _kind(state: str) -> str:
    if state in _PERSON:
        return "waiting"
    if state in _RESTING:
        return "resting"
    return _PAUSED.get(state, "serving")


def _clock(at: float, now: float, zone: dt.tzinfo | None) -> str:
    """Return a time of day, with the day where it is not today."""
    then, today = (dt.datetime.fromtimestamp(moment, tz=dt.UTC).astimezone(zone) for moment in (at, now))
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M}"
