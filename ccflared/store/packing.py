"""A payload, that is what a client sent and what it got: how it is cleaned, cut, and packed into two blobs. Pure.

A blob is compressed: a line of JSON with what is known of the message, and behind it the body.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ccflared.errors import ClientError
from ccflared.formats.encodings import decoded
from ccflared.formats.redaction import MARGIN, Redaction, is_secret_field
from ccflared.formats.said import said_in_answer, said_in_request
from ccflared.wire import Headers

REQUEST_MOST: Final = 4 * 1024 * 1024
RESPONSE_MOST: Final = 1024 * 1024
"""Bytes that are kept of a body."""
_HEAD_MOST: Final = 256 * 1024
_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer. Of the body there is as much as is kept, and MARGIN bytes more."""

    headers: Headers
    pieces: Sequence[bytes]
    size: int
    """Bytes that the whole body had, as far as it came."""
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """What a client sent and got, in memory. Its repr shows nothing of it."""

    id: str
    at: float
    """When the request came, by the wall clock."""
    request: Message
    response: Message
    whole: bool
    """Whether the answer was given to its end."""

    def __repr__(self) -> str:
        return f"Payload({self.id})"


@dataclass(frozen=True, slots=True)
class Packed:
    """A payload as it is written, without secrets."""

    id: str
    at: float
    request: bytes
    response: bytes
    said: str
    """What is searched of it."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One side of a payload as it was kept."""

    headers: dict[str, str]
    body: bytes
    size: int
    truncated: bool
    status: int | None
    whole: bool


def pack(payload: Payload, redaction: Redaction) -> Packed:
    """Take the secrets out of a payload, and pack it. Long work: for a thread."""
    if keys := brought(payload.request.headers):
        redaction = redaction.and_also(keys)
    request, asked = _packed(payload.request, redaction, REQUEST_MOST, stream=False, whole=True)
    stream = _is_stream(payload.response)
    response, answered = _packed(
        payload.response, redaction, RESPONSE_MOST, stream=stream, whole=payload.whole
    )
    said = f"{said_in_request(asked)}\n{said_in_answer(answered, stream=stream)}"
    return Packed(payload.id, payload.at, request, response, said)


def brought(headers: Headers) -> tuple[str, ...]:
    """Return the credentials that a request brings itself."""
    found: dict[str, None] = {}
    for name, value in headers:
        if is_secret_field(name):
            text = value.decode("latin-1")
            parts = (text, *text.split(), *(part.partition("=")[2] for part in text.split("; ")))
            found.update(dict.fromkeys(part for part in parts if part))
    return tuple(found)


def unpack(blob: bytes) -> Unpacked:
    """Read a blob. Raises ValueError where it is none."""
    try:
        head, _, body = zlib.decompress(blob).partition(b"\n")
    except zlib.error as error:
        raise ValueError("it is damaged") from error
    told: dict[str, Any] = json.loads(head)
    headers: dict[str, str] = {}
    for name, value in told["headers"]:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Unpacked(headers, body, told["size"], told["truncated"], told["status"], whole=told["whole"])


def _packed(
    message: Message, redaction: Redaction, most: int, *, stream: bool, whole: bool
) -> tuple[bytes, bytes]:
    """Return the blob of a message, and its body as it stands in there."""
    body, _ = redaction.cleaned(_plain(message, most), most, stream=stream)
    head = json.dumps(
        {
            "headers": [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.headers
                if not is_secret_field(name)
            ],
            "size": message.size,
            "truncated": message.size > most or len(body) == 0 < message.size,
            "status": message.status,
            "whole": whole,
        },
        separators=(",", ":"),
    ).encode()
    # What is taken out is no character that JSON minds.
    line, _ = redaction.cleaned(head, _HEAD_MOST)
    packer = zlib.compressobj(_LEVEL)
    return packer.compress(line + b"\n") + packer.compress(body) + packer.flush(), body


def _plain(message: Message, most: int) -> bytes:
    """Return a body as it was before it was encoded; nothing where that cannot be told: secrets may be in there."""
    joined = message.pieces[0] if len(message.pieces) == 1 else b"".join(message.pieces)
    encodings = [value for name, value in message.headers if name == b"content-encoding"]
    try:
        return decoded(joined, b",".join(encodings), most + MARGIN) if encodings else joined
    except ClientError:
        return b""


def _is_stream(message: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream") for name, value in message.headers
    )
