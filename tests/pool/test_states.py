"""What is learnt of an account, a model or a place: what each observation does, how long it holds, what clears it."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.model import Cooldown, Routing
from ccflared.pool import candidates
from ccflared.pool.candidates import Candidate
from ccflared.pool.states import (
    EFFECTS,
    MODELS_KEPT,
    NO_MARK,
    NOTHING,
    OTHERWISE,
    RETEST,
    STATES,
    Learnt,
    Mark,
    Standing,
    State,
    View,
    accepted,
    after,
    after_success,
    learn,
    settle,
    unspent,
)
from ccflared.providers.rows import ROWS
from ccflared.wire import Observation, Quota, Scope, Window

NOW = 1_790_000_000.0
ROUTING = Routing()
DAY = 86400.0
INF, NAN = float("inf"), float("nan")


def limit(until: float | None = None, scope: Scope = "account") -> Observation:
    return Observation(scope, "limit", "limit reached", until)


def seen(kind: str, until: float | None = None) -> Observation:
    return Observation("account", kind, f"a {kind}", until)


def view(standing: Standing, now: float, model: str | None = None) -> View:
    return candidates.view(Candidate("a", standing), now, model)


def failed(*observations: Observation, at: float = NOW, standing: Standing | None = None) -> Standing:
    standing = standing or Standing("f")
    for observation in observations:
        standing = after(standing, observation, None, at, ROUTING)
    return standing


def test_the_table_of_states_has_every_state_gravest_first() -> None:
    of_routing = [row.state for row in STATES if row.state in get_args(State)]
    assert list(dict.fromkeys(of_routing)) == list(get_args(State))
    others = ["off", "endpoint not trusted", "no credential", "needs login"]
    assert [row.state for row in STATES[:4]] == others
    assert all(row.comes_from and (row.ends or row.state == "ready") for row in STATES)


@pytest.mark.parametrize("state", get_args(State))
def test_the_table_of_states_says_truly_who_is_asked(state: State) -> None:
    asked = {row.asked for row in STATES if row.state == state}
    assert len(asked) == 1
    assert View(state).may_serve is (asked != {"no"})


def test_every_effect_is_of_a_kind_that_a_row_of_the_providers_has() -> None:
    assert EFFECTS.keys() <= {row.kind for row in ROWS}
    for effect in (*EFFECTS.values(), OTHERWISE):
        assert (effect.does == "doubt") is (0 < effect.first <= effect.longest)


# observation, state, seconds that it holds
TABLE: list[tuple[Observation, State, float]] = [
    (limit(NOW + 600), "resting", 600),
    (limit(NOW + 8 * DAY), "resting", 8 * DAY),
    (limit(None), "resting", 30),
    (seen("out of credits"), "resting", 30),
    (seen("out of credits", NOW + 60), "resting", 60),
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
    (seen("credential", NOW + DAY), "rejected", RETEST),
    (seen("overloaded"), "doubtful", 10),
    (seen("overloaded", NOW + 3), "doubtful", 3),
    (seen("overloaded", NOW + 3600), "doubtful", 60),
    (seen("overloaded", INF), "doubtful", 60),
    (seen("overloaded", NOW - 5), "doubtful", 10),
    (seen("overloaded", NAN), "doubtful", 10),
    (seen("concurrency"), "doubtful", 5),
    (seen("concurrency", NOW + 20), "doubtful", 20),
    (seen("payment"), "doubtful", 30),
    (seen("no such model"), "doubtful", 60),
    *((seen(kind), "doubtful", 5) for kind in ("server error", "connect", "broken")),
    (seen("time-out"), "doubtful", 30),
    *((seen(kind), "doubtful", 5) for kind in ("forbidden", "redirect", "not the API", "never heard of")),
    # who counts failures does not listen to a time that comes with one
    (seen("server error", NOW + 3600), "doubtful", 5),
]  # fmt: skip


@pytest.mark.parametrize(("observation", "state", "seconds"), TABLE, ids=lambda value: str(value)[:60])
def test_an_observation_puts_a_fresh_account_into_its_state_for_its_time(
    observation: Observation, state: State, seconds: float
) -> None:
    standing = failed(observation)
    assert standing.fingerprint == "f"
    during = view(standing, NOW)
    assert (during.state, during.until) == (state, NOW + seconds)
    assert observation.reason in (during.reason or "")
    assert view(standing, NOW + seconds - 0.001).state == state
    assert view(standing, NOW + seconds).state == ("ready" if state == "doubtful" else "half-open")
    assert during.may_serve is (state == "doubtful")


@pytest.mark.parametrize("scope", ["request", "provider"])
@pytest.mark.parametrize("kind", ["limit", "windowless limit", "invalid request", "credential", "connect"])
def test_what_concerns_the_request_or_the_place_changes_no_account(scope: Scope, kind: str) -> None:
    standing = failed(seen("server error"))
    assert after(standing, Observation(scope, kind, "x", NOW + 60), "m", NOW, ROUTING) is standing


def test_what_was_guessed_is_called_a_guess_and_what_was_told_is_not() -> None:
    assert "a guess" in (view(failed(limit()), NOW).reason or "")
    assert "a guess" not in (view(failed(limit(NOW + 5)), NOW).reason or "")


def limits_in_a_row(count: int, cooldown: Cooldown) -> list[float]:
    known, now, waits = NOTHING, NOW, []
    for _ in range(count):
        known = learn(known, limit(), now, Routing(cooldown=cooldown))
        waits.append(known.rest.until - now)
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
    assert view(failed(*[limit()] * 20), NOW).until == NOW + 30


def test_a_guess_never_takes_the_place_of_a_reset_that_was_named() -> None:
    standing = failed(limit(NOW + 3600))
    assert failed(limit(), at=NOW + 1, standing=standing) == standing


def test_a_reset_that_is_named_ends_the_row_of_guesses_and_may_bring_the_end_nearer() -> None:
    standing = failed(limit())
    standing = failed(limit(NOW + 5), at=NOW + 1, standing=standing)
    assert view(standing, NOW + 1).until == NOW + 5
    standing = failed(limit(), at=NOW + 10, standing=standing)
    assert view(standing, NOW + 10).until == NOW + 40


def test_the_trusted_distance_is_that_of_the_file() -> None:
    known = learn(NOTHING, limit(NOW + 100), NOW, Routing(trust_reset_up_to=99))
    assert known.rest.until == NOW + 30
    assert learn(NOTHING, limit(NOW + 100), NOW, Routing(trust_reset_up_to=100)).rest.until == NOW + 100


def test_a_reset_that_has_passed_again_and_again_rests_longer_and_longer_within_the_longest() -> None:
    known, now, waits = NOTHING, NOW, []
    for _ in range(12):
        known = learn(known, limit(now - 60), now, ROUTING)
        waits.append(known.rest.until - now)
        now = known.rest.until
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_reset_that_has_passed_is_told_by_many_requests_at_once_as_by_one() -> None:
    assert view(failed(*[limit(NOW - 60)] * 20), NOW).until == NOW + 1


def test_the_rest_after_a_passed_reset_is_a_moment_at_least_whatever_the_cooldown() -> None:
    known = learn(NOTHING, limit(NOW - 60), NOW, Routing(cooldown=Cooldown(0.1, 1.0, 0.1)))
    assert known.rest.until == NOW + 1


def waits_of(*kinds: str) -> list[float]:
    standing, waits = Standing(), []
    for turn, kind in enumerate(kinds):
        now = NOW + 1000 * turn
        standing = after(standing, seen(kind), None, now, ROUTING)
        waits.append((view(standing, now).until or 0) - now)
    return waits


def test_failures_in_a_row_are_doubted_longer_and_overload_is_not_counted_among_them() -> None:
    kinds = ["connect", "overloaded", "broken", "redirect", "connect", "connect", "connect"]
    assert waits_of(*kinds) == [5, 10, 10, 20, 40, 60, 60]
    assert waits_of(*["time-out"] * 6) == [30, 60, 120, 240, 480, 600]
    assert waits_of(*["payment"] * 6) == [30, 60, 120, 240, 300, 300]
    assert waits_of(*["no such model"] * 6) == [60, 120, 240, 480, 600, 600]
    assert waits_of(*["overloaded"] * 20) == [10] * 20
    assert waits_of(*["connect"] * 2000)[-1] == 60


def test_a_shorter_doubt_does_not_end_a_longer_one() -> None:
    standing = failed(seen("payment"))
    assert view(failed(seen("overloaded"), at=NOW + 1, standing=standing), NOW + 1).until == NOW + 30


def test_what_many_requests_meet_at_one_moment_is_one_failure() -> None:
    one = failed(seen("broken"))
    many = one
    for _ in range(20):
        many = failed(seen("broken"), at=NOW + 0.5, standing=many)
    assert many.account.doubt.count == one.account.doubt.count == 1
    assert many.account.doubt.until <= one.account.doubt.until + 0.5
    assert failed(seen("broken"), at=NOW + 1, standing=one).account.doubt.count == 2


def test_what_is_learnt_of_a_model_is_its_alone() -> None:
    standing = after(Standing(), limit(NOW + 60, "model"), "big", NOW, ROUTING)
    assert view(standing, NOW, "big").state == "cooling"
    assert view(standing, NOW, "big").until == NOW + 60
    assert view(standing, NOW, "small") == view(standing, NOW) == View("ready")
    assert view(standing, NOW + 60, "big").state == "half-open"
    assert view(standing, NOW + 60, "small").state == "ready"


def test_a_limit_of_a_model_where_none_was_asked_for_is_the_accounts() -> None:
    standing = after(Standing(), limit(NOW + 60, "model"), None, NOW, ROUTING)
    assert view(standing, NOW).state == "resting"
    assert not standing.models


def test_of_the_models_only_so_many_are_remembered_and_the_one_learnt_of_longest_ago_goes_first() -> None:
    standing = Standing()
    for number in range(MODELS_KEPT):
        standing = after(standing, limit(None, "model"), f"m{number}", NOW, ROUTING)
    standing = after(standing, limit(NOW + 9, "model"), "m0", NOW, ROUTING)
    standing = after(standing, limit(None, "model"), "one more", NOW, ROUTING)
    assert len(standing.models) == MODELS_KEPT
    assert "m1" not in standing.models
    assert {"m0", "m2", "one more"} <= standing.models.keys()


def test_a_standing_is_never_changed_in_place() -> None:
    before = after(Standing(), limit(None, "model"), "m", NOW, ROUTING)
    models = dict(before.models)
    after(before, limit(None, "model"), "n", NOW, ROUTING)
    after_success(before, "m", NOW + 1)
    assert before.models == models


def test_of_several_states_the_gravest_is_shown_and_the_others_wait_behind_it() -> None:
    standing = failed(seen("connect"), seen("credential"), limit(NOW + RETEST + 9))
    assert view(standing, NOW).state == "rejected"
    assert view(standing, NOW).also == ("limit reached",)
    assert [view(standing, NOW + RETEST + t).state for t in (0, 9)] == ["resting", "half-open"]


def test_a_success_clears_what_was_learnt_before_it_was_begun() -> None:
    standing = failed(limit(NOW + 3600), seen("credential"), seen("connect"))
    standing = after(standing, limit(NOW + 3600, "model"), "m", NOW, ROUTING)
    assert after_success(standing, "m", NOW + 1) == Standing("f", accepted=True)


def test_a_success_with_one_model_says_nothing_of_another() -> None:
    standing = after(Standing("f"), limit(NOW + 60, "model"), "m", NOW, ROUTING)
    for other in ("n", None):
        assert after_success(standing, other, NOW + 1) == replace(standing, accepted=True)
    assert after_success(standing, "m", NOW - 1) == replace(standing, accepted=True)


def test_a_success_begun_before_a_limit_or_a_rejection_says_nothing_against_them() -> None:
    for standing in (failed(limit()), failed(seen("credential"))):
        assert after_success(standing, None, NOW - 1) == replace(standing, accepted=True)


def test_a_success_clears_doubt_whenever_it_was_begun_as_it_has_arrived_just_now() -> None:
    kept = after_success(failed(seen("connect"), limit(NOW + 60)), None, NOW - 1)
    assert kept.account.doubt == NO_MARK
    assert view(kept, NOW).state == "resting"
    doubted = after(Standing(), Observation("model", "overloaded", "x"), "m", NOW, ROUTING)
    assert after_success(doubted, "m", NOW - 1) == Standing(accepted=True)


def test_a_success_ends_the_row_of_guesses_and_failures() -> None:
    standing = failed(limit(), seen("broken"))
    standing = after_success(standing, None, NOW + 1)
    standing = failed(limit(), seen("broken"), at=NOW + 100, standing=standing)
    assert (standing.account.rest.until, standing.account.doubt.until) == (NOW + 130, NOW + 105)


def test_a_success_of_an_account_of_which_nothing_is_known_costs_nothing() -> None:
    standing = Standing("f", quota=Quota(NOW, (Window("5h", 0.5, NOW + 60),)), accepted=True)
    assert after_success(standing, "m", NOW + 1) is standing


SPENT = Quota(
    NOW, (Window("5h", 1.0, NOW + 60, spent=True), Window("7d opus", 1.0, NOW + 60, spent=True, family="opus")), "unavailable"
)  # fmt: skip


def windows_spent(standing: Standing) -> list[str]:
    assert standing.quota is not None
    return [window.name for window in standing.quota.windows if window.spent]


def test_a_success_shows_that_a_window_told_of_before_is_not_spent() -> None:
    standing = Standing("f", quota=SPENT)
    assert windows_spent(after_success(standing, "claude-opus-4-5", NOW + 1)) == []
    # begun before it was told
    assert windows_spent(after_success(standing, "claude-opus-4-5", NOW - 1)) == ["5h", "7d opus"]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "vendor/big", None])
def test_a_success_with_another_model_leaves_a_familys_window_spent(model: str | None) -> None:
    standing = after_success(Standing("f", quota=SPENT), model, NOW + 1)
    assert windows_spent(standing) == ["7d opus"]
    assert standing.quota is not None
    assert standing.quota.overage == "unavailable"


def test_without_a_word_of_what_is_spent_the_windows_remain_and_paid_usage_is_forgotten() -> None:
    quota = unspent(SPENT)
    assert [(window.utilization, window.spent) for window in quota.windows] == [(1.0, False), (1.0, False)]
    assert quota.overage is None


def test_what_is_settled_and_nothing_is_the_one_nothing() -> None:
    assert settle(NOTHING, NOW) is NOTHING
    assert settle(Learnt(doubt=Mark(NOW, NOW + 5, "x", 1)), NOW) is NOTHING


def test_a_count_of_tokens_shows_a_working_credential_and_nothing_about_limits() -> None:
    known = failed(limit(NOW + 60), seen("credential"), seen("connect")).account
    assert accepted(known, NOW + 1) == Learnt(rest=known.rest, doubt=known.doubt)
    assert accepted(known, NOW - 1) == known
    assert accepted(NOTHING, NOW) == NOTHING


@pytest.mark.parametrize("observation", [limit(NOW + 5), limit(), seen("credential"), seen("connect")])
def test_a_clock_that_was_ahead_keeps_no_account_out_once_it_is_right(observation: Observation) -> None:
    ahead = NOW + 365 * DAY
    wrong = replace(observation, until=observation.until and ahead + 5)
    standing = failed(wrong, at=ahead)
    assert view(standing, ahead).state != "ready"
    assert view(standing, NOW) == View("ready")
    # and what is learnt by the right clock does not carry the wrong one's time on
    again = view(failed(observation, standing=standing), NOW)
    assert NOW < (again.until or 0) <= NOW + RETEST


def test_a_clock_that_was_behind_ends_what_it_began() -> None:
    assert view(failed(limit(), at=NOW - 365 * DAY), NOW).state == "half-open"
    assert view(failed(seen("credential"), at=NOW - 365 * DAY), NOW).state == "half-open"


def test_a_credential_that_was_accepted_before_is_tried_again_soon_and_then_later_and_later() -> None:
    standing, now, waits = Standing("f", accepted=True), NOW, []
    for _ in range(6):
        standing = failed(seen("credential"), at=now, standing=standing)
        waits.append((view(standing, now).until or now) - now)
        now += waits[-1] + 1
    assert waits == [5, 20, 80, RETEST, RETEST, RETEST]


def test_many_requests_that_are_refused_at_one_moment_are_one_refusal() -> None:
    once = failed(seen("credential"))
    assert failed(seen("credential"), at=NOW + 1, standing=once) == once


def test_what_was_learnt_by_a_clock_that_was_ahead_ends_for_good_at_a_success() -> None:
    standing = failed(limit(NOW + 3 * 3600), seen("credential"), at=NOW + 1800)
    assert after_success(standing, None, NOW - 1, NOW).account == NOTHING
    assert after_success(standing, None, NOW - 1, NOW + 1800).account == standing.account


def test_a_nearer_end_does_not_take_the_place_of_one_that_was_named() -> None:
    rest = failed(limit(NOW + 5 * DAY))
    assert failed(limit(NOW + 1), at=NOW + 0.5, standing=rest) == rest
    longer = failed(limit(NOW + 6 * DAY), at=NOW + 0.5, standing=rest)
    assert view(longer, NOW + 1).until == NOW + 6 * DAY


def test_resets_that_have_always_passed_already_make_the_rests_grow_whatever_else_is_under_way() -> None:
    standing, now, waits = Standing("f"), NOW, []
    for _ in range(5):
        standing = failed(limit(now - 60), at=now, standing=standing)
        standing = failed(limit(now - 60), at=now + 0.5, standing=standing)
        waits.append((view(standing, now + 0.6).until or now) - now)
        now += waits[-1] + 1
    assert waits == [1, 2, 4, 8, 16]


TIMES = st.floats(-1e12, 1e12)


@given(TIMES, TIMES, st.integers(0, 9))
def test_a_mark_holds_or_is_over_or_neither_but_never_both(since: float, now: float, length: int) -> None:
    mark = Mark(since, since + length, "x")
    assert not (mark.holds(now) and mark.over(now))
    if now < since:
        assert not mark.holds(now)
        assert not mark.over(now)
    assert not NO_MARK.holds(now)
    assert not NO_MARK.over(now)
