"""Conversations as people read them: of every dialect, streamed or not, cut or broken, and never refused."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.formats.errors import ClientDialect
from ccflared.formats.request import Thinking
from ccflared.formats.responses.sealed import seal
from ccflared.formats.transcript import room
from ccflared.formats.transcript.answered import Answer
from ccflared.formats.transcript.telling import Asked, conversation

PIXEL = b64encode(b"\x89PNG\r\n").decode()
DIALECTS: tuple[ClientDialect, ...] = ("anthropic", "chat", "responses")


def told(
    dialect: ClientDialect, request: Any = None, answer: Any = None, status: int = 200
) -> dict[str, Any]:
    """Return what is told of a request and its answer, each a value or bytes."""
    asked = request if isinstance(request, bytes) else json.dumps(request or {}).encode()
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode() if answer else b""
    return conversation(dialect, Asked(asked, False), Answer(body, status, False, True))


def stream(*events: Mapping[str, Any] | str) -> bytes:
    """Return a stream of these events."""
    lines = []
    for event in events:
        if isinstance(event, str):
            lines.append(f"data: {event}\n\n")
        else:
            name = f"event: {event['type']}\n" if "type" in event else ""
            lines.append(f"{name}data: {json.dumps(event)}\n\n")
    return "".join(lines).encode()


MESSAGES = {
    "model": "claude-sonnet-4-5",
    "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}],
    "tools": [
        {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
                {
                    "type": "document",
                    "title": "Notes",
                    "source": {"type": "text", "media_type": "text/plain", "data": "n"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "sealed"},
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": [1, "é"]}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "is_error": True,
                    "content": [{"type": "text", "text": "no such place"}],
                }
            ],
        },
        {"role": "user", "content": "And now?"},
        {"role": "user", "content": [{"type": "brand_new", "x": 1}]},
    ],
}


def test_a_messages_request_is_told_part_by_part() -> None:
    found = told("anthropic", MESSAGES)
    assert found["model"] == "claude-sonnet-4-5"
    assert found["system"] == [{"kind": "text", "text": "Be brief."}, {"kind": "text", "text": "Be kind."}]
    assert [(tool["name"], tool["description"]) for tool in found["tools"]] == [
        ("look", "Looks."),
        ("web_search", None),
    ]
    user, assistant, results, now, new = found["messages"]
    assert user == {
        "role": "user",
        "parts": [
            {"kind": "text", "text": "What is this?"},
            {"kind": "image", "mediaType": "image/png", "bytes": 6, "data": PIXEL},
            {"kind": "image", "url": "https://example.org/a.png"},
            {"kind": "document", "title": "Notes", "text": "n"},
        ],
    }
    assert assistant == {
        "role": "assistant",
        "parts": [
            {"kind": "thinking", "text": "Hm.", "sealed": 0},
            {"kind": "thinking", "text": "", "sealed": 6},
            {"kind": "tool_call", "id": "t1", "name": "look", "arguments": {"at": [1, "é"]}},
        ],
    }
    assert results["parts"] == [
        {
            "kind": "tool_result",
            "id": "t1",
            "error": True,
            "parts": [{"kind": "text", "text": "no such place"}],
        }
    ]
    assert now["parts"] == [{"kind": "text", "text": "And now?"}]
    assert new["parts"] == [
        {"kind": "other", "type": "brand_new", "value": {"type": "brand_new", "x": 1}},
    ]
    assert found["answer"] is None
    assert found["notes"] == []


CHAT = {
    "model": "gpt-5",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                {"type": "image_url", "image_url": "https://example.org/b.png"},
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PIXEL}"},
                },
                {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "wav"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": '{"a": '}},
                {"id": "c3", "type": "custom", "custom": {"name": "sh", "input": "ls -l"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "seen"},
        {"role": "assistant", "content": None, "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": "done"},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "description": "Looks."}}],
}


def test_a_chat_request_is_told_part_by_part() -> None:
    found = told("chat", CHAT)
    assert [message["role"] for message in found["messages"]] == [
        *("system", "user", "assistant", "tool", "assistant", "function"),
    ]
    assert found["messages"][1]["parts"] == [
        {"kind": "text", "text": "Look."},
        {"kind": "image", "mediaType": "image/png", "bytes": 6, "data": PIXEL},
        {"kind": "image", "url": "https://example.org/b.png"},
        {"kind": "document", "title": "a.pdf", "mediaType": "application/pdf", "bytes": 6},
        {"kind": "document", "title": "audio", "mediaType": "audio/wav", "bytes": 6},
    ]
    thought, whole, broken, free = found["messages"][2]["parts"]
    assert thought == {"kind": "thinking", "text": "Hm.", "sealed": 0}
    assert whole == {"kind": "tool_call", "id": "c1", "name": "look", "arguments": {"a": 1}}
    assert broken["arguments"] == '{"a": '
    assert broken["broken"]
    assert free == {"kind": "tool_call", "id": "c3", "name": "sh", "arguments": "ls -l"}
    assert found["messages"][3]["parts"] == [
        {"kind": "tool_result", "id": "c1", "error": False, "parts": [{"kind": "text", "text": "seen"}]}
    ]
    assert found["messages"][5]["parts"][0]["id"] == "old"
    assert found["tools"][0]["name"] == "look"


RESPONSES = {
    "model": "gpt-5-codex",
    "instructions": "Be brief.",
    "tools": [
        {"type": "function", "name": "look", "description": "Looks."},
        {"type": "namespace", "name": "mcp", "tools": [{"type": "function", "name": "find"}]},
        {"type": "web_search"},
    ],
    "input": [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Rules."}]},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look."},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"},
            ],
        },
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "gAAAA",
        },
        {"type": "reasoning", "summary": [], "encrypted_content": seal(Thinking("Ours.", "sig"))},
        {
            "type": "function_call",
            "call_id": "c1",
            "namespace": "mcp",
            "name": "find",
            "arguments": '{"a": 1}',
        },
        {"type": "function_call_output", "call_id": "c1", "output": "found"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin"},
        {
            "type": "custom_tool_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "ok"}],
        },
        {"type": "local_shell_call", "call_id": "c3", "action": {"command": ["ls"]}},
    ],
}


def test_a_responses_request_is_told_item_by_item() -> None:
    found = told("responses", RESPONSES)
    assert found["system"] == [{"kind": "text", "text": "Be brief."}]
    assert [tool["name"] for tool in found["tools"]] == ["look", "mcp.find", "web_search"]
    assert [message["role"] for message in found["messages"]] == [
        *("developer", "user", "assistant", "tool", "assistant", "tool", "assistant"),
    ]
    # Each item is one of its own there, but what the assistant does in a row is one message.
    assert found["messages"][2]["parts"] == [
        {"kind": "thinking", "text": "Hm.", "sealed": 5},
        {"kind": "thinking", "text": "Ours.", "sealed": 0},
        {"kind": "tool_call", "id": "c1", "name": "mcp.find", "arguments": {"a": 1}},
    ]
    assert found["messages"][3]["parts"][0]["parts"] == [{"kind": "text", "text": "found"}]
    assert found["messages"][4]["parts"][0]["arguments"] == "*** Begin"
    assert found["messages"][6]["parts"] == [
        {"kind": "tool_call", "id": "c3", "name": "local_shell", "arguments": {"action": {"command": ["ls"]}}}
    ]
    assert told("responses", {"input": "Hi."})["messages"] == [
        {"role": "user", "parts": [{"kind": "text", "text": "Hi."}]}
    ]


PARTS = [
    {"kind": "thinking", "text": "Hm.", "sealed": 0},
    {"kind": "text", "text": "Well, yes."},
    {"kind": "tool_call", "id": "c1", "name": "look", "arguments": {"a": 1}},
]
USAGE = {"input": 10, "output": 5, "cacheRead": 100, "cacheWrite": None, "reasoning": None}
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": "Well, yes."},
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100},
}
MESSAGE_STREAM = (
    {
        "type": "message_start",
        "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": {"input_tokens": 10}},
    },
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Well, "}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "yes."}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "c1", "name": "look", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
    },
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": ": 1}"},
    },
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 5, "cache_read_input_tokens": 100},
    },
    {"type": "message_stop"},
)
COUNTS = {"prompt_tokens": 110, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
COMPLETION = {
    "model": "gpt-5",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "reasoning_content": "Hm.",
                "content": "Well, yes.",
                "tool_calls": [CALL],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": COUNTS,
}


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


CHUNKS = (
    chunk(role="assistant", content=""),
    chunk(reasoning_content="Hm."),
    chunk(content="Well, "),
    chunk(content="yes."),
    chunk(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "look", "arguments": ""}}]),
    chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a": 1}'}}]),
    chunk("tool_calls"),
    {"choices": [], "usage": COUNTS},
    "[DONE]",
)
ITEMS = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Well, yes."}]},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a": 1}'},
]
RESPONSE = {
    "object": "response",
    "model": "gpt-5",
    "status": "completed",
    "output": ITEMS,
    "usage": {
        "input_tokens": 110,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 100},
    },
}
RESPONSE_STREAM = (
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "Hm."},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEMS[0]},
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"type": "message", "role": "assistant", "content": []},
    },
    {"type": "response.output_text.delta", "output_index": 1, "delta": "Well, "},
    {"type": "response.output_text.delta", "output_index": 1, "delta": "yes."},
    {"type": "response.output_item.done", "output_index": 1, "item": ITEMS[1]},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {"type": "function_call", "call_id": "c1", "name": "look", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"a": 1}'},
    {"type": "response.output_item.done", "output_index": 2, "item": ITEMS[2]},
    {"type": "response.completed", "response": RESPONSE},
)
ANSWERS: tuple[tuple[ClientDialect, Any, tuple[Any, ...], str, str], ...] = (
    ("anthropic", MESSAGE, MESSAGE_STREAM, "claude-sonnet-4-5", "tool_use"),
    ("chat", COMPLETION, CHUNKS, "gpt-5", "tool_calls"),
    ("responses", RESPONSE, RESPONSE_STREAM, "gpt-5", "completed"),
)
each_answer = pytest.mark.parametrize(
    ("dialect", "document", "events", "model", "stop"), ANSWERS, ids=[each[0] for each in ANSWERS]
)


@each_answer
def test_an_answer_says_the_same_streamed_or_at_once(
    dialect: ClientDialect, document: Any, events: tuple[Any, ...], model: str, stop: str
) -> None:
    at_once = told(dialect, answer=document)["answer"]
    assert at_once == {
        "parts": PARTS,
        "model": model,
        "stop": stop,
        "streamed": False,
        "whole": True,
        "error": None,
        "usage": USAGE,
    }
    assert told(dialect, answer=stream(*events))["answer"] == {**at_once, "streamed": True}


@pytest.mark.parametrize(("dialect", "events"), [(dialect, events) for dialect, _, events, _, _ in ANSWERS])
def test_a_stream_that_breaks_off_anywhere_is_told_as_far_as_it_came(
    dialect: ClientDialect, events: tuple[Any, ...]
) -> None:
    said = ""
    body = stream(*events)
    # Of a few bytes nobody knows what they were going to be.
    for end in range(len(b"event: "), len(body)):
        answer = told(dialect, answer=body[:end])["answer"]
        text = "".join(part["text"] for part in answer["parts"] if part["kind"] == "text")
        assert text.startswith(said)
        assert "Well, yes.".startswith(text)
        said = text
        if end < len(body) - len(stream(*events[-3:])):
            assert not answer["whole"]
    assert said == "Well, yes."


@pytest.mark.parametrize(("dialect", "document"), [(dialect, document) for dialect, document, *_ in ANSWERS])
def test_an_answer_that_is_cut_is_told_as_far_as_it_is_kept(dialect: ClientDialect, document: Any) -> None:
    body = json.dumps(document).encode()
    cut = body[: body.index(b"Well, y") + 6]
    found = conversation(dialect, Asked(b"{}", False), Answer(cut, 200, True, True))
    assert found["truncated"]
    assert "Not all of the answer is kept." in found["notes"]
    assert not found["answer"]["whole"]
    assert found["answer"]["parts"][-1] == {"kind": "text", "text": "Well, "}


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("anthropic", {"type": "error", "error": {"type": "overloaded_error", "message": "Too much."}}),
        ("chat", {"error": {"type": "server_error", "code": "overloaded", "message": "Too much."}}),
        ("responses", {"error": {"message": "Too much."}}),
    ],
)
def test_an_error_is_told_as_one(dialect: ClientDialect, body: Any) -> None:
    answer = told(dialect, answer=body, status=529)["answer"]
    assert answer["parts"] == []
    assert answer["error"]["message"] == "Too much."
    inside = told(dialect, answer=stream({"type": "error", **body}))["answer"]
    assert inside["error"]["message"] == "Too much."
    assert not inside["whole"]


def test_an_answer_of_another_kind_is_told_as_it_stands() -> None:
    answer = told("anthropic", answer={"input_tokens": 12})["answer"]
    assert answer["error"] is None
    assert answer["parts"][0]["value"]["input_tokens"] == 12
    page = told("anthropic", answer=b"<html>Bad gateway</html>", status=502)["answer"]
    assert page["parts"] == [{"kind": "text", "text": "<html>Bad gateway</html>"}]
    assert page["error"]["message"]


def test_a_request_that_is_no_json_is_told_as_text_with_the_reason() -> None:
    found = told("chat", b"hello")
    assert found["messages"][0]["parts"] == [{"kind": "text", "text": "hello"}]
    assert "The request is no JSON object." in found["notes"]
    cut = json.dumps(CHAT).encode()
    found = conversation("chat", Asked(cut[: cut.index(b"seen") + 2], True), Answer(b"", None, False, False))
    assert found["messages"][3]["parts"][0]["parts"] == [{"kind": "text", "text": "se"}]
    assert found["truncated"]
    assert "Not all of the request is kept" in found["notes"][0]


def test_of_too_much_the_latest_is_told_and_how_much_is_not() -> None:
    long = {"role": "user", "content": "x" * (room.LONGEST + 5)}
    found = told("chat", {"messages": [long]})
    assert found["messages"][0]["parts"][0]["cut"] == 5
    many = [{"role": "user", "content": f"{number} " + "x" * 100_000} for number in range(60)]
    found = told("chat", {"messages": many})
    assert found["messages"][-1]["parts"][0]["text"].startswith("59 ")
    assert sum(len(each["parts"][0]["text"]) for each in found["messages"]) <= room.ALL
    assert re.search(r"\d+ more parts are not shown", found["notes"][0])
    call = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": "x" * (room.LONGEST + 5)}}
    (part,) = told("anthropic", {"messages": [{"role": "assistant", "content": [call]}]})["messages"][0][
        "parts"
    ]
    assert part["arguments"].startswith('{"a":"xxx')
    assert part["cut"] > 0


def test_numbers_that_a_browser_would_round_are_told_as_text() -> None:
    call = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 2**60 + 1}}
    (part,) = told("anthropic", {"messages": [{"role": "assistant", "content": [call]}]})["messages"][0][
        "parts"
    ]
    assert part["arguments"] == '{"a":1152921504606846977}'


def test_a_picture_is_told_by_its_size_where_it_is_too_large_or_no_picture() -> None:
    def picture(media_type: str, data: str) -> dict[str, Any]:
        source = {"type": "base64", "media_type": media_type, "data": data}
        message = {"role": "user", "content": [{"type": "image", "source": source}]}
        part: dict[str, Any] = told("anthropic", {"messages": [message]})["messages"][0]["parts"][0]
        return part

    assert picture("image/png", "A" * (room.LARGEST + 4)) == {
        "kind": "image",
        "mediaType": "image/png",
        "bytes": (room.LARGEST + 4) * 3 // 4,
    }
    assert "data" not in picture("image/png", '"><script>')
    assert picture('x"y', PIXEL)["mediaType"] is None


def test_results_within_results_end_somewhere() -> None:
    block: dict[str, Any] = {"type": "text", "text": "deep"}
    for _ in range(200):
        block = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    found = told("anthropic", {"messages": [{"role": "user", "content": [block]}]})
    json.dumps(found)


NAMES = [
    *(
        "type",
        "role",
        "content",
        "text",
        "messages",
        "input",
        "output",
        "tools",
        "system",
        "choices",
        "delta",
    ),
    *("message", "source", "url", "arguments", "name", "id", "image_url", "file", "usage", "error", "index"),
    *("tool_calls", "function", "thinking", "item", "content_block", "output_index", "response"),
]
TYPES = [
    *(
        "text",
        "message",
        "tool_use",
        "tool_result",
        "image",
        "document",
        "reasoning",
        "function_call",
        "file",
    ),
    *("thinking", "user", "content_block_start", "content_block_delta", "text_delta", "input_audio"),
    *("response.output_item.added", "response.output_text.delta", "web_search_call", "namespace", "base64"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner | st.sampled_from(TYPES), max_size=5)
    ),
    max_leaves=30,
)


@settings(deadline=None)
@given(st.sampled_from(DIALECTS), JSON, JSON, st.sampled_from([200, 400, 529]))
def test_no_json_is_too_odd(dialect: ClientDialect, request: Any, answer: Any, status: int) -> None:
    events = answer if isinstance(answer, list) else [answer]
    for body in (
        json.dumps(answer).encode(),
        *(b"data: %s\n\n" % json.dumps(each).encode() for each in events),
    ):
        json.dumps(told(dialect, json.dumps(request).encode(), body, status), allow_nan=False).encode()


@settings(deadline=None)
@given(
    st.sampled_from(DIALECTS), st.binary(max_size=200), st.binary(max_size=200), st.sampled_from([200, 500])
)
def test_no_bytes_are_too_odd(dialect: ClientDialect, request: bytes, answer: bytes, status: int) -> None:
    json.dumps(told(dialect, request, answer, status), ensure_ascii=False, allow_nan=False).encode()
    json.dumps(told(dialect, request, b"data: " + answer, status), ensure_ascii=False).encode()


@settings(deadline=None)
@given(st.sampled_from(ANSWERS), st.data())
def test_no_change_of_a_byte_is_too_much(case: Any, data: st.DataObject) -> None:
    dialect, document, events, _, _ = case
    body = bytearray(data.draw(st.sampled_from([json.dumps(document).encode(), stream(*events)])))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    json.dumps(told(dialect, bytes(body), bytes(body)), ensure_ascii=False, allow_nan=False).encode()


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from texts_in(each)
        case dict():
            for each in value.values():
                yield from texts_in(each)
        case _:
            pass


@pytest.mark.parametrize("name", ["claude_code_request", "codex_request", "codex_request_of_another_model"])
def test_of_real_requests_every_text_is_told(name: str, pytestconfig: pytest.Config) -> None:
    body = (pytestconfig.rootpath / "tests" / "formats" / "data" / f"{name}.json").read_bytes()
    request = json.loads(body)
    found = told("anthropic" if "messages" in request else "responses", request)
    said = set(texts_in(found))
    messages = request.get("messages") or request["input"]
    for message in messages:
        for block in message["content"] if isinstance(message.get("content"), list) else [message]:
            if isinstance(block.get("text"), str):
                assert block["text"] in said
    assert found["notes"] == []
    assert len(found["tools"]) >= len(request.get("tools", [])) > 0
