"""Keys that are read and checked but that this version does not obey yet: whoever sets one is told so.

A limit that is not kept is worse than none, because somebody relies on it. An entry leaves this file with the
change that gives it its effect.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ccflared.config.accounts import Dialect, Provider
from ccflared.config.kinds import KeyPath
from ccflared.config.words import dotted

UNOBEYED: Final[tuple[KeyPath, ...]] = (("accounts", "*", "one_hour_cache"),)
"""Each as a path; ``*`` stands for any name."""
_DIALECTS: Final[frozenset[Dialect]] = frozenset({"vertex", "bedrock"})
"""Those that are not spoken yet: an account there rests, rather than being asked in the wrong words."""


def not_yet(tables: Mapping[str, Any]) -> tuple[KeyPath, str] | None:
    """Return a sentence that names the keys of a file which have no effect yet, and the path of the first."""
    given = [path for key in UNOBEYED for path in _given(tables, key, ())]
    if not given:
        return None
    names = ", ".join(dict.fromkeys(dotted(path) for path in given))
    return given[0], f"this version reads these keys but does not obey them yet: {names}"


def not_spoken(provider: Provider) -> str | None:
    """Return why no account of a provider can serve yet; None where nothing is against it."""
    if provider.dialect not in _DIALECTS:
        return None
    return f"this version does not speak the dialect {provider.dialect} yet"


def _given(value: object, key: KeyPath, path: KeyPath) -> Iterator[KeyPath]:
    if not key:
        yield path
        return
    if not isinstance(value, Mapping):
        return
    first, rest = key[0], key[1:]
    for name in list(value) if first == "*" else [first]:
        if name in value:
            yield from _given(value[name], rest, (*path, name))
