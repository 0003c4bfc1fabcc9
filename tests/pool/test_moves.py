"""The table of moves is what the code does, and leaves nothing out."""

from dataclasses import replace

import pytest

from ccflared.config.model import Routing
from ccflared.pool.candidates import Candidate, view
from ccflared.pool.moves import MOVES, Event, Move
from ccflared.pool.states import Standing, State, after, after_success
from ccflared.wire import Observation

NOW = 1_790_000_000.0
MODEL = "claude-opus-4-8"
SEEN: dict[Event, Observation] = {
    "limit": Observation("account", "limit", "a limit", NOW + 600),
    "limit of a model": Observation("model", "limit", "a limit", NOW + 600),
    "credential refused": Observation("account", "credential", "401"),
    "failure": Observation("account", "server error", "500"),
}
LEADS_TO: dict[State, Event] = {
    "doubtful": "failure",
    "resting": "limit",
    "cooling": "limit of a model",
    "rejected": "credential refused",
}


def seen(standing: Standing, event: Event, now: float) -> Standing:
    until = None if SEEN[event].until is None else now + 600
    return after(standing, replace(SEEN[event], until=until), MODEL, now, Routing())


def state(standing: Standing, now: float) -> State:
    return view(Candidate("a", standing), now, MODEL).state


def in_state(wanted: State) -> tuple[Standing, float]:
    """Return a standing that is in the state, for one reason only, and when."""
    if wanted == "ready":
        return Standing(), NOW
    if wanted == "half-open":
        return seen(Standing(), "limit", NOW), NOW + 600
    return seen(Standing(), LEADS_TO[wanted], NOW), NOW + 1


@pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{move.come_from}-{move.by}")
def test_the_code_makes_each_move_of_the_table(move: Move) -> None:
    standing, now = in_state(move.come_from)
    assert state(standing, now) == move.come_from
    match move.by:
        case "time":
            now += 700
        case "success":
            standing = after_success(standing, MODEL, now)
        case event:
            standing = seen(standing, event, now)
    assert state(standing, now + 0.001) == move.to


def test_the_table_has_each_state_that_is_learnt_and_each_event_once() -> None:
    pairs = [(move.come_from, move.by) for move in MOVES]
    assert len(set(pairs)) == len(pairs)
    learnt = {"ready", "half-open", *LEADS_TO}
    assert {move.come_from for move in MOVES} == learnt == {move.to for move in MOVES}
