"""Budgets: days and months as the zone's calendar has them, sums that nothing makes smaller, and what is said when one is spent."""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccflared.config.model import Budget
from ccflared.money.budgets import Period, Spent, added, exhausted, period_end, period_start

BERLIN = ZoneInfo("Europe/Berlin")
UTC = dt.UTC


def at(text: str, zone: dt.tzinfo = BERLIN) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


PERIODS: list[tuple[str, str, Period, str, str]] = [
    ("Europe/Berlin", "2026-11-25 12:00:00.5", "day", "2026-11-25", "2026-11-26"),
    ("Europe/Berlin", "2026-11-25 00:00:00", "day", "2026-11-25", "2026-11-26"),
    ("Europe/Berlin", "2026-11-25 23:59:59.999999", "day", "2026-11-25", "2026-11-26"),
    # 23 and 25 hours
    ("Europe/Berlin", "2026-03-29 12:00", "day", "2026-03-29", "2026-03-30"),
    ("Europe/Berlin", "2026-10-25 12:00", "day", "2026-10-25", "2026-10-26"),
    ("Europe/Berlin", "2026-11-25 12:00", "month", "2026-11-01", "2026-12-01"),
    ("Europe/Berlin", "2026-12-31 23:59", "month", "2026-12-01", "2027-01-01"),
    ("Europe/Berlin", "2026-12-31 23:59", "day", "2026-12-31", "2027-01-01"),
    ("Europe/Berlin", "2028-02-29 12:00", "month", "2028-02-01", "2028-03-01"),
    ("Europe/Berlin", "2026-02-28 12:00", "day", "2026-02-28", "2026-03-01"),
    ("Europe/Berlin", "2026-03-31 12:00", "month", "2026-03-01", "2026-04-01"),
    ("Asia/Kathmandu", "2026-11-25 03:00", "day", "2026-11-25", "2026-11-26"),
    # the day's first hour is skipped
    ("Asia/Beirut", "2024-03-31 12:00", "day", "2024-03-31 01:00", "2024-04-01"),
    ("Asia/Beirut", "2024-03-30 12:00", "day", "2024-03-30", "2024-03-31 01:00"),
    # a whole day is skipped
    ("Pacific/Apia", "2011-12-29 12:00", "day", "2011-12-29", "2011-12-31"),
    ("Pacific/Apia", "2011-12-31 12:00", "month", "2011-12-01", "2012-01-01"),
    # at one minute past midnight it was 23:01 again
    ("America/St_Johns", "2010-11-07 12:00", "day", "2010-11-07", "2010-11-08"),
    ("America/St_Johns", "2010-11-06 12:00", "day", "2010-11-06", "2010-11-07"),
]


@pytest.mark.parametrize(("zone", "now", "period", "start", "end"), PERIODS)
def test_a_period_begins_and_ends_by_the_calendar_of_its_zone(
    zone: str, now: str, period: Period, start: str, end: str
) -> None:
    there = ZoneInfo(zone)
    assert period_start(at(now, there), there, period) == at(start, there)
    assert period_end(at(now, there), there, period) == at(end, there)


def test_a_day_that_has_begun_goes_on_while_the_clock_shows_the_one_before_it_again() -> None:
    zone = ZoneInfo("America/St_Johns")
    again = dt.datetime(2010, 11, 6, 23, 30, fold=1, tzinfo=zone).timestamp()
    assert period_start(again, zone, "day") == at("2010-11-07", zone)
    assert period_end(again, zone, "day") == at("2010-11-08", zone)


def test_the_length_of_a_day_is_that_of_its_zone() -> None:
    hours = {
        day: (period_end(at(f"{day} 12:00"), BERLIN, "day") - period_start(at(f"{day} 12:00"), BERLIN, "day"))
        / 3600
        for day in ("2026-03-29", "2026-10-25", "2026-06-01")
    }
    assert hours == {"2026-03-29": 23, "2026-10-25": 25, "2026-06-01": 24}


ZONES = st.sampled_from(
    [
        None,
        UTC,
        dt.timezone(dt.timedelta(hours=-3, minutes=-30)),
        *map(
            ZoneInfo,
            ("Europe/Berlin", "America/St_Johns", "Asia/Beirut", "Pacific/Apia", "America/Sao_Paulo"),
        ),
        *map(ZoneInfo, ("Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu", "Pacific/Kiritimati")),
    ]
)
NOW = at("2026-11-25 12:00")
TIMES = st.floats(min_value=86_400 * 40, max_value=4e9)
COSTS = st.integers(0, 10**12)
LISTED: st.SearchStrategy[Period] = st.sampled_from(["day", "month"])


@given(TIMES, ZONES, LISTED)
def test_any_moment_is_in_one_period_and_the_next_one_begins_where_it_ends(
    now: float, zone: dt.tzinfo | None, period: Period
) -> None:
    start, end = period_start(now, zone, period), period_end(now, zone, period)
    assert start <= now < end
    assert period_start(start, zone, period) == start
    assert period_end(start, zone, period) == end
    assert period_start(end, zone, period) == end
    assert period_start(start - 1, zone, period) < start
    days = (end - start) / 86_400
    assert 0.9 < days < 2.1 if period == "day" else 27.9 < days < 31.1


@given(TIMES, ZONES)
def test_a_month_is_whole_days(now: float, zone: dt.tzinfo | None) -> None:
    for edge in (period_start(now, zone, "month"), period_end(now, zone, "month")):
        assert period_start(edge, zone, "day") == edge


@given(st.data(), TIMES, ZONES, st.lists(COSTS, min_size=1, max_size=6))
def test_within_a_day_the_order_in_which_costs_come_does_not_matter(
    data: st.DataObject, now: float, zone: dt.tzinfo | None, costs: list[int]
) -> None:
    start, end = period_start(now, zone, "day"), period_end(now, zone, "day")
    moments = st.floats(start, end, exclude_max=True)
    spent = other = Spent()
    for cost in costs:
        spent = added(spent, cost, data.draw(moments), zone)
    for cost in data.draw(st.permutations(costs)):
        other = added(other, cost, data.draw(moments), zone)
    assert spent == other == Spent(sum(costs), sum(costs), start, period_start(now, zone, "month"))


# A month that has begun already when the clock is put right, which then is ahead again.
@example([(717897600.0, 0), (715305600.0, 1), (720576000.0, 0), (715305600.0, 0)], dt.UTC)
@given(st.lists(st.tuples(TIMES, st.integers(-5, 10**12)), max_size=8), ZONES)
def test_whatever_the_clock_does_nothing_spent_is_negative_and_a_day_is_no_more_than_its_month(
    steps: list[tuple[float, int]], zone: dt.tzinfo | None
) -> None:
    spent = Spent()
    for now, cost in steps:
        before, spent = spent, added(spent, cost, now, zone)
        assert spent.day >= max(0, cost)
        assert spent.month >= spent.day
        if now < before.day_start:  # stepped back
            assert spent.day >= before.day + max(0, cost)
            assert spent.month >= before.month
        # what counts is not of a time far ahead, so it ends in a time that can be waited for
        assert spent.day_start <= period_end(now, zone, "day")
        assert spent.month_start <= period_end(now, zone, "month")


def test_a_new_day_begins_at_nothing_and_the_month_goes_on() -> None:
    spent = added(Spent(), 300, at("2026-11-25 23:59:59"), BERLIN)
    spent = added(spent, 20, at("2026-11-26 00:00:00"), BERLIN)
    assert (spent.day, spent.month) == (20, 320)
    spent = added(spent, 1, at("2026-12-01 00:00:00"), BERLIN)
    assert (spent.day, spent.month) == (1, 1)
    assert (spent.day_start, spent.month_start) == (at("2026-12-01"), at("2026-12-01"))


def test_a_clock_that_steps_back_over_midnight_stays_in_the_new_day() -> None:
    spent = added(Spent(), 300, at("2026-11-25 23:59:59"), BERLIN)
    spent = added(spent, 20, at("2026-11-26 00:00:01"), BERLIN)
    spent = added(spent, 5, at("2026-11-25 23:59:58"), BERLIN)
    spent = added(spent, 1, at("2026-11-26 00:00:00"), BERLIN)
    assert (spent.day, spent.month, spent.day_start) == (26, 326, at("2026-11-26"))


def test_a_clock_that_was_years_ahead_leaves_no_budget_spent_for_years() -> None:
    budget = Budget(daily=5.0)
    spent = added(Spent(), 6_000_000, at("2031-01-01 12:00"), BERLIN)
    now = at("2026-11-25 12:00")
    assert exhausted(budget, spent, now, BERLIN) == (
        "the daily budget of 5.00 USD is spent",
        at("2026-11-26"),
    )
    spent = added(spent, 1, now, BERLIN)
    assert spent == Spent(6_000_001, 6_000_001, at("2026-11-25"), at("2026-11-01"))
    assert exhausted(budget, spent, at("2026-11-26"), BERLIN) is None


@pytest.mark.parametrize(
    "ahead", ["2026-11-26 12:00", "2026-11-27 12:00", "2026-12-02 12:00", "2031-01-01 12:00"]
)
def test_what_was_spent_before_the_clock_went_ahead_counts_again_when_it_is_put_right(ahead: str) -> None:
    budget, now = Budget(daily=5.0, monthly=50.0), at("2026-11-25 12:00")
    spent = added(Spent(), 45_000_000, at("2026-11-24 12:00"), BERLIN)
    spent = added(spent, 5_000_000, now, BERLIN)
    spent = added(spent, 20, at(ahead), BERLIN)
    assert exhausted(Budget(daily=5.0), spent, now + 60, BERLIN) is not None
    assert exhausted(budget, spent, now + 60, BERLIN) == (
        "the monthly budget of 50.00 USD is spent",
        at("2026-12-01"),
    )
    spent = added(spent, 1, now + 60, BERLIN)
    assert spent == Spent(5_000_021, 50_000_021, at("2026-11-25"), at("2026-11-01"))
    assert added(spent, 0, at("2026-11-26 12:00"), BERLIN).day == 0


SPENT = Spent(5_000_000, 80_000_000, at("2026-11-25"), at("2026-11-01"))
SAID: list[tuple[Budget, str, tuple[str, str] | None]] = [
    (Budget(daily=5.0), "2026-11-25 12:00", ("the daily budget of 5.00 USD is spent", "2026-11-26")),
    (Budget(daily=5.0), "2026-11-26 00:00", None),
    (Budget(daily=5.000001), "2026-11-25 12:00", None),
    (Budget(daily=4.5), "2026-11-25 12:00", ("the daily budget of 4.50 USD is spent", "2026-11-26")),
    (Budget(daily=0.005), "2026-11-25 12:00", ("the daily budget of 0.005 USD is spent", "2026-11-26")),
    (Budget(monthly=80.0), "2026-11-30 12:00", ("the monthly budget of 80.00 USD is spent", "2026-12-01")),
    (Budget(monthly=80.0), "2026-12-01 00:00", None),
    (
        Budget(daily=5.0, monthly=80.0),
        "2026-11-25 12:00",
        ("the monthly budget of 80.00 USD is spent", "2026-12-01"),
    ),
    (
        Budget(daily=5.0, monthly=81.0),
        "2026-11-25 12:00",
        ("the daily budget of 5.00 USD is spent", "2026-11-26"),
    ),
    (Budget(daily=6.0, monthly=81.0), "2026-11-25 12:00", None),
    (Budget(daily=0.0), "2026-11-29 12:00", ("the daily budget of 0.00 USD is spent", "2026-11-30")),
    (Budget(), "2026-11-25 12:00", None),
    # the clock stepped back over midnight
    (Budget(daily=5.0), "2026-11-24 23:59", ("the daily budget of 5.00 USD is spent", "2026-11-26")),
]


@pytest.mark.parametrize(("budget", "now", "said"), SAID)
def test_a_spent_budget_is_told_with_its_end(budget: Budget, now: str, said: tuple[str, str] | None) -> None:
    expected = (said[0], at(said[1])) if said else None
    assert exhausted(budget, SPENT, at(now), BERLIN) == expected


@given(st.floats(0, 1e6), st.lists(st.tuples(st.floats(0, 1e6), COSTS), max_size=6), ZONES)
def test_what_is_spent_stays_spent_until_the_time_that_is_told_and_no_longer(
    daily: float, steps: list[tuple[float, int]], zone: dt.tzinfo | None
) -> None:
    budget, spent, now = Budget(daily=daily, monthly=None), Spent(), NOW
    for later, cost in steps:
        now += later
        spent = added(spent, cost, now, zone)
    if told := exhausted(budget, spent, now, zone):
        assert now < told[1] == period_end(now, zone, "day")
        assert exhausted(budget, spent, told[1] - 0.001, zone) == told
        if daily > 1e-6:
            assert exhausted(budget, spent, told[1], zone) is None


def test_the_systems_zone_counts_where_none_is_given() -> None:
    noon = dt.datetime(2026, 11, 25, 12).astimezone().timestamp()
    midnights = [dt.datetime(2026, 11, day).astimezone().timestamp() for day in (25, 26)]
    assert [period_start(noon, None, "day"), period_end(noon, None, "day")] == midnights
    for one, other in pairwise(midnights):
        assert one < noon < other
