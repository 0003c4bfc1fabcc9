"""The output items of OpenAI Responses: a block of the answer each, with the events that tell of it.

Shapes: the public API reference of POST /v1/responses and its streaming events. ``namespace`` beside ``name`` is how
Codex has calls of tools that it listed in a namespace (openai/codex, protocol/src/models.rs).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from ccflared.formats.free_text import FreeText
from ccflared.formats.request import Tool

Status = Literal["in_progress", "completed", "incomplete"]

Said = tuple[str, dict[str, Any]]
"""An event's type, and what it has beside the item's id and place."""


class Item(ABC):
    """One item. It is told as added, with ``opening``, text by text, and with ``closing`` and ``whole`` as done."""

    __slots__ = ("_pieces", "id", "index")

    DELTA: ClassVar[str] = ""
    """The type of the events with its text."""
    PLACE: ClassVar[Mapping[str, Any]] = {}
    """What those events have beside the text."""

    def __init__(self, root: str, prefix: str, index: int) -> None:
        self.id = f"{prefix}_{root}_{index}"
        self.index = index
        self._pieces: list[str] = []

    def more(self, text: str) -> str:
        """Take the next characters of the block, and return the text to be told."""
        self._pieces.append(text)
        return text

    def end(self) -> str:
        """Take the end of the block, and return the text that is still to be told."""
        return ""

    def opening(self) -> Iterator[Said]:
        """Return what is told once the item is added: nothing, unless it has parts."""
        yield from ()

    @abstractmethod
    def closing(self) -> Iterator[Said]:
        """Return what is told before the item is done."""

    @abstractmethod
    def whole(self, status: Status) -> dict[str, Any]:
        """Return the item as it stands."""

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._pieces)


class Message(Item):
    """What the model says, in one part."""

    __slots__ = ()

    DELTA = "response.output_text.delta"
    PLACE: ClassVar[Mapping[str, Any]] = {"content_index": 0, "logprobs": []}

    def __init__(self, root: str, index: int) -> None:
        super().__init__(root, "msg", index)

    def opening(self) -> Iterator[Said]:
        """Return an empty part."""
        yield "response.content_part.added", {"content_index": 0, "part": self._part()}

    def closing(self) -> Iterator[Said]:
        """Return the whole text, and the part with it."""
        yield "response.output_text.done", {"content_index": 0, "text": self.text, "logprobs": []}
        yield "response.content_part.done", {"content_index": 0, "part": self._part()}

    def whole(self, status: Status) -> dict[str, Any]:
        """Return a ``message``; it has no part before there is text."""
        content = [self._part()] if self._pieces else []
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}

    def _part(self) -> dict[str, Any]:
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": self.text}


class Reasoning(Item):
    """What the model thinks, as a summary of one part. ``sealed`` is what the client brings back."""

    __slots__ = ("sealed",)

    DELTA = "response.reasoning_summary_text.delta"
    PLACE: ClassVar[Mapping[str, Any]] = {"summary_index": 0}

    def __init__(self, root: str, index: int) -> None:
        super().__init__(root, "rs", index)
        self.sealed: str | None = None

    def opening(self) -> Iterator[Said]:
        """Return an empty part."""
        yield "response.reasoning_summary_part.added", {"summary_index": 0, "part": self._part()}

    def closing(self) -> Iterator[Said]:
        """Return the whole text, and the part with it."""
        yield "response.reasoning_summary_text.done", {"summary_index": 0, "text": self.text}
        yield "response.reasoning_summary_part.done", {"summary_index": 0, "part": self._part()}

    def whole(self, status: Status) -> dict[str, Any]:
        """Return a ``reasoning``."""
        item: dict[str, Any] = {"id": self.id, "type": "reasoning", "status": status}
        item["summary"] = [self._part()] if self._pieces else []
        if self.sealed is not None:
            item["encrypted_content"] = self.sealed
        return item

    def _part(self) -> dict[str, Any]:
        return {"type": "summary_text", "text": self.text}


class SilentReasoning(Reasoning):
    """Thoughts that are not shown: redacted, or signed without a word. They are there to be brought back."""

    __slots__ = ()

    def opening(self) -> Iterator[Said]:
        """Return nothing: there is no part."""
        yield from ()

    closing = opening


class FunctionCall(Item):
    """The call of a tool that takes an object."""

    __slots__ = ("_call",)

    DELTA = "response.function_call_arguments.delta"

    def __init__(self, root: str, index: int, call: Mapping[str, str]) -> None:
        super().__init__(root, "fc", index)
        self._call = call

    def end(self) -> str:
        """Return an empty object where no arguments came."""
        return "" if self.text else self.more("{}")

    def closing(self) -> Iterator[Said]:
        """Return all arguments."""
        yield "response.function_call_arguments.done", {"arguments": self.text}

    def whole(self, status: Status) -> dict[str, Any]:
        """Return a ``function_call``."""
        base = {"id": self.id, "type": "function_call", "status": status}
        return {**base, "arguments": self.text, **self._call}


class CustomCall(Item):
    """The call of a tool that takes free text."""

    __slots__ = ("_call", "_free")

    DELTA = "response.custom_tool_call_input.delta"

    def __init__(self, root: str, index: int, call: Mapping[str, str]) -> None:
        super().__init__(root, "ctc", index)
        self._call = call
        self._free = FreeText()

    def more(self, text: str) -> str:
        """Take the next characters of the JSON, and return what they say."""
        return super().more(self._free.feed(text))

    def end(self) -> str:
        """Return what only the end makes certain."""
        return super().more(self._free.end())

    def closing(self) -> Iterator[Said]:
        """Return all the text."""
        yield "response.custom_tool_call_input.done", {"input": self.text}

    def whole(self, status: Status) -> dict[str, Any]:
        """Return a ``custom_tool_call``."""
        base = {"id": self.id, "type": "custom_tool_call", "status": status}
        return {**base, "input": self.text, **self._call}


def call_item(root: str, index: int, call_id: str, name: str, tool: Tool | None) -> FunctionCall | CustomCall:
    """Return the item of a call. ``tool``: as the client listed it; None for one that it never did."""
    call = {"call_id": call_id or f"call_{root}_{index}", "name": name}
    if tool is not None and tool.namespace is not None:
        call["namespace"], call["name"] = tool.namespace
    custom = tool is not None and tool.custom
    return CustomCall(root, index, call) if custom else FunctionCall(root, index, call)
