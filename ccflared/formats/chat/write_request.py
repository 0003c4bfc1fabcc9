"""Writes a request for a Chat Completions upstream: only fields of that API, and only where they say something.

Source: ``CompletionCreateParams`` of the official Python SDK, and what api.openai.com refuses beyond it: empty lists
of tools, a choice without tools, names of more than 64 characters. How a provider differs is in its quirks.
"""

from collections.abc import Mapping
from operator import is_
from typing import Any, Final

from ccflared.config.quirks import Quirks
from ccflared.errors import ClientError
from ccflared.formats.chat.by_model import (
    asked_effort,
    effort_fields,
    limit_fields,
    must_not_reason,
    sampling_fields,
)
from ccflared.formats.chat.names import sent_key, sent_names
from ccflared.formats.chat.schemas import fits_strict, object_schema
from ccflared.formats.chat.write_messages import messages_of
from ccflared.formats.json_text import body_of, text_of
from ccflared.formats.openai_parts import FREE_TEXT
from ccflared.formats.plain_schema import without_unions
from ccflared.formats.request import Call, Format, Request, Tool, Written

_MOST_STOPS: Final = 4

# "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'const'/'not' at the top level"
_UNIONS: Final = ("oneOf", "anyOf", "allOf", "enum", "const", "not")


def write(request: Request, model: str, quirks: Quirks, *, cache_key: str | None = None) -> Written:
    """Return the body to send to ``model``, the names that had to change, and what is not sent.

    ``cache_key`` is the conversation's, for the field that the provider has for it.
    Raises ClientError (400) for what that API cannot be asked.
    """
    names = sent_names(_names(request))
    dropped = list(request.left_out)
    messages = messages_of(request, names, quirks, _instruction(request.format, quirks))
    if not messages:
        raise ClientError(400, "invalid_request_error", "messages: none of them says anything")
    stops = [stop for stop in request.stop if stop]
    if len(stops) > _MOST_STOPS:
        raise ClientError(
            400, "invalid_request_error", f"stop_sequences: {_MOST_STOPS} at most can be passed on"
        )
    document = {
        "model": model,
        "messages": messages,
        **_tool_fields(request, names, quirks, dropped),
        **limit_fields(request, model, quirks),
        **sampling_fields(request, model, dropped),
        **({"stop": stops} if stops else {}),
        **effort_fields(request, model, quirks),
        **_format_fields(request.format, quirks),
        **_stream_fields(request, quirks),
    }
    if (effort := asked_effort(request)) not in (None, "none") and must_not_reason(request, model, quirks):
        dropped.append(f"effort {effort} beside tools")
    if request.top_k is not None:
        if "top_k" in quirks.allows:
            document["top_k"] = request.top_k
        else:
            dropped.append("top_k")
    if request.user:
        document["user"] = sent_key(request.user)
    if quirks.cache_field and cache_key:
        document[quirks.cache_field] = sent_key(cache_key)
    for field in quirks.refuses:
        if (without := _without(document, field.split("."))) is not document:
            document = without
            dropped.append(field)
    renamed = {sent: name for name, sent in names.items() if sent != name}
    return Written(body_of(document), renamed, tuple(dropped))


def _names(request: Request) -> list[str]:
    listed = [tool.name for tool in request.tools]
    return listed + [part.name for turn in request.turns for part in turn.parts if isinstance(part, Call)]


def _tool_fields(
    request: Request, names: Mapping[str, str], quirks: Quirks, dropped: list[str]
) -> dict[str, Any]:
    tools: dict[str, Tool] = {}
    for tool in request.tools:
        tools.setdefault(tool.name, tool)
    dropped += [f"tool {tool.name}, listed twice" for tool in request.tools if tools[tool.name] is not tool]
    choice = _choice(request, tools, names, dropped)
    if not tools:
        return {}
    fields: dict[str, Any] = {"tools": [_tool(tool, names[tool.name], quirks) for tool in tools.values()]}
    if choice is not None:
        fields["tool_choice"] = choice
    if request.parallel is False:
        fields["parallel_tool_calls"] = False
    return fields


def _choice(
    request: Request, tools: Mapping[str, Tool], names: Mapping[str, str], dropped: list[str]
) -> str | dict[str, Any] | None:
    if (choice := request.choice) is None:
        return None
    match choice.mode:
        case "auto" | "none":
            return choice.mode
        case "any" if tools:
            return "required"
        case "tool" if (name := choice.name) is not None and name in tools:
            return {"type": "function", "function": {"name": names[name]}}
        case _:
            dropped.append(f"tool_choice {choice.name or choice.mode}")
            return None


def _tool(tool: Tool, name: str, quirks: Quirks) -> dict[str, Any]:
    function: dict[str, Any] = {"name": name}
    schema = dict(FREE_TEXT) if tool.custom else object_schema(tool.parameters, tool.name)
    remark = None
    if tool.custom and tool.grammar:
        remark = f"The input must follow this grammar:\n\n{tool.grammar}"
    elif quirks.plain_schemas:
        schema, remark = without_unions(schema, _UNIONS)
    if description := "\n\n".join(filter(None, (tool.description, remark))):
        function["description"] = description
    function["parameters"] = schema
    if tool.strict and not tool.custom and fits_strict(schema):
        function["strict"] = True
    return {"type": "function", "function": function}


def _stream_fields(request: Request, quirks: Quirks) -> dict[str, Any]:
    if not request.stream:
        return {}
    # Without it a stream tells no usage, and clients never learn how full their context is.
    options = {"stream_options": {"include_usage": True}} if quirks.stream_usage else {}
    return {"stream": True, **options}


def _format_fields(form: Format | None, quirks: Quirks) -> dict[str, Any]:
    if form is None or not quirks.structured:
        return {}
    if form.schema is None:
        return {"response_format": {"type": "json_object"}}
    name = form.name or "answer"
    schema: dict[str, Any] = {"name": sent_names([name])[name], "schema": form.schema}
    if form.description:
        schema["description"] = form.description
    # Anthropic's schemas are always binding; there nobody says so.
    if form.strict is not False and fits_strict(form.schema):
        schema["strict"] = True
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _instruction(form: Format | None, quirks: Quirks) -> str | None:
    """Return the words that ask for a form where no field does."""
    if form is None or quirks.structured:
        return None
    if form.schema is None:
        return "Answer with one JSON object and nothing else."
    try:
        schema = text_of(form.schema)
    except ValueError as error:
        raise ClientError(400, "invalid_request_error", "The schema is nested too deeply.") from error
    return f"Answer with one JSON value and nothing else. It must be valid by this JSON Schema:\n\n{schema}"


def _without(value: Any, path: list[str]) -> Any:
    """Return a value without the field at a path of names, in each item of a list; itself if there is none.

    What it is made of stays as it is: it belongs to the request, which may be written again for another account.
    """
    if isinstance(value, list):
        items = [_without(item, path) for item in value]
        return value if all(map(is_, items, value)) else items
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {name: inner for name, inner in value.items() if name != path[0]}
    inner = _without(value[path[0]], path[1:])
    return value if inner is value[path[0]] else value | {path[0]: inner}
