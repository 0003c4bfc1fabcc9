"""The kinds made of other kinds: lists, maps, named tables, and tables whose keys are a dataclass's fields.

A field of such a dataclass is annotated with its key: ``Annotated[int, takes(Size(), "what it does")]``.
Reading, JSON Schema, ``ccflared config`` and the manual are all driven by these annotations.
"""

# ruff: noqa: D102 - the methods of a kind are documented once, in Kind
import dataclasses
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Generic, TypeVar, get_type_hints

from ccflared.config.kinds import Json, KeyPath, Kind, Reading
from ccflared.config.words import did_you_mean, dotted, found_type, quoted

FIRST: Final = "0.1.0"
"""The first version there was, and since which there is every key that does not say otherwise."""

T = TypeVar("T")
Check = Callable[[Any, KeyPath, Reading], None]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key of a table: its kind, what it takes and does, and how its absence is described."""

    kind: Kind[Any]
    doc: str
    name: str | None = None
    absent: str | None = None
    since: str = FIRST


def takes(
    kind: Kind[Any], doc: str, *, name: str | None = None, absent: str | None = None, since: str = FIRST
) -> Key:
    """Describe a field as a key.

    ``name``: in the file, if not the field's; ``absent``: the default in words; ``since``: the version that brought it.
    """
    return Key(kind, doc, name, absent, since)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A key with the dataclass field that holds it. ``default`` is dataclasses.MISSING for a required key."""

    name: str
    attribute: str
    key: Key
    default: Any

    @property
    def required(self) -> bool:
        """Whether the file must give it."""
        return self.default is dataclasses.MISSING


class Many(Kind[tuple[T, ...]], Generic[T]):
    """A list. ``single``: one item may stand without its brackets."""

    def __init__(self, item: Kind[T], expects: str, *, single: bool = False, least: int = 0) -> None:
        self.item, self.expects, self.single, self.least = item, expects, single, least

    def read(self, value: object, path: KeyPath, reading: Reading) -> tuple[T, ...] | None:
        if not isinstance(value, list):
            if not self.single:
                reading.wrong(path, f"expected {self.expects}, found {found_type(value)}")
                return None
            one = self.item.read(value, path, reading)
            return None if one is None else (one,)
        if len(value) < self.least:
            reading.wrong(path, f"expected {self.expects}, found an empty list")
            return None
        items = [self.item.read(item, (*path, index), reading) for index, item in enumerate(value)]
        return tuple(item for item in items if item is not None)

    def schema(self) -> Json:
        many: Json = {"type": "array", "items": self.item.schema()}
        if self.least:
            many["minItems"] = self.least
        return {"anyOf": [self.item.schema(), many]} if self.single else many

    def write(self, value: tuple[T, ...]) -> object:
        items = [self.item.write(item) for item in value]
        return items[0] if self.single and len(items) == 1 else items


class Table(Kind[T]):
    """A table whose keys are the annotated fields of a frozen dataclass.

    ``check`` is called with what was read when nothing in it is wrong. ``fixed`` gives fields that are no key
    here. ``hints`` maps keys that people bring from elsewhere to words about what to write instead.
    """

    expects = "a table"

    def __init__(
        self,
        made: type[T],
        *,
        check: Check | None = None,
        fixed: Mapping[str, Any] | None = None,
        hints: Mapping[str, str] | None = None,
    ) -> None:
        self.made, self.check, self.fixed, self.hints = made, check, dict(fixed or {}), dict(hints or {})

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The keys in the order of the dataclass, by their names in the file."""
        hints = get_type_hints(self.made, include_extras=True)
        found: dict[str, Field] = {}
        for item in dataclasses.fields(self.made):  # type: ignore[arg-type]  # only dataclasses are given
            marks = [mark for mark in getattr(hints[item.name], "__metadata__", ()) if isinstance(mark, Key)]
            if not marks or item.name in self.fixed:
                continue
            default = item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
            name = marks[0].name or item.name
            found[name] = Field(name, item.name, marks[0], default)
        return found

    def read(self, value: object, path: KeyPath, reading: Reading) -> T | None:
        return self.read_over(None, {}, value, path, reading)

    def read_over(
        self, base: T | None, given: Mapping[str, Any], value: object, path: KeyPath, reading: Reading
    ) -> T | None:
        """Read a table whose absent keys come from ``base``; ``given`` are fields that are no keys."""
        if not isinstance(value, dict):
            reading.wrong(path, f"expected {self.expects}, found {found_type(value)}")
            return None
        before = len(reading.problems)
        self._unknown(value, path, reading)
        made: dict[str, Any] = {**self.fixed, **given}
        complete = True
        for field in self.fields.values():
            old = None if base is None else getattr(base, field.attribute)
            if field.name in value:
                new = _over(field.key.kind, old, value[field.name], (*path, field.name), reading)
            elif field.required and base is None:
                new = None
                reading.wrong(path, f"{_title(path)} needs the key {quoted(field.name)}", "key")
            else:
                new = old if base is not None else field.default
            if new is None and field.name in value:
                new = None if field.required else field.default
            complete = complete and not (new is None and field.required)
            made[field.attribute] = new
        if not complete:
            return None
        result = self.made(**made)
        if self.check is not None and len(reading.problems) == before:
            self.check(result, path, reading)
        return result

    def _unknown(self, value: Mapping[str, Any], path: KeyPath, reading: Reading) -> None:
        for name in value:
            if name in self.fields:
                continue
            hint = did_you_mean(name, self.fields)
            if name in self.hints:
                hint = f"; {self.hints[name]}"
            elif name in reading.elsewhere and reading.elsewhere[name] != _title(path):
                hint = f"; it belongs in {reading.elsewhere[name]}"
            where = f" in {_title(path)}" if path else ""
            reading.wrong((*path, name), f"unknown key {quoted(name)}{where}{hint}", "key")

    def schema(self) -> Json:
        properties: Json = {}
        for field in self.fields.values():
            schema = {"description": field.key.doc, **field.key.kind.schema()}
            if not field.required and field.default not in (None, {}, ()):
                schema["default"] = field.key.kind.write(field.default)
            properties[field.name] = schema
        required = [field.name for field in self.fields.values() if field.required]
        table: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        return table | ({"required": required} if required else {})

    def write(self, value: T) -> object:
        """Return the keys that differ from their defaults."""
        written: dict[str, object] = {}
        for field in self.fields.values():
            held = getattr(value, field.attribute)
            if held is not None and (field.required or held != field.default):
                written[field.name] = field.key.kind.write(held)
        return written


class Short(Kind[T]):
    """A table that may be written as the bare value of its one important key."""

    def __init__(self, table: Table[T], important: str, expects: str) -> None:
        self.table, self.important, self.expects = table, important, expects

    def read(self, value: object, path: KeyPath, reading: Reading) -> T | None:
        if isinstance(value, dict):
            return self.table.read(value, path, reading)
        if isinstance(value, list):
            reading.wrong(path, f"expected {self.expects}, found {found_type(value)}")
            return None
        field = self.table.fields[self.important]
        one = field.key.kind.read(value, path, reading)
        return None if one is None else self.table.made(**{field.attribute: one})

    def schema(self) -> Json:
        return {"anyOf": [self.table.fields[self.important].key.kind.schema(), self.table.schema()]}

    def write(self, value: T) -> object:
        written = self.table.write(value)
        if isinstance(written, dict) and set(written) == {self.important}:
            return written[self.important]
        return written


class MapOf(Kind[Mapping[str, T]], Generic[T]):
    """A table of free keys. ``name`` is the kind of its keys."""

    def __init__(self, name: Kind[str], item: Kind[T], expects: str) -> None:
        self.name, self.item, self.expects = name, item, expects

    def read(self, value: object, path: KeyPath, reading: Reading) -> Mapping[str, T] | None:
        if not isinstance(value, dict):
            reading.wrong(path, f"expected {self.expects}, found {found_type(value)}")
            return None
        made: dict[str, T] = {}
        for name, inner in value.items():
            before = len(reading.problems)
            self.name.read(name, (*path, name), reading)
            if len(reading.problems) > before:
                reading.problems[before:] = [
                    dataclasses.replace(p, at="key") for p in reading.problems[before:]
                ]
                continue
            item = self.item.read(inner, (*path, name), reading)
            if item is not None:
                made[name] = item
        return made

    def schema(self) -> Json:
        return {
            "type": "object",
            "propertyNames": self.name.schema(),
            "additionalProperties": self.item.schema(),
        }

    def write(self, value: Mapping[str, T]) -> object:
        return {name: self.item.write(item) for name, item in value.items()}


class Named(MapOf[T]):
    """Tables by name: ``[accounts.NAME]``. Where the dataclass has a field ``name``, it is given the name.

    ``base`` are tables of the same names that the file's merge over.
    """

    def __init__(self, name: Kind[str], item: Table[T], expects: str) -> None:
        super().__init__(name, item, expects)
        self.table = item
        self.gives_name = any(f.name == "name" for f in dataclasses.fields(item.made))  # type: ignore[arg-type]

    def read(self, value: object, path: KeyPath, reading: Reading) -> Mapping[str, T] | None:
        return self.read_over({}, value, path, reading)

    def read_over(
        self, base: Mapping[str, T], value: object, path: KeyPath, reading: Reading
    ) -> Mapping[str, T] | None:
        """Read the tables; those whose name is in ``base`` merge over it.

        All of ``base`` is in the result.
        """
        if not isinstance(value, dict):
            reading.wrong(path, f"expected {self.expects}, found {found_type(value)}")
            return None
        made: dict[str, T] = dict(base)
        for name, inner in value.items():
            before = len(reading.problems)
            self.name.read(name, (*path, name), reading)
            reading.problems[before:] = [dataclasses.replace(p, at="key") for p in reading.problems[before:]]
            given = {"name": name} if self.gives_name else {}
            item = self.table.read_over(base.get(name), given, inner, (*path, name), reading)
            if item is not None:
                made[name] = item
        return made


def _over(kind: Kind[Any], old: Any, value: object, path: KeyPath, reading: Reading) -> Any:
    """Read ``value``; a table or map merges over the old one, anything else replaces it."""
    if old is not None and isinstance(kind, Table):
        return kind.read_over(old, {}, value, path, reading)
    if old and isinstance(kind, Named):
        return kind.read_over(old, value, path, reading)
    new = kind.read(value, path, reading)
    return {**old, **new} if old and new is not None and isinstance(kind, MapOf) else new


def _title(path: KeyPath) -> str:
    """Return how a table is called in a mistake: ``[accounts.work]``."""
    name = re.sub(r"^fallback\[\d+\]", "fallback", dotted(path))
    return f"[{name}]" if name else "the file"
