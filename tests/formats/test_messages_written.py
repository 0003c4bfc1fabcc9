"""Answers as Anthropic's clients read them: the grammar of a stream, and the message of a document."""

import json
from typing import Any

import pytest
from anthropic.types import Message
from chat_chunks import SEED, accumulated, payloads
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.anthropic import PING
from ccflared.formats.events import (
    Began,
    BlockBegan,
    BlockEnded,
    Delta,
    Event,
    Failed,
    Finished,
    OutOfOrder,
    Signed,
    StopReason,
    Usage,
    state_after,
)
from ccflared.formats.messages.write_answer import Writer
from ccflared.formats.request import Request


def writer() -> Writer:
    return Writer(Request("claude-x", ()), SEED, 0.0)


EVERYTHING: list[Event] = [
    Began("chatcmpl-1", "m", Usage(input=10, cache_read=4)),
    BlockBegan("thinking"),
    Delta("hm"),
    Signed("sig"),
    BlockEnded(),
    BlockBegan("redacted", data="sealed"),
    BlockEnded(),
    BlockBegan("text"),
    Delta("I "),
    Delta('look: "é\n\u2028👋"'),
    BlockEnded(),
    BlockBegan("call", "c1", "f"),
    Delta('{"a":"\\u00'),
    Delta('e9"}'),
    BlockEnded(),
    BlockBegan("call", "c2", "g"),
    BlockEnded(),
    Finished("tools", usage=Usage(input=12, output=5)),
]


def test_a_stream_has_anthropics_grammar() -> None:
    assert payloads(writer().stream(EVERYTHING)) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_0123456789abcdef01234567",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 10,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 4,
                    "output_tokens": 0,
                },
            },
        },
        started(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, {"type": "thinking_delta", "thinking": "hm"}),
        delta(0, {"type": "signature_delta", "signature": "sig"}),
        stopped(0),
        started(1, {"type": "redacted_thinking", "data": "sealed"}),
        stopped(1),
        started(2, {"type": "text", "text": ""}),
        delta(2, {"type": "text_delta", "text": "I "}),
        delta(2, {"type": "text_delta", "text": 'look: "é\n\u2028👋"'}),
        stopped(2),
        started(3, {"type": "tool_use", "id": "c1", "name": "f", "input": {}}),
        delta(3, {"type": "input_json_delta", "partial_json": '{"a":"\\u00'}),
        delta(3, {"type": "input_json_delta", "partial_json": 'e9"}'}),
        stopped(3),
        started(4, {"type": "tool_use", "id": "c2", "name": "g", "input": {}}),
        stopped(4),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {
                "input_tokens": 12,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 4,
                "output_tokens": 5,
            },
        },
        {"type": "message_stop"},
    ]


def started(index: int, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, what: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": what}


def stopped(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def test_the_sdk_reads_from_the_stream_what_the_document_says() -> None:
    document = json.loads(writer().document(EVERYTHING))
    assert document["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "sealed"},
        {"type": "text", "text": 'I look: "é\n\u2028👋"'},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": "é"}},
        {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
    ]
    assert document["id"] == "msg_0123456789abcdef01234567"
    assert document["stop_reason"] == "tool_use"
    assert document["usage"]["input_tokens"] == 12
    assert (
        accumulated(writer().stream(EVERYTHING)).model_dump() == Message.model_validate(document).model_dump()
    )


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_stream_is_the_same_in_whatever_portions_its_events_come(size: int) -> None:
    one = writer()
    portions = [EVERYTHING[at : at + size] for at in range(0, len(EVERYTHING), size)]
    assert b"".join(one.stream(portion) for portion in portions) == writer().stream(EVERYTHING)


REASONS: list[tuple[StopReason, str]] = [
    ("end", "end_turn"),
    ("stop sequence", "stop_sequence"),
    ("length", "max_tokens"),
    ("tools", "tool_use"),
    ("refusal", "refusal"),
    ("pause", "pause_turn"),
]


@pytest.mark.parametrize(("reason", "told"), REASONS)
def test_each_reason_has_anthropics_name(reason: StopReason, told: str) -> None:
    sequence = "###" if reason == "stop sequence" else None
    events: list[Event] = [Began(), Finished(reason, sequence)]
    message = Message.model_validate_json(writer().document(events))
    assert (message.stop_reason, message.stop_sequence) == (told, sequence)
    assert accumulated(writer().stream(events)).stop_reason == told


def test_the_model_is_the_one_that_answered_else_the_one_asked_for() -> None:
    assert json.loads(writer().document([Began(model="m"), Finished()]))["model"] == "m"
    assert json.loads(writer().document([Began(), Finished()]))["model"] == "claude-x"


def test_thoughts_are_told_as_a_part_of_the_output() -> None:
    events: list[Event] = [Began(), Finished(usage=Usage(1, 9, 2, 3, 4))]
    told = {
        "input_tokens": 1,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 2,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert json.loads(writer().document(events))["usage"] == told
    assert payloads(writer().stream(events))[1]["usage"] == told


def test_an_empty_text_block_is_none_and_takes_no_index() -> None:
    events: list[Event] = [
        Began(),
        BlockBegan("text"),
        Delta(""),
        BlockEnded(),
        BlockBegan("call", "c1", "f"),
        BlockEnded(),
        Finished("tools"),
    ]
    assert [payload["type"] for payload in payloads(writer().stream(events))] == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = accumulated(writer().stream(events))
    assert [block.type for block in message.content] == ["tool_use"]
    assert [block["type"] for block in json.loads(writer().document(events))["content"]] == ["tool_use"]


def test_half_arguments_are_an_object_in_a_document() -> None:
    events: list[Event] = [
        Began(),
        BlockBegan("call", "c1", "f"),
        Delta('{"a":"b'),
        BlockEnded(),
        Finished("length"),
    ]
    assert json.loads(writer().document(events))["content"][0]["input"] == {}


@pytest.mark.parametrize(
    "before",
    [[], [Began()], [Began(), BlockBegan("text"), Delta("a")], [Began(), BlockBegan("call", "c1", "f")]],
)
def test_an_answer_that_broke_says_so_and_nothing_more(before: list[Event]) -> None:
    one = writer()
    one.stream(before)
    assert one.stream([Failed("overloaded_error", "busy", 529)]) == (
        b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}\n\n'
    )
    for event in (Delta("b"), BlockEnded(), Finished(), Failed("api_error", "again")):
        with pytest.raises(OutOfOrder):
            one.stream([event])


def test_a_document_needs_an_end() -> None:
    unfinished: list[list[Event]] = [[], [Began()], [Began(), Failed("api_error", "gone")]]
    for events in unfinished:
        with pytest.raises(OutOfOrder):
            writer().document(events)


def test_a_ping_is_anthropics() -> None:
    assert writer().ping == PING


ANY_EVENT = st.sampled_from([
    *(Began(), BlockBegan("text"), BlockBegan("thinking"), BlockBegan("call", "c", "f"), BlockBegan("redacted")),
    *(Delta("a\ud800"), Delta(""), Signed("s"), BlockEnded(), Finished(), Failed("api_error", "x")),
])  # fmt: skip


@given(st.lists(ANY_EVENT, max_size=12))
def test_what_breaks_the_order_is_refused_and_nothing_else(events: list[Event]) -> None:
    try:
        lawful = state_after(events)
    except OutOfOrder:
        with pytest.raises(OutOfOrder):
            writer().stream(events)
        return
    stream = writer().stream(events)
    if lawful == "over" and not isinstance(events[-1], Failed):
        assert (
            accumulated(stream).model_dump()
            == Message.model_validate_json(writer().document(events)).model_dump()
        )
    else:
        payloads(stream)


def test_input_of_any_depth_makes_a_document() -> None:
    for depth in range(800, 1010):
        deep = '{"a":' * depth + "1" + "}" * depth
        events: list[Event] = [
            Began(),
            BlockBegan("call", "c", "f"),
            Delta(deep),
            BlockEnded(),
            Finished("tools"),
        ]
        assert writer().document(events).startswith(b'{"id":"msg_')
