"""Text laid out in terminal cells: styled spans, lines, wrapping, columns. Pure, whatever it shows.

A line is a tuple of spans. Nothing here writes: terminal.py turns lines into what the output can show.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Style = Literal["plain", "strong", "faint", "good", "warn", "bad"]


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: Style = "plain"


Line = tuple[Span, ...]


class Glyphs(NamedTuple):
    """The signs that are not letters, for terminals that have them and for those that do not."""

    dot: str
    half: str
    ring: str
    cross: str
    arrow: str
    sep: str
    bullet: str
    rule: str
    block: str
    cut: str
    spark: str
    """From nothing to most."""
    edges: str
    """Of a bar: left and right."""
    parts: str
    """Of a cell of a bar, from the least on; the whole one is ``block``."""
    ascii_only: bool


UNICODE = Glyphs("●", "◐", "○", "✗", "→", " · ", "•", "─", "█", "…", "▁▂▃▄▅▆▇█", "▕▏", "▏▎▍▌▋▊▉", False)
ASCII = Glyphs("*", "+", "o", "x", ">", " | ", "-", "-", "#", "~", "_.:-=+*#", "[]", "", True)


def cells(text: str) -> int:
    """Return how many terminal cells ``text`` takes: two for wide letters, none for combining marks."""
    if text.isascii():
        return len(text)
    total = 0
    for letter in text:
        if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me"):
            continue
        total += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
    return total


def line_cells(line: Line) -> int:
    """Return how many cells a line takes."""
    return sum(cells(span.text) for span in line)


def clip(text: str, width: int, glyphs: Glyphs) -> str:
    """Return ``text`` cut to ``width`` cells, the cut marked."""
    return text if cells(text) <= width else _fitting(text, width - cells(glyphs.cut)) + glyphs.cut


def clip_line(line: Line, width: int, glyphs: Glyphs) -> Line:
    """Return ``line`` cut to ``width`` cells, the cut marked."""
    if line_cells(line) <= width:
        return line
    kept: list[Span] = []
    room = width - cells(glyphs.cut)
    for span in line:
        kept.append(Span(_fitting(span.text, room), span.style))
        room -= cells(kept[-1].text)
        if kept[-1].text != span.text:
            break
    return (*kept, Span(glyphs.cut, kept[-1].style))


def pad(line: Line, width: int, *, right: bool = False) -> Line:
    """Return ``line`` filled with spaces to ``width`` cells, its text at the left or at the right."""
    missing = width - line_cells(line)
    if missing <= 0:
        return line
    fill = Span(" " * missing)
    return (fill, *line) if right else (*line, fill)


def wrap(line: Line, width: int, *, first: str = "", rest: str | None = None) -> list[Line]:
    """Break ``line`` at spaces so that nothing is wider than ``width`` cells; a longer word is broken.

    ``first`` begins the first line, ``rest`` the others (default: spaces as wide as ``first``).
    """
    rest = " " * cells(first) if rest is None else rest
    room, below = (max(2, width - cells(begin)) for begin in (first, rest))
    lines: list[list[Span]] = [[Span(first)]]
    used = 0
    for word, joined in _words(line, min(room, below)):
        need = line_cells(word)
        gap = 0 if joined or not used else 1
        if used and used + gap + need > room:
            lines.append([Span(rest)])
            room, used, gap = below, 0, 0
        if gap:
            lines[-1].append(Span(" ", word[0].style))
        lines[-1].extend(word)
        used += gap + need
    return [_merged(spans) for spans in lines]


def flow(facts: Sequence[Line], separator: str, width: int, *, first: str = "", rest: str = "") -> list[Line]:
    """Put facts behind one another with ``separator`` between; where the line ends, the separator goes.

    A fact is broken only if it does not fit into a line of its own. ``first`` and ``rest`` as for ``wrap``.
    """
    lines: list[list[Span]] = []
    used = width + 1
    for fact in facts:
        need = line_cells(fact)
        if lines and used + cells(separator) + need <= width:
            lines[-1] += [Span(separator, "faint"), *fact]
            used += cells(separator) + need
            continue
        begin = rest if lines else first
        broken = wrap(fact, width, first=begin, rest=rest)
        lines += [list(line) for line in broken]
        used = line_cells(broken[-1])
    return [tuple(line) for line in lines]


def _merged(spans: Iterable[Span]) -> Line:
    """Return spans with neighbours of one style made one, and empty ones left out."""
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].style == span.style:
            merged[-1] = Span(merged[-1].text + span.text, span.style)
        elif span.text:
            merged.append(span)
    return tuple(merged)


def _words(line: Line, room: int) -> Iterable[tuple[Line, bool]]:
    """Yield the words of a line in pieces of at most ``room`` cells; True: continues the piece before."""
    word: list[Span] = []
    for span in (*line, Span(" ")):
        for index, part in enumerate(span.text.split(" ")):
            if index and word:
                yield from _pieces(word, room)
                word = []
            if part:
                word.append(Span(part, span.style))


def _pieces(word: list[Span], room: int) -> Iterable[tuple[Line, bool]]:
    joined = False
    while line_cells(tuple(word)) > room:
        head: list[Span] = []
        left = room
        while word and left > 0:
            text = _fitting(word[0].text, left)
            if not text:  # a wide letter before the last cell
                break
            head.append(Span(text, word[0].style))
            left -= cells(text)
            tail = word[0].text[len(text) :]
            word = [Span(tail, word[0].style), *word[1:]] if tail else word[1:]
        yield tuple(head), joined
        joined = True
    yield tuple(word), joined


def _fitting(text: str, room: int) -> str:
    """Return the longest beginning of ``text`` that fits into ``room`` cells."""
    for index, letter in enumerate(text):
        room -= cells(letter)
        if room < 0:
            return text[:index]
    return text


def columns(
    rows: Sequence[Sequence[Line]], *, gap: int = 2, right: frozenset[int] = frozenset()
) -> list[Line]:
    """Return rows of cells as lines whose columns stand below each other; those in ``right`` end together."""
    if not rows:
        return []
    widths = [max(line_cells(row[at]) for row in rows) for at in range(len(rows[0]))]
    kept = [at for at, width in enumerate(widths) if width]
    lines: list[Line] = []
    for row in rows:
        spans: list[Span] = []
        for place, at in enumerate(kept):
            if place:
                spans.append(Span(" " * gap))
            last = place == len(kept) - 1
            cell = row[at]
            spans.extend(cell if last and at not in right else pad(cell, widths[at], right=at in right))
        lines.append(trim(tuple(spans)))
    return lines


def trim(line: Line) -> Line:
    """Return ``line`` without spaces at its end."""
    spans = list(line)
    while spans:
        text = spans[-1].text.rstrip(" ")
        if text:
            spans[-1] = Span(text, spans[-1].style)
            break
        spans.pop()
    return tuple(spans)


def text_of(line: Line) -> str:
    """Return the bare text of a line."""
    return "".join(span.text for span in line)
