"""The table of an account's states: what each observation does, how long it holds, and what a success clears."""

import pytest

from ccflared.config.model import Cooldown, Routing
from ccflared.pool.states import RETEST, Standing, State, View, after, after_success, view
from ccflared.wire import Observation

NOW = 1_790_000_000.0
ROUTING = Routing()
DAY = 86400.0
INF, NAN = float("inf"), float("nan")


def limit(until: float | None = None) -> Observation:
    return Observation("account", "limit", "limit reached", until)


def seen(kind: str) -> Observation:
    return Observation("account", kind, f"a {kind}")


# observation, state, seconds that it holds
TABLE: list[tuple[Observation, State, float]] = [
    (limit(NOW + 600), "resting", 600),
    (limit(NOW + 8 * DAY), "resting", 8 * DAY),
    (limit(None), "resting", 30),
    # a reset that is not believed: too far, passed already, no number at all
    (limit(NOW + 8 * DAY + 1), "resting", 30),
    (limit(INF), "resting", 30),
    (limit(NAN), "resting", 30),
    (limit(NOW), "resting", 1),
    (limit(NOW - 3600), "resting", 1),
    (limit(0.0), "resting", 1),
    (limit(-1e300), "resting", 1),
    (limit(-INF), "resting", 1),
    (seen("credential"), "rejected", RETEST),
    (seen("overloaded"), "doubtful", 10),
    *((seen(kind), "doubtful", 5) for kind in ("server error", "connect", "broken", "time-out", "payment")),
    *((seen(kind), "doubtful", 5) for kind in ("forbidden", "redirect", "not the API", "never heard of")),
]


@pytest.mark.parametrize(("observation", "state", "seconds"), TABLE, ids=lambda value: str(value)[:60])
def test_an_observation_puts_a_fresh_account_into_its_state_for_its_time(
    observation: Observation, state: State, seconds: float
) -> None:
    standing = after(Standing("f"), observation, NOW, ROUTING)
    assert standing.fingerprint == "f"
    during = view(standing, NOW)
    assert (during.state, during.until) == (state, NOW + seconds)
    assert observation.reason in (during.reason or "")
    assert view(standing, NOW + seconds - 0.001).state == state
    assert view(standing, NOW + seconds) == View("ready")
    assert during.may_serve is (state == "doubtful")


@pytest.mark.parametrize("kind", ["limit", "windowless limit", "invalid request", "credential"])
def test_what_concerns_the_request_alone_changes_nothing(kind: str) -> None:
    standing = after(Standing(), seen("server error"), NOW, ROUTING)
    assert after(standing, Observation("request", kind, "x", NOW + 60), NOW, ROUTING) is standing


def limits_in_a_row(count: int, cooldown: Cooldown) -> list[float]:
    standing, now, waits = Standing(), NOW, []
    for _ in range(count):
        standing = after(standing, limit(), now, Routing(cooldown=cooldown))
        waits.append((view(standing, now).until or now) - now)
        now += waits[-1] + 1
    return waits


def test_limits_in_a_row_that_name_no_reset_rest_longer_and_longer_within_the_longest() -> None:
    assert limits_in_a_row(7, Cooldown(30, 2.0, 300)) == [30, 60, 120, 240, 300, 300, 300]
    assert limits_in_a_row(3, Cooldown(30, 1.0, 300)) == [30, 30, 30]
    assert limits_in_a_row(400, Cooldown(1, 1.01, 50))[-1] == 50
    assert limits_in_a_row(2, Cooldown(300, 2.0, 300)) == [300, 300]


def test_a_factor_of_any_size_reaches_the_longest_and_breaks_nothing() -> None:
    assert limits_in_a_row(40, Cooldown(30, 1e15, 300)) == [30] + [300] * 39


def test_one_limit_seen_by_many_requests_at_once_is_one_limit() -> None:
    standing = Standing()
    for _ in range(20):
        standing = after(standing, limit(), NOW, ROUTING)
    assert view(standing, NOW).until == NOW + 30


def test_a_guess_never_takes_the_place_of_a_reset_that_was_named() -> None:
    standing = after(Standing(), limit(NOW + 3600), NOW, ROUTING)
    assert after(standing, limit(), NOW + 1, ROUTING) == standing


def test_a_reset_that_is_named_ends_the_row_of_guesses_and_may_bring_the_end_nearer() -> None:
    standing = after(Standing(), limit(), NOW, ROUTING)
    standing = after(standing, limit(NOW + 5), NOW + 1, ROUTING)
    assert view(standing, NOW + 1).until == NOW + 5
    standing = after(standing, limit(), NOW + 10, ROUTING)
    assert view(standing, NOW + 10).until == NOW + 40


def test_failures_in_a_row_are_doubted_longer_and_overload_is_not_counted_among_them() -> None:
    standing, waits = Standing(), []
    for turn, kind in enumerate(
        ["connect", "overloaded", "broken", "time-out", "connect", "connect", "connect"]
    ):
        now = NOW + 100 * turn
        standing = after(standing, seen(kind), now, ROUTING)
        waits.append((view(standing, now).until or 0) - now)
    assert waits == [5, 10, 10, 20, 40, 60, 60]
    for turn in range(2000):
        now = NOW + 1000 + 2 * turn
        standing = after(standing, seen("connect"), now, ROUTING)
    assert view(standing, now).until == now + 60


def test_of_several_states_the_gravest_is_shown_and_the_others_wait_behind_it() -> None:
    standing = after(Standing(), seen("connect"), NOW, ROUTING)
    standing = after(standing, seen("credential"), NOW, ROUTING)
    standing = after(standing, limit(NOW + 2), NOW, ROUTING)
    assert [view(standing, NOW + t).state for t in (0, 3, RETEST)] == ["resting", "rejected", "ready"]


def test_a_success_clears_what_was_learnt_before_it_was_begun() -> None:
    standing = Standing("f")
    for observation in (limit(NOW + 3600), seen("credential"), seen("connect")):
        standing = after(standing, observation, NOW, ROUTING)
    assert after_success(standing, NOW + 1) == Standing("f")


def test_a_success_begun_before_a_limit_or_a_rejection_says_nothing_against_them() -> None:
    resting = after(Standing("f"), limit(), NOW, ROUTING)
    kept = after_success(resting, NOW - 1)
    assert kept == resting
    rejected = after(Standing("f"), seen("credential"), NOW, ROUTING)
    assert after_success(rejected, NOW - 1) == rejected


def test_a_success_clears_doubt_whenever_it_was_begun_as_it_has_arrived_just_now() -> None:
    both = after(after(Standing(), seen("connect"), NOW, ROUTING), limit(NOW + 60), NOW, ROUTING)
    kept = after_success(both, NOW - 1)
    assert (kept.failures, kept.doubtful_until) == (0, 0.0)
    assert view(kept, NOW).state == "resting"


def test_a_success_of_an_account_of_which_nothing_is_known_costs_nothing() -> None:
    standing = Standing("f")
    assert after_success(standing, NOW) is standing


@pytest.mark.parametrize("observation", [limit(NOW + 5), limit(), seen("credential"), seen("connect")])
def test_a_clock_that_was_ahead_keeps_no_account_out_once_it_is_right(observation: Observation) -> None:
    ahead = NOW + 365 * DAY
    wrong = Observation(
        observation.scope, observation.kind, observation.reason, observation.until and ahead + 5
    )
    standing = after(Standing(), wrong, ahead, ROUTING)
    assert view(standing, ahead).state != "ready"
    assert view(standing, NOW) == View("ready")
    # and what is learnt by the right clock does not carry the wrong one's time on
    again = view(after(standing, observation, NOW, ROUTING), NOW)
    assert NOW < (again.until or 0) <= NOW + RETEST


def test_a_clock_that_was_behind_ends_what_it_began() -> None:
    standing = after(Standing(), limit(), NOW - 365 * DAY, ROUTING)
    assert view(standing, NOW) == View("ready")


def test_what_many_requests_meet_at_one_moment_is_one_failure() -> None:
    one = after(Standing(), seen("broken"), NOW, ROUTING)
    many = one
    for _ in range(20):
        many = after(many, seen("broken"), NOW + 0.5, ROUTING)
    assert many.failures == one.failures
    assert many.doubtful_until <= one.doubtful_until + 0.5
