"""``ccflared reload``: have the daemon read its file again and print the verdict, or all verdicts since its start."""

from ccflared.cli.render.snapshot import Verdict, is_verdict, read_verdict
from ccflared.cli.render.verdict import log_lines, verdict_lines
from ccflared.cli.status import Question, ask, be_the_right_one, print_json
from ccflared.cli.terminal import stdout

_JUST_BEFORE = 120.0
"""Seconds within which an edit is still the one that somebody means who types ``reload``."""


def reload(question: Question, *, allow_less: bool, json: bool) -> int:
    """Have the file read again and print the verdict. Returns 0 applied, 1 mistakes, 4 refused."""
    be_the_right_one(question)
    answer = question.daemon.post("/api/reload", {"allowLess": allow_less})
    if answer.status not in (200, 409, 422) or not is_verdict(answer.value):
        raise answer.unexpected("reload")
    verdict = read_verdict(answer.value)
    if json:
        print_json(answer)
    else:
        terminal = stdout()
        silent = verdict.applied and not verdict.changes
        before = taken_over(question.daemon.get("/api/reload").value, verdict) if silent else None
        terminal.write(verdict_lines(verdict, terminal.sheet(), before=before))
    if verdict.applied or answer.status == 200:
        return 0
    return 1 if verdict.mistakes else 4


def taken_over(verdicts: object, verdict: Verdict) -> Verdict | None:
    """Return the edit that the daemon took over by itself just before: what a person asks about who saved and typed.

    ``verdicts``: what the daemon tells of those so far.
    """
    for item in verdicts if isinstance(verdicts, list) else ():
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
        raise answer.unexpected("reload --log")
    if json:
        print_json(answer)
        return 0
    _, snapshot = ask(question.daemon)
    terminal = stdout()
    verdicts = [read_verdict(item) for item in answer.value if is_verdict(item)]
    terminal.write(log_lines(verdicts, snapshot.now, terminal.sheet()))
    return 0
