"""The moves between the states of an account: what the manual's diagram is drawn from, and what tests hold the code to.

Each move is that of an account of which nothing else is known. Where several things are known at once, the gravest
state is shown, and when it ends the next one comes to light.
"""

from dataclasses import dataclass
from typing import Final, Literal

from ccflared.pool.states import State

Event = Literal["limit", "limit of a model", "credential refused", "failure", "success", "time"]
"""What happens: what an observation does (EFFECTS), an answer that serves, or the end of what holds for a time."""


@dataclass(frozen=True, slots=True)
class Move:
    """From one state to another, by what."""

    come_from: State
    by: Event
    to: State


def _moves(come_from: State, **to: State) -> tuple[Move, ...]:
    words: dict[str, Event] = {
        "limit": "limit",
        "model_limit": "limit of a model",
        "refused": "credential refused",
        "failure": "failure",
        "success": "success",
        "time": "time",
    }
    return tuple(Move(come_from, words[by], state) for by, state in to.items())


MOVES: Final[tuple[Move, ...]] = (
    *_moves("ready", limit="resting", model_limit="cooling", refused="rejected", failure="doubtful"),
    *_moves(
        "doubtful", limit="resting", refused="rejected", failure="doubtful", success="ready", time="ready"
    ),
    *_moves(
        "resting", limit="resting", refused="rejected", failure="resting", success="ready", time="half-open"
    ),
    *_moves("cooling", limit="resting", refused="rejected", success="ready", time="half-open"),
    *_moves("half-open", limit="resting", refused="rejected", failure="doubtful", success="ready"),
    *_moves(
        "rejected",
        limit="rejected",
        refused="rejected",
        failure="rejected",
        success="ready",
        time="half-open",
    ),
)
"""A success here is one of a request begun after what it clears was learnt; of a model, one by that model."""
