"""Writes the parts of turns as Anthropic's content blocks."""

import re
from collections.abc import Callable
from typing import Any, Final, assert_never

from ccflared.formats import json_text
from ccflared.formats.arguments import kept_object
from ccflared.formats.cache_mark import cache_mark
from ccflared.formats.request import Call, Document, Image, Part, Result, Text, Thinking

Block = dict[str, Any]

_AT_A_HOST: Final = re.compile("https?://", re.IGNORECASE)
_PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")


def text_block(text: Text) -> Block:
    """Write a text."""
    return {"type": "text", "text": text.text, **cache_mark(text.cache)}


def note(words: str) -> Block:
    """Write what is to be seen where something could not be sent."""
    return {"type": "text", "text": f"[{words}]"}


def user_block(part: Part, id_of: Callable[[str], str]) -> Block:
    """Write a part of a user turn."""
    match part:
        case Text():
            return text_block(part)
        case Image():
            return {**_image(part), **cache_mark(part.cache)}
        case Document():
            return {**_document(part), **cache_mark(part.cache)}
        case Result():
            return _result(part, id_of)
        case Call() | Thinking():
            return note("What only the model can say stood here.")
        case _:
            assert_never(part)


def assistant_block(part: Part, id_of: Callable[[str], str], name_of: Callable[[str], str]) -> Block | None:
    """Write a part of an assistant turn; None for thoughts that nobody signed, which are taken for forged."""
    match part:
        case Text():
            return text_block(part)
        case Call():
            tool_use = {
                "type": "tool_use",
                "id": id_of(part.id),
                "name": name_of(part.name),
                "input": _input(part),
            }
            return {**tool_use, **cache_mark(part.cache)}
        case Thinking(redacted=str(data)):
            return {"type": "redacted_thinking", "data": data} if data else None
        case Thinking():
            signed = {"type": "thinking", "thinking": part.text, "signature": part.signature}
            return signed if part.signature else None
        case Image() | Document() | Result():
            return note("What only the user can say stood here.")
        case _:
            assert_never(part)


def _input(call: Call) -> dict[str, Any]:
    """Return the arguments as the object that they must be."""
    if call.custom:
        return {"input": call.arguments}
    kept = kept_object(call.arguments)
    return json_text.members(call.arguments) if kept is None else kept


def _image(image: Image) -> Block:
    if image.url is not None and not _AT_A_HOST.match(image.url):
        return note("A picture stood here that is at no address of the web.")
    if image.url is not None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    media_type = "image/jpeg" if image.media_type == "image/jpg" else image.media_type
    if media_type not in _PICTURES or not image.data:
        return note(f"A picture of the type {image.media_type} stood here, which this model cannot see.")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": image.data}}


def _document(document: Document) -> Block:
    source: dict[str, str]
    if document.text is not None:
        if not document.text.strip():
            return note(f"An empty document stood here: {document.title or 'without a name'}.")
        source = {"type": "text", "media_type": "text/plain", "data": document.text}
    elif document.url is not None:
        source = {"type": "url", "url": document.url}
    elif document.media_type == "application/pdf" and document.data:
        source = {"type": "base64", "media_type": "application/pdf", "data": document.data}
    else:
        name = document.title or "without a name"
        return note(
            f"A file of the type {document.media_type} stood here, which this model cannot read: {name}."
        )
    named = {"title": document.title, "context": document.context}
    return {"type": "document", "source": source, **{key: value for key, value in named.items() if value}}


def _result(result: Result, id_of: Callable[[str], str]) -> Block:
    said = [part for part in result.parts if not (isinstance(part, Text) and not part.text.strip())]
    content = [user_block(part, id_of) for part in said]
    # A mark belongs to a block of the message, not to a block in a block.
    marks = [result.cache, *(part.cache for part in said)]
    for block in content:
        block.pop("cache_control", None)
    # An error must have content, and all of it text.
    error = result.error and bool(content) and all(block["type"] == "text" for block in content)
    return {
        "type": "tool_result",
        "tool_use_id": id_of(result.call_id),
        **({"content": content} if content else {}),
        **({"is_error": True} if error else {}),
        **cache_mark(next(filter(None, reversed(marks)), None)),
    }
