"""What can be done from the screen of ``ccflared top``. Each act opens its own dialogs, and tells what came of it."""

import re
from typing import Any, Final

from textual.app import App

from ccflared.cli.account import CALLS
from ccflared.cli.client import Answer, account_path
from ccflared.cli.render.edited import message_of
from ccflared.cli.top.dialogs.add import Choose
from ccflared.cli.top.dialogs.change import Priority, Rename, removal
from ccflared.cli.top.dialogs.desk import Desk, Outcome, failure_of
from ccflared.cli.top.dialogs.login import Login
from ccflared.cli.top.dialogs.notice import Confirm, trouble
from ccflared.cli.top.dialogs.probe import Probe
from ccflared.cli.top.dialogs.reloading import Reload
from ccflared.cli.top.dialogs.request_page import RequestPage
from ccflared.cli.top.dialogs.review import Review
from ccflared.cli.top.link import Link

_ENDS: Final = re.compile(r"`ccflared account resume .*?` ends it\.")
_LOGS_IN: Final = re.compile(r"`ccflared login .*?` logs it in again\.")


class Acts:
    """The acts. Called in the loop; each returns at once. ``app`` is told by ``refresh_now`` what is stale."""

    def __init__(self, app: App[Any], link: Link) -> None:
        self._desk = Desk(app, link)

    def pause(self, name: str) -> None:
        """Take an account out until it is resumed; at once."""
        self._at_once(name, "pause", "pause")

    def resume(self, name: str) -> None:
        """Let an account that was paused serve again; at once."""
        self._at_once(name, "resume", "resume")

    def reset(self, name: str) -> None:
        """Forget what was learnt about an account, if that is meant."""
        ask = Confirm(
            self._desk,
            f"Forget what was learnt about {name}?",
            "Its cooldowns, doubts and rejections are forgotten, and it is tried again from now on.",
            "This cannot be undone; but a limit that still holds shows with the next request.",
            yes="forget it",
        )
        self._desk.app.push_screen(
            ask, lambda meant: self._at_once(name, "reset", "reset") if meant else None
        )

    def logout(self, name: str) -> None:
        """Erase the tokens of an account, if that is meant."""
        ask = Confirm(
            self._desk,
            f"Log {name} out?",
            "Its tokens are erased. It serves nothing until somebody logs it in again.",
            yes="log it out",
        )
        self._desk.app.push_screen(
            ask, lambda meant: self._at_once(name, "logout", "logout") if meant else None
        )

    def priority(self, name: str, now: int) -> None:
        """Ask for another priority, and write it. ``now``: the one it has."""
        self._desk.app.push_screen(Priority(self._desk, name, now))

    def add(self) -> None:
        """Ask for a new account, and write it; one that logs in is logged in then."""
        self._desk.app.push_screen(Choose(self._desk))

    def login(self, name: str) -> None:
        """Log an account in."""
        self._desk.app.push_screen(Login(self._desk, name))

    def remove(self, name: str) -> None:
        """Remove an account, once its name is typed."""
        self._desk.app.push_screen(Review(self._desk, removal(name)))

    def rename(self, name: str) -> None:
        """Give an account another name."""
        self._desk.app.push_screen(Rename(self._desk, name))

    def test(self, name: str) -> None:
        """Send an account one small request, and show what came of it."""
        self._desk.app.push_screen(Probe(self._desk, name), self._look_at)

    def reload(self) -> None:
        """Have the file read again, and show the verdict."""
        self._desk.app.push_screen(Reload(self._desk))

    def inspect(self, request_id: str) -> None:
        """Show all of a request."""
        self._desk.app.push_screen(RequestPage(self._desk, request_id))

    def _look_at(self, request_id: str | None) -> None:
        if request_id:
            self.inspect(request_id)

    def _at_once(self, name: str, word: str, action: str) -> None:
        def told(outcome: Outcome) -> None:
            if isinstance(outcome, Answer) and outcome.status == 200:
                said = message_of(outcome.value) or f"It is done: {word} {name}."
                # The API's words are for those who type commands.
                self._desk.done(
                    _LOGS_IN.sub("Log in brings it back.", _ENDS.sub("Resume brings it back.", said))
                )
                return
            self._desk.stale()
            why = str(failure_of(outcome, f"account {word}"))
            self._desk.app.push_screen(trouble(self._desk, f"Not done: {word} {name}", why))

        self._desk.send("POST", account_path(name, CALLS.get(action, action)), None, told)
