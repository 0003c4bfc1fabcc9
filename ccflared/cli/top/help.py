"""All keys on a page of their own."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from ccflared.cli.render.layout import Line, Span, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.top import Block, rule_line
from ccflared.cli.top.board import Board
from ccflared.cli.top.keys import KEYS, PAGES, fits


class Keys(ModalScreen[None]):
    """What each key does, by page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark,enter", "dismiss", "close"),
        ("up,k", "move(-1)", "up"),
        ("down,j", "move(1)", "down"),
        ("pageup", "leaf(-1)", "a screen up"),
        ("pagedown", "leaf(1)", "a screen down"),
    ]

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self._sheet = sheet

    def compose(self) -> ComposeResult:
        """Yield the list."""
        yield Board(id="keys")

    def on_mount(self) -> None:
        """Draw it."""
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Draw it for the new size."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        board = self.query_one("#keys", Board)
        sheet = self._sheet._replace(width=board.size.width)
        title = (Span(" Keys", "strong"), Span("   Up and Down scroll, Esc closes", "faint"))
        board.show(board.place, [*sheet.fit([title]), rule_line(sheet)], [Block("", tuple(key_lines(sheet)))])

    def action_move(self, steps: int) -> None:
        """Scroll by lines."""
        self.query_one("#keys", Board).move(steps)

    def action_leaf(self, screens: int) -> None:
        """Scroll by screens."""
        self.query_one("#keys", Board).leaf(screens)


def key_lines(sheet: Sheet) -> list[Line]:
    """Return all keys: those of everywhere first, then those of each page alone."""
    groups = [("Everywhere", [key for key in KEYS if not key.pages])]
    groups += [(page, [key for key in KEYS if key.pages and fits(key, page)]) for page in PAGES]
    heads = columns([[(Span(key.shown, "strong"),)] for _, keys in groups for key in keys])
    lines: list[Line] = []
    at = 0
    for title, keys in groups:
        if not keys:
            continue
        lines += sheet.heading(title)
        for row in sheet.rows(heads, [[(Span(key.does),)] for _, group in groups for key in group])[
            at : at + len(keys)
        ]:
            lines += row
        at += len(keys)
    return lines[1:]
