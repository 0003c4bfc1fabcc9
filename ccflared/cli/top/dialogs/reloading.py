"""Reloading the file, and the verdict on it as ``ccflared reload`` prints it."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from ccflared.cli.client import Answer
from ccflared.cli.control import taken_over
from ccflared.cli.render.snapshot import Verdict, is_verdict, read_verdict
from ccflared.cli.render.verdict import verdict_lines
from ccflared.cli.top.dialogs.desk import Desk, Outcome, failure_of
from ccflared.cli.top.dialogs.frame import CLOSE, EITHER, Dialog, Key
from ccflared.cli.top.dialogs.notice import trouble
from ccflared.cli.top.dialogs.written import Written, paragraphs


class Reload(Dialog[bool]):
    """Has the file read again, and shows the verdict. Gives True where it is in force."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "further", "All the same", show=False)]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "Reload the configuration")
        self._verdict: Verdict | None = None

    def contents(self) -> Iterable[Widget]:
        """Return the text."""
        yield Written(paragraphs("The daemon reads its file …"), id="text")

    def on_mount(self) -> None:
        """Ask for it."""
        self._ask(allow_less=False)

    def _ask(self, *, allow_less: bool) -> None:
        self._verdict = None
        self.write("The daemon reads its file …")
        self.keys(CLOSE)
        self.desk.send("POST", "/api/reload", {"allowLess": allow_less}, self._judged)

    def _judged(self, outcome: Outcome) -> None:
        self.desk.stale()
        fits = isinstance(outcome, Answer) and outcome.status in (200, 409, 422) and is_verdict(outcome.value)
        if not isinstance(outcome, Answer) or not fits:
            why = str(failure_of(outcome, "reload"))
            if self.gone:
                self.desk.app.push_screen(trouble(self.desk, self.heading, why))
                return
            self.write(why)
            return
        verdict = read_verdict(outcome.value)
        if self.gone:
            word = "is in force" if verdict.applied else "was refused: reload once more to see why"
            self.desk.done(f"The configuration {word}.", good=verdict.applied)
        elif verdict.applied and not verdict.changes:
            # Whoever has saved and reloads wants to know what has become of that.
            self.desk.get("/api/reload", lambda told: self._show(verdict, told))
        else:
            self._show(verdict, None)

    def _show(self, verdict: Verdict, told: Outcome | None) -> None:
        if self.gone:
            return
        before = taken_over(told.value, verdict) if isinstance(told, Answer) else None
        self._verdict = verdict
        self.rewrite(lambda sheet: verdict_lines(verdict, sheet, before=before))
        lost = bool(verdict.losses) and not verdict.applied
        self.keys(*([Key("y", "that is meant", "further")] if lost else []), EITHER)

    def action_go(self) -> None:
        """Close."""
        if self._verdict is not None:
            self.dismiss(self._verdict.applied)

    def action_further(self) -> None:
        """Have it in force although something goes by it."""
        if self._verdict is not None and self._verdict.losses and not self._verdict.applied:
            self._ask(allow_less=True)
