"""Writes the turns of a request as the messages of Chat Completions, each part where that API has a place for it.

System and assistant messages hold text alone, tool messages too, and pictures stand in user messages. What a message
cannot hold is told in it as text; pictures of a tool's result follow in the next message of the user.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ccflared.config.quirks import Quirks
from ccflared.formats.arguments import kept_object
from ccflared.formats.cache_mark import cache_mark
from ccflared.formats.chat.names import sent_id
from ccflared.formats.json_text import text_of
from ccflared.formats.request import (
    Call,
    Document,
    Image,
    Part,
    Request,
    Result,
    Text,
    Thinking,
    Turn,
)
from ccflared.formats.turns import tidied

Message = dict[str, Any]
Piece = dict[str, Any]
"""A content part as Chat Completions has it: text, image_url or file."""

_BILLING: Final = "x-anthropic-billing-header"
"""Claude Code's first block of the system prompt; it differs between conversations and would spoil prompt caches."""

_PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What all who speak this dialect can look at. Source: OpenAI's guide to images."""

_PARAGRAPH: Final = "\n\n"


def messages_of(
    request: Request, names: Mapping[str, str], quirks: Quirks, instruction: str | None = None
) -> list[Message]:
    """Return the messages; none if no turn says anything.

    ``names`` has the name to send of each tool that is called; ``instruction`` goes behind the system prompt.
    """
    spelling = _Spelling(names, quirks)
    said = [message for turn in tidied(request.turns) for message in spelling.turn(turn)]
    if not said:
        return []
    prompt = [part for part in request.system if not part.text.startswith(_BILLING)]
    return [*spelling.system((*prompt, Text(instruction)) if instruction else prompt), *said]


class _Spelling:
    """How the turns of one request are spelled: by the names of its tools, for one provider."""

    __slots__ = ("_names", "_quirks")

    def __init__(self, names: Mapping[str, str], quirks: Quirks) -> None:
        self._names = names
        self._quirks = quirks

    def turn(self, turn: Turn) -> list[Message]:
        match turn.role:
            case "system":
                return self.system(turn.parts)
            case "assistant":
                return self._assistant(turn.parts)
            case "user":
                return self._user(turn.parts)

    def system(self, parts: Iterable[Part]) -> list[Message]:
        pieces = _said([self._words(part) for part in parts])
        role = "developer" if self._quirks.developer_role else "system"
        return [{"role": role, "content": _content(pieces)}] if pieces else []

    def _assistant(self, parts: Sequence[Part]) -> list[Message]:
        pieces = _said([self._words(part) for part in parts if not isinstance(part, Call | Thinking)])
        calls = [self._call(part) for part in parts if isinstance(part, Call)]
        message: Message = {"role": "assistant", "content": _content(pieces)}
        if self._quirks.reasoning_content:
            thoughts = [part.text for part in parts if isinstance(part, Thinking) and part.text]
            message |= {"reasoning_content": _PARAGRAPH.join(thoughts)} if thoughts else {}
        if calls:
            message |= {"content": message["content"] or None, "tool_calls": calls}
        return [message] if pieces or len(message) > 2 else []

    def _call(self, call: Call) -> Piece:
        kept = {"input": call.arguments} if call.custom else kept_object(call.arguments)
        arguments = call.arguments.strip() if kept is None else text_of(kept)
        function = {"name": self._names[call.name], "arguments": arguments}
        return {"id": sent_id(call.id), "type": "function", "function": function}

    def _user(self, parts: Sequence[Part]) -> list[Message]:
        """Write the results first, then what the user says, behind the pictures that belong to results."""
        messages: list[Message] = []
        pieces: list[Piece] = []
        for part in parts:
            if isinstance(part, Result):
                message, pictures = self._result(part)
                messages.append(message)
                pieces += pictures
        pieces += [self._picture(part) or self._words(part) for part in parts if not isinstance(part, Result)]
        if pieces := _said(pieces):
            messages.append({"role": "user", "content": _content(pieces)})
        return messages

    def _result(self, result: Result) -> tuple[Message, list[Piece]]:
        """Return the message of a result, and what the next one of the user has to show of it."""
        pieces: list[Piece] = []
        pictures: list[Piece] = []
        for part in result.parts:
            if pictured := self._picture(part):
                pictures.append(pictured)
                pieces.append(_text(f"[{_kind(part)}: shown in the next message of the user]"))
            else:
                pieces.append(self._words(part))
        pieces = _failed(_said(pieces)) if result.error else _said(pieces)
        if pieces and self._quirks.cache_control:
            pieces[-1] |= cache_mark(result.cache)
        call_id = sent_id(result.call_id)
        message = {"role": "tool", "tool_call_id": call_id, "content": _content(pieces, between="\n")}
        return message, [_text(f"From the result of the tool call {call_id}:"), *pictures] if pictures else []

    def _picture(self, part: Part) -> Piece | None:
        """Return a part as something to look at, if it is that and may be sent."""
        match part:
            case Image(detail=detail) if shown := part.url or _shown(part):
                seen = {"url": shown}
                return {"type": "image_url", "image_url": seen | ({"detail": detail} if detail else {})}
            case Document(data=str(data), media_type="application/pdf", title=title) if self._quirks.files:
                named = {"filename": title or "document.pdf"}
                return {"type": "file", "file": named | {"file_data": f"data:application/pdf;base64,{data}"}}
            case _:
                return None

    def _words(self, part: Part) -> Piece:
        """Return a part as text, a picture being told of."""
        match part:
            case Text(text=text):
                piece = _text(text)
            case Document():
                piece = _text(_document(part))
            case Image():
                piece = _text(f"[image: {part.url or part.media_type}, which cannot be shown here]")
            case _:
                piece = _text("")
        if self._quirks.cache_control and isinstance(part, Text | Document):
            piece |= cache_mark(part.cache)
        return piece


def _shown(image: Image) -> str | None:
    """Return the data URL of a picture; None for one of a kind that no model looks at."""
    kind = (image.media_type or "").lower().replace("image/jpg", "image/jpeg")
    return f"data:{kind};base64,{image.data}" if kind in _PICTURES and image.data else None


def _text(text: str) -> Piece:
    return {"type": "text", "text": text}


def _said(pieces: list[Piece]) -> list[Piece]:
    """Leave out blank texts, which say nothing and are refused by some."""
    return [piece for piece in pieces if piece["type"] != "text" or piece["text"].strip()]


def _failed(pieces: list[Piece]) -> list[Piece]:
    """Say that a result is an error, for which there is no field."""
    if not pieces:
        return [_text("Error")]
    first, *rest = pieces
    if first["text"].lower().startswith("error"):
        return pieces
    return [first | {"text": f"Error: {first['text']}"}, *rest]


def _content(pieces: list[Piece], between: str = _PARAGRAPH) -> str | list[Piece]:
    """Return plain texts as one string: what a text and a list with that text alone have in common.

    Clients change from one form to the other between turns, and a prompt cache should not notice.
    """
    if all(piece.keys() == {"type", "text"} for piece in pieces):
        return between.join(piece["text"] for piece in pieces)
    return pieces


def _document(document: Document) -> str:
    named = f"document {document.title}" if document.title else "document"
    if document.text is None:
        return f"[{named}: {document.url or document.media_type}, which cannot be shown here]"
    head = [f"[{named}]"] if document.title else []
    return "\n".join([*head, *([document.context] if document.context else []), document.text])


def _kind(part: Part) -> str:
    return type(part).__name__.lower()
