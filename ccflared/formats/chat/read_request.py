"""Reads a request of OpenAI Chat Completions.

Source: POST /v1/chat/completions of OpenAI's API reference, with its older form (functions), and what OpenRouter and
the makers of reasoning models added to it. Members that say nothing about the answer's content are passed over.
"""

from typing import Any, Final

from ccflared.formats import json_text, openai_parts
from ccflared.formats.chat.read_turns import turns_of
from ccflared.formats.fields import Fields
from ccflared.formats.request import Choice, Effort, Format, Request, Tool

_MODES: Final[dict[str, Choice]] = {
    "auto": Choice("auto"),
    "none": Choice("none"),
    "required": Choice("any"),
    "any": Choice("any"),
}


def read(body: bytes) -> Request:
    """Read a request. Raises ClientError (400) for what is none, or asks for what no other API can give."""
    fields = Fields(json_text.body_members(body))
    _refuse(fields)
    tools, choice, left_out = _tools(fields)
    effort, budget, thinks = _thinking(fields)
    options = fields.within("stream_options")
    return Request(
        model=fields.needed("model"),
        turns=turns_of(fields),
        tools=tools,
        choice=choice,
        parallel=fields.flag("parallel_tool_calls"),
        max_tokens=fields.whole("max_completion_tokens", 1) or fields.whole("max_tokens", 1),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.whole("top_k"),
        stop=_stop(fields),
        stream=fields.flag("stream") or False,
        thinks=thinks,
        budget=budget,
        effort=effort,
        format=_format(fields),
        user=fields.text("safety_identifier") or fields.text("user") or None,
        cache_key=fields.text("prompt_cache_key") or None,
        usage_wanted=bool(options and options.flag("include_usage")),
        left_out=left_out,
    )


def _refuse(fields: Fields) -> None:
    """Raise ClientError for what would change the answer's shape, and cannot be had."""
    if (fields.whole("n", 1) or 1) > 1:
        raise fields.wrong("n", "only one answer at a time can be given")
    modalities = fields.members.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise fields.wrong("modalities", "answers are text alone")


def _stop(fields: Fields) -> tuple[str, ...]:
    match fields.members.get("stop"):
        case None:
            return ()
        case str(stop):
            return (stop,)
        case list(stops) if all(isinstance(stop, str) for stop in stops):
            return tuple(stops)
        case _:
            raise fields.wrong("stop", "a text or a list of texts is expected")


def _thinking(fields: Fields) -> tuple[Effort | None, int | None, bool | None]:
    """Return the effort, the budget and whether to think at all. ``reasoning`` is OpenRouter's."""
    effort = openai_parts.effort(fields, "reasoning_effort")
    reasoning = fields.within("reasoning")
    if not reasoning:
        return effort, None, None
    return (
        effort or openai_parts.effort(reasoning, "effort"),
        reasoning.whole("max_tokens"),
        reasoning.flag("enabled"),
    )


def _format(fields: Fields) -> Format | None:
    form = fields.within("response_format")
    return openai_parts.answer_format(form, form.within("json_schema")) if form else None


def _tools(fields: Fields) -> tuple[tuple[Tool, ...], Choice | None, tuple[str, ...]]:
    """Return the tools, which of them are to be called, and what could not be taken over."""
    tools: list[Tool] = []
    left_out: list[str] = ["web_search_options"] if fields.members.get("web_search_options") else []
    for tool in fields.each("tools"):
        kind = tool.text("type") or "function"
        if kind == "function":
            function = tool.within("function") or tool
            cache = openai_parts.lifetime(tool) or openai_parts.lifetime(function)
            tools.append(openai_parts.function_tool(function, cache))
        elif kind == "custom":
            tools.append(openai_parts.custom_tool(tool.within("custom") or tool, openai_parts.lifetime(tool)))
        else:
            left_out.append(f"tool {kind}")
    tools += [openai_parts.function_tool(function) for function in fields.each("functions")]
    chosen = fields.members.get("tool_choice")
    name = "tool_choice"
    if chosen is None and fields.members.get("function_call") is not None:
        chosen, name = fields.members["function_call"], "function_call"
    choice, allowed = _choice(fields, name, chosen)
    if allowed is not None:
        tools = [tool for tool in tools if tool.name in allowed]
    return tuple(tools), choice, tuple(left_out)


def _choice(fields: Fields, name: str, chosen: Any) -> tuple[Choice | None, frozenset[str] | None]:
    """Return the choice, and the names of the tools it is limited to, if it is. Raises ClientError."""
    match chosen:
        case None:
            return None, None
        case str(word) if word in _MODES:
            return _MODES[word], None
        case {"type": "function" | "tool", "function": {"name": str(tool)}}:
            return Choice("tool", tool), None
        case {"type": "custom", "custom": {"name": str(tool)}}:
            return Choice("tool", tool), None
        case {"type": "allowed_tools", "allowed_tools": {"tools": list(tools), **more}}:
            mode = _MODES.get(str(more.get("mode", "auto")), Choice("auto"))
            return mode, frozenset(filter(None, map(_named, tools)))
        case {"name": str(tool)}:  # as function_call has it, and as Responses do
            return Choice("tool", tool), None
        case {"type": str(mode)} if mode in _MODES:
            return _MODES[mode], None
        case _:
            raise fields.wrong(name, "auto, none, required or the name of a tool is expected")


def _named(tool: Any) -> str | None:
    match tool:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}} | {"name": str(name)}:
            return name
        case _:
            return None
