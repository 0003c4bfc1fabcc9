"""The Anthropic Messages dialect, as much of it as is needed to pass it on: model, stream events, errors.

Shapes: the public API reference of POST /v1/messages and its streaming page.
"""

import json
import re
from dataclasses import dataclass
from enum import Enum, auto

from ccflared.errors import ClientError
from ccflared.formats import sse

PING = sse.encode("ping", b'{"type": "ping"}')

# SDKs and Claude Code write the model first or last; where it is first there is nothing to parse.
_MODEL_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*"([^"\\\x00-\x1f]{1,256})"')
_MODEL_KEY = re.compile(rb'"model"', re.IGNORECASE)
_LONGEST_MODEL = 256


class Mark(Enum):
    """What an event means for passing a stream on."""

    OPENING = auto()
    """``message_start`` or ``ping``: nothing the client would miss if another account began anew."""
    CONTENT = auto()
    """From here on the answer is this account's."""
    END = auto()
    """``message_stop``: the answer is whole."""
    ERROR = auto()
    """An error inside the stream."""
    EMPTY = auto()
    """No event at all: a comment or blank lines."""


_MARKS = {
    b"message_start": Mark.OPENING,
    b"ping": Mark.OPENING,
    b"message_stop": Mark.END,
    b"error": Mark.ERROR,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the daemon needs to know of a request's body."""

    model: str


def read(body: bytes) -> Reading:
    """Find the model a Messages request asks for, parsing the body only where it must.

    Raises ClientError (400) for a body that is no JSON object, names no model, or names it twice: which of the
    two counts could differ between us and the upstream, and rights are given by model. ``Model`` counts as a
    second ``model``: there are upstreams (those written in Go) that take it for the same key.
    """
    match = _MODEL_FIRST.match(body)
    # An escaped letter in a key (\u006dodel, \u004dodel) would hide a second one; a body with such an escape is parsed.
    if match and not (_MODEL_KEY.search(body, match.start(1)) or b"\\u006" in body or b"\\u004" in body):
        return Reading(_text(match[1]))
    try:
        # Numbers are not our business, and Python refuses to read those of many digits.
        parsed = json.loads(body, object_pairs_hook=_top_level_pairs, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise ClientError(400, "invalid_request_error", "The request body is not valid JSON.") from error
    if not isinstance(parsed, _Pairs):
        raise ClientError(400, "invalid_request_error", "The request body must be a JSON object.")
    models = [(key, value) for key, value in parsed if key.lower() == "model"]
    if len(models) > 1:
        raise ClientError(400, "invalid_request_error", "model: given more than once")
    model = dict(models).get("model")
    if not isinstance(model, str) or not 0 < len(model) <= _LONGEST_MODEL or not model.isprintable():
        raise ClientError(400, "invalid_request_error", "model: a model name is required")
    return Reading(model)


class _Pairs(list[tuple[str, object]]):
    """A JSON object as it was written, duplicate keys and all."""


def _top_level_pairs(pairs: list[tuple[str, object]]) -> _Pairs:
    return _Pairs(pairs)


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ClientError(400, "invalid_request_error", "The request body is not valid UTF-8.") from error
    if not text.isprintable():
        raise ClientError(400, "invalid_request_error", "model: a model name is required")
    return text


def mark(raw: bytes) -> Mark:
    """Say what a raw event means. Either its name or the ``type`` in its data may tell."""
    if raw.startswith(b"event: "):  # as Anthropic writes it
        name = raw[7 : raw.find(b"\n")].rstrip(b"\r")
        if name in _MARKS:
            return _MARKS[name]
        if name.startswith((b"content_block_", b"message_delta")):
            return Mark.CONTENT
    event = sse.parse(raw)
    if not event.name and not event.data:
        return Mark.EMPTY
    if event.name in _MARKS:
        return _MARKS[event.name]
    # The type may stand behind an object that has a type of its own, so a search for the word would not do.
    kind = _members(event.data).get("type")
    return _MARKS.get(kind.encode(errors="replace"), Mark.CONTENT) if isinstance(kind, str) else Mark.CONTENT


def error_of(raw: bytes) -> tuple[str, str]:
    """Return the type and message of an error event or error body; ("api_error", "") where it has none."""
    error = _members(raw if raw.lstrip().startswith(b"{") else sse.parse(raw).data).get("error")
    kind, message = (error.get("type"), error.get("message")) if isinstance(error, dict) else (None, None)
    return (kind if isinstance(kind, str) else "api_error", message if isinstance(message, str) else "")


def _members(data: bytes) -> dict[str, object]:
    """Return the members of a JSON object; none for anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def error_body(kind: str, message: str, request_id: str | None = None) -> bytes:
    """Write an error as Anthropic's API does, ``kind`` being one of its error types."""
    document: dict[str, object] = {"type": "error", "error": {"type": kind, "message": message}}
    if request_id is not None:
        document["request_id"] = request_id
    # A lone surrogate, as JSON may bring one, has no bytes.
    return json.dumps(document, ensure_ascii=False).encode(errors="replace")


def error_event(kind: str, message: str) -> bytes:
    """Write an error inside a stream."""
    return sse.encode("error", error_body(kind, message))
