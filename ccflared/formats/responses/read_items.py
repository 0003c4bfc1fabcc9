"""Reads the input of a Responses request: a text, or the items of a conversation so far."""

from collections.abc import Iterator
from typing import Final

from ccflared.formats import json_text, openai_parts
from ccflared.formats.fields import Fields
from ccflared.formats.request import Call, Document, Image, Part, Result, Role, Text, Thinking, Turn
from ccflared.formats.responses.read_tools import Tools
from ccflared.formats.responses.sealed import unseal
from ccflared.formats.turns import tidied

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}

# Calls of tools that OpenAI has built in and the client runs, and their results: no other model has these tools, so
# they are told in words. What else there is, OpenAI ran itself, and what came of it is in the assistant's words.
_TOLD: Final[dict[str, tuple[Role, str]]] = {
    "local_shell_call": ("assistant", "action"),
    "local_shell_call_output": ("user", "output"),
    "shell_call": ("assistant", "action"),
    "shell_call_output": ("user", "output"),
    "apply_patch_call": ("assistant", "operation"),
    "apply_patch_call_output": ("user", "output"),
    "mcp_call": ("assistant", "output"),
}


class Items:
    """The items of one request. Tools that they bring along are added to ``tools``."""

    __slots__ = ("_tools", "left_out")

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.left_out: list[str] = []

    def turns(self, request: Fields) -> tuple[Turn, ...]:
        """Return the turns in an order that upstreams take. Raises ClientError (400)."""
        content = request.members.get("input")
        if isinstance(content, str):
            return tidied([Turn("user", (Text(content),))])
        if content is None:
            raise request.wrong("input", "a text or a list of items is required")
        items = list(request.each("input"))
        for item in items:
            # Before the calls of what they list are read.
            if item.members.get("type") in ("additional_tools", "tool_search_output"):
                self._tools.list(item)
        return tidied(turn for item in items for turn in self._turn(item))

    def _turn(self, item: Fields) -> Iterator[Turn]:
        """Yield what one item says, if it says anything. Raises ClientError."""
        kind = item.text("type") or ("message" if "role" in item.members else "item_reference")
        match kind:
            case "message":
                role = _ROLES.get(item.needed("role"))
                if role is None:
                    raise item.wrong("role", f"one of {', '.join(_ROLES)} is expected")
                yield Turn(role, tuple(_parts(item, "content")))
            case "function_call" | "custom_tool_call":
                yield Turn("assistant", (self._call(item, custom=kind == "custom_tool_call"),))
            case "function_call_output" | "custom_tool_call_output":
                yield Turn("user", (Result(item.text("call_id") or "", tuple(_parts(item, "output"))),))
            case "reasoning":
                yield Turn("assistant", _thoughts(item))
            case "item_reference":
                raise item.wrong("type", "the daemon keeps no items: send each item as a whole")
            case "additional_tools" | "tool_search_output":
                pass
            case told if told in _TOLD:
                role, name = _TOLD[told]
                yield Turn(role, (Text(f"[{told}: {_words(item, name)}]"),))
            case _:
                self.left_out.append(f"item {kind}")

    def _call(self, item: Fields, *, custom: bool) -> Call:
        call_id = item.text("call_id") or item.text("id") or ""
        name = self._tools.name_of(item.needed("name"), item.text("namespace"))
        if custom:
            return Call(call_id, name, item.text("input") or "", custom=True)
        return Call(call_id, name, openai_parts.arguments(item, "arguments"))


def _thoughts(item: Fields) -> tuple[Part, ...]:
    """Return thinking as it was sealed; without a signature where somebody else sealed it, or nobody."""
    if sealed := item.text("encrypted_content"):
        thinking = unseal(sealed)
        if thinking is not None:
            return (thinking,)
    # OpenAI shows thoughts as content where a model is open, and a summary of them otherwise.
    texts = [part.text("text") or "" for name in ("content", "summary") for part in item.each(name)]
    said = "\n\n".join(filter(None, texts))
    return (Thinking(said),) if said else ()


def _parts(item: Fields, name: str) -> Iterator[Text | Image | Document]:
    """Yield the parts of a message or of what came of a call. Raises ClientError."""
    content = item.members.get(name)
    if isinstance(content, str):
        yield Text(content)
        return
    for part in item.each(name):
        match part.text("type") or "input_text":
            case "input_text" | "output_text" | "text":
                yield openai_parts.text(part)
            case "refusal":
                yield openai_parts.text(part, "refusal")
            case "input_image":
                if not part.text("image_url"):
                    raise part.wrong(
                        "image_url", "a URL is required: files that OpenAI keeps cannot be had here"
                    )
                yield openai_parts.image(part, part.needed("image_url"), part.text("detail"))
            case "input_file":
                yield openai_parts.document(part, part)
            case "input_audio":
                raise part.wrong("type", "sound cannot be sent to this model")
            case _:
                raise part.wrong(
                    "type", "one of input_text, output_text, input_image, input_file is expected"
                )


def _words(item: Fields, name: str) -> str:
    value = item.members.get(name)
    return value if isinstance(value, str) else json_text.body_of(value).decode()
