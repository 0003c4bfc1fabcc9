"""Reads the messages of a Chat Completions request."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ccflared.formats import openai_parts
from ccflared.formats.fields import Fields
from ccflared.formats.request import Call, Document, Image, Part, Result, Role, Text, Thinking, Turn

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
    "function": "user",
}


def turns_of(request: Fields) -> tuple[Turn, ...]:
    """Return the turns, one a message, in the client's order. Raises ClientError (400)."""
    reading = _Reading()
    turns = tuple(reading.turn(message) for message in request.each("messages"))
    if not turns:
        raise request.wrong("messages", "at least one message is required")
    return turns


class _Reading:
    """Reads message after message. Calls of the older form have no ids: it gives them some, and knows them again."""

    __slots__ = ("_calls", "_unanswered")

    def __init__(self) -> None:
        self._calls = 0
        self._unanswered: dict[str, str] = {}

    def turn(self, message: Fields) -> Turn:
        """Read a message. Raises ClientError."""
        role = message.needed("role")
        parts: list[Part]
        match role:
            case "tool":
                parts = [Result(message.needed("tool_call_id"), _shown(message))]
            case "function":
                call_id = self._unanswered.pop(message.needed("name"), "")
                parts = [Result(call_id, _shown(message))]
            case "assistant":
                parts = [*_thoughts(message), *_spoken(message), *self._called(message)]
            case "system" | "developer":
                parts = [*_spoken(message)]
            case "user":
                parts = [*_shown(message)]
            case _:
                raise message.wrong("role", f"one of {', '.join(_ROLES)} is expected")
        return Turn(_ROLES[role], tuple(_marked(parts, message)))

    def _called(self, message: Fields) -> Iterator[Part]:
        for call in message.each("tool_calls"):
            self._calls += 1
            call_id = call.text("id") or f"call_{self._calls}"
            if custom := call.within("custom"):
                text = custom.text("input") or ""
                yield Call(call_id, custom.needed("name"), text, custom=True)
                continue
            function = call.within("function")
            if not function:
                raise call.wrong("function", "an object is required")
            arguments = openai_parts.arguments(function, "arguments")
            yield Call(call_id, function.needed("name"), arguments, cache=openai_parts.lifetime(call))
        if function := message.within("function_call"):
            self._calls += 1
            name = function.needed("name")
            self._unanswered[name] = call_id = f"call_{self._calls}"
            yield Call(call_id, name, openai_parts.arguments(function, "arguments"))


def _marked(parts: list[Part], message: Fields) -> list[Part]:
    """Put a cache mark of the message itself, as OpenRouter takes them, on its last part."""
    cache = openai_parts.lifetime(message)
    if cache and parts and not isinstance(parts[-1], Thinking):
        parts[-1] = replace(parts[-1], cache=cache)
    return parts


def _thoughts(message: Fields) -> Iterator[Thinking]:
    """Yield what the client kept of the model's thoughts. Nobody signed it: this dialect has no place for that."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(text := message.members.get(name), str) and text:
            yield Thinking(text)
            return


def _spoken(message: Fields) -> Iterator[Text]:
    """Yield the texts of a message, which has nothing else. Raises ClientError."""
    content = message.members.get("content")
    if isinstance(content, str):
        yield Text(content)
    else:
        for part in message.each("content"):
            if part.members.get("type", "text") not in ("text", "input_text", "output_text", "refusal"):
                raise part.wrong("type", "only text is taken here")
            yield openai_parts.text(part, "refusal" if "refusal" in part.members else "text")
    if refusal := message.text("refusal"):
        yield Text(refusal)


def _shown(message: Fields) -> tuple[Text | Image | Document, ...]:
    """Return the texts, pictures and files of a message. Raises ClientError."""
    content = message.members.get("content")
    if isinstance(content, str):
        return (Text(content),)
    return tuple(_part(part) for part in message.each("content"))


def _part(part: Fields) -> Text | Image | Document:
    match part.text("type") or "text":
        case "text" | "input_text" | "output_text":
            return openai_parts.text(part)
        case "refusal":
            return openai_parts.text(part, "refusal")
        case "image_url":
            # Some clients give the URL itself in place of the object around it.
            image = part.within("image_url") if not isinstance(part.members.get("image_url"), str) else None
            url = image.needed("url") if image else part.needed("image_url")
            return openai_parts.image(part, url, image.text("detail") if image else part.text("detail"))
        case "file":
            file = part.within("file")
            if not file:
                raise part.wrong("file", "an object is required")
            return openai_parts.document(part, file)
        case "input_audio":
            raise part.wrong("input_audio", "sound cannot be sent to this model")
        case _:
            raise part.wrong("type", "one of text, image_url, file is expected")
