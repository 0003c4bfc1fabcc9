"""Payloads over REST, in better-ccflare's shape: what a client sent and got, for administrators."""

import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from time import time
from typing import Any, Final, TypeVar

from ccflared.api.calls import Call, done, reply
from ccflared.api.legacy_usage import iso
from ccflared.api.request_row import succeeded, why
from ccflared.api.route import Route
from ccflared.api.schemas import DONE
from ccflared.config.words import duration_text
from ccflared.daemon.answers import Reply
from ccflared.daemon.books.archive import Unreadable
from ccflared.daemon.books.payloads import Payloads
from ccflared.daemon.main import Running
from ccflared.errors import ClientError, Refused
from ccflared.store.packing import Unpacked
from ccflared.store.payload_reader import Kept, latest, one
from ccflared.store.requests import row
from ccflared.store.trouble import sentence
from ccflared.wire import Entry

Answer = TypeVar("Answer")

_AT_ONCE: Final = 50
_CUT: Final = 256 * 1024
"""Bytes of a body where many are told of."""
_PIECE: Final = 96 * 1024
"""Bytes of a body that are encoded at once; a multiple of 3."""


def payloads_state(running: Running) -> dict[str, Any]:
    """Return what the status document tells of payloads."""
    state = running.house.payloads.state
    return {
        "on": state.on,
        "ok": state.error is None,
        "error": state.error,
        "kept_for": running.house.payloads.keep or None,
        "waiting_bytes": state.waiting,
        "written": state.written,
        "dropped": state.dropped,
    }


async def _payload(call: Call) -> Reply:
    request_id = call.parts[0]
    answers = await kept_of(call, [request_id], _written_one)
    if not answers:
        raise ClientError(404, "not_found_error", await why_not(call, request_id))
    return answers[0]


async def _detail(call: Call) -> Reply:
    payloads = call.running.house.payloads
    await payloads.caught_up()
    limit = min(_AT_ONCE, call.asked_for["limit"])
    ids = await _read(payloads, partial(latest, limit=limit, now=time())) or []
    answers = await kept_of(call, ids, _written_all)
    return answers[0] if answers else reply(200, [])


async def _purge(call: Call) -> Reply:
    payloads = call.running.house.payloads
    try:
        await payloads.purge()
    except (sqlite3.Error, OSError, Refused) as error:
        why = sentence(error, payloads.path)
        raise ClientError(503, "api_error", f"The payloads are not erased: {why}.") from error
    return done("All payloads are erased.")


Shapes = Iterable[tuple[Kept, Entry | None]]
"""Payloads, each with the row of its request where the history can be read."""


async def kept_of(call: Call, ids: Sequence[str], written: Callable[[Shapes], list[Reply]]) -> list[Reply]:
    """Return the answer with the payloads of requests; made in the thread that reads them, as it may be long."""
    house = call.running.house
    await house.recorder.caught_up()
    await house.payloads.caught_up()
    try:
        rows = await house.archive.ask(lambda connection: [row(connection, each) for each in ids])
    except Unreadable:
        rows = [None] * len(ids)
    now = time()

    def read(connection: sqlite3.Connection) -> list[Reply]:
        # One after the other: all of them at once would be much.
        found = ((one(connection, each, now), entry) for each, entry in zip(ids, rows, strict=True))
        return written((kept, entry) for kept, entry in found if kept is not None)

    return await _read(house.payloads, read) or []


def _written_one(shapes: Shapes) -> list[Reply]:
    return [Reply(200, b"".join(written(kept, entry, None))) for kept, entry in shapes]


def _written_all(shapes: Shapes) -> list[Reply]:
    pieces = [b"["]
    for kept, entry in shapes:
        pieces += [b", "] if len(pieces) > 1 else []
        pieces += written(kept, entry, _CUT)
    return [Reply(200, b"".join([*pieces, b"]"]))]


async def _read(payloads: Payloads, question: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
    """Ask the file; None where there is none. Raises ClientError (503)."""
    try:
        return await payloads.archive.ask(question)
    except (sqlite3.Error, OSError, ValueError) as error:
        why = payloads.archive.words(error)
    raise ClientError(503, "api_error", f"The payloads cannot be read: {why}.")


async def why_not(call: Call, request_id: str) -> str:
    """Say why a request has no payload."""
    house = call.running.house
    entry, keep = await house.archive.request(request_id), house.payloads.keep
    if entry is None:
        return f"There is no request {request_id[:100]}."
    if house.payloads.state.error is not None:
        return f"No payload of this request is kept. Payloads are off: {house.payloads.state.error}."
    if not keep:
        return 'No payload of this request is kept: [storage] keep_payloads = "off".'
    if entry.at + keep <= time():
        return f"The payload of this request has expired: it was kept for {duration_text(keep)}."
    return (
        "No payload of this request is kept: it came before payloads were, too much waited to be written, "
        "or it was deleted to make room, or by a purge."
    )


def written(kept: Kept, entry: Entry | None, most: int | None) -> Iterator[bytes]:
    """Yield a payload as JSON in pieces: a long text that is written at once keeps every thread waiting.

    ``most``: bytes of a body that are told; None: all.
    """
    asked, answered = kept.request, kept.response
    yield b'{"id": %s, "request": ' % _json(kept.id)
    yield from _message({"headers": asked.headers}, asked, most)
    yield b', "response": '
    yield from _message({"status": answered.status, "headers": answered.headers}, answered, most)
    yield b', "meta": %s}' % _json(_meta(kept, entry))


def _message(told: Mapping[str, object], message: Unpacked, most: int | None) -> Iterator[bytes]:
    body = memoryview(message.body)[:most]
    yield _json(told)[:-1] + b', "body": "'
    for start in range(0, len(body), _PIECE):
        yield b64encode(body[start : start + _PIECE])
    truncated = message.truncated or len(body) < len(message.body)
    yield b'", %s' % _json({"bytes": message.size, "truncated": truncated})[1:]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _meta(kept: Kept, entry: Entry | None) -> dict[str, Any]:
    return {
        "timestamp": iso(kept.at),
        "at": kept.at,
        "complete": kept.response.whole,
        "accountId": entry and entry.account,
        "accountName": entry and entry.account,
        "provider": entry and entry.provider,
        "method": entry and entry.method,
        "path": entry and entry.path,
        "model": entry and (entry.served_model or entry.model),
        "client": entry and entry.client,
        "project": entry and entry.project,
        "success": entry and succeeded(entry),
        "outcome": entry and entry.outcome,
        "error": entry and why(entry),
        "isStream": entry and entry.stream,
        "retry": max(0, len(entry.attempts) - 1) if entry else 0,
        "rateLimited": kept.response.status == 429,
    }


_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_FIELDS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_BODY: Final = {
    "body": {"type": "string", "contentEncoding": "base64"},
    "bytes": {"type": "integer"},
    "truncated": {"type": "boolean"},
}
_PAYLOAD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "request", "response", "meta"],
    "properties": {
        "id": {"type": "string"},
        "request": {
            "type": "object",
            "required": ["headers", *_BODY],
            "properties": {"headers": _FIELDS, **_BODY},
        },
        "response": {
            "type": "object",
            "required": ["status", "headers", *_BODY],
            "properties": {"status": {"type": ["integer", "null"]}, "headers": _FIELDS, **_BODY},
        },
        "meta": {
            "type": "object",
            "required": ["timestamp", "at", "complete"],
            "properties": {
                "timestamp": _MAYBE_TEXT,
                "at": {"type": "number"},
                "complete": {"type": "boolean"},
                "accountId": _MAYBE_TEXT,
                "outcome": _MAYBE_TEXT,
            },
        },
    },
}

ROUTES: Final = (
    Route(
        "GET",
        "/api/requests/detail",
        _detail,
        "The latest payloads: what clients sent and got, bodies in base64, without credentials.",
        query={"limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": _AT_ONCE}},
        gives={200: {"type": "array", "maxItems": _AT_ONCE, "items": _PAYLOAD}},
    ),
    Route(
        "GET",
        "/api/requests/payload/{id}",
        _payload,
        "What a client sent with a request and what it got, bodies in base64, without credentials.",
        gives={200: _PAYLOAD},
    ),
    Route("POST", "/api/payloads/purge", _purge, "Erase all payloads now.", "edit", gives={200: DONE}),
)
