"""Reading a Chat Completions request as far as the fake provider must understand it. Pure."""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from ccflared.demo.asked import KNOWN_INPUTS, Asked, Fault, Tool, filled, runs, sensible
from ccflared.demo.chat_rules import fault_in
from ccflared.wire import Headers

CACHED_FROM = 1024
"""Tokens of a prompt from which on its beginning is cached, without being asked for."""


def read(body: bytes, *, allows: Collection[str] = ()) -> Asked | Fault:
    """Return what the body of a Chat Completions request asks for, or what is wrong with it.

    ``allows``: keys that this API understands although OpenAI's does not, as :mod:`ccflared.demo.chat_rules` has them.
    """
    try:
        parsed = json.loads(body)
        # Half a surrogate pair is no text.
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return Fault(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
        )
    if not isinstance(parsed, dict):
        return Fault("The body of your request is not a JSON object.")
    if (fault := fault_in(parsed, allows)) is not None:
        return fault
    messages, tools = parsed["messages"], parsed.get("tools") or []
    tokens = max(1, len(body) // 4)
    beginning = json.dumps([parsed["model"], tools, messages[0]]).encode()
    shared = min(len(beginning) // 4, tokens)
    return Asked(
        model=parsed["model"],
        stream=parsed.get("stream") is True,
        tools=() if messages[-1]["role"] == "tool" else _callable(tools, parsed.get("tool_choice")),
        tokens=tokens,
        prefix=hashlib.sha256(beginning).hexdigest() if shared >= CACHED_FROM else None,
        prefix_tokens=shared if shared >= CACHED_FROM else 0,
        one_hour=False,
        offered=tuple(tool["function"]["name"] for tool in tools),
        turns=runs(bool(message.get("tool_calls")) for message in messages),
        tells_usage=(parsed.get("stream_options") or {}).get("include_usage") is True,
    )


def fault_of_head(target: str, headers: Headers) -> Fault | None:
    """Return what is wrong with the target and header fields of a request: nothing of the Messages API may arrive."""
    for name, value in headers:
        if name == b"authorization" and not value.startswith(b"Bearer "):
            return Fault("The credential must come as a bearer token", code="foreign_header")
        if name == b"x-api-key" or name.startswith(b"anthropic-"):
            return Fault(f"Header field {name.decode()} is none of this API", code="foreign_header")
    if "?" in target:
        return Fault(f"Unknown query: {target.partition('?')[2]}", code="foreign_query")
    return None


def _callable(tools: list[dict[str, Any]], choice: Any) -> tuple[Tool, ...]:
    if choice == "none":
        return ()
    wanted = choice["function"]["name"] if isinstance(choice, dict) else None
    functions = [tool["function"] for tool in tools]
    return sensible(
        Tool(each["name"], KNOWN_INPUTS.get(each["name"]) or filled(each.get("parameters") or {}))
        for each in functions
        if wanted in {None, each["name"]}
    )
