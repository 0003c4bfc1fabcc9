"""Usage windows: what answers tell of them piece by piece, what is left, and how long a session lasts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.pool.capacity import (
    current,
    drains_at,
    merged,
    remaining,
    running,
    same_window,
    session_holds,
    session_window,
    used,
)
from ccflared.wire import Quota, Window

NOW = 1_790_000_000.0
DAY = 86400.0
HOUR = 3600.0


def quota(*windows: Window, at: float = NOW) -> Quota:
    return Quota(at, windows)


FIVE = Window("5h", 0.4, NOW + 2 * HOUR)
SEVEN = Window("7d", 0.7, NOW + 3 * DAY)
OPUS = Window("7d opus", 0.9, NOW + 3 * DAY, family="opus")


def test_what_an_answer_does_not_tell_of_stays_as_it_was() -> None:
    told = Window("5h", 0.5, NOW + 2 * HOUR)
    assert merged(quota(FIVE, SEVEN), quota(told, at=NOW + 9)) == quota(SEVEN, told, at=NOW + 9)
    assert merged(quota(SEVEN), quota(FIVE)) == quota(SEVEN, FIVE), "within one moment, too"
    assert merged(None, quota(FIVE)) == quota(FIVE)


def test_what_was_said_of_paid_usage_is_what_was_said_last() -> None:
    assert merged(Quota(NOW, (), "in use"), Quota(NOW + 1, (), None)).overage is None
    assert merged(Quota(NOW, (), "available"), Quota(NOW + 1, (), "in use")).overage == "in use"


def test_what_was_told_by_a_clock_that_was_ahead_is_forgotten() -> None:
    assert merged(quota(FIVE, SEVEN, at=NOW + DAY), quota(OPUS)) == quota(OPUS)


# what was known, what is told an hour later, what is kept
CARRIED: list[tuple[Window, Window, Window]] = [
    (Window("5h", 0.4, NOW + 2 * HOUR), Window("5h"), Window("5h", 0.4, NOW + 2 * HOUR)),
    (Window("5h", 0.4, NOW + 2 * HOUR), Window("5h", 0.6), Window("5h", 0.6, NOW + 2 * HOUR)),
    (Window("5h", 0.4), Window("5h", None, NOW + 2 * HOUR), Window("5h", 0.4, NOW + 2 * HOUR)),
    # the reset jitters
    (Window("5h", 0.4, NOW + 2 * HOUR), Window("5h", None, NOW + 2 * HOUR + 60), Window("5h", 0.4, NOW + 2 * HOUR + 60)),
    # another window: nothing of the old one is true of it
    (Window("5h", 0.4, NOW + 2 * HOUR), Window("5h", None, NOW + 2 * HOUR + 61), Window("5h", None, NOW + 2 * HOUR + 61)),
    # the old one has ended meanwhile
    (Window("5h", 0.9, NOW + HOUR), Window("5h", 0.1), Window("5h", 0.1)),
    (Window("5h", 0.9, NOW + 60), Window("5h"), Window("5h")),
    # that nothing is left is said anew each time
    (Window("5h", 1.0, NOW + 2 * HOUR, spent=True), Window("5h", 0.2, NOW + 2 * HOUR), Window("5h", 0.2, NOW + 2 * HOUR)),
]  # fmt: skip


@pytest.mark.parametrize(("before", "told", "kept"), CARRIED)
def test_what_an_answer_leaves_out_of_a_window_is_as_it_was_before_its_reset(
    before: Window, told: Window, kept: Window
) -> None:
    assert merged(quota(before), quota(told, at=NOW + HOUR)).windows == (kept,)


@pytest.mark.parametrize("used", [0.0, 0.1])
def test_a_window_that_has_not_begun_since_the_last_one_ended_ends_where_that_did(used: float) -> None:
    (window,) = merged(quota(Window("5h", 0.9, NOW + 60)), quota(Window("5h", used), at=NOW + HOUR)).windows
    assert window.resets_at == (NOW + 60 if used == 0.0 else None)


def test_each_window_knows_when_it_was_told_of_and_whether_it_was_asked_for() -> None:
    polled = Quota(NOW + HOUR, (Window("5h", 0.2), Window("7d opus", 0.3, family="opus")), polled=True)
    known = merged(merged(quota(FIVE, SEVEN), polled), quota(FIVE, at=NOW + 2 * HOUR))
    assert {window.name: (window.told_at, window.polled) for window in known.windows} == {
        "7d": (NOW, False),
        "7d opus": (NOW + HOUR, True),
        "5h": (NOW + 2 * HOUR, False),
    }


def test_what_was_asked_for_is_not_spent_by_a_reset_that_is_not_believed() -> None:
    far = Window("1mo", 1.0, NOW + 20 * DAY, spent=True)
    for polled in (True, False):
        (window,) = merged(None, Quota(NOW, (far,), polled=polled)).windows
        assert (window.resets_at, window.spent) == (None, not polled)


@pytest.mark.parametrize("known", [None, quota(SEVEN)])
def test_a_reset_that_is_too_far_away_is_not_believed(known: Quota | None) -> None:
    for reset, trusted in ((NOW + 8 * DAY, True), (NOW + 8 * DAY + 1, False), (9e10, False)):
        (*_, window) = merged(known, quota(Window("5h", 1.0, reset, spent=True))).windows
        assert window == Window("5h", 1.0, reset if trusted else None, spent=True)
    assert merged(known, quota(FIVE), trust_reset_up_to=60).windows[-1].resets_at is None


def test_an_unbelievable_reset_does_not_take_the_place_of_a_credible_one() -> None:
    (window,) = merged(quota(FIVE), quota(Window("5h", 0.5, 9e10), at=NOW + 1)).windows
    assert window == Window("5h", 0.5, FIVE.resets_at)


def test_an_upstream_that_invents_names_fills_no_memory() -> None:
    known = quota()
    for number in range(100):
        known = merged(known, quota(Window(f"{number}h"), at=NOW + number))
    assert [window.name for window in known.windows] == [f"{number}h" for number in range(84, 100)]


def test_one_window_is_told_from_the_next_by_a_reset_that_moves_by_more_than_a_minute() -> None:
    assert same_window(Window("5h", resets_at=NOW), Window("5h", resets_at=NOW - 60))
    assert not same_window(Window("5h", resets_at=NOW), Window("5h", resets_at=NOW + 60.1))
    assert same_window(Window("5h", resets_at=NOW), Window("5h"))


def test_a_window_counts_from_its_telling_to_its_reset_and_for_its_family() -> None:
    known = quota(FIVE, SEVEN, OPUS)
    assert current(known, NOW) == [FIVE, SEVEN, OPUS]
    assert running(known, NOW, "opus") == [FIVE, SEVEN, OPUS]
    assert running(known, NOW, None) == running(known, NOW, "sonnet") == [FIVE, SEVEN]
    assert running(known, NOW + 2 * HOUR, None) == [SEVEN]
    assert current(known, NOW - 0.1) == current(None, NOW) == []


# quota, moment, family, share used
USED: list[tuple[Quota | None, float, str | None, float | None]] = [
    (None, NOW, None, None),
    (quota(), NOW, None, None),
    (quota(Window("5h")), NOW, None, None),
    (quota(FIVE, SEVEN, OPUS), NOW, None, 0.7),
    (quota(FIVE, SEVEN, OPUS), NOW, "opus", 0.9),
    (quota(FIVE, SEVEN, OPUS), NOW, "sonnet", 0.7),
    (quota(FIVE, Window("7d")), NOW, None, 0.4),
    (quota(Window("5h", 1.01, NOW + 9)), NOW, None, 1.01),
    # reset since, and nothing told of the next one
    (quota(FIVE), NOW + 2 * HOUR, None, 0.0),
    (quota(FIVE, SEVEN), NOW + 2 * HOUR, None, 0.7),
]


@pytest.mark.parametrize(("known", "now", "family", "share"), USED)
def test_the_fullest_window_says_how_much_is_used(
    known: Quota | None, now: float, family: str | None, share: float | None
) -> None:
    assert used(known, now, family) == share


def test_what_remains_is_told_in_units_of_the_smallest_plan() -> None:
    assert remaining(quota(Window("5h", 0.75, NOW + 9)), 20, NOW) == 5.0
    assert remaining(quota(Window("5h", 1.5, NOW + 9)), 20, NOW) == 0.0
    assert remaining(None, 5, NOW) == 5.0
    assert remaining(quota(FIVE, OPUS), 1, NOW, "opus") == pytest.approx(0.1)


@given(st.none() | st.floats(0, 10), st.floats(0.01, 100))
def test_what_remains_is_between_nothing_and_the_tier(share: float | None, tier: float) -> None:
    assert 0 <= remaining(quota(Window("5h", share, NOW + 9)), tier, NOW) <= tier


def test_a_quota_drains_at_the_reset_of_its_longest_window_for_all_models() -> None:
    assert drains_at(quota(FIVE, SEVEN, OPUS), NOW) == SEVEN.resets_at
    assert drains_at(quota(FIVE), NOW) == FIVE.resets_at
    assert drains_at(quota(FIVE), NOW + 2 * HOUR) is None
    assert drains_at(quota(OPUS, Window("7d")), NOW) is None
    assert drains_at(None, NOW) is None


def test_sessions_go_by_the_five_hour_window() -> None:
    assert session_window(quota(SEVEN, FIVE)) == FIVE
    assert session_window(quota(SEVEN)) is None
    assert session_window(None) is None


# begun at, quota, moment, whether it holds
SESSIONS: list[tuple[float | None, Quota | None, float, bool]] = [
    (None, None, NOW, False),
    (NOW, None, NOW, True),
    (NOW, None, NOW + 5 * HOUR - 1, True),
    (NOW, None, NOW + 5 * HOUR, False),
    # by a clock that was ahead
    (NOW + 1, None, NOW, False),
    # it ends with its window, whether that is sooner or later than its own length
    (NOW, quota(FIVE), NOW + 2 * HOUR - 1, True),
    (NOW, quota(FIVE), NOW + 2 * HOUR, False),
    (NOW - 4 * HOUR, quota(FIVE), NOW + 1.5 * HOUR, True),
    # the window had ended before the session began, or names no end, or is another one
    (NOW + 3 * HOUR, quota(FIVE), NOW + 3 * HOUR, True),
    (NOW + 3 * HOUR, quota(FIVE), NOW + 8 * HOUR, False),
    (NOW + 2 * HOUR, quota(FIVE), NOW + 2 * HOUR, True),
    (NOW, quota(Window("5h", 0.4)), NOW + 4 * HOUR, True),
    (NOW, quota(SEVEN), NOW + 5 * HOUR, False),
]


@pytest.mark.parametrize(("since", "known", "now", "holds"), SESSIONS)
def test_a_session_lasts_as_long_as_its_usage_window(
    since: float | None, known: Quota | None, now: float, *, holds: bool
) -> None:
    assert session_holds(since, known, 5 * HOUR, now) is holds


def test_what_is_known_of_paid_usage_is_carried_on_only_for_a_window_whose_end_is_known() -> None:
    def later(resets_at: float | None, seconds: float) -> Quota:
        spent = Quota(NOW, (Window("7d opus", 1.0, resets_at, spent=True, family="opus"),), "available")
        return merged(spent, Quota(NOW + seconds, (Window("5h", 0.1, NOW + 3600),)))

    assert later(NOW + 7200, 60).overage == "available"
    assert later(NOW + 7200, 7300).overage is None
    assert later(None, 60).overage is None
