"""Request bodies as Claude Code writes them, of any size: a system prompt, tools, a conversation with tool results."""

import json
import random
import re
from typing import Any, Final

WORDS: Final = re.findall(
    r"\w+",
    "the loop bound is off by one so that last chunk gets read twice parse header return value token stream buffer "
    "test fails def class import self None True path error open write close socket request",
)
CODE: Final = ('"key": "value",\n', "\tif x <= n:\n", "    return {\n", "\\n", "— ünï", "print(f'{x}')\n")
TOOLS: Final = (
    "Task",
    "Bash",
    "Glob",
    "Grep",
    "Read",
    "Edit",
    "MultiEdit",
    "Write",
    "NotebookEdit",
    "WebFetch",
)
SMALL: Final = 10_000


def body(size: int, *, stream: bool) -> bytes:
    """Return the body of a Messages request of about ``size`` bytes; always the same for the same arguments."""
    dice = random.Random(7)
    document: dict[str, Any] = {
        "model": "claude-sonnet-4-5-20250929",
        "max_tokens": 32000,
        "temperature": 1,
        "metadata": {
            "user_id": "user_0123456789abcdef_account__session_5d1f9c1e-2d3a-4a7e-9d8a-0a1b2c3d4e5f"
        },
        "system": [_text("You are Claude Code, Anthropic's official CLI for Claude.") | _CACHED],
        "messages": [],
        "tools": [],
    }
    if stream:
        document["stream"] = True
    if size < SMALL:
        document["tools"] = [_tool("Read", 150, dice)]
        missing = size - len(_encoded(document)) - 60
        document["messages"] = [{"role": "user", "content": [_text(_words(missing, dice))]}]
    else:
        document["system"].append(_text(_words(14_000, dice)) | _CACHED)
        document["tools"] = [_tool(name, 2500, dice) for name in TOOLS]
        document["messages"] = _conversation(size - len(_encoded(document)), dice)
    return _encoded(document)


_CACHED: Final = {"cache_control": {"type": "ephemeral"}}


def _conversation(size: int, dice: random.Random) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [_text(_words(400, dice))]}]
    length = 500
    while length < size - 1000:
        turn = f"toolu_{len(messages):024d}"
        call = {"type": "tool_use", "id": turn, "name": "Read", "input": {"file_path": f"/src/{turn}.py"}}
        result = {"type": "tool_result", "tool_use_id": turn, "content": _words(5000, dice, code=True)}
        added = [
            {"role": "assistant", "content": [_text(_words(200, dice)), call]},
            {"role": "user", "content": [result]},
        ]
        messages += added
        length += len(_encoded(added))
    messages.append({"role": "assistant", "content": [_text(_words(100, dice))]})
    messages.append({"role": "user", "content": [_text(_words(300, dice))]})
    return messages


def _tool(name: str, length: int, dice: random.Random) -> dict[str, Any]:
    return {
        "name": name,
        "description": _words(length, dice),
        "input_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "file_path": {"type": "string", "description": "The absolute path"},
                "limit": {"type": "number"},
            },
            "required": ["file_path"],
            "additionalProperties": False,
        },
    }


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _words(length: int, dice: random.Random, *, code: bool = False) -> str:
    words: list[str] = []
    size = 0
    while size < length:
        word = dice.choice(CODE) if code and dice.random() < 0.15 else dice.choice(WORDS)
        words.append(word)
        size += len(word) + 1
    return " ".join(words)[:length]


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
