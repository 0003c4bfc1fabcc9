"""Times, sizes and counts as people say them."""

from datetime import UTC, timedelta, timezone

import pytest

from ccflared.cli.render import words

NOON = 1_795_348_800.0  # Sunday 22 November 2026, 12:00 UTC


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (245, "4 min"),
        (3599, "1 h"),
        (7500, "2 h 5 min"),
        (86399, "1 day"),
        (90000, "1 day 1 h"),
        (3 * 86400 + 4000, "3 days 1 h"),
        (40 * 86400, "40 days"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (0, "12:00"),
        (6 * 3600, "18:00"),
        (86400, "tomorrow 12:00"),
        (-86400, "yesterday 12:00"),
        (3 * 86400, "Wed 12:00"),
        (9 * 86400, "1 Dec 12:00"),
        (-9 * 86400, "13 Nov 12:00"),
        (60 * 86400, "21 Jan 2027"),
        (1e18, "at an unknown time"),
    ],
)
def test_a_clock_time_has_as_much_date_as_it_needs(offset: float, said: str) -> None:
    assert words.clock(NOON + offset, NOON, UTC) == said


def test_a_clock_time_is_in_the_zone_of_the_reader() -> None:
    assert words.clock(NOON, NOON, timezone(timedelta(hours=5, minutes=30))) == "17:30"


def test_what_was_and_what_will_be_is_said_relative_to_now() -> None:
    assert words.ago(NOON - 720, NOON) == "12 min ago"
    assert words.ago(NOON - 1, NOON) == "just now"
    assert words.ahead(NOON + 245, NOON) == "in 4 min"
    assert words.ahead(NOON - 3, NOON) == "now"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (950, "950"),
        (999.7, "1.0 k"),
        (12_300, "12.3 k"),
        (342_000, "342 k"),
        (8_120_000, "8.1 M"),
        (2e9, "2.0 G"),
    ],
)
def test_a_large_number_is_said_short(number: float, said: str) -> None:
    assert words.short(number) == said


@pytest.mark.parametrize(
    ("number", "said"), [(12, "12 bytes"), (3000, "2.9 KiB"), (88_000_000, "84 MiB"), (3 << 30, "3.0 GiB")]
)
def test_a_size_has_its_unit(number: int, said: str) -> None:
    assert words.size(number) == said


@pytest.mark.parametrize(("number", "said"), [(812, "812 ms"), (2140, "2.1 s"), (65_000, "1 min")])
def test_a_wait_has_its_unit(number: float, said: str) -> None:
    assert words.milliseconds(number) == said


def test_a_list_of_words_ends_with_and() -> None:
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.many(1, "try", "tries") == "1 try"
    assert words.many(1200, "try", "tries") == "1,200 tries"
