"""``GET /api/requests/{id}/conversation``: what was said in a request, read out of its payload, for administrators."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from ccflared.api.calls import Call
from ccflared.api.payload_calls import Shapes, kept_of, why_not
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    TEXT,
    TEXTS,
    WHOLE,
    Schema,
    each,
    many,
    maybe,
    one_of,
    record,
    told,
)
from ccflared.daemon.answers import Reply
from ccflared.errors import ClientError
from ccflared.formats.dialect import dialect_of
from ccflared.formats.redaction import TELLING, Redaction
from ccflared.formats.transcript.answered import Answer
from ccflared.formats.transcript.telling import Asked, conversation
from ccflared.store.payload_reader import Kept
from ccflared.wire import Entry


async def _conversation(call: Call) -> Reply:
    request_id = call.parts[0]
    # Made in the thread that reads the payload: it may hold megabytes.
    replies = await kept_of(call, [request_id], partial(_told, call.running.house.redaction()))
    if not replies:
        raise ClientError(404, "not_found_error", await why_not(call, request_id))
    return replies[0]


def _told(redaction: Redaction, shapes: Shapes) -> list[Reply]:
    return [
        Reply(200, b"".join(_written(without_secrets(_read(kept, entry), redaction))))
        for kept, entry in shapes
    ]


def without_secrets(value: Any, redaction: Redaction) -> Any:
    """Return a JSON value whose texts hold no credential.

    What is kept has none; but texts are put together here that came in pieces between others.
    """
    match value:
        case str() if len(value) >= TELLING:
            text = value.encode("utf-8", "replace")
            return redaction.cleaned(text, len(text))[0].decode("utf-8", "replace")
        case list():
            return [without_secrets(each, redaction) for each in value]
        case dict():
            return {name: without_secrets(each, redaction) for name, each in value.items()}
        case _:
            return value


def _read(kept: Kept, entry: Entry | None) -> dict[str, Any]:
    request, response = kept.request, kept.response
    found = conversation(
        dialect_of(entry.path if entry is not None else ""),
        Asked(request.body, request.truncated),
        Answer(response.body, response.status, response.truncated, response.whole),
    )
    return {"id": kept.id, **found}


def _written(found: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the document in pieces: a long text that is written at once keeps every thread waiting."""
    for number, (name, value) in enumerate(found.items()):
        yield b"%s%s: " % (b", " if number else b"{", _json(name))
        if isinstance(value, list):
            yield b"["
            for place, item in enumerate(value):
                yield (b", " if place else b"") + _json(item)
            yield b"]"
        else:
            yield _json(value)
    yield b"}"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


_CUT: Final = told(WHOLE, "Characters that are left out at the end.")
_INNER: Final = told(many({"type": "object"}), "Parts, as those of a message.")
_PART: Final[Schema] = record(
    {
        "kind": one_of("text", "thinking", "tool_call", "tool_result", "image", "document", "other"),
    },
    text=told(TEXT, "Of a text, of thoughts, of a document that is text."),
    cut=_CUT,
    sealed=told(WHOLE, "Of thoughts: characters that only their maker can read."),
    id=told(MAYBE_TEXT, "Of a call, and of its result."),
    name=told(TEXT, "Of a call: the tool."),
    arguments=told({}, "Of a call: a JSON value; a text where it is free, broken or cut."),
    broken=told(TEXT, "Why the arguments, or the value, are told as text."),
    error=told(FLAG, "Of a result: the tool failed."),
    parts=_INNER,
    mediaType=MAYBE_TEXT,
    data=told(TEXT, "Of an image: base64. Left out where it is too large."),
    bytes=told(WHOLE, "Of an image or document whose data were sent."),
    url=told(MAYBE_TEXT, "Where an image or a document is. It was not fetched."),
    title=MAYBE_TEXT,
    type=told(TEXT, "Of other parts: what they are called in their dialect."),
    value=told({}, "Of other parts: as they stand there, or as text where that is too long."),
)
_PARTS: Final = many(_PART)
_USAGE: Final = record(
    each(MAYBE_WHOLE, "input output cacheRead cacheWrite reasoning"),
)
_ANSWER: Final = record(
    {
        "parts": _PARTS,
        **each(MAYBE_TEXT, "model stop"),
        "streamed": FLAG,
        "whole": told(FLAG, "It has come, and is kept, to its end."),
        "error": maybe(record({"kind": MAYBE_TEXT, "message": TEXT})),
        "usage": maybe(told(_USAGE, "As the answer tells it; input without the cache.")),
    }
)
_CONVERSATION: Final = record(
    {
        "id": TEXT,
        "dialect": one_of("anthropic", "chat", "responses"),
        "model": told(MAYBE_TEXT, "As it was asked for."),
        "system": _PARTS,
        "tools": many(
            record(
                {"name": TEXT, "description": MAYBE_TEXT, "type": MAYBE_TEXT, "bytes": MAYBE_WHOLE}, cut=_CUT
            )
        ),
        "messages": many(record({"role": TEXT, "parts": _PARTS})),
        "answer": maybe(_ANSWER),
        "truncated": told(FLAG, "Not all of the request, or of the answer, is kept."),
        "notes": told(TEXTS, "What could not be read, or is not shown, and why."),
    }
)

ROUTES: Final = (
    Route(
        "GET",
        "/api/requests/{id}/conversation",
        _conversation,
        "What was said in a request whose payload is kept: messages, tools and the answer, in no dialect.",
        gives={200: _CONVERSATION},
    ),
)
