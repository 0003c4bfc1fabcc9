"""Mistakes of the file as people read them: ``FILE:LINE:COLUMN: message``, the line, and a caret below it."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

_WIDEST = 100


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake with its place. ``excerpt`` is the line, with secrets masked; empty where there is none.

    ``line``, ``column`` count from 1, in characters of the file; ``offset`` and ``length`` say where in the
    excerpt the caret line begins and how long it is.
    """

    file: Path
    line: int
    column: int
    message: str
    excerpt: str = ""
    length: int = 1
    offset: int = 0
    add: str = ""
    """TOML which the file lacks, if that is the mistake."""

    def __str__(self) -> str:
        return f"{_printable(str(self.file))}:{self.line}:{self.column}: {_printable(self.message)}"


def render(mistake: Mistake) -> str:
    """Return a mistake in up to three lines."""
    if not mistake.excerpt.strip():
        return str(mistake)
    shown, offset = _window(mistake.excerpt, mistake.offset)
    length = max(1, min(mistake.length, len(shown) - offset))
    caret = " " * _width(shown[:offset]) + "^" * max(1, _width(shown[offset : offset + length]))
    return f"{mistake}\n    {_printable(shown)}\n    {caret}"


def render_all(mistakes: tuple[Mistake, ...]) -> str:
    """Return all mistakes, one below the other, in the order given."""
    return "\n".join(render(mistake) for mistake in mistakes)


def _window(line: str, offset: int) -> tuple[str, int]:
    """Return at most _WIDEST characters of the line around ``offset``, and where ``offset`` then is."""
    line = line.replace("\t", " ").rstrip()
    offset = min(offset, len(line))
    indent = len(line) - len(line.lstrip())
    line, offset = line[min(indent, offset) :], offset - min(indent, offset)
    if len(line) <= _WIDEST:
        return line, offset
    start = max(0, min(offset - _WIDEST // 3, len(line) - _WIDEST))
    cut = line[start : start + _WIDEST]
    before, after = "…" if start else "", "…" if start + _WIDEST < len(line) else ""
    return before + cut + after, offset - start + len(before)


def _width(text: str) -> int:
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
