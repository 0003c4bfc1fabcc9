"""Reads the tools of a Responses request: functions, tools that take free text, and both of them in namespaces.

Codex lists the tools of an MCP server in a namespace, and those it learnt of later among the input's items.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ccflared.formats import openai_parts
from ccflared.formats.distinct import Distinct
from ccflared.formats.fields import Fields
from ccflared.formats.request import Tool

_Key = tuple[str | None, str]
"""The namespace and the name in it, as the client has them."""


class Tools:
    """The tools of one request, each under a name of its own."""

    __slots__ = ("_distinct", "_tools", "left_out")

    def __init__(self) -> None:
        self._distinct = Distinct(plain=False)
        self._tools: dict[_Key, Tool] = {}
        self.left_out: list[str] = []

    @property
    def all(self) -> tuple[Tool, ...]:
        """The tools in the order they came in."""
        return tuple(self._tools.values())

    def list(self, listing: Fields) -> None:
        """Take the ``tools`` of the request or of an item. What was listed before stays. Raises ClientError."""
        for tool in listing.each("tools"):
            match tool.text("type"):
                case "namespace":
                    space = tool.needed("name")
                    for member in tool.each("tools"):
                        self._add(member, space)
                case _:
                    self._add(tool, None)

    def _add(self, listed: Fields, space: str | None) -> None:
        match listed.text("type"):
            case "function":
                # Chat Completions has an object around it, and some clients mix them up.
                tool = openai_parts.function_tool(listed.within("function") or listed)
            case "custom":
                tool = openai_parts.custom_tool(listed.within("custom") or listed)
            case kind:
                self.left_out.append(f"tool {kind}")
                return
        key = (space, tool.name)
        if key in self._tools:
            return
        if space is not None:
            tool = replace(tool, name=joined(space, tool.name), namespace=(space, tool.name))
        self._tools[key] = replace(tool, name=self._distinct.like(tool.name))

    def name_of(self, name: str, space: Any) -> str:
        """Return the name here of a tool that the client calls by ``name``, in a namespace or not.

        A namespace may also be left out, or stand in the name already.
        """
        space = space if isinstance(space, str) and space else None
        if tool := self._tools.get((space, name)):
            return tool.name
        full = joined(space, name) if space else name
        for (_, short), tool in self._tools.items():
            if tool.name == full or (space is None and short == name):
                return tool.name
        return full

    def limit(self, allowed: Iterable[Any]) -> None:
        """Forget all tools but those that may be called."""
        names = {
            self.name_of(tool["name"], tool.get("namespace"))
            for tool in allowed
            if isinstance(tool, dict) and isinstance(tool.get("name"), str)
        }
        self._tools = {key: tool for key, tool in self._tools.items() if tool.name in names}


def joined(space: str, name: str) -> str:
    """Return the name of a namespace's tool where there are no namespaces, as Codex itself once had them."""
    return f"{space}{name}" if space.endswith("__") else f"{space}__{name}"
