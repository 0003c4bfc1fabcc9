"""Every request and answer of the cases, read as a conversation: what was said in it is told, and nothing fails."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from book import BOOK
from cases import Case
from exchange import Answer as Played

from ccflared.formats import json_text
from ccflared.formats.dialect import dialect_of
from ccflared.formats.errors import ClientDialect
from ccflared.formats.transcript.answered import Answer
from ccflared.formats.transcript.room import LONGEST
from ccflared.formats.transcript.telling import Asked, conversation

ALL = [(category.name, case) for category in BOOK for case in category.cases]


def spoken(value: Any) -> Iterator[str]:
    """Yield the texts that somebody said in a document, without names and marks."""
    match value:
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            yield text
        case {"content": str(text), "role": str()}:
            yield text
        case dict():
            for name, each in value.items():
                if name in ("messages", "content", "input", "output", "choices", "message", "system"):
                    yield from spoken(each)
        case list():
            for each in value:
                yield from spoken(each)
        case _:
            pass


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict() | list():
            for each in value.values() if isinstance(value, dict) else value:
                yield from texts(each)
        case _:
            pass


def body_of(played: Played) -> tuple[int, bytes]:
    """Return status and body of what an upstream answers, without its framing."""
    raw = b"".join(step for step in played.steps if isinstance(step, bytes))
    head, _, body = raw.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1]) if head.startswith(b"HTTP/1.1 ") else 0
    if b"chunked" not in head:
        return status, body
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            break
        whole, body = whole + rest[:length], rest[length + 2 :]
    return status, whole


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{name}: {case.name}") for name, case in ALL])
def test_what_is_said_in_a_case_is_told(case: Case) -> None:
    found = conversation(dialect_of(case.path), Asked(case.body, False), Answer(b"", None, False, False))
    json.dumps(found, allow_nan=False)
    said = set(texts(found))
    for text in spoken(json_text.members(case.body)):
        assert json_text.sound(text)[:LONGEST] in said
    upstream: ClientDialect = "chat" if case.upstream == "chat" else "anthropic"
    for played in case.answers:
        status, body = body_of(played)
        found = conversation(upstream, Asked(b"{}", False), Answer(body, status, False, True))
        json.dumps(found, allow_nan=False)
        if body.startswith(b"{") and status == 200:
            answer = found["answer"]
            told = set(texts(answer["parts"]))
            for text in spoken(json_text.members(body)):
                assert json_text.sound(text)[:LONGEST] in told or answer["error"]
