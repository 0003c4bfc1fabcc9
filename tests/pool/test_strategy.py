"""How each strategy orders accounts of the same step and priority, and what it says for them."""

from dataclasses import replace

import pytest

from ccflared.config.model import Strategy
from ccflared.pool.candidates import Candidate
from ccflared.pool.route import Question, plan
from ccflared.pool.states import Standing
from ccflared.pool.strategy import holds_session, key, why
from ccflared.wire import Quota, Window

NOW = 1_790_000_000.0
HOUR = 3600.0
DAY = 86400.0
OPUS = "claude-opus-4-5"


def account(
    name: str,
    used: float | None = None,
    *,
    since: float | None = None,
    resets: float = NOW + DAY,
    tier: float = 1.0,
    running: int = 0,
    conversations: int = 0,
    last_used: float = 0.0,
) -> Candidate:
    quota = None if used is None else Quota(NOW - 5 * DAY, (Window("7d", used, resets),))
    return Candidate(
        name,
        Standing(quota=quota, session_since=since),
        models=(OPUS,),
        tier=tier,
        running=running,
        conversations=conversations,
        last_used=last_used,
    )


def order(strategy: Strategy, *candidates: Candidate) -> list[str]:
    return [choice.account for choice in plan(Question(NOW, strategy), candidates).choices]


def test_session_goes_on_with_the_account_that_holds_one_however_much_is_left_elsewhere() -> None:
    assert order("session", account("fresh", 0.0), account("held", 0.9, since=NOW - HOUR)) == [
        "held",
        "fresh",
    ]


def test_of_two_sessions_the_one_begun_last_goes_on() -> None:
    early, late = account("early", since=NOW - 2 * HOUR), account("late", since=NOW - HOUR)
    assert order("session", early, late) == ["late", "early"]


def test_a_session_that_is_over_holds_nothing() -> None:
    over = account("over", 0.9, since=NOW - 5 * HOUR)
    assert order("session", over, account("fresh", 0.1)) == ["fresh", "over"]
    assert not holds_session(over, NOW)
    assert holds_session(over, NOW - 1)
    assert holds_session(replace(over, session_length=6 * HOUR), NOW)


def test_a_session_ends_with_the_usage_window_that_it_is_aligned_with() -> None:
    window = Quota(NOW - HOUR, (Window("5h", 0.2, NOW),))
    ended = replace(account("ended"), standing=Standing(quota=window, session_since=NOW - HOUR))
    assert holds_session(ended, NOW - 1)
    assert order("session", account("other"), ended) == ["other", "ended"]


@pytest.mark.parametrize("strategy", ["session", "affinity", "least-used"])
def test_where_nothing_else_counts_whoever_has_most_left_is_asked_scaled_by_its_tier(
    strategy: Strategy,
) -> None:
    small, large = account("small", 0.1, tier=1), account("large", 0.9, tier=20)
    assert order(strategy, small, large) == ["large", "small"]
    assert order(strategy, account("half", 0.5), account("quarter", 0.25)) == ["quarter", "half"]
    # what is not known counts as untouched, and ties go by the order of the file
    assert order(strategy, account("used", 0.2), account("a"), account("b"), account("new", 0.0)) == [
        "a",
        "b",
        "new",
        "used",
    ]


def test_drain_soonest_takes_the_quota_that_is_lost_first_and_the_unknown_last() -> None:
    assert order(
        "drain-soonest",
        account("unknown"),
        account("later", 0.1, resets=NOW + 2 * DAY),
        account("sooner", 0.8, resets=NOW + DAY),
        account("sooner, and more of it", 0.3, resets=NOW + DAY),
    ) == ["sooner, and more of it", "sooner", "later", "unknown"]


def test_drain_soonest_holds_no_session() -> None:
    held = account("held", 0.1, since=NOW - 1, resets=NOW + 2 * DAY)
    assert order("drain-soonest", held, account("sooner", 0.1))[0] == "sooner"


def test_least_used_shares_the_running_requests_by_tier() -> None:
    small, large = account("small", running=1), account("large", running=10, tier=20)
    assert order("least-used", small, large) == ["large", "small"]
    assert order("least-used", account("one", running=1), account("none")) == ["none", "one"]


def test_affinity_spreads_conversations_by_tier_where_as_much_is_left() -> None:
    small, large = account("small", 1.0, conversations=2), account("large", 1.0, conversations=20, tier=20)
    assert order("affinity", small, large) == ["large", "small"]
    assert order("affinity", account("less left", 0.2), account("more left", 0.1, conversations=9)) == [
        "more left",
        "less left",
    ]


def test_least_used_goes_round_where_nothing_else_tells_them_apart() -> None:
    just, before = account("just now", last_used=NOW - 1), account("before", last_used=NOW - 2)
    assert order("least-used", just, before, account("never")) == ["never", "before", "just now"]


def test_for_a_familys_model_its_own_window_counts_too() -> None:
    quota = Quota(NOW, (Window("7d", 0.1, NOW + DAY), Window("7d opus", 0.9, NOW + DAY, family="opus")))
    candidate = Candidate("a", Standing(quota=quota))
    assert key(candidate, OPUS, "affinity", NOW)[0] == pytest.approx(-0.1)
    assert key(candidate, "claude-haiku-4-5", "affinity", NOW)[0] == pytest.approx(-0.9)
    assert key(candidate, None, "affinity", NOW)[0] == pytest.approx(-0.9)


# candidate, strategy, what is said
WORDS: list[tuple[Candidate, Strategy, str | None]] = [
    (account("a"), "session", None),
    (account("a", since=NOW - 1), "session", "holds the session"),
    (account("a", since=NOW - 1), "affinity", None),
    (account("a", 0.25), "session", "75 % of its usage left"),
    (account("a", 1.25), "affinity", "0 % of its usage left"),
    (account("a", 0.25), "drain-soonest", "its quota resets soonest"),
    (account("a", 0.25, resets=NOW - 1), "drain-soonest", "100 % of its usage left"),
    (account("a"), "drain-soonest", None),
    (account("a", 0.25, running=2), "least-used", "2 running"),
    (account("a", 0.25), "least-used", "75 % of its usage left"),
]


@pytest.mark.parametrize(("candidate", "strategy", "said"), WORDS)
def test_a_strategy_says_what_it_counts(candidate: Candidate, strategy: Strategy, said: str | None) -> None:
    assert why(candidate, OPUS, strategy, NOW) == said


def test_where_nothing_is_known_of_what_is_left_conversations_and_requests_are_spread() -> None:
    full, empty = Candidate("full", Standing(), conversations=3), Candidate("empty", Standing())
    large = Candidate("large", Standing(), tier=20, conversations=3)
    assert key(empty, None, "affinity", NOW) < key(full, None, "affinity", NOW)
    assert key(large, None, "affinity", NOW) < key(empty, None, "affinity", NOW)
    used, rested = Candidate("used", Standing(), last_used=NOW), Candidate("rested", Standing())
    assert key(rested, None, "least-used", NOW) < key(used, None, "least-used", NOW)
