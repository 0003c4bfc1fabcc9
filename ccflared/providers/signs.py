"""What a provider's own error codes mean, read from signs.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

Meaning = Literal[
    "credential",
    "payment",
    "forbidden",
    "rate limit",
    "usage limit",
    "concurrency",
    "overloaded",
    "model overloaded",
    "no such model",
    "server error",
    "too long",
    "invalid request",
]

_WALL_CLOCK: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Signs:
    """The codes of one provider, and the clock that times in its messages are read off."""

    meanings: Mapping[str, Meaning] = field(default_factory=lambda: MappingProxyType({}))
    utc_offset: timedelta | None = None
    """None: times in messages are not read, as nobody says in which zone they are."""

    def time_in(self, message: str) -> float | None:
        """Return the wall-clock time that a message names, as seconds since 1970; None where it names none."""
        if self.utc_offset is None or (match := _WALL_CLOCK.search(message)) is None:
            return None
        try:
            at = datetime.fromisoformat(f"{match[1]} {match[2]}")
            return at.replace(tzinfo=timezone(self.utc_offset)).timestamp()
        except (ValueError, OverflowError):
            return None


NO_SIGNS: Final = Signs()


@cache
def signs_for(provider: str, base_url: str) -> Signs:
    """Return the signs of an account's provider, found by its name, else by the host of its base URL; NO_SIGNS if none.

    Raises ValueError if the shipped file is broken, which is a bug.
    """
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        host = ""
    tables = _tables()
    for providers, _, signs in tables:
        if provider in providers:
            return signs
    for _, hosts, signs in tables:
        if any(host == known or host.endswith("." + known) for known in hosts):
            return signs
    return NO_SIGNS


@cache
def _tables() -> tuple[tuple[tuple[str, ...], tuple[str, ...], Signs], ...]:
    """Return providers, hosts and signs of each table of the shipped file. Read once."""
    tables = tomllib.loads(files("ccflared.providers").joinpath("signs.toml").read_text(encoding="utf-8"))
    return tuple((tuple(t["providers"]), tuple(t["hosts"]), _signs(name, t)) for name, t in tables.items())


def _signs(name: str, table: Mapping[str, Any]) -> Signs:
    meanings: dict[str, Meaning] = {}
    for meaning, codes in table["codes"].items():
        if meaning not in get_args(Meaning):
            raise ValueError(f"signs.toml: [{name}.codes]: {meaning!r} is no meaning")
        for code in codes:
            if str(code) in meanings:
                raise ValueError(f"signs.toml: [{name}.codes]: {code} is there twice")
            meanings[str(code)] = meaning
    hours = table.get("utc_offset_hours")
    return Signs(MappingProxyType(meanings), None if hours is None else timedelta(hours=hours))
