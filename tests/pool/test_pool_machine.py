"""Whatever happens in whatever order, by whatever clock: nobody is left out for long, and no plan breaks the rules."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ccflared.config.model import Cooldown, Routing
from ccflared.pool.route import Candidate, plan, refuse
from ccflared.pool.states import RETEST, Standing, after, after_success, view
from ccflared.wire import Observation

ROUTING = Routing(cooldown=Cooldown(30, 3.0, 400), trust_reset_up_to=2 * 86400.0)
LONGEST = max(ROUTING.trust_reset_up_to, ROUTING.cooldown.longest, RETEST)
NAMES = ["alpha", "beta", "gamma", "delta"]
KINDS = st.sampled_from(
    ["limit", "credential", "overloaded", "server error", "connect", "broken", "payment", "?"]
)
ACCOUNTS = st.sampled_from(NAMES)
ABSURD = st.sampled_from([float("inf"), -float("inf"), float("nan"), 0.0, -1.0, 1e300, -1e300, 5e-324])
OFFSETS = st.one_of(st.floats(-10, 10), st.floats(-3e5, 3e5))


class Pool(RuleBasedStateMachine):
    """Four accounts, a clock that may jump, and requests that succeed later than they were begun."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_790_000_000.0
        self.standings = {name: Standing(name) for name in NAMES}
        self.priorities = dict.fromkeys(NAMES, 0)
        self.begun: list[tuple[str, float]] = []

    @rule(
        name=ACCOUNTS,
        kind=KINDS,
        offset=st.one_of(st.none(), OFFSETS),
        scope=st.sampled_from(["account"] * 3 + ["request"]),
    )
    def fails(self, name: str, kind: str, offset: float | None, scope: str) -> None:
        until = None if offset is None else self.now + offset
        self._learn(name, Observation("request" if scope == "request" else "account", kind, "why", until))

    @rule(name=ACCOUNTS, until=ABSURD)
    def names_an_absurd_reset(self, name: str, until: float) -> None:
        self._learn(name, Observation("account", "limit", "why", until))

    @rule(name=ACCOUNTS)
    def begins(self, name: str) -> None:
        self.begun.append((name, self.now))

    @precondition(lambda self: self.begun)
    @rule(index=st.integers(0, 50))
    def answers(self, index: int) -> None:
        name, began = self.begun.pop(index % len(self.begun))
        before = self.standings[name]
        self.standings[name] = after_success(before, began)
        assert view(self.standings[name], self.now).state != "doubtful"

    @rule(name=ACCOUNTS, wait=st.floats(0.001, 1e6))
    def answers_a_request_begun_after_all_that_was_learnt(self, name: str, wait: float) -> None:
        standing = self.standings[name]
        known = max(standing.resting_since, standing.rejected_since, standing.doubtful_since)
        self.now = max(self.now, known) + wait
        self.standings[name] = after_success(standing, self.now)
        assert self.standings[name] == Standing(name)

    @rule(seconds=st.floats(0, 1e6))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.floats(-4e8, 4e8))
    def the_clock_is_set(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=ACCOUNTS, priority=st.integers(-3, 3))
    def the_file_changes(self, name: str, priority: int) -> None:
        self.priorities[name] = priority

    @invariant()
    def nobody_is_out_for_longer_than_the_longest_credible_time(self) -> None:
        for standing in self.standings.values():
            seen = view(standing, self.now)
            if seen.until is not None:
                assert self.now < seen.until <= self.now + LONGEST
            # asked again after that time at the latest, if nothing new is learnt
            if max(standing.resting_since, standing.rejected_since) <= self.now:
                assert view(standing, self.now + LONGEST).may_serve

    @invariant()
    def a_plan_asks_all_who_may_be_asked_and_nobody_else_in_the_right_order(self) -> None:
        candidates = [Candidate(name, self.priorities[name], self.standings[name]) for name in NAMES]
        views = {name: view(self.standings[name], self.now) for name in NAMES}
        made = plan(candidates, self.now)
        chosen = [choice.account for choice in made.choices]
        assert sorted(chosen + [passed.account for passed in made.passed]) == sorted(NAMES)
        assert all(views[name].state in ("ready", "doubtful") for name in chosen)
        assert all(views[passed.account].state in ("resting", "rejected") for passed in made.passed)
        ready = [name for name in chosen if views[name].state == "ready"]
        assert chosen[: len(ready)] == ready == sorted(ready, key=lambda name: self.priorities[name])
        doubts = [(self.standings[name].failures, self.priorities[name]) for name in chosen[len(ready) :]]
        assert doubts == sorted(doubts)

    @invariant()
    def a_refusal_names_the_earliest_recovery_and_nobody(self) -> None:
        views = [view(standing, self.now) for standing in self.standings.values()]
        said = refuse(views, self.now)
        assert (said.status == 429) is all(seen.state == "resting" for seen in views)
        assert not any(name in said.message for name in NAMES)
        if said.wait is None:
            assert all(seen.state == "rejected" for seen in views)
        else:
            earliest = min((seen.until or self.now) for seen in views if seen.state != "rejected")
            assert said.wait >= 1
            assert earliest <= self.now + said.wait < max(earliest, self.now) + 1.001

    def _learn(self, name: str, seen: Observation) -> None:
        before = self.standings[name]
        self.standings[name] = after(before, seen, self.now, ROUTING)
        if seen.scope == "request":
            assert self.standings[name] is before
        elif seen.kind != "limit":
            kept = replace(
                self.standings[name],
                **{field: getattr(before, field) for field in ("resting_until", "resting_since", "limits")},
            )
            assert kept == self.standings[name], "only a limit may touch the rest"


TestPool = Pool.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
