"""When usage is asked for, what failures put off, and what a poll says of a rest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.pool.polling import (
    BELIEVED,
    INTERVAL,
    LONGEST,
    Polled,
    asked,
    failed,
    next_poll,
    polled_of,
    polled_text,
    relieved,
    told,
)
from ccflared.pool.states import Learnt, Mark, Standing
from ccflared.wire import Quota, Window

NOW = 1_770_000_000.0
BEFORE = Polled("f", NOW)


def test_what_nobody_has_told_of_is_asked_for_at_once() -> None:
    assert next_poll(None, None, NOW) == 0.0


@pytest.mark.parametrize(
    ("asked_at", "told_at"),
    [(NOW - 100, None), (None, NOW - 100), (NOW - 5000, NOW - 100), (NOW - 100, NOW - 5000)],
)
def test_ten_minutes_lie_between_any_telling_and_a_poll(
    asked_at: float | None, told_at: float | None
) -> None:
    polled = None if asked_at is None else Polled("f", asked_at)
    assert next_poll(polled, told_at, NOW) == NOW - 100 + INTERVAL
    assert next_poll(polled, told_at, NOW, jitter=7.0) == NOW - 100 + INTERVAL + 7


def test_times_of_a_clock_that_was_ahead_say_nothing() -> None:
    assert next_poll(Polled("f", NOW + 1e6, 3, NOW + 2e6), NOW + 1e6, NOW) == 0.0


def test_failures_put_the_next_poll_off_for_twice_as_long_each_up_to_some_hours() -> None:
    polled, waits = BEFORE, []
    for _ in range(8):
        polled = failed(polled, "it answered 500", NOW)
        waits.append(next_poll(polled, None, NOW) - NOW)
    assert waits == [1200, 2400, 4800, 9600, LONGEST, LONGEST, LONGEST, LONGEST]
    assert next_poll(told(polled), None, NOW) == NOW + INTERVAL


@pytest.mark.parametrize(
    ("again_in", "wait"),
    [
        (0.0, 1200.0),
        (-50.0, 1200.0),
        (5.0, 1200.0),
        (7200.0, 7200.0),
        (BELIEVED, BELIEVED),
        (BELIEVED * 9, 1200.0),
    ],
)
def test_a_retry_after_may_put_it_off_further_if_it_can_be_believed(again_in: float, wait: float) -> None:
    polled = failed(BEFORE, "it answered 429", NOW, again_at=NOW + again_in)
    assert next_poll(polled, None, NOW) == NOW + wait


def test_another_credential_begins_without_the_failures_of_the_one_before() -> None:
    before = failed(BEFORE, "it answered 401", NOW)
    assert asked(before, "f", NOW + 9) == replace(before, at=NOW + 9)
    assert asked(before, "g", NOW + 9) == Polled("g", NOW + 9)


@given(
    st.builds(
        Polled, st.text(), st.floats(0, 1e10), st.integers(0, 99), st.floats(0, 1e10), st.none() | st.text()
    )
)
def test_what_is_remembered_reads_back(polled: Polled) -> None:
    assert polled_of(polled_text(polled)) == polled


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "7", polled_text(BEFORE).replace('"f"', "5"), polled_text(BEFORE).replace("0.0", "NaN")],
)
def test_what_is_damaged_is_forgotten(text: str) -> None:
    assert polled_of(text) is None


RESTING = Standing("f", Learnt(rest=Mark(NOW - 3600, NOW + 86400, "its 7d window is spent")))


def poll(*windows: Window, at: float = NOW) -> Quota:
    return Quota(at, windows, polled=True)


def test_a_long_rest_ends_when_the_provider_says_that_nothing_is_used_up_any_more() -> None:
    after = relieved(RESTING, poll(Window("5h", 0.0), Window("7d", 0.4, NOW + 9999)))
    assert not after.account.rest.holds(NOW)
    assert after.account.rest.over(NOW)


@pytest.mark.parametrize(
    "told_of",
    [
        poll(),
        poll(Window("7d", None, NOW + 9999)),
        poll(Window("5h", 0.1), Window("7d", 1.0, NOW + 9999, spent=True)),
        poll(Window("5h", 0.1), Window("7d", 1.0)),
        poll(Window("7d opus", 0.1, family="opus")),
        poll(Window("7d", 0.4), at=NOW - 3590),
    ],
    ids=["nothing", "unknown", "spent", "all used", "another's", "too soon"],
)
def test_a_rest_goes_on_while_a_poll_does_not_speak_against_it(told_of: Quota) -> None:
    assert relieved(RESTING, told_of) is RESTING


def test_a_short_rest_is_waited_for() -> None:
    short = Standing("f", Learnt(rest=Mark(NOW - 100, NOW + 60, "too many requests a minute")))
    assert relieved(short, poll(Window("5h", 0.1))) is short
