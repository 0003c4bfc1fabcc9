"""The Anthropic Messages dialect, as much of it as is needed to pass it on: model, stream events, errors.

Shapes: the public API reference of POST /v1/messages and its streaming page.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from ccflared.formats import sse
from ccflared.formats.model_name import model_of

PING = sse.encode("ping", b'{"type": "ping"}')
FRAMING = len(
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":""}}\n\n'
)
"""Bytes of an event around the text in it: no other event with content has fewer."""


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
    """Read a Messages request as far as is needed. Raises ClientError (400) as model_name.model_of does."""
    return Reading(model_of(body))


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


def only_models(document: bytes, may: Callable[[str], bool]) -> bytes:
    """Return a list of models with those alone that somebody may use; an empty one where it cannot be read."""
    members = _members(document)
    listed = members.get("data")
    models = [model for model in listed if isinstance(model, dict)] if isinstance(listed, list) else []
    kept = [model for model in models if isinstance(name := model.get("id"), str) and may(name)]
    ends = {"first_id": kept[0]["id"] if kept else None, "last_id": kept[-1]["id"] if kept else None}
    if members.get("has_more") is True:
        # The next page begins behind the last one of this page, whether it may be used or not.
        ends = {end: members.get(end) for end in ends}
    whole = {"has_more": False} | members | {"data": kept} | ends
    return json.dumps(whole, ensure_ascii=False).encode(errors="replace")


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
