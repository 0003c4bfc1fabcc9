"""What was said in a request or an answer, as text to be searched: tolerant, bounded, of every dialect.

Of a request the latest counts: what was said before stood in earlier requests of the conversation, and is found there.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from ccflared.formats.fragments import runs

MOST: Final = 64 * 1024
"""Characters of an answer."""
LATEST: Final = 32 * 1024
"""Characters of a request: the turns before were the latest of earlier requests."""
_PARSED: Final = 1024 * 1024
"""Bytes of a document that are read as JSON: beyond, and in what is cut off, strings are looked for."""
_FIRST: Final = ("messages", "input", "prompt", "instructions", "system", "content", "choices", "output")
_SAYS_NOTHING: Final = frozenset(
    [
        "type",
        "id",
        "role",
        "model",
        "signature",
        "data",
        "media_type",
        "tool_use_id",
        "tool_call_id",
        "call_id",
        "item_id",
        "encrypted_content",
        "object",
        "finish_reason",
        "stop_reason",
        "status",
        "cache_control",
        "service_tier",
        "system_fingerprint",
        "tools",
        "url",
        "image_url",
    ]
)
# One that is not ended reaches to the end: to begin anew at each quotation mark in it would take for ever.
_STRING: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)', re.DOTALL)
_CODED: Final = re.compile(r"[A-Za-z0-9+/=_-]{256}")
_DEEPEST: Final = 40
_STRINGS: Final = 20_000
"""Of what is no document, how many are looked at."""
_REPEATS: Final = re.compile(
    rb"^(?:event: response\.(?!\S*delta)[^\n]*\n)?"
    rb"data: ?\{\"type\": ?\"response\.(?![a-z_.]*delta)[^\n]*$",
    re.MULTILINE,
)
"""Events of a Responses stream that say again what was said in pieces."""


def said_in_request(body: bytes) -> str:
    """Return what a request says, the latest of it where it is too much."""
    document = _document(body)
    if document is None:
        return _bounded(reversed(list(_strings(body[-4 * LATEST :]))), LATEST, latest=True)
    return _bounded(_latest_first(document), LATEST, latest=True)


def said_in_answer(body: bytes, *, stream: bool) -> str:
    """Return what an answer says, the beginning of it where it is too much."""
    if stream:
        return _bounded(map(_text, (joined for joined, _ in runs(_REPEATS.sub(b"", body)))))
    document = _document(body)
    if document is None:
        return _bounded(islice(_strings(body), _STRINGS))
    return _bounded(_walk(document, 0))


def _document(body: bytes) -> Any:
    if len(body) > _PARSED or body[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _latest_first(document: Any) -> Iterator[str]:
    """Yield the strings of a request from its end, what was said before what it was to be like."""
    if not isinstance(document, Mapping):
        yield from reversed(list(_walk(document, 0)))
        return
    for key in _FIRST:
        value = document.get(key)
        for each in reversed(value) if isinstance(value, list) else (value,):
            yield from reversed(list(_walk(each, 1)))
    for key, value in document.items():
        if key not in _FIRST and key not in _SAYS_NOTHING:
            yield from _walk(value, 1)


def _walk(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if key not in _SAYS_NOTHING or (key == "data" and isinstance(each, Mapping | list)):
                yield from _walk(each, depth + 1)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _walk(each, depth + 1)


def _strings(body: bytes) -> Iterator[str]:
    found = False
    for match in _STRING.finditer(body):
        found = True
        yield _text(match[1])
    if not found:
        yield body.decode("utf-8", "replace")


def _text(escaped: bytes) -> str:
    try:
        text: str = json.loads(b'"' + escaped + b'"', strict=False)
    except ValueError:
        text = escaped.decode("utf-8", "replace")
    return text


def _bounded(strings: Iterator[str], room: int = MOST, *, latest: bool = False) -> str:
    """Join strings up to the bound, without those that are too short, or files in letters."""
    taken: list[str] = []
    for text in strings:
        if len(text) < 2 or _CODED.match(text) or text.startswith("data:"):
            continue
        part = text[-room:] if latest else text[:room]
        taken.append(part)
        room -= len(part) + 1
        if room <= 0:
            break
    if latest:
        taken.reverse()
    return "\n".join(taken).encode("utf-8", "replace").decode()
