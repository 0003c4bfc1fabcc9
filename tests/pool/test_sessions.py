"""Where a conversation goes on: it stays, leaves for a better account, borrows one, comes home."""

import pytest

from ccflared.config.model import Strategy
from ccflared.pool.candidates import Block, Candidate
from ccflared.pool.route import Plan, Question, plan
from ccflared.pool.sessions import Binding, Grade, Preference, borrows, prefers, served
from ccflared.pool.states import Learnt, Mark, Standing, State, View

NOW = 1_790_000_000.0
COLD = 300.0
WARM, LONG_AGO = NOW - 10, NOW - 10_000
EQUAL, BETTER = Grade((0, 5), auto_fallback=False), Grade((0, 1), auto_fallback=False)
RETURNS = Grade((0, 1), auto_fallback=True)

STAY = Preference("home", "it served this conversation before")
BORROW = Preference("away", "this conversation borrows it, and its prompt cache is warm there")
RETURN = Preference("home", "this conversation comes home")

AT_HOME_WARM, AT_HOME_COLD = Binding("home", "home", WARM, WARM), Binding("home", "home", LONG_AGO, LONG_AGO)
AWAY_WARM, AWAY_COLD = Binding("home", "away", WARM, LONG_AGO), Binding("home", "away", LONG_AGO, LONG_AGO)
BOTH_WARM = Binding("home", "away", WARM, WARM)
OFFERED = Binding("home", "home", WARM, 0.0)

# binding, who is able to serve, where it goes on with session, and with affinity
TABLE: list[tuple[Binding, dict[str, Grade], Preference | None, Preference | None]] = [
    # at home, among equals
    (AT_HOME_WARM, {"home": EQUAL, "other": EQUAL}, STAY, STAY),
    (AT_HOME_COLD, {"home": EQUAL, "other": EQUAL}, None, STAY),
    # a better account is ready
    (AT_HOME_WARM, {"home": EQUAL, "better": BETTER}, STAY, STAY),
    (AT_HOME_COLD, {"home": EQUAL, "better": BETTER}, None, None),
    (AT_HOME_WARM, {"home": EQUAL, "better": RETURNS}, None, None),
    (AT_HOME_COLD, {"home": EQUAL, "better": RETURNS}, None, None),
    (AT_HOME_WARM, {"home": EQUAL, "better": BETTER, "returns": RETURNS}, None, None),
    # auto_fallback of one that is no better
    (AT_HOME_WARM, {"home": BETTER, "other": RETURNS}, STAY, STAY),
    (AT_HOME_WARM, {"home": RETURNS, "other": EQUAL}, STAY, STAY),
    # an earlier step of a chain is better, whatever the priority says
    (AT_HOME_COLD, {"home": Grade((1, 0), False), "better": Grade((0, 99), False)}, None, None),
    (AT_HOME_WARM, {"home": Grade((1, 0), False), "better": Grade((0, 99), True)}, None, None),
    # home cannot serve
    (AT_HOME_WARM, {"other": EQUAL}, None, None),
    (AT_HOME_WARM, {}, None, None),
    # away, and home is back
    (AWAY_WARM, {"home": EQUAL, "away": EQUAL}, BORROW, BORROW),
    (AWAY_COLD, {"home": EQUAL, "away": EQUAL}, None, RETURN),
    # what home still has in its cache lacks the latest turns
    (BOTH_WARM, {"home": EQUAL, "away": EQUAL}, BORROW, BORROW),
    (BOTH_WARM, {"home": EQUAL}, RETURN, RETURN),
    (AWAY_WARM, {"home": BETTER, "away": EQUAL}, BORROW, BORROW),
    (AWAY_WARM, {"home": RETURNS, "away": EQUAL}, None, None),
    (AWAY_WARM, {"home": EQUAL, "away": BETTER}, BORROW, BORROW),
    # what it borrowed is gone
    (AWAY_WARM, {"home": EQUAL, "other": EQUAL}, RETURN, RETURN),
    (AWAY_COLD, {"home": EQUAL}, None, RETURN),
    (AWAY_WARM, {"other": EQUAL}, None, None),
    # home is not back
    (AWAY_WARM, {"away": EQUAL, "other": EQUAL}, BORROW, BORROW),
    (AWAY_COLD, {"away": EQUAL, "other": EQUAL}, None, BORROW),
    (AWAY_WARM, {"away": EQUAL, "better": BETTER}, BORROW, BORROW),
    (AWAY_COLD, {"away": EQUAL, "better": BETTER}, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("binding", "able", "session", "affinity"), TABLE)
def test_a_conversation_stays_leaves_borrows_or_comes_home(
    binding: Binding, able: dict[str, Grade], session: Preference | None, affinity: Preference | None
) -> None:
    for strategy, expected in (("session", session), ("drain-soonest", session), ("least-used", session)):
        assert prefers(binding, able, strategy, COLD, NOW) == expected  # type: ignore[arg-type]
    assert prefers(binding, able, "affinity", COLD, NOW) == affinity


@pytest.mark.parametrize(("idle", "kept"), [(0.0, True), (299.9, True), (300.0, False), (-1e6, True)])
def test_a_prompt_cache_is_warm_for_as_long_as_the_file_says(idle: float, *, kept: bool) -> None:
    binding = Binding("home", "home", NOW - idle, NOW - idle)
    assert (prefers(binding, {"home": EQUAL}, "session", COLD, NOW) is not None) is kept


# home's state, when it ends, whether the conversation only borrows meanwhile
PATIENCE: list[tuple[View | None, bool]] = [
    (None, False),
    (View("ready"), True),
    (View("half-open"), True),
    (View("doubtful", "x", NOW + 60), True),
    (View("busy"), True),
    (View("resting", "x", NOW + COLD), True),
    (View("resting", "x", NOW + COLD + 1), False),
    (View("resting", "x"), False),
    (View("cooling", "x", NOW + 5), True),
    (View("cooling", "x", NOW + 5000), False),
    (View("rejected", "x", NOW + 5), False),
    (View("paused", "x", NOW + 5), False),
    (View("paused", "x"), False),
]


@pytest.mark.parametrize(("home", "waits"), PATIENCE, ids=str)
def test_what_passes_soon_makes_it_borrow_and_what_does_not_makes_it_move(
    home: View | None, *, waits: bool
) -> None:
    assert borrows(home, COLD, NOW) is waits


def test_whoever_serves_a_new_conversation_or_one_that_moves_is_its_home() -> None:
    new = Binding("a", "a", NOW, NOW)
    for before, waits in ((None, False), (None, True), (AWAY_WARM, False), (OFFERED, True)):
        assert served(before, "a", NOW - 1, NOW, borrows=waits) == new


def test_a_conversation_that_borrows_keeps_its_home() -> None:
    began = NOW - 1
    assert served(AT_HOME_WARM, "away", began, NOW, borrows=True) == Binding("home", "away", NOW, WARM)
    assert served(AWAY_WARM, "third", began, NOW, borrows=True) == Binding("home", "third", NOW, LONG_AGO)
    assert served(AWAY_WARM, "home", began, NOW, borrows=True) == Binding("home", "home", NOW, NOW)


def test_what_was_asked_before_home_served_again_moves_nothing() -> None:
    # two requests of one conversation at once: one shows that home serves again, the other was sent away meanwhile
    back = served(AWAY_WARM, "home", NOW - 5, NOW - 2, borrows=True)
    assert served(back, "away", NOW - 4, NOW, borrows=True) == Binding("home", "home", NOW, NOW - 2)
    assert served(back, "away", NOW - 2, NOW, borrows=True) == Binding("home", "away", NOW, NOW - 2)


def mark(seconds: float) -> Mark:
    return Mark(NOW, NOW + seconds, "x", 1)


def home(state: State, *, seconds: float = 60.0) -> Candidate:
    """The home account in a state that ends in so many seconds."""
    candidates = {
        "ready": Candidate("home", Standing()),
        "doubtful": Candidate("home", Standing(account=Learnt(doubt=mark(seconds)))),
        "resting": Candidate("home", Standing(account=Learnt(rest=mark(seconds)))),
        "rejected": Candidate("home", Standing(account=Learnt(reject=mark(seconds)))),
        "half-open": Candidate("home", Standing(account=Learnt(rest=Mark(1.0, 2.0, "x", 1)))),
        "busy": Candidate("home", Standing(), running=1, max_concurrency=1),
        "paused": Candidate("home", Standing(), rules=(Block("paused", "by hand"),)),
    }
    return candidates[state]


def planned(binding: Binding, *candidates: Candidate, strategy: Strategy = "session") -> Plan:
    # as the daemon asks: with affinity a conversation waits for its home for a whole session
    patience = 5 * 3600.0 if strategy == "affinity" else COLD
    return plan(Question(NOW, strategy, COLD, patience, binding), candidates)


OTHER = Candidate("other", Standing(session_since=NOW - 60))

# home's state, its end, strategy, who serves, and whether home stays home
WHOLE: list[tuple[State, float, Strategy, str, str]] = [
    ("ready", 0, "session", "home", "home"),
    ("doubtful", 60, "session", "other", "home"),
    ("busy", 0, "session", "other", "home"),
    ("resting", 299, "session", "other", "home"),
    ("resting", 301, "session", "other", "other"),
    ("resting", 301, "affinity", "other", "home"),
    ("resting", 5 * 3600 + 1, "affinity", "other", "other"),
    ("rejected", 300, "session", "other", "other"),
    ("rejected", 300, "affinity", "other", "other"),
    ("paused", 0, "affinity", "other", "other"),
    ("half-open", 0, "session", "home", "home"),
]


@pytest.mark.parametrize(("state", "seconds", "strategy", "serves", "stays"), WHOLE)
def test_a_plan_and_what_follows_from_it_keep_or_move_the_home(
    state: State, seconds: float, strategy: Strategy, serves: str, stays: str
) -> None:
    made = planned(AT_HOME_WARM, home(state, seconds=seconds), OTHER, strategy=strategy)
    assert made.choices[0].account == serves
    assert served(AT_HOME_WARM, serves, NOW - 1, NOW, borrows=made.borrows).home == stays


def test_while_another_request_tries_a_home_whose_rest_has_ended_a_conversation_borrows() -> None:
    probed = Candidate("home", home("half-open").standing, probed=True)
    made = planned(AT_HOME_WARM, probed, OTHER)
    assert [choice.account for choice in made.choices] == ["other", "home"]
    assert made.borrows


def test_a_home_that_has_just_failed_a_request_stays_home_if_it_is_back_soon() -> None:
    question = Question(NOW, "session", COLD, COLD, AT_HOME_WARM)
    tried = {("home", None)}
    for state, stays in (("doubtful", True), ("ready", True), ("resting", True), ("rejected", False)):
        made = plan(question, [home(state), OTHER], tried)  # type: ignore[arg-type]
        assert [choice.account for choice in made.choices] == ["other"]
        assert made.borrows is stays


def test_a_home_that_lacks_one_of_its_models_stays_home() -> None:
    question = Question(NOW, "session", COLD, COLD, AT_HOME_WARM)
    several = Candidate("home", Standing(), models=("big", "mid"))
    made = plan(question, [several, OTHER], {("home", "big")})
    assert made.choices[0].account == "home"
    assert served(AT_HOME_WARM, "home", NOW, NOW, borrows=made.borrows).home == "home"
    assert plan(question, [several, OTHER], {("home", "big"), ("home", "mid")}).borrows


def test_a_home_that_has_left_the_file_is_home_no_more() -> None:
    assert not planned(AT_HOME_WARM, OTHER).borrows


def test_a_better_account_that_takes_over_becomes_the_home() -> None:
    better = Candidate("better", Standing(), auto_fallback=True)
    made = planned(AT_HOME_WARM, Candidate("home", Standing(), priority=5), better)
    assert (made.choices[0].account, made.borrows) == ("better", False)


def test_a_conversation_that_is_away_with_a_warm_cache_has_not_moved() -> None:
    made = planned(AWAY_WARM, home("ready"), Candidate("away", Standing()))
    assert (made.choices[0].account, made.borrows) == ("away", True)
    assert made.choices[0].why.startswith(BORROW.why)


def test_nobody_borrows_for_a_request_without_a_conversation() -> None:
    assert not plan(Question(NOW), [home("doubtful"), OTHER]).borrows
