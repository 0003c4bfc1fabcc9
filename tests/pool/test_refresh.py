"""When the daemon itself starts an account's next usage window, and how it backs off when refused."""

import pytest

from ccflared.config.model import Routing
from ccflared.pool.refresh import backoff, due, window_end
from ccflared.pool.states import Standing, after, after_success
from ccflared.wire import Observation, Quota, Window

NOW = 1_790_000_000.0
HOUR = 3600.0


def told(*windows: Window) -> Standing:
    return Standing(quota=Quota(NOW, windows))


def limited(until: float | None, standing: Standing | None = None, kind: str = "limit") -> Standing:
    return after(standing or Standing(), Observation("account", kind, "x", until), None, NOW, Routing())


FIVE = Window("5h", 0.5, NOW + 60)

# standing, when its window ends
ENDS: list[tuple[Standing, float | None]] = [
    (Standing(), None),
    (told(FIVE), NOW + 60),
    (told(Window("5h", 0.5, NOW - 60)), NOW - 60),
    (told(Window("5h", 0.5)), None),
    (told(Window("7d", 0.5, NOW + 999)), None),
    (limited(NOW + 900), NOW + 900),
    (limited(NOW + 900, told(FIVE)), NOW + 900),
    (limited(NOW + 30, told(FIVE)), NOW + 60),
    # a burst's pause and a guess are no windows, and a failure is none
    (limited(NOW + 90), None),
    (limited(None), None),
    (limited(None, told(FIVE)), NOW + 60),
    (limited(None, kind="connect"), None),
]


@pytest.mark.parametrize(("standing", "end"), ENDS)
def test_a_window_ends_as_it_or_a_limit_has_told(standing: Standing, end: float | None) -> None:
    assert window_end(standing) == end
    assert due(standing, None, NOW) == end


def test_a_window_that_was_started_already_is_not_started_again() -> None:
    standing, now = told(FIVE), NOW + 99
    assert due(standing, NOW + 60, now) is None
    assert due(standing, NOW + 61, now) is None
    # a new end is told, and becomes due in its turn
    assert due(told(Window("5h", 0.0, NOW + 5 * HOUR)), NOW + 61, now) == NOW + 5 * HOUR


def test_between_two_windows_that_it_starts_lie_hours_whatever_an_upstream_says_of_their_ends() -> None:
    assert due(told(FIVE), NOW, NOW + 99) == NOW + 2.5 * HOUR
    assert due(told(FIVE), NOW - 3 * HOUR, NOW + 99) == NOW + 60


def test_what_a_clock_that_was_ahead_noted_keeps_no_window_from_being_started() -> None:
    assert due(told(FIVE), NOW + 365 * 24 * HOUR, NOW) == NOW + 60


def test_a_limit_that_has_turned_out_to_be_over_is_no_end_to_wait_for() -> None:
    assert due(after_success(limited(NOW + 900), None, NOW + 1), None, NOW + 2) is None


def test_refused_again_and_again_it_asks_less_and_less_often() -> None:
    waits = [backoff(refusals) for refusals in range(1, 10)]
    assert waits == [60, 300, 600, 1800, 3600, 6 * 3600, 12 * 3600, 12 * 3600, 12 * 3600]
    assert backoff(0) == 60
