"""Where dialogs hand in what they want done: the daemon is asked in a thread, and the answer comes back to the loop."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from textual.app import App

from ccflared.cli.client import Answer
from ccflared.cli.render.foreign import bare
from ccflared.cli.top.link import Link
from ccflared.errors import CcflaredError, Refused

Outcome = Answer | CcflaredError
"""What came of asking: an answer, of whatever status, or why there is none."""


@runtime_checkable
class Fresh(Protocol):
    """An app that can be told that what it shows is not so any more."""

    def refresh_now(self) -> None:
        """Ask for everything anew."""


class Desk:
    """The app, and the way to its daemon."""

    def __init__(self, app: App[Any], link: Link) -> None:
        self.app = app
        self.link = link

    def get(self, path: str, then: Callable[[Outcome], object], *, timeout: float = 30.0) -> None:
        """Ask for ``path``; ``then`` gets what came of it, in the loop."""
        self._ask(lambda: self.link.get(path, timeout=timeout), then)

    def send(
        self,
        method: str,
        path: str,
        body: object,
        then: Callable[[Outcome], object],
        *,
        timeout: float = 60.0,
    ) -> None:
        """Have something done; ``then`` gets what came of it, in the loop."""
        self._ask(lambda: self.link.send(method, path, body, timeout), then)

    def done(self, sentence: str, *, good: bool = True) -> None:
        """Say what was done, and have the screen show it."""
        self.app.notify(bare(sentence), severity="information" if good else "warning", markup=False)
        self.stale()

    def stale(self) -> None:
        """Have the screen ask anew."""
        if isinstance(self.app, Fresh):
            self.app.refresh_now()

    def _ask(self, call: Callable[[], Answer], then: Callable[[Outcome], object]) -> None:
        """Call in a thread that nobody waits for: one of textual's would keep ``q`` waiting for a stuck daemon."""

        def work() -> None:
            with _Watched(self._come):
                try:
                    outcome: Outcome = call()
                except CcflaredError as error:
                    outcome = error
                self._come(then, outcome)

        threading.Thread(target=work, name="top-asks", daemon=True).start()

    def _come(self, call: Callable[..., object], *arguments: object) -> None:
        """Have something called in the loop; called from a thread."""
        try:
            self.app.call_later(call, *arguments)
        except RuntimeError:  # the loop has ended meanwhile
            return


class _Watched:
    """Carries an exception that nobody expects into the loop: a thread that ends unseen would be waited for."""

    def __init__(self, come: Callable[..., object]) -> None:
        self._come = come

    def __enter__(self) -> None:
        return

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._come(_fall, error)
        return True


def _fall(error: BaseException) -> None:
    raise error


def failure_of(outcome: Outcome, what: str) -> CcflaredError:
    """Return why something was not done, in the words for whoever wanted it: an error, or an answer that is none.

    ``what``: the thing that was wanted, for a daemon that does not know it.
    """
    if isinstance(outcome, CcflaredError):
        return outcome
    said = outcome.complaint()
    if outcome.status == 404 and not said.startswith(("There is nothing at", "it answered")):
        return Refused(said)
    if outcome.status in (400, 403, 409, 422, 503):
        return Refused(said)
    return outcome.unexpected(what)
