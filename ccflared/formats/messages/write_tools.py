"""Writes tools for Anthropic: names it takes, schemas of objects, one text for tools that take free text."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ccflared.formats.cache_mark import cache_mark
from ccflared.formats.distinct import Distinct
from ccflared.formats.fields import Fields
from ccflared.formats.messages.models import Traits
from ccflared.formats.plain_schema import without_unions
from ccflared.formats.request import Call, Request, Tool

_LONGEST_NAME: Final = 128
# "input_schema does not support oneOf, allOf, or anyOf at the top level"
_UNIONS: Final = ("anyOf", "oneOf", "allOf")


class Tools:
    """The tools of one request, and the names by which Anthropic knows them.

    ``listed`` is what is sent; ``renamed`` has the client's names, by those that had to be others.
    """

    __slots__ = ("_distinct", "_names", "_request", "listed", "renamed")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._distinct = Distinct(_LONGEST_NAME)
        self._names: dict[str, str] = {}
        self.renamed: dict[str, str] = {}
        self.listed: list[dict[str, Any]] = []
        for tool in request.tools:
            if tool.name not in self._names:
                self.listed.append(_definition(tool, self.called(tool.name)))
        if not self.listed:
            # Calls in the conversation want tools to be listed, though they are not to be called any more.
            names = dict.fromkeys(self.called(name) for name in _called(request))
            self.listed = [
                {"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names
            ]

    def called(self, name: str) -> str:
        """Return what a tool is called, listed or not."""
        if name not in self._names:
            self._names[name] = written = self._distinct.like(name)
            if written != name:
                self.renamed[written] = name
        return self._names[name]

    def choice(self, traits: Traits) -> tuple[dict[str, Any] | None, str | None]:
        """Return ``tool_choice``, and words where the model cannot be made to call a tool. Raises ClientError."""
        request = self._request
        choice = request.choice
        names = {tool.name for tool in request.tools}
        forced = choice is not None and choice.mode in ("any", "tool")
        if not names:
            if forced and not request.left_out:
                raise Fields({}).wrong("tool_choice", "there are no tools to choose from")
            return ({"type": "none"} if self.listed else None), None
        if choice is not None and choice.mode == "tool" and choice.name not in names:
            raise Fields({}).wrong("tool_choice", f"no tool is called {choice.name}")
        if choice is not None and choice.mode == "none":
            return {"type": "none"}, None
        single = {"disable_parallel_tool_use": True} if request.parallel is False else {}
        if choice is None:
            return {"type": "auto", **single} if single else None, None
        name = self.called(choice.name) if choice.mode == "tool" and choice.name is not None else None
        if forced and not traits.forced:
            tool = f"the tool {name}" if name else "one of the tools"
            return {"type": "auto", **single}, f"Do not answer in words: call {tool}."
        return {"type": choice.mode, **({"name": name} if name else {}), **single}, None


def _called(request: Request) -> Iterable[str]:
    return (part.name for turn in request.turns for part in turn.parts if isinstance(part, Call))


def _definition(tool: Tool, name: str) -> dict[str, Any]:
    schema, remark = _schema(tool.parameters)
    if tool.grammar is not None:
        remark = f"The input is plain text that follows this grammar:\n{tool.grammar}"
    description = "\n\n".join(filter(None, (tool.description, remark)))
    return {
        "name": name,
        **({"description": description} if description.strip() else {}),
        "input_schema": schema,
        **cache_mark(tool.cache),
    }


def _schema(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return a schema as Anthropic takes it, of an object and without unions, and what must be said of it besides."""
    plain, remark = without_unions(parameters, _UNIONS)
    properties = plain.get("properties")
    schema = {
        **plain,
        "type": "object",
        "properties": properties if isinstance(properties, dict) else {},
    }
    required = schema.pop("required", None)
    if isinstance(required, list) and all(isinstance(name, str) for name in required):
        schema["required"] = required
    return schema, remark
