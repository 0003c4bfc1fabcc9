"""Several files become one set of tables: key by key, with a memory of which file each value came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ccflared.config.kinds import KeyPath
from ccflared.config.words import dotted, quoted


@dataclass(frozen=True, slots=True)
class Origin:
    """Which file (by its number) a value stands in, and at which path there."""

    file: int
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Clash:
    """A key that two files set."""

    first: Origin
    second: Origin

    def message(self, first_place: str) -> str:
        """Return the mistake, to be shown at the second; ``first_place`` is FILE:LINE of the first."""
        return f"{quoted(dotted(self.first.path), 200)} is already set in {first_place}"


@dataclass
class Merged:
    """The tables of all files together."""

    tables: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)

    def origin(self, path: KeyPath) -> Origin:
        """Return where the value at ``path`` (of the merged tables) stands; the main file for the root."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                known = self.origins[path[:length]]
                return Origin(known.file, known.path + path[length:])
        return Origin(0, path)


def merge(files: Sequence[Mapping[str, Any]]) -> Merged:
    """Merge the tables of the files, the main one first.

    Tables merge, ``fallback`` concatenates, the rest clashes.
    """
    merged = Merged()
    for number, tables in enumerate(files):
        _merge_into(merged.tables, tables, (), number, merged)
    return merged


def _merge_into(
    into: dict[str, Any], tables: Mapping[str, Any], path: KeyPath, number: int, merged: Merged
) -> None:
    for name, value in tables.items():
        inner = (*path, name)
        old = into.get(name)
        if isinstance(value, dict) and (old is None or isinstance(old, dict)):
            merged.origins.setdefault(inner, Origin(number, inner))
            _merge_into(into.setdefault(name, {}), value, inner, number, merged)
        elif inner == ("fallback",) and isinstance(value, list) and (old is None or isinstance(old, list)):
            merged.origins.setdefault(inner, Origin(number, inner))
            chains = into.setdefault(name, [])
            for index, chain in enumerate(value):
                merged.origins[*inner, len(chains)] = Origin(number, (*inner, index))
                chains.append(chain)
        elif old is None:
            merged.origins[inner] = Origin(number, inner)
            into[name] = value
        else:
            merged.clashes.append(Clash(merged.origin(inner), Origin(number, inner)))
