"""Fields of forms: a name, beside it a hint or what is wrong, and below it what is typed."""

import re
from typing import Final

from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from ccflared.cli.render.foreign import bare
from ccflared.cli.top.entry import Entry
from ccflared.config.accounts import NAME

_NAME: Final = re.compile(NAME.pattern)
_URL: Final = re.compile(r"https?://[^/\s]+\S*", re.IGNORECASE)


class _Line(Entry):
    """What is typed here does not get into the clipboard: a secret stays where it is."""

    def action_copy(self) -> None:
        """Leave it as it is."""
        raise SkipAction

    def action_cut(self) -> None:
        """Leave it as it is."""
        raise SkipAction


class Field(Vertical):
    """A field of one line."""

    DEFAULT_CSS = """
    Field { width: 1fr; height: auto; margin-bottom: 1; }
    Field > .name { width: 1fr; height: auto; }
    Field > Input.-textual-compact {
        width: 1fr; height: 1; padding: 0; background: $surface; border-left: solid $secondary !important;
    }
    Field > Input.-textual-compact:focus { border-left: thick $primary !important; }
    Field > Input > .input--selection { text-style: reverse; }
    """

    def __init__(self, name: str, *, value: str = "", hint: str = "", id: str) -> None:  # noqa: A002 - textual's
        super().__init__(id=id)
        self._called = bare(name)
        self._hint = bare(hint)
        self.input = self._input(value)

    def compose(self) -> ComposeResult:
        """Make its parts."""
        yield Static(self._above(""), classes="name")
        yield self.input

    def _input(self, value: str) -> Input:
        return _Line(value, compact=True, select_on_focus=False)

    @property
    def value(self) -> str:
        """What was typed, without spaces around it."""
        return self.input.value.strip()

    def wrong(self, message: str) -> bool:
        """Say what is wrong, or with "" that nothing is; returns whether something is."""
        self.query_one(".name", Static).update(self._above(bare(message)))
        return bool(message)

    def _above(self, wrong: str) -> Content:
        """Return what stands above the field: its name, and the hint, or what is wrong."""
        said = (wrong, "$error") if wrong else (self._hint, "dim")
        return Content.assemble((self._called, "bold"), "  ", said)


class SecretField(Field):
    """A field whose content is not shown, and is given away once."""

    def _input(self, value: str) -> Input:
        return _Line(value, password=True, compact=True, select_on_focus=False)

    def take(self) -> str:
        """Return what was typed, and forget it."""
        value = self.value
        self.forget()
        return value

    def forget(self) -> None:
        """Forget what was typed."""
        self.input.value = ""


def wrong_name(name: str, taken: tuple[str, ...] = ()) -> str:
    """Return what is wrong with the name of an account; "": nothing."""
    if not name:
        return "A name is needed."
    if not _NAME.fullmatch(name):
        return f"Expected: {NAME.expects}."
    return "There is one of that name already." if name in taken else ""


def wrong_url(url: str) -> str:
    """Return what is wrong with the address of a server; "": nothing. The daemon looks closer."""
    return "" if _URL.fullmatch(url) else "A full address is expected, such as https://HOST."


def wrong_number(text: str, *, least: int | None) -> str:
    """Return what is wrong with a whole number; "": nothing, or nothing was typed."""
    if not text:
        return ""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        return "A whole number is expected."
    return "" if least is None or int(text) >= least else f"At least {least} is expected."
