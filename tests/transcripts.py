"""Answers for tests: the raw events of an Anthropic stream, and strategies for legal sequences of neutral events."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from ccflared.formats import sse
from ccflared.formats.events import (
    Began,
    BlockBegan,
    BlockEnded,
    Delta,
    Event,
    Finished,
    Signed,
    StopReason,
    Usage,
)

CUSTOM = "apply_patch"
NAMESPACED = "mcp__files__read"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
COUNTS = st.none() | st.integers(0, 10**6)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
REASONS = st.sampled_from(StopReason.__args__)  # type: ignore[attr-defined]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def said(kind: str, **members: Any) -> bytes:
    """Return one raw event as Anthropic writes it."""
    return sse.encode(kind, json.dumps({"type": kind, **members}, ensure_ascii=False).encode())


def started(**usage: int) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude-x"}
    return said(
        "message_start", message=message | {"stop_reason": None, "stop_sequence": None, "usage": usage}
    )


def begun(index: int, kind: str, **members: Any) -> bytes:
    return said("content_block_start", index=index, content_block={"type": kind, **members})


def more(index: int, kind: str, **members: Any) -> bytes:
    return said("content_block_delta", index=index, delta={"type": kind, **members})


def ended(index: int) -> bytes:
    return said("content_block_stop", index=index)


def stopped(reason: str | None = "end_turn", sequence: str | None = None, **usage: int) -> bytes:
    return said("message_delta", delta={"stop_reason": reason, "stop_sequence": sequence}, usage=usage)


STOP = said("message_stop")


def cut_up(text: str, cuts: Iterable[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[begin:end] for begin, end in pairwise(places)]


@st.composite
def blocks(draw: st.DrawFn, number: int) -> list[Event]:
    kind = draw(st.sampled_from(["text", "thinking", "redacted", "call", "custom"]))
    cuts = draw(st.lists(st.integers(0, 60), max_size=4))
    match kind:
        case "text":
            return [BlockBegan("text"), *map(Delta, draw(st.lists(TEXTS, max_size=4))), BlockEnded()]
        case "thinking":
            thoughts = [Delta(text) for text in draw(st.lists(TEXTS, max_size=3))]
            return [
                BlockBegan("thinking"),
                *thoughts,
                *map(Signed, draw(st.lists(TEXTS, max_size=2))),
                BlockEnded(),
            ]
        case "redacted":
            return [BlockBegan("redacted", data=draw(TEXTS)), BlockEnded()]
        case "call":
            given = draw(st.dictionaries(TEXTS, TEXTS, max_size=2))
            arguments = json.dumps(given) if given else draw(st.sampled_from(["", "{}"]))
            name = draw(st.sampled_from(["Read", NAMESPACED]))
            return [
                BlockBegan("call", f"toolu_{number}", name),
                *map(Delta, cut_up(arguments, cuts)),
                BlockEnded(),
            ]
        case _:
            arguments = json.dumps({"input": draw(TEXTS)}, ensure_ascii=draw(st.booleans()))
            return [
                BlockBegan("call", f"toolu_{number}", CUSTOM),
                *map(Delta, cut_up(arguments, cuts)),
                BlockEnded(),
            ]


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """Whole answers in a legal order."""
    events: list[Event] = [Began("msg_1", draw(st.sampled_from(["", "claude-x"])), draw(USAGES))]
    for number in range(draw(st.integers(0, 4))):
        events += draw(blocks(number))
    return [*events, Finished(draw(REASONS), None, draw(USAGES))]
