"""Whole answers of Chat Completions, read, and given to Anthropic's clients as a message and as a stream."""

import json
from typing import Any

import pytest
from anthropic.types import Message
from chat_chunks import (
    DONE,
    SEED,
    accumulated,
    broken,
    call,
    document_of,
    last,
    short,
    text,
    usage,
    written,
)
from chat_chunks import chunk as chunk_of

from ccflared.formats.events import Began, Event, Failed, Usage
from ccflared.formats.messages.write_answer import Writer
from ccflared.formats.request import Request


def answer(message: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], **more}


def message_of(events: list[Event]) -> Message:
    document = json.loads(Writer(Request("claude-x", ()), SEED, 0.0).document(events))
    streamed = accumulated(written(events))
    message = Message.model_validate(document)
    assert streamed.model_dump() == message.model_dump()
    return message


def test_a_plain_answer_is_a_message() -> None:
    events = document_of(answer({"role": "assistant", "content": "Hello"}, usage=usage(7, 2)))
    assert events[0] == Began("chatcmpl-1", "m", Usage(7, 2))
    message = message_of(events)
    assert message.id.startswith("msg_")
    assert (message.type, message.role, message.model) == ("message", "assistant", "m")
    assert [block.to_dict() for block in message.content] == [{"type": "text", "text": "Hello"}]
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 2)


def test_thoughts_come_first_then_text_then_calls_in_order() -> None:
    message = {
        "tool_calls": [call(0, "c1", "f", '{"a":1}'), call(1, "c2", "g", "{}")],
        "content": "I look.",
        "reasoning_content": "hm",
    }
    blocks = message_of(document_of(answer(message, "tool_calls"))).content
    assert [block.to_dict() for block in blocks] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
    ]


CONTENT: list[tuple[str, Any, list[Any]]] = [
    ("null", {"content": None}, []),
    ("missing", {}, []),
    ("empty", {"content": ""}, []),
    ("blank", {"content": " \n"}, []),
    ("parts (Mistral)", {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, [("text", "ab")]),
    (
        "parts with thoughts (Mistral)",
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]},
        [("thinking", "hm"), ("text", "a")],
    ),
    ("a refusal", {"content": None, "refusal": "I won't"}, [("text", "I won't")]),
    ("reasoning", {"reasoning": "hm", "content": "a"}, [("thinking", "hm"), ("text", "a")]),
    ("no calls", {"content": "a", "tool_calls": None, "function_call": None}, [("text", "a")]),
    ("an empty list of calls", {"content": "a", "tool_calls": []}, [("text", "a")]),
    ("junk", {"content": 7, "refusal": {}, "reasoning": [], "tool_calls": "x"}, []),
    ("junk in lists", {"content": [7, None, {"text": 8}], "tool_calls": [None, 7, [], {"function": 3}]}, []),
]  # fmt: skip


@pytest.mark.parametrize(("message", "told"), [row[1:] for row in CONTENT], ids=[row[0] for row in CONTENT])
def test_content_of_any_shape_is_read(message: Any, told: list[Any]) -> None:
    events = document_of(answer(message))
    assert short(events) == [*told, "end"]
    message_of(events)


ARGUMENTS: list[tuple[str, Any, Any]] = [
    ("an object's text", '{"a":1}', {"a": 1}),
    ("nothing", "", {}),
    ("missing", None, {}),
    ("an object", {"a": 1}, {"a": 1}),
    ("a large number", '{"a":1234567890123456789012}', {"a": 1234567890123456789012}),
    ("an array", "[1]", {}),
    ("null", "null", {}),
    ("a text with an object's text", '"{\\"a\\":1}"', {"a": 1}),
    ("a bracket too few", '{"a":{"b":[1,"x"', {"a": {"b": [1, "x"]}}),
    ("a bracket too many", '{"a":1}}', {"a": 1}),
    ("two objects", '{"a":1}{"b":2}', {"a": 1}),
    ("cut within a text", '{"command":"rm -rf /tm', {}),
    ("cut within a number", '{"count":1', {}),
    ("no JSON", "ls -la", {}),
    ("not a number", '{"a":NaN}', {}),
    ("a list", [1], {}),
    ("half a character", '{"a":"\\ud800"}', {"a": "\ufffd"}),
]


@pytest.mark.parametrize(
    ("arguments", "told"), [row[1:] for row in ARGUMENTS], ids=[row[0] for row in ARGUMENTS]
)
def test_arguments_are_always_an_object(arguments: Any, told: Any) -> None:
    message = {
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    }
    events = document_of(answer(message, "tool_calls"))
    document = json.loads(Writer(Request("m", ()), SEED, 0.0).document(events))
    assert document["content"] == [{"type": "tool_use", "id": "c1", "name": "f", "input": told}]
    assert document["stop_reason"] == "tool_use"


@pytest.mark.parametrize("given", [None, "", 7])
def test_a_missing_id_is_made_and_is_another_for_each_call(given: Any) -> None:
    entries = [{"id": given, "function": {"name": "f", "arguments": "{}"}}] * 2
    blocks = message_of(document_of(answer({"tool_calls": entries}))).content
    ids = [block.id for block in blocks if block.type == "tool_use"]
    assert len(set(ids)) == 2
    assert all(one.startswith("toolu_") and one.replace("_", "").isalnum() for one in ids)


def test_a_given_id_is_kept() -> None:
    message = {"tool_calls": [call(None, "functions.f:0", "f", "{}")]}
    assert short(document_of(answer(message))) == [("functions.f:0", "f", "{}"), "tools"]


REASONS = [
    ("stop", False, "end_turn"),
    ("length", False, "max_tokens"),
    ("tool_calls", True, "tool_use"),
    ("function_call", True, "tool_use"),
    ("content_filter", False, "refusal"),
    ("stop", True, "tool_use"),
    (None, True, "tool_use"),
    ("length", True, "max_tokens"),
    ("unheard of", False, "end_turn"),
    (None, False, "end_turn"),
    (7, False, "end_turn"),
]


@pytest.mark.parametrize(("finish", "called", "told"), REASONS)
def test_the_finish_reason_and_the_calls_tell_the_stop_reason(finish: Any, called: bool, told: str) -> None:
    message = {"tool_calls": [call(0, "c1", "f", "{}")]} if called else {"content": "a"}
    assert message_of(document_of(answer(message, finish))).stop_reason == told


def test_the_predecessor_of_tool_calls_is_one() -> None:
    message = {"content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}}
    events = document_of(answer(message, "function_call"))
    assert short(events) == [("toolu_0123456789abcdef0123456700", "f", '{"a":1}'), "tools"]


def test_input_is_what_did_not_come_from_the_cache() -> None:
    told = usage(
        100, 9, prompt_tokens_details={"cached_tokens": 60}, completion_tokens_details={"reasoning_tokens": 4}
    )
    usage_told = message_of(document_of(answer({"content": "a"}, usage=told))).usage
    assert (usage_told.input_tokens, usage_told.cache_read_input_tokens) == (40, 60)
    assert (usage_told.cache_creation_input_tokens, usage_told.output_tokens) == (0, 9)
    assert usage_told.output_tokens_details is not None
    assert usage_told.output_tokens_details.thinking_tokens == 4


@pytest.mark.parametrize(
    "told", [{}, {"usage": None}, {"usage": {}}, {"usage": 7}, {"usage": {"prompt_tokens": None}}]
)
def test_usage_that_is_missing_is_told_as_numbers(told: dict[str, Any]) -> None:
    events = document_of(answer({"content": "a"}, **told))
    assert last(events).usage == Usage()
    document = json.loads(Writer(Request("m", ()), SEED, 0.0).document(events))
    assert document["usage"] == {
        "input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }


def test_of_several_choices_the_first_is_the_answer() -> None:
    document = answer({"content": "a"})
    document["choices"].append({"index": 1, "message": {"content": "b"}, "finish_reason": "length"})
    assert short(document_of(document)) == [("text", "a"), "end"]


FAILURES: list[tuple[str, Any, Failed]] = [
    ("an error", {"error": {"message": "busy", "code": 503}}, Failed("overloaded_error", "busy", 503)),
    ("an error beside choices", answer({"content": "a"}, error={"message": "gone"}), Failed("api_error", "gone", 502)),
    (
        "an error with a code that is a word",
        {"error": {"message": "no", "code": "model_not_found"}},
        Failed("not_found_error", "no", 404),
    ),
    ("an error that is a text", {"error": "gone"}, Failed("api_error", "gone", 502)),
    ("a refusal in MiniMax's way", {"base_resp": {"status_code": 1002, "status_msg": "slow"}}, Failed("api_error", "slow", 502)),
    ("HTML", b"<html><body>down</body></html>", Failed("api_error", "The upstream answered with something that is no JSON.", 502)),
    ("nothing", b"", Failed("api_error", "The upstream answered with something that is no JSON.", 502)),
    ("JSON that is cut", b'{"choices":[{"message":{"content":"a"', Failed("api_error", "The upstream answered with something that is no JSON.", 502)),
    ("a list", [], Failed("api_error", "The upstream answered with something that is no JSON.", 502)),
    ("no choices", {"id": "x"}, Failed("api_error", "The upstream answered without a message.", 502)),
    ("an empty list of choices", {"choices": []}, Failed("api_error", "The upstream answered without a message.", 502)),
    ("choices that are none", {"choices": [None, 7]}, Failed("api_error", "The upstream answered without a message.", 502)),
    ("a choice without a message", {"choices": [{"finish_reason": "stop"}]}, Failed("api_error", "The upstream answered without a message.", 502)),
    ("finish_reason error", answer({"content": "a"}, "error"), Failed("api_error", "The upstream broke off its answer with an error.", 502)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "told"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_a_success_that_is_none_fails(document: Any, told: Failed) -> None:
    assert document_of(document) == [told]


def test_a_success_that_says_so_in_minimaxs_way_is_one() -> None:
    document = answer({"content": "a"}, base_resp={"status_code": 0, "status_msg": "success"})
    assert short(document_of(document)) == [("text", "a"), "end"]


def test_a_stream_that_comes_for_a_document_is_read_as_one() -> None:
    stream = b": hm\n\n" + text("a") + text("b") + chunk_of(finish="stop") + DONE
    assert short(document_of(stream)) == [("text", "ab"), "end"]
    cut = document_of(text("a"))
    assert broken(cut).kind == "api_error"
    assert len(cut) == 1


def test_a_byte_order_mark_is_no_part_of_the_answer() -> None:
    body = b"\xef\xbb\xbf" + json.dumps(answer({"content": "é"}), ensure_ascii=False).encode()
    assert short(document_of(body)) == [("text", "é"), "end"]


def test_input_that_is_too_deep_for_a_message_breaks_nothing() -> None:
    for depth in range(850, 1000):
        deep = '{"a":' * depth + "1" + "}" * depth
        events = document_of(answer({"tool_calls": [call(0, "c1", "f", deep)]}))
        body = Writer(Request("m", ()), SEED, 0.0).document(events)
        assert json.loads(body)["stop_reason"] == "tool_use"
