"""Puts turns into the order that every upstream takes: the roles by turns, each call's result directly behind it.

Clients are laxer than upstreams. Codex lists calls and results one by one and lets the assistant speak between them; a
conversation that was cut short, or interrupted, has calls without results and results without calls. Either is
refused by Anthropic as well as by OpenAI.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ccflared.formats.distinct import Distinct
from ccflared.formats.request import Call, Part, Result, Role, Text, Turn

_Place = tuple[int, int]
"""Which turn, and which part of it."""

_STUB: Final = Result(
    "", (Text("No result: the call was not carried out, or its result was lost."),), error=True
)


def tidied(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Return the turns in order; nothing that says something is lost.

    Blank texts are gone and neighbours of one role are one turn. Each call has an id of its own and its result in
    the next turn, before everything else there; one that was never answered has a result that says so. Results of
    unknown calls become text. What the assistant says beside calls stands before them.
    """
    merged = _merged((turn.role, [part for part in turn.parts if not blank(part)]) for turn in turns)
    answers, claimed = _paired(merged)
    ids = Distinct(plain=False)
    ordered: list[tuple[Role, list[Part]]] = []
    for number, (role, parts) in enumerate(merged):
        kept: list[Part] = []
        results: list[Part] = []
        for index, part in enumerate(parts):
            match part:
                case Call():
                    call_id = ids.like(part.id)
                    kept.append(replace(part, id=call_id))
                    results.append(replace(answers.get((number, index), _STUB), call_id=call_id))
                case Result():
                    kept += [] if (number, index) in claimed else _told(part)
                case _:
                    kept.append(part)
        ordered += [(role, _calls_last(kept)), ("user", results)]
    return tuple(Turn(role, tuple(parts)) for role, parts in _merged(ordered))


def _merged(turns: Iterable[tuple[Role, list[Part]]]) -> list[tuple[Role, list[Part]]]:
    """Join neighbours of one role; turns that say nothing are nobody's neighbours."""
    merged: list[tuple[Role, list[Part]]] = []
    for role, parts in turns:
        if merged and merged[-1][0] == role:
            merged[-1][1].extend(parts)
        elif parts:
            merged.append((role, parts))
    return merged


def blank(part: Part) -> bool:
    """Return whether a part is a text that says nothing."""
    return isinstance(part, Text) and not part.text.strip()


def _paired(turns: Sequence[tuple[Role, list[Part]]]) -> tuple[dict[_Place, Result], set[_Place]]:
    """Return each call's result, by the call's place, and the places of all results that belong to a call.

    Some servers give the same id to the calls of different turns: a result belongs to the last turn that has it.
    """
    waiting: dict[str, deque[_Place]] = {}
    answers: dict[_Place, Result] = {}
    claimed: set[_Place] = set()
    for number, (_, parts) in enumerate(turns):
        fresh: set[str] = set()
        for index, part in enumerate(parts):
            match part:
                case Call():
                    if part.id not in fresh:
                        waiting[part.id] = deque()
                        fresh.add(part.id)
                    waiting[part.id].append((number, index))
                case Result() if calls := waiting.get(part.call_id):
                    answers[calls.popleft()] = part
                    claimed.add((number, index))
                case _:
                    pass
    return answers, claimed


def _told(result: Result) -> list[Part]:
    """Say in words what came of a call that is not part of the conversation."""
    heading = Text(f"[Result of an earlier tool call, {result.call_id or 'without id'}]")
    return [heading, *(part for part in result.parts if not blank(part))]


def _calls_last(parts: list[Part]) -> list[Part]:
    """Put the texts that stand behind a call before all calls. Thoughts keep their place: they are signed in order."""
    first = next((index for index, part in enumerate(parts) if isinstance(part, Call)), len(parts))
    behind = parts[first:]
    texts = [part for part in behind if isinstance(part, Text)]
    return (
        [*parts[:first], *texts, *(part for part in behind if not isinstance(part, Text))] if texts else parts
    )
