"""Answers written for clients of Responses: what the SDK and Codex make of them, and what the API promises."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_error import ResponseError
from pydantic import TypeAdapter
from transcripts import CUSTOM, NAMESPACED, answers

from ccflared.formats import sse
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
)
from ccflared.formats.request import Request, Thinking, Tool
from ccflared.formats.responses import read_request
from ccflared.formats.responses.sealed import unseal
from ccflared.formats.responses.write_answer import Writer

ID = "req_0123456789abcdef01234567"
AT = 1764000000.75
ROOT = "0123456789abcdef01234567"
TOOLS = (Tool("Read"), Tool(CUSTOM, custom=True), Tool(NAMESPACED, namespace=("mcp__files", "read")))
INCLUDED = {"include": ["reasoning.encrypted_content"]}
ADAPTER: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
STATES = (
    "response.created",
    "response.in_progress",
    "response.completed",
    "response.incomplete",
    "response.failed",
)

THOUGHTS: list[Event] = [
    BlockBegan("thinking"),
    Delta("Hm. "),
    Delta("Grün."),
    Signed("si"),
    Signed("g"),
    BlockEnded(),
]
TALK: list[Event] = [
    Began("msg_1", "claude-x", Usage(input=10, output=1)),
    *THOUGHTS,
    *(BlockBegan("redacted", data="c2VhbGVk"), BlockEnded()),
    *(BlockBegan("text"), Delta("Let me "), Delta("see 🙂"), BlockEnded()),
    *(BlockBegan("call", "toolu_1", "Read"), Delta('{"path":"\\u00'), Delta('fc"}'), BlockEnded()),
    *(BlockBegan("call", "toolu_2", CUSTOM), Delta('{"input":"*** Be'), Delta('gin\\n"}'), BlockEnded()),
    *(BlockBegan("call", "toolu_3", NAMESPACED), BlockEnded()),
    Finished("tools", None, Usage(input=10, output=40, cache_read=20, cache_write=5, reasoning=30)),
]


def writer(**echo: Any) -> Writer:
    return Writer(Request("gpt-x", (), tools=TOOLS, echo=echo), ID, AT)


def told(stream: bytes) -> list[dict[str, Any]]:
    """The payloads of a stream, each of them valid, numbered, and named as it says itself."""
    *raws, nothing = stream.split(b"\n\n")
    assert nothing == b""
    payloads = []
    for number, raw in enumerate(raws):
        event = sse.parse(raw)
        payload = json.loads(event.data)
        assert payload["type"] == event.name.decode()
        assert payload["sequence_number"] == number
        if not (
            payload["type"] == "response.failed" and payload["response"]["error"]["code"] not in ERROR_CODES
        ):
            ADAPTER.validate_python(payload)
        payloads.append(payload)
    return payloads


ERROR_CODES = get_args(ResponseError.model_fields["code"].annotation)


def stream(events: Sequence[Event], **echo: Any) -> list[dict[str, Any]]:
    return told(writer(**echo).stream(events))


def document(events: Sequence[Event], **echo: Any) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(writer(**echo).document(events))
    Response.model_validate(whole)
    return whole


def items(*block: Event, **echo: Any) -> list[dict[str, Any]]:
    """The output of an answer of these events; the stream must end with it, too."""
    events: list[Event] = [Began(), *block, Finished()]
    output = document(events, **echo)["output"]
    payloads = stream(events, **echo)
    assert payloads[-1]["response"]["output"] == output
    assert [p["item"] for p in payloads if p["type"] == "response.output_item.done"] == output
    return list(output)


def shape(payload: dict[str, Any]) -> tuple[Any, ...]:
    kept = ("output_index", "content_index", "summary_index", "delta", "text", "arguments", "input")
    return (payload["type"].removeprefix("response."), *(payload[key] for key in kept if key in payload))


def test_an_answer_is_told_item_by_item() -> None:
    assert [shape(payload) for payload in stream(TALK, **INCLUDED)] == [
        ("created",),
        ("in_progress",),
        ("output_item.added", 0),
        ("reasoning_summary_part.added", 0, 0),
        ("reasoning_summary_text.delta", 0, 0, "Hm. "),
        ("reasoning_summary_text.delta", 0, 0, "Grün."),
        ("reasoning_summary_text.done", 0, 0, "Hm. Grün."),
        ("reasoning_summary_part.done", 0, 0),
        ("output_item.done", 0),
        ("output_item.added", 1),
        ("output_item.done", 1),
        ("output_item.added", 2),
        ("content_part.added", 2, 0),
        ("output_text.delta", 2, 0, "Let me "),
        ("output_text.delta", 2, 0, "see 🙂"),
        ("output_text.done", 2, 0, "Let me see 🙂"),
        ("content_part.done", 2, 0),
        ("output_item.done", 2),
        ("output_item.added", 3),
        ("function_call_arguments.delta", 3, '{"path":"\\u00'),
        ("function_call_arguments.delta", 3, 'fc"}'),
        ("function_call_arguments.done", 3, '{"path":"\\u00fc"}'),
        ("output_item.done", 3),
        ("output_item.added", 4),
        ("custom_tool_call_input.delta", 4, "*** Be"),
        ("custom_tool_call_input.delta", 4, "gin\n"),
        ("custom_tool_call_input.done", 4, "*** Begin\n"),
        ("output_item.done", 4),
        ("output_item.added", 5),
        ("function_call_arguments.delta", 5, "{}"),
        ("function_call_arguments.done", 5, "{}"),
        ("output_item.done", 5),
        ("completed",),
    ]


def test_the_sdk_adds_the_events_up_to_the_response_that_ends_them() -> None:
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    for payload in stream(TALK, **INCLUDED):
        state.handle_event(ADAPTER.validate_python(payload))
    assert state._completed_response is not None
    assert state._completed_response.output_text == "Let me see 🙂"
    assert [item.type for item in state._completed_response.output] == [
        *("reasoning", "reasoning", "message", "function_call", "custom_tool_call", "function_call"),
    ]


def test_a_document_is_the_response_that_the_stream_ends_with() -> None:
    assert document(TALK, **INCLUDED) == stream(TALK, **INCLUDED)[-1]["response"]


def test_the_response_has_all_that_the_sdk_requires_and_what_the_api_always_has() -> None:
    for response in (document(TALK), stream(TALK)[0]["response"]):
        required = {name for name, field in Response.model_fields.items() if field.is_required()}
        assert required <= set(response)
        assert response["id"] == f"resp_{ROOT}"
        assert (response["object"], response["created_at"], response["model"]) == (
            "response",
            1764000000,
            "claude-x",
        )
        assert (response["tools"], response["tool_choice"], response["parallel_tool_calls"]) == (
            [],
            "auto",
            True,
        )


def test_the_response_repeats_what_the_request_said() -> None:
    said = {
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "Read", "parameters": {}, "strict": False}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "metadata": {"a": "ü"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "max_output_tokens": 5,
        "temperature": 0,
    }
    for payload in stream(TALK, **said):
        if payload["type"] in STATES:
            assert {key: payload["response"][key] for key in said} == said
    assert document(TALK, **said, other="x").keys() == document(TALK).keys()


def test_what_the_request_cannot_have_repeated_is_left_out() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert document(TALK, tools=deep)["tools"] == []


def test_the_model_is_the_requests_where_the_answer_names_none() -> None:
    assert document([Began(), Finished()])["model"] == "gpt-x"


def test_usage_counts_the_cached_tokens_among_those_of_the_input() -> None:
    assert stream(TALK)[0]["response"]["usage"] is None
    assert document(TALK)["usage"] == {
        "input_tokens": 35,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 75,
    }


def test_usage_that_was_told_at_the_beginning_alone_is_kept() -> None:
    usage = document([Began(usage=Usage(input=7)), Finished(usage=Usage(output=3))])["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (7, 3, 10)


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("end", "completed", None),
        ("stop sequence", "completed", None),
        ("tools", "completed", None),
        ("pause", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("refusal", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_how_an_answer_ended_is_told(reason: StopReason, status: str, details: Any) -> None:
    events: list[Event] = [Began(), BlockBegan("text"), Delta("Hi"), BlockEnded(), Finished(reason)]
    last = stream(events)[-1]
    assert last["type"] == f"response.{status}"
    assert last["response"] == document(events)
    assert (last["response"]["status"], last["response"]["incomplete_details"]) == (status, details)
    assert last["response"]["output"][-1]["status"] == status


def test_a_message_has_one_text_without_annotations() -> None:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": "Hi"}
    message = {"id": f"msg_{ROOT}_0", "type": "message", "status": "completed", "role": "assistant"}
    assert items(BlockBegan("text"), Delta("Hi"), BlockEnded()) == [message | {"content": [part]}]


def test_blocks_without_text_are_no_items() -> None:
    silent = (BlockBegan("text"), Delta(""), BlockEnded(), BlockBegan("thinking"), BlockEnded())
    assert (
        items(*silent, BlockBegan("redacted", data="x"), BlockEnded(), **INCLUDED)[0]["id"] == f"rs_{ROOT}_0"
    )
    assert items(*silent, **INCLUDED) == []


def test_a_call_has_its_arguments_as_json_text() -> None:
    (item,) = items(BlockBegan("call", "toolu_1", "Read"), Delta('{"path": '), Delta('"ü"}'), BlockEnded())
    assert item == {
        "id": f"fc_{ROOT}_0",
        "type": "function_call",
        "status": "completed",
        "arguments": '{"path": "ü"}',
        "call_id": "toolu_1",
        "name": "Read",
    }


def test_a_call_without_an_id_or_of_a_tool_that_nobody_listed_is_told_all_the_same() -> None:
    (item,) = items(BlockBegan("call", "", "Unlisted"), BlockEnded())
    assert (item["call_id"], item["name"], item["arguments"]) == (f"call_{ROOT}_0", "Unlisted", "{}")


def test_the_call_of_a_custom_tool_comes_back_as_the_text_it_is() -> None:
    patch = '*** Begin "Patch"\n+ü🙂\\u0041\n'
    arguments = json.dumps({"input": patch})
    for place in range(len(arguments) + 1):
        pieces = (Delta(arguments[:place]), Delta(arguments[place:]))
        (item,) = items(BlockBegan("call", "toolu_1", CUSTOM), *pieces, BlockEnded())
        assert item == {
            "id": f"ctc_{ROOT}_0",
            "type": "custom_tool_call",
            "status": "completed",
            "input": patch,
            "call_id": "toolu_1",
            "name": CUSTOM,
        }


def test_a_tool_of_a_namespace_is_called_by_both_names() -> None:
    (item,) = items(BlockBegan("call", "toolu_1", NAMESPACED), BlockEnded())
    assert (item["namespace"], item["name"]) == ("mcp__files", "read")


def test_thinking_is_a_summary_and_is_sealed_only_if_that_was_asked_for() -> None:
    summary = [{"type": "summary_text", "text": "Hm. Grün."}]
    plain = {"id": f"rs_{ROOT}_0", "type": "reasoning", "status": "completed", "summary": summary}
    assert items(*THOUGHTS) == [plain]
    assert items(*THOUGHTS, include=["file_search_call.results"]) == [plain]
    (item,) = items(*THOUGHTS, **INCLUDED)
    assert unseal(item.pop("encrypted_content")) == Thinking("Hm. Grün.", "sig")
    assert item == plain


def test_thinking_without_a_word_is_there_only_to_be_brought_back() -> None:
    silent = (BlockBegan("thinking"), Signed("sig"), BlockEnded())
    (item,) = items(*silent, **INCLUDED)
    assert (item["summary"], unseal(item["encrypted_content"])) == ([], Thinking("", "sig"))
    assert items(*silent) == []


def test_redacted_thinking_is_there_only_to_be_brought_back() -> None:
    redacted = (BlockBegan("redacted", data="c2VhbGVk"), BlockEnded())
    (item,) = items(*redacted, **INCLUDED)
    assert (item["summary"], unseal(item["encrypted_content"])) == ([], Thinking(redacted="c2VhbGVk"))
    assert items(*redacted) == []


def test_items_are_counted_without_those_that_are_not_told() -> None:
    events: list[Event] = [
        Began(),
        BlockBegan("redacted", data="x"),
        BlockEnded(),
        *TALK[9:13],
        *TALK[13:17],
        Finished(),
    ]
    assert [p["output_index"] for p in stream(events) if p["type"] == "response.output_item.added"] == [0, 1]


def test_what_the_request_reader_reads_is_what_the_answer_needs() -> None:
    body = {
        "model": "gpt-x",
        "input": "Hi",
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {"type": "custom", "name": CUSTOM},
            {
                "type": "namespace",
                "name": "n",
                "description": "",
                "tools": [{"type": "function", "name": "f"}],
            },
        ],
    }
    request = read_request.read(json.dumps(body).encode())
    (custom, spaced) = request.tools
    calls: list[Event] = [
        BlockBegan("call", "a", custom.name),
        BlockEnded(),
        BlockBegan("call", "b", spaced.name),
        BlockEnded(),
    ]
    whole = json.loads(Writer(request, ID, AT).document([Began(), *THOUGHTS, *calls, Finished("tools")]))
    assert [item["type"] for item in whole["output"]] == ["reasoning", "custom_tool_call", "function_call"]
    assert "encrypted_content" in whole["output"][0]
    assert (whole["output"][2]["namespace"], whole["output"][2]["name"]) == ("n", "f")
    assert whole["tools"] == body["tools"]
    assert "include" not in whole


def test_a_failure_is_told_with_what_was_done_before_and_never_as_completed() -> None:
    payloads = stream([*TALK[:15], Failed("api_error", "Zu spät", 502)])
    assert [payload["type"] for payload in payloads if payload["type"] in STATES] == [
        *("response.created", "response.in_progress", "response.failed"),
    ]
    response = payloads[-1]["response"]
    assert (response["status"], response["error"]) == (
        "failed",
        {"code": "server_error", "message": "Zu spät"},
    )
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]


def test_a_call_that_was_not_followed_by_an_end_is_never_done() -> None:
    for length in range(13, 17):
        payloads = stream([*TALK[:length], Failed("api_error", "x")])
        done = [p["item"]["type"] for p in payloads if p["type"] == "response.output_item.done"]
        assert "function_call" not in done


def test_a_failure_before_the_beginning_is_a_stream_nonetheless() -> None:
    assert [payload["type"] for payload in stream([Failed("api_error", "x")])] == [
        *("response.created", "response.in_progress", "response.failed"),
    ]


@pytest.mark.parametrize(
    ("kind", "message", "code"),
    [
        ("rate_limit_error", "slow", "rate_limit_exceeded"),
        ("overloaded_error", "busy", "server_error"),
        ("api_error", "x", "server_error"),
        ("timeout_error", "x", "server_error"),
        ("authentication_error", "x", "server_error"),
        ("billing_error", "x", "insufficient_quota"),
        ("invalid_request_error", "bad", "invalid_prompt"),
        ("invalid_request_error", "prompt is too long: 5 tokens > 4", "context_length_exceeded"),
    ],
)
def test_codes_of_failures_are_those_that_codex_knows(kind: str, message: str, code: str) -> None:
    error = stream([Began(), Failed(kind, message)])[-1]["response"]["error"]
    assert error == {"code": code, "message": message}


def test_a_failed_answer_has_no_document_but_its_error() -> None:
    error = json.loads(writer().document([Began(), Failed("rate_limit_error", "slow", 429)]))
    assert error == {
        "error": {"message": "slow", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    }


def test_a_ping_is_a_comment() -> None:
    ping = writer().ping
    assert sse.parse(ping) == sse.Event(b"", b"")
    assert ping.endswith(b"\n\n")


def test_characters_beyond_ascii_are_written_as_they_are_and_halves_do_no_harm() -> None:
    assert "Grün.".encode() in writer().stream(TALK)
    assert items(BlockBegan("text"), Delta("a\ud83d"), BlockEnded())[0]["content"][0]["text"] == "a\ufffd"


@pytest.mark.parametrize(
    "events",
    [[Finished()], [Began(), Began()], [Began(), Delta("x")], [Began(), Finished(), Failed("a", "b")]],
)
def test_what_is_out_of_order_is_not_written(events: list[Event]) -> None:
    with pytest.raises(OutOfOrder):
        writer().stream(events)
    with pytest.raises(OutOfOrder):
        writer().document([event for event in events if not isinstance(event, Finished | Failed)])


def added_up(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a client has that reads the beginnings of items and their deltas alone."""
    output: list[dict[str, Any]] = []
    for payload in payloads:
        match payload["type"].removeprefix("response."):
            case "output_item.added":
                assert payload["output_index"] == len(output)
                output.append(payload["item"])
            case "content_part.added":
                output[payload["output_index"]]["content"].append(payload["part"])
            case "reasoning_summary_part.added":
                output[payload["output_index"]]["summary"].append(payload["part"])
            case "output_text.delta":
                output[payload["output_index"]]["content"][payload["content_index"]]["text"] += payload[
                    "delta"
                ]
            case "reasoning_summary_text.delta":
                output[payload["output_index"]]["summary"][payload["summary_index"]]["text"] += payload[
                    "delta"
                ]
            case "function_call_arguments.delta":
                output[payload["output_index"]]["arguments"] += payload["delta"]
            case "custom_tool_call_input.delta":
                output[payload["output_index"]]["input"] += payload["delta"]
            case _:
                pass
        if "item_id" in payload:
            assert output[payload["output_index"]]["id"] == payload["item_id"]
    return output


def bare(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in item.items() if k not in ("status", "encrypted_content")} for item in output]


@given(answers(), st.booleans())
def test_events_add_up_to_the_document(events: list[Event], sealed: bool) -> None:
    echo = INCLUDED if sealed else {}
    payloads = stream(events, **echo)
    whole = document(events, **echo)
    assert payloads[-1]["response"] == whole
    assert [p["item"] for p in payloads if p["type"] == "response.output_item.done"] == whole["output"]
    assert bare(added_up(payloads)) == bare(whole["output"])
    ends = ("response.completed", "response.incomplete", "response.failed")
    assert [payload["type"] for payload in payloads if payload["type"] in ends] == [payloads[-1]["type"]]
    if whole["status"] == "completed":
        state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
        for payload in payloads:
            state.handle_event(ADAPTER.validate_python(payload))


@given(answers(), st.lists(st.integers(0, 100), max_size=5))
def test_events_may_be_written_one_by_one_or_together(events: list[Event], cuts: list[int]) -> None:
    one = writer(**INCLUDED)
    places = sorted({0, len(events), *(cut % (len(events) + 1) for cut in cuts)})
    pieces = [one.stream(events[begin:end]) for begin, end in pairwise(places)]
    assert b"".join(pieces) == writer(**INCLUDED).stream(events)


@given(answers(), st.integers(0, 40))
def test_a_failure_may_come_anywhere(events: list[Event], place: int) -> None:
    payloads = stream([*events[: min(place, len(events) - 1)], Failed("api_error", "x")])
    assert payloads[-1]["type"] == "response.failed"
    done = [p["item"] for p in payloads if p["type"] == "response.output_item.done"]
    assert payloads[-1]["response"]["output"] == done
