"""Changes an input so that it stays nearly right: a place of its JSON is lost, said twice, changed, or put elsewhere.

Of bytes that are changed at random most are no JSON, and the reader's first line refuses them.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

from ccflared.formats import sse

WORDS: Final = (
    *("", " ", "\n", "\ud800", "😀", "\0", "{", "{}", '{"a":1}', "[1]", '{"a":', "null", "[DONE]", "a" * 300, "c1", "toolu_1", "call_1"),
    *("user", "assistant", "system", "developer", "tool", "function", "custom", "namespace", "message", "object", "string", "array"),
    *("text", "thinking", "redacted_thinking", "tool_use", "tool_result", "image", "document", "base64", "url", "image_url", "file"),
    *("server_tool_use", "web_search_tool_result", "search_result", "container_upload", "mcp_tool_use", "mcp_tool_result"),
    *("input_text", "output_text", "input_image", "input_file", "function_call", "function_call_output", "custom_tool_call"),
    *("custom_tool_call_output", "reasoning", "local_shell_call", "web_search_call", "item_reference", "additional_tools"),
    *("auto", "any", "none", "required", "enabled", "disabled", "adaptive", "low", "high", "max", "minimal", "ephemeral", "1h"),
    *("end_turn", "max_tokens", "stop_sequence", "refusal", "pause_turn", "stop", "length", "tool_calls", "content_filter", "error"),
    *("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta", "content_block_stop", "ping"),
    *("text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta", "json_schema", "json_object"),
    *("data:image/png;base64,AAAA", "data:,x", "https://example.com/a.png", "claude-opus-4-5", "gpt-5", "#/$defs/x"),
)  # fmt: skip
NUMBERS: Final = (0, 1, -1, 2, 1.5, -0.0, 1e308, 2**53 + 1, 10**30, True, False, None)
KEYS: Final = (
    *("type", "role", "content", "text", "id", "name", "input", "arguments", "index", "delta", "error", "usage", "model", "choices"),
    *("tool_calls", "function", "tool_use_id", "call_id", "tool_call_id", "signature", "thinking", "source", "data", "media_type"),
    *("cache_control", "partial_json", "stop_reason", "finish_reason", "message", "content_block", "reasoning_content", "reasoning"),
    *("reasoning_details", "refusal", "annotations", "parameters", "input_schema", "$ref", "properties", "tools", "output", "summary"),
)  # fmt: skip


def mutated(data: bytes, dice: Random) -> bytes | None:
    """Return other bytes; None where there is no JSON in these."""
    if data.lstrip().startswith((b"event", b"data", b"id", b":")):
        return _stream(data, dice)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return _dumped(_changed(document, dice), dice)


def _stream(data: bytes, dice: Random) -> bytes | None:
    cutter = sse.Cutter()
    events = cutter.feed(data) + cutter.close()
    if not events:
        return None
    place = dice.randrange(len(events))
    match dice.randrange(6):
        case 0:
            del events[place]
        case 1:
            events.insert(dice.randrange(len(events) + 1), events[place])
        case 2:
            events[place:] = []
        case _:
            event = sse.parse(events[place])
            try:
                value = json.loads(event.data)
            except (ValueError, RecursionError):
                return None
            name = event.name.decode(errors="replace")
            written = _dumped(_changed(value, dice), dice)
            events[place] = sse.encode(name, written) if name else b"data: " + written + b"\n\n"
    return b"".join(events)


def _dumped(value: Any, dice: Random) -> bytes:
    text = json.dumps(value, ensure_ascii=dice.random() < 0.8)
    return text.encode(errors="replace")


def _changed(document: Any, dice: Random) -> Any:
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        holders = [value for value in _holders(document) if value]
        if not holders:
            return _value(document, dice)
        holder = dice.choice(holders)
        place = dice.randrange(len(holder)) if isinstance(holder, list) else dice.choice(list(holder))
        match dice.randrange(7):
            case 0:
                del holder[place]
            case 1 if isinstance(holder, list):
                holder.insert(dice.randrange(len(holder) + 1), deepcopy(holder[place]))
            case 2 if isinstance(holder, list):
                holder.insert(dice.randrange(len(holder)), holder.pop(place))
            case 3 if isinstance(holder, dict):
                holder[dice.choice(KEYS)] = _value(document, dice)
            case 4 if isinstance(holder, dict):
                holder[dice.choice(KEYS)] = holder.pop(place)
            case _:
                holder[place] = _value(document, dice)
    return document


def _value(document: Any, dice: Random) -> Any:
    match dice.randrange(8):
        case 0:
            return dice.choice(NUMBERS)
        case 1:
            return deepcopy(dice.choice(([], {}, [{}], [""], {"type": dice.choice(WORDS)})))
        case 2 | 3:
            holders = list(_holders(document))
            return deepcopy(dice.choice(holders)) if holders else None
        case _:
            return dice.choice(WORDS)


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)
