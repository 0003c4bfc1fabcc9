"""Testing an account: one small request, and what came of it."""

from collections.abc import Iterable

from textual.widget import Widget

from ccflared.cli.account import TEST_TIMEOUT
from ccflared.cli.client import Answer, account_path
from ccflared.cli.render.document import Json
from ccflared.cli.render.edited import message_of
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.top.dialogs.desk import Desk, Outcome, failure_of
from ccflared.cli.top.dialogs.frame import CLOSE, LEAVE, Dialog, Key
from ccflared.cli.top.dialogs.notice import trouble
from ccflared.cli.top.dialogs.written import Writing, Written, paragraphs


class Probe(Dialog[str]):
    """Says what a test does, makes it at Enter, and shows the outcome. Gives the id of the request, to be looked at."""

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, f"Test {name}")
        self._account = name
        self._sent = False
        self._over = False
        self._request = ""

    def contents(self) -> Iterable[Widget]:
        """Return the text."""
        said = (
            "One request for one token is sent to it now, whatever its state. It is paid for as any other, and stands "
            "in the history."
        )
        yield Written(paragraphs(said), id="text")

    def on_mount(self) -> None:
        """Show the keys."""
        self.keys(Key("Enter", "send it", "go"), LEAVE)

    def action_go(self) -> None:
        """Send it; once it has come to an end, close, or look at the request."""
        if self._over:
            self.dismiss(self._request or None)
        elif not self._sent:
            self._sent = True
            self.write("Waiting for the answer, for a minute at most …")
            self.keys(CLOSE)
            path = account_path(self._account, "test")
            self.desk.send("POST", path, None, self._answered, timeout=TEST_TIMEOUT)

    def _answered(self, outcome: Outcome) -> None:
        self.desk.stale()
        if isinstance(outcome, Answer) and outcome.status == 200:
            told = Json(outcome.value)
            served = told.flag("success", default=False)
            said = message_of(outcome.value) or f"It {'served' if served else 'did not serve'}."
            self._tell(said, served=served, request=told.text("request"))
        elif self.gone:
            why = str(failure_of(outcome, "account test"))
            self.desk.app.push_screen(trouble(self.desk, self.heading, why))
        else:
            self._tell(str(failure_of(outcome, "account test")), served=False, request="")

    def _tell(self, said: str, *, served: bool, request: str) -> None:
        if self.gone:
            self.desk.done(said, good=served)
            return
        self._over, self._request = True, request
        self.rewrite(_outcome(said, served=served))
        self.keys(*([Key("Enter", "look at the request", "go")] if request else []), CLOSE)


def _outcome(said: str, *, served: bool) -> Writing:
    def write(sheet: Sheet) -> list[Line]:
        sign = Span(f"{sheet.glyphs.dot} ", "good") if served else Span(f"{sheet.glyphs.cross} ", "bad")
        return sheet.text(sign, said, indent=0, hang=2)

    return write
