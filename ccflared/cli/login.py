"""``ccflared login`` and ``logout``: the address of the login page, and the code that is brought back from there.

Asks the daemon where one runs; else does it by itself, under the lock of the state directory.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ccflared.cli.client import Answer, account_path
from ccflared.cli.places import config_file
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.layout import Span
from ccflared.cli.status import Question, be_the_right_one
from ccflared.cli.terminal import say, stdout, waiting
from ccflared.errors import NotRunning, NotTheCode, Refused, UsageError

TERMS = "What a plan's account may be used for is decided by the plan's terms: log in with an account of your own."
TRIES = 3
"""How often something wrong may be pasted."""


class Page(NamedTuple):
    """A login that was begun."""

    session: str
    url: str


class Way(NamedTuple):
    """How it is done: by the daemon, or here. Each call raises Refused with the sentence for the person."""

    begin: Callable[[str], Page]
    finish: Callable[[str, str], None]
    log_out: Callable[[str], str]


def login(question: Question, name: str, *, code_stdin: bool) -> int:
    """Log an account in. Returns 0. Raises Refused, and UsageError where nobody is there to paste a code."""
    terminal = stdout()
    sheet = terminal.sheet()
    with _way(question) as way:
        page = way.begin(name)  # first: what is wrong with the account is worth knowing on no terminal, too
        if not (code_stdin or (sys.stdin.isatty() and terminal.interactive)):
            raise UsageError(
                "A login needs somebody who opens an address and pastes a code: run it on a terminal (ssh -t, "
                "docker exec -it). With --code-stdin the code is read from the standard input, by the same command "
                "that has printed the address."
            )
        terminal.write(
            sheet.text(
                f"Open this address in a browser, on any machine, and log in as {bare(name)}:", indent=0
            )
        )
        say(f"\n{page.url}\n")
        terminal.write(sheet.text(Span(TERMS, "faint"), indent=0))
        sys.stdout.flush()
        _paste(way, page, name, prompts=not code_stdin)
    terminal.write(
        sheet.text(Span(f"{sheet.glyphs.dot} ", "good"), f"{bare(name)} is logged in.", indent=0, hang=2)
    )
    return 0


def logout(question: Question, name: str) -> int:
    """Forget the tokens of an account. Returns 0. Raises Refused."""
    with _way(question) as way:
        said = way.log_out(name)
    terminal = stdout()
    terminal.write(terminal.sheet().text(bare(said), indent=0))
    return 0


def _paste(way: Way, page: Page, name: str, *, prompts: bool) -> None:
    """Read the code, until it is one. Raises Refused."""
    for left in reversed(range(TRIES)):
        if prompts:
            print("\nPaste the code that is shown there: ", end="", flush=True)
        text = "" if sys.stdin is None else sys.stdin.readline()
        if not text.strip():
            raise Refused(f"No code was given; {bare(name)} is as it was.")
        try:
            with waiting("exchanging the code"):
                way.finish(page.session, text.strip())
        except NotTheCode as error:
            if not left or not prompts:
                raise
            print(error)
        else:
            return


@contextmanager
def _way(question: Question) -> Iterator[Way]:
    """Give the daemon's way where one runs, else that of this process."""
    try:
        be_the_right_one(question)
        question.daemon.get("/livez")
    except NotRunning:
        if any(
            place.meant and place.why in ("--socket", "$CCFLARED_SOCKET") for place in question.daemon.places
        ):
            raise
    else:
        yield _by_daemon(question)
        return
    from ccflared.cli.login_here import alone  # noqa: PLC0415 - heavy, and only where no daemon runs

    with alone(config_file(question.config, os.environ)) as way:
        yield way


def _by_daemon(question: Question) -> Way:
    daemon = question.daemon

    def begin(name: str) -> Page:
        told = _fine(daemon.post("/api/oauth/init", {"name": name}), "login")
        return Page(str(told.get("sessionId")), str(told.get("authUrl")))

    def finish(session: str, code: str) -> None:
        _fine(daemon.post("/api/oauth/callback", {"sessionId": session, "code": code}), "login")

    def log_out(name: str) -> str:
        return str(_fine(daemon.post(account_path(name, "logout")), "logout").get("message"))

    return Way(begin, finish, log_out)


def _fine(answer: Answer, command: str) -> dict[str, object]:
    """Return the object of a good answer. Raises Refused for any other."""
    if answer.status != 200 or not isinstance(answer.value, dict):
        if answer.status == 400:
            raise NotTheCode(answer.complaint())
        if answer.status in (404, 409):
            raise Refused(answer.complaint())
        raise answer.unexpected(command)
    return answer.value
