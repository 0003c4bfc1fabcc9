"""What requests of OpenAI's two dialects have in common: pictures, files, tools, efforts, the form of the answer."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from ccflared.formats import json_text
from ccflared.formats.fields import Fields
from ccflared.formats.request import Document, Effort, Format, Image, Lifetime, Text, Tool

FREE_TEXT: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input, as plain text."}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The parameters of a custom tool, where there are none that take free text."""

_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)
_DATA: Final = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_TEXTS: Final = (".txt", ".md", ".csv", ".json", ".xml", ".html", ".yaml", ".yml", ".toml", ".log")
_TEXT_TYPES: Final = ("application/json", "application/xml", "application/yaml", "application/toml")


def text(part: Fields, name: str = "text") -> Text:
    """Read a text part. Raises ClientError."""
    return Text(part.text(name) or "", cache=lifetime(part))


def image(part: Fields, url: str, detail: str | None) -> Image:
    """Read the ``url`` of a picture, data or http. Raises ClientError for any other."""
    cache = lifetime(part)
    if url[:5].lower() == "data:":
        media_type, data = _data(part, "image_url", url)
        return Image(data=data, media_type=media_type, detail=detail, cache=cache)
    return Image(url=_web(part, "image_url", url), detail=detail, cache=cache)


def document(part: Fields, file: Fields) -> Document:
    """Read a file: its data, or where the web has it. Raises ClientError for one that OpenAI keeps, and for sound."""
    title, cache = file.text("filename"), lifetime(part)
    if url := file.text("file_url"):
        return Document(url=_web(file, "file_url", url), title=title, cache=cache)
    data = file.text("file_data")
    if not data:
        raise file.wrong(
            "file_id" if file.text("file_id") else "file_data", "only data in the request is read"
        )
    if data[:5].lower() == "data:":
        media_type, data = _data(file, "file_data", data)
    else:
        is_text = title is not None and title.lower().endswith(_TEXTS)
        media_type = "text/plain" if is_text else "application/pdf"
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        return Document(text=_decoded(file, data), title=title, cache=cache)
    return Document(data=data, media_type=media_type, title=title, cache=cache)


def _data(fields: Fields, name: str, url: str) -> tuple[str, str]:
    match = _DATA.match(url)
    if not match or "base64" not in match[2].lower().split(";"):
        raise fields.wrong(name, "a data: URL must have base64 data")
    return match[1].strip().lower() or "application/octet-stream", url[match.end() :]


def _web(fields: Fields, name: str, url: str) -> str:
    if not url.lower().startswith(("http://", "https://")):
        raise fields.wrong(name, "a URL must begin with data:, http: or https:")
    return url


def _decoded(file: Fields, data: str) -> str:
    try:
        return base64.b64decode(data).decode(errors="replace")
    except (binascii.Error, ValueError) as error:
        raise file.wrong("file_data", "not valid base64") from error


def lifetime(part: Fields) -> Lifetime | None:
    """Return how long a prompt cache that ends here shall last, in Anthropic's words or OpenAI's."""
    match part.members:
        case {"cache_control": {"type": "ephemeral", **more}}:
            return "1h" if more.get("ttl") == "1h" else "5m"
        case {"prompt_cache_breakpoint": {"mode": "explicit", **more}}:
            return "1h" if more.get("ttl") in ("30m", "12h") else "5m"
        case _:
            return None


def effort(fields: Fields, name: str) -> Effort | None:
    """Read how much is to be thought. Raises ClientError for a word that nobody knows."""
    word = fields.text(name)
    if word is None:
        return None
    for known in _EFFORTS:
        if word == known:
            return known
    raise fields.wrong(name, f"one of {', '.join(_EFFORTS)} is expected")


def arguments(fields: Fields, name: str) -> str:
    """Read a call's arguments: JSON text, or, as laxer clients write them, an object."""
    value = fields.members.get(name)
    return json_text.body_of(value).decode() if isinstance(value, dict) else fields.text(name) or ""


def answer_format(form: Fields, schema: Fields | None) -> Format | None:
    """Read the form of the answer; ``schema`` says more where it is to follow one. Raises ClientError."""
    match form.text("type"):
        case None | "text":
            return None
        case "json_object":
            return Format()
        case "json_schema" if schema is not None:
            members = schema.within("schema")
            return Format(
                schema=members.members if members else None,
                name=schema.text("name"),
                strict=schema.flag("strict"),
                description=schema.text("description"),
            )
        case "json_schema":
            raise form.wrong("json_schema", "an object is required")
        case _:
            raise form.wrong("type", "one of text, json_object, json_schema is expected")


def function_tool(function: Fields, cache: Lifetime | None = None) -> Tool:
    """Read a function, which has no parameters where none are given. Raises ClientError."""
    parameters = function.within("parameters")
    return Tool(
        name=function.needed("name"),
        description=function.text("description"),
        parameters=parameters.members if parameters else {"type": "object", "properties": {}},
        strict=function.flag("strict"),
        cache=cache,
    )


def custom_tool(custom: Fields, cache: Lifetime | None = None) -> Tool:
    """Read a tool that takes free text. Raises ClientError."""
    form = custom.within("format")
    # Chat Completions puts the grammar into an object of its own, Responses does not.
    grammar = (form.within("grammar") or form) if form and form.text("type") == "grammar" else None
    return Tool(
        name=custom.needed("name"),
        description=custom.text("description"),
        parameters=FREE_TEXT,
        custom=True,
        grammar=grammar.text("definition") if grammar else None,
        cache=cache,
    )
