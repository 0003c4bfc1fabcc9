"""What accounts report corrects estimates: fast upwards, slowly downwards, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.calibration import Calibration

KEY = ("work", "gpt-5")
PAIRS = st.lists(st.tuples(st.integers(-10, 10**7), st.integers(-10, 10**7)), max_size=20)


def test_an_account_that_reports_as_was_estimated_corrects_nothing() -> None:
    calibration = Calibration()
    assert calibration.corrected(KEY, 1000) == 1000
    calibration.learn(KEY, 1000, 1000)
    assert calibration.corrected(KEY, 1000) == 1000


def test_a_report_that_is_higher_counts_more_than_one_that_is_lower() -> None:
    up, down = Calibration(), Calibration()
    up.learn(KEY, 1000, 1400)
    down.learn(KEY, 1000, 600)
    assert up.factor(KEY) - 1 > 2 * (1 - down.factor(KEY)) > 0


@given(PAIRS)
def test_a_factor_stays_within_its_bounds(pairs: list[tuple[int, int]]) -> None:
    calibration = Calibration()
    for estimated, reported in pairs:
        calibration.learn(KEY, estimated, reported)
        assert 0.5 <= calibration.factor(KEY) <= 3
        assert calibration.corrected(KEY, 0) == 1


@pytest.mark.parametrize(("ratio", "factor"), [(0.7, 0.7), (1.6, 1.6), (0.1, 0.5), (9, 3)])
def test_what_is_reported_again_and_again_is_learnt_in_the_end(ratio: float, factor: float) -> None:
    calibration = Calibration()
    for _ in range(100):
        calibration.learn(KEY, 10_000, int(10_000 * ratio))
    assert calibration.factor(KEY) == pytest.approx(factor, abs=0.01)


@given(st.lists(st.floats(0.6, 2.5), min_size=30, max_size=60))
def test_among_changing_reports_the_estimate_is_high_rather_than_low(ratios: list[float]) -> None:
    calibration = Calibration()
    for ratio in ratios * 3:
        calibration.learn(KEY, 10_000, int(10_000 * ratio))
    assert calibration.factor(KEY) >= sum(ratios) / len(ratios) * 0.8


@given(PAIRS)
def test_the_last_report_counts_more_than_the_one_before(pairs: list[tuple[int, int]]) -> None:
    def after(*last: int) -> float:
        calibration = Calibration()
        for pair in [*pairs, *((10_000, reported) for reported in last)]:
            calibration.learn(KEY, *pair)
        return calibration.factor(KEY)

    assert after(5_000, 30_000) >= after(30_000, 5_000)


def test_a_request_of_a_few_words_says_nothing() -> None:
    calibration = Calibration()
    calibration.learn(KEY, 30, 900)
    calibration.learn(KEY, 1000, 0)
    assert calibration.factor(KEY) == 1
    assert len(calibration) == 0


def test_those_not_asked_for_the_longest_are_forgotten_first() -> None:
    calibration = Calibration(2)
    calibration.learn(("a", "m"), 1000, 2000)
    calibration.learn(("b", "m"), 1000, 2000)
    calibration.factor(("a", "m"))
    calibration.learn(("c", "m"), 1000, 2000)
    assert len(calibration) == 2
    assert [calibration.factor((name, "m")) for name in "abc"] == [1.5, 1, 1.5]


def test_what_was_learnt_follows_an_account_to_its_new_name() -> None:
    calibration = Calibration()
    calibration.learn(("old", "m"), 1000, 2000)
    calibration.learn(("old", "n"), 1000, 3000)
    calibration.learn(("new", "m"), 1000, 1000)
    calibration.learn(("new", "o"), 1000, 2000)
    calibration.rename("old", "new")
    calibration.rename("new", "new")
    assert calibration.factor(("new", "m")) == 1.5
    assert calibration.factor(("new", "n")) == 2
    assert calibration.factor(("new", "o")) == 1
    assert calibration.factor(("old", "m")) == 1
