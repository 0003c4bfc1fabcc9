"""Dialogs that say something, or ask for a yes."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from ccflared.cli.top.dialogs.desk import Desk
from ccflared.cli.top.dialogs.frame import EITHER, Dialog, Key
from ccflared.cli.top.dialogs.written import Writing, Written, paragraphs


class Notice(Dialog[None]):
    """Says something and is left by Enter or Esc. ``paste``: what may be taken along."""

    def __init__(self, desk: Desk, title: str, write: Writing, *, paste: str = "", bad: bool = False) -> None:
        super().__init__(desk, title, bad=bad)
        self._write = write
        self.paste = paste

    def contents(self) -> Iterable[Widget]:
        """Return the text."""
        yield Written(self._write, id="text")

    def on_mount(self) -> None:
        """Show the keys."""
        self.keys(EITHER)

    def action_go(self) -> None:
        """Close."""
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Asks whether something is meant. Gives True for y; Enter and Esc leave everything as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "yes", "Yes", show=False)]

    def __init__(self, desk: Desk, title: str, *texts: str, yes: str) -> None:
        super().__init__(desk, title)
        self._texts = texts
        self._yes = yes

    def contents(self) -> Iterable[Widget]:
        """Return the text."""
        yield Written(paragraphs(*self._texts), id="text")

    def on_mount(self) -> None:
        """Show the keys."""
        self.keys(Key("y", self._yes, "yes"), Key("Enter or Esc", "leave it", "leave"))

    def action_yes(self) -> None:
        """Say that it is meant."""
        self.dismiss(True)

    def action_go(self) -> None:
        """Leave everything as it is."""
        self.dismiss(False)


def trouble(desk: Desk, title: str, why: str) -> Notice:
    """Return the dialog that says calmly why something was not done."""
    return Notice(desk, title, paragraphs(why), bad=True)
