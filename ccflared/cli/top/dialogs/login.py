"""Logging an account in: the address of the login page, and the code that is brought back from there."""

import re
from collections.abc import Iterable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widget import Widget

from ccflared.cli.client import Answer
from ccflared.cli.login import TERMS
from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.top.dialogs.desk import Desk, Outcome, failure_of
from ccflared.cli.top.dialogs.fields import Field
from ccflared.cli.top.dialogs.frame import CLOSE, LEAVE, Dialog, Key
from ccflared.cli.top.dialogs.notice import trouble
from ccflared.cli.top.dialogs.written import Written, folded, paragraphs

_ADDRESS: Final = re.compile(r"https?://[!-~]+")


class Login(Dialog[bool]):
    """Logs an account in. Gives True once its tokens are in force."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "again", "Start again", show=False)]

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, f"Log {name} in")
        self._account = name
        self._session = ""
        self._sent = False

    def contents(self) -> Iterable[Widget]:
        """Return the text."""
        yield Written(paragraphs("Asking the daemon for the login page …"), id="text")

    def below(self) -> Iterable[Widget]:
        """Return the field for the code."""
        code = Field("The code shown there", hint="It looks like code#state, and is good once.", id="code")
        code.display = False
        yield code

    def on_mount(self) -> None:
        """Begin."""
        self.action_again()

    def action_again(self) -> None:
        """Begin a login, if none is open."""
        if self._session:
            return
        self.write("Asking the daemon for the login page …")
        self.keys(LEAVE)
        self.desk.send("POST", "/api/oauth/init", {"name": self._account}, self._begun)

    def _begun(self, outcome: Outcome) -> None:
        if self.gone:
            return
        told = Json(outcome.value) if isinstance(outcome, Answer) and outcome.status == 200 else Json(None)
        address = told.raw("authUrl")
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            self._over(str(failure_of(outcome, "login")), again=False)
            return
        self._session = str(told.raw("sessionId"))
        self.paste = address

        def write(sheet: Sheet) -> list[Line]:
            lines = sheet.text(
                f"Open this address in a browser, on any machine, and log in as {bare(self._account)}:",
                indent=0,
            )
            lines += [(), *folded((Span(address, "strong"),), sheet.width), ()]
            return lines + sheet.text(Span(TERMS, "faint"), indent=0)

        self.rewrite(write)
        self._code.display = True
        self._code.input.focus()
        self.keys(Key("Enter", "log in", "go"), LEAVE)

    @property
    def _code(self) -> Field:
        return self.query_one("#code", Field)

    def action_go(self) -> None:
        """Bring the code."""
        if not self._session or self._sent:
            return
        code = self._code.value
        if self._code.wrong("" if code else "The code is needed."):
            return
        self._sent = True
        self.keys(Key("", "exchanging the code …", "nothing"), CLOSE)
        body = {"sessionId": self._session, "code": code}
        self._code.input.value = ""
        self.desk.send("POST", "/api/oauth/callback", body, self._finished)

    def action_nothing(self) -> None:
        """Wait."""

    def _finished(self, outcome: Outcome) -> None:
        self._sent = False
        if isinstance(outcome, Answer) and outcome.status == 200:
            self.desk.done(f"{bare(self._account)} is logged in.")
            if not self.gone:
                self.dismiss(True)
            return
        why = str(failure_of(outcome, "login"))
        if self.gone:
            self.desk.app.push_screen(trouble(self.desk, self.heading, why))
        elif isinstance(outcome, Answer) and outcome.status == 400:
            self._code.wrong(why)  # not the code: it may be pasted again
            self.keys(Key("Enter", "log in", "go"), LEAVE)
        else:
            self._over(why, again=True)

    def _over(self, why: str, *, again: bool) -> None:
        """Say why it has come to nothing."""
        self._session, self.paste = "", ""
        self._code.display = False
        self.write(why)
        self.keys(*([Key("^R", "start again", "again")] if again else []), CLOSE)
