"""The plan of a request: who is asked, in which order, by which model, and what is said for and against each."""

from dataclasses import replace

import pytest

from ccflared.config.model import Routing
from ccflared.pool.candidates import Block, Candidate
from ccflared.pool.route import Choice, Plan, Question, plan
from ccflared.pool.sessions import Binding
from ccflared.pool.states import NOTHING, Learnt, Mark, Standing, after, learn
from ccflared.wire import Observation, Passed, Quota, Scope, Window

NOW = 1_790_000_000.0
ASKED = Question(NOW)
READY = Standing()


def failed(*kinds: str, until: float | None = None, model: str | None = None) -> Standing:
    standing = Standing()
    scope: Scope = "model" if model else "account"
    for turn, kind in enumerate(kinds):
        now = NOW - 2 * (len(kinds) - 1 - turn)
        standing = after(standing, Observation(scope, kind, f"a {kind}", until), model, now, Routing())
    return standing


def rested(reason: str = "a limit") -> Learnt:
    """What is known where a rest has ended and nobody has been served since."""
    return Learnt(rest=Mark(NOW - 60, NOW - 1, reason, 1))


HALF_OPEN = Standing(account=rested())
OVERDRAWN = Standing(quota=Quota(NOW, (Window("5h", 1.0, NOW + 60),), "available"))


def order(*candidates: Candidate, asked: Question = ASKED) -> list[str]:
    return [choice.account for choice in plan(asked, candidates).choices]


def test_priority_counts_first_and_then_the_order_of_the_file() -> None:
    assert order(
        Candidate("c", READY, priority=10),
        Candidate("a", READY),
        Candidate("d", READY, priority=10),
        Candidate("b", READY, priority=-1),
    ) == ["b", "a", "c", "d"]


def test_the_steps_of_a_chain_come_before_the_pool_and_within_one_the_strategy_decides() -> None:
    assert order(
        Candidate("first", READY, step=0, chained=True),
        Candidate("second, shared", READY, step=1, chained=True, tier=1),
        Candidate("second, larger", READY, step=1, chained=True, tier=20),
        Candidate("pool", READY, step=2, priority=-99),
        Candidate("pool, later", READY, step=2, priority=1),
    ) == ["first", "second, larger", "second, shared", "pool", "pool, later"]


def test_a_doubtful_account_is_asked_after_all_that_are_not_and_the_least_doubtful_first() -> None:
    assert order(
        Candidate("thrice", failed("connect", "connect", "connect")),
        Candidate("once", failed("connect"), priority=5),
        Candidate("once and preferred", failed("connect"), priority=1),
        Candidate("overloaded", failed("overloaded"), priority=9),
        Candidate("ready", READY, priority=99, step=3),
    ) == ["ready", "overloaded", "once and preferred", "once", "thrice"]


def test_doubt_about_a_place_or_a_model_orders_like_doubt_about_the_account() -> None:
    place = learn(NOTHING, Observation("provider", "connect", "no route"), NOW, Routing())
    assert order(
        Candidate("place", READY, place=place),
        Candidate("model", failed("no such model", model="m"), models=("m",)),
        Candidate("other model", failed("no such model", model="m"), models=("n",)),
    ) == ["other model", "place", "model"]


def test_the_classes_come_before_every_preference() -> None:
    made = plan(
        ASKED,
        [
            Candidate("last resort", OVERDRAWN, priority=-9, overage="last-resort"),
            Candidate("waiting", HALF_OPEN, priority=-8, probed=True),
            Candidate("doubtful", failed("broken"), priority=-7),
            Candidate("half-open", HALF_OPEN),
            Candidate("ready", READY),
            Candidate("on paid usage, as allowed", OVERDRAWN, overage="allow", tier=0.5),
        ],
    )
    assert [choice.account for choice in made.choices] == [
        "half-open",
        "ready",
        "on paid usage, as allowed",
        "doubtful",
        "waiting",
        "last resort",
    ]
    assert made.passed == ()
    assert made.blocks == ()


def test_a_last_resort_is_that_for_the_family_that_would_cost_extra_alone() -> None:
    quota = Quota(NOW, (Window("7d opus", 1.0, NOW + 60, family="opus"),), "in use")
    plan_account = Candidate(
        "plan", Standing(quota=quota), overage="last-resort", models=("claude-opus-4-5",)
    )
    paid = Candidate("paid", READY, priority=10, models=("claude-opus-4-5",))
    assert order(plan_account, paid) == ["paid", "plan"]
    sonnet = ("claude-sonnet-4-5",)
    assert order(replace(plan_account, models=sonnet), replace(paid, models=sonnet)) == ["plan", "paid"]


def test_after_a_rest_one_request_probes_and_the_others_wait_for_it_last() -> None:
    half_open, other = Candidate("a", HALF_OPEN), Candidate("b", READY, priority=9)
    first = plan(ASKED, [half_open, other])
    assert [(choice.account, choice.probes) for choice in first.choices] == [("a", True), ("b", False)]
    assert "one request tries it" in first.choices[0].why
    meanwhile = plan(ASKED, [replace(half_open, probed=True), other])
    assert [(choice.account, choice.probes) for choice in meanwhile.choices] == [("b", False), ("a", False)]
    assert "another request is trying it" in meanwhile.choices[1].why


def test_where_there_is_nobody_else_whoever_waits_for_a_probe_is_asked_all_the_same() -> None:
    made = plan(ASKED, [Candidate("a", HALF_OPEN, probed=True)])
    assert [choice.account for choice in made.choices] == ["a"]


def test_an_account_that_is_doubtful_after_its_rest_is_probed_by_one_request_too() -> None:
    both = replace(HALF_OPEN, account=replace(rested(), doubt=Mark(NOW - 1, NOW + 9, "broken", 1)))
    (choice,) = plan(ASKED, [Candidate("a", both)]).choices
    assert choice.probes
    (choice,) = plan(ASKED, [Candidate("a", both, probed=True)]).choices
    assert not choice.probes


def test_a_probe_of_one_model_keeps_nobody_from_another() -> None:
    standing = Standing(models={"big": rested()})
    candidate = Candidate("a", standing, models=("big", "small"), probed=True)
    made = plan(ASKED, [candidate, Candidate("b", READY, models=("big",), priority=9)])
    assert [(c.account, c.model) for c in made.choices] == [("a", "small"), ("b", "big"), ("a", "big")]


def test_resting_and_rejected_accounts_are_passed_over_with_their_reasons() -> None:
    made = plan(
        ASKED,
        [
            Candidate("limited", failed("limit", until=NOW + 60)),
            Candidate("rejected", failed("credential")),
            Candidate("fine", READY, priority=7),
        ],
    )
    assert made == Plan(
        (Choice("fine", "priority 7", begins=True),),
        (
            Passed("limited", "resting", "a limit", NOW + 60),
            Passed("rejected", "rejected", "a credential", NOW + 300),
        ),
        blocks=(
            Block("resting", "a limit", NOW + 60, limit=True),
            Block("rejected", "a credential", NOW + 300),
        ),
    )


def test_of_several_reasons_all_are_told_and_what_lasts_longest_says_when_it_is_back() -> None:
    by_hand = Block("paused", "paused by hand")
    standing = failed("limit", until=NOW + 60)
    made = plan(ASKED, [Candidate("a", standing, running=1, max_concurrency=1, rules=(by_hand,))])
    (passed,) = made.passed
    assert (passed.state, passed.until) == ("paused", None)
    assert (passed.reason or "").startswith("paused by hand; a limit; 1 request is running")
    assert made.blocks == (by_hand,)


def test_a_full_house_does_not_hide_how_long_the_account_rests_besides() -> None:
    made = plan(ASKED, [Candidate("a", failed("limit", until=NOW + 60), running=1, max_concurrency=1)])
    assert made.blocks == (Block("resting", "a limit", NOW + 60, limit=True),)
    assert (made.passed[0].state, made.passed[0].until) == ("resting", NOW + 60)


def test_the_gravest_reason_is_told_first_be_it_about_the_model() -> None:
    made = plan(
        ASKED,
        [Candidate("a", READY, models=("m",), running=1, max_concurrency=1, unpriced=frozenset({"m"}))],
    )
    assert made.passed[0].state == "paused"


def test_what_uses_nothing_up_is_kept_from_nobody_by_a_limit_and_by_all_else_as_ever() -> None:
    spent = Standing(quota=Quota(NOW, (Window("5h", 1.0, NOW + 60, spent=True),)))
    by_hand = Block("paused", "paused by hand")
    candidates = [
        Candidate("limited", failed("limit"), models=("m",)),
        Candidate("spent", spent, models=("m",)),
        Candidate("cooling", failed("limit", model="m"), models=("m",)),
        Candidate("overdrawn", OVERDRAWN, models=("m",)),
        Candidate("rejected", failed("credential"), models=("m",)),
        Candidate("paused and limited", failed("limit"), models=("m",), rules=(by_hand,)),
        Candidate("unpriced", READY, models=("m",), unpriced=frozenset({"m"})),
        Candidate("busy", READY, models=("m",), running=1, max_concurrency=1),
    ]
    assert plan(ASKED, candidates).choices == ()
    made = plan(replace(ASKED, uses=False), candidates)
    free = {"limited", "spent", "cooling", "overdrawn", "busy"}
    assert {choice.account for choice in made.choices} == free
    assert made.blocks[1] == by_hand


def test_of_several_models_each_is_a_choice_in_its_order_and_a_cooling_one_is_skipped() -> None:
    cooling = failed("limit", until=NOW + 60, model="big")
    made = plan(ASKED, [Candidate("a", cooling, models=("big", "mid", "small")), Candidate("b", READY)])
    assert [(c.account, c.model) for c in made.choices] == [("a", "mid"), ("a", "small"), ("b", None)]
    assert made.passed == ()


def test_an_account_all_of_whose_models_cool_is_passed_over_until_the_first_is_back() -> None:
    standing = after(
        failed("limit", until=NOW + 60, model="big"),
        Observation("model", "limit", "x", NOW + 20),
        "mid",
        NOW,
        Routing(),
    )
    made = plan(ASKED, [Candidate("a", standing, models=("big", "mid"))])
    assert made.choices == ()
    assert [block.until for block in made.blocks] == [NOW + 20]
    assert [(passed.account, passed.state) for passed in made.passed] == [("a", "cooling")]


def test_what_this_request_has_tried_is_neither_chosen_nor_passed_over() -> None:
    candidates = [
        Candidate("a", READY, models=("big", "mid")),
        Candidate("b", failed("limit"), models=("big",)),
    ]
    made = plan(ASKED, candidates, {("a", "big"), ("b", "big")})
    assert [(c.account, c.model) for c in made.choices] == [("a", "mid")]
    assert made.passed == ()
    assert made.blocks == ()


def test_an_account_in_two_steps_is_asked_by_the_first_and_then_by_the_other() -> None:
    made = plan(
        ASKED,
        [
            Candidate("a", READY, models=("big",), step=0, chained=True),
            Candidate("b", READY, models=("big",), step=1, chained=True),
            Candidate("a", READY, models=("small",), step=2, chained=True),
        ],
    )
    assert [(c.account, c.model) for c in made.choices] == [("a", "big"), ("b", "big"), ("a", "small")]


def test_the_later_step_of_a_conversations_own_account_waits_behind_the_steps_before_it() -> None:
    made = plan(
        replace(ASKED, binding=Binding("a", "a", NOW - 1, NOW - 1)),
        [
            Candidate("b", READY, models=("big",), step=0, chained=True),
            Candidate("a", READY, models=("big", "large"), step=0, chained=True),
            Candidate("c", READY, models=("big",), step=1, chained=True),
            Candidate("a", READY, models=("small",), step=2, chained=True),
        ],
    )
    expected = [("a", "big"), ("a", "large"), ("b", "big"), ("c", "big"), ("a", "small")]
    assert [(c.account, c.model) for c in made.choices] == expected


# candidate, what is said for it
WHY: list[tuple[Candidate, str]] = [
    (Candidate("a", READY, priority=3), "priority 3"),
    (Candidate("a", READY, step=1, chained=True), "step 2 of the chain"),
    (Candidate("a", failed("connect"), priority=3), "priority 3, in doubt: a connect"),
    (Candidate("a", HALF_OPEN), "priority 0, its rest has ended, and one request tries it"),
    (Candidate("a", HALF_OPEN, probed=True), "priority 0, its rest has ended, and another request is trying it"),
    (Candidate("a", OVERDRAWN, overage="last-resort"), "priority 0, as a last resort, on paid extra usage, 0 % of its usage left"),
    (Candidate("a", Standing(session_since=NOW - 1)), "priority 0, holds the session"),
]  # fmt: skip


@pytest.mark.parametrize(("candidate", "said"), WHY)
def test_a_choice_says_why_it_stands_where_it_stands(candidate: Candidate, said: str) -> None:
    (choice,) = plan(ASKED, [candidate]).choices
    assert choice.why == said


def test_a_choice_says_until_when_it_is_in_doubt() -> None:
    (choice,) = plan(ASKED, [Candidate("a", failed("connect"))]).choices
    assert choice.until == NOW + 5


def test_of_nobody_comes_an_empty_plan() -> None:
    assert plan(ASKED, []) == Plan((), ())


def test_however_deep_the_doubt_everybody_is_asked() -> None:
    names = [f"a{number}" for number in range(50)]
    assert order(*(Candidate(name, failed(*["broken"] * 30)) for name in names)) == names


def test_the_conversations_own_account_comes_before_all_others_of_the_first_class_with_all_its_models() -> (
    None
):
    asked = replace(ASKED, binding=Binding("b", "b", NOW - 1, NOW - 1))
    made = plan(
        asked,
        [Candidate("a", READY, models=("m",)), Candidate("b", READY, models=("m", "n"), priority=9)],
    )
    assert [(c.account, c.model) for c in made.choices] == [("b", "m"), ("b", "n"), ("a", "m")]
    assert made.choices[0].why == "it served this conversation before, priority 9"
    assert made.choices[2].why == "priority 0"


def test_only_the_ready_models_of_the_conversations_own_account_come_first() -> None:
    asked = replace(ASKED, binding=Binding("b", "b", NOW - 1, NOW - 1))
    doubted = failed("no such model", model="m")
    made = plan(
        asked,
        [Candidate("a", READY, models=("m",)), Candidate("b", doubted, models=("m", "n"), priority=9)],
    )
    assert [(c.account, c.model) for c in made.choices] == [("b", "n"), ("a", "m"), ("b", "m")]


@pytest.mark.parametrize("standing", [failed("broken"), failed("limit"), failed("credential")])
def test_a_preference_never_comes_before_a_state(standing: Standing) -> None:
    asked = replace(ASKED, binding=Binding("b", "b", NOW - 1, NOW - 1))
    assert order(Candidate("b", standing), Candidate("a", READY, priority=9), asked=asked)[0] == "a"


def test_a_session_begins_with_whoever_serves_where_none_is_held() -> None:
    made = plan(ASKED, [Candidate("a", READY), Candidate("b", READY)])
    assert [choice.begins for choice in made.choices] == [True, True]


# who holds the session, whether another of the same priority would begin one
HELD: list[tuple[Candidate, bool]] = [
    (Candidate("a", Standing(session_since=NOW - 60)), False),
    (Candidate("a", replace(failed("connect"), session_since=NOW - 60)), False),
    (Candidate("a", replace(failed("limit", until=NOW + 60), session_since=NOW - 60)), False),
    (Candidate("a", replace(failed("limit", until=NOW + 6000), session_since=NOW - 60)), True),
    (Candidate("a", replace(failed("credential"), session_since=NOW - 60)), True),
    (Candidate("a", Standing(session_since=NOW - 60), running=1, max_concurrency=1), False),
    (Candidate("a", Standing(session_since=NOW - 6 * 3600)), True),
    (Candidate("a", Standing(session_since=NOW - 60), priority=1), True),
    (Candidate("a", Standing(session_since=NOW - 60), step=1, chained=True), True),
]


@pytest.mark.parametrize(("holder", "begins"), HELD)
def test_a_session_goes_over_to_another_only_if_its_holder_is_away_for_long(
    holder: Candidate, *, begins: bool
) -> None:
    made = plan(ASKED, [holder, Candidate("b", READY)])
    assert next(choice for choice in made.choices if choice.account == "b").begins is begins


def test_a_session_that_is_held_already_is_not_begun() -> None:
    rest = Candidate("b", replace(failed("limit", until=NOW + 6000), session_since=NOW - 60))
    made = plan(ASKED, [Candidate("a", Standing(session_since=NOW - 9)), rest])
    assert not made.choices[0].begins
