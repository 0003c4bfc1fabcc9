"""Reads a request of OpenAI Responses, as Codex and the SDKs write it.

Source: POST /v1/responses of OpenAI's API reference. The API keeps conversations and runs tools of its own; the daemon
does neither, so what rests on the former is refused and the latter are left out.
"""

from collections.abc import Callable
from typing import Any, Final

from ccflared.formats import json_text, openai_parts
from ccflared.formats.fields import Fields
from ccflared.formats.request import Choice, Format, Request, Text
from ccflared.formats.responses.read_items import Items
from ccflared.formats.responses.read_tools import Tools

_REPEATED: Final = (
    *(
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "max_output_tokens",
    ),
    *("max_tool_calls", "metadata", "reasoning", "text", "truncation", "user", "safety_identifier"),
    *("prompt_cache_key", "service_tier", "top_logprobs"),
    "include",  # which the answer does not repeat, but obeys
)
_REPEATABLE: Final[dict[str, Callable[[Any], bool]]] = {
    "metadata": lambda value: (
        isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    ),
    "truncation": lambda value: value in ("auto", "disabled"),
    "service_tier": lambda value: (
        value in ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
    ),
    "max_tool_calls": lambda value: type(value) is int,
    "top_logprobs": lambda value: type(value) is int,
}
"""What nobody reads here, and is therefore repeated only as the API has it: the answer must be one of its answers."""
_KEPT_ELSEWHERE: Final = {
    "previous_response_id": "the daemon keeps no conversations: send all items of this one as input",
    "conversation": "the daemon keeps no conversations: send all items of this one as input",
    "prompt": "prompts that OpenAI keeps cannot be had here: send the text as instructions or input",
}
_MODES: Final[dict[str, Choice]] = {"auto": Choice("auto"), "none": Choice("none"), "required": Choice("any")}


def read(body: bytes) -> Request:
    """Read a request. Raises ClientError (400) for what is none, or asks for what cannot be given."""
    fields = Fields(json_text.body_members(body))
    for name, why in _KEPT_ELSEWHERE.items():
        if fields.members.get(name) is not None:
            raise fields.wrong(name, why)
    if fields.flag("background"):
        raise fields.wrong("background", "answers are given at once or not at all")
    tools = Tools()
    tools.list(fields)
    items = Items(tools)
    turns = items.turns(fields)
    choice = _choice(fields, tools)
    reasoning, text = fields.within("reasoning"), fields.within("text")
    instructions = fields.text("instructions")
    return Request(
        model=fields.needed("model"),
        turns=turns,
        system=(Text(instructions),) if instructions and instructions.strip() else (),
        tools=tools.all,
        choice=choice,
        parallel=fields.flag("parallel_tool_calls"),
        max_tokens=fields.whole("max_output_tokens", 1),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        stream=fields.flag("stream") or False,
        effort=openai_parts.effort(reasoning, "effort") if reasoning else None,
        format=_format(text) if text else None,
        user=fields.text("safety_identifier") or fields.text("user") or None,
        cache_key=fields.text("prompt_cache_key") or None,
        echo=_echo(fields),
        left_out=(*tools.left_out, *items.left_out),
    )


def _format(text: Fields) -> Format | None:
    form = text.within("format")
    return openai_parts.answer_format(form, form) if form else None


def _choice(fields: Fields, tools: Tools) -> Choice | None:
    """Return which tools are to be called; ``tools`` are limited to those that may be. Raises ClientError."""
    match fields.members.get("tool_choice"):
        case None:
            return None
        case str(word) if word in _MODES:
            return _MODES[word]
        case {"type": "function" | "custom", "name": str(name), **more}:
            return Choice("tool", tools.name_of(name, more.get("namespace")))
        case {"type": "allowed_tools", "tools": list(allowed), **more}:
            tools.limit(allowed)
            return _MODES.get(str(more.get("mode", "auto")), Choice("auto"))
        case {"type": str(builtin)} if builtin not in ("function", "custom"):
            # One of OpenAI's own tools, which was left out.
            tools.left_out.append(f"tool_choice {builtin}")
            return None
        case _:
            raise fields.wrong("tool_choice", "auto, none, required or the name of a tool is expected")


def _any(_: Any) -> bool:
    return True


def _echo(fields: Fields) -> dict[str, Any]:
    """Return what the answer repeats, with OpenAI's defaults for what it always says."""
    given = {
        name: value
        for name in _REPEATED
        if (value := fields.members.get(name)) is not None and _REPEATABLE.get(name, _any)(value)
    }
    always: dict[str, Any] = {
        "instructions": None,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "temperature": None,
        "top_p": None,
        "max_output_tokens": None,
        "metadata": {},
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}},
        "truncation": "disabled",
        "user": None,
    }
    # Nothing is stored, whatever was wished.
    return always | given | {"store": False, "previous_response_id": None, "background": False}
