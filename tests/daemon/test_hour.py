"""The sliding hour: never fewer than there were, at most a minute longer, in bounded memory, by any clock."""

from hypothesis import given
from hypothesis import strategies as st

from ccflared.daemon.hour import HOUR, Hour


def test_what_happened_counts_for_an_hour() -> None:
    hour = Hour()
    hour.add(1000.0)
    assert (hour.count(1000.0), hour.count(1000.0 + HOUR - 0.1), hour.count(1000.0 + HOUR)) == (1, 1, 0)


def test_those_of_a_minute_end_together_with_the_last_of_them() -> None:
    hour = Hour()
    for at in (0.0, 30.0, 59.0, 61.0):
        hour.add(at)
    assert hour.count(HOUR + 58) == 4
    assert hour.count(HOUR + 59) == 1
    assert hour.count(HOUR + 61) == 0


def test_it_says_when_there_is_room_again() -> None:
    hour = Hour()
    for at in (0.0, 100.0, 100.0, 300.0):
        hour.add(at)
    assert hour.below(5, 300.0) == 300.0
    assert hour.below(4, 300.0) == HOUR
    assert hour.below(3, 300.0) == HOUR + 100
    assert hour.below(1, 300.0) == HOUR + 300


def test_one_can_be_taken_back_and_none_that_is_not_there() -> None:
    hour = Hour()
    hour.add(0.0)
    hour.add(100.0)
    hour.take_back(100.0)
    hour.take_back(100.0)
    assert hour.count(100.0) == 1
    hour.take_back(5.0)
    hour.take_back(5.0)
    assert hour.count(100.0) == 0


def test_what_was_before_a_start_comes_first() -> None:
    hour = Hour()
    hour.add(1000.0)
    hour.restore(900.0, 950.0, 7)
    hour.restore(400.0, 401.0, 2)
    assert hour.count(1000.0) == 10
    assert hour.count(401.0 + HOUR) == 8
    assert hour.count(950.0 + HOUR) == 1


def test_a_clock_that_was_ahead_lets_nothing_count_for_longer_than_an_hour() -> None:
    hour = Hour()
    for at in (10.0, 50_000.0, 60_000.0):
        hour.add(at)
    hour.add(100.0)
    hour.add(101.0)
    assert hour.count(101.0) == 3  # that of the beginning was an hour old by the clock that was ahead
    assert hour.count(101.0 + HOUR) == 0


@given(st.lists(st.integers(0, 20_000), max_size=300))
def test_it_never_counts_fewer_than_there_were_and_stays_small(times: list[int]) -> None:
    hour = Hour()
    seen: list[float] = []
    for at in sorted(times):
        hour.add(at)
        seen.append(at)
        exact = sum(each > at - HOUR for each in seen)
        longer = sum(each > at - HOUR - 60 for each in seen)
        assert exact <= hour.count(at) <= longer
        assert len(hour) <= 62


@given(st.lists(st.floats(0, 1e6), max_size=200))
def test_any_clock_leaves_it_small_and_its_count_true(times: list[float]) -> None:
    hour = Hour()
    for at in times:
        hour.add(at)
        assert 1 <= hour.count(at) <= len(times)
        assert len(hour) <= 62
        assert hour.below(1, at) <= at + HOUR
