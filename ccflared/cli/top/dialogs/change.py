"""Changes of an account that need one thing typed: its priority, its name."""

from collections.abc import Iterable

from textual.widget import Widget

from ccflared.cli.client import account_path
from ccflared.cli.top.dialogs.desk import Desk
from ccflared.cli.top.dialogs.fields import Field, wrong_name, wrong_number
from ccflared.cli.top.dialogs.frame import LEAVE, Dialog, Key
from ccflared.cli.top.dialogs.review import Review, Wish
from ccflared.cli.top.dialogs.written import Written, paragraphs


class _Change(Dialog[bool]):
    """Asks for one thing, and shows what would be written with it."""

    says = ""

    def __init__(self, desk: Desk, title: str, name: str, field: Field) -> None:
        super().__init__(desk, title)
        self._account = name
        self._field = field

    def contents(self) -> Iterable[Widget]:
        """Return the field, and what is to be known of it."""
        yield self._field
        yield Written(paragraphs(self.says), id="text")

    def on_mount(self) -> None:
        """Be ready to be typed into."""
        self._field.input.focus()
        self._field.input.select_all()
        self.keys(Key("Enter", "look at the change", "go"), LEAVE)

    def action_go(self) -> None:
        """Show what would be written, if what was typed can be meant."""
        if not self._field.wrong(self.wrong(self._field.value)):
            self.desk.app.push_screen(Review(self.desk, self.wish(self._field.value)), self._reviewed)

    def _reviewed(self, written: bool | None) -> None:
        if written:
            self.dismiss(True)

    def wrong(self, typed: str) -> str:
        """Return what is wrong with what was typed; "": nothing."""
        raise NotImplementedError

    def wish(self, typed: str) -> Wish:
        """Return the edit."""
        raise NotImplementedError


class Priority(_Change):
    """Asks for the priority of an account."""

    says = (
        "A whole number; lower is preferred. Of accounts with the same, the strategy decides, then their capacity, "
        "then the order of the file."
    )

    def __init__(self, desk: Desk, name: str, now: int) -> None:
        super().__init__(desk, f"Priority of {name}", name, Field("Priority", value=str(now), id="value"))
        self._now = now

    def wrong(self, typed: str) -> str:
        """Return what is wrong with the number."""
        return wrong_number(typed, least=None) if typed else "A number is needed."

    def wish(self, typed: str) -> Wish:
        """Return the edit."""
        return Wish(
            f"Priority of {self._account}: {self._now} to {int(typed)}",
            "POST",
            account_path(self._account, "priority"),
            {"priority": int(typed)},
        )


class Rename(_Change):
    """Asks for another name of an account."""

    says = "State, tokens and history move along, and every mention in the file is changed."

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, f"Rename {name}", name, Field("New name", value=name, id="value"))

    def wrong(self, typed: str) -> str:
        """Return what is wrong with the name."""
        return "That is its name." if typed == self._account else wrong_name(typed)

    def wish(self, typed: str) -> Wish:
        """Return the edit."""
        return Wish(
            f"Rename {self._account} to {typed}",
            "POST",
            account_path(self._account, "rename"),
            {"name": typed},
        )


def removal(name: str) -> Wish:
    """Return the edit that removes an account."""
    return Wish(
        f"Remove {name}",
        "DELETE",
        account_path(name, "").rstrip("/"),
        {"confirm": name},
        yes="remove it",
        intro="It goes from the file, and its tokens and stored secrets are erased. Its history stays.",
        force="take it out of those, too",
        typed=name,
    )
