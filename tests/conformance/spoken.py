"""Answers of an upstream, in the two dialects that accounts have."""

import json
from typing import Any

from exchange import Answer, Step, document, stream

# --- Chat Completions -------------------------------------------------------------------------------------------------

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def call(
    name: str, arguments: str, identity: str | None = "call_1", index: int | None = None
) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    if identity is not None:
        made["id"] = identity
    return made if index is None else {"index": index, **made}


def completion(
    content: Any = "Hello", finish: Any = "stop", usage: Any = USAGE, **more: Any
) -> dict[str, Any]:
    """Return a completion; ``more``: of its message."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "mid-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **more},
                "finish_reason": finish,
                "logprobs": None,
            }
        ],
        **({} if usage is None else {"usage": usage}),
    }


def completed(content: Any = "Hello", finish: Any = "stop", usage: Any = USAGE, **more: Any) -> Answer:
    return document(completion(content, finish, usage, **more))


def chunk(finish: Any = None, usage: Any = ..., **delta: Any) -> str:
    """Return one event of a stream."""
    value = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "mid-1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **({} if usage is ... else {"usage": usage}),
    }
    return event(value)


def event(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def counted(usage: Any = USAGE) -> str:
    return event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [],
            "usage": usage,
        }
    )


DONE = "data: [DONE]\n\n"
ROLE = chunk(role="assistant", content="")


def said(*texts: str) -> list[str]:
    return [chunk(content=text) for text in texts]


def calls(*given: dict[str, Any]) -> str:
    return chunk(tool_calls=list(given))


def part(index: int | None, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a fragment of a call."""
    function: dict[str, Any] = {} if arguments is None else {"arguments": arguments}
    if "name" in more:
        function["name"] = more.pop("name")
    return {**({} if index is None else {"index": index}), **more, "function": function}


def chat_stream(*steps: str | Step, finish: str = "stop", cut: int = 0) -> Answer:
    """Return a stream that has these chunks between the usual beginning and the usual end."""
    return stream(ROLE, *steps, chunk(finish=finish), counted(), DONE, cut=cut)


# --- Messages ---------------------------------------------------------------------------------------------------------

MESSAGE_USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 20,
}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(name: str, given: Any, identity: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": identity, "name": name, "input": given}


def thinking(words: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": "c2ln"}


def made(*content: dict[str, Any], stop: str = "end_turn", usage: Any = MESSAGE_USAGE) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def answered(*content: dict[str, Any], stop: str = "end_turn") -> Answer:
    return document(made(*(content or (text("Hello"),)), stop=stop))


def named(value: dict[str, Any]) -> str:
    return f"event: {value['type']}\n{event(value)}"


def start() -> str:
    usage = {**MESSAGE_USAGE, "output_tokens": 1}
    return named({"type": "message_start", "message": {**made(usage=usage), "stop_reason": None}})


def block(index: int, value: dict[str, Any], pieces: int = 2) -> list[str]:
    """Return the events of one block, its content in so many deltas."""
    match value["type"]:
        case "text":
            opened: dict[str, Any] = {"type": "text", "text": ""}
            whole, delta, key = value["text"], "text_delta", "text"
        case "thinking":
            opened = {"type": "thinking", "thinking": "", "signature": ""}
            whole, delta, key = value["thinking"], "thinking_delta", "thinking"
        case _:
            opened = {**value, "input": {}}
            whole = json.dumps(value["input"], ensure_ascii=False) if value["input"] else ""
            delta, key = "input_json_delta", "partial_json"
    size = max(1, -(-len(whole) // pieces))
    deltas = [{"type": delta, key: whole[at : at + size]} for at in range(0, len(whole), size)]
    if value["type"] == "thinking":
        deltas.append({"type": "signature_delta", "signature": "c2ln"})
    return [
        named({"type": "content_block_start", "index": index, "content_block": opened}),
        *(named({"type": "content_block_delta", "index": index, "delta": each}) for each in deltas),
        named({"type": "content_block_stop", "index": index}),
    ]


PING = named({"type": "ping"})


def stopped(stop: str = "end_turn", tokens: int = 5) -> list[str]:
    delta = {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}}
    return [named({**delta, "usage": {"output_tokens": tokens}}), named({"type": "message_stop"})]


def message_stream(*content: dict[str, Any], stop: str = "end_turn", cut: int = 0) -> Answer:
    blocks = [each for index, value in enumerate(content) for each in block(index, value)]
    return stream(start(), PING, *blocks, *stopped(stop), cut=cut)


def refused(kind: str, message: str, status: int, *headers: str) -> Answer:
    return document({"type": "error", "error": {"type": kind, "message": message}}, status, *headers)
