"""An edit of the file: what would be written is shown first, and written when that is what was meant."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.widget import Widget

from ccflared.cli.client import Answer
from ccflared.cli.render.document import Json
from ccflared.cli.render.edited import message_of, preview_lines, refusal_lines, toml_of
from ccflared.cli.render.layout import Line
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.top.dialogs.desk import Desk, Outcome, failure_of
from ccflared.cli.top.dialogs.fields import Field
from ccflared.cli.top.dialogs.frame import CLOSE, EITHER, LEAVE, Dialog, Key
from ccflared.cli.top.dialogs.notice import Notice
from ccflared.cli.top.dialogs.written import Writing, Written, paragraphs


def _no_secrets() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Wish:
    """An edit that is wanted. ``body`` goes as JSON to ``path``, a route that takes ``?preview=true``.

    ``force``: where something else may name what goes, what is done to that then, in words.
    ``typed``: what has to be typed before it is written, for what takes something away.
    ``intro``: what it comes to, said above the diff.
    """

    title: str
    method: str
    path: str
    body: Mapping[str, object]
    yes: str = "write it"
    intro: str = ""
    force: str = ""
    typed: str = ""
    secrets: Callable[[], Mapping[str, str]] = field(default=_no_secrets, repr=False)
    """Gives what is sent besides, once, when it is written."""
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """What a preview has in their place."""


Stage = Literal["asking", "ready", "writing", "refused"]


class Review(Dialog[bool]):
    """Shows what an edit would do, and does it at Enter. Gives True once it is in force."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "further", "All the same", show=False)]

    def __init__(self, desk: Desk, wish: Wish) -> None:
        super().__init__(desk, wish.title, bad=bool(wish.typed))
        self._wish = wish
        self._stage: Stage = "asking"
        self._further: Mapping[str, object] | None = None
        """What is sent besides, where it takes a word more."""

    def contents(self) -> Iterable[Widget]:
        """Return the text."""
        yield Written(paragraphs("Asking the daemon what would change …"), id="text")

    def below(self) -> Iterable[Widget]:
        """Return the field for what has to be typed."""
        if self._wish.typed:
            typed = Field(f"Type {self._wish.typed} to confirm", id="typed")
            typed.display = False
            yield typed

    def on_mount(self) -> None:
        """Ask for the preview."""
        self._preview()

    def _preview(self) -> None:
        self._stage, self.paste, self._further = "asking", "", None
        self.write("Asking the daemon what would change …")
        self._confirming(shown=False)
        self.keys(LEAVE)
        wish = self._wish
        body = {**wish.body, **wish.stand_ins}
        self.desk.send(wish.method, f"{wish.path}?preview=true", body, self._previewed)

    def _previewed(self, outcome: Outcome) -> None:
        if self.gone:
            return
        if isinstance(outcome, Answer) and outcome.status == 200 and isinstance(outcome.value, dict):
            told = Json(outcome.value)
            if not told.flag("preview", default=False):
                # An older daemon does what it is asked, and knows no preview.
                self.desk.done(message_of(outcome.value) or "The daemon has done it.")
                self.dismiss(True)
                return
            self._show(told, outcome.value)
            return
        self._refused(outcome)

    def _show(self, told: Json, value: object) -> None:
        self.paste = toml_of(value) if told.maybe("obstacle") else ""
        writable = bool(told.parts("diffs")) and not told.maybe("obstacle")
        self._stage = "ready" if writable else "refused"
        intro = self._wish.intro if writable else ""

        def write(sheet: Sheet) -> list[Line]:
            before = [*sheet.text(intro, indent=0), ()] if intro else []
            return [*before, *preview_lines(value, sheet)]

        self.rewrite(write)
        self._confirming(shown=writable)
        self.keys(*([Key("Enter", self._wish.yes, "go"), LEAVE] if writable else [EITHER]))

    def _confirming(self, *, shown: bool) -> None:
        if self._wish.typed:
            typed = self.query_one("#typed", Field)
            typed.display = shown
            self.set_focus(typed.input if shown else None)

    def action_go(self) -> None:
        """Write it, if it has been shown and what has to be typed is typed; close it where nothing can be written."""
        if self._stage == "refused":
            self.dismiss(False)
        if self._stage != "ready":
            return
        wish = self._wish
        if wish.typed:
            typed = self.query_one("#typed", Field)
            if typed.wrong("" if typed.value == wish.typed else f"That is not {wish.typed}."):
                return
        self._stage = "writing"
        self.keys(Key("", "writing …", "nothing"), CLOSE)
        self.desk.send(wish.method, wish.path, {**wish.body, **wish.secrets()}, self._written)

    def action_nothing(self) -> None:
        """Wait."""

    def _written(self, outcome: Outcome) -> None:
        if isinstance(outcome, Answer) and outcome.status == 200:
            self.desk.done(message_of(outcome.value) or "It is done.")
            for warning in Json(outcome.value).texts("warnings"):
                self.app.notify(warning, severity="warning", markup=False)
            if not self.gone:
                self.dismiss(True)
            return
        self.desk.stale()
        if self.gone:  # left while it was written: what came of it must be known all the same
            write, paste = _reason(outcome, self._wish)
            self.desk.app.push_screen(Notice(self.desk, self._wish.title, write, paste=paste, bad=True))
            return
        self._refused(outcome)

    def _refused(self, outcome: Outcome) -> None:
        self._stage = "refused"
        self._confirming(shown=False)
        write, self.paste = _reason(outcome, self._wish)
        self.rewrite(write)
        told = Json(outcome.value) if isinstance(outcome, Answer) else Json(None)
        keys = [EITHER]
        if told.text("kind") == "not allowed":
            if told.items("losses"):
                self._further = {"allowLess": True}
                keys.insert(0, Key("y", "that is meant", "further"))
            elif self._wish.force and "force" not in self._wish.body:
                self._further = {"force": True}
                keys.insert(0, Key("y", self._wish.force, "further"))
        self.keys(*keys)

    def action_further(self) -> None:
        """Look at it once more as it would be, were that meant which it was refused for."""
        if self._stage == "refused" and self._further:
            self._wish = replace(self._wish, body={**self._wish.body, **self._further})
            self._preview()


def _reason(outcome: Outcome, wish: Wish) -> tuple[Writing, str]:
    """Return why nothing was written, and what may be pasted instead."""
    if isinstance(outcome, Answer) and isinstance(outcome.value, dict) and "kind" in outcome.value:
        value = outcome.value
        return lambda sheet: refusal_lines(value, sheet), toml_of(value)
    return paragraphs(str(failure_of(outcome, wish.title))), ""
