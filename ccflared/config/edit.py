"""Edits of the configuration files: what is to become different, and the texts that say it then.

Pure: texts in, texts out. What comes out is read again, by tomllib and by tomlkit, and compared with what was asked
for, so that an edit that the text does not take cleanly is refused, and the words to write by hand are given.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ccflared.config import splice
from ccflared.config.kinds import KeyPath
from ccflared.config.mentions import mentions_in, without_account
from ccflared.config.merge import merge
from ccflared.config.toml_text import toml_value, too_deep
from ccflared.config.words import dotted, listed, quoted

NAMED = ("accounts", "clients", "providers", "pricing")
"""Sections whose tables have names."""


@dataclass(frozen=True, slots=True)
class Add:
    """A new entry ``[section.name]``; in ``file`` (one of the set, or a new one that is included), else the main file.

    ``values``: keys (dotted ones as paths) in the order in which they are written.
    """

    section: str
    name: str
    values: Mapping[str, object]
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class AddChain:
    """A new ``[[fallback]]``, behind the others."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Put:
    """A key gets this value, whether it is set or not: ``("accounts", "work", "models", "opus")``.

    A path may end in the number of an element of a list; the next one after the last appends.
    """

    path: KeyPath
    value: object


@dataclass(frozen=True, slots=True)
class Unset:
    """A key goes, and the table around it if nothing is left of that; nothing happens if it is not set."""

    path: KeyPath


@dataclass(frozen=True, slots=True)
class Rename:
    """An account, client or other entry gets another name, and what names an account follows. Globs stay."""

    section: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Remove:
    """An entry goes. An account that chains or clients name goes only if ``forced``, and leaves those, too."""

    section: str
    name: str
    forced: bool = False


Edit: TypeAlias = Add | AddChain | Put | Unset | Rename | Remove


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why the texts do not take an edit, in a sentence; ``paste`` is what to write by hand, if anything.

    ``unknown``: there is no such entry; ``taken``: there is one of that name; ``not allowed``: something else names
    it; ``unclean``: the text would not say then what it should.
    """

    kind: Literal["unknown", "taken", "not allowed", "unclean"]
    sentence: str
    paste: str = ""


@dataclass
class _Draft:
    """The texts while edits are applied."""

    texts: dict[Path, str]
    tables: dict[Path, dict[str, Any]]
    unfit: Unfit | None = None

    @property
    def main(self) -> Path:
        return next(iter(self.texts))

    def merged(self) -> dict[str, Any]:
        return merge([deepcopy(tables) for tables in self.tables.values()]).tables

    def home_of(self, path: KeyPath) -> tuple[Path, KeyPath]:
        """Return the file that holds what is at ``path`` or the nearest table around it, and its path there."""
        origin = merge([deepcopy(tables) for tables in self.tables.values()]).origin(path)
        return list(self.texts)[origin.file], origin.path


@dataclass(frozen=True, slots=True)
class _Step:
    """One change of one text, and what the tables must be then. ``loose``: tables that may vanish once empty."""

    file: Path
    text: str
    expected: dict[str, Any]
    loose: tuple[KeyPath, ...] = field(default=())


def apply(texts: Mapping[Path, str], edits: Sequence[Edit]) -> Mapping[Path, str] | Unfit:
    """Return the texts that become different, by file; or why an edit cannot be made, and then none is.

    ``texts``: those of the main file and its includes, the main one first, all of them valid TOML.
    """
    draft = _Draft(dict(texts), {file: tomllib.loads(text) for file, text in texts.items()})
    for edit in edits:
        if isinstance(edit, Add | AddChain | Put) and too_deep(
            edit.value if isinstance(edit, Put) else edit.values
        ):
            return Unfit("unclean", "A value has too many lists and tables within one another to be written.")
        steps = _steps(draft, edit)
        while isinstance(step := next(steps, None), _Step):
            try:
                found = tomllib.loads(step.text)
            except tomllib.TOMLDecodeError:
                found = None
            disputed = _disputed(step.text) and not _disputed(draft.texts[step.file])
            if found is None or not _same(found, step.expected, step.loose) or disputed:
                where = f"{step.file} is written in a way that this change cannot be put into cleanly"
                return Unfit("unclean", f"{where}; write it by hand.", as_toml([edit]))
            draft.texts[step.file], draft.tables[step.file] = step.text, found
        if isinstance(step, Unfit):
            return step
    return {file: text for file, text in draft.texts.items() if texts.get(file) != text}


def _disputed(text: str) -> bool:
    """Whether tomlkit, which others edit these files with, reads a text otherwise than tomllib, or not at all."""
    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, ValueError, RecursionError):
        return True
    theirs, ours = document.unwrap(), tomllib.loads(text)
    # The words tell that nan, which equals nothing, is the same.
    return bool((theirs != ours and repr(theirs) != repr(ours)) or document.as_string() != text)


def as_toml(edits: Sequence[Edit]) -> str:
    """Return what to write by hand instead: TOML, and comments where something is to be taken out."""
    lines: list[str] = []
    header = ""
    for edit in edits:
        for line in _lines(edit):
            if line.startswith("[") and not line.startswith("[["):
                if line == header:
                    continue  # a table has one header, however many of its keys change
                header = line
            lines.append(line)
    return "\n".join(lines)


def _lines(edit: Edit) -> Iterator[str]:
    match edit:
        case Add(section, name, values):
            yield f"[{dotted((section, name))}]"
            yield from (f"{key} = {toml_value(value)}" for key, value in values.items())
        case AddChain(values):
            yield "[[fallback]]"
            yield from (f"{key} = {toml_value(value)}" for key, value in values.items())
        case Put(path, value):
            table = _table(path)
            if table:
                yield f"[{dotted(table)}]"
            yield f"{dotted(path[len(table) :])} = {toml_value(value)}"
        case Unset(path):
            yield f"# without {dotted(path)}"
        case Rename(section, old, new):
            yield f"[{dotted((section, new))}]    # instead of [{dotted((section, old))}], and wherever it is named"
        case Remove(section, name):
            yield f"# without [{dotted((section, name))}]"


def _steps(draft: _Draft, edit: Edit) -> Iterator[_Step | Unfit]:
    match edit:
        case Add():
            yield from _add(draft, edit)
        case AddChain(values):
            file, text, expected = _of(draft, draft.main)
            expected.setdefault("fallback", []).append(dict(values))
            pairs: dict[KeyPath, object] = {(key,): value for key, value in values.items()}
            yield _Step(file, splice.with_table(text, ("fallback",), pairs, element=True), expected)
        case Put(path, value):
            yield from _put(draft, path, value)
        case Unset(path):
            yield from _unset(draft, path)
        case Rename():
            yield from _rename(draft, edit)
        case Remove():
            yield from _remove(draft, edit)


def _of(draft: _Draft, file: Path) -> tuple[Path, str, dict[str, Any]]:
    return file, draft.texts[file], deepcopy(draft.tables[file])


def _add(draft: _Draft, edit: Add) -> Iterator[_Step | Unfit]:
    if edit.name in draft.merged().get(edit.section, {}):
        yield Unfit("taken", f"There is {_the(edit.section)} {quoted(edit.name)} already.")
        return
    file = edit.file or draft.main
    draft.texts.setdefault(file, "")
    draft.tables.setdefault(file, {})
    file, text, expected = _of(draft, file)
    expected.setdefault(edit.section, {})[edit.name] = dict(edit.values)
    pairs: dict[KeyPath, object] = {(key,): value for key, value in edit.values.items()}
    yield _Step(file, splice.with_table(text, (edit.section, edit.name), pairs), expected)


def _put(draft: _Draft, path: KeyPath, value: object) -> Iterator[_Step | Unfit]:
    file, inner = draft.home_of(path)
    file, text, expected = _of(draft, file)
    old = _at(expected, inner)
    if old is not None and toml_value(old) == toml_value(value):
        return
    if old is not None and not splice.holds_value(text, inner):
        yield from _unset(draft, path)
        yield from _put(draft, path, value)
        return
    table: Any = expected
    for number, part in enumerate(inner):
        room = len(table) + (number == len(inner) - 1) if isinstance(table, list) else 0
        if not (isinstance(part, str) if isinstance(table, dict) else isinstance(part, int) and part < room):
            what, paste = "no table", as_toml([Put(path, value)])
            if isinstance(table, list):
                what, paste = "a list, which is set as a whole", ""
            yield Unfit("unclean", f"{dotted(inner[:number])} in {file} is {what}.", paste)
            return
        if number < len(inner) - 1:
            table = table.setdefault(part, {}) if isinstance(table, dict) else table[part]
    if isinstance(table, list) and inner[-1] == len(table):
        table.append(value)
    else:
        table[inner[-1]] = value
    changed = (
        splice.replaced(text, inner, value)
        if old is not None
        else splice.added(text, inner, value, _table(inner))
    )
    yield _Step(file, changed, expected)


def _unset(draft: _Draft, path: KeyPath) -> Iterator[_Step | Unfit]:
    """Take a key out of every file that has it, and the tables within its entry that hold nothing then."""
    if path[:1] == ("fallback",) and len(path) > 1:
        file, inner = draft.home_of(path)
        yield _without(draft, file, inner)
        return
    for file in list(draft.texts):
        inner = path
        while _at(draft.tables[file], inner) is not None:
            yield _without(draft, file, inner)
            inner = inner[:-1]
            if len(inner) <= len(_table(path)) or _at(draft.tables[file], inner) != {}:
                break


def _without(draft: _Draft, file: Path, path: KeyPath) -> _Step:
    file, text, expected = _of(draft, file)
    del _at(expected, path[:-1])[path[-1]]
    if path[0] == "fallback" and expected.get("fallback") == []:
        del expected["fallback"]
    loose = tuple(path[:length] for length in range(1, len(path)))
    return _Step(file, splice.removed(text, path), expected, loose)


def _rename(draft: _Draft, edit: Rename) -> Iterator[_Step | Unfit]:
    entries = draft.merged().get(edit.section, {})
    if edit.old not in entries:
        yield Unfit("unknown", f"There is no {_word(edit.section)} {quoted(edit.old)}.")
        return
    if edit.new in entries:
        yield Unfit("taken", f"There is {_the(edit.section)} {quoted(edit.new)} already.")
        return
    for each in list(draft.texts):
        file, text, expected = _of(draft, each)
        if edit.old in expected.get(edit.section, {}):
            expected[edit.section] = {
                edit.new if name == edit.old else name: value
                for name, value in expected[edit.section].items()
            }
            text = splice.renamed(text, (edit.section, edit.old), edit.new)
        if edit.section == "accounts":
            for path in mentions_in(expected, edit.old):
                _at(expected, path[:-1])[path[-1]] = edit.new
                text = splice.replaced(text, path, edit.new)
        if text != draft.texts[file]:
            yield _Step(file, text, expected)


def _remove(draft: _Draft, edit: Remove) -> Iterator[_Step | Unfit]:
    path = (edit.section, edit.name)
    merged = draft.merged()
    if edit.name not in merged.get(edit.section, {}):
        yield Unfit("unknown", f"There is no {_word(edit.section)} {quoted(edit.name)}.")
        return
    if edit.section == "accounts":
        left = [name for name in merged["accounts"] if name != edit.name]
        plan = without_account(merged, edit.name, left)
        if plan.stranded:
            clients = listed(plan.stranded, "and")
            yield Unfit(
                "not allowed",
                f"The account {quoted(edit.name)} is the only one that {clients} of [clients] may use; "
                "change or remove that first.",
            )
            return
        if plan.paths and not edit.forced:
            yield Unfit(
                "not allowed",
                f"The account {quoted(edit.name)} is named by {', '.join(plan.named_by)}.",
            )
            return
        for each in plan.paths:
            yield _without(draft, *draft.home_of(each))
    for file in list(draft.texts):
        if _at(draft.tables[file], path) is not None:
            yield _without(draft, file, path)


def _at(tables: Any, path: KeyPath) -> Any:
    """Return what is at a path, None if nothing is."""
    for part in path:
        match tables:
            case dict() if part in tables:
                tables = tables[part]
            case list() if isinstance(part, int) and part < len(tables):
                tables = tables[part]
            case _:
                return None
    return tables


def _table(path: KeyPath) -> KeyPath:
    """Return the table that a key belongs to: that of the entry, the section, or none."""
    return path[: min(2 if path[0] in (*NAMED, "fallback") else 1, len(path) - 1)]


def _same(found: dict[str, Any], expected: dict[str, Any], loose: tuple[KeyPath, ...]) -> bool:
    """Whether the tables are what they should be; ``loose`` ones may be absent where they are empty."""
    for tables in (found := deepcopy(found), expected := deepcopy(expected)):
        for path in sorted(loose, key=len, reverse=True):
            if _at(tables, path) == {}:
                del _at(tables, path[:-1])[path[-1]]
    return bool(_spelled(found) == _spelled(expected))


def _spelled(value: Any) -> Any:
    """Return tables in a form that tells 1 from 1.0 and true, and orders of entries from one another."""
    match value:
        case dict():
            return {name: _spelled(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_spelled(inner) for inner in value]
        case _:
            return type(value), repr(value)


def _word(section: str) -> str:
    return {"accounts": "account", "clients": "client", "providers": "provider", "pricing": "price of"}[
        section
    ]


def _the(section: str) -> str:
    word = _word(section)
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
