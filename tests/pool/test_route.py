"""The plan of a request, and the words for a client when nobody is left."""

from dataclasses import replace

import pytest

from ccflared.config.model import Routing
from ccflared.pool.route import Candidate, Choice, Passed, Plan, plan, refuse
from ccflared.pool.states import Standing, View, after
from ccflared.wire import Observation

NOW = 1_790_000_000.0


def failed(*kinds: str, until: float | None = None) -> Standing:
    standing = Standing()
    for turn, kind in enumerate(kinds):
        now = NOW - 2 * (len(kinds) - 1 - turn)
        standing = after(standing, Observation("account", kind, f"a {kind}", until), now, Routing())
    return standing


READY = Standing()


def order(*candidates: Candidate) -> list[str]:
    return [choice.account for choice in plan(candidates, NOW).choices]


def test_priority_counts_first_and_then_the_order_of_the_file() -> None:
    assert order(
        Candidate("c", 10, READY),
        Candidate("a", 0, READY),
        Candidate("d", 10, READY),
        Candidate("b", -1, READY),
    ) == ["b", "a", "c", "d"]


def test_a_doubtful_account_is_asked_after_all_that_are_not_and_the_least_doubtful_first() -> None:
    assert order(
        Candidate("thrice", 0, failed("connect", "connect", "connect")),
        Candidate("once", 5, failed("connect")),
        Candidate("once and preferred", 1, failed("connect")),
        Candidate("overloaded", 9, failed("overloaded")),
        Candidate("ready", 99, READY),
    ) == ["ready", "overloaded", "once and preferred", "once", "thrice"]


def test_resting_and_rejected_accounts_are_passed_over_with_their_reasons() -> None:
    made = plan(
        [
            Candidate("limited", 0, failed("limit", until=NOW + 60)),
            Candidate("rejected", 0, failed("credential")),
            Candidate("fine", 7, READY),
        ],
        NOW,
    )
    assert made == Plan(
        (Choice("fine", "priority 7"),),
        (
            Passed("limited", "resting", "a limit", NOW + 60),
            Passed("rejected", "rejected", "a credential", NOW + 300),
        ),
    )


def test_a_choice_says_why_it_stands_where_it_stands() -> None:
    made = plan([Candidate("a", 3, failed("connect"))], NOW)
    assert made.choices == (Choice("a", "priority 3, in doubt: a connect"),)


def test_of_nobody_comes_an_empty_plan() -> None:
    assert plan([], NOW) == Plan((), ())


def test_however_deep_the_doubt_everybody_is_asked() -> None:
    names = [f"a{number}" for number in range(50)]
    doubted = [Candidate(name, 0, failed(*["broken"] * 30)) for name in names]
    assert order(*doubted) == names


def resting(seconds: float) -> View:
    return View("resting", "limit reached", NOW + seconds)


def doubtful(seconds: float) -> View:
    return View("doubtful", "broken", NOW + seconds)


REJECTED = View("rejected", "401", NOW + 300)
FINE = View("ready")

# views, status, wait, what is told
REFUSALS: list[tuple[list[View], int, int | None, str]] = [
    ([], 503, None, "No account can serve this request"),
    ([resting(30)], 429, 30, "The account has reached a limit. The first is expected back in 30 s."),
    ([resting(30.2)], 429, 31, "back in 31 s"),
    ([resting(31)], 429, 31, "back in 31 s"),
    ([resting(0.001)], 429, 1, "back in 1 s"),
    ([resting(0)], 429, 1, "back in 1 s"),
    ([resting(-5)], 429, 1, "back in 1 s"),
    ([resting(119)], 429, 119, "back in 119 s"),
    ([resting(120)], 429, 120, "back in 2 min"),
    ([resting(7199)], 429, 7199, "back in 120 min"),
    ([resting(7200)], 429, 7200, "back in 2.0 h"),
    ([resting(8 * 86400)], 429, 691200, "back in 192.0 h"),
    ([resting(600), resting(300), resting(900)], 429, 300, "All 3 accounts have reached a limit."),
    ([resting(600), doubtful(20)], 503, 20, "(1 failing, 1 at a limit)"),
    ([resting(10), doubtful(20)], 503, 10, "(1 failing, 1 at a limit)"),
    ([resting(600), REJECTED], 503, 600, "(1 at a limit, 1 not accepted upstream)"),
    ([doubtful(20), REJECTED], 503, 20, "(1 failing, 1 not accepted upstream)"),
    ([REJECTED, REJECTED], 503, None, "(2 not accepted upstream)."),
    ([doubtful(20), doubtful(5)], 503, 5, "(2 failing)"),
    # the tries were used up before all had been asked
    ([FINE], 503, 1, "(1 failing)"),
    ([FINE, resting(3600)], 503, 1, "back in 1 s"),
]


@pytest.mark.parametrize(("views", "status", "wait", "told"), REFUSALS, ids=lambda value: str(value)[:50])
def test_a_refusal_says_why_and_when_to_come_back(
    views: list[View], status: int, wait: int | None, told: str
) -> None:
    said = refuse(views, NOW)
    assert (said.status, said.wait) == (status, wait)
    assert said.kind == ("rate_limit_error" if status == 429 else "overloaded_error")
    assert told in said.message


def test_a_refusal_repeats_no_reason_of_an_account() -> None:
    told = [replace(view, reason="account work-7: key sk-1") for view in (resting(30), doubtful(9), REJECTED)]
    for views in (told, told[:1], told[1:]):
        assert "work-7" not in refuse(views, NOW).message
