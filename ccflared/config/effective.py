"""The configuration as a list of keys with their values in force, for ``ccflared config`` and reloads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ccflared.config.decode import ROOT
from ccflared.config.kinds import Choice, FilePath, Flag, KeyPath, Kind, Number, Size, Whole
from ccflared.config.model import Config
from ccflared.config.net_kinds import Url
from ccflared.config.reference import SecretRef
from ccflared.config.secret_kinds import SecretSource, Sha256
from ccflared.config.shapes import Field, Many, MapOf, Table
from ccflared.config.time_kinds import Duration
from ccflared.config.value_sets import Models

MASK: Final = "…"
"""In place of a secret that stands in the file itself."""
_WORDS: Final[tuple[tuple[type[Kind[Any]], str], ...]] = (
    (Flag, "flag"),
    (Whole, "whole"),
    (Number, "number"),
    (Choice, "choice"),
    (Url, "url"),
    (SecretSource, "secret"),
    (Models, "models"),
    (Duration, "duration"),
    (Size, "size"),
    (FilePath, "path"),
    (Table, "table"),
    (Many, "list"),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One key. ``value`` is the Python value in force, None where nothing is set."""

    path: KeyPath
    field: Field
    value: Any

    @property
    def kind(self) -> Kind[Any]:
        """The kind of the value."""
        return self.field.key.kind

    @property
    def is_default(self) -> bool:
        """Whether the value is what an absent key means."""
        return not self.field.required and bool(self.value == self.field.default)

    @property
    def secret(self) -> bool:
        """Whether the value is, or holds, a secret."""
        kind = self.kind
        while isinstance(kind, Many | MapOf):
            kind = kind.item
        return isinstance(kind, SecretSource | Sha256)

    def references(self) -> tuple[SecretRef, ...]:
        """Return the secrets it names."""
        held = self.value
        values = held.values() if isinstance(held, dict) else held if isinstance(held, tuple) else (held,)
        return tuple(value for value in values if isinstance(value, SecretRef))

    def written(self) -> object:
        """Return the value as TOML has it; None where nothing is set. Secrets are ``[secret]``."""
        return None if self.value is None else self.kind.write(self.value)


def leaves(config: Config) -> Iterator[Leaf]:
    """Yield every key of the configuration, in the order of the model, entries in the order of the file."""
    return _of_table(ROOT, config, ())


def entry(config: Config, section: str, name: str) -> Iterator[Leaf]:
    """Yield the keys of one account, client, provider or price."""
    return (leaf for leaf in leaves(config) if leaf.path[:2] == (section, name))


def as_given(kind: Kind[Any], value: Any) -> object:
    """Return a value as the file has it, a secret as where it is read from; None where nothing is set."""
    if isinstance(value, SecretRef):
        return MASK if value.kind == "literal" else {value.kind: value.value}
    match kind:
        case _ if value is None:
            return None
        case Table():
            given = {name: getattr(value, field.attribute) for name, field in kind.fields.items()}
            return {
                name: as_given(kind.fields[name].key.kind, held)
                for name, held in given.items()
                if held is not None and held != kind.fields[name].default
            }
        case Many():
            items = [as_given(kind.item, item) for item in value]
            return items[0] if kind.single and len(items) == 1 else items
        case MapOf():
            return {name: as_given(kind.item, item) for name, item in value.items()}
        case _:
            return kind.write(value)


def word_of(kind: Kind[Any]) -> str:
    """Return in a word what kind of value a key takes."""
    return next((word for known, word in _WORDS if isinstance(kind, known)), "text")


def _of_table(table: Table[Any], value: Any, path: KeyPath) -> Iterator[Leaf]:
    for name, field in table.fields.items():
        yield from _of_field(field, getattr(value, field.attribute), (*path, name))


def _of_field(field: Field, value: Any, path: KeyPath) -> Iterator[Leaf]:
    kind = field.key.kind
    if isinstance(kind, Table) and value is not None:
        yield from _of_table(kind, value, path)
    elif isinstance(kind, MapOf) and isinstance(kind.item, Table):
        for name, item in value.items():
            yield from _of_table(kind.item, item, (*path, name))
    elif isinstance(kind, Many) and isinstance(kind.item, Table) and len(path) == 1:
        for index, item in enumerate(value):  # [[fallback]]; lists inside entries are values of their own
            yield from _of_table(kind.item, item, (*path, index))
    else:
        yield Leaf(path, field, value)
