"""What a requested model is called upstream, and which chain is for it. Pure.

A name is looked up as exact id, longest glob, family, ``"*"``; an account's own map before its provider's. Which names
there are to be asked for stands in names.py.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from ccflared.config.model import Fallback
from ccflared.formats.families import family_of

_KEEP: Final = "="
_EVERY: Final = "*"

Map = Mapping[str, tuple[str, ...]]


def is_claude(model: str) -> bool:
    """Whether a name, glob or family in a map, or in a request, is one of Claude's."""
    return model.lower().startswith("claude") or family_of(model) is not None


def upstream_names(requested: str, *maps: Map) -> tuple[str, ...] | None:
    """Return the upstream's names for a requested model, in the order to be tried; the first map that knows it counts.

    None: the account is not asked for it. A map is also a filter: whoever maps some of Claude's names is not asked
    for one that it does not map. Without a match any other name goes up unchanged.
    """
    for each in maps:
        if (names := _found(requested, each)) is not None:
            return tuple(dict.fromkeys(requested if name == _KEEP else name for name in names))
    maps_claude = any(is_claude(key) for each in maps for key in each)
    return None if maps_claude and is_claude(requested) else (requested,)


def chain_for(requested: str, chains: Iterable[Fallback]) -> Fallback | None:
    """Return the first chain whose ``models`` name the requested one, by id, glob or family."""
    return next((chain for chain in chains if any(matches(requested, each) for each in chain.models)), None)


def matches(requested: str, pattern: str) -> bool:
    """Whether a family, exact id or glob means the requested model."""
    return requested == pattern or fnmatchcase(requested, pattern) or family_of(requested) == pattern.lower()


def _found(requested: str, names: Map) -> tuple[str, ...] | None:
    if requested in names:
        return names[requested]
    globs = [key for key in names if key != _EVERY and fnmatchcase(requested, key)]
    if globs:
        return names[max(globs, key=len)]
    family = family_of(requested)
    if family is not None and family in names:
        return names[family]
    return names.get(_EVERY)
