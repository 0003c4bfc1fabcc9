"""What an answer of the fake provider says, in no dialect yet. Pure."""

import json
import random
import re
import string
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from ccflared.demo.asked import Asked
from ccflared.demo.script import Answer, Call

THOUGHT = "The question is plain, so the answer can be short."


@dataclass(frozen=True, slots=True)
class Text:
    """Visible text, or a thought, in the pieces that become deltas."""

    pieces: tuple[str, ...]
    kind: Literal["text", "thought"] = "text"

    @property
    def whole(self) -> str:
        """All of it."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Called:
    """A call: what its id ends in, and its arguments as a value and as the fragments that become deltas."""

    mark: str
    name: str
    input: dict[str, object]
    fragments: tuple[str, ...]

    @property
    def arguments(self) -> str:
        """The arguments as JSON text."""
        return "".join(self.fragments)


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens; ``plain``, ``five``, ``hour`` and ``read`` are the input, which they share out among them."""

    plain: int
    five: int
    """Written to the cache for five minutes."""
    hour: int
    read: int
    output: int
    thought: int
    """The part of ``output`` that was thought."""


@dataclass(frozen=True, slots=True)
class Said:
    """One assistant message, complete."""

    mark: str
    """What its id ends in."""
    model: str
    parts: tuple[Text | Called, ...]
    stop_reason: str
    """As the Messages API names it."""
    used: Used
    at: int
    """Seconds of the wall clock."""
    interleaved: bool = False
    tells_usage: bool = True
    """A stream ends with its usage."""

    @property
    def calls(self) -> tuple[Called, ...]:
        """The calls alone."""
        return tuple(part for part in self.parts if isinstance(part, Called))

    def text(self, kind: Literal["text", "thought"]) -> str:
        """Return all text of a kind."""
        return "".join(part.whole for part in self.parts if isinstance(part, Text) and part.kind == kind)


def mark(dice: random.Random) -> str:
    """Return what identifiers end in."""
    return "".join(dice.choices(string.ascii_letters + string.digits, k=22))


def compose(answer: Answer, asked: Asked, *, warm: bool, dice: random.Random, at: float) -> Said:
    """Return the message that ``answer`` gives. ``warm``: the request's prefix is in the prompt cache."""
    parts: list[Text | Called] = []
    if answer.thinking:
        parts.append(Text(pieces(THOUGHT, None), "thought"))
    calls = _calls(answer, asked)
    text = _text(answer, calls, asked)
    if text or not calls:
        parts.append(Text(pieces(text, None if calls else answer.events)))
    parts += [_called(call, answer.cut, dice) for call in calls]
    return Said(
        mark=mark(dice),
        model=asked.model,
        parts=tuple(parts),
        stop_reason=answer.stop_reason or ("tool_use" if calls else "end_turn"),
        used=_used(answer, asked, warm, parts),
        at=int(at),
        interleaved=answer.interleaved,
        tells_usage=asked.tells_usage,
    )


def pieces(text: str, count: int | None) -> tuple[str, ...]:
    """Cut a text into deltas: one for every two words, or exactly ``count``, repeating words to fill them."""
    words = re.findall(r"\s*\S+", text) or [text]
    if count is None:
        return tuple("".join(words[at : at + 2]) for at in range(0, len(words), 2))
    if count > len(words):
        again = tuple(" " + word.lstrip() for word in words)
        return tuple(words[at] if at < len(words) else again[at % len(again)] for at in range(count))
    edges = [len(words) * at // count for at in range(count + 1)] if count else []
    return tuple("".join(words[low:high]) for low, high in pairwise(edges))


def _calls(answer: Answer, asked: Asked) -> tuple[Call, ...]:
    """Return the calls of an answer, unless one is of a tool that the request does not offer."""
    if answer.calls:
        return answer.calls if all(call.tool in asked.offered for call in answer.calls) else ()
    fitting = [tool for tool in asked.tools if answer.tool in {"auto", tool.name}]
    if answer.tool is None or not fitting:
        return ()
    called = Call(fitting[0].name, fitting[0].input)
    return (called if answer.tool_input is None else replace(called, input=dict(answer.tool_input)),)


def _text(answer: Answer, calls: tuple[Call, ...], asked: Asked) -> str:
    if answer.calls and not calls:
        wanted = ", ".join(call.tool for call in answer.calls)
        return f"I was told to call {wanted}, but the tools are {', '.join(asked.offered) or 'none'}."
    if calls and not answer.calls:
        return f"Let me use {calls[0].tool}."
    return answer.text


def _called(call: Call, cut: int, dice: random.Random) -> Called:
    value: dict[str, Any] = dict(call.input)
    text = json.dumps(value)
    # The first fragment is empty and the cuts fall anywhere, as they do in real streams.
    fragments = ("", *(text[at : at + cut] for at in range(0, len(text), cut)))
    return Called(mark(dice), call.tool, value, fragments)


def _used(answer: Answer, asked: Asked, warm: bool, parts: list[Text | Called]) -> Used:
    written = 0 if warm else asked.prefix_tokens
    five = answer.cache_write_5m if answer.cache_write_5m is not None else (0 if asked.one_hour else written)
    hour = answer.cache_write_1h if answer.cache_write_1h is not None else (written if asked.one_hour else 0)
    read = answer.cache_read if answer.cache_read is not None else asked.prefix_tokens - written
    plain = answer.input_tokens if answer.input_tokens is not None else asked.tokens - asked.prefix_tokens
    thought = sum(3 * len(part.pieces) for part in parts if isinstance(part, Text) and part.kind == "thought")
    said = sum(3 * len(part.pieces if isinstance(part, Text) else part.fragments) for part in parts)
    output = said if answer.output_tokens is None else answer.output_tokens
    return Used(plain, five, hour, read, output, min(thought, output))
