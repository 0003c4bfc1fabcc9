"""The tools of a Messages request, and which of them the model may or must call.

Tools that the client runs become tools. Those that Anthropic defines (a ``type`` other than ``custom``: web search,
bash, the editor) have no schema that anybody else knows: as functions without parameters they would be called and
nobody could answer. They are left out, and the request says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from ccflared.formats.fields import Fields
from ccflared.formats.messages.read_blocks import cache_of
from ccflared.formats.request import Choice, Tool


@dataclass(slots=True)
class Toolbox:
    """The tools that are offered in the end, and words for those that are not."""

    tools: dict[str, Tool] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    foreign: set[str] = field(default_factory=set)
    """Names of tools that were left out."""

    def add(self, fields: Fields) -> None:
        """Take one entry of ``tools``."""
        kind = fields.text("type") or "custom"
        if kind == "custom" and fields.has("input_schema"):
            tool = _tool(fields)
            self.tools[tool.name] = tool
            return
        named = fields.text("name") or ""
        self.foreign.add(named)
        self.left_out.append(f"tool {named} without input_schema" if kind == "custom" else f"tool {kind}")


def toolbox_of(request: Fields, messages: Iterable[Fields]) -> Toolbox:
    """Read ``tools``, and what messages of the role system change about them in the middle of things.

    Tools with ``defer_loading`` are offered from the beginning: what would load them is a search that Anthropic runs.
    """
    box = Toolbox()
    for fields in request.each("tools"):
        box.add(fields)
    removed: dict[str, Tool] = {}
    for block, tool in _changes(messages):
        name = tool.text("name") or ""
        match block.text("type"), tool.text("type"):
            case "tool_removal", "tool_reference" if name in box.tools:
                removed[name] = box.tools.pop(name)
            case "tool_addition", "tool_reference" if name in removed:
                box.tools[name] = removed.pop(name)
            case "tool_addition", "tool_definition":
                if (definition := tool.within("definition")) is not None:
                    box.add(definition)
            case _:
                pass
    return box


def choice_of(request: Fields, box: Toolbox) -> tuple[Choice | None, bool | None]:
    """Read ``tool_choice``: the choice, and whether several tools may be called at once, None being not said."""
    if (choice := request.within("tool_choice")) is None:
        return None, None
    parallel = False if choice.flag("disable_parallel_tool_use") else None
    kind = choice.text("type")
    if kind in _MODES:
        return Choice(_MODES[kind]), parallel
    if kind != "tool":
        raise choice.wrong("type", "must be auto, any, tool or none")
    name = choice.name("name")
    if name in box.tools:
        return Choice("tool", name), parallel
    if name not in box.foreign:
        raise choice.wrong("name", "no tool has this name")
    box.left_out.append(f"tool_choice {name}")
    return None, parallel


_MODES: Final[dict[str | None, Literal["auto", "any", "none"]]] = {
    "auto": "auto",
    "any": "any",
    "none": "none",
}


def _tool(fields: Fields) -> Tool:
    schema = fields.members_of("input_schema") or {}
    if schema.get("type", "object") != "object":
        raise fields.wrong("input_schema.type", "must be object")
    description = fields.members.get("description")
    return Tool(
        name=fields.name("name"),
        description=description if isinstance(description, str) else None,
        parameters=schema,
        strict=fields.flag("strict"),
        cache=cache_of(fields),
    )


def _changes(messages: Iterable[Fields]) -> Iterator[tuple[Fields, Fields]]:
    """Yield the blocks that add or remove a tool, each with what it says of the tool."""
    for message in messages:
        if message.members.get("role") != "system" or not isinstance(message.members.get("content"), list):
            continue
        for block in message.each("content"):
            if (tool := block.within("tool") if "tool" in block.members else None) is not None:
                yield block, tool
