"""The pieces in which the events of a stream bring a text, found without reading each event as JSON.

A word may stand in pieces over several events, in every dialect: where words are looked for, the pieces are joined.
"""

import re
from collections.abc import Iterator
from typing import Final

_PIECE: Final = re.compile(
    rb'"(text|thinking|partial_json|content|reasoning_content|reasoning|arguments|delta|refusal|message)"'
    rb'\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"',
    re.DOTALL,
)


def runs(stream: bytes) -> Iterator[tuple[bytes, list[tuple[int, int]]]]:
    """Yield each text that comes in pieces of one name after each other: joined, still escaped, and where they are."""
    name = b""
    parts: list[tuple[int, int]] = []
    for match in _PIECE.finditer(stream):
        if match[1] != name and parts:
            yield b"".join(stream[start:end] for start, end in parts), parts
            parts = []
        name = match[1]
        if match.end(2) > match.start(2):
            parts.append(match.span(2))
    if parts:
        yield b"".join(stream[start:end] for start, end in parts), parts
