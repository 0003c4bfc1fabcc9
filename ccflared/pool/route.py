"""Which accounts are asked for a request, in which order, and why. Pure.

Whoever may serve is sorted by class first: ready; in doubt; waiting for a probe; on paid extra usage as the last
resort. Within a class by the step of the chain and by priority, then by the strategy. The conversation's own
account comes before all others of the first class, as far as sessions.py lets it stay.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum

from ccflared.config.model import Strategy
from ccflared.pool import candidates as look
from ccflared.pool import sessions, strategy
from ccflared.pool.candidates import Block, Candidate
from ccflared.pool.sessions import Binding, Grade, Preference
from ccflared.pool.states import Mark, View
from ccflared.wire import Passed


class Class(IntEnum):
    """What counts before any preference."""

    READY = 0
    DOUBTFUL = 1
    WAITING = 2
    """Its rest has ended, and another request is showing whether it serves again. Or it has reached a limit, which
    counts for others but not for this request."""
    LAST_RESORT = 3
    """Serving would be paid for beyond the plan, and the file allows that as a last resort."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a plan is asked for, besides the candidates. ``binding``: where the conversation belongs, if it does."""

    now: float
    strategy: Strategy = "session"
    cache_cold: float = 300.0
    patience: float = 300.0
    """Seconds for which a conversation waits for its home without moving: cache_cold, with affinity a session."""
    binding: Binding | None = None
    uses: bool = True
    """Whether it counts against limits: what does not is not kept from an account that has reached one."""
    words: bool = True
    """Whether each choice shall say why it stands where it stands. Who only asks the first needs no more than its."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An account to be asked, by which model, and why it stands where it stands."""

    account: str
    why: str
    model: str | None = None
    probes: bool = False
    """It is to show whether a rest is over: nobody else is sent there meanwhile."""
    begins: bool = False
    """A session begins with it, if it serves."""
    until: float | None = None
    """When the doubt about it ends; None: there is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The accounts to ask, best first, and those passed over."""

    choices: tuple[Choice, ...]
    passed: tuple[Passed, ...]
    borrows: bool = False
    """Whoever serves now is borrowed: the conversation's home will be back soon."""
    blocks: tuple[Block, ...] = ()
    """For each account that can serve by no model, what is in the way for longest: what a refusal is made of."""


_Key = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Able:
    """A candidate and model that may be asked."""

    candidate: Candidate
    model: str | None
    rank: Class
    key: _Key
    doubt: Mark | None
    half_open: bool


def plan(
    asked: Question, candidates: Sequence[Candidate], tried: AbstractSet[tuple[str, str | None]] = frozenset()
) -> Plan:
    """Order the candidates. ``tried``: accounts and models that this request has asked already."""
    able: list[_Able] = []
    passed: dict[str, Passed] = {}
    blocks: dict[str, Block] = {}
    for place, candidate in enumerate(candidates):
        against = look.blocks(candidate, asked.now)
        for number, model in enumerate(candidate.models):
            if (candidate.account, model) in tried:
                continue
            hard = against + look.model_blocks(candidate, model, asked.now)
            counts = [block for block in hard if asked.uses or not (block.limit or block.state == "busy")]
            if counts:
                hard = counts
                hard = look.gravest_first(hard)
                passed.setdefault(candidate.account, _passed(candidate.account, hard))
                last = max(hard, key=_ends)
                blocks[candidate.account] = min(blocks.get(candidate.account, last), last, key=_ends)
            else:
                able.append(_able(candidate, model, asked, (place, number), limited=bool(hard)))
    able.sort(key=lambda each: each.key)
    able, kept = _with_preference(able, asked)
    chosen = {each.candidate.account for each in able}
    held = _held(candidates, able, asked)
    return Plan(
        tuple(
            _choice(each, asked, held, _why(each, asked, kept) if asked.words or not number else "")
            for number, each in enumerate(able)
        ),
        tuple(each for name, each in passed.items() if name not in chosen),
        _borrows(candidates, asked, kept, tried),
        tuple(block for name, block in blocks.items() if name not in chosen),
    )


def _able(
    candidate: Candidate, model: str | None, asked: Question, order: tuple[int, int], *, limited: bool
) -> _Able:
    now = asked.now
    doubt = look.doubted(candidate, model, now)
    half_open = look.half_open(candidate, model, now)
    rank, depth = Class.READY, 0
    if candidate.overage == "last-resort" and look.on_overage(candidate, model, now):
        rank = Class.LAST_RESORT
    elif limited or (half_open and candidate.probed):
        rank = Class.WAITING
    elif doubt is not None:
        rank, depth = Class.DOUBTFUL, doubt.count
    equals = strategy.key(candidate, model, asked.strategy, now)
    key = (rank, depth, candidate.step, candidate.priority, *equals, *order)
    return _Able(candidate, model, rank, key, doubt, half_open)


def _why(each: _Able, asked: Question, kept: Preference | None) -> str:
    """Say why an account stands where it stands."""
    candidate = each.candidate
    said = [kept.why] if kept is not None and kept.account == candidate.account and not each.rank else []
    said.append(
        f"step {candidate.step + 1} of the chain" if candidate.chained else f"priority {candidate.priority}"
    )
    if each.rank is Class.LAST_RESORT:
        said.append("as a last resort, on paid extra usage")
    elif each.rank is Class.WAITING and each.half_open:
        said.append("its rest has ended, and another request is trying it")
    elif each.rank is Class.WAITING:
        said.append("at a limit, which this request does not count against")
    elif each.doubt is not None:
        said.append(f"in doubt: {each.doubt.reason}")
    elif each.half_open:
        said.append("its rest has ended, and one request tries it")
    if word := strategy.why(candidate, each.model, asked.strategy, asked.now):
        said.append(word)
    return ", ".join(said)


def _with_preference(able: list[_Able], asked: Question) -> tuple[list[_Able], Preference | None]:
    """Put the conversation's own account first, where it may stay with it. Its models keep their order."""
    binding = asked.binding
    if binding is None:
        return able, None
    ready = {
        each.candidate.account: Grade(
            (each.candidate.step, each.candidate.priority), each.candidate.auto_fallback
        )
        for each in reversed(able)
        if each.rank is Class.READY
    }
    kept = sessions.prefers(binding, ready, asked.strategy, asked.cache_cold, asked.now)
    if kept is None:
        return able, None
    # Of an account that stands in a chain twice, the later step waits behind those before it.
    place = ready[kept.account].place
    first = [
        each
        for each in able
        if each.candidate.account == kept.account
        and each.rank is Class.READY
        and (each.candidate.step, each.candidate.priority) == place
    ]
    return first + [each for each in able if each not in first], kept


def _borrows(
    candidates: Sequence[Candidate],
    asked: Question,
    kept: Preference | None,
    tried: AbstractSet[tuple[str, str | None]],
) -> bool:
    """Whether the conversation's home is away only for the moment, so that it stays its home."""
    binding = asked.binding
    if binding is None or (kept is not None and kept.account == binding.home):
        return False  # new, or at home
    home = next((each for each in candidates if each.account == binding.home), None)
    view = None if home is None else look.view(home, asked.now, home.models[0])
    if home is not None and any((home.account, model) in tried for model in home.models):
        pass  # it has just failed this request; its state says for how long it is away
    elif home is not None and view is not None and _takes_more(home, view):
        # It could serve: a better account took over, which then becomes the home, or the cache is warm elsewhere.
        return kept is not None and kept.account != binding.home
    return sessions.borrows(view, asked.patience, asked.now)


def _takes_more(home: Candidate, view: View) -> bool:
    """Whether nothing keeps a further request from it, not even one that is showing whether its rest is over."""
    return view.state == "ready" or (view.state == "half-open" and not home.probed)


def _held(candidates: Sequence[Candidate], able: Sequence[_Able], asked: Question) -> set[tuple[int, int]]:
    """Return the places among equals where a session is held by whoever serves, or will in a moment."""
    serving = {each.candidate.account for each in able}
    return {
        (each.step, each.priority)
        for each in candidates
        if strategy.holds_session(each, asked.now)
        and (
            each.account in serving
            # What keeps it from one model only does not end its session.
            or sessions.borrows(look.view(each, asked.now), asked.patience, asked.now)
        )
    }


def _choice(each: _Able, asked: Question, held: AbstractSet[tuple[int, int]], why: str) -> Choice:
    candidate = each.candidate
    return Choice(
        candidate.account,
        why,
        each.model,
        probes=each.half_open and each.rank is not Class.WAITING,
        begins=not candidate.chained
        and (candidate.step, candidate.priority) not in held
        and not strategy.holds_session(candidate, asked.now),
        until=each.doubt.until if each.doubt else None,
    )


def _passed(account: str, against: Sequence[Block]) -> Passed:
    """Tell all that is said against an account, the gravest first."""
    first = against[0]
    reasons = "; ".join(dict.fromkeys(block.reason.rstrip(".") for block in against))
    ends = max(against, key=_ends).until
    return Passed(account, first.state, reasons, ends)


def _ends(block: Block) -> float:
    """Return when a block ends, for comparison. A full house gives way at any moment, the rest only when told."""
    if block.state == "busy":
        return 0.0
    return float("inf") if block.until is None else block.until
