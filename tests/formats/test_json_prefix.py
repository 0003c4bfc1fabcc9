"""JSON texts that were cut or are broken: what stands before the break is told, and nothing is made up."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.json_prefix import value_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def is_part(part: Any, whole: Any) -> bool:
    """Whether a value is another one that was cut somewhere."""
    match part, whole:
        case str(), str():
            return whole.startswith(part)
        case list(), list():
            return len(part) <= len(whole) and all(map(is_part, part, whole))
        case dict(), dict():
            return all(name in whole and is_part(each, whole[name]) for name, each in part.items())
        case _:
            return bool(part == whole)


@given(VALUES, st.data())
def test_of_a_text_that_was_cut_there_is_a_part_of_the_value(value: Any, data: st.DataObject) -> None:
    text = json.dumps([value])
    assert value_of(text) == ([value], None)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    part, wrong = value_of(cut)
    assert wrong
    assert is_part(part, [value])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "some wor', {"a": "some wor"}),
        ('{"a": "caf\\u00', {"a": "caf"}),
        ('{"a": "a\\\\u00', {"a": "a\\u00"}),
        ('{"a": "b\\', {"a": "b"}),
        ('{"a": 1, "na', {"a": 1}),
        ('{"a": 1, "name"', {"a": 1}),
        ('{"a": 1, "name":', {"a": 1}),
        ('{"a": {"b": "c"}, "d": tru', {"a": {"b": "c"}}),
        ('[1, [2, {"a": "x"', [1, [2, {"a": "x"}]]),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2], b: 3}', {"a": [1, 2]}),
        ('{"a": {"b": 1}}}', {"a": {"b": 1}}),
        ('{"a": NaN, "b": [1e400, 2]}', {"a": "NaN", "b": ["1e400", 2]}),
        ("", None),
        ("no JSON", None),
        ("[}", []),
        ("[" * 5000, None),
    ],
)
def test_what_is_told_of_a_broken_text(text: str, value: Any) -> None:
    told, wrong = value_of(text)
    assert told == value
    assert wrong


@given(st.text(alphabet='{}[]",:\\u0ae1 tn-', max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    value_of(text)
