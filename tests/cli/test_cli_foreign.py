"""Text from upstreams, clients and files cannot move the cursor, colour the screen or break a line."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.cli.render.foreign import bare, bare_json, bare_lines, bare_text

BAD = ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b", ""),
        ("line one\r\nline two\tend", "line one line two end"),
        ("a\u202eb\u2066c\u200bd\ufeff", "abcd"),
        ("a\u2028b\x85c", "a b c"),
        ("\x00nul\x7f", "nul"),
        ("[bold red]loud[/bold red] [link=http://x]here[/link] [/]", "loud here"),
        ("[accounts.primary] tries = [1, 2]", "[accounts.primary] tries = [1, 2]"),
        ("漢字 é ✓", "漢字 é ✓"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(text: str, shown: str) -> None:
    assert bare(text) == shown


@given(st.text())
def test_nothing_that_a_terminal_would_obey_is_left_in_any_text(text: str) -> None:
    assert not any(unicodedata.category(letter) in BAD for letter in bare(text))
    assert not any(unicodedata.category(letter) in BAD for line in bare_lines(text) for letter in line)
    assert not any(
        unicodedata.category(letter) in BAD for line in bare_text(text).split("\n") for letter in line
    )


def test_a_long_text_keeps_its_lines_and_what_they_are_indented_by() -> None:
    assert bare_text("{\r\n  \x1b[31ma\x90: 1\x9c: 1\n\tb\x07  \n}") == "{\n  a: 1\n    b\n}"


def test_a_long_text_is_cut() -> None:
    assert len(bare("x" * 10_000)) == 2000


def test_the_letters_of_an_excerpt_stay_in_their_columns() -> None:
    assert bare_lines("a\x1b\tb\n  ^") == ("a? b", "  ^")


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_json_means_the_same_and_holds_no_control_characters(value: object) -> None:
    shown = bare_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(shown) == value
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)
