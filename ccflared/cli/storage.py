"""``ccflared backup`` and ``ccflared payloads purge``: a copy of the history, and kept bodies erased."""

import os
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from ccflared.cli.asking import ask_line, can_ask
from ccflared.cli.render.document import Json
from ccflared.cli.render.words import many, milliseconds, size
from ccflared.cli.status import Question, ask, be_the_right_one, other_file, print_json
from ccflared.cli.terminal import say, stdout, waiting
from ccflared.errors import NotRunning, Refused, UsageError

_NAMED = ("--socket", "$CCFLARED_SOCKET")
_PATIENCE = 3600.0
"""Seconds: a history may have many gigabytes."""
_NOTHING = "Nothing was erased."


class _Copy(NamedTuple):
    """What was copied where."""

    target: Path
    bytes: int
    seconds: float


def backup(question: Question, path: Path, *, force: bool, payloads: bool) -> int:
    """Copy the history to ``path``, by the daemon where one runs; ``payloads``: also the kept bodies, beside it.

    Returns 0. Raises UsageError, NotRunning, Refused.
    """
    target = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link that the copy shall replace
    if target.is_dir():
        raise UsageError(f"ccflared backup: {target} is a directory; give the name of a file in it")
    if target.exists() and not force:
        raise Refused(f"{target} is there already; it stays as it is (--force replaces it).")
    if not target.parent.is_dir():
        raise Refused(f"There is no directory {target.parent}; make it first.")
    made = _by_daemon(question, target, force=force, payloads=payloads)
    if made is None:
        made = _directly(question, target, force=force, payloads=payloads)
    terminal = stdout()
    for copy in made:
        took = milliseconds(copy.seconds * 1000)
        terminal.write(terminal.sheet().text(f"Wrote {copy.target}: {size(copy.bytes)} in {took}.", indent=0))
    return 0


def _by_daemon(question: Question, target: Path, *, force: bool, payloads: bool) -> list[_Copy] | None:
    """Have the daemon copy it; None where none runs from this file."""
    try:
        status, snapshot = ask(question.daemon)
    except NotRunning:
        if question.daemon.places[0].why in _NAMED:
            raise
        return None
    if other_file(snapshot, status, question) is not None:
        return None
    begun = monotonic()
    with waiting(f"copying to {target}"):
        answer = question.daemon.post(
            "/api/storage/backup",
            {"path": str(target), "force": force, "payloads": payloads},
            timeout=_PATIENCE,
        )
    if answer.status in (400, 403, 409, 500, 503, 507):
        raise Refused(f"The daemon made no copy: {answer.complaint()}")
    if answer.status != 200:
        raise answer.unexpected("backup")
    told = Json(answer.value)
    seconds = told.number("seconds")
    seconds = monotonic() - begun if seconds is None else seconds
    files = [(Path(item.text("path")), item.count("bytes")) for item in told.parts("files")]
    return [_Copy(path, number, seconds) for path, number in files or [(target, told.count("bytes"))]]


def _directly(question: Question, target: Path, *, force: bool, payloads: bool) -> list[_Copy]:
    """Copy it from the state directory: nobody writes to it, or SQLite's locks see to it."""
    import sqlite3  # noqa: PLC0415 - heavy, and only without a daemon

    from ccflared.cli.state import database  # noqa: PLC0415 - the same
    from ccflared.store.backup import back_up, consider, payloads_beside  # noqa: PLC0415 - the same
    from ccflared.store.trouble import sentence  # noqa: PLC0415 - the same

    source = database(question.config, os.environ)
    if not source.exists():
        raise Refused(f"There is no history to copy: {source} is not there.")
    wanted = [(source, target)]
    if payloads and (bodies := source.with_name("payloads.db")).exists():
        wanted.append((bodies, payloads_beside(target)))
    for each, to in wanted:
        consider(each, to, force=force)
    made: list[_Copy] = []
    for each, to in wanted:
        begun = monotonic()
        try:
            with waiting(f"copying to {to}"):
                written = back_up(each, to, force=force)
        except (sqlite3.Error, OSError, Refused) as error:
            raise Refused(f"No copy of {each} was made: {sentence(error, each)}.") from None
        made.append(_Copy(to, written, monotonic() - begun))
    return made


def purge(question: Question, *, sure: bool, json: bool) -> int:
    """Erase all kept bodies of requests and answers. Returns 0. Raises UsageError, NotRunning, Refused."""
    be_the_right_one(question)
    if not sure:
        if not can_ask():
            raise UsageError("ccflared payloads purge: say --yes where no terminal is there to ask")
        asked = "Erase the kept bodies of all requests and answers? [y/N] "
        if ask_line(asked, otherwise=_NOTHING).lower() not in ("y", "yes"):
            raise Refused(_NOTHING)
    with waiting("erasing the kept bodies"):
        answer = question.daemon.post("/api/payloads/purge", timeout=_PATIENCE)
    if answer.status in (400, 403, 409, 500, 503):
        raise Refused(f"The daemon erased nothing: {answer.complaint()}")
    if answer.status != 200:
        raise answer.unexpected("payloads purge")
    if json:
        print_json(answer)
        return 0
    told = Json(answer.value)
    number = told.whole("erased")
    said = told.text("message").rstrip(".") or "All kept bodies are erased"
    said = said if number is None else f"The kept bodies of {many(number, 'request')} are erased"
    say(f"{said}. The rows of the history stay.")
    return 0
