"""Whatever happens in whatever order, by whatever clock: nobody is left out for long, and no plan breaks the rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ccflared.config.model import Cooldown, Routing, Strategy
from ccflared.pool import candidates as look
from ccflared.pool.candidates import Block, Candidate, Overage
from ccflared.pool.capacity import merged
from ccflared.pool.refusal import refuse
from ccflared.pool.remembered import (
    binding_of,
    binding_text,
    learnt_of,
    learnt_text,
    standing_of,
    standing_text,
)
from ccflared.pool.route import Choice, Plan, Question, plan
from ccflared.pool.sessions import Binding, served
from ccflared.pool.states import (
    NOTHING,
    RETEST,
    Learnt,
    Mark,
    Standing,
    accepted,
    after,
    after_success,
    learn,
    settle,
    unspent,
)
from ccflared.wire import Observation, Quota, Scope, Window

ROUTING = Routing(cooldown=Cooldown(30, 3.0, 400), trust_reset_up_to=2 * 86400.0)
LONGEST = max(ROUTING.trust_reset_up_to, ROUTING.cooldown.longest, RETEST)
SESSION, COLD, LOOK_AGAIN = 5 * 3600.0, 300.0, 300.0
NAMES = ["alpha", "beta", "gamma", "delta"]
PLACE = {"alpha": "here", "beta": "here", "gamma": "there", "delta": "beyond"}
MODELS = ["claude-opus-4-5", "claude-sonnet-4-5", "vendor/big"]
FAMILY = {"claude-opus-4-5": "opus", "claude-sonnet-4-5": "sonnet", "vendor/big": None, None: None}
TALKS = ["first talk", "second talk", None]

ACCOUNTS = st.sampled_from(NAMES)
MODEL = st.sampled_from([*MODELS, None])
KINDS = st.sampled_from(
    [
        *("limit", "limit", "out of credits", "credential", "overloaded", "concurrency"),
        *("server error", "connect", "broken", "payment", "no such model", "?"),
    ]
)
ABSURD = st.sampled_from([float("inf"), -float("inf"), float("nan"), 0.0, -1.0, 1e300, -1e300, 5e-324])
OFFSETS = st.one_of(st.floats(-10, 10), st.floats(-3e5, 3e5))
RESETS = st.one_of(st.none(), OFFSETS, st.sampled_from([1e9, 9e10]))
WINDOWS = st.sampled_from([("5h", None), ("7d", None), ("7d opus", "opus"), ("7d sonnet", "sonnet")])

Pair = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says of an account; steps below 2 are those of a chain."""

    step: int = 2
    priority: int = 0
    tier: float = 1.0
    overage: Overage = "never"
    auto_fallback: bool = False
    max_concurrency: int | None = None
    models: tuple[str, ...] = (MODELS[0],)
    again: str | None = None
    """A model by which it stands in the chain's second step as well."""


SETTINGS = st.builds(
    Settings,
    step=st.integers(0, 2),
    priority=st.integers(-3, 3),
    tier=st.sampled_from([1.0, 5.0, 20.0]),
    overage=st.sampled_from(["never", "last-resort", "allow"]),
    auto_fallback=st.booleans(),
    max_concurrency=st.sampled_from([None, None, 1, 2]),
    models=st.lists(st.sampled_from(MODELS), min_size=1, max_size=3, unique=True).map(tuple),
    again=st.sampled_from([None, *MODELS]),
)


@dataclass
class Known:
    """All that the daemon has learnt."""

    standings: dict[str, Standing] = field(default_factory=lambda: {name: Standing(name) for name in NAMES})
    places: dict[str, Learnt] = field(default_factory=lambda: dict.fromkeys(PLACE.values(), NOTHING))
    bindings: dict[str, Binding] = field(default_factory=dict)

    def failed(self, name: str, model: str | None, seen: Observation, now: float) -> None:
        if seen.scope == "provider":
            self.places[PLACE[name]] = learn(self.places[PLACE[name]], seen, now, ROUTING)
        self.standings[name] = after(self.standings[name], seen, model, now, ROUTING)

    def succeeded(self, name: str, model: str | None, began: float) -> None:
        self.places[PLACE[name]] = settle(self.places[PLACE[name]], began)
        self.standings[name] = after_success(self.standings[name], model, began)

    def restarted(self) -> "Known":
        """The same after all of it went through text and back."""
        standings = {name: standing_of(standing_text(each)) for name, each in self.standings.items()}
        places = {place: learnt_of(learnt_text(each)) for place, each in self.places.items()}
        bindings = {talk: binding_of(binding_text(each)) for talk, each in self.bindings.items()}
        found = Known()
        found.standings = {name: each for name, each in standings.items() if each is not None}
        found.places = {place: each for place, each in places.items() if each is not None}
        found.bindings = {talk: each for talk, each in bindings.items() if each is not None}
        return found


class Pool(RuleBasedStateMachine):
    """Four accounts at three places, a clock that may jump, and requests that succeed later than they were begun."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_790_000_000.0
        self.known = Known()
        self.file = dict.fromkeys(NAMES, Settings())
        self.strategy: Strategy = "session"
        self.asks_for_a_model = True
        self.paused: set[str] = set()
        self.probed: set[str] = set()
        self.running = dict.fromkeys(NAMES, 0)
        self.begun: list[tuple[str, str | None, float]] = []

    # what upstreams say

    @rule(
        name=ACCOUNTS,
        model=MODEL,
        kind=KINDS,
        offset=st.one_of(st.none(), OFFSETS),
        scope=st.sampled_from(["account", "account", "model", "model", "provider", "request"]),
    )
    def fails(self, name: str, model: str | None, kind: str, offset: float | None, scope: Scope) -> None:
        until = None if offset is None else self.now + offset
        self._learn(name, model, Observation(scope, kind, "why", until))

    @rule(name=ACCOUNTS, model=MODEL, until=ABSURD, scope=st.sampled_from(["account", "model"]))
    def names_an_absurd_reset(self, name: str, model: str | None, until: float, scope: Scope) -> None:
        self._learn(name, model, Observation(scope, "limit", "why", until))

    @rule(
        name=ACCOUNTS,
        told=st.lists(
            st.tuples(WINDOWS, st.none() | st.floats(0, 1.2), RESETS, st.booleans()),
            max_size=3,
            unique_by=lambda each: each[0],
        ),
        overage=st.sampled_from(["in use", "available", "unavailable", None]),
    )
    def tells_of_its_windows(
        self,
        name: str,
        told: list[tuple[tuple[str, str | None], float | None, float | None, bool]],
        overage: str | None,
    ) -> None:
        windows = tuple(
            Window(window, share, None if reset is None else self.now + reset, spent, family)
            for (window, family), share, reset, spent in told
        )
        quota = Quota(self.now, windows, overage)  # type: ignore[arg-type]
        standing = self.known.standings[name]
        quota = merged(standing.quota, quota, ROUTING.trust_reset_up_to)
        self.known.standings[name] = replace(standing, quota=quota)

    @rule(name=ACCOUNTS, model=MODEL)
    def begins(self, name: str, model: str | None) -> None:
        self.begun.append((name, model, self.now))
        self.running[name] += 1

    @precondition(lambda self: self.begun)
    @rule(index=st.integers(0, 50))
    def answers(self, index: int) -> None:
        name, model, began = self.begun.pop(index % len(self.begun))
        self.running[name] -= 1
        self.known.succeeded(name, model, began)
        assert look.doubted(self._bare(name), model, self.now) is None

    @rule(name=ACCOUNTS, model=MODEL, wait=st.floats(0.001, 1e6))
    def answers_a_request_begun_after_all_that_was_learnt(
        self, name: str, model: str | None, wait: float
    ) -> None:
        self.now = max(self.now, self._last_learnt(name)) + wait
        self.known.succeeded(name, model, self.now)
        state = look.view(self._bare(name, overage="allow"), self.now, model).state
        assert state == "ready", "an answer shows that the account serves"

    @rule(name=ACCOUNTS)
    def counts_tokens(self, name: str) -> None:
        before = self.known.standings[name]
        known = accepted(before.account, self.now)
        assert known.rest == before.account.rest
        self.known.standings[name] = replace(before, account=known)

    # what people do

    @rule(seconds=st.floats(0, 1e6))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.floats(-4e8, 4e8))
    def the_clock_is_set(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=ACCOUNTS, changed=SETTINGS)
    def the_file_changes(self, name: str, changed: Settings) -> None:
        self.file[name] = changed

    @rule(strategy=st.sampled_from(["session", "affinity", "drain-soonest", "least-used"]))
    def the_strategy_changes(self, strategy: Strategy) -> None:
        self.strategy = strategy

    @rule()
    def requests_name_a_model_or_none(self) -> None:
        self.asks_for_a_model ^= True

    @rule(name=ACCOUNTS)
    def pause_or_resume(self, name: str) -> None:
        self.paused ^= {name}

    @rule(name=ACCOUNTS)
    def a_probe_begins_or_ends(self, name: str) -> None:
        self.probed ^= {name}

    @rule(name=ACCOUNTS)
    def reset(self, name: str) -> None:
        standing = self.known.standings[name]
        quota = None if standing.quota is None else unspent(standing.quota)
        self.known.standings[name] = replace(standing, account=NOTHING, models={}, quota=quota)

    @rule()
    def the_daemon_restarts(self) -> None:
        before = [self._plan(talk) for talk in TALKS]
        self.known = self.known.restarted()
        assert [self._plan(talk) for talk in TALKS] == before

    @rule(talk=st.sampled_from(TALKS), data=st.data())
    def a_client_asks_while_some_accounts_fail(self, talk: str | None, data: st.DataObject) -> None:
        """The loop of a request: plan, try the first, learn, plan anew without it. One that would serve is found."""
        serves = data.draw(st.sets(st.sampled_from([pair for _, pair in self._pairs()])), label="serve")
        able = {pair for pair in serves if not self._kept_out(*pair)}
        good = {name for name, _ in able}
        tried: set[Pair] = set()
        for _ in self._pairs():
            made = self._plan(talk, tried)
            if not made.choices:
                break
            choice = made.choices[0]
            if (choice.account, choice.model) in serves:
                self._serve(talk, made, choice)
                return
            seen = data.draw(self._failures(choice, {"model"} if choice.account in good else None))
            self.known.failed(choice.account, choice.model, seen, self.now)
            tried |= _done(choice, made, seen)
        assert not able, "somebody would have served"
        assert not self._plan(talk, tried).choices, "all who might have served were asked"

    # what must hold

    @invariant()
    def a_plan_asks_all_who_may_be_asked_and_nobody_else(self) -> None:
        for talk in TALKS:
            made = self._plan(talk)
            chosen = [(choice.account, choice.model) for choice in made.choices]
            assert sorted(chosen, key=str) == sorted(
                (pair for _, pair in self._pairs() if not self._kept_out(*pair)), key=str
            )
            out = set(NAMES) - {name for name, _ in chosen}
            assert {passed.account for passed in made.passed} == out
            assert len(made.passed) == len(made.blocks) == len(out)

    @invariant()
    def no_preference_comes_before_a_state(self) -> None:
        for talk in TALKS:
            ranks = [self._rank(choice) for choice in self._plan(talk).choices]
            assert ranks == sorted(ranks)

    @invariant()
    def a_warm_conversation_stays_at_home_unless_something_better_is_ready(self) -> None:
        places = {pair: (each.step, each.priority) for each, pair in self._pairs()}
        for talk, binding in self.known.bindings.items():
            choices = self._plan(talk).choices
            ready: dict[str, tuple[int, int]] = {}
            for choice in choices:
                if self._rank(choice) == 0:
                    place = places[choice.account, choice.model]
                    ready[choice.account] = min(ready.get(choice.account, place), place)
            warm = binding.at == binding.home and self.now - binding.used < COLD
            if warm and binding.home in ready and min(ready.values()) == ready[binding.home]:
                assert choices[0].account == binding.home

    @invariant()
    def one_request_probes_an_account_whose_rest_has_ended(self) -> None:
        for choice in self._plan(None).choices:
            assert (
                choice.probes
                is (
                    choice.account not in self.probed
                    and look.half_open(self._bare(choice.account), choice.model, self.now)
                )
                or self._rank(choice) == 3
            )

    @invariant()
    def nobody_is_out_for_longer_than_the_longest_credible_time(self) -> None:
        for name in NAMES:
            for model in (*MODELS, None):
                candidate = self._bare(name)
                seen = look.view(candidate, self.now, model)
                if seen.until is not None:
                    assert self.now < seen.until <= self.now + LONGEST
                elif not seen.may_serve:
                    raise AssertionError("nobody knows until when it is out")
                # whoever asks after that time finds it, if nothing new is learnt
                then = max(self.now, self._last_learnt(name)) + LONGEST
                assert look.view(candidate, then, model).may_serve

    @invariant()
    def a_refusal_names_the_earliest_recovery_and_nobody(self) -> None:
        made = self._plan(None)
        said = refuse(made.blocks, [choice.until for choice in made.choices], self.now)
        assert not any(name in said.message for name in NAMES)
        assert (said.status == 429) is (not made.choices and all(block.limit for block in made.blocks))
        if made.choices or any(block.state == "busy" for block in made.blocks):
            assert said.wait is not None
            assert said.wait <= 600
        elif said.wait is None:
            assert all(name in self.paused or self._rejected(name) for name in NAMES)
        elif all(self._last_learnt(name) <= self.now for name in NAMES):
            assert 1 <= said.wait <= LONGEST + 1
            free = self.now + said.wait
            assert any(
                not self._kept_out(name, model, at=free, though_paused=False)
                for name, model in (pair for _, pair in self._pairs())
            ), "somebody is back by then"

    def _learn(self, name: str, model: str | None, seen: Observation) -> None:
        before = self.known.standings[name]
        self.known.failed(name, model, seen, self.now)
        now_known = self.known.standings[name]
        if seen.scope in ("request", "provider"):
            assert now_known is before
        elif seen.kind not in ("limit", "out of credits"):
            assert now_known.account.rest == before.account.rest, "only a limit may touch the rest"
            assert now_known.of(model).rest == before.of(model).rest

    def _serve(self, talk: str | None, made: Plan, choice: Choice) -> None:
        self.known.succeeded(choice.account, choice.model, self.now)
        if talk is not None:
            before = self.known.bindings.get(talk)
            self.known.bindings[talk] = served(
                before, choice.account, self.now, self.now, borrows=made.borrows
            )
        if choice.begins:
            standing = self.known.standings[choice.account]
            self.known.standings[choice.account] = replace(standing, session_since=self.now)

    def _failures(self, choice: Choice, scopes: set[Scope] | None) -> st.SearchStrategy[Observation]:
        allowed: set[Scope] = scopes or {"account", "model", "provider", "request"}
        if choice.model is None:
            allowed = allowed - {"model"}
        return st.builds(
            Observation,
            st.sampled_from(sorted(allowed)),
            KINDS,
            st.just("why"),
            st.none() | st.floats(-10, 1e5).map(lambda offset: self.now + offset),
        )

    def _bare(self, name: str, overage: Overage | None = None) -> Candidate:
        """An account without what people and the file say against it."""
        overage = overage or self.file[name].overage
        return Candidate(
            name, self.known.standings[name], place=self.known.places[PLACE[name]], overage=overage
        )

    def _candidates(self) -> list[Candidate]:
        found = []
        for name in NAMES:
            said = self.file[name]
            candidate = replace(
                self._bare(name),
                models=said.models if self.asks_for_a_model else (None,),
                step=said.step,
                chained=said.step < 2,
                priority=said.priority if said.step == 2 else 0,
                tier=said.tier,
                auto_fallback=said.auto_fallback,
                rules=(Block("paused", "paused by hand"),) if name in self.paused else (),
                running=self.running[name],
                max_concurrency=said.max_concurrency,
                probed=name in self.probed,
            )
            found.append(candidate)
            if self.asks_for_a_model and said.again is not None and said.again not in said.models:
                found.append(replace(candidate, models=(said.again,), step=1, chained=True, priority=0))
        return sorted(found, key=lambda each: each.step)

    def _pairs(self) -> list[tuple[Candidate, Pair]]:
        return [(each, (each.account, model)) for each in self._candidates() for model in each.models]

    def _plan(self, talk: str | None, tried: set[Pair] | None = None) -> Plan:
        asked = Question(
            self.now,
            self.strategy,
            COLD,
            SESSION if self.strategy == "affinity" else COLD,
            None if talk is None else self.known.bindings.get(talk),
        )
        return plan(asked, self._candidates(), tried or set())

    def _rank(self, choice: Choice) -> int:
        candidate = replace(self._bare(choice.account), probed=choice.account in self.probed)
        if candidate.overage == "last-resort" and look.on_overage(candidate, choice.model, self.now):
            return 3
        if candidate.probed and look.half_open(candidate, choice.model, self.now):
            return 2
        return 1 if look.doubted(candidate, choice.model, self.now) else 0

    def _last_learnt(self, name: str) -> float:
        standing = self.known.standings[name]
        learnt = [standing.account, *standing.models.values(), self.known.places[PLACE[name]]]
        marks = [mark for each in learnt for mark in (each.rest, each.reject, each.doubt)]
        return max([mark.since for mark in marks] + [standing.quota.at if standing.quota else 0.0])

    def _rejected(self, name: str) -> bool:
        mark = self.known.standings[name].account.reject
        return mark.since <= self.now < mark.until

    def _kept_out(
        self, name: str, model: str | None, *, at: float | None = None, though_paused: bool = True
    ) -> bool:
        """Whether an account may not be asked by a model, told from what was learnt by the plainest means."""
        now = self.now if at is None else at
        standing, said = self.known.standings[name], self.file[name]
        marks = [standing.account.rest, standing.account.reject, standing.of(model).rest]
        full = said.max_concurrency is not None and self.running[name] >= said.max_concurrency
        return (
            (though_paused and name in self.paused)
            or full
            or any(_held(mark, now) for mark in marks)
            or any(_spent(standing.quota, said, family, now) for family in (None, FAMILY[model]))
        )


def _held(mark: Mark, now: float) -> bool:
    return mark.since <= now < mark.until


def _spent(quota: Quota | None, said: Settings, family: str | None, now: float) -> bool:
    """Whether the windows for a family alone, or for all models, keep an account from serving."""
    if quota is None or now < quota.at:
        return False
    resets: Mapping[str, float | None] = {
        window.name: window.resets_at
        for window in quota.windows
        if window.family == family and not (window.resets_at is not None and window.resets_at <= now)
    }
    paid = quota.overage in ("in use", "available")
    used_up = [w for w in quota.windows if w.spent or (paid and (w.utilization or 0.0) >= 1.0)]
    mine = [resets[window.name] for window in used_up if window.name in resets]
    if paid and said.overage != "never":
        return False
    if any(reset is not None for reset in mine):
        return True
    unexplained = family is None and quota.overage == "in use" and not used_up
    return paid and now < quota.at + LOOK_AGAIN and bool(mine or unexplained)


def _done(choice: Choice, made: Plan, seen: Observation) -> set[Pair]:
    """What a request need not ask again, as the daemon has it."""
    if seen.scope == "model":
        return {(choice.account, choice.model)}
    return {(each.account, each.model) for each in made.choices if each.account == choice.account}


TestPool = Pool.TestCase
TestPool.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
