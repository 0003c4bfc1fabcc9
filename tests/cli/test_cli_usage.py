"""The bars of usage windows: what they show, and what they never do."""

from typing import Any

import pytest
from canned import NOW, usage, window
from hypothesis import given
from hypothesis import strategies as st

from ccflared.cli.render.layout import ASCII, UNICODE, Glyphs, cells, line_cells, text_of
from ccflared.cli.render.members import Usage
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import read_status
from ccflared.cli.render.usage import (
    bar,
    fullest,
    percent,
    unknown_bar,
    unknown_usage,
    usage_age,
    usage_lines,
)


def read(*windows: dict[str, object], age: float = 0.0, overage: str | None = None) -> Usage:
    document = {"version": "0", "accounts": [{"usage": usage(age, *windows, overage=overage)}]}
    (account,) = read_status(document).accounts
    assert account.usage is not None
    return account.usage


def shown(told: Usage, width: int = 80, glyphs: Glyphs = UNICODE) -> list[str]:
    ((lines),) = usage_lines([told], NOW, Sheet(width, glyphs))
    return [text_of(line).strip() for line in lines]


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 40), st.sampled_from([UNICODE, ASCII])
)
def test_a_bar_is_as_wide_as_it_should_be_whatever_is_told(share: float, room: int, glyphs: Glyphs) -> None:
    assert cells(bar(share, room, glyphs)) == room + 2


@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True), st.sampled_from([UNICODE, ASCII]))
def test_only_nothing_is_empty_and_only_all_of_it_is_full(share: float, glyphs: Glyphs) -> None:
    assert bar(0.0, 10, glyphs) != bar(share, 10, glyphs) != bar(1.0, 10, glyphs)
    assert percent(share) != "100 %"


@given(st.floats(0.0, 1.2), st.floats(0.0, 1.2))
def test_who_has_used_more_has_no_shorter_bar(one: float, other: float) -> None:
    less, more = (bar(min(one, other), 40, ASCII), bar(max(one, other), 40, ASCII))
    assert less.count("#") <= more.count("#")


def test_a_window_says_how_much_is_used_and_when_it_resets() -> None:
    told = read(window("5h", 0.62, 7500))
    assert shown(told) == ["5h ▕███▊  ▏ 62 % resets in 2 h 5 min"]
    assert shown(told, width=160) == ["5h ▕██████▎   ▏ 62 % resets in 2 h 5 min"]
    assert shown(told, glyphs=ASCII) == ["5h [####  ] 62 % resets in 2 h 5 min"]
    assert shown(told, width=40) == ["5h ▕███▊  ▏ 62 % in 2 h 5 min"]
    assert shown(told, width=30) == ["5h ▕███▊  ▏ 62 %", "in 2 h 5 min"]


def test_windows_stand_beside_each_other_where_there_is_room() -> None:
    told = read(window("5h", 0.62, 7500), window("7d", 0.31, 273_600), window("7d opus", 1.0, 273_600))
    assert shown(told, width=60) == [
        "5h ▕███▊  ▏ 62 % resets in 2 h 5 min",
        "7d ▕█▉    ▏ 31 % resets in 3 days 4 h",
        "7d opus ▕██████▏ 100 % resets in 3 days 4 h",
    ]
    assert shown(told) == [
        "5h ▕███▊  ▏ 62 % resets in 2 h 5 min   7d ▕█▉    ▏ 31 % in 3 days 4 h",
        "7d opus ▕██████▏ 100 % in 3 days 4 h",
    ]
    assert len(shown(told, width=160)) == 1


def test_nothing_moves_while_the_time_runs() -> None:
    def places(*resets: float) -> list[int]:
        told = read(window("5h", 0.5, resets[0]), window("7d", 0.5, resets[1]))
        return [line.index("7d") for line in shown(told)]

    assert places(17_940, 604_000) == places(60, 3600) == places(5, 1)


def test_a_spent_window_says_so_and_one_that_is_overdrawn_says_by_how_much() -> None:
    assert shown(read(window("5h", None, 60, spent=True))) == ["5h ▕██████▏ spent resets in 1 min"]
    assert shown(read(window("5h", 1.04, 60))) == ["5h ▕██████▏ 104 % resets in 1 min"]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 160])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_window_that_has_been_reset_since_shows_its_age_and_no_share(width: int, glyphs: Glyphs) -> None:
    stale = read(window("5h", 0.9, -120, spent=True), window("7d", 0.4, 9000), age=2400)
    (first, *_) = " ".join(shown(stale, width, glyphs)).split("7d")
    assert "?" in first
    assert "told 40 min ago" in first
    assert "%" not in first
    assert glyphs.block not in first
    assert "reset since" in shown(read(window("5h", 0.9, -120), age=2400))[0]


def test_what_is_unknown_does_not_look_like_nothing() -> None:
    for glyphs in (UNICODE, ASCII):
        assert unknown_bar(6, glyphs) != bar(0.0, 6, glyphs)
        assert cells(unknown_bar(6, glyphs)) == cells(bar(0.0, 6, glyphs))


def test_what_was_told_long_ago_says_when_once_for_all_windows() -> None:
    told = read(window("5h", 0.1, 60), window("7d", 0.1, 60), age=2400)
    assert usage_age(told) == "usage told 40 min ago"
    assert "told" not in " ".join(shown(told))
    assert usage_age(read(window("5h", 0.1, 60), age=599)) == ""
    assert usage_age(None) == ""


def test_what_was_asked_for_says_so_and_a_window_that_is_older_than_the_first_says_how_old() -> None:
    polled: dict[str, Any] = {"age": 840, "source": "poll"}
    told = read(window("5h", 0.1, 60, **polled), window("7d", 0.1, 60, **polled), age=840)
    assert usage_age(told) == "usage told 14 min ago by polling"
    mixed = read(window("5h", 0.1, 60, age=5, source="traffic"), window("7d", 0.1, 60, **polled), age=5)
    assert usage_age(mixed) == ""
    assert " ".join(shown(mixed)).count("told") == 1
    assert shown(mixed)[-1].endswith("in 1 min, told 14 min ago")


def test_the_fullest_window_is_that_of_all_models_and_of_now() -> None:
    told = read(window("5h", 0.9, -5), window("7d", 0.4, 60), window("7d opus", 1.0, 60, spent=True))
    assert fullest(told, NOW) == 0.4
    assert fullest(read(window("5h", None, 60, spent=True)), NOW) == 1.0
    assert fullest(read(window("5h", 0.9, -5)), NOW) is fullest(None, NOW) is None


def problem(polling: dict[str, object] | None, told: dict[str, object] | None = None) -> list[str]:
    (account,) = read_status({"version": "0", "accounts": [{"usage": told, "polling": polling}]}).accounts
    return [text_of(line).strip() for line in unknown_usage(account, NOW, Sheet())]


def test_why_usage_is_unknown_is_said_and_never_shown_as_nothing_used() -> None:
    failed = {"problem": "it answered 401: \x1b[31mno", "failures": 2, "next_at": NOW + 1100}
    assert problem(failed) == ["usage unknown: it answered 401: no · asked again in 18 min"]
    assert problem(failed, usage(3000, window("5h", 0.1, 60)))[0].startswith(
        "newer usage unknown: it answered 401"
    )
    assert problem(failed | {"problem": None}) == problem(None) == []


def test_a_window_of_which_nothing_is_told_is_named() -> None:
    assert shown(read(window("7d", None, None))) == ["7d ▕······▏ ? not told"]


@given(st.integers(20, 200), st.text(max_size=30), st.none() | st.floats(0, 1e300))
def test_nothing_is_wider_than_the_sheet(width: int, name: str, used: float | None) -> None:
    told = read(window(name, used, 90000), window("5h", 0.5, 60), age=90000, overage="in use")
    ((lines),) = usage_lines([told], NOW, Sheet(width))
    assert max(line_cells(line) for line in lines) <= width
