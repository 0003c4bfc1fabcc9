"""The fake provider as a Chat Completions API: what it answers, read by OpenAI's own models, and what it refuses."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from ccflared.demo import chat_rules
from ccflared.demo.chat_asked import read
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import (
    Answer,
    Call,
    Cut,
    ErrorEvent,
    Failing,
    Limited,
    Steps,
    calling,
)

ASK: dict[str, Any] = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "hi"}]}
USAGE: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
EDIT = {
    "type": "function",
    "function": {
        "name": "edit",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}
READ = EDIT | {"function": {"name": "read", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "edit", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "done"}
USER = ASK["messages"][0]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


class Client:
    """An HTTP client of one fake provider."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, key: str = "k", path: str = "/v1/chat/completions", **body: Any) -> httpx.Response:
        return await self.http.post(path, json=ASK | body, headers={"authorization": f"Bearer {key}"})

    async def chunks(self, key: str = "k", **body: Any) -> list[ChatCompletionChunk]:
        text = (await self.ask(key, **(USAGE | body))).text
        *events, done, end = text.split("\n\n")
        assert (done, end) == ("data: [DONE]", "")
        return [ChatCompletionChunk.model_validate_json(event.removeprefix("data: ")) for event in events]


@asynccontextmanager
async def serving(provider: FakeProvider) -> AsyncIterator[Client]:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            yield Client(http)
        nursery.cancel_scope.cancel()


def put_together(chunks: list[ChatCompletionChunk]) -> ChatCompletion:
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(chunk)
    return state.get_final_completion()


async def test_a_stream_says_what_the_document_says() -> None:
    async with serving(FakeProvider(default=Answer("one two three", thinking=True))) as client:
        chunks = await client.chunks()
        whole = ChatCompletion.model_validate((await client.ask()).json())
    assert (chunks[0].choices[0].delta.role, chunks[0].choices[0].delta.content) == ("assistant", "")
    assert [bool(chunk.choices) for chunk in chunks[-2:]] == [True, False]
    assert (chunks[-2].choices[0].finish_reason, chunks[-2].usage) == ("stop", None)
    streamed = put_together(chunks)
    assert streamed.choices[0].message.content == whole.choices[0].message.content == "one two three"
    thought = "".join(
        getattr(chunk.choices[0].delta, "reasoning_content", "") for chunk in chunks if chunk.choices
    )
    assert thought == whole.choices[0].message.model_dump()["reasoning_content"] != ""
    assert streamed.usage is not None
    assert whole.usage is not None
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    assert whole.usage.completion_tokens_details is not None
    assert whole.usage.completion_tokens_details.reasoning_tokens


async def test_usage_is_told_in_a_stream_only_where_it_was_asked_for() -> None:
    async with serving(FakeProvider()) as client:
        assert '"usage"' not in (await client.ask(stream=True)).text
        assert '"prompt_tokens"' in (await client.ask(**USAGE)).text


async def test_cached_tokens_are_part_of_the_prompt() -> None:
    provider = FakeProvider(default=Answer(input_tokens=10, cache_read=70, cache_write_5m=0))
    async with serving(provider) as client:
        usage = (await client.ask()).json()["usage"]
    assert (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]) == (80, 70)


async def test_the_beginning_of_a_long_prompt_is_cached_the_second_time() -> None:
    long = [{"role": "system", "content": "x" * 8000}, USER]
    async with serving(FakeProvider()) as client:
        cached = [
            (await client.ask(messages=long)).json()["usage"]["prompt_tokens_details"] for _ in range(2)
        ]
    assert cached[0]["cached_tokens"] == 0
    assert cached[1]["cached_tokens"] > 1024


async def test_calls_side_by_side_come_in_small_fragments_with_their_places() -> None:
    calls = (Call("edit", {"path": "a/ä.txt"}), Call("read", {}))
    provider = FakeProvider(default=calling(*calls, cut=1))
    async with serving(provider) as client:
        chunks = await client.chunks(tools=[EDIT, READ])
        whole = ChatCompletion.model_validate((await client.ask(tools=[EDIT, READ])).json())
    parts = [part for chunk in chunks if chunk.choices for part in chunk.choices[0].delta.tool_calls or ()]
    assert [part.index for part in parts] == sorted(part.index for part in parts)
    assert max(len(part.function.arguments or "") for part in parts if part.function) == 1
    assert [part.id is not None for part in parts].count(True) == 2
    for message in (put_together(chunks).choices[0].message, whole.choices[0].message):
        assert message.content is None or message.content == ""
        made = [call for call in message.tool_calls or () if call.type == "function"]
        assert [(call.function.name, json.loads(call.function.arguments)) for call in made] == [
            ("edit", {"path": "a/ä.txt"}),
            ("read", {}),
        ]
    assert whole.choices[0].finish_reason == chunks[-2].choices[0].finish_reason == "tool_calls"


async def test_fragments_of_calls_side_by_side_may_come_by_turns() -> None:
    both = (Call("edit", {"path": "a"}), Call("read", {"path": "b"}))
    async with serving(FakeProvider(default=Answer("", calls=both, interleaved=True))) as client:
        chunks = await client.chunks(tools=[EDIT, READ])
    parts = [part for chunk in chunks if chunk.choices for part in chunk.choices[0].delta.tool_calls or ()]
    assert [part.index for part in parts[:4]] == [0, 1, 0, 1]


async def test_a_task_is_done_step_by_step_and_a_step_asked_for_again_is_the_same() -> None:
    steps = Steps((calling(Call("edit", {"path": "a"})), calling(Call("read", {})), Answer("Done.")))
    async with serving(FakeProvider(default=steps)) as client:
        messages, names = [USER], []
        for _ in range(2):
            for _ in range(2):
                answer = (await client.ask(messages=messages, tools=[EDIT, READ])).json()
                message = answer["choices"][0]["message"]
                names.append(message["tool_calls"][0]["function"]["name"])
            call = message["tool_calls"][0]["id"]
            messages += [
                {key: message[key] for key in ("role", "content", "tool_calls")},
                {"role": "tool", "tool_call_id": call, "content": "ok"},
            ]
        last = (await client.ask(messages=messages, tools=[EDIT, READ])).json()
    assert names == ["edit", "edit", "read", "read"]
    assert last["choices"][0]["message"]["content"] == "Done."
    assert last["choices"][0]["finish_reason"] == "stop"


async def test_a_tool_that_is_not_offered_is_not_called_and_the_answer_says_so() -> None:
    async with serving(FakeProvider(default=calling(Call("fly", {})))) as client:
        message = (await client.ask(tools=[EDIT])).json()["choices"][0]["message"]
    assert message["content"] == "I was told to call fly, but the tools are edit."


async def test_a_base_url_may_be_below_any_path() -> None:
    async with serving(FakeProvider()) as client:
        for path in ("/v1/chat/completions", "/api/gateway/chat/completions", "/chat/completions"):
            assert (await client.ask(path=path)).status_code == 200


async def test_scripts_of_the_two_apis_do_not_touch_each_other() -> None:
    provider = FakeProvider()
    provider.play("k", then=Failing(503), on="chat")
    messages = {"model": "m", "max_tokens": 1, "messages": [USER]}
    head = {"authorization": "Bearer k", "anthropic-version": "2023-06-01"}
    async with serving(provider) as client:
        assert (await client.ask()).status_code == 503
        assert (await client.http.post("/v1/messages", json=messages, headers=head)).status_code == 200


async def test_models_are_listed_in_the_form_of_whichever_api_is_asked() -> None:
    bearer = {"authorization": "Bearer k"}
    async with serving(FakeProvider()) as client:
        openai = (await client.http.get("/v1/models", headers=bearer)).json()
        one = (await client.http.get("/v1/models/gpt-4.1", headers=bearer)).json()
        version = bearer | {"anthropic-version": "2023-06-01"}
        anthropic = (await client.http.get("/v1/models", headers=version)).json()
    assert openai["object"] == "list"
    assert one in openai["data"]
    assert one.keys() == {"id", "object", "created", "owned_by"}
    assert anthropic["data"][0]["type"] == "model"


async def test_failures_have_the_shape_of_this_api() -> None:
    provider = FakeProvider()
    provider.play("down", then=Failing(529), on="chat")
    provider.play("long", then=Failing(400, message="too long", code="context_length_exceeded"), on="chat")
    provider.play("limited", then=Limited(reset_in=90), on="chat")
    async with serving(provider) as client:
        down, long, limited = [await client.ask(key) for key in ("down", "long", "limited")]
    assert (down.status_code, down.json()["error"].keys()) == (529, {"message", "type", "param", "code"})
    assert down.json()["error"]["type"] == "server_error"
    assert long.json()["error"]["code"] == "context_length_exceeded"
    assert (limited.status_code, limited.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert limited.headers["retry-after"] == "90"
    assert limited.headers["x-ratelimit-reset-requests"] == "1m30s"
    assert not any(name.startswith("anthropic") for name in limited.headers)


async def test_a_stream_may_break_and_may_say_so() -> None:
    provider = FakeProvider()
    provider.play("cut", then=Cut(after_events=3), on="chat")
    provider.play("error", then=ErrorEvent("overloaded_error", after_events=2), on="chat")
    async with serving(provider) as client:
        cut, error = [(await client.ask(key, stream=True)).text for key in ("cut", "error")]
        status = (await client.ask("error")).status_code
    assert cut.count("data: ") == 3
    assert "[DONE]" not in cut + error
    last = json.loads(error.split("\n\n")[-2].removeprefix("data: "))
    assert last["error"] == {"message": "Overloaded", "type": "server_error", "param": None, "code": None}
    assert status == 529


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "k"},
        {"authorization": "Bearer k", "x-api-key": "k"},
        {"authorization": "Bearer k", "anthropic-version": "2023-06-01"},
        {"authorization": "Bearer k", "anthropic-beta": "x"},
        {"authorization": "k"},
    ],
)
async def test_nothing_of_the_other_api_may_arrive_in_header_fields(headers: dict[str, str]) -> None:
    async with serving(FakeProvider()) as client:
        answer = await client.http.post("/v1/chat/completions", json=ASK, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "foreign_header"


async def test_a_query_is_refused_and_so_is_a_request_without_a_credential() -> None:
    async with serving(FakeProvider()) as client:
        assert (await client.ask(path="/v1/chat/completions?beta=true")).status_code == 400
        missing = await client.http.post("/v1/chat/completions", json=ASK)
    assert missing.status_code == 401
    assert missing.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("more", "message", "param", "code"),
    [
        ({"top_k": 4}, "Unrecognized request argument supplied: top_k", None, None),
        ({"thinking": {}}, "Unrecognized request argument supplied: thinking", None, None),
        ({"metadata": {}}, "The 'metadata' parameter is only", "metadata", None),
        ({"model": ""}, "you must provide a model parameter", None, None),
        ({"model": "o3", "max_tokens": 5}, "Unsupported parameter: 'max_tokens'", "max_tokens", "unsupported_parameter"),
        ({"model": "gpt-5.5", "max_tokens": 5}, "Unsupported parameter: 'max_tokens'", "max_tokens", "unsupported_parameter"),
        ({"model": "openai/gpt-5", "max_tokens": 5}, "Unsupported parameter", "max_tokens", "unsupported_parameter"),
        ({"model": "gpt-5.5", "temperature": 0}, "Unsupported value", "temperature", "unsupported_value"),
        ({"reasoning_effort": "low"}, "Unrecognized request argument supplied: reasoning_effort", None, None),
        ({"model": "o3", "reasoning_effort": "hard"}, "Invalid value: 'hard'", "reasoning_effort", "invalid_value"),
        ({"max_tokens": 0}, "Invalid 'max_tokens': integer below", "max_tokens", "integer_below_min_value"),
        ({"temperature": 3}, "Invalid 'temperature': decimal above", "temperature", "decimal_above_max_value"),
        ({"stream_options": {"include_usage": True}}, "The 'stream_options' parameter is only", "stream_options", None),
        ({"stop": []}, "Invalid 'stop': empty array", "stop", "empty_array"),
        ({"stop": list("abcde")}, "Invalid 'stop': array too long", "stop", "array_above_max_length"),
        ({"user": "u" * 65}, "Invalid 'user': string too long", "user", "string_above_max_length"),
        ({"tools": []}, "Invalid 'tools': empty array", "tools", "empty_array"),
        ({"tool_choice": "auto"}, "Invalid value for 'tool_choice'", "tool_choice", None),
        ({"parallel_tool_calls": False}, "Invalid value for 'parallel_tool_calls'", "parallel_tool_calls", None),
        ({"tools": [EDIT], "tool_choice": {"type": "any"}}, "Invalid value", "tool_choice", "invalid_value"),
        ({"tools": [{"type": "web_search"}]}, "Invalid value", "tools[0].type", "invalid_value"),
        ({"tools": [EDIT | {"cache_control": {}}]}, "Unknown parameter", "tools[0].cache_control", "unknown_parameter"),
        ({"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "Invalid", "tools[0].function.name", "invalid_value"),
        ({"tools": [{"type": "function", "function": {"name": "a" * 65}}]}, "Invalid", "tools[0].function.name", "string_above_max_length"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]}, "Invalid schema for function 'a'", "tools[0].function.parameters", "invalid_function_parameters"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "object", "anyOf": []}}}]}, "Invalid schema for function 'a': schema must have type 'object' and not", "tools[0].function.parameters", "invalid_function_parameters"),
        ({"max_tokens": 128000}, "max_tokens is too large: 128000. This model supports at most 32768", "max_tokens", "invalid_value"),
        ({"model": "gpt-5.5", "tools": [EDIT], "reasoning_effort": "low"}, "Function tools with reasoning_effort", "reasoning_effort", None),
        ({"model": "gpt-5.6-sol", "tools": [EDIT]}, "Function tools with reasoning_effort", "reasoning_effort", None),
        ({"messages": []}, "Invalid 'messages': empty array", "messages", "empty_array"),
        ({"messages": [{"role": "model", "content": "x"}]}, "Invalid value: 'model'", "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": None}]}, "Invalid value for 'content'", "messages[0].content", "invalid_type"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "Invalid value for 'content'", "messages[1].content", "invalid_type"),
        ({"messages": [{"role": "user", "content": []}]}, "Invalid 'messages[0].content': empty array", "messages[0].content", "empty_array"),
        ({"messages": [USER | {"cache_control": {}}]}, "Unknown parameter", "messages[0].cache_control", "unknown_parameter"),
        ({"messages": [USER, {"role": "assistant", "content": "x", "reasoning_content": "y"}]}, "Unknown parameter", "messages[1].reasoning_content", "unknown_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {}}]}]}, "Unknown parameter", "messages[0].content[0].cache_control", "unknown_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "Invalid value: 'tool_result'", "messages[0].content[0].type", "invalid_value"),
        ({"messages": [{"role": "system", "content": [IMAGE]}]}, "Invalid 'messages[0]'. Image URLs are only allowed", "messages[0]", "invalid_value"),
        ({"messages": [USER, CALLED, RESULT | {"content": [IMAGE]}]}, "Invalid 'messages[2]'. Image URLs are only allowed", "messages[2]", "invalid_value"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "AAAA"}}]}]}, "Invalid image URL", "messages[0].content[0]", None),
        ({"messages": [USER, CALLED | {"tool_calls": []}]}, "Invalid value for 'content'", "messages[1].content", "invalid_type"),
        ({"messages": [USER, CALLED | {"tool_calls": [CALL | {"function": {"name": "a", "arguments": {}}}]}, RESULT]}, "Invalid type", "messages[1].tool_calls[0].function.arguments", "invalid_type"),
        ({"messages": [USER, CALLED | {"tool_calls": [CALL | {"id": "x" * 41}]}, RESULT]}, "Invalid", "messages[1].tool_calls[0].id", "string_above_max_length"),
        ({"messages": [USER, CALLED]}, "An assistant message with 'tool_calls' must be followed", "messages", None),
        ({"messages": [USER, CALLED, USER, RESULT]}, "An assistant message with 'tool_calls' must be followed", "messages", None),
        ({"messages": [USER, RESULT]}, "Invalid parameter: messages with role 'tool'", "messages.[1].role", None),
        ({"messages": [USER, CALLED, RESULT, RESULT]}, "Invalid parameter: messages with role 'tool'", "messages.[3].role", None),
    ],
)  # fmt: skip
async def test_what_is_refused_and_how(
    more: dict[str, Any], message: str, param: str | None, code: str | None
) -> None:
    async with serving(FakeProvider()) as client:
        answer = await client.ask(**more)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["message"].startswith(message)
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


@pytest.mark.parametrize(
    "more",
    [
        {"model": "gpt-5.5", "max_completion_tokens": 5, "reasoning_effort": "high", "temperature": 1},
        {"model": "gpt-5.5", "tools": [EDIT]},
        {"model": "gpt-5.6-sol", "tools": [EDIT], "reasoning_effort": "none"},
        {"model": "gpt-5.2", "tools": [EDIT], "reasoning_effort": "high"},
        {"tools": [EDIT], "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 5},
        {"tools": [EDIT], "tool_choice": {"type": "function", "function": {"name": "edit"}}},
        {"messages": [{"role": "developer", "content": [{"type": "text", "text": "x"}]}, USER, CALLED, RESULT, USER]},
        {"messages": [{"role": "user", "content": [IMAGE, {"type": "text", "text": ""}]}]},
        {"messages": [USER, CALLED | {"content": ""}, RESULT | {"content": ""}]},
        {"stop": "x", "temperature": 0, "user": "u", "response_format": {"type": "json_object"}},
    ],
)  # fmt: skip
def test_what_is_right(more: dict[str, Any]) -> None:
    assert chat_rules.fault_in(ASK | more) is None


def test_less_strict_apis_have_keys_of_their_own() -> None:
    thought = {"role": "assistant", "content": "x", "reasoning_content": "y"}
    part = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    asked = ASK | {"top_k": 1, "messages": [{"role": "user", "content": [part]}, thought]}
    allowed = ("top_k", "messages.reasoning_content", "messages.content.cache_control")
    assert chat_rules.fault_in(asked, allowed) is None
    for each in allowed:
        assert chat_rules.fault_in(asked, set(allowed) - {each}) is not None


def test_half_a_surrogate_pair_is_no_json() -> None:
    body = json.dumps(ASK | {"messages": [{"role": "user", "content": "\ud83d"}]}).encode()
    assert "could not parse" in getattr(read(body), "message", "")


def test_all_that_is_accepted_is_a_parameter_of_the_official_sdk() -> None:
    known = CompletionCreateParamsNonStreaming.__required_keys__ | (
        CompletionCreateParamsNonStreaming.__optional_keys__
    )
    assert known >= chat_rules.REQUEST


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["user", "tool", "text"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["role", "content", "type", "text", "image_url", "url", "tool_calls", "function", "name", "x"]),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(chat_rules.REQUEST)), JSON, max_size=5))
def test_no_request_is_more_than_it_can_bear(more: dict[str, Any]) -> None:
    read(json.dumps(ASK | more).encode())
