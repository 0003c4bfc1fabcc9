"""Reading a Messages request as far as the fake provider must understand it. Pure."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

HARMLESS = ("Glob", "Bash", "LS", "Grep", "Read")
"""Tools of Claude Code, those first that change nothing and need no permission with the input below."""
KNOWN_INPUTS: dict[str, dict[str, object]] = {
    "Read": {"file_path": "/etc/hostname"},
    "Glob": {"pattern": "*"},
    "Grep": {"pattern": "ccflared"},
    "LS": {"path": "/tmp"},  # noqa: S108 - a path to look at, nothing is put there
    "Bash": {"command": "echo hello from ccflared", "description": "Say hello"},
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The request is not one; ``message`` says why, as the real API words it."""

    message: str
    param: str | None = None
    """What is at fault; ``code``, how. The Messages API tells neither."""
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the request, and input that its schema would accept."""

    name: str
    input: dict[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a valid request asks for."""

    model: str
    stream: bool
    tools: tuple[Tool, ...]
    """Those that may be called, the most sensible first; empty once a tool result is there."""
    tokens: int
    """Estimated input, a token for four bytes."""
    prefix: str | None
    """Names the part marked for the prompt cache; None where nothing is marked."""
    prefix_tokens: int
    one_hour: bool
    """The marks ask for the hour's cache."""
    offered: tuple[str, ...] = ()
    """The names of all tools."""
    turns: int = 0
    """How often the conversation tells that tools were called; calls made side by side are one time."""
    tells_usage: bool = True
    """A stream is to end with its usage."""


def read(body: bytes, *, counting: bool = False) -> Asked | Fault:
    """Return what the body of a Messages request asks for, or what is wrong with it.

    ``counting``: it is a count_tokens request, which needs no ``max_tokens``.
    """
    try:
        parsed = json.loads(body)
    except ValueError as error:
        return Fault(f"The request body is not valid JSON: {error}")
    if not isinstance(parsed, dict):
        return Fault("The request body must be a JSON object")
    model, messages = parsed.get("model"), parsed.get("messages")
    if not isinstance(model, str):
        return Fault("model: Field required")
    if not isinstance(messages, list):
        return Fault("messages: Field required")
    if not messages:
        return Fault("messages: at least one message is required")
    if not counting and not isinstance(parsed.get("max_tokens"), int):
        return Fault("max_tokens: Field required")
    marked = b'"cache_control"' in body
    shared = json.dumps([model, parsed.get("tools"), parsed.get("system")]).encode()
    return Asked(
        model=model,
        stream=parsed.get("stream") is True,
        tools=() if _has_result(messages) else _callable(parsed.get("tools"), parsed.get("tool_choice")),
        tokens=max(1, len(body) // 4),
        prefix=hashlib.sha256(shared).hexdigest() if marked else None,
        prefix_tokens=min(len(shared), len(body)) // 4 if marked else 0,
        one_hour=marked and (b'"ttl":"1h"' in body or b'"ttl": "1h"' in body),
        offered=_offered(parsed.get("tools")),
        turns=_turns(messages),
    )


def _has_result(messages: list[Any]) -> bool:
    """Whether a tool result came since the assistant last spoke."""
    for message in reversed(messages):
        if not isinstance(message, dict) or message.get("role") == "assistant":
            return False
        if _holds(message, "tool_result"):
            return True
    return False


def runs(called: Iterable[bool]) -> int:
    """Count the runs of messages that call tools. ``called`` says of each message whether it does."""
    return sum(now and not before for before, now in pairwise([False, *called]))


def _turns(messages: list[Any]) -> int:
    return runs(
        message.get("role") == "assistant" and _holds(message, "tool_use")
        for message in messages
        if isinstance(message, dict)
    )


def _holds(message: dict[str, Any], kind: str) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == kind for block in content
    )


def _offered(tools: Any) -> tuple[str, ...]:
    if not isinstance(tools, list):
        return ()
    return tuple(
        tool["name"] for tool in tools if isinstance(tool, dict) and isinstance(tool.get("name"), str)
    )


def _callable(tools: Any, choice: Any) -> tuple[Tool, ...]:
    if not isinstance(tools, list):
        return ()
    wanted = choice if isinstance(choice, dict) else {}
    if wanted.get("type") == "none":
        return ()
    found = [
        Tool(tool["name"], KNOWN_INPUTS.get(tool["name"]) or filled(tool["input_schema"]))
        for tool in tools
        if isinstance(tool, dict)
        and isinstance(tool.get("name"), str)
        and isinstance(tool.get("input_schema"), dict)
        and not tool.get("defer_loading")
    ]
    if wanted.get("type") == "tool":
        found = [tool for tool in found if tool.name == wanted.get("name")]
    return sensible(found)


def sensible(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Return the tools, the most sensible first."""
    rank = {name: place for place, name in enumerate(HARMLESS)}
    return tuple(sorted(tools, key=lambda tool: rank.get(tool.name, len(rank))))


def filled(schema: dict[str, Any]) -> dict[str, object]:
    """Return an object with each required property of a JSON Schema."""
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    return {name: _sample(name, properties.get(name)) for name in required if isinstance(name, str)}


def _sample(name: str, schema: Any) -> object:
    if not isinstance(schema, dict):
        return name
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        first: object = choices[0]
        return first
    match schema.get("type"):
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return filled(schema)
        case _:
            return "Paris" if name in {"city", "location"} else f"a {name}"
