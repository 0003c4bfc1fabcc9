"""Writes an answer as Anthropic's Messages API does: the events of a stream, or one message.

Shapes: the streaming page of the API reference, and the models of Anthropic's SDK, which reads nothing but them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ccflared.formats import sse
from ccflared.formats.anthropic import PING, error_event
from ccflared.formats.arguments import object_of
from ccflared.formats.events import (
    Began,
    BlockBegan,
    BlockEnded,
    Delta,
    Event,
    Failed,
    Finished,
    Kind,
    OutOfOrder,
    Signed,
    State,
    StopReason,
    Usage,
    after,
)
from ccflared.formats.json_text import dumps, quoted, sound
from ccflared.formats.request import Request

_STOP: Final[Mapping[StopReason, str]] = {
    "end": "end_turn",
    "stop sequence": "stop_sequence",
    "length": "max_tokens",
    "tools": "tool_use",
    "refusal": "refusal",
    "pause": "pause_turn",
}

# The type of a delta to a block, and the member that it adds to.
_DELTAS: Final[Mapping[Kind, tuple[bytes, bytes]]] = {
    "text": (b"text_delta", b"text"),
    "thinking": (b"thinking_delta", b"thinking"),
    "call": (b"input_json_delta", b"partial_json"),
}
_DELTA_ENDS: Final = b"}}\n\n"
_MESSAGE_STOP: Final = sse.encode("message_stop", b'{"type":"message_stop"}')


class Writer:
    """Writes one answer. ``answer_id`` is the id of the request, which the message's is made of."""

    __slots__ = ("_delta", "_id", "_index", "_model", "_state", "_unsaid", "_usage")

    def __init__(self, request: Request, answer_id: str, at: float) -> None:  # noqa: ARG002 - a message has no time
        self._id = f"msg_{answer_id.removeprefix('req_')}"
        self._model = request.model
        self._usage = Usage()
        self._state: State = "nothing"
        self._index = -1
        self._delta: bytes | None = None
        """What stands before the text in a delta of the open block; None where no delta may come."""
        self._unsaid = b""
        """The beginning of a text block of which nothing has come yet: an empty one would spoil the history."""

    @property
    def ping(self) -> bytes:
        """What may be sent between two events to say that one is still there."""
        return PING

    def stream(self, events: Iterable[Event]) -> bytes:
        """Write the next events of a stream. Raises OutOfOrder."""
        written: list[bytes] = []
        for event in events:
            # Nearly all events are deltas: they are written without asking what else they could be.
            if type(event) is Delta:
                if self._delta is None:
                    raise OutOfOrder(f"Delta in state {self._state}")
                if event.text:
                    written += (self._unsaid, self._delta, quoted(event.text), _DELTA_ENDS)
                    self._unsaid = b""
            else:
                written.append(self._spelled(event))
        return b"".join(written)

    def document(self, events: Iterable[Event]) -> bytes:
        """Write all events of an answer, which end with Finished, as one message. Raises OutOfOrder."""
        content: list[dict[str, Any]] = []
        texts: list[str] = []
        block: dict[str, Any] = {}
        for event in events:
            self._state = after(self._state, event)
            match event:
                case Began():
                    self._begin(event)
                case BlockBegan():
                    block, texts = _block(event), []
                case Delta():
                    texts.append(event.text)
                case Signed():
                    block["signature"] += sound(event.signature)
                case BlockEnded():
                    if _fill(block, "".join(texts)):
                        content.append(block)
                case Finished():
                    return _written(self._message(content, event))
                case Failed():
                    break
        raise OutOfOrder("an answer without an end is no document")

    def _spelled(self, event: Event) -> bytes:
        self._state = after(self._state, event)
        match event:
            case Began():
                self._begin(event)
                return _event("message_start", message=self._message([], None))
            case BlockBegan():
                return self._started(event)
            case Signed():
                delta = {"type": "signature_delta", "signature": event.signature}
                return _event("content_block_delta", index=self._index, delta=delta)
            case BlockEnded():
                return self._stopped()
            case Finished():
                stop = {"stop_reason": _STOP[event.reason], "stop_sequence": event.sequence}
                usage = _usage(self._usage, event.usage)
                return _event("message_delta", delta=stop, usage=usage) + _MESSAGE_STOP
            case Failed():
                self._delta = None
                return error_event(event.kind, event.message)
            case _:
                raise OutOfOrder(f"{type(event).__name__} is written elsewhere")

    def _begin(self, began: Began) -> None:
        self._model = began.model or self._model
        self._usage = began.usage

    def _message(self, content: list[dict[str, Any]], finished: Finished | None) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": None if finished is None else _STOP[finished.reason],
            "stop_sequence": None if finished is None else finished.sequence,
            "usage": _usage(self._usage, Usage() if finished is None else finished.usage),
        }

    def _started(self, began: BlockBegan) -> bytes:
        self._index += 1
        start = _event("content_block_start", index=self._index, content_block=_block(began))
        if began.kind in _DELTAS:
            self._delta = _delta_begins(self._index, *_DELTAS[began.kind])
        if began.kind == "text":
            self._unsaid = start
            return b""
        return start

    def _stopped(self) -> bytes:
        self._delta = None
        if self._unsaid:
            self._unsaid = b""
            self._index -= 1
            return b""
        return _event("content_block_stop", index=self._index)


def _event(name: str, **members: Any) -> bytes:
    return sse.encode(name, dumps({"type": name, **members}))


def _delta_begins(index: int, kind: bytes, member: bytes) -> bytes:
    begin = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
    return begin % (index, kind, member)


def _block(began: BlockBegan) -> dict[str, Any]:
    """Return a block as it is before anything has come of it."""
    match began.kind:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            # Typed clients fail without a signature, be it an empty one.
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "redacted":
            return {"type": "redacted_thinking", "data": began.data}
        case "call":
            return {"type": "tool_use", "id": began.id, "name": began.name, "input": {}}


def _written(message: dict[str, Any]) -> bytes:
    try:
        return dumps(message)
    except ValueError:
        # An input that could just be read is too deep within a message: no client could read it either.
        deep = [block | {"input": {}} if "input" in block else block for block in message["content"]]
        return dumps(message | {"content": deep})


def _fill(block: dict[str, Any], text: str) -> bool:
    """Put into a block of a document what came of it; whether it is to be shown."""
    match block["type"]:
        case "text":
            block["text"] = text
            return bool(text)
        case "thinking":
            block["thinking"] = text
        case "tool_use":
            block["input"] = object_of(text)
        case _:
            pass
    return True


def _usage(first: Usage, last: Usage) -> dict[str, Any]:
    """Return usage as Anthropic tells it: the later figure counts; clients want numbers, so what is unknown is 0."""

    def told(name: str) -> int | None:
        later: int | None = getattr(last, name)
        return getattr(first, name) if later is None else later

    usage: dict[str, Any] = {
        "input_tokens": told("input") or 0,
        "cache_creation_input_tokens": told("cache_write") or 0,
        "cache_read_input_tokens": told("cache_read") or 0,
        "output_tokens": told("output") or 0,
    }
    if (reasoning := told("reasoning")) is not None:
        usage["output_tokens_details"] = {"thinking_tokens": reasoning}
    return usage
