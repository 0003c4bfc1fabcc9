"""Lines of cli/render on the screen: laid out for as many cells as there are, anew whenever there are others."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from ccflared.cli.render.layout import ASCII, UNICODE, Glyphs, Line, Span, cells, line_cells
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.terminal import rich_text, terminal_of

Writing = Callable[[Sheet], Sequence[Line]]
"""Writes what is to be shown on a sheet."""


class Written(Widget):
    """Text that somebody writes on a sheet as wide as the widget. Nothing in it is markup."""

    DEFAULT_CSS = "Written { width: 1fr; height: auto; }"

    def __init__(self, write: Writing, *, id: str | None = None) -> None:  # noqa: A002 - as textual calls it
        super().__init__(id=id)
        self._write = write
        self._laid: tuple[int, list[Line]] | None = None

    def rewrite(self, write: Writing) -> None:
        """Show something else."""
        self._write, self._laid = write, None
        self.refresh(layout=True)

    def render(self) -> Content:
        """Return the text for the width that the widget has."""
        return Content.from_rich_text(rich_text(self._lines(self.content_size.width)))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines it takes."""
        del container, viewport
        return max(1, len(self._lines(width)))

    def _lines(self, width: int) -> list[Line]:
        if self._laid is None or self._laid[0] != width:
            sheet = Sheet(max(1, width), glyphs())
            self._laid = (width, [part for line in self._write(sheet) for part in folded(line, sheet.width)])
        return self._laid[1]


def glyphs() -> Glyphs:
    """Return the signs that the terminal has."""
    stream = sys.__stdout__
    return UNICODE if stream is None or terminal_of(stream, os.environ).unicode else ASCII


def paragraphs(*texts: str | Span) -> Writing:
    """Return what writes texts, each a paragraph of its own, with an empty line between."""

    def write(sheet: Sheet) -> list[Line]:
        lines: list[Line] = []
        for text in texts:
            lines += [()] if lines else []
            lines += sheet.letter(text) if isinstance(text, str) else sheet.text(text, indent=0)
        return lines

    return write


def folded(line: Line, width: int) -> Iterable[Line]:
    """Yield a line in pieces of at most ``width`` cells, with all its spaces: for text that is to be read as it is."""
    if line_cells(line) <= width:
        yield line
        return
    piece: list[Span] = []
    used = 0
    for span in line:
        begun = 0
        for at, letter in enumerate(span.text):
            need = cells(letter)
            if used and used + need > width:
                piece.append(Span(span.text[begun:at], span.style))
                yield tuple(piece)
                piece, used, begun = [], 0, at
            used += need
        piece.append(Span(span.text[begun:], span.style))
    yield tuple(piece)
