"""Puts the events of a stream together into the document that the same answer would have been, as far as it came.

Unlike the readers of answers, which must give out each event at once and in order, these have the whole stream before
them, keep blocks that nobody else has a word for, and of an answer that breaks off what there is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ccflared.formats import sse
from ccflared.formats.errors import ClientDialect
from ccflared.formats.json_text import loads

Members = dict[str, Any]

ENDED: Final = "(ended)"
"""The member of a document that says whether its stream said that it is whole."""
_DONE: Final = b"[DONE]"
_MOST_BLOCKS: Final = 20_000


def document_of(dialect: ClientDialect, body: bytes) -> tuple[Members, int]:
    """Return the document of a stream, and how many of its events could not be read."""
    gathered = _GATHERED[dialect]()
    broken = 0
    for name, members in _events(body):
        if members is None:
            broken += 1
        else:
            gathered.take(name, members)
    return gathered.document(), broken


def _events(body: bytes) -> Iterator[tuple[str, Members | None]]:
    """Yield the events' names and data; None for what is no object. What is cut off at the end says nothing."""
    cutter = sse.Cutter(longest=len(body) + 1)
    raws = [*cutter.feed(body), *cutter.close()]
    for number, raw in enumerate(raws):
        event = sse.parse(raw)
        data = event.data.strip()
        if data == _DONE:
            yield "done", {}
        elif data:
            try:
                members = loads(data.decode("utf-8", "replace"))
            except ValueError:
                members = None
            if isinstance(members, dict):
                kind = members.get("type")
                yield kind if isinstance(kind, str) else event.name.decode("utf-8", "replace"), members
            elif number < len(raws) - 1:
                yield "", None


class _Texts:
    """Texts that come in pieces, by where they belong."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: dict[str, list[str]] = {}

    def add(self, name: str, piece: object) -> None:
        if isinstance(piece, str) and piece:
            self._pieces.setdefault(name, []).append(piece)

    def whole(self) -> dict[str, str]:
        return {name: "".join(pieces) for name, pieces in self._pieces.items()}


class _Messages:
    """A stream of Anthropic Messages."""

    _PIECES: Final = {
        "text_delta": "text",
        "thinking_delta": "thinking",
        "input_json_delta": "partial_json",
    }

    def __init__(self) -> None:
        self._message: Members = {}
        self._blocks: dict[object, tuple[Members, _Texts]] = {}
        self._usage: Members = {}
        self._ended = False

    def take(self, name: str, members: Members) -> None:
        match name:
            case "message_start":
                self._message = _object(members.get("message"))
                self._usage |= _known(self._message.get("usage"))
            case "content_block_start":
                if len(self._blocks) < _MOST_BLOCKS:
                    self._blocks[_key(members.get("index"))] = (
                        _object(members.get("content_block")),
                        _Texts(),
                    )
            case "content_block_delta":
                delta = _object(members.get("delta"))
                piece = self._PIECES.get(str(delta.get("type")))
                if piece is not None:
                    kind = "text" if piece == "text" else "thinking" if piece == "thinking" else "tool_use"
                    texts = self._blocks.setdefault(_key(members.get("index")), ({"type": kind}, _Texts()))[1]
                    texts.add(piece, delta.get(piece))
            case "message_delta":
                self._message = {**self._message, **_known(members.get("delta"))}
                self._usage |= _known(members.get("usage"))
            case "message_stop":
                self._ended = True
            case _ if name == "error" or members.get("error"):
                self._message = {**self._message, "error": members.get("error") or members}
            case _:
                pass

    def document(self) -> Members:
        content = [_filled(block, texts.whole()) for block, texts in self._blocks.values()]
        return {**self._message, "content": content, "usage": self._usage, ENDED: self._ended}


def _filled(block: Members, texts: Mapping[str, str]) -> Members:
    said = {name: str(block.get(name) or "") + text for name, text in texts.items() if name != "partial_json"}
    if (arguments := texts.get("partial_json")) is not None:
        said["input"] = arguments
    return {**block, **said}


class _Chat:
    """A stream of Chat Completions: its first choice, and how many there are."""

    def __init__(self) -> None:
        self._answer: Members = {}
        self._texts = _Texts()
        self._calls: dict[object, tuple[Members, _Texts]] = {}
        self._choices: set[object] = set()
        self._finish: object = None
        self._ended = False

    def take(self, name: str, members: Members) -> None:
        if name == "done":
            self._ended = True
            return
        for key in ("id", "model", "usage", "error", "x_groq"):
            if members.get(key) is not None:
                self._answer[key] = members[key]
        choices = members.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._choice(choice)

    def _choice(self, choice: Members) -> None:
        index = _key(choice.get("index"))
        self._choices.add(index)
        if index not in (0, None):
            return
        self._finish = choice.get("finish_reason") or self._finish
        delta = _object(choice.get("delta")) or _object(choice.get("message"))
        self._texts.add("content", choice.get("text"))
        for name in ("content", "reasoning_content", "reasoning", "refusal"):
            self._texts.add(name, delta.get(name))
        listed = delta.get("tool_calls")
        for call in listed if isinstance(listed, list) else ():
            if isinstance(call, dict) and len(self._calls) < _MOST_BLOCKS:
                self._call(call)
        if function := _object(delta.get("function_call")):
            self._call({"index": "function_call", "function": function})

    def _call(self, call: Members) -> None:
        begun, texts = self._calls.setdefault(_key(call.get("index")), ({}, _Texts()))
        if isinstance(call.get("id"), str) and call["id"]:
            begun.setdefault("id", call["id"])
        for kind, piece in (("function", "arguments"), ("custom", "input")):
            if inner := _object(call.get(kind)):
                begun["kind"] = kind
                if isinstance(inner.get("name"), str) and inner["name"]:
                    begun.setdefault("name", inner["name"])
                texts.add(piece, inner.get(piece))

    def document(self) -> Members:
        calls = [
            {
                "id": begun.get("id"),
                begun.get("kind", "function"): {"name": begun.get("name"), **texts.whole()},
            }
            for begun, texts in self._calls.values()
        ]
        message = {"role": "assistant", **self._texts.whole(), **({"tool_calls": calls} if calls else {})}
        choice = {"message": message, "finish_reason": self._finish}
        # Servers that write no [DONE] have at least a reason why they ended.
        ended = self._ended or self._finish is not None
        others: list[Members] = [{}] * max(0, len(self._choices) - 1)
        return {**self._answer, "choices": [choice, *others], ENDED: ended}


class _Responses:
    """A stream of Responses: the items that are done, and those that have begun."""

    _PIECES: Final = {
        "response.output_text.delta": "content",
        "response.refusal.delta": "content",
        "response.reasoning_text.delta": "content",
        "response.reasoning_summary_text.delta": "summary",
        "response.function_call_arguments.delta": "arguments",
        "response.mcp_call_arguments.delta": "arguments",
        "response.custom_tool_call_input.delta": "input",
    }
    _LAST: Final = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")

    def __init__(self) -> None:
        self._response: Members = {}
        self._items: dict[object, tuple[Members, _Texts]] = {}
        self._done: set[object] = set()
        self._error: object = None
        self._ended = False

    def take(self, name: str, members: Members) -> None:
        index = _key(members.get("output_index"))
        if name == "error" or (name == "" and members.get("error")):
            self._error = members.get("error") or members
        elif name in ("response.output_item.added", "response.output_item.done"):
            if len(self._items) < _MOST_BLOCKS:
                self._items[index] = (_object(members.get("item")), _Texts())
            if name.endswith("done"):
                self._done.add(index)
        elif (piece := self._PIECES.get(name)) is not None:
            self._items.setdefault(index, ({"type": "message"}, _Texts()))[1].add(piece, members.get("delta"))
        elif isinstance(response := members.get("response"), dict):
            self._response = response
            self._ended = self._ended or name in self._LAST

    def document(self) -> Members:
        items = [
            item if index in self._done else _begun(item, texts.whole())
            for index, (item, texts) in self._items.items()
        ]
        told = self._response.get("output")
        output = told if isinstance(told, list) and len(told) > len(items) else items
        error = {"error": self._error} if self._error is not None else {}
        return {**self._response, "output": output, ENDED: self._ended, **error}


def _begun(item: Members, texts: Mapping[str, str]) -> Members:
    """Return an item that is not done with the text that came for it."""
    said: Members = {name: text for name, text in texts.items() if name not in ("content", "summary")}
    for name in ("content", "summary"):
        if name in texts:
            said[name] = [{"type": "text", "text": texts[name]}]
    return {**item, **said}


_GATHERED: Final[Mapping[ClientDialect, type[_Messages] | type[_Chat] | type[_Responses]]] = {
    "anthropic": _Messages,
    "chat": _Chat,
    "responses": _Responses,
}


def _object(value: object) -> Members:
    return value if isinstance(value, dict) else {}


def _known(value: object) -> Members:
    """Return the members that say something: a later null takes nothing back."""
    return {name: each for name, each in _object(value).items() if each is not None}


def _key(value: object) -> object:
    return value if isinstance(value, str | int) else None
