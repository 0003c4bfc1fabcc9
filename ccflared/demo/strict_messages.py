"""What api.anthropic.com refuses in the messages of a Messages request, in its words as far as known. Pure."""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from ccflared.demo.asked import Fault
from ccflared.demo.stream import signature

MESSAGE: Mapping[str, frozenset[str]] = {
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content"}),
    # Among the others, and with the effort of the turn: betas that Claude Code uses.
    "system": frozenset({"role", "content", "output_config", "clear_at"}),
}
BLOCK: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "cache_control", "citations"}),
    "image": frozenset({"type", "source", "cache_control", "transformations"}),
    "document": frozenset({"type", "source", "cache_control", "citations", "context", "title"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller", "toolset_name"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"}),
}
OTHER_BLOCKS = re.compile(
    r"search_result|server_tool_use|mcp_|container_upload|compaction|fallback|tool_|\w+_tool_result"
)
"""Blocks of server tools and beta features: looked at no further."""
IN_RESULT = ("text", "image", "document", "search_result", "tool_reference")
ID = re.compile(r"[a-zA-Z0-9_-]+")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,200}")
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def marks(value: Any) -> int:
    """Count the breakpoints of the prompt cache in a request, at the places where they may stand."""
    if not isinstance(value, dict):
        return 0
    parts: list[Any] = []
    for key in ("system", "tools", "messages", "content"):
        inner = value.get(key)
        parts += inner if isinstance(inner, list) else []
    return sum(marks(part) for part in parts) + (value.get("cache_control") is not None)


def conversation(messages: list[Any], signer: str) -> Iterator[Fault]:
    """Yield what is wrong with messages, each by itself and in their order."""
    for place, message in enumerate(messages):
        where = f"messages.{place}"
        if not isinstance(message, dict):
            yield Fault(f"{where}: Input should be an object")
            continue
        role = message.get("role")
        if not isinstance(role, str) or role not in MESSAGE:
            yield Fault(f"{where}.role: Input should be 'user' or 'assistant'")
            continue
        for key in sorted(message.keys() - MESSAGE[role]):
            yield Fault(f"{where}.{key}: Extra inputs are not permitted")
        last = place == len(messages) - 1
        yield from _content(message, where, signer, last=last)
    if messages[0]["role"] != "user":
        yield Fault('messages: first message must use the "user" role')
    yield from _pairs(messages)


def text(block: Mapping[str, Any], where: str, what: str = "messages") -> Iterator[Fault]:
    """Yield what is wrong with a text block. ``what``: what it is part of."""
    yield from _extra(block, "text", where)
    if not isinstance(block.get("text"), str):
        yield Fault(f"{where}.text: Field required")
    elif not block["text"]:
        yield Fault(f"{what}: text content blocks must be non-empty")
    elif not block["text"].strip():
        yield Fault(f"{what}: text content blocks must contain non-whitespace text")


def _content(message: Mapping[str, Any], where: str, signer: str, *, last: bool) -> Iterator[Fault]:
    content, role = message.get("content"), message.get("role")
    if role == "system" and content is None and message.get("output_config"):
        return
    if not isinstance(content, str | list):
        yield Fault(f"{where}.content: Input should be a valid string or a valid array")
        return
    final = last and role == "assistant"
    if not content and not final:
        yield Fault(
            f"{where}: all messages must have non-empty content except for the optional final assistant message"
        )
    if isinstance(content, str):
        if content and not content.strip():
            yield Fault("messages: text content blocks must contain non-whitespace text")
        ending = content
    else:
        for place, block in enumerate(content):
            yield from _block(block, f"{where}.content.{place}", role, signer)
        ending = content[-1].get("text", "") if content else ""
    if final and ending != ending.rstrip():
        yield Fault("messages: final assistant content cannot end with trailing whitespace")


def _block(block: Any, where: str, role: Any, signer: str) -> Iterator[Fault]:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str) or (kind not in BLOCK and not OTHER_BLOCKS.match(kind)):
        yield Fault(f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
        return
    belongs = {"thinking": "assistant", "redacted_thinking": "assistant", "tool_use": "assistant"} | {
        "tool_result": "user"
    }
    if role != belongs.get(kind, role):
        yield Fault(f"{where}: `{kind}` blocks can only be in `{belongs[kind]}` messages")
    yield from _extra(block, kind, where)
    match kind:
        case "text":
            yield from text(block, where)
        case "image":
            yield from _image(block.get("source"), f"{where}.image.source")
        case "document":
            yield from _document(block.get("source"), f"{where}.document.source")
        case "thinking":
            if not isinstance(block.get("thinking"), str) or not isinstance(block.get("signature"), str):
                missing = "signature" if isinstance(block.get("thinking"), str) else "thinking"
                yield Fault(f"{where}.thinking.{missing}: Field required")
            elif block["signature"] != signature(signer, block["thinking"]):
                yield Fault(f"{where}: Invalid `signature` in `thinking` block")
        case "redacted_thinking":
            # This provider makes none.
            yield Fault(f"{where}: Invalid `data` in `redacted_thinking` block")
        case "tool_use":
            yield from _tool_use(block, f"{where}.tool_use")
        case "tool_result":
            yield from _tool_result(block, f"{where}.tool_result")
        case _:
            pass


def _image(source: Any, where: str) -> Iterator[Fault]:
    match source:
        case {"type": "base64", "media_type": media, "data": data}:
            if media not in IMAGES:
                yield Fault(f"{where}.base64.media_type: Input should be {', '.join(map(repr, IMAGES))}")
            if not isinstance(data, str) or not BASE64.fullmatch(data):
                yield Fault(f"{where}.base64: invalid base64 data")
        case {"type": "url", "url": str(url)} if url.startswith(("https://", "http://")):
            pass
        case {"type": "file"}:
            pass
        case _:
            yield Fault(
                f"{where}: Input tag does not match any of the expected tags: 'base64', 'url', 'file'"
            )


def _document(source: Any, where: str) -> Iterator[Fault]:
    match source:
        case {"type": "base64", "media_type": media, "data": data}:
            if media != "application/pdf":
                yield Fault(f"{where}.base64.media_type: Input should be 'application/pdf'")
            if not isinstance(data, str) or not BASE64.fullmatch(data):
                yield Fault(f"{where}.base64: invalid base64 data")
        case {"type": "text", "media_type": "text/plain", "data": str()}:
            pass
        case {"type": "url" | "content" | "file"}:
            pass
        case _:
            yield Fault(f"{where}: Input tag does not match any of the expected tags")


def _tool_use(block: Mapping[str, Any], where: str) -> Iterator[Fault]:
    yield from _id(block.get("id"), f"{where}.id")
    if not isinstance(block.get("name"), str) or not NAME.fullmatch(block["name"]):
        yield Fault(f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'")
    if not isinstance(block.get("input"), dict):
        yield Fault(f"{where}.input: Input should be an object")


def _tool_result(block: Mapping[str, Any], where: str) -> Iterator[Fault]:
    yield from _id(block.get("tool_use_id"), f"{where}.tool_use_id")
    if not isinstance(block.get("is_error"), bool | None):
        yield Fault(f"{where}.is_error: Input should be a valid boolean")
    content = block.get("content")
    if not isinstance(content, str | list | None):
        yield Fault(f"{where}.content: Input should be a valid string or a valid array")
    for place, part in enumerate(content if isinstance(content, list) else ()):
        spot = f"{where}.content.{place}"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in IN_RESULT:
            yield Fault(
                f"{spot}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
            )
        elif kind != "text" and block.get("is_error"):
            yield Fault(f'{where}: all content must be type "text" if "is_error" is true')
        else:
            yield from _block(part, spot, "user", "")


def _pairs(messages: list[Any]) -> Iterator[Fault]:
    """Each call needs its result in the very next turn of the user, before anything else; a result, its call."""
    awaited: list[str] = []
    known: set[str] = set()
    place = 0
    spoken = [message for message in messages if message["role"] != "system"]
    # Messages of one role in a row are one turn.
    for role, turn in groupby(spoken, key=lambda message: message["role"]):
        blocks = [
            block
            for message in turn
            for block in (message["content"] if isinstance(message["content"], list) else [{"type": "text"}])
        ]
        if role == "assistant":
            awaited = [block["id"] for block in blocks if block["type"] == "tool_use"]
            if len({*awaited} - known) < len(awaited):
                yield Fault("messages: `tool_use` ids must be unique")
            known |= {*awaited}
        else:
            yield from _results(blocks, awaited, place)
            awaited = []
        place += 1
    if awaited:
        yield _unanswered(place - 1, awaited)


def _results(blocks: list[Any], awaited: list[str], place: int) -> Iterator[Fault]:
    where = f"messages.{place}.content"
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    leading = [block["type"] for block in blocks[: len(results)]]
    for at, each in enumerate(results):
        if each not in awaited:
            yield Fault(
                f"{where}.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {each}. Each `tool_result` "
                "block must have a corresponding `tool_use` block in the previous message."
            )
    if len({*results}) < len(results):
        yield Fault(f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks.")
    missing = [each for each in awaited if each not in results]
    if missing or any(kind != "tool_result" for kind in leading):
        yield _unanswered(place - 1, missing or awaited)


def _unanswered(place: int, ids: list[str]) -> Fault:
    return Fault(
        f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _id(value: Any, where: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield Fault(f"{where}: Field required")
    elif not ID.fullmatch(value):
        yield Fault(f"{where}: String should match pattern '^[a-zA-Z0-9_-]+$'")


def _extra(block: Mapping[str, Any], kind: str, where: str) -> Iterator[Fault]:
    if kind in BLOCK:
        for key in sorted(block.keys() - BLOCK[kind]):
            yield Fault(f"{where}.{kind}.{key}: Extra inputs are not permitted")
