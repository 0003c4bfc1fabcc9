"""Lines, wrapping and columns: nothing is wider than the width, and no letter is lost."""

from hypothesis import given
from hypothesis import strategies as st

from ccflared.cli.render.layout import (
    ASCII,
    UNICODE,
    Line,
    Span,
    cells,
    clip,
    clip_line,
    columns,
    flow,
    line_cells,
    text_of,
    wrap,
)

LETTERS = st.text(st.sampled_from("ab -/é漢字e\u0301🙂"), max_size=60)
LINES = st.lists(st.builds(Span, LETTERS, st.sampled_from(["plain", "bad"])), max_size=6).map(tuple)


def test_wide_letters_take_two_cells_and_combining_marks_none() -> None:
    assert cells("漢字") == 4
    assert cells("e\u0301") == 1
    assert cells("…") == 1


@given(LINES, st.integers(12, 90))
def test_wrapping_loses_no_letter_and_keeps_the_width(line: Line, width: int) -> None:
    wrapped = wrap(line, width, first="  ", rest="    ")
    assert all(line_cells(each) <= width for each in wrapped)
    kept = "".join(text_of(each) for each in wrapped).replace(" ", "")
    assert kept == text_of(line).replace(" ", "")


@given(st.lists(LINES, max_size=6), st.integers(12, 90))
def test_facts_keep_the_width_and_their_order(facts: list[Line], width: int) -> None:
    flowed = flow(facts, " · ", width, first="  ", rest="  ")
    assert all(line_cells(each) <= width for each in flowed)
    kept = "".join(text_of(each) for each in flowed).replace(" ", "").replace("·", "")
    assert kept == "".join(text_of(fact) for fact in facts).replace(" ", "")


@given(LINES, st.integers(1, 90))
def test_a_clipped_line_fits_and_shows_the_cut(line: Line, width: int) -> None:
    clipped = clip_line(line, width, UNICODE)
    assert line_cells(clipped) <= width
    if line_cells(line) > width:
        assert text_of(clipped).endswith("…")


def test_a_separator_never_stands_at_the_end_of_a_line() -> None:
    facts: list[Line] = [(Span("one fact"),), (Span("another"),), (Span("a third"),)]
    assert [text_of(line) for line in flow(facts, " · ", 20)] == ["one fact · another", "a third"]


def test_a_path_too_long_for_a_line_is_broken() -> None:
    assert [text_of(line) for line in wrap((Span("at /abcdefghij now"),), 6, rest="  ")] == [
        "at",
        "  /abc",
        "  defg",
        "  hij",
        "  now",
    ]


def test_columns_stand_below_each_other_and_empty_ones_vanish() -> None:
    rows: list[list[Line]] = [
        [(Span("a"),), (), (Span("7"),)],
        [(Span("long name"),), (), (Span("120"),)],
    ]
    assert [text_of(line) for line in columns(rows, right=frozenset({2}))] == [
        "a            7",
        "long name  120",
    ]
    assert columns([]) == []


def test_a_cut_is_marked_with_what_the_terminal_has() -> None:
    assert clip("abcdef", 4, UNICODE) == "abc…"
    assert clip("abcdef", 4, ASCII) == "abc~"
    assert clip("abcd", 4, ASCII) == "abcd"
