"""Where keys and values stand, judged by tomllib: every path it sees is located, and the text there is that key."""

import datetime as dt
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.config.kinds import KeyPath
from ccflared.config.locate import locate


def paths(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in members:
        yield (*path, name), inner
        yield from paths(inner, (*path, name))


def assert_located(text: str) -> None:
    tree = tomllib.loads(text)
    places = locate(text)
    assert not places.twice
    lines = text.split("\n")
    for path, value in paths(tree):
        spot = places.spots[path]
        key = text[spot.key.start : spot.key.end]
        assert lines[spot.key.line - 1][spot.key.column - 1 :].startswith(key.split("\n")[0])
        if isinstance(path[-1], str):
            assert tomllib.loads(f"{key} = 0") == {path[-1]: 0}, path
        written = text[spot.value.start : spot.value.end]
        by_header = spot.value == spot.key and (isinstance(path[-1], str) or written[:1] not in {"{", "["})
        if not (by_header and isinstance(value, dict | list)):
            assert tomllib.loads(f"x = {written}")["x"] == value, path
    assert set(places.spots) == {path for path, _ in paths(tree)}


# --- texts built in every way that TOML has -------------------------------------------------------------------

words = st.text("aä日\"'\\#]}=. \n\t\x00\U0001f600", max_size=5)
bare_keys = st.text("abcXYZ019_-", min_size=1, max_size=4)


def basic(text: str) -> str:
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'


@st.composite
def keys(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return draw(bare_keys)
    word = draw(words)
    literal = draw(st.booleans()) and word.isprintable() and "'" not in word
    return f"'{word}'" if literal else basic(word)


blanks = st.sampled_from(["", " ", "\t", "  "])
gaps = st.lists(st.sampled_from([" ", "\n", "# ]}\"'''\n", "\t"]), max_size=3).map("".join)
strings = st.one_of(
    words.map(basic),
    st.sampled_from(
        [
            "'C:\\x'",
            "''",
            '""',
            '"""\n"a" ""b\n"""',
            '"""x\\\n   y"""',
            "'''\n''x'\n'''",
            '""""q""""',
            "''''''",
            "'''a''''",
        ]
    ),
    st.sampled_from([r'"\"#]\\"', r'"""\"""" + x""" ', "'#'", '"a = [b]"'])
    .map(str.rstrip)
    .filter(lambda s: "+" not in s),
)
scalars = st.one_of(
    strings,
    st.sampled_from(
        [
            "true",
            "false",
            "0",
            "-17",
            "1_000",
            "0xFF",
            "3.5e-2",
            "inf",
            "1979-05-27T07:32:00Z",
            "1979-05-27 07:32:00",
            "07:32:00",
        ]
    ),
)


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(inner, max_size=3))
    text = "[" + draw(gaps)
    for index, item in enumerate(items):
        last = index == len(items) - 1
        text += item + draw(gaps) + ("" if last and draw(st.booleans()) else ",") + draw(gaps)
    return text + "]"


@st.composite
def inline_tables(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    pairs = [
        f"{draw(blanks)}{draw(keys())}{draw(blanks)}={draw(blanks)}{draw(inner)}{draw(blanks)}"
        for _ in range(draw(st.integers(0, 3)))
    ]
    return "{" + ",".join(pairs) + ("" if pairs else draw(blanks)) + "}"


values = st.recursive(scalars, lambda inner: arrays(inner) | inline_tables(inner), max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 8))):
        dotted = f"{draw(blanks)}.{draw(blanks)}".join(draw(st.lists(keys(), min_size=1, max_size=3)))
        end = draw(st.sampled_from(["", " # comment [x] = 'y", "  "]))
        match draw(st.sampled_from(["pair", "pair", "pair", "table", "tables", "blank"])):
            case "pair":
                lines.append(f"{draw(blanks)}{dotted}{draw(blanks)}={draw(blanks)}{draw(values)}{end}")
            case "table":
                lines.append(f"{draw(blanks)}[{draw(blanks)}{dotted}{draw(blanks)}]{end}")
            case "tables":
                lines.append(f"[[{draw(blanks)}{dotted}{draw(blanks)}]]{end}")
            case _:
                lines.append(end)
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n"]))
    return (
        text.replace("\n", "\r\n")
        if draw(st.booleans()) and "'''" not in text and '"""' not in text
        else text
    )


@settings(deadline=None)  # a slow machine is no mistake of the scanner
@given(documents())
def test_whatever_tomllib_reads_is_located_key_by_key(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        locate(text)  # stops somewhere, raises nothing
        return
    assert_located(text)


@given(words)
def test_any_text_at_all_is_scanned_without_an_error(text: str) -> None:
    locate(text)


def test_headers_dotted_keys_and_arrays_of_tables_are_located() -> None:
    text = """\
top.a = 1
"quoted key".'x y' = "ä"
[server]
listen = [ # two
    "127.0.0.1:8080", # one
    { address = "x", tls = { cert = 'c', key = "k" } },
]
[[fallback]]
models = ["opus"]
[fallback.sub]
x = \"\"\"
[no.table]
y = 1\"\"\"
[[fallback]]
models = ["haiku"]
[a.b.c]
d.e = 1979-05-27 07:32:00
[a]
x = 1
"""
    assert_located(text)
    spots = locate(text).spots
    assert spots["fallback", 1, "models", 0].value.line == 15
    assert spots["fallback", 0, "sub", "x"].key.line == 11
    assert (
        spots["server", "listen", 1, "tls", "key"].key.line,
        spots["server", "listen", 1, "tls", "key"].key.column,
    ) == (6, 42)
    assert spots["a",].key.line == 18, "the table's own header, not the first mention"


def test_places_count_characters_not_bytes() -> None:
    assert locate('"ü" = { "日本" = 1 }').spots["ü", "日本"].key.column == 9


@pytest.mark.parametrize("value", ["1979-05-27", "1979-05-27 07:32:00.5-07:00"])
def test_a_date_with_a_blank_in_it_is_one_value(value: str) -> None:
    text = f"d = {value} # tail"
    spot = locate(text).spots["d",]
    assert text[spot.value.start : spot.value.end] == value
    assert isinstance(tomllib.loads(text)["d"], dt.date)


def test_a_key_that_is_set_twice_is_remembered_with_both_places() -> None:
    places = locate('[a]\nx = 1\ny = 2\nx = "3"\n')
    assert places.twice["a", "x"].line == 4
    assert places.spots["a", "x"].key.line == 2
