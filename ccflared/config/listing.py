"""The text of ``ccflared config``: every value in force as TOML, with the file and line it comes from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ccflared.config.effective import Leaf, leaves
from ccflared.config.kinds import KeyPath
from ccflared.config.model import Config, Provider
from ccflared.config.toml_text import toml_value
from ccflared.config.words import dotted

_NAMED = ("providers", "accounts", "clients", "pricing")
_COMMENTS_AT = 56


@dataclass(frozen=True, slots=True)
class Item:
    """One key with its value. ``source``: in a file, a default, or of a built-in provider."""

    leaf: Leaf
    source: str
    where: str
    """``FILE:LINE`` where ``source`` is file; else empty."""

    def secret_sources(self) -> tuple[str, ...]:
        """Return where the secrets in it come from, in words."""
        return tuple(ref.source() for ref in self.leaf.references())


def items(
    config: Config,
    where: Callable[[KeyPath], str | None],
    builtin: Mapping[str, Provider],
    *,
    defaults: bool,
) -> Iterator[Item]:
    """Yield the keys that the file sets, and with ``defaults`` all others.

    ``where`` tells FILE:LINE of a key.
    """
    for leaf in leaves(config):
        place = where(leaf.path)
        if place is not None:
            yield Item(leaf, "file", place)
        elif defaults:
            name = leaf.path[1] if leaf.path[0] == "providers" else None
            shipped = name in builtin
            if shipped and (leaf.is_default or leaf.value is None):
                continue  # what a built-in provider does not say need not be repeated for each of them
            yield Item(leaf, "built-in" if shipped else "default", "")


def as_text(listed: Iterator[Item]) -> Iterator[str]:
    """Yield the lines: valid TOML, secrets apart. Keys without a value are comments."""
    header: KeyPath = ()
    named: KeyPath = ()
    for item in listed:
        path = item.leaf.path
        table = path[: 2 if path[0] in {*_NAMED, "fallback"} else 1] if len(path) > 1 else ()
        if table != header:
            header = table
            yield ""
        if table and table != named:
            named = table
            yield f"[[{table[0]}]]" if isinstance(table[-1], int) else f"[{dotted(table)}]"
        yield _line(item, dotted(path[len(table) :]))


def as_json(listed: Iterator[Item]) -> list[dict[str, Any]]:
    """Return the same as objects with key, value, source and, where there are any, file and secrets."""
    return [
        {
            "key": dotted(item.leaf.path),
            "value": item.leaf.written(),
            "source": item.source,
            **({"at": item.where} if item.where else {}),
            **({"secret": list(item.secret_sources())} if item.secret_sources() else {}),
        }
        for item in listed
    ]


def _line(item: Item, name: str) -> str:
    written = item.leaf.written()
    notes = [*item.secret_sources(), item.where or item.source]
    if written is None:
        absent = item.leaf.field.key.absent
        return f"# {name}: {absent or 'none'}"
    text = f"{name} = {toml_value(written)}"
    return f"{text:<{_COMMENTS_AT}}  # {', '.join(notes)}"
