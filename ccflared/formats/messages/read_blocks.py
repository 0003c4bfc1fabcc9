"""Content blocks of a Messages request: each becomes the part it is, or text that says what it was.

Shapes: the params of the official Python SDK, ``anthropic.types`` and its ``beta``. Blocks of tools that Anthropic's
servers run (a web search and what it found) are text for everybody else: call and result stay in their places, both
readable, and no pair is ever half. Unknown blocks are told in the same way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from ccflared.formats.fields import Fields
from ccflared.formats.json_text import rewritten, text_of
from ccflared.formats.request import (
    Call,
    Document,
    Image,
    Lifetime,
    Part,
    Result,
    Role,
    Text,
    Thinking,
)

Shown = Text | Image | Document
"""What may stand in a tool's result as well."""


def parts_of(message: Fields, role: Role) -> tuple[Part, ...]:
    """Read the content of a message. Raises ClientError (400) that names what cannot be meant."""
    return tuple(part for block in _blocks(message) for part in _parts(block, role))


def texts_of(owner: Fields, name: str) -> tuple[Text, ...]:
    """Read a text or blocks of text, as the system prompt is given."""
    found = (part for block in _blocks(owner, name) for part in shown(block))
    return tuple(
        part if isinstance(part, Text) else Text(f"[{type(part).__name__.lower()}]") for part in found
    )


def shown(block: Fields) -> Iterator[Shown]:
    """Read a block that shows something: what a tool's result may hold."""
    kind = block.needed("type")
    yield from _SHOWN.get(kind, _told)(block)


def cache_of(block: Fields) -> Lifetime | None:
    """Return how long a prompt cache that ends at this block shall last."""
    match block.members.get("cache_control"):
        case {"ttl": "1h"}:
            return "1h"
        case dict():
            return "5m"
        case _:
            return None


def _blocks(owner: Fields, name: str = "content") -> Iterable[Fields]:
    """Yield the blocks of a content; a bare text is one."""
    content = owner.members.get(name)
    if isinstance(content, str):
        return (Fields({"type": "text", "text": content}, owner.at(name)),)
    if not isinstance(content, list):
        raise owner.wrong(name, "must be a string or an array of blocks")
    return owner.each(name)


# What belongs to one role alone.
_OF_ROLE: Final[Mapping[str, Role]] = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
}


def _parts(block: Fields, role: Role) -> Iterator[Part]:
    kind = block.needed("type")
    if (only := _OF_ROLE.get(kind, role)) != role:
        raise block.wrong("type", f"{kind} blocks belong in messages of the {only}")
    if kind in _SPOKEN:
        yield _SPOKEN[kind](block)
    else:
        yield from shown(block)


def _text(block: Fields) -> Iterator[Text]:
    if (text := block.text("text")) is None:
        raise block.wrong("text", "must be a string")
    yield Text(text, cache_of(block))


def _image(block: Fields) -> Iterator[Image | Text]:
    source = _source(block)
    match source.text("type"):
        case "base64":
            data, kind = source.needed("data"), source.needed("media_type")
            yield Image(data=data, media_type=kind, cache=cache_of(block))
        case "url":
            yield Image(url=source.needed("url"), cache=cache_of(block))
        case _:
            # A file in Anthropic's store, which nobody else can open.
            yield from _told(block)


def _document(block: Fields) -> Iterator[Shown]:
    source = _source(block)
    title, context, cache = block.text("title"), block.text("context"), cache_of(block)
    match source.text("type"):
        case "text":
            yield Document(text=source.text("data") or "", title=title, context=context, cache=cache)
        case "content":
            inside = [part for inner in _blocks(source) for part in shown(inner)]
            text = "\n".join(part.text for part in inside if isinstance(part, Text))
            yield Document(text=text, title=title, context=context, cache=cache)
            yield from (part for part in inside if not isinstance(part, Text))
        case "base64":
            data, kind = source.needed("data"), source.needed("media_type")
            yield Document(data=data, media_type=kind, title=title, context=context, cache=cache)
        case "url":
            yield Document(url=source.needed("url"), title=title, context=context, cache=cache)
        case _:
            yield from _told(block)


def _search_result(block: Fields) -> Iterator[Document]:
    found = "\n".join(inner.text("text") or "" for inner in block.each("content"))
    yield Document(text=found, title=block.text("title"), context=block.text("source"), cache=cache_of(block))


def _tool_reference(block: Fields) -> Iterator[Text]:
    yield Text(f"The tool {block.needed('tool_name')} can be called.", cache_of(block))


def _compaction(block: Fields) -> Iterator[Text]:
    # Without content it is a compaction that failed, which its own server ignores as well.
    if summary := block.text("content"):
        yield Text(summary, cache_of(block))


def _nothing(_: Fields) -> Iterator[Text]:
    """Read a block that no model is ever shown."""
    return iter(())


# Sealed for Anthropic's servers, wherever it stands.
_SEALED: Final = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout"})
# What a block says to a server, not to a model.
_MARKS: Final = frozenset({"type", "id", "tool_use_id", "caller", "cache_control", "signature"})


def _told(block: Fields) -> Iterator[Text]:
    """Tell a block that has no counterpart, as text: its own, or its type and what can be read of it."""
    own = block.members.get("text")
    if isinstance(own, str) and own.strip():
        yield Text(own, cache_of(block))
        return
    members = {name: value for name, value in block.members.items() if name not in _MARKS}
    try:
        yield Text(f"[{block.needed('type')}] {text_of(rewritten(members, _readable))}", cache_of(block))
    except ValueError as error:
        raise block.wrong("", "is nested too deeply") from error


def _readable(members: dict[str, Any]) -> dict[str, Any]:
    encoded = "data" if members.get("type") == "base64" else ""
    return {name: value for name, value in members.items() if name not in _SEALED and name != encoded}


def _source(block: Fields) -> Fields:
    if (source := block.within("source")) is None:
        raise block.wrong("source", "must be an object")
    return source


_SHOWN: Final[Mapping[str, Callable[[Fields], Iterator[Shown]]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": _tool_reference,
    "compaction": _compaction,
    # read_tools.py reads these two.
    "tool_addition": _nothing,
    "tool_removal": _nothing,
    "mcp_tool_listing": _nothing,
    "fallback": _nothing,
}


def _thinking(block: Fields) -> Thinking:
    return Thinking(block.text("thinking") or "", block.text("signature") or "")


def _redacted(block: Fields) -> Thinking:
    return Thinking(redacted=block.text("data") or "")


def _call(block: Fields) -> Call:
    try:
        arguments = text_of(block.members_of("input") or {})
    except ValueError as error:
        raise block.wrong("input", "is nested too deeply") from error
    return Call(block.name("id"), block.name("name"), arguments, cache=cache_of(block))


def _result(block: Fields) -> Result:
    blocks = _blocks(block) if block.has("content") else ()
    parts = tuple(part for inner in blocks for part in shown(inner))
    return Result(block.name("tool_use_id"), parts, bool(block.flag("is_error")), cache_of(block))


_SPOKEN: Final[Mapping[str, Callable[[Fields], Part]]] = {
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _call,
    "tool_result": _result,
}
