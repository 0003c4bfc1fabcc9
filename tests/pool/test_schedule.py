"""Scheduled pauses: across midnight, on some days, through changes of clocks, and until exactly when they hold."""

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ccflared.config.model import PauseWindow
from ccflared.pool.schedule import Pause, scheduled

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
DAY = 86400.0


def zone_of(name: str | None) -> dt.tzinfo:
    return ZoneInfo(name or BERLIN)


def at(text: str, zone: str = BERLIN, *, fold: int = 0) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def window(start: str, end: str, *days: int, zone: str | None = None) -> PauseWindow:
    return PauseWindow(minutes(start), minutes(end), zone, frozenset(days or range(7)))


def says(*windows: PauseWindow, now: float) -> Pause:
    return scheduled(windows, now, zone_of)


WORK = window("14:00", "18:00", MON, TUE, WED, THU, FRI)
NIGHT = window("22:00", "06:00")

# windows, now, paused, until; Berlin, 2026-06-01 is a Monday
TABLE: list[tuple[tuple[PauseWindow, ...], str, bool, str | None]] = [
    ((), "2026-06-01T12:00", False, None),
    ((WORK,), "2026-06-01T13:59:59", False, "2026-06-01T14:00"),
    ((WORK,), "2026-06-01T14:00", True, "2026-06-01T18:00"),
    ((WORK,), "2026-06-01T17:59:59", True, "2026-06-01T18:00"),
    ((WORK,), "2026-06-01T18:00", False, "2026-06-02T14:00"),
    ((WORK,), "2026-06-05T18:00", False, "2026-06-08T14:00"),
    ((WORK,), "2026-06-06T15:00", False, "2026-06-08T14:00"),
    # across midnight
    ((NIGHT,), "2026-06-01T23:00", True, "2026-06-02T06:00"),
    ((NIGHT,), "2026-06-02T00:00", True, "2026-06-02T06:00"),
    ((NIGHT,), "2026-06-02T06:00", False, "2026-06-02T22:00"),
    # days are those on which the pause begins
    ((window("22:00", "06:00", FRI),), "2026-06-06T05:00", True, "2026-06-06T06:00"),
    ((window("22:00", "06:00", FRI),), "2026-06-05T05:00", False, "2026-06-05T22:00"),
    ((window("00:00", "00:00", MON),), "2026-06-01T00:00", True, "2026-06-02T00:00"),
    ((window("00:00", "00:00", MON),), "2026-06-02T00:00", False, "2026-06-08T00:00"),
    ((window("12:00", "12:00", MON),), "2026-06-02T11:59", True, "2026-06-02T12:00"),
    # touching and overlapping windows are one pause
    ((window("10:00", "12:00"), window("12:00", "14:00")), "2026-06-01T10:00", True, "2026-06-01T14:00"),
    ((window("12:00", "14:00"), window("10:00", "13:00")), "2026-06-01T11:00", True, "2026-06-01T14:00"),
    ((window("10:00", "18:00"), window("12:00", "13:00")), "2026-06-01T11:00", True, "2026-06-01T18:00"),
    ((window("10:00", "12:00"), window("12:01", "14:00")), "2026-06-01T11:00", True, "2026-06-01T12:00"),
    ((window("18:00", "00:00"), window("00:00", "06:00")), "2026-06-01T20:00", True, "2026-06-02T06:00"),
    # it never ends
    ((window("00:00", "00:00"),), "2026-06-01T09:00", True, None),
    ((window("09:00", "09:00"),), "2026-06-01T09:00", True, None),
    ((window("00:00", "12:00"), window("12:00", "00:00")), "2026-06-01T09:00", True, None),
    ((window("00:00", "00:00", MON, TUE, WED, THU, FRI, SAT), window("00:00", "00:00", SUN)), "2026-06-03T09:00", True, None),
    # but for an hour a week
    ((window("00:00", "00:00", MON, TUE, WED, THU, FRI, SAT), window("01:00", "00:00", SUN)), "2026-06-01T09:00", True, "2026-06-07T00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("windows", "now", "paused", "until"), TABLE)
def test_a_schedule_says_whether_and_until_when(
    windows: tuple[PauseWindow, ...], now: str, until: str | None, *, paused: bool
) -> None:
    assert says(*windows, now=at(now)) == Pause(paused, None if until is None else at(until))


def test_a_window_has_a_zone_of_its_own_or_the_files() -> None:
    there = window("14:00", "18:00", zone="Asia/Singapore")
    assert says(there, now=at("2026-06-01T08:00")) == Pause(paused=True, until=at("2026-06-01T12:00"))
    assert says(window("08:00", "12:00"), there, now=at("2026-06-01T08:00")).until == at("2026-06-01T12:00")
    # the days are those of the window's zone
    late = window("23:00", "23:30", SUN, zone=NEW_YORK)
    assert says(late, now=at("2026-06-01T05:10")) == Pause(paused=True, until=at("2026-06-01T05:30"))


def test_without_any_zone_it_is_the_systems() -> None:
    def local(hour: int) -> float:
        return dt.datetime(2026, 6, 1, hour).timestamp()  # noqa: DTZ001 - the system's zone is meant

    pause = scheduled([WORK], local(15), lambda _: None)
    assert pause == Pause(paused=True, until=local(18))


# In Berlin clocks went from 02:00 to 03:00 on 2026-03-29 and go back from 03:00 to 02:00 on 2026-10-25.
def test_a_pause_through_a_change_of_clocks_is_shorter_or_longer_by_an_hour() -> None:
    spring = says(NIGHT, now=at("2026-03-28T22:00"))
    assert spring.until == at("2026-03-28T22:00") + 7 * 3600
    autumn = says(NIGHT, now=at("2026-10-24T22:00"))
    assert autumn.until == at("2026-10-24T22:00") + 9 * 3600


def test_a_time_that_is_skipped_is_an_hour_later_and_one_that_comes_twice_is_the_first() -> None:
    skipped = window("02:30", "05:00")
    assert says(skipped, now=at("2026-03-29T01:00")).until == at("2026-03-29T03:30")
    twice = window("01:00", "02:30")
    assert says(twice, now=at("2026-10-25T01:00")).until == at("2026-10-25T02:30", fold=0)
    assert not says(twice, now=at("2026-10-25T02:15", fold=1)).paused


def test_a_window_of_which_a_change_of_clocks_leaves_nothing_comes_again_a_week_later() -> None:
    gone = window("02:30", "03:00", SUN)
    for now in ("2026-03-23T12:00", "2026-03-29T00:00", "2026-03-29T12:00"):
        assert says(gone, now=at(now)) == Pause(paused=False, until=at("2026-04-05T02:30"))


# --- against a reckoning minute by minute -----------------------------------------------------------------------

CHANGES = {
    (BERLIN, "2026-03-29"): 1774746000,
    (BERLIN, "2026-10-25"): 1792890000,
    (NEW_YORK, "2026-03-08"): 1772953200,
    (NEW_YORK, "2026-11-01"): 1793512800,
}
BEFORE, AFTER = 12, 30  # days around a change that are reckoned


@lru_cache
def first_minutes(zone: str, change: int) -> dict[tuple[dt.date, int], int]:
    """From each local date and minute to the first minute, counted from BEFORE days before the change, that has it."""
    found: dict[tuple[dt.date, int], int] = {}
    for number in range((BEFORE + AFTER) * 1440):
        local = dt.datetime.fromtimestamp(change - BEFORE * DAY + 60 * number, ZoneInfo(zone))
        found.setdefault((local.date(), local.hour * 60 + local.minute), number)
    return found


def reckoned(windows: Sequence[PauseWindow], zone: str, change: int) -> bytearray:
    """For each minute around a change of clocks, whether it is paused."""
    firsts = first_minutes(zone, change)
    marks = bytearray((BEFORE + AFTER) * 1440)

    def minute_of(day: dt.date, minute: int) -> int | None:
        if (day, minute) in firsts:
            return firsts[day, minute]
        return firsts.get((day, minute + 60))  # skipped, or outside of what is reckoned

    for each in windows:
        for day in {day for day, _ in firsts}:
            if day.weekday() not in each.days:
                continue
            last = day if each.end > each.start else day + dt.timedelta(days=1)
            begin, end = minute_of(day, each.start), minute_of(last, each.end)
            for number in range(begin or 0, 0 if end is None else end):
                marks[number] = 1
    return marks


TIMES = st.one_of(st.integers(0, 1439), st.sampled_from([0, 60, 90, 119, 120, 121, 150, 179, 180, 181, 210]))
WINDOWS = st.builds(
    PauseWindow, TIMES, TIMES, st.none(), st.frozensets(st.integers(0, 6), min_size=1).map(frozenset)
)


@hypothesis_settings(max_examples=150)
@given(
    st.sampled_from(sorted(CHANGES.items())),
    st.lists(WINDOWS, max_size=3),
    st.one_of(st.integers(-6 * 1440, 6 * 1440), st.integers(-200, 200)),
    st.floats(0, 59.9),
)
@example(((BERLIN, "2026-03-29"), 1774746000), [window("02:30", "03:00", SUN)], -1440, 0.0)
@example(((BERLIN, "2026-10-25"), 1792890000), [window("02:30", "02:30")], 5, 0.0)
def test_a_schedule_is_what_a_reckoning_minute_by_minute_says(
    around: tuple[tuple[str, str], int], windows: list[PauseWindow], offset: int, seconds: float
) -> None:
    (zone, _), change = around
    marks = reckoned(windows, zone, change)
    start = BEFORE * 1440 + offset
    other = marks.find(1 - marks[start], start)
    until = None if other == -1 else change + 60.0 * (other - BEFORE * 1440)
    pause = scheduled(windows, change + 60.0 * offset + seconds, lambda _: ZoneInfo(zone))
    if marks[start] and until is not None and until > change + (AFTER - 2) * DAY:
        until = None  # what is reckoned ends, not the pause
    assert pause == Pause(bool(marks[start]), until)
