"""Parts of a message, of whatever dialect: what a block is stands in its type, and no type means two things.

Nothing is refused. What is not known is told as it stands, under its own type.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from ccflared.formats.json_text import loads
from ccflared.formats.responses.sealed import unseal
from ccflared.formats.transcript.room import Part, Room

Block = Mapping[str, Any]

_TEXTS: Final = ("text", "refusal", "transcript")


def parts_of(content: Any, room: Room) -> list[Part]:
    """Return the parts of a content: a text, a block, or an array of either."""
    blocks = content if isinstance(content, list) else [] if content is None else [content]
    with room.deeper() as admitted:
        if not admitted:
            return [_unknown("nested", content, room)]
        return [part for block in blocks for part in block_parts(block, room)]


def block_parts(block: Any, room: Room) -> Iterator[Part]:
    """Yield what one block is."""
    if not room.admits():
        return
    if isinstance(block, str):
        yield _text(block, room)
        return
    if not isinstance(block, dict):
        yield _unknown("value", block, room)
        return
    kind = block.get("type")
    if not isinstance(kind, str):
        # Laxer clients leave it out.
        kind = "text" if any(isinstance(block.get(name), str) for name in _TEXTS) else ""
    yield from _reader_of(kind)(block, room)


def thinking(text: str, room: Room, sealed: int = 0) -> Part:
    """Return thoughts; ``sealed``: characters that only their maker can read."""
    return {"kind": "thinking", **room.cut(text), "sealed": sealed}


def call(call_id: object, name: object, arguments: Any, room: Room, *, free: bool = False) -> Part:
    """Return a tool call. Its arguments are a JSON value, or a text where they are ``free`` or broken."""
    part: Part = {"kind": "tool_call", "id": room.line(call_id), "name": room.line(name) or ""}
    if not isinstance(arguments, str):
        return {**part, **room.value("arguments", {} if arguments is None else arguments)}
    if free:
        return {**part, **room.as_text("arguments", arguments)}
    if not arguments.strip():
        return {**part, "arguments": {}}
    try:
        return {**part, **room.value("arguments", loads(arguments))}
    except ValueError as error:
        return {**part, **room.as_text("arguments", arguments, str(error) or "no JSON")}


def result(call_id: object, content: Any, room: Room, *, error: bool = False) -> Part:
    """Return what came of a tool call."""
    name = room.line(call_id)
    return {"kind": "tool_result", "id": name, "error": error, "parts": parts_of(content, room)}


def _text(text: str, room: Room) -> Part:
    return {"kind": "text", **room.cut(text)}


def _unknown(kind: str, value: Any, room: Room) -> Part:
    return {"kind": "other", "type": room.line(kind, 100) or "unknown", **room.value("value", value)}


def _texts(block: Block, room: Room) -> Iterator[Part]:
    text = next((block[name] for name in _TEXTS if isinstance(block.get(name), str)), None)
    yield _unknown("text", block, room) if text is None else _text(text, room)


def _thinking(block: Block, room: Room) -> Iterator[Part]:
    yield thinking(joined(block.get("thinking")), room)


def _redacted(block: Block, room: Room) -> Iterator[Part]:
    yield thinking("", room, _length(block.get("data")))


def _reasoning(block: Block, room: Room) -> Iterator[Part]:
    sealed = block.get("encrypted_content")
    ours = unseal(sealed) if isinstance(sealed, str) else None
    if ours is not None:
        yield thinking(ours.text, room, len(ours.redacted or ""))
        return
    said = [joined(block.get(name)) for name in ("content", "summary")]
    yield thinking("\n\n".join(filter(None, said)), room, _length(sealed))


def joined(content: Any) -> str:
    """Return the texts of a content that is nothing else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (each if isinstance(each, str) else _own_text(each) for each in content)
    return "\n\n".join(filter(None, texts))


def _own_text(block: Any) -> str:
    text = block.get("text") if isinstance(block, dict) else None
    return text if isinstance(text, str) else ""


def _tool_use(block: Block, room: Room) -> Iterator[Part]:
    yield call(block.get("id"), block.get("name"), block.get("input"), room)


def _function_call(block: Block, room: Room) -> Iterator[Part]:
    name, space = block.get("name"), block.get("namespace")
    if isinstance(space, str) and space and isinstance(name, str):
        name = f"{space}.{name}"
    yield call(block.get("call_id") or block.get("id"), name, block.get("arguments"), room)


def _custom_call(block: Block, room: Room) -> Iterator[Part]:
    yield call(
        block.get("call_id") or block.get("id"), block.get("name"), block.get("input") or "", room, free=True
    )


_MARKS: Final = frozenset({"type", "id", "call_id", "status", "name"})


def _server_call(block: Block, room: Room) -> Iterator[Part]:
    """Read a call of one of OpenAI's own tools, whose arguments stand beside its type."""
    name = block.get("name") or str(block.get("type")).removesuffix("_call")
    arguments = {key: value for key, value in block.items() if key not in _MARKS}
    picture = arguments.pop("result", None) if block.get("type") == "image_generation_call" else None
    yield call(block.get("call_id") or block.get("id"), name, arguments, room)
    if isinstance(picture, str) and room.admits():
        yield room.picture(f"image/{block.get('output_format') or 'png'}", picture)


def _tool_result(block: Block, room: Room) -> Iterator[Part]:
    failed = block.get("is_error") is True
    yield result(block.get("tool_use_id"), block.get("content"), room, error=failed)


def _call_output(block: Block, room: Room) -> Iterator[Part]:
    failed = block.get("status") in ("failed", "incomplete")
    yield result(block.get("call_id") or block.get("id"), block.get("output"), room, error=failed)


def _image(block: Block, room: Room) -> Iterator[Part]:
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") == "base64":
        yield room.picture(source.get("media_type"), source.get("data"))
    elif isinstance(source, dict) and isinstance(source.get("url"), str):
        yield {"kind": "image", "url": room.line(source["url"], 4000)}
    else:
        yield _unknown("image", block, room)


def _image_url(block: Block, room: Room) -> Iterator[Part]:
    url = block.get("image_url")
    if isinstance(url, dict):
        url = url.get("url")
    if not isinstance(url, str):
        yield _unknown(str(block.get("type")), block, room)
    elif url[:5].lower() == "data:":
        media_type, data = _data(url)
        yield room.picture(media_type, data)
    else:
        yield {"kind": "image", "url": room.line(url, 4000)}


def _data(url: str) -> tuple[str, str]:
    """Return media type and data of a data: URL."""
    head, _, data = url[5:].partition(",")
    return head.partition(";")[0], data


def _document(block: Block, room: Room) -> Iterator[Part]:
    source = block.get("source")
    told = source if isinstance(source, dict) else {}
    part: Part = {"kind": "document", "title": room.line(block.get("title"))}
    match told.get("type"):
        case "text" if isinstance(told.get("data"), str):
            yield {**part, **room.cut(told["data"])}
        case "base64":
            yield {
                **part,
                "mediaType": room.line(told.get("media_type"), 100),
                "bytes": _length(told.get("data")) * 3 // 4,
            }
        case "url":
            yield {**part, "url": room.line(told.get("url"), 4000)}
        case "content":
            yield part
            yield from parts_of(told.get("content"), room)
        case _:
            yield _unknown("document", block, room)


def _file(block: Block, room: Room) -> Iterator[Part]:
    inner = block.get("file")
    file = inner if isinstance(inner, dict) else block
    part: Part = {"kind": "document", "title": room.line(file.get("filename") or file.get("file_id"))}
    data = file.get("file_data")
    if isinstance(data, str):
        media_type, data = _data(data) if data[:5].lower() == "data:" else ("", data)
        part |= {"mediaType": room.line(media_type, 100), "bytes": len(data) * 3 // 4}
    elif isinstance(file.get("file_url"), str):
        part["url"] = room.line(file["file_url"], 4000)
    yield part


def _search_result(block: Block, room: Room) -> Iterator[Part]:
    yield {
        "kind": "document",
        "title": room.line(block.get("title")),
        "url": room.line(block.get("source"), 4000),
        **room.cut(joined(block.get("content"))),
    }


def _audio(block: Block, room: Room) -> Iterator[Part]:
    inner = block.get("input_audio")
    told = inner if isinstance(inner, dict) else {}
    form = room.line(told.get("format"), 40)
    yield {
        "kind": "document",
        "title": "audio",
        "mediaType": form and f"audio/{form}",
        "bytes": _length(told.get("data")) * 3 // 4,
    }


def _other(block: Block, room: Room) -> Iterator[Part]:
    yield _unknown(str(block.get("type") or ""), block, room)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0


_Reader = Callable[[Block, Room], Iterable[Part]]

_READERS: Final[Mapping[str, _Reader]] = {
    **dict.fromkeys(
        ("text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text"), _texts
    ),
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "reasoning": _reasoning,
    **dict.fromkeys(("tool_use", "server_tool_use", "mcp_tool_use"), _tool_use),
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
    "tool_result": _tool_result,
    "image": _image,
    **dict.fromkeys(("image_url", "input_image"), _image_url),
    "document": _document,
    **dict.fromkeys(("file", "input_file"), _file),
    "search_result": _search_result,
    "input_audio": _audio,
}


def _reader_of(kind: str) -> _Reader:
    if (reader := _READERS.get(kind)) is not None:
        return reader
    if kind.endswith("_tool_result"):
        return _tool_result
    if kind.endswith("_call_output"):
        return _call_output
    return _server_call if kind.endswith("_call") else _other
