"""Answers written for clients of Chat Completions: what the SDK makes of them, and what the API promises."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from transcripts import CUSTOM, answers, cut_up

from ccflared.formats import sse
from ccflared.formats.chat.write_answer import Writer
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
from ccflared.formats.request import Request, Tool

ID = "req_0123456789abcdef01234567"
AT = 1764000000.75
REQUEST = Request("gpt-x", (), tools=(Tool("Read"), Tool(CUSTOM, custom=True)))
USAGE = Usage(input=10, output=40, cache_read=20, cache_write=5, reasoning=30)

TALK: list[Event] = [
    Began("msg_1", "claude-x", Usage(input=10, output=1)),
    *(BlockBegan("thinking"), Delta("Hm. "), Delta("Grün."), Signed("s"), BlockEnded()),
    *(BlockBegan("redacted", data="c2VhbGVk"), BlockEnded()),
    *(BlockBegan("text"), Delta("Let me "), Delta("see 🙂"), BlockEnded()),
    *(BlockBegan("call", "toolu_1", "Read"), Delta('{"path":"\\u00'), Delta('fc"}'), BlockEnded()),
    *(BlockBegan("text"), Delta(" And"), BlockEnded()),
    *(BlockBegan("call", "toolu_2", "Read"), BlockEnded()),
    Finished("tools", None, USAGE),
]


def writer(**request: Any) -> Writer:
    return Writer(Request("gpt-x", (), tools=REQUEST.tools, **request), ID, AT)


def chunks_of(stream: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream, whose last event must be the end of one."""
    *raws, last, nothing = stream.split(b"\n\n")
    assert (last, nothing) == (b"data: [DONE]", b"")
    assert all(raw.startswith(b"data: {") and b"\n" not in raw for raw in raws)
    return [json.loads(raw.removeprefix(b"data: ")) for raw in raws]


def chunks(events: Sequence[Event], **request: Any) -> list[dict[str, Any]]:
    return chunks_of(writer(**request).stream(events))


def deltas(events: Sequence[Event], **request: Any) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(events, **request) if chunk["choices"]]


def document(events: Sequence[Event]) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(writer().document(events))
    ChatCompletion.model_validate(whole)
    return whole


def call(name: str, *arguments: str, call_id: str = "toolu_1") -> list[Event]:
    return [
        Began(),
        BlockBegan("call", call_id, name),
        *map(Delta, arguments),
        BlockEnded(),
        Finished("tools"),
    ]


def test_an_answer_is_told_chunk_by_chunk() -> None:
    function = {"index": 0, "function": {"arguments": "…"}}
    assert deltas(TALK) == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm. "},
        {"reasoning_content": "Grün."},
        {"content": "Let me "},
        {"content": "see 🙂"},
        {"tool_calls": [{"index": 0, "id": "toolu_1", "type": "function", "function": {"name": "Read", "arguments": ""}}]},
        {"tool_calls": [function | {"function": {"arguments": '{"path":"\\u00'}}]},
        {"tool_calls": [function | {"function": {"arguments": 'fc"}'}}]},
        {"content": " And"},
        {"tool_calls": [{"index": 1, "id": "toolu_2", "type": "function", "function": {"name": "Read", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {},
    ]  # fmt: skip


def test_every_chunk_has_the_same_id_and_time_and_the_model_of_the_answer() -> None:
    heads = {(c["id"], c["object"], c["created"], c["model"]) for c in chunks(TALK)}
    assert heads == {("chatcmpl-0123456789abcdef01234567", "chat.completion.chunk", 1764000000, "claude-x")}


def test_the_model_is_the_requests_where_the_answer_names_none() -> None:
    assert {chunk["model"] for chunk in chunks([Began(), Finished()])} == {"gpt-x"}
    assert document([Began(), Finished()])["model"] == "gpt-x"


def test_the_sdk_accepts_every_chunk_and_adds_them_up() -> None:
    state = ChatCompletionStreamState()
    for chunk in chunks(TALK):
        assert ChatCompletionChunk.model_validate(chunk).to_dict() == chunk
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    completion = state.get_final_completion()
    message = completion.choices[0].message
    assert message.content == "Let me see 🙂 And"
    assert message.tool_calls is not None
    assert [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls] == [
        ("toolu_1", "Read", '{"path":"\\u00fc"}'),
        ("toolu_2", "Read", "{}"),
    ]
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 75


def test_one_chunk_alone_has_a_finish_reason_and_it_is_the_last_with_a_choice() -> None:
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks(TALK) if chunk["choices"]]
    assert reasons == [None] * (len(reasons) - 1) + ["tool_calls"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end", "stop"),
        ("stop sequence", "stop"),
        ("pause", "stop"),
        ("length", "length"),
        ("tools", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_finish_reasons(reason: StopReason, told: str) -> None:
    events: list[Event] = [Began(), Finished(reason)]
    assert chunks(events)[-2]["choices"][0]["finish_reason"] == told
    assert document(events)["choices"][0]["finish_reason"] == told


def test_usage_counts_the_cached_tokens_among_those_of_the_prompt() -> None:
    told = {
        "prompt_tokens": 35,
        "completion_tokens": 40,
        "total_tokens": 75,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    assert document(TALK)["usage"] == told
    last = chunks(TALK)[-1]
    assert (last["choices"], last["usage"]) == ([], told)


def test_usage_that_was_told_at_the_beginning_alone_is_kept() -> None:
    usage = document([Began(usage=Usage(input=7)), Finished(usage=Usage(output=3))])["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 3)
    assert "completion_tokens_details" not in usage


def test_usage_that_nobody_told_is_nought() -> None:
    usage = document([Began(), Finished()])["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (0, 0, 0)


def test_usage_is_null_in_all_chunks_but_the_last_where_it_is_wanted() -> None:
    *others, last = chunks(TALK, usage_wanted=True)
    assert all(chunk["usage"] is None for chunk in others)
    assert last["usage"]


def test_usage_is_not_spoken_of_where_it_is_not_wanted() -> None:
    told = chunks(TALK, usage_wanted=False)
    assert all("usage" not in chunk for chunk in told)
    assert told[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_characters_beyond_ascii_are_written_as_they_are() -> None:
    assert "Grün.".encode() in writer().stream(TALK)
    assert "see 🙂".encode() in writer().document(TALK)


def test_halves_of_surrogate_pairs_do_no_harm() -> None:
    events: list[Event] = [
        Began("\ud83d", "\ud83d"),
        BlockBegan("text"),
        Delta("a\ud83d"),
        BlockEnded(),
        Finished(),
    ]
    assert {"content": "a\ufffd"} in deltas(events)
    assert document(events)["choices"][0]["message"]["content"] == "a\ufffd"


def test_empty_deltas_and_blocks_say_nothing() -> None:
    events: list[Event] = [
        Began(),
        BlockBegan("text"),
        Delta(""),
        BlockEnded(),
        BlockBegan("thinking"),
        BlockEnded(),
        Finished(),
    ]
    assert deltas(events) == [{"role": "assistant", "content": ""}, {}]


def test_a_call_without_an_id_gets_one() -> None:
    told = deltas(call("Read", "{}", call_id=""))[1]["tool_calls"][0]["id"]
    assert told == "call_0123456789abcdef01234567_0"
    assert document(call("Read", call_id=""))["choices"][0]["message"]["tool_calls"][0]["id"] == told


def test_the_call_of_a_custom_tool_comes_back_as_the_text_it_is() -> None:
    patch = '*** Begin "Patch"\n+ü🙂\\u0041\n'
    arguments = json.dumps({"input": patch})
    for place in range(len(arguments) + 1):
        first, *others = deltas(call(CUSTOM, arguments[:place], arguments[place:]))[1:-1]
        opening = {"index": 0, "id": "toolu_1", "type": "custom", "custom": {"name": CUSTOM, "input": ""}}
        assert first == {"tool_calls": [opening]}
        assert all(set(other["tool_calls"][0]) == {"index", "custom"} for other in others)
        assert "".join(other["tool_calls"][0]["custom"]["input"] for other in others) == patch
    (whole,) = document(call(CUSTOM, arguments))["choices"][0]["message"]["tool_calls"]
    assert whole == {"id": "toolu_1", "type": "custom", "custom": {"name": CUSTOM, "input": patch}}


def test_a_custom_call_without_text_has_an_empty_one() -> None:
    assert len(deltas(call(CUSTOM))) == 3
    assert document(call(CUSTOM))["choices"][0]["message"]["tool_calls"][0]["custom"]["input"] == ""


def test_a_failure_ends_a_stream_with_an_error_and_nothing_else() -> None:
    stream = writer().stream([*TALK[:9], Failed("overloaded_error", "Überlastet", 529)])
    assert b"[DONE]" not in stream
    assert b'"finish_reason":"' not in stream
    error = json.loads(sse.parse(stream.split(b"\n\n")[-2] + b"\n\n").data)
    assert error == {
        "error": {"message": "Überlastet", "type": "server_error", "param": None, "code": "overloaded"}
    }


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        ("rate_limit_error", "slow", ("rate_limit_error", "rate_limit_exceeded")),
        (
            "invalid_request_error",
            "prompt is too long: 5 > 4",
            ("invalid_request_error", "context_length_exceeded"),
        ),
        ("invalid_request_error", "bad", ("invalid_request_error", None)),
        ("api_error", "the prompt is too long", ("server_error", None)),
        ("billing_error", "no money", ("insufficient_quota", "insufficient_quota")),
    ],
)
def test_errors_have_openais_names(kind: str, message: str, told: tuple[str, str | None]) -> None:
    failed = Failed(kind, message)
    for body in (writer().stream([failed]).removeprefix(b"data: "), writer().document([Began(), failed])):
        error = json.loads(body)["error"]
        assert (error["message"], error["type"], error["code"]) == (message, *told)


def test_a_ping_is_a_comment() -> None:
    ping = writer().ping
    assert sse.parse(ping) == sse.Event(b"", b"")
    assert ping.endswith(b"\n\n")


def test_a_document_joins_text_and_thoughts_and_lists_calls() -> None:
    whole = document(TALK)
    assert (whole["id"], whole["object"], whole["created"]) == (
        "chatcmpl-0123456789abcdef01234567",
        "chat.completion",
        1764000000,
    )
    message = whole["choices"][0]["message"]
    assert message["content"] == "Let me see 🙂 And"
    assert message["reasoning_content"] == "Hm. Grün."
    assert [(c["id"], c["function"]["arguments"]) for c in message["tool_calls"]] == [
        ("toolu_1", '{"path":"\\u00fc"}'),
        ("toolu_2", "{}"),
    ]


def test_a_document_without_text_has_null_and_no_empty_lists() -> None:
    assert document([Began(), Finished()])["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
    }


@pytest.mark.parametrize(
    "events",
    [[Finished()], [Began(), Began()], [Began(), Delta("x")], [Began(), Finished(), Failed("a", "b")]],
)
def test_what_is_out_of_order_is_not_written(events: list[Event]) -> None:
    with pytest.raises(OutOfOrder):
        writer().stream(events)
    with pytest.raises(OutOfOrder):
        writer().document([event for event in events if not isinstance(event, Finished | Failed)])


def added_up(told: list[dict[str, Any]]) -> dict[str, Any]:
    """What a client has when all chunks are in."""
    message: dict[str, Any] = {"content": "", "reasoning_content": "", "tool_calls": []}
    for chunk in told:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            message["content"] += delta.get("content", "")
            message["reasoning_content"] += delta.get("reasoning_content", "")
            for tool in delta.get("tool_calls", ()):
                if tool["index"] == len(message["tool_calls"]):
                    message["tool_calls"].append({key: tool[key] for key in ("id", "type", tool["type"])})
                    continue
                known = message["tool_calls"][tool["index"]]
                key = "input" if known["type"] == "custom" else "arguments"
                known[known["type"]][key] += tool[known["type"]][key]
    return {key: value for key, value in message.items() if value}


@given(answers(), st.booleans())
def test_chunks_add_up_to_the_document(events: list[Event], wanted: bool) -> None:
    told = chunks(events, usage_wanted=wanted)
    for chunk in told:
        if '"custom"' not in json.dumps(chunk):  # the SDK's model of a chunk knows no custom tools
            assert ChatCompletionChunk.model_validate(chunk).to_dict() == chunk
        assert len(chunk["choices"]) <= 1
    whole = document(events)
    message = {key: value for key, value in whole["choices"][0]["message"].items() if value and key != "role"}
    assert added_up(told) == message
    assert [c["choices"][0]["finish_reason"] for c in told if c["choices"]][-1] == whole["choices"][0][
        "finish_reason"
    ]
    if wanted:
        assert told[-1]["usage"] == whole["usage"]


@given(answers(), st.lists(st.integers(0, 100), max_size=5))
def test_events_may_be_written_one_by_one_or_together(events: list[Event], cuts: list[int]) -> None:
    one = writer()
    places = sorted({0, len(events), *(cut % (len(events) + 1) for cut in cuts)})
    pieces = [one.stream(events[begin:end]) for begin, end in pairwise(places)]
    assert b"".join(pieces) == writer().stream(events)


@given(st.text(max_size=40), st.lists(st.integers(0, 100), max_size=8))
def test_arguments_of_custom_tools_may_be_anything(arguments: str, cuts: list[int]) -> None:
    told = added_up(chunks(call(CUSTOM, *cut_up(arguments, cuts))))["tool_calls"]
    assert told == document(call(CUSTOM, arguments))["choices"][0]["message"]["tool_calls"]


@given(answers(), st.integers(0, 40))
def test_a_failure_may_come_anywhere(events: list[Event], place: int) -> None:
    stream = writer().stream([*events[: min(place, len(events) - 1)], Failed("api_error", "x")])
    assert b"[DONE]" not in stream
    assert b'"error"' in stream.split(b"\n\n")[-2]
