"""The commands that ask the running daemon for something: ``reload``, ``account list``, ``account reset``."""

from ccflared.cli.client import Answer, account_path
from ccflared.cli.render.accounts import account_lines
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.layout import Span
from ccflared.cli.render.snapshot import Snapshot, Verdict, is_verdict, read_verdict
from ccflared.cli.render.verdict import log_lines, verdict_lines
from ccflared.cli.status import Question, ask, other_file, print_json
from ccflared.cli.terminal import stdout
from ccflared.errors import Refused

_JUST_BEFORE = 120.0
"""Seconds within which an edit is still the one that somebody means who types ``reload``."""


def reload(question: Question, *, allow_less: bool, json: bool) -> int:
    """Have the file read again and print the verdict. Returns 0 applied, 1 mistakes, 4 refused."""
    _be_the_right_one(question)
    answer = question.daemon.post("/api/reload", {"allowLess": allow_less})
    if answer.status not in (200, 409, 422) or not is_verdict(answer.value):
        raise _unexpected(answer, "reload")
    verdict = read_verdict(answer.value)
    if json:
        print_json(answer)
    else:
        terminal = stdout()
        before = _taken_over(question, verdict) if verdict.applied and not verdict.changes else None
        terminal.write(verdict_lines(verdict, terminal.sheet(), before=before))
    if verdict.applied or answer.status == 200:
        return 0
    return 1 if verdict.mistakes else 4


def _taken_over(question: Question, verdict: Verdict) -> Verdict | None:
    """Return the edit that the daemon took over by itself just before: what a person asks about who saved and typed."""
    answer = question.daemon.get("/api/reload")
    if answer.status != 200 or not isinstance(answer.value, list):
        return None
    for item in answer.value:
        past = read_verdict(item) if is_verdict(item) else None
        if past is None or past.number == verdict.number:
            continue
        recent = past.at is not None and verdict.at is not None and verdict.at - past.at < _JUST_BEFORE
        return past if recent and past.applied and past.changes and past.cause == "file" else None
    return None


def reload_log(question: Question, *, json: bool) -> int:
    """Print the verdicts since the start of the daemon, the newest first. Returns 0."""
    answer = question.daemon.get("/api/reload")
    if answer.status != 200 or not isinstance(answer.value, list):
        raise _unexpected(answer, "reload --log")
    if json:
        print_json(answer)
        return 0
    _, snapshot = ask(question.daemon)
    terminal = stdout()
    verdicts = [read_verdict(item) for item in answer.value if is_verdict(item)]
    terminal.write(log_lines(verdicts, snapshot.now, terminal.sheet()))
    return 0


def list_accounts(question: Question, *, json: bool) -> int:
    """Print the accounts in the order the router would choose. Returns 0."""
    if json:
        answer = question.daemon.get("/api/accounts")
        if answer.status != 200:
            raise _unexpected(answer, "account list")
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


def reset_account(question: Question, name: str) -> int:
    """Have the daemon forget what it learnt about an account. Returns 0; it has taken effect then."""
    _be_the_right_one(question)
    answer = question.daemon.post(account_path(name, "force-reset-rate-limit"))
    if answer.status == 404:
        _, snapshot = ask(question.daemon)
        if all(account.name != name for account in snapshot.accounts):
            raise Refused(_no_such_account(snapshot, name))
    if answer.status != 200:
        raise _unexpected(answer, "account reset")
    message = answer.value.get("message") if isinstance(answer.value, dict) else None
    terminal = stdout()
    done = bare(message) if isinstance(message, str) and message else f"{bare(name)} starts afresh."
    terminal.write(terminal.sheet().text(Span(done), indent=0))
    return 0


def _no_such_account(snapshot: Snapshot, name: str) -> str:
    import difflib  # noqa: PLC0415 - only for who mistyped

    known = [account.name for account in snapshot.accounts]
    close = difflib.get_close_matches(name.casefold(), [each.casefold() for each in known], n=1)
    shown = bare(name)
    if close:
        meant = next(each for each in known if each.casefold() == close[0])
        return f"There is no account named {shown}; did you mean {meant}?"
    if known:
        return f"There is no account named {shown}. There are: {', '.join(known)}."
    return f"There is no account named {shown}; {snapshot.source.file} has no accounts."


def _be_the_right_one(question: Question) -> None:
    """Refuse to act on a daemon that was found only because the one of ``--config`` does not run."""
    if question.config is None:
        return
    answer, snapshot = ask(question.daemon)
    other = other_file(snapshot, answer, question)
    if other:
        raise Refused(f"{other} To mean the daemon that answered: --socket {answer.place.path}")


def _unexpected(answer: Answer, command: str) -> Refused:
    if answer.status in (404, 405):
        return Refused(f"The daemon at {answer.place.path} does not know {command}: is it an older version?")
    return Refused(f"The daemon refused: {answer.complaint()}")
