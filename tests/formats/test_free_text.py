"""The free text of custom tools, taken out of JSON that comes in fragments."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import cut_up

from ccflared.formats.free_text import FreeText, free_text

TEXT = 'a"\\/\b\f\n\r\tü🙂\x00\\u0041'
SOUND = st.text(st.characters(exclude_categories=["Cs"]))
CUTS = st.lists(st.integers(0, 400), max_size=12)


def told(arguments: str, cuts: list[int]) -> str:
    text = FreeText()
    return "".join([*map(text.feed, cut_up(arguments, cuts)), text.end()])


@given(SOUND, st.booleans(), CUTS, st.sampled_from([None, 1]))
def test_however_it_is_written_and_cut_the_text_is_the_same(
    text: str, ascii_alone: bool, cuts: list[int], indent: int | None
) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_alone, indent=indent)
    assert told(arguments, cuts) == text


@pytest.mark.parametrize("ascii_alone", [True, False])
def test_in_single_characters_it_is_the_same(ascii_alone: bool) -> None:
    arguments = json.dumps({"input": TEXT}, ensure_ascii=ascii_alone)
    assert told(arguments, list(range(len(arguments)))) == TEXT


def test_text_is_told_as_soon_as_it_is_certain() -> None:
    text = FreeText()
    assert [
        text.feed(piece) for piece in ('{"inp', 'ut": "*** Be', "gin\\", "n\\ud83d", "\\ude42", '!"', "}")
    ] == [
        *("", "*** Be", "gin", "\n", "🙂", "!", ""),
    ]
    assert text.end() == ""


@given(SOUND, st.integers(0, 100))
def test_what_is_cut_off_is_a_beginning_of_the_text(text: str, length: int) -> None:
    arguments = json.dumps({"input": text})[: 11 + length]
    assert text.startswith(told(arguments, []))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("", ""),
        ("{}", ""),
        (" { } ", " { } "),
        ('{"input": 5}', '{"input": 5}'),
        ('{"patch": "x"}', '{"patch": "x"}'),
        ('{"why": "x", "input": "y"}', "y"),
        ('{"why": "' + "x" * 100 + '", "input": "y"}', "y"),
        ("*** Begin Patch", "*** Begin Patch"),
        ("*** Begin Patch" * 10, "*** Begin Patch" * 10),
        ('"x"', '"x"'),
        ('{"input": "y", "why": "x"}', "y"),
        ('{"input": "a\\qb\\u12zc"}', "a\\qb\\u12zc"),
        ('{"input": "line\nline"}', "line\nline"),
        ('{"input": "\\ud83d\\ud83d\\ude42\\ude42"}', "\ud83d🙂\ude42"),
    ],
)
def test_other_forms_are_not_lost(arguments: str, text: str) -> None:
    assert free_text(arguments) == text
    assert told(arguments, list(range(len(arguments)))) == text


@given(st.text(st.sampled_from('{}"input: \\ud83e042x'), max_size=60), CUTS)
def test_whatever_comes_the_cuts_make_no_difference(noise: str, cuts: list[int]) -> None:
    for arguments in (noise, '{"input":"' + noise):
        assert told(arguments, cuts) == free_text(arguments)


@pytest.mark.parametrize("piece", ["\\q", "\\u12z", "x", "\\n", " "])
def test_long_text_takes_time_that_grows_with_its_length_alone(piece: str) -> None:
    text = FreeText()
    began = time.process_time()
    text.feed('{"input": "')
    for _ in range(50_000):
        text.feed(piece * 4)
    free_text('{"input": "' + piece * 500_000)
    free_text(piece * 500_000)
    assert time.process_time() - began < 5
