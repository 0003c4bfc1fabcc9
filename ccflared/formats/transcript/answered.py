"""What the model answered, or why it did not: parts, how it ended, what it used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ccflared.formats.chat.counts import count_of, usage_in
from ccflared.formats.errors import ClientDialect, error_inside, read_error
from ccflared.formats.events import Usage
from ccflared.formats.json_prefix import value_of
from ccflared.formats.transcript.asked import spoken
from ccflared.formats.transcript.blocks import block_parts, parts_of
from ccflared.formats.transcript.room import Part, Room
from ccflared.formats.transcript.streams import ENDED, document_of

Members = Mapping[str, Any]

_BEGINNINGS: Final = (b"event:", b"data:", b":", b"id:", b"retry:", b"\xef\xbb\xbf")
_PLAIN: Final = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept."""

    body: bytes
    status: int | None
    truncated: bool
    """Not all of it is kept."""
    whole: bool
    """It was given to its end."""


def answer_of(dialect: ClientDialect, answer: Answer, room: Room) -> dict[str, Any] | None:
    """Return what an answer says; None where nothing came."""
    if not answer.body.strip():
        return None
    failed = answer.status is not None and answer.status >= 400
    streamed = answer.body.lstrip().startswith(_BEGINNINGS) and not failed
    document, wrong = _document(dialect, answer, room, streamed=streamed)
    told: dict[str, Any] = {
        "parts": [],
        "model": None,
        "stop": None,
        "streamed": streamed,
        "whole": answer.whole and not answer.truncated and bool(wrong is None),
        "error": None,
        "usage": None,
    }
    if not isinstance(document, dict):
        return {**told, "parts": _plain(answer, room), "error": _error(answer, None, room, failed=failed)}
    if streamed:
        told["whole"] = told["whole"] and document.pop(ENDED, True)
    # In this order: what is said takes what room there is.
    parts = [] if failed else _READ[dialect](document, room)
    error = _error(answer, document, room, failed=failed)
    if not parts and error is None:
        # An answer of another kind, as a count of tokens is.
        parts = list(block_parts({**document, "type": "answer"}, room)) if document else []
    return {
        **told,
        "parts": parts,
        "model": room.line(document.get("model")),
        "stop": room.line(_stop(dialect, document), 200),
        "error": error,
        "usage": _usage(dialect, document),
    }


def _document(
    dialect: ClientDialect, answer: Answer, room: Room, *, streamed: bool
) -> tuple[Any, str | None]:
    """Return the document of an answer, streamed or not, and why not all of it could be read."""
    if streamed:
        document, broken = document_of(dialect, answer.body)
        if not broken:
            return document, None
        wrong = f"{broken} of the answer's events cannot be read."
    else:
        document, why = value_of(answer.body.decode("utf-8", "replace").removeprefix("\ufeff"))
        if why is None:
            return document, None
        wrong = f"The answer is read as far as it goes: {why}."
    room.note(wrong)
    return document, wrong


def _plain(answer: Answer, room: Room) -> list[Part]:
    """Return an answer that is no JSON as the text it is."""
    text = answer.body[: 4 * _PLAIN].decode("utf-8", "replace")
    return list(block_parts(text[:_PLAIN], room))


def _error(answer: Answer, document: Members | None, room: Room, *, failed: bool) -> dict[str, Any] | None:
    if failed:
        error = read_error(answer.status or 500, answer.body)
    else:
        inside = error_inside(document) if document is not None and _may_fail(document) else None
        if inside is None:
            return None
        error = inside
    return {"kind": room.line(error.kind, 100), "message": room.line(error.message, 4000) or ""}


def _may_fail(document: Members) -> bool:
    """Whether what looks like an error may be one: an answer that has content has other members by those names."""
    return bool(document.get("error")) or not any(
        name in document for name in ("content", "choices", "output", "input_tokens", "data")
    )


def _of_messages(document: Members, room: Room) -> list[Part]:
    return parts_of(document.get("content"), room)


def _of_chat(document: Members, room: Room) -> list[Part]:
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        return []
    if len(choices) > 1:
        room.note(f"The first of {len(choices)} answers is shown.")
    first = choices[0] if isinstance(choices[0], dict) else {}
    message = first.get("message")
    return spoken(message, room) if isinstance(message, dict) else parts_of(first.get("text"), room)


def _of_responses(document: Members, room: Room) -> list[Part]:
    output = document.get("output")
    parts: list[Part] = []
    for item in output if isinstance(output, list) else ():
        if isinstance(item, dict) and item.get("type") == "message":
            parts += parts_of(item.get("content"), room)
        else:
            parts += block_parts(item, room)
    return parts


_READ: Final = {"anthropic": _of_messages, "chat": _of_chat, "responses": _of_responses}


def _stop(dialect: ClientDialect, document: Members) -> object:
    match dialect:
        case "anthropic":
            return document.get("stop_reason")
        case "chat":
            choices = document.get("choices")
            first = choices[0] if isinstance(choices, list) and choices else None
            return first.get("finish_reason") if isinstance(first, dict) else None
        case _:
            details = document.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            return reason or document.get("status")


def _usage(dialect: ClientDialect, document: Members) -> dict[str, int | None] | None:
    """Return the tokens in the neutral kinds; None where none are told."""
    reported = document.get("usage")
    usage = Usage()
    if dialect == "chat":
        usage = usage_in(document) or usage
    elif isinstance(reported, dict):
        usage = _of_anthropic(reported) if dialect == "anthropic" else _of_openai(reported)
    if usage == Usage():
        return None
    return {
        "input": usage.input,
        "output": usage.output,
        "cacheRead": usage.cache_read,
        "cacheWrite": usage.cache_write,
        "reasoning": usage.reasoning,
    }


def _of_anthropic(usage: Members) -> Usage:
    return Usage(
        input=count_of(usage.get("input_tokens")),
        output=count_of(usage.get("output_tokens")),
        cache_read=count_of(usage.get("cache_read_input_tokens")),
        cache_write=count_of(usage.get("cache_creation_input_tokens")),
        reasoning=count_of(_members(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


def _of_openai(usage: Members) -> Usage:
    prompt = count_of(usage.get("input_tokens"))
    details = _members(usage.get("input_tokens_details"))
    read, written = count_of(details.get("cached_tokens")), count_of(details.get("cache_write_tokens"))
    return Usage(
        # It has those of the cache in it.
        input=None if prompt is None else max(0, prompt - (read or 0) - (written or 0)),
        output=count_of(usage.get("output_tokens")),
        cache_read=read,
        cache_write=written,
        reasoning=count_of(_members(usage.get("output_tokens_details")).get("reasoning_tokens")),
    )


def _members(value: object) -> Members:
    return value if isinstance(value, dict) else {}
