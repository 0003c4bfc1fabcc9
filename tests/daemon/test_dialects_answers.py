"""Clients of every dialect get answers of accounts of both: what goes up, what comes down, what is noted."""

import json
from pathlib import Path
from typing import Any

import pytest
from dialects import (
    ENDS,
    MODEL,
    PATHS,
    QUESTIONS,
    TOOLS,
    Client,
    Upstream,
    answered,
    ask,
    before,
    chunk,
    each_client,
    each_crossing,
    each_upstream,
    ended,
    events_of,
    last_of,
    said,
    sent,
    streamed,
    streaming_or_not,
    told,
)

from ccflared.demo.script import Answer, calling
from ccflared.demo.script import Call as Called

HELLO = "Good day to you, „whoever“ you are."
SECRETIVE = {
    "authorization": "Bearer sk-of-the-client",
    "cookie": "crumb=1",
    "anthropic-beta": "some-beta",
    "openai-organization": "org-of-the-client",
    "openai-project": "proj-of-the-client",
    "user-agent": "client/1",
}
USED = Answer(HELLO, input_tokens=50, output_tokens=9, cache_read=30, cache_write_5m=0)


@each_client
@each_upstream
@streaming_or_not
async def test_every_client_is_answered_by_every_account(
    tmp_path: Path, client: Client, upstream: Upstream, stream: bool
) -> None:
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", USED, on=upstream)
        answer = await ask(stage, client, stream=stream)
        assert answer.status_code == 200
        assert told(client, answer) == HELLO
        kind = "text/event-stream" if stream else "application/json"
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["x-ccflared-attempts"] == "1"
        assert answer.headers["x-ccflared-account"] == "first"
        assert answer.headers["x-ccflared-request-id"].startswith("req_")
        assert "x-ccflared-changed" not in answer.headers
        assert answer.headers["request-id" if client == "messages" else "x-request-id"].startswith("req_")
        if stream:
            assert last_of(client, answer.content) == ENDS[client]
            assert (answer.headers["x-accel-buffering"], answer.headers["cache-control"]) == (
                "no",
                "no-cache",
            )
        (row,) = await stage.rows()
        assert (row.outcome, row.status, row.account, row.path) == ("complete", 200, "first", PATHS[client])
        assert (row.model, row.served_model, row.stop_reason) == (MODEL, MODEL, "end_turn")
        assert (row.tokens.input, row.tokens.output, row.tokens.cache_read) == (50, 9, 30)
        assert (row.tokens.cache_write_5m or 0, row.tokens.cache_write_1h or 0) == (0, 0)
        assert row.stream == stream
        assert row.first_byte_ms is not None
        assert row.cost == 50 * 3 + 9 * 15 + 30 * 3 // 10
        assert row.cost_source == "computed"
        assert [(each.kind, each.status, each.account) for each in row.attempts] == [("served", 200, "first")]
        assert ("server" in answer.headers, "openai-organization" in answer.headers) == (False, False)
        assert client == upstream or not {"openai-version", "anthropic-organization-id"} & set(answer.headers)


@each_client
@each_upstream
async def test_nothing_of_the_clients_own_reaches_the_upstream(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream) as stage:
        headers = SECRETIVE | {"x-api-key": "sk-of-the-client"}
        answer = await ask(stage, client, headers=headers)
        assert answer.status_code == 200
        (seen,) = stage.provider.seen
        assert seen.target == PATHS[upstream]
        assert seen.key == "sk-first"
        everything = b"\n".join([*(name + b": " + value for name, value in seen.headers), seen.body])
        assert b"of-the-client" not in everything
        assert b"crumb" not in everything
        assert sent(seen)["model"] == MODEL
        if client == upstream:
            return  # the rest is the business of clients that speak its dialect
        names = {name for name, _ in seen.headers}
        usual = {b"host", b"accept", b"content-type", b"content-length", b"user-agent"}
        own = {b"x-api-key", b"anthropic-version"} if upstream == "messages" else {b"authorization"}
        assert names - {b"accept-encoding", b"connection"} == usual | own
        assert seen.get(b"accept") == b"application/json"
        assert (seen.get(b"user-agent") or b"").startswith(b"ccflared/")


@each_crossing
@streaming_or_not
async def test_a_call_of_a_tool_gets_across(
    tmp_path: Path, client: Client, upstream: Upstream, stream: bool
) -> None:
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", calling(Called("look", {"at": "ü" * 20}), cut=1), on=upstream)
        answer = await ask(stage, client, stream=stream, **TOOLS[client])
        assert answer.status_code == 200
        assert (await stage.rows())[0].stop_reason == "tool_use"
        if stream:
            told_of = events_of(answer.content)
            match client:
                case "messages":
                    parts = [
                        e["delta"].get("partial_json", "")
                        for e in told_of
                        if e["type"] == "content_block_delta"
                    ]
                case "chat":
                    calls = [
                        call
                        for e in told_of
                        for choice in e.get("choices", ())
                        for call in choice["delta"].get("tool_calls", ())
                    ]
                    parts = [call["function"].get("arguments", "") for call in calls]
                case "responses":
                    parts = [
                        e["delta"] for e in told_of if e["type"] == "response.function_call_arguments.delta"
                    ]
            assert json.loads("".join(parts)) == {"at": "ü" * 20}
            assert last_of(client, answer.content) == ENDS[client]
            return
        document = answer.json()
        match client:
            case "messages":
                assert document["content"][-1]["input"] == {"at": "ü" * 20}
                assert document["stop_reason"] == "tool_use"
            case "chat":
                (call,) = document["choices"][0]["message"]["tool_calls"]
                assert json.loads(call["function"]["arguments"]) == {"at": "ü" * 20}
            case "responses":
                assert json.loads(document["output"][-1]["arguments"]) == {"at": "ü" * 20}


@each_client
async def test_an_account_that_calls_the_model_otherwise_is_asked_for_it_by_its_name(
    tmp_path: Path, client: Client
) -> None:
    own = {"first": 'models = { sonnet = "claude-haiku-4-5" }'}
    async with before(tmp_path, "chat", own=own) as stage:
        answer = await ask(stage, client)
        assert sent(stage.provider.seen[0])["model"] == "claude-haiku-4-5"
        assert answer.headers["x-ccflared-model"] == "claude-haiku-4-5"
        (row,) = await stage.rows()
        assert (row.model, row.served_model, row.attempts[0].model) == (
            MODEL,
            "claude-haiku-4-5",
            "claude-haiku-4-5",
        )
        assert row.cost is not None


@streaming_or_not
async def test_what_passes_from_chat_to_chat_is_untouched(tmp_path: Path, stream: bool) -> None:
    usage = {"prompt_tokens": 50, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
    odd = (
        b": hello\r\n\r\ndata:{}\n\n\n"
        + chunk({"role": "assistant", "content": "x", "odd": [1.0, 1e400]})
        + chunk({}, "stop", usage=usage)
        + b"data: [DONE]\n\n: more\n\n"
    )
    document = json.dumps(
        {"id": "x", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage},
        indent=3,
    ).encode()
    body = json.dumps(QUESTIONS["chat"] | {"stream": stream, "odd": 1e300, "seed": 7}, indent=2).encode()
    async with before(tmp_path, "chat") as stage:
        stage.provider.play("sk-first", streamed(odd) if stream else answered(document), on="chat")
        answer = await stage.client.post(
            stage.url + PATHS["chat"], content=body, headers={"content-type": "application/json"}
        )
        assert answer.content == (odd if stream else document)
        assert stage.provider.seen[0].body == body
        (row,) = await stage.rows()
        assert (row.tokens.input, row.tokens.cache_read, row.tokens.output) == (42, 8, 4)
        assert (row.stop_reason, row.outcome) == ("end_turn", "complete")


@each_crossing
async def test_a_client_that_wants_no_stream_gets_none_of_an_upstream_that_streams_all_the_same(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream) as stage:
        stage.provider.play(
            "sk-first", streamed(said(upstream, "Good", " day"), ended(upstream)), on=upstream
        )
        answer = await ask(stage, client)
        assert answer.headers["content-type"] == "application/json"
        assert told(client, answer) == "Good day"
        (row,) = await stage.rows()
        assert (row.outcome, row.stream, row.stop_reason) == ("complete", False, "end_turn")


DOCUMENTS: dict[Upstream, Any] = {
    "chat": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Good day"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2},
    },
    "messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Good day"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 2},
    },
}


@each_crossing
async def test_a_client_that_wants_a_stream_gets_one_of_an_upstream_that_answers_with_a_document(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", answered(json.dumps(DOCUMENTS[upstream]).encode()), on=upstream)
        answer = await ask(stage, client, stream=True)
        assert answer.headers["content-type"] == "text/event-stream"
        assert told(client, answer) == "Good day"
        assert last_of(client, answer.content) == ENDS[client]
        (row,) = await stage.rows()
        assert (row.outcome, row.stream, row.tokens.input, row.tokens.output) == ("complete", True, 7, 2)


@each_crossing
@streaming_or_not
async def test_a_huge_answer_gets_across(
    tmp_path: Path, client: Client, upstream: Upstream, stream: bool
) -> None:
    text = "word ü " * 400_000
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", Answer(text, events=40), on=upstream)
        answer = await ask(stage, client, stream=stream)
        assert told(client, answer).rstrip() == text.rstrip()


@each_client
@pytest.mark.parametrize("size", [200_000, 3_000_000])
async def test_a_huge_question_gets_across(tmp_path: Path, client: Client, size: int) -> None:
    text = "wörd " * (size // 5)
    more: dict[str, Any] = (
        {"input": text} if client == "responses" else {"messages": [{"role": "user", "content": text}]}
    )
    for upstream in ("chat", "messages"):
        directory = tmp_path / upstream
        directory.mkdir()
        async with before(directory, upstream) as stage:
            assert (await ask(stage, client, **more)).status_code == 200
            assert text.encode() in stage.provider.seen[0].body.replace(b"\\u00f6", "ö".encode())
