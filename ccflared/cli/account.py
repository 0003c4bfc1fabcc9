"""``ccflared account``: list the accounts, pause, resume, reset or test one of the running daemon."""

import os

from ccflared.cli.client import Answer, account_path
from ccflared.cli.render.accounts import account_lines
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.snapshot import Snapshot
from ccflared.cli.status import Question, ask, be_the_right_one, other_file, print_json
from ccflared.cli.terminal import stdout, waiting
from ccflared.errors import NotRunning, Refused

CALLS = {"pause": "pause", "resume": "resume", "reset": "force-reset-rate-limit", "trust": "trust"}
"""What a command is called in the REST API."""
TEST_TIMEOUT = 70.0
"""Seconds: the daemon gives the account a minute."""


def list_accounts(question: Question, *, json: bool) -> int:
    """Print the accounts in the order the router would choose, or without a daemon as the file has them. Returns 0."""
    try:
        _be_of_this_file(question)
    except NotRunning:
        if any(place.why in ("--socket", "$CCFLARED_SOCKET") for place in question.daemon.places):
            raise
        from ccflared.cli.account_file import list_from_file  # noqa: PLC0415 - heavy, and only where no daemon runs

        return list_from_file(question.config, json=json, environ=os.environ)
    if json:
        answer = question.daemon.get("/api/accounts")
        if answer.status != 200:
            raise answer.unexpected("account list")
        print_json(answer)
        return 0
    _, snapshot = ask(question.daemon)
    terminal = stdout()
    sheet = terminal.sheet()
    if snapshot.accounts:
        terminal.write(account_lines(snapshot.accounts, snapshot.now, sheet, detailed=True))
    else:
        terminal.write(sheet.text(f"{snapshot.source.file} has no accounts.", indent=0))
    return 0


def _be_of_this_file(question: Question) -> None:
    """Raise NotRunning as well where the daemon that was found runs from another file than ``--config``."""
    if question.config is None:
        question.daemon.get("/api/status")
        return
    answer, snapshot = ask(question.daemon)
    if other := other_file(snapshot, answer, question):
        raise NotRunning(other)


def change(question: Question, word: str, name: str, *, json: bool) -> int:
    """Have the daemon pause, resume, reset or trust an account. Returns 0; it has taken effect then."""
    be_the_right_one(question)
    answer = _call(question, name, word, CALLS[word])
    if json:
        print_json(answer)
    else:
        terminal = stdout()
        said = _message(answer) or f"The daemon has done it: {word} {bare(name)}."
        terminal.write(terminal.sheet().text(said, indent=0))
    return 0


def test(question: Question, name: str, *, json: bool) -> int:
    """Have the daemon ask an account for one token. Returns 0 if it served, 1 if not. Raises NotRunning, Refused."""
    be_the_right_one(question)
    with waiting(f"asking {bare(name)}"):
        answer = _call(question, name, "test", "test", TEST_TIMEOUT)
    served = isinstance(answer.value, dict) and answer.value.get("success") is True
    if json:
        print_json(answer)
        return 0 if served else 1
    terminal = stdout()
    sheet = terminal.sheet()
    sign = Span(f"{sheet.glyphs.dot} ", "good") if served else Span(f"{sheet.glyphs.cross} ", "bad")
    said = _message(answer) or f"{bare(name)} {'served' if served else 'did not serve'}."
    lines: list[Line] = sheet.text(sign, said, indent=0, hang=2)
    row = answer.value.get("request") if isinstance(answer.value, dict) else None
    if not served and isinstance(row, str):
        lines += sheet.text(Span(f"More: ccflared explain {bare(row)}", "faint"))
    terminal.write(lines)
    return 0 if served else 1


def _call(question: Question, name: str, word: str, action: str, timeout: float = 60.0) -> Answer:
    """Ask for an action on an account. Raises Refused; where there is no such account, it says which there are."""
    answer = question.daemon.post(account_path(name, action), timeout=timeout)
    if answer.status == 404:
        _, snapshot = ask(question.daemon)
        if all(account.name != name for account in snapshot.accounts):
            raise Refused(_no_such_account(snapshot, name))
    if answer.status != 200:
        raise answer.unexpected(f"account {word}")
    return answer


def _message(answer: Answer) -> str:
    message = answer.value.get("message") if isinstance(answer.value, dict) else None
    return bare(message) if isinstance(message, str) else ""


def _no_such_account(snapshot: Snapshot, name: str) -> str:
    from ccflared.config.words import no_such  # noqa: PLC0415 - only for who mistyped

    return no_such("account named", bare(name), [account.name for account in snapshot.accounts])
