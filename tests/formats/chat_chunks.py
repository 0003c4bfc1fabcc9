"""Streams of Chat Completions as servers write them, and what is made of them, told shortly."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from anthropic._models import construct_type_unchecked
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from ccflared.formats import sse
from ccflared.formats.chat.read_answer import Reader
from ccflared.formats.events import (
    Began,
    BlockBegan,
    BlockEnded,
    Delta,
    Event,
    Failed,
    Finished,
    state_after,
)
from ccflared.formats.messages.write_answer import Writer
from ccflared.formats.request import Request

SEED = "req_0123456789abcdef01234567"
DONE = b"data: [DONE]\n\n"
ROLE: dict[str, Any] = {"role": "assistant", "content": ""}

_EVENTS: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


def data(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> bytes:
    """One chunk with one choice."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return data(
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}
    )


def text(words: str) -> bytes:
    return chunk({"content": words})


def call(index: Any = None, call_id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    """An entry of tool_calls; None: not said."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry = {"index": index, "id": call_id, "type": "function", "function": function}
    return {key: value for key, value in entry.items() if value is not None}


def calls(*entries: dict[str, Any], **more: Any) -> bytes:
    return chunk({"tool_calls": list(entries), **more})


def usage(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **details}


def counted(told: Any) -> bytes:
    return data({"id": "chatcmpl-1", "choices": [], "usage": told})


def events_of(*raws: bytes, end: bool = True) -> list[Event]:
    """What a reader makes of a stream; the order is the law's, and the end is one."""
    reader = Reader(SEED)
    events = [event for raw in raws for event in reader.event(raw)]
    if end:
        events += reader.end()
        assert state_after(events) == "over"
        assert not reader.event(text("more"))
        assert not reader.end()
    return events


def document_of(answer: Any) -> list[Event]:
    """What a reader makes of a document."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    events = list(Reader(SEED).document(body))
    assert state_after(events) == "over"
    return events


def short(events: Iterable[Event]) -> list[Any]:
    """Events in a few words: blocks as (kind, text) or (id, name, arguments), and the end."""
    told: list[Any] = []
    began = BlockBegan("text")
    pieces: list[str] = []
    for event in events:
        match event:
            case BlockBegan():
                began, pieces = event, []
            case Delta():
                pieces.append(event.text)
            case BlockEnded():
                whole = "".join(pieces)
                told.append((began.id, began.name, whole) if began.kind == "call" else (began.kind, whole))
            case Finished():
                told.append(event.reason)
            case Failed():
                told.append(event)
            case Began():
                pass
            case _:
                told.append(event)
    return told


def last(events: Sequence[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


def broken(events: Sequence[Event]) -> Failed:
    assert isinstance(events[-1], Failed)
    return events[-1]


def written(events: Iterable[Event], writer: Writer | None = None) -> bytes:
    return (writer or Writer(Request("claude-x", ()), SEED, 0.0)).stream(events)


def payloads(stream: bytes) -> list[dict[str, Any]]:
    """The payloads of a Messages stream; each is called by its type."""
    cutter = sse.Cutter()
    found = []
    for raw in cutter.feed(stream):
        event = sse.parse(raw)
        payload = json.loads(event.data)
        assert payload["type"] == event.name.decode()
        found.append(payload)
    assert not cutter.rest
    return found


def accumulated(stream: bytes) -> Message:
    """What Anthropic's SDK makes of a Messages stream, each event being valid by its models."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for payload in payloads(stream):
        if payload["type"] == "ping":
            continue
        _EVENTS.validate_python(payload)
        event = construct_type_unchecked(value=payload, type_=cast("Any", RawMessageStreamEvent))
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    return Message.model_validate(snapshot.model_dump())
