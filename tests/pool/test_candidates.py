"""One account as a request finds it: every reason against it, in the order of gravity, and the state that it leaves."""

from dataclasses import replace
from typing import Literal

import pytest

from ccflared.config.model import Routing
from ccflared.pool.candidates import (
    Block,
    Candidate,
    Overage,
    blocks,
    coolings,
    doubted,
    half_open,
    model_blocks,
    on_overage,
    unpriced,
    view,
)
from ccflared.pool.states import NOTHING, Learnt, Mark, Standing, State, View, after, learn
from ccflared.wire import Observation, Quota, Scope, Window

NOW = 1_790_000_000.0
OPUS, SONNET = "claude-opus-4-5", "claude-sonnet-4-5"
Told = Literal["in use", "available", "unavailable"] | None
OVERAGES: tuple[Overage, ...] = ("never", "last-resort", "allow")


def standing(*failures: str, model: str | None = None) -> Standing:
    known = Standing()
    for kind in failures:
        scope: Scope = "model" if model else "account"
        until = NOW + 60 if kind == "limit" else None
        known = after(known, Observation(scope, kind, f"a {kind}", until), model, NOW, Routing())
    return known


def with_quota(*windows: Window, overage: Told = None, at: float = NOW) -> Standing:
    return Standing(quota=Quota(at, windows, overage))


def spent(name: str = "5h", *, until: float | None = NOW + 60, family: str | None = None) -> Window:
    return Window(name, 1.0, until, spent=True, family=family)


BY_HAND = Block("paused", "paused by hand")
BY_SCHEDULE = Block("paused", "its pause_schedule says so", NOW + 99)
EVERYTHING = Candidate(
    "a",
    replace(
        standing("connect", "limit", "credential"),
        models={OPUS: learn(NOTHING, Observation("model", "limit", "too much of it", NOW + 5), NOW, Routing())},
        quota=Quota(NOW, (spent(), spent("7d opus", family="opus"))),
    ),
    rules=(BY_HAND, BY_SCHEDULE),
    unpriced=frozenset({OPUS}),
    running=3,
    max_concurrency=3,
)  # fmt: skip


def test_all_reasons_are_kept_apart_gravest_first() -> None:
    assert blocks(EVERYTHING, NOW) == [
        BY_HAND,
        BY_SCHEDULE,
        Block("rejected", "a credential", NOW + 300),
        Block("resting", "a limit", NOW + 60, limit=True),
        Block("resting", "its 5h window is spent", NOW + 60, limit=True),
        Block("busy", "3 requests are running, as many as max_concurrency allows"),
    ]
    assert model_blocks(EVERYTHING, OPUS, NOW) == [
        Block("paused", unpriced(OPUS), by="budget", unpriced=OPUS),
        Block("cooling", f"{OPUS}: too much of it", NOW + 5, limit=True),
        Block("cooling", "its 7d opus window is spent", NOW + 60, limit=True),
    ]
    assert model_blocks(EVERYTHING, SONNET, NOW) == model_blocks(EVERYTHING, None, NOW) == []


def test_the_gravest_is_shown_and_the_others_are_told_too() -> None:
    shown = view(EVERYTHING, NOW, OPUS)
    assert (shown.state, shown.reason, shown.until) == ("paused", "paused by hand", None)
    assert shown.also == (
        "its pause_schedule says so",
        unpriced(OPUS),
        "a credential",
        "a limit",
        "its 5h window is spent",
        f"{OPUS}: too much of it",
        "its 7d opus window is spent",
        "3 requests are running, as many as max_concurrency allows",
    )


def test_when_the_gravest_reason_goes_the_next_one_is_shown() -> None:
    states: list[State] = []
    left = EVERYTHING
    for changed in (
        left,
        left := replace(left, rules=()),
        left := replace(left, unpriced=frozenset()),
        left := replace(
            left, standing=replace(left.standing, account=replace(left.standing.account, reject=Mark()))
        ),
        left := replace(
            left, standing=replace(left.standing, account=replace(left.standing.account, rest=Mark()))
        ),
        left := replace(left, standing=replace(left.standing, quota=None)),
        left := replace(left, standing=replace(left.standing, models={})),
        left := replace(left, running=2),
        left := replace(left, standing=replace(left.standing, account=NOTHING)),
    ):
        states.append(view(changed, NOW, OPUS).state)
    assert states == ["paused", "paused", "rejected", "resting", "resting", "cooling", "busy", "doubtful", "ready"]  # fmt: skip


def test_a_model_without_a_price_pauses_the_account_for_itself_alone() -> None:
    candidate = Candidate("a", Standing(), unpriced=frozenset({"vendor/big"}))
    assert view(candidate, NOW, "vendor/big") == View("paused", unpriced("vendor/big"))
    assert '[pricing."vendor/big"]' in unpriced("vendor/big")
    assert view(candidate, NOW, "vendor/mid") == view(candidate, NOW) == View("ready")


@pytest.mark.parametrize(("running", "most", "state"), [(2, 2, "busy"), (3, 2, "busy"), (1, 2, "ready"), (99, None, "ready")])  # fmt: skip
def test_an_account_is_busy_from_its_max_concurrency_on(running: int, most: int | None, state: State) -> None:
    assert view(Candidate("a", Standing(), running=running, max_concurrency=most), NOW).state == state


# windows, state for opus, state for sonnet, state where no model is asked for
WINDOWS: list[tuple[tuple[Window, ...], State, State, State]] = [
    ((), "ready", "ready", "ready"),
    ((Window("5h", 0.99, NOW + 60),), "ready", "ready", "ready"),
    # a share alone is no word that nothing is left
    ((Window("5h", 1.01, NOW + 60),), "ready", "ready", "ready"),
    ((spent(),), "resting", "resting", "resting"),
    ((spent("7d opus", family="opus"),), "cooling", "ready", "ready"),
    ((spent("7d opus", family="opus"), spent()), "resting", "resting", "resting"),
    # without a reset nobody can say how long: it is asked, and a limit tells
    ((spent(until=None),), "ready", "ready", "ready"),
    ((spent("7d opus", until=None, family="opus"),), "ready", "ready", "ready"),
    # reset since
    ((spent(until=NOW),), "ready", "ready", "ready"),
    ((spent("7d opus", until=NOW - 1, family="opus"),), "ready", "ready", "ready"),
]


@pytest.mark.parametrize(("windows", "opus", "sonnet", "none"), WINDOWS)
@pytest.mark.parametrize("overage", [None, "unavailable"])
def test_a_spent_window_rests_what_it_counts_until_its_reset(
    windows: tuple[Window, ...], opus: State, sonnet: State, none: State, overage: Told
) -> None:
    known = with_quota(*windows, overage=overage)
    for allowed in OVERAGES:
        candidate = Candidate("a", known, overage=allowed)
        assert [view(candidate, NOW, model).state for model in (OPUS, SONNET, None)] == [opus, sonnet, none]
        assert not any(on_overage(candidate, model, NOW) for model in (OPUS, SONNET, None))


def test_windows_told_of_by_a_clock_that_was_ahead_say_nothing_until_they_are_told_of_again() -> None:
    candidate = Candidate("a", with_quota(spent(until=NOW + 1e7), overage="in use", at=NOW + 1e7 - 60))
    assert view(candidate, NOW) == View("ready")
    assert not on_overage(replace(candidate, overage="allow"), None, NOW)


FULL = Window("5h", 1.0, NOW + 60)
FULL_OPUS = Window("7d opus", 1.0, NOW + 90, family="opus")
UNTOLD = Window("5h", 1.0)

# windows, overage told, until when each of opus, sonnet and no model would cost extra; None: it would not
PAID: list[tuple[tuple[Window, ...], Told, float | None, float | None, float | None]] = [
    ((FULL,), "in use", NOW + 60, NOW + 60, NOW + 60),
    ((FULL,), "available", NOW + 60, NOW + 60, NOW + 60),
    ((spent(),), "available", NOW + 60, NOW + 60, NOW + 60),
    ((FULL, Window("7d", 1.2, NOW + 500)), "in use", NOW + 500, NOW + 500, NOW + 500),
    ((FULL,), None, None, None, None),
    ((FULL,), "unavailable", None, None, None),
    ((Window("5h", 0.9, NOW + 60),), "available", None, None, None),
    ((Window("5h", None, NOW + 60),), "available", None, None, None),
    # a family's window concerns that family
    ((FULL_OPUS,), "in use", NOW + 90, None, None),
    ((FULL_OPUS,), "available", NOW + 90, None, None),
    ((spent("7d opus", family="opus"),), "in use", NOW + 60, None, None),
    # no reset was named: looked at again after five minutes
    ((UNTOLD,), "in use", NOW + 300, NOW + 300, NOW + 300),
    ((UNTOLD,), "available", NOW + 300, NOW + 300, NOW + 300),
    ((replace(FULL_OPUS, resets_at=None),), "in use", NOW + 300, None, None),
    # of two used-up windows, the one that lasts longer says until when
    ((UNTOLD, Window("7d", 1.0, NOW + 5)), "in use", NOW + 300, NOW + 300, NOW + 300),
    ((UNTOLD, Window("7d", 1.0, NOW + 900)), "in use", NOW + 900, NOW + 900, NOW + 900),
    # nothing explains what runs already
    ((), "in use", NOW + 300, NOW + 300, NOW + 300),
    ((Window("5h", 0.4, NOW + 60),), "in use", NOW + 300, NOW + 300, NOW + 300),
    ((), "available", None, None, None),
    # its window has been reset since
    ((replace(FULL, resets_at=NOW),), "in use", None, None, None),
    ((replace(FULL, resets_at=NOW - 1),), "available", None, None, None),
]


@pytest.mark.parametrize(("windows", "overage", "opus", "sonnet", "none"), PAID)
def test_what_would_be_paid_beyond_the_plan_pauses_or_is_marked_as_the_file_says(
    windows: tuple[Window, ...], overage: Told, opus: float | None, sonnet: float | None, none: float | None
) -> None:  # fmt: skip
    known = with_quota(*windows, overage=overage)
    for model, until in ((OPUS, opus), (SONNET, sonnet), (None, none)):
        never = view(Candidate("a", known, overage="never"), NOW, model)
        assert not on_overage(Candidate("a", known, overage="never"), model, NOW)
        for allowed in OVERAGES[1:]:
            candidate = Candidate("a", known, overage=allowed)
            assert on_overage(candidate, model, NOW) is (until is not None)
        if until is not None:
            assert (never.state, never.until) == ("paused", until)
            assert 'overage = "never"' in (never.reason or "")
            assert ("a guess" in (never.reason or "")) is (until == NOW + 300)
            assert view(candidate, NOW, model) == View("ready")
        else:
            assert never.state != "paused"


def test_a_pause_for_paid_usage_counts_as_a_limit_and_names_the_family() -> None:
    candidate = Candidate("a", with_quota(FULL_OPUS, overage="in use"))
    (block,) = model_blocks(candidate, OPUS, NOW)
    assert (block.limit, block.by) == (True, "overage")
    assert "its opus window is used up" in block.reason
    assert blocks(candidate, NOW) == []


def test_a_guess_about_paid_usage_ends_after_five_minutes_also_where_it_is_allowed() -> None:
    known = with_quota(overage="in use")
    assert view(Candidate("a", known), NOW + 299.9).state == "paused"
    assert view(Candidate("a", known), NOW + 300).state == "ready"
    assert not on_overage(Candidate("a", known, overage="allow"), None, NOW + 300)


def test_of_doubts_about_account_model_and_place_the_deepest_counts() -> None:
    one = Mark(NOW, NOW + 5, "once", 1)
    three = Mark(NOW, NOW + 9, "thrice", 3)
    two = Mark(NOW, NOW + 7, "twice", 2)
    candidate = Candidate(
        "a", Standing(account=Learnt(doubt=one), models={"m": Learnt(doubt=three)}), place=Learnt(doubt=two)
    )
    assert doubted(candidate, "m", NOW) == three
    assert doubted(candidate, "n", NOW) == doubted(candidate, None, NOW) == two
    assert doubted(candidate, None, NOW + 7) is None
    assert view(candidate, NOW, "m") == View("doubtful", "thrice", NOW + 9)
    assert doubted(Candidate("a", Standing(account=Learnt(doubt=one))), None, NOW) == one


def test_a_place_in_doubt_makes_the_account_doubtful_and_never_keeps_it_out() -> None:
    place = learn(NOTHING, Observation("provider", "connect", "no route", None), NOW, Routing())
    seen = view(Candidate("a", Standing(), place=place), NOW)
    assert seen == View("doubtful", "no route", NOW + 5)
    assert seen.may_serve


def test_an_account_is_half_open_from_the_end_of_its_rest_on() -> None:
    candidate = Candidate("a", standing("limit"))
    assert [half_open(candidate, None, NOW + t) for t in (-1, 0, 59, 60, 1e9)] == [False, False, False, True, True]  # fmt: skip
    assert view(candidate, NOW + 60).state == "half-open"
    assert view(candidate, NOW + 60).may_serve


def test_a_model_is_half_open_apart() -> None:
    candidate = Candidate("a", standing("limit", model="m"))
    assert half_open(candidate, "m", NOW + 60)
    assert not half_open(candidate, "n", NOW + 60)


def test_those_who_look_at_the_whole_account_see_what_cools_in_it() -> None:
    known = replace(standing("limit", model="vendor/big"), quota=Quota(NOW, (spent("7d opus", family="opus"), spent("7d"))))  # fmt: skip
    assert coolings(Candidate("a", known), NOW) == [
        Block("cooling", "vendor/big: a limit", NOW + 60, limit=True),
        Block("cooling", "its 7d opus window is spent", NOW + 60, limit=True),
    ]
    assert coolings(Candidate("a", Standing()), NOW) == []


def test_a_model_in_doubt_is_told_of_as_well() -> None:
    known = standing("no such model", model="vendor/big")
    assert coolings(Candidate("a", known), NOW) == [
        Block("doubtful", "vendor/big: a no such model", NOW + 60)
    ]
    assert coolings(Candidate("a", known), NOW + 60) == []


def test_what_a_model_and_its_family_say_alike_is_told_once() -> None:
    known = replace(standing("limit", model=OPUS), quota=Quota(NOW, (FULL_OPUS,), "in use"))
    told = coolings(Candidate("a", known), NOW)
    assert [block.state for block in told] == ["paused", "cooling"]
