"""What is asked in a simulated week, and when the providers are overloaded: drawn from a seed, the same for everyone."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final

DAY: Final = 86_400.0
HOUR: Final = 3600.0
START: Final = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
"""The Monday, midnight, with which the week begins: virtual time 0 on the wall clock."""

_FULL: Final = 180_000
"""Tokens of a prompt with which a conversation ends: there is no room for another turn."""
_BY_HOUR: Final = (2, 1, 1, 1, 1, 1, 2, 4, 9, 12, 12, 11, 8, 10, 12, 12, 11, 9, 6, 6, 7, 7, 5, 3)
"""How many conversations begin in each hour of a working day, as shares of each other."""
_WEEKEND: Final = 0.45
_BESIDE: Final = 0.08
"""Share of the turns that send a second request along: a subagent's, in the same conversation."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Tokens are counted as the provider does; ``first`` and ``stream`` are seconds."""

    conversation: str
    number: int
    prompt: int
    output: int
    first: float
    """From sending it to the head of a good answer."""
    stream: float
    """From the head to the end."""
    beside: bool = False
    """A subagent's: its prompt is another one, with a cache of its own."""

    @property
    def prefix(self) -> str:
        """Whose prompt it continues: what the provider's prompt cache is kept for."""
        return f"{self.conversation}+{self.number}" if self.beside else self.conversation


@dataclass(frozen=True, slots=True)
class Turn:
    """A request and ``think``, the seconds from the end of its answer to the next turn."""

    ask: Ask
    think: float
    beside: Ask | None = None
    """Sent a moment after ``ask``, while that is answered."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns one after the other, the first at ``begins`` of the virtual clock."""

    name: str
    begins: float
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Overload:
    """From ``begins`` to ``ends`` of the virtual clock each try at a plan is answered 529 with that probability."""

    begins: float
    ends: float
    probability: float


@dataclass(frozen=True, slots=True)
class Load:
    """A whole simulated time."""

    seed: int
    days: float
    conversations: tuple[Conversation, ...]
    overloads: tuple[Overload, ...]


def draw(seed: int, days: float, conversations: int) -> Load:
    """Return the load of so many days and conversations, always the same for the same seed."""
    dice = Random(f"load {seed}")
    begins = sorted(_moment(dice, days) for _ in range(conversations))
    return Load(
        seed,
        days,
        tuple(_conversation(dice, f"c{number}", at) for number, at in enumerate(begins)),
        _overloads(dice, days),
    )


def _moment(dice: Random, days: float) -> float:
    """Draw when a conversation begins: by day, and on working days, rather than by night or at the weekend."""
    while True:
        at = dice.uniform(0.0, days * DAY)
        share = _BY_HOUR[int(at % DAY // HOUR)] * (_WEEKEND if at // DAY % 7 >= 5 else 1.0)
        if dice.uniform(0.0, max(_BY_HOUR)) < share:
            return at


def _conversation(dice: Random, name: str, begins: float) -> Conversation:
    turns: list[Turn] = []
    prompt = dice.randint(14_000, 32_000)
    wanted = min(80, 1 + int(dice.expovariate(1 / 11.5)))
    while len(turns) < wanted and prompt < _FULL:
        number = len(turns)
        ask = _ask(dice, name, number, prompt)
        beside = _ask(dice, name, number, 12_000, beside=True) if dice.random() < _BESIDE else None
        turns.append(Turn(ask, _think(dice), beside))
        prompt += ask.output + int(dice.lognormvariate(math.log(2500), 0.9))
    return Conversation(name, begins, tuple(turns))


def _ask(dice: Random, conversation: str, number: int, prompt: int, *, beside: bool = False) -> Ask:
    output = min(8_000, int(dice.lognormvariate(math.log(500), 0.9)))
    return Ask(conversation, number, prompt, output, dice.uniform(0.6, 3.0), 1.0 + output / 70, beside)


def _think(dice: Random) -> float:
    """Draw a pause: mostly a tool's seconds or a reader's minutes, sometimes an hour."""
    kind = dice.random()
    if kind < 0.68:
        return dice.expovariate(1 / 15)
    if kind < 0.92:
        return dice.lognormvariate(math.log(120), 0.6)
    if kind < 0.98:
        return dice.uniform(5 * 60, 30 * 60)
    return dice.uniform(0.7, 1.6) * HOUR


def _overloads(dice: Random, days: float) -> tuple[Overload, ...]:
    """Draw about two episodes a day, of some minutes, while most are at work."""
    found: list[Overload] = []
    for _ in range(round(2 * days)):
        begins = _moment(dice, days)
        found.append(Overload(begins, begins + dice.uniform(120, 1500), dice.uniform(0.3, 0.9)))
    return tuple(sorted(found, key=lambda each: each.begins))
