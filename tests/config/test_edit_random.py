"""Random edits of random files: what was asked for changes, and nothing else, to the letter."""

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.edit import Add, Put, Remove, Rename, Unfit, Unset, apply
from ccflared.config.toml_text import toml_value
from ccflared.config.words import dotted

FILE = Path("/ccflare.toml")
NAMES = ("a", "b", "my c", "d-e", "f.g")
KEYS = ("provider", "priority", "models", "api_key", "note", "pause_schedule")
VALUES = st.one_of(
    st.integers(-5, 1000),
    st.booleans(),
    st.sampled_from(
        ["\n\n# no\n[x]", "x", "it's", 'a "quoted" word', "# no comment", "", "[accounts.a]", "zwölf"]
    ),
    st.lists(st.sampled_from(["p", "q", "]"]), max_size=3),
    st.dictionaries(st.sampled_from(["opus", "so net", "env"]), st.sampled_from(["m", "n"]), max_size=2),
)


class File(NamedTuple):
    """A file: each line with the entry that it belongs to, if to one alone."""

    lines: list[tuple[str, str | None]]
    tables: dict[str, Any]

    @property
    def text(self) -> str:
        return "".join(line for line, _ in self.lines)


@st.composite
def files(draw: st.DrawFn) -> File:
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    entries: dict[str, dict[str, Any]] = draw(
        st.dictionaries(
            st.sampled_from(NAMES),
            st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1),
            min_size=1,
            max_size=4,
        )
    )
    blanks, comments = st.sampled_from(["", " ", "  "]), st.sampled_from(["", " # why", "   # since May"])
    lines: list[tuple[str, str | None]] = []

    def put(text: str, owner: str | None) -> None:
        lines.extend((line + newline, owner) for line in text.split("\n"))

    def pair(key: str, value: object, owner: str) -> None:
        equals = f"{draw(blanks)}={draw(blanks)}"
        put(f"{draw(blanks)}{key}{equals}{_spelled(draw, value)}{draw(comments)}", owner)

    styles = {name: draw(st.sampled_from(["dotted", "inline", "table", "tables"])) for name in entries}
    for name, style in styles.items():
        path = dotted(("accounts", name))
        if style == "dotted":
            for key, value in entries[name].items():
                pair(f"{path}.{key}", value, name)
        elif style == "inline":
            pair(path, entries[name], name)
    put("", None)
    for name, style in styles.items():
        if style not in ("table", "tables"):
            continue
        if draw(st.booleans()):
            put("# " + draw(st.sampled_from(["---", "[accounts.x]", "a = 1"])), name)
        nested = {
            key: value
            for key, value in entries[name].items()
            if style == "tables" and isinstance(value, dict) and value
        }
        put(f"[{dotted(('accounts', name))}]{draw(comments)}", name)
        for key, value in entries[name].items():
            if key not in nested:
                pair(key, value, name)
        for key, inner in nested.items():
            put(f"  [{dotted(('accounts', name, key))}]", name)
            for each, value in inner.items():
                pair(dotted((each,)), value, name)
        for _ in range(draw(st.integers(1, 2))):
            put(draw(blanks), None)
        if draw(st.booleans()):
            for line in ("[[other]]", "x = 1 # stays", ""):
                put(line, None)
    text = "".join(line for line, _ in lines)
    return File(lines, tomllib.loads(text))


def _spelled(draw: st.DrawFn, value: object) -> str:
    if value == "\n\n# no\n[x]" and draw(st.booleans()):
        return f'"""\n{value}"""'
    if isinstance(value, str) and "'" not in value and "\n" not in value and draw(st.booleans()):
        return f"'{value}'"
    return toml_value(value)


def kept(file: File, after: str, *touched: str) -> None:
    """Assert that every line of what was not touched is there still, in its order."""
    lines = iter(after.splitlines(keepends=True))
    for line, owner in file.lines:
        if owner not in touched and line.strip():
            assert line in lines, f"{line!r} is gone"
    newline = "\r\n" if file.text.endswith("\r\n") else "\n"
    assert all(line.endswith(newline) for line in after.splitlines(keepends=True))


def edited(file: File, *edits: Add | Put | Unset | Rename | Remove) -> str:
    done = apply({FILE: file.text}, edits)
    assert not isinstance(done, Unfit), done
    return done.get(FILE, file.text)


def one_of(data: st.DataObject, file: File) -> str:
    return str(data.draw(st.sampled_from(sorted(file.tables["accounts"]))))


def none_of(data: st.DataObject, file: File) -> str:
    free = {*NAMES, "new", "quite new"} - file.tables["accounts"].keys()
    return str(data.draw(st.sampled_from(sorted(free))))


@given(files(), st.data(), st.sampled_from(KEYS), VALUES)
def test_setting_a_key_changes_this_key(file: File, data: st.DataObject, key: str, value: object) -> None:
    name = one_of(data, file)
    after = edited(file, Put(("accounts", name, key), value))
    expected = deepcopy(file.tables)
    expected["accounts"][name][key] = value
    assert tomllib.loads(after) == expected
    kept(file, after, name)
    assert edited(File([(after, None)], expected), Put(("accounts", name, key), value)) == after


@given(files(), st.data())
def test_taking_out_a_key_takes_out_this_key(file: File, data: st.DataObject) -> None:
    name = one_of(data, file)
    accounts = file.tables["accounts"]
    key = data.draw(st.sampled_from(sorted(accounts[name])))
    after = edited(file, Unset(("accounts", name, key)))
    expected = deepcopy(file.tables)
    del expected["accounts"][name][key]
    assert tomllib.loads(after).get("accounts", {}).get(name, {}) == expected["accounts"][name]
    assert {**expected["accounts"], **tomllib.loads(after).get("accounts", {})} == expected["accounts"]
    kept(file, after, name)


@given(files(), st.data(), st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1))
def test_adding_changes_no_line(file: File, data: st.DataObject, values: Mapping[str, object]) -> None:
    name = none_of(data, file)
    after = edited(file, Add("accounts", name, values))
    assert tomllib.loads(after) == {**file.tables, "accounts": {**file.tables["accounts"], name: values}}
    kept(file, after)


@given(files(), st.data())
def test_removing_takes_out_the_lines_of_this_one(file: File, data: st.DataObject) -> None:
    name = one_of(data, file)
    after = edited(file, Remove("accounts", name))
    left = {each: value for each, value in file.tables["accounts"].items() if each != name}
    assert {"accounts": {}, **tomllib.loads(after)} == {**file.tables, "accounts": left}
    kept(file, after, name)


@given(files(), st.data())
def test_renaming_there_and_back_restores_what_it_means(file: File, data: st.DataObject) -> None:
    name, new = one_of(data, file), none_of(data, file)
    after = edited(file, Rename("accounts", name, new))
    assert tomllib.loads(after)["accounts"] == {
        new if each == name else each: value for each, value in file.tables["accounts"].items()
    }
    kept(file, after, name)
    back = edited(File([(after, None)], tomllib.loads(after)), Rename("accounts", new, name))
    assert tomllib.loads(back) == file.tables
