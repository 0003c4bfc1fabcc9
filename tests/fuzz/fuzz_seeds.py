"""Where fuzzing begins: small requests, streams and documents of each dialect, as their public references have them."""

import base64
import json
from typing import Any, Final

from ccflared.formats import sse

PIXEL: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA: Final = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
USAGE: Final = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 3}
CHAT_USAGE: Final = {
    "prompt_tokens": 13,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 3},
}

MESSAGES: Final[list[dict[str, Any]]] = [
    {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "stream": True,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330;"},
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        "messages": [
            {"role": "user", "content": "Read it."},
            {"role": "system", "content": "The time is short."},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Let me see.", "signature": "Eq=="},
                    {"type": "redacted_thinking", "data": "Er=="},
                    {"type": "text", "text": "I will."},
                    {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "/a", "n": 9007199254740993}},
                    {"type": "tool_use", "id": "toolu_2", "name": "mcp__files__read", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Here."},
                    {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True},
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [
                            {"type": "text", "text": "ok"},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                        ],
                    },
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "D"}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
                ],
            },
        ],
        "tools": [
            {"name": "Read", "description": "Reads.", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}},
            {"name": "mcp__files__read", "input_schema": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "metadata": {"user_id": "user_1"},
        "stop_sequences": ["END"],
        "temperature": 0,
        "top_k": 5,
    },
    {"model": "claude-haiku-4-5", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}]},
]  # fmt: skip

CHAT: Final[list[dict[str, Any]]] = [
    {
        "model": "gpt-5",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "functions.read:0", "type": "function", "function": {"name": "read", "arguments": '{"path":"/a"}'}},
                    {"id": "call_2", "type": "function", "function": {"name": "read", "arguments": ""}},
                ],
            },
            {"role": "tool", "tool_call_id": "functions.read:0", "content": "ok"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "ok"}]},
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "function": {"name": "read", "parameters": SCHEMA, "strict": None}}],
        "tool_choice": {"type": "function", "function": {"name": "read"}},
        "parallel_tool_calls": False,
        "max_completion_tokens": 100,
        "reasoning_effort": "high",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["END", " "],
        "temperature": 1.5,
        "user": "u",
    }
]  # fmt: skip

RESPONSES: Final[list[dict[str, Any]]] = [
    {
        "model": "gpt-5-codex",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Look."}, {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": '{"path":"/"}'},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Wait."}]},
            {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "ok"}]},
            {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin Patch"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
            {"type": "local_shell_call", "call_id": "c3", "action": {"type": "exec", "command": ["ls"]}},
        ],
        "tools": [
            {"type": "function", "name": "shell", "parameters": SCHEMA, "strict": False},
            {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
            {"type": "namespace", "name": "mcp", "tools": [{"type": "function", "name": "read", "parameters": SCHEMA}]},
            {"type": "web_search"},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "stream": True,
        "prompt_cache_key": "k",
        "text": {"format": {"type": "text"}, "verbosity": "low"},
    },
    {"model": "gpt-5", "input": "Hi", "max_output_tokens": 10},
]  # fmt: skip


def _said(kind: str, **members: Any) -> bytes:
    return sse.encode(kind, json.dumps({"type": kind, **members}).encode())


def _chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
    }
    return b"data: " + json.dumps(chunk | more).encode() + b"\n\n"


def _call(index: int, arguments: str, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **more, "function": {"arguments": arguments}}]}


MESSAGES_STREAM: Final = (
    _said("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": USAGE})
    + _said("ping")
    + _said("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""})
    + _said("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"})
    + _said("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "Eq=="})
    + _said("content_block_stop", index=0)
    + _said("content_block_start", index=1, content_block={"type": "redacted_thinking", "data": "Er=="})
    + _said("content_block_stop", index=1)
    + _said("content_block_start", index=2, content_block={"type": "text", "text": ""})
    + _said("content_block_delta", index=2, delta={"type": "text_delta", "text": "so"})
    + _said("content_block_stop", index=2)
    + _said("content_block_start", index=3, content_block={"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}})
    + _said("content_block_delta", index=3, delta={"type": "input_json_delta", "partial_json": '{"pa'})
    + _said("content_block_delta", index=3, delta={"type": "input_json_delta", "partial_json": 'th":1}'})
    + _said("content_block_stop", index=3)
    + _said("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage=USAGE)
    + _said("message_stop")
)  # fmt: skip
MESSAGES_FAILING: Final = _said("message_start", message={}) + _said(
    "error", error={"type": "overloaded_error", "message": "m"}
)

CHAT_STREAM: Final = (
    b": OPENROUTER PROCESSING\n\n"
    + _chunk({"role": "assistant", "content": ""})
    + _chunk({"reasoning_content": "hm"})
    + _chunk({"content": "so"})
    + _chunk(_call(0, "", id="call_1", type="function") | {"content": None})
    + _chunk(
        {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "read", "arguments": '{"pa'}}]}
    )
    + _chunk({"tool_calls": [{"index": 1, "id": "call_2", "function": {"name": "read", "arguments": ""}}]})
    + _chunk(_call(0, 'th":1}'))
    + _chunk({}, "tool_calls")
    + _chunk({}, None, choices=[], usage=CHAT_USAGE)
    + b"data: [DONE]\n\n"
)
CHAT_FAILING: Final = _chunk({"content": "so"}, "error", error={"code": 502, "message": "m"}).replace(
    b"\n", b"\r\n"
)

MESSAGES_DOCUMENT: Final = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_sequence": None, "usage": USAGE,
    "content": [{"type": "thinking", "thinking": "hm", "signature": "Eq=="}, {"type": "text", "text": "so"}, {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}],
}  # fmt: skip
CHAT_DOCUMENT: Final = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "usage": CHAT_USAGE,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "so", "reasoning": "hm", "refusal": None,
      "tool_calls": [{"id": "c", "type": "function", "function": {"name": "n", "arguments": "{}"}}]}}],
}  # fmt: skip


def _bytes(*documents: dict[str, Any]) -> list[bytes]:
    return [json.dumps(document).encode() for document in documents]


ERRORS: Final = _bytes(
    {"type": "error", "error": {"type": "invalid_request_error", "message": "messages.1.content.0: Invalid `signature` in `thinking` block"}},
    {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model.", "param": "max_tokens", "code": "unsupported_parameter"}},
    {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "user"], "msg": "Extra inputs are not permitted"}]}},
)  # fmt: skip
BYTES: Final = [
    *(
        error + b"\n\n" + json.dumps({"user": "u", "max_tokens": 1} | MESSAGES[0]).encode()
        for error in ERRORS
    ),
    PIXEL.encode(),
    base64.b64encode(
        b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(11) + b"\xff\xc0\0\x11\x08\0\x10\0\x10" + bytes(20)
    ),
    base64.b64encode(b"RIFF\0\0\0\0WEBPVP8X" + bytes(30)),
    base64.b64encode(b"GIF89a" + bytes(30)),
]
SEEDS: Final[dict[tuple[str, str], list[bytes]]] = {
    ("request", "messages"): _bytes(*MESSAGES),
    ("request", "chat"): _bytes(*CHAT),
    ("request", "responses"): _bytes(*RESPONSES),
    ("stream", "messages"): [MESSAGES_STREAM, MESSAGES_FAILING],
    ("stream", "chat"): [CHAT_STREAM, CHAT_FAILING],
    ("document", "messages"): _bytes(MESSAGES_DOCUMENT) + ERRORS[:1],
    ("document", "chat"): _bytes(CHAT_DOCUMENT) + ERRORS[1:],
    ("bytes", ""): BYTES,
    ("stream", ""): [MESSAGES_STREAM, CHAT_STREAM, CHAT_FAILING, b"\xef\xbb\xbfdata: a\r\r"],
}
