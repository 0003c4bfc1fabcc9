"""Spelling one assistant message: as server-sent events, or as one JSON document. Pure."""

import json
import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ccflared.demo.asked import Asked, Tool
from ccflared.demo.script import Answer

THOUGHT = "The question is plain, so the answer can be short."


@dataclass(frozen=True, slots=True)
class Block:
    """One content block: how it opens, the deltas that fill it, and how it stands when complete."""

    opening: dict[str, object]
    deltas: tuple[dict[str, object], ...]
    whole: dict[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """An assistant message, complete."""

    id: str
    model: str
    blocks: tuple[Block, ...]
    stop_reason: str
    usage: dict[str, object]


def name(prefix: str, dice: random.Random) -> str:
    """Return an identifier as the API makes them: ``msg_01…``, ``req_01…``, ``toolu_01…``."""
    return f"{prefix}_01" + "".join(dice.choices(string.ascii_letters + string.digits, k=22))


def compose(answer: Answer, asked: Asked, *, warm: bool, dice: random.Random) -> Message:
    """Return the message that ``answer`` gives. ``warm``: the request's prefix is in the prompt cache."""
    blocks: list[Block] = []
    if answer.thinking:
        blocks.append(_thinking(dice))
    tool = _chosen(answer, asked)
    if tool is None:
        blocks.append(_text(pieces(answer.text, answer.events)))
    else:
        blocks += [_text(pieces(f"Let me use {tool.name}.", None)), _tool_use(tool, dice)]
    return Message(
        id=name("msg", dice),
        model=asked.model,
        blocks=tuple(blocks),
        stop_reason="end_turn" if tool is None else "tool_use",
        usage=_usage(answer, asked, warm, sum(len(block.deltas) for block in blocks)),
    )


def document(message: Message) -> bytes:
    """Return the message as the JSON of an answer without streaming."""
    return json.dumps(
        {
            "id": message.id,
            "type": "message",
            "role": "assistant",
            "model": message.model,
            "content": [block.whole for block in message.blocks],
            "stop_reason": message.stop_reason,
            "stop_sequence": None,
            "usage": message.usage,
        }
    ).encode()


def events(message: Message) -> Iterator[bytes]:
    """Yield the message's server-sent events, each complete with its blank line."""
    start: dict[str, object] = {
        "id": message.id,
        "type": "message",
        "role": "assistant",
        "model": message.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": message.usage | {"output_tokens": 1},
    }
    yield event("message_start", message=start)
    yield event("ping")
    for index, block in enumerate(message.blocks):
        yield event("content_block_start", index=index, content_block=block.opening)
        for delta in block.deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    counts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    yield event(
        "message_delta",
        delta={"stop_reason": message.stop_reason, "stop_sequence": None},
        usage={key: message.usage[key] for key in counts},
    )
    yield event("message_stop")


def event(kind: str, **fields: object) -> bytes:
    """Return one server-sent event of this kind."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()


def pieces(text: str, count: int | None) -> tuple[str, ...]:
    """Cut a text into deltas: one for every two words, or exactly ``count``, repeating words to fill them."""
    words = re.findall(r"\s*\S+", text) or [text]
    if count is None:
        return tuple("".join(words[at : at + 2]) for at in range(0, len(words), 2))
    if count > len(words):
        again = tuple(" " + word.lstrip() for word in words)
        return tuple(words[at] if at < len(words) else again[at % len(again)] for at in range(count))
    edges = [len(words) * at // count for at in range(count + 1)] if count else []
    return tuple("".join(words[low:high]) for low, high in pairwise(edges))


def _chosen(answer: Answer, asked: Asked) -> Tool | None:
    if answer.tool is None:
        return None
    fitting = [tool for tool in asked.tools if answer.tool in {"auto", tool.name}]
    if not fitting:
        return None
    return fitting[0] if answer.tool_input is None else replace(fitting[0], input=dict(answer.tool_input))


def _text(parts: tuple[str, ...]) -> Block:
    return Block(
        {"type": "text", "text": ""},
        tuple({"type": "text_delta", "text": part} for part in parts),
        {"type": "text", "text": "".join(parts)},
    )


def _thinking(dice: random.Random) -> Block:
    signature = "".join(dice.choices(string.ascii_letters + string.digits, k=64))
    deltas: list[dict[str, object]] = [
        {"type": "thinking_delta", "thinking": part} for part in pieces(THOUGHT, None)
    ]
    deltas.append({"type": "signature_delta", "signature": signature})
    return Block(
        {"type": "thinking", "thinking": "", "signature": ""},
        tuple(deltas),
        {"type": "thinking", "thinking": THOUGHT, "signature": signature},
    )


def _tool_use(tool: Tool, dice: random.Random) -> Block:
    label = name("toolu", dice)
    text = json.dumps(tool.input)
    # The first delta is empty and the cuts fall anywhere, as they do in real streams.
    parts = ("", *(text[at : at + 9] for at in range(0, len(text), 9)))
    return Block(
        {"type": "tool_use", "id": label, "name": tool.name, "input": {}},
        tuple({"type": "input_json_delta", "partial_json": part} for part in parts),
        {"type": "tool_use", "id": label, "name": tool.name, "input": tool.input},
    )


def _usage(answer: Answer, asked: Asked, warm: bool, deltas: int) -> dict[str, object]:
    written = 0 if warm else asked.prefix_tokens
    five = answer.cache_write_5m if answer.cache_write_5m is not None else (0 if asked.one_hour else written)
    hour = answer.cache_write_1h if answer.cache_write_1h is not None else (written if asked.one_hour else 0)
    read = answer.cache_read if answer.cache_read is not None else asked.prefix_tokens - written
    plain = answer.input_tokens if answer.input_tokens is not None else asked.tokens - asked.prefix_tokens
    return {
        "input_tokens": plain,
        "cache_creation_input_tokens": five + hour,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        "output_tokens": answer.output_tokens if answer.output_tokens is not None else 3 * deltas,
        "service_tier": "standard",
    }
