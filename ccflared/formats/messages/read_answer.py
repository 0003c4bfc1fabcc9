"""Reads answers of upstreams that speak Anthropic Messages, streams and documents.

Shapes: the public API reference of POST /v1/messages and its streaming page, and what compatible upstreams make of
them. Whatever comes, what is returned is legal, and ends in one Finished or one Failed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from ccflared.formats import json_text, sse
from ccflared.formats.errors import error_inside
from ccflared.formats.events import Began, BlockBegan, Event, Failed, Finished, Kind, StopReason, Usage
from ccflared.formats.messages.blocks import Blocks, Unfit
from ccflared.formats.usage import later

_BROKEN: Final = 502
_REASONS: Final[Mapping[object, StopReason]] = {
    "end_turn": "end",
    "stop_sequence": "stop sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_DELTAS: Final[Mapping[object, tuple[Kind, str]]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("call", "partial_json"),
}
_DONE: Final = b"[DONE]"
"""How OpenAI's streams end, and those of servers that speak both dialects."""
_LARGEST: Final = 2**63
"""No count of tokens is as large."""


class Reader:
    """Reads one answer. ``seed`` is what ids are made from where the upstream gives none."""

    __slots__ = ("_began", "_blocks", "_ids", "_last", "_over", "_reason", "_seed", "_sequence", "_usage")

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._blocks = Blocks()
        self._ids: set[str] = set()
        self._last = -1
        self._began = False
        self._over = False
        self._usage = Usage()
        self._reason: object = None
        self._sequence: str | None = None

    def event(self, raw: bytes) -> Sequence[Event]:
        """Take one raw event of a stream and return what it says."""
        if self._over:
            return ()
        event = sse.parse(raw)
        if not event.data or event.data.strip() == _DONE:
            return ()
        try:
            members = json_text.loads(event.data)
        except ValueError:
            members = None
        if not isinstance(members, dict):
            return self._broken("What the upstream sent is no event of a message.")
        name = event.name.decode(errors="replace")
        kind = members.get("type", name)
        take = self._TAKERS.get(kind) if isinstance(kind, str) else None
        if take is not None:
            return self._taken(take, members)
        if "error" in (kind, name) or members.get("error"):
            return self._refused(members, "The upstream's answer failed.")
        return ()

    def end(self) -> Sequence[Event]:
        """Take the clean end of the stream's body. Without ``message_stop`` the answer is not whole."""
        return () if self._over else self._broken("The upstream's answer ended before it was whole.")

    def document(self, body: bytes) -> Sequence[Event]:
        """Return all that a JSON answer says, from Began to Finished; or Failed alone."""
        members = json_text.members(body)
        content = members.get("content")
        if content is None and members.get("type") == "message":
            content = []
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        if not isinstance(content, list) or members.get("error") or members.get("type") == "error":
            return self._refused(members, "What the upstream answered is no message.")
        events = self._taken(Reader._whole, {"message": members | {"content": content}})
        return events[-1:] if isinstance(events[-1], Failed) else events

    def _taken(self, take: "_Taker", members: dict[str, Any]) -> Sequence[Event]:
        said = self._blocks.said = []
        try:
            take(self, members)
        except Unfit as error:
            said += self._broken(str(error))
        return said

    def _whole(self, members: dict[str, Any]) -> None:
        self._message_start(members)
        for index, block in enumerate(members["message"]["content"]):
            self._block_start({"index": index, "content_block": block})
            self._blocks.end(index)
        self._message_stop(members)

    def _message_start(self, members: dict[str, Any]) -> None:
        message = _object(members.get("message"))
        self._stopped(message)
        if not self._began:
            self._begin(_text(message.get("id")), _text(message.get("model")))

    def _begin(self, answer_id: str = "", model: str = "") -> None:
        self._began = True
        self._blocks.said.append(Began(answer_id, model, self._usage))

    def _block_start(self, members: dict[str, Any]) -> None:
        if not self._began:
            self._begin()
        index = self._last = _index(members.get("index"), self._last + 1)
        block, blocks = _object(members.get("content_block")), self._blocks
        match block.get("type"):
            case "text":
                blocks.begin(index, BlockBegan("text"))
                blocks.more(index, "text", _text(block.get("text")))
            case "thinking":
                blocks.begin(index, BlockBegan("thinking"))
                blocks.more(index, "thinking", _text(block.get("thinking")))
                blocks.sign(index, _text(block.get("signature")))
            case "redacted_thinking" if data := _text(block.get("data")):
                blocks.begin(index, BlockBegan("redacted", data=data))
            case "tool_use":
                blocks.begin(index, self._call(block), _arguments(block.get("input")))
            case _:
                blocks.pass_over(index)

    def _call(self, block: dict[str, Any]) -> BlockBegan:
        name = _text(block.get("name"))
        if not name:
            # Nobody could carry it out, and it would spoil the history.
            raise Unfit("The upstream calls a tool without a name.")
        call_id, number = _text(block.get("id")), len(self._ids)
        while not call_id or call_id in self._ids:
            call_id = f"toolu_{self._seed.removeprefix('req_')}_{number}"
            number += 1
        self._ids.add(call_id)
        return BlockBegan("call", id=call_id, name=name)

    def _block_delta(self, members: dict[str, Any]) -> None:
        if not self._began:
            self._begin()
        index = _index(members.get("index"), max(self._last, 0))
        delta = _object(members.get("delta"))
        kind = delta.get("type")
        if not isinstance(kind, str):
            return
        if kind == "signature_delta":
            self._blocks.sign(index, _text(delta.get("signature")))
        elif kind in _DELTAS:
            block_kind, key = _DELTAS[kind]
            self._blocks.more(index, block_kind, _text(delta.get(key)))

    def _block_stop(self, members: dict[str, Any]) -> None:
        self._blocks.end(_index(members.get("index"), self._last))

    def _message_delta(self, members: dict[str, Any]) -> None:
        self._stopped(_object(members.get("delta")) | {"usage": members.get("usage")})

    def _stopped(self, members: dict[str, Any]) -> None:
        """Take what both the message and its delta have: usage, and why it ended."""
        self._usage = later(self._usage, _usage(_object(members.get("usage"))))
        if members.get("stop_reason") is not None:
            self._reason = members["stop_reason"]
        self._sequence = _text(members.get("stop_sequence")) or self._sequence

    def _message_stop(self, _: dict[str, Any]) -> None:
        if not self._began:
            self._begin()
        self._blocks.end_all()
        self._over = True
        self._blocks.said.append(Finished(self._stop_reason(), self._sequence, self._usage))

    def _stop_reason(self) -> StopReason:
        """Return why the answer ended: for calls if there are any, whatever the upstream calls it, else never."""
        told = _REASONS.get(self._reason, "end") if isinstance(self._reason, str) else "end"
        if self._ids:
            return "tools" if told in ("end", "pause") else told
        return "end" if told == "tools" else told

    def _refused(self, members: dict[str, Any], otherwise: str) -> Sequence[Event]:
        """Return the error that the upstream tells of; ``otherwise`` is said where it tells of none."""
        told = error_inside(members)
        if told is None:
            return self._broken(otherwise)
        self._over = True
        return [told.failed]

    def _broken(self, message: str) -> Sequence[Event]:
        """Return the error that the upstream does not tell of."""
        self._over = True
        return [Failed("api_error", message, _BROKEN)]

    _TAKERS: ClassVar[Mapping[str, "_Taker"]] = {
        "message_start": _message_start,
        "content_block_start": _block_start,
        "content_block_delta": _block_delta,
        "content_block_stop": _block_stop,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
    }
    """Events that say something; all others but errors are passed over, ``ping`` among them."""


_Taker = Callable[[Reader, dict[str, Any]], None]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return json_text.sound(value) if isinstance(value, str) else ""


def _index(value: object, absent: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else absent


def _arguments(value: object) -> str:
    """Return the JSON of arguments that came at once; "" for none, as ``{}`` stands where they are yet to come."""
    if isinstance(value, str):
        value = json_text.members(value)
    try:
        return json_text.text_of(value) if isinstance(value, dict) and value else ""
    except ValueError as error:
        raise Unfit("The upstream calls a tool with arguments that are nested too deeply.") from error


def _usage(told: dict[str, Any]) -> Usage:
    return Usage(
        input=_count(told.get("input_tokens")),
        output=_count(told.get("output_tokens")),
        cache_read=_count(told.get("cache_read_input_tokens")),
        cache_write=_count(told.get("cache_creation_input_tokens")),
        reasoning=_count(_object(told.get("output_tokens_details")).get("thinking_tokens")),
    )


def _count(value: object) -> int | None:
    counts = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST
    return value if counts and isinstance(value, int) else None
