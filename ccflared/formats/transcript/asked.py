"""What a client said: the system prompt, the tools it offers, and the messages so far."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ccflared.formats.json_text import text_of
from ccflared.formats.transcript.blocks import Block, block_parts, call, parts_of, result, thinking
from ccflared.formats.transcript.room import Part, Room

Message = dict[str, Any]
"""A role and its parts."""

MESSAGES: Final = 5000
"""Messages that are told, the latest."""
TOOLS: Final = 1000
_DESCRIPTION: Final = 4000

_OF_ASSISTANT: Final = ("reasoning", "item_reference", "compaction")


def system_of(request: Mapping[str, Any], room: Room) -> list[Part]:
    """Return what the model was told before all messages; those of the role system stand among the messages."""
    return [part for name in ("system", "instructions") for part in parts_of(request.get(name), room)]


def tools_of(request: Mapping[str, Any], room: Room) -> list[dict[str, Any]]:
    """Return each tool's name, description and size; those of a namespace under the name of both."""
    listed = [*_named("", request.get("tools")), *_named("", request.get("functions"))]
    if len(listed) > TOOLS:
        room.note(f"{len(listed) - TOOLS} tools are not shown.")
    return [_tool(space, tool, room) for space, tool in listed[:TOOLS]]


def _named(space: str, tools: Any) -> Iterator[tuple[str, Block]]:
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict):
            continue
        if tool.get("type") == "namespace" and not space:
            yield from _named(str(tool.get("name") or ""), tool.get("tools"))
        else:
            yield space, tool


def _tool(space: str, tool: Block, room: Room) -> dict[str, Any]:
    kind = tool.get("type")
    inner = next((tool[name] for name in ("function", "custom") if isinstance(tool.get(name), dict)), tool)
    name = inner.get("name") or kind or ""
    description = inner.get("description")
    told = room.cut(description, _DESCRIPTION) if isinstance(description, str) else {"text": None}
    try:
        size = len(text_of(tool).encode())
    except ValueError:
        size = None
    return {
        "name": room.line(f"{space}.{name}" if space else str(name)) or "",
        "description": told["text"],
        **({"cut": told["cut"]} if "cut" in told else {}),
        "type": room.line(kind, 100),
        "bytes": size,
    }


def messages_of(request: Mapping[str, Any], room: Room) -> list[Message]:
    """Return the messages in the client's order; where there is not room for all of them, the latest."""
    said = next((request[name] for name in ("messages", "input", "prompt") if request.get(name)), None)
    items = said if isinstance(said, list) else [] if said is None else [said]
    if len(items) > MESSAGES:
        room.note(f"The first {len(items) - MESSAGES} messages are not shown.")
    told: list[Message] = []
    for item in reversed(items[-MESSAGES:]):
        message = _message(item, room)
        if not message["parts"] and room.untold:
            continue
        if told and _may_join(message, told[-1], item):
            told[-1] = {**message, "parts": message["parts"] + told[-1]["parts"]}
        else:
            told.append(message)
    told.reverse()
    return told


def _may_join(message: Message, following: Message, item: Any) -> bool:
    """Whether an item of Responses is one with the next: there, each call and each thought is an item of its own."""
    return message["role"] == following["role"] and isinstance(item, dict) and "role" not in item


def _message(item: Any, room: Room) -> Message:
    if isinstance(item, str):
        return {"role": "user", "parts": list(block_parts(item, room))}
    if not isinstance(item, dict):
        return {"role": "unknown", "parts": list(block_parts(item, room))}
    if isinstance(role := item.get("role"), str):
        return {"role": room.line(role, 40) or "unknown", "parts": spoken(item, room)}
    kind = str(item.get("type") or "")
    if kind == "message":
        return {"role": "unknown", "parts": spoken(item, room)}
    if kind.endswith("_output"):
        return {"role": "tool", "parts": list(block_parts(item, room))}
    of_assistant = kind.endswith("_call") or kind in _OF_ASSISTANT
    return {"role": "assistant" if of_assistant else "user", "parts": list(block_parts(item, room))}


def spoken(message: Block, room: Room) -> list[Part]:
    """Return the parts of a message: its content, and what Chat Completions has beside it."""
    match message.get("role"):
        case "tool" if "content" in message and not _has_result(message["content"]):
            return [result(message.get("tool_call_id"), message["content"], room)] if room.admits() else []
        case "function":
            return [result(message.get("name"), message.get("content"), room)] if room.admits() else []
        case _:
            pass
    thoughts = (message.get(name) for name in ("reasoning_content", "reasoning"))
    thought = next((text for text in thoughts if isinstance(text, str) and text), None)
    parts = [thinking(thought, room)] if thought is not None and room.admits() else []
    parts += parts_of(message.get("content"), room)
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        parts += block_parts(refusal, room)
    return parts + list(_calls(message, room))


def _has_result(content: Any) -> bool:
    blocks: Sequence[Any] = content if isinstance(content, list) else ()
    return any(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)


def _calls(message: Block, room: Room) -> Iterator[Part]:
    listed = message.get("tool_calls")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and room.admits():
            custom = each.get("custom")
            if isinstance(custom, dict):
                text = custom.get("input")
                yield call(each.get("id"), custom.get("name"), text or "", room, free=True)
            else:
                function = each.get("function")
                inner = function if isinstance(function, dict) else {}
                yield call(each.get("id"), inner.get("name"), inner.get("arguments"), room)
    function = message.get("function_call")
    if isinstance(function, dict) and room.admits():
        yield call(None, function.get("name"), function.get("arguments"), room)
