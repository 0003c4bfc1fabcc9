"""When a usage window is used up, from what was told of it."""

import pytest

from ccflared.pool.prediction import Point, predict

NOW = 1_000_000.0
HOUR = 3600.0


def line(*shares: float, every: float = 600.0, resets_at: float | None = NOW + 3 * HOUR) -> list[Point]:
    """Return points that end now, one in ten minutes."""
    first = NOW - every * (len(shares) - 1)
    return [Point(first + number * every, share, resets_at) for number, share in enumerate(shares)]


def test_a_window_that_rises_is_used_up_where_its_line_ends() -> None:
    found = predict(line(0.4, 0.5, 0.6, 0.7), NOW)
    assert found.state == "rising"
    assert found.per_hour == pytest.approx(0.6)
    assert found.at == pytest.approx(NOW + 1800)
    assert not found.low_confidence
    assert found.points == 4


def test_a_window_that_resets_before_it_is_used_up_is_stable() -> None:
    assert predict(line(0.1, 0.11, 0.12), NOW).state == "stable"
    assert predict(line(0.1, 0.11, 0.12), NOW).at is None
    assert predict(line(0.1, 0.11, 0.12, resets_at=None), NOW).state == "rising"


def test_a_window_that_does_not_rise_is_stable() -> None:
    assert predict(line(0.5, 0.5, 0.5), NOW).state == "stable"
    assert predict(line(0.5, 0.49, 0.48), NOW).state == "stable"


def test_a_full_window_is_exhausted_whatever_was_before() -> None:
    assert predict(line(1.0), NOW).state == "exhausted"
    assert predict(line(0.2, 0.9, 1.02), NOW).state == "exhausted"


@pytest.mark.parametrize("points", [[], line(0.4), line(0.4, 0.5)])
def test_fewer_than_three_points_say_nothing(points: list[Point]) -> None:
    assert predict(points, NOW).state == "insufficient_data"


def test_only_what_was_told_since_the_window_began_anew_counts() -> None:
    before = [Point(NOW - 9000 + n, 0.9 + n / 100, NOW - 4000) for n in range(5)]
    found = predict(before + line(0.4, 0.5, 0.6), NOW)
    assert found.points == 3
    assert found.per_hour == pytest.approx(0.6)


def test_a_share_that_falls_means_that_it_began_anew_where_no_reset_is_told() -> None:
    found = predict(line(0.8, 0.9, 0.1, 0.2, 0.3, resets_at=None), NOW)
    assert found.points == 3
    assert predict(line(0.30, 0.28, 0.31, 0.33, resets_at=None), NOW).points == 4


def test_a_window_whose_reset_has_passed_says_nothing_before_it_is_told_of_again() -> None:
    assert predict(line(0.4, 0.5, 0.6, resets_at=NOW - 1), NOW).state == "insufficient_data"


def test_a_line_over_less_than_five_minutes_is_doubtful() -> None:
    assert predict(line(0.4, 0.5, 0.6, every=60), NOW).low_confidence
    assert not predict(line(0.4, 0.5, 0.6, every=151), NOW).low_confidence


def test_points_of_one_moment_make_no_line() -> None:
    assert (
        predict([Point(NOW, share, NOW + HOUR) for share in (0.1, 0.2, 0.3)], NOW).state
        == "insufficient_data"
    )
