"""Where the object of a call's arguments ends, followed over fragments that are cut anywhere."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.arguments import Arguments, object_of, object_text

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text('"\\{}[]:,aé\n', max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text('"\\{}a', max_size=4), inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text('"\\{}[]a', max_size=4), VALUES, max_size=4)


def taken(arguments: Arguments, text: str, cuts: list[int]) -> str:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return "".join(arguments.take(text[a:b]) for a, b in pairwise(places))


@given(OBJECTS, st.booleans(), st.text('{}[]" ,', max_size=6), st.lists(st.integers(0, 500), max_size=8))
def test_the_end_of_an_object_is_found_however_it_is_cut(
    value: dict[str, Any], ascii_only: bool, behind: str, cuts: list[int]
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    arguments = Arguments()
    assert taken(arguments, text + behind, cuts) == text
    assert arguments.whole
    assert not arguments.odd
    assert arguments.missing == ""


@given(OBJECTS, st.integers(0, 500), st.lists(st.integers(0, 500), max_size=8))
def test_an_object_that_is_cut_is_mended_or_left(value: dict[str, Any], place: int, cuts: list[int]) -> None:
    text = json.dumps(value)
    text = text[: place % len(text)]
    arguments = Arguments()
    assert taken(arguments, text, cuts) == text
    assert not arguments.whole
    missing = arguments.missing
    if missing:
        assert set(missing) <= {"}", "]"}
        assert text.rstrip()[-1] in '"}]'
    assert isinstance(json.loads(object_text(text)), dict)


@given(st.one_of(st.text(max_size=30), st.text('{}[]",:\\a1 ', max_size=30), VALUES))
def test_there_is_an_object_in_anything(arguments: Any) -> None:
    assert isinstance(json.loads(object_text(arguments)), dict)
    assert isinstance(object_of(arguments if isinstance(arguments, str) else ""), dict)


@given(OBJECTS)
def test_an_object_stays_as_it_is_written(value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1)
    assert object_text(text) == text
    assert object_of(text) == value


MISSING: list[tuple[str, str | None]] = [
    ("", ""),
    ("  ", ""),
    ("{}", ""),
    ('{"a":["b"', "]}"),
    ('{"a":{"b":"c"}', "}"),
    ("{", None),
    ('{"a', None),
    ('{"a\\"', None),
    ('{"a":1', None),
    ('{"a":tru', None),
    ('{"a":"b",', None),
    ('{"a":', None),
    ("ls", None),
    ("null", None),
]


@pytest.mark.parametrize(("text", "missing"), MISSING)
def test_what_an_object_lacks_is_told_where_it_can_be_known(text: str, missing: str | None) -> None:
    arguments = Arguments()
    arguments.take(text)
    assert arguments.missing == missing


def test_a_long_argument_in_small_fragments_takes_no_longer_than_it_must() -> None:
    arguments = Arguments()
    arguments.take('{"a":"')
    for _ in range(200_000):
        arguments.take('\\"}')
    arguments.take('"}')
    assert arguments.whole
