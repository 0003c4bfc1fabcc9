"""``ccflared doctor``: look whether everything is as it should be, with a running daemon or without."""

import json as json_module
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ccflared.cli.checkup.certificates import file_certificates
from ccflared.cli.checkup.daemon import (
    daemon_checks,
    integrity_checks,
    latest_checks,
    no_account,
    price_checks,
    storage_checks,
)
from ccflared.cli.checkup.file import file_checks
from ccflared.cli.checkup.state import HISTORY, state_checks, totals_check
from ccflared.cli.client import Answer
from ccflared.cli.places import state_for
from ccflared.cli.render.checks import Check, check_document, check_lines, is_well
from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Span
from ccflared.cli.render.snapshot import Snapshot
from ccflared.cli.render.words import many
from ccflared.cli.status import Question, ask, be_the_right_one, other_file
from ccflared.cli.terminal import say, stdout, waiting
from ccflared.config.load import Loaded, Rejected, find, load, storage_directory_of
from ccflared.config.settings import Storage
from ccflared.errors import NotRunning, Refused, UsageError
from ccflared.providers.presets import builtin

_NAMED: Final = ("--socket", "$CCFLARED_SOCKET")


class _Found(NamedTuple):
    """Who is looked at: the daemon, if one runs from this file, and the file."""

    answer: Answer | None
    snapshot: Snapshot | None
    silent: str
    """Why there is no answer, where there should be one."""
    file: Path | None
    loaded: Loaded | Rejected | None
    missing: str
    """Why there is no file."""


def doctor(
    question: Question, *, full: bool, rebuild: bool, json: bool, environ: Mapping[str, str] = os.environ
) -> int:
    """Print what is well and what is not. Returns 0, or 1 where something is wrong. Raises NotRunning, Refused."""
    with waiting("looking around") as turn_to:
        found = _found(question, environ)
        checks: list[Check] = []
        if rebuild:
            turn_to("adding up hours and days anew from the rows")
            checks += _rebuilt(question, found)
        turn_to("looking through the history")
        checks += _checks(question, found, environ, full=full)
    if json:
        say(json_module.dumps(check_document(checks), indent=2))
    else:
        terminal = stdout()
        sheet = terminal.sheet()
        hint = "A copy of the history: ccflared backup PATH"
        terminal.write([*check_lines(checks, sheet), *sheet.text(Span(hint, "faint"), indent=0)])
    return 0 if is_well(checks) else 1


def _found(question: Question, environ: Mapping[str, str]) -> _Found:
    """Find daemon and file: of a daemon that answers, the file that it runs from, unless another was named."""
    answer, snapshot, silent, missing = None, None, "", ""
    try:
        answer, snapshot = ask(question.daemon)
        if other := other_file(snapshot, answer, question):
            answer, snapshot, silent = None, None, other
    except NotRunning:
        if question.daemon.places[0].why in _NAMED:
            raise
    except Refused as error:
        silent = str(error)
    file: Path | None
    try:
        file = find(question.config, environ)
        if snapshot is not None and question.config is None and snapshot.source.file:
            file = Path(snapshot.source.file)
    except UsageError as error:
        file = Path(snapshot.source.file) if snapshot is not None and snapshot.source.file else None
        missing = "" if file else str(error)
    loaded = None if file is None else load(file, environ=environ, builtin=builtin())
    return _Found(answer, snapshot, silent, file, loaded, missing)


def _checks(question: Question, found: _Found, environ: Mapping[str, str], *, full: bool) -> Iterator[Check]:
    now = time()
    if found.loaded is None:
        said, _, _ = found.missing.partition("\n")
        said, _, _ = said.partition(" `ccflared init")
        where = "" if question.config is None else f" --config {question.config}"
        yield Check("configuration", "fail", said.rstrip(":"), f"ccflared init{where} writes a first one")
    else:
        yield from file_checks(found.loaded, environ, datetime.fromtimestamp(now, UTC).date())
    sound: bool | None = None
    if found.answer is not None and found.snapshot is not None:
        yield from daemon_checks(found.answer, found.snapshot, now)
        yield from price_checks(found.answer)
        yield from latest_checks(question.daemon, now)
        told = integrity_checks(question.daemon, full=full)
        if told is not None:
            sound = all(check.state == "ok" for check in told)
            yield from told
        yield from storage_checks(question.daemon)
    elif found.silent:
        yield Check("daemon", "fail", found.silent.split("\n")[0])
    else:
        yield Check("daemon", "warn", "it is not running", _start(question, found))
        if isinstance(found.loaded, Loaded):
            yield from file_certificates(found.loaded, now)
            if not found.loaded.config.accounts:
                yield no_account()
    directory = _directory(found, environ)
    if directory is None:
        yield Check("state", "skip", "nobody knows where the state directory is")
        return
    storage = found.loaded.config.storage if isinstance(found.loaded, Loaded) else Storage()
    yield from state_checks(directory, storage.max_size, full=full, sound=sound)
    if found.answer is None and isinstance(found.loaded, Loaded):
        named = found.loaded.config.timezone
        yield from totals_check(directory / HISTORY, ZoneInfo(named) if named else None)


def _start(question: Question, found: _Found) -> str:
    """Return how the daemon is started; without a file, that is said once, of the configuration."""
    return "ccflared run, once there is a file" if found.loaded is None else question.daemon.start_hint


def _directory(found: _Found, environ: Mapping[str, str]) -> Path | None:
    """Return the state directory: the daemon's own, else the file's."""
    if found.answer is not None:
        told = Json(found.answer.value).part("storage").text("directory")
        if told:
            return Path(told)
    try:
        if isinstance(found.loaded, Loaded):
            return state_for(found.loaded.config, found.loaded.files[0], environ)
    except UsageError:
        return None
    return storage_directory_of(found.file, environ) if found.file is not None else None


def _rebuilt(question: Question, found: _Found) -> Iterator[Check]:
    """Have the totals made anew from the rows."""
    if found.answer is None:
        raise Refused("The totals are made anew by the running daemon, and none runs from this file.")
    be_the_right_one(question)
    answer = question.daemon.post("/api/storage/totals/rebuild", timeout=3600.0)
    if answer.status != 200:
        raise answer.unexpected("doctor --rebuild-totals")
    told = Json(answer.value)
    made = f"{many(told.count('days'), 'day')} from {many(told.count('rows'), 'row')}"
    yield Check("totals", "ok", f"made anew: {made}")
