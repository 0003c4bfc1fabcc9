"""The sheet a text is written on: how wide, with which signs, in which time zone. Pure."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

from ccflared.cli.render.layout import UNICODE, Glyphs, Line, Span, cells, clip_line, flow, line_cells, wrap

NARROWEST = 26
"""Text in a column narrower than this is read better on lines of its own."""


class Sheet(NamedTuple):
    """``rules`` draws thin lines beside headings; ``zone`` None is the time zone of the system."""

    width: int = 80
    glyphs: Glyphs = UNICODE
    rules: bool = False
    zone: tzinfo | None = None

    def heading(self, title: str, note: str = "") -> list[Line]:
        """Return an empty line and a heading."""
        spans = [Span(title, "strong")]
        if note and cells(title) + cells(note) + 2 <= self.width:
            spans.append(Span("  " + note, "faint"))
        used = line_cells(tuple(spans))
        if self.rules and self.width - used > 4:
            spans.append(Span(" " + self.glyphs.rule * (self.width - used - 1), "faint"))
        return [(), *self.fit([tuple(spans)])]

    def text(self, *spans: Span | str, indent: int = 2, hang: int = 0) -> list[Line]:
        """Return a wrapped paragraph, its first line indented by ``indent``, the others by ``hang`` more."""
        line = tuple(span if isinstance(span, Span) else Span(span) for span in spans)
        return wrap(line, self.width, first=" " * indent, rest=" " * (indent + hang))

    def letter(self, text: str) -> list[Line]:
        """Return a text of several lines, each wrapped with the indentation that it has."""
        lines: list[Line] = []
        for line in text.split("\n"):
            indent = len(line) - len(line.lstrip(" "))
            lines += self.text(line.strip(), indent=indent, hang=2 if indent else 0)
        return lines

    def facts(self, *facts: Span | str | Line, label: str = "", indent: int = 2, hang: int = 2) -> list[Line]:
        """Return short facts with separators between, behind a faint label; more lines begin below them."""
        begin = " " * indent + label
        rest = " " * (indent + (len(label) or hang))
        lines = flow([_line(fact) for fact in facts], self.glyphs.sep, self.width, first=begin, rest=rest)
        if label and lines:
            head, *others = lines[0]
            lines[0] = (Span(begin, "faint"), Span(head.text.removeprefix(begin), head.style), *others)
        return lines

    def beside(self, heads: Sequence[Line], facts: Sequence[Sequence[Line]], *, below: int = 7) -> list[Line]:
        """Return rows: each head with its facts behind it, or below it where the sheet is narrow.

        ``heads`` are columns made of lines already; ``below`` is how far the facts are indented there.
        """
        return [line for row in self.rows(heads, facts, below=below) for line in row]

    def rows(
        self,
        heads: Sequence[Line],
        facts: Sequence[Sequence[Line]],
        *,
        indent: int = 2,
        below: int = 7,
        least: int = NARROWEST,
    ) -> list[list[Line]]:
        """Return the lines of each row apart, as ``beside`` has them, the heads indented by ``indent``.

        ``least``: facts that would have fewer cells beside the heads stand below them.
        """
        begin = Span(" " * indent)
        used = max((line_cells(head) for head in heads), default=0) + indent + 2
        narrow = self.width - used < least
        rows: list[list[Line]] = []
        for head, own in zip(heads, facts, strict=True):
            if narrow or not own:
                lines = [(begin, *head)]
                lines += flow(own, self.glyphs.sep, self.width, first=" " * below, rest=" " * below)
            else:
                first, *rest = flow(own, self.glyphs.sep, self.width - used)
                lines = [(begin, *head, Span(" " * (used - indent - line_cells(head))), *first)]
                lines += [(Span(" " * used), *line) for line in rest]
            rows.append(self.fit(lines))
        return rows

    def fit(self, lines: list[Line]) -> list[Line]:
        """Cut what is wider than the sheet: the last resort on a very narrow one."""
        return [clip_line(line, self.width, self.glyphs) for line in lines]


def _line(fact: Span | str | Line) -> Line:
    if isinstance(fact, str):
        return (Span(fact),)
    return (fact,) if isinstance(fact, Span) else fact
