"""What all commands that edit the file share: making the edit, telling what came of it, and the daemon's verdict."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any, Final, NamedTuple

from ccflared.cli.configuration import shown
from ccflared.cli.places import state_for
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.snapshot import Verdict, is_verdict, read_verdict
from ccflared.cli.render.verdict import verdict_lines
from ccflared.cli.render.words import listed
from ccflared.cli.status import Question, ask
from ccflared.cli.terminal import Terminal, be_writable, complain, say, stderr, stdout
from ccflared.config.edit import Edit, as_toml
from ccflared.config.editing import (
    Edited,
    NotEdited,
    Prepared,
    edit_files,
    misshapen,
    prepare,
    unreadable,
)
from ccflared.config.load import Files, Rejected, find, read_files, read_secrets, references
from ccflared.config.model import Config
from ccflared.config.stored import forget_secret
from ccflared.config.words import dotted, no_such, quoted
from ccflared.errors import NotRunning, Refused, UsageError
from ccflared.money.unpriced import unpriced
from ccflared.providers.presets import builtin

FILES: Final = "\0files"
"""Stands in the sentence of a Report for the files that were written."""


class Site(NamedTuple):
    """The file that a command edits, and the daemon that may run from it."""

    file: Path
    question: Question
    json: bool = False
    environ: Mapping[str, str] = os.environ


@dataclass(frozen=True, slots=True)
class Report:
    """What a command says when it is done. ``entry``: the key path that was edited, of which warnings are told."""

    said: str
    entry: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What ``--json`` says besides."""
    covers: bool = False
    """Whether the notes say already what warnings would."""
    quiet: bool = False
    """Whether the standard output is taken: then sentences go to the standard error output."""


class _Standing(NamedTuple):
    """Whether the edit counts: what the daemon that runs from this file says."""

    word: str
    lines: list[Line]
    verdict: Any = None
    fine: bool = True


def site(question: Question, *, json: bool) -> Site:
    """Return the site of a command. Raises UsageError where there is no configuration, Refused where no output."""
    be_writable()
    return Site(find(question.config, os.environ), question, json)


def opened(at: Site, edits: Sequence[Edit] = ()) -> Files | NotEdited:
    """Read the files; ``edits`` are those that are going to be made, as far as they are known."""
    files = read_files(at.file, at.environ)
    if isinstance(files, Rejected):
        return unreadable(files, as_toml(edits))
    return misshapen(files, environ=at.environ, builtin=builtin()) or files


def prepared(at: Site, edits: Sequence[Edit], *, allow_less: bool = False) -> Prepared | NotEdited:
    """Read the files, apply edits and judge the result; writes nothing."""
    files = opened(at, edits)
    if isinstance(files, NotEdited):
        return files
    return prepare(files, edits, environ=at.environ, builtin=builtin(), allow_less=allow_less)


def make(at: Site, edits: Sequence[Edit], report: Report, *, allow_less: bool = False) -> int:
    """Make an edit, have the daemon take it over, and tell. Returns the exit code."""
    done = made(at, edits, allow_less=allow_less)
    if isinstance(done, NotEdited):
        return tell_refusal(at, done)
    return tell(at, done, report, allow_less=allow_less)


def made(at: Site, edits: Sequence[Edit], *, allow_less: bool = False) -> Edited | NotEdited:
    """Make an edit that is the same whatever else stands in the files: anew where they have changed meanwhile."""
    return edit_files(at.file, edits, environ=at.environ, builtin=builtin(), allow_less=allow_less)


def forget_released(at: Site, done: Edited) -> None:
    """Erase the stored secrets that the files do not name any more; complain where that is not possible."""
    for name in done.released:
        state = state_of(at, done.loaded.config)
        try:
            forget_secret(state, name)
        except OSError as error:
            complain(f"The stored secret {state / 'secrets' / name} cannot be erased: {error.strerror}.")


def tell(at: Site, done: Edited, report: Report, *, allow_less: bool = False) -> int:
    """Have the daemon take an edit over, and print what was done. Returns 0, or 4 if the daemon does not take it."""
    terminal = stderr() if report.quiet else stdout()
    standing = _standing(at, report, done, terminal, allow_less=allow_less)
    warnings = [each.message for each in done.warnings] + _unpriced(done, report)
    if at.json:
        say(
            dumps(
                {
                    "ok": standing.fine,
                    "files": [str(file) for file in done.files],
                    "changes": [str(change) for change in done.changes],
                    "warnings": warnings,
                    "daemon": standing.word,
                    "verdict": standing.verdict,
                    **report.extra,
                },
                indent=2,
            )
        )
        return 0 if standing.fine else 4
    sheet = terminal.sheet()
    said = report.said.replace(FILES, " and ".join(str(file) for file in done.files))
    if not done.files:
        said = "It is so already; nothing was written."
    lines = sheet.text(said, indent=0)
    for warning in () if report.covers else warnings:
        lines += sheet.text(Span("Note: ", "warn"), warning, indent=0, hang=2)
    lines += standing.lines
    for note in report.notes:
        lines += sheet.text(note, indent=0)
    terminal.write(lines)
    return 0 if standing.fine else 4


def tell_refusal(at: Site, refused: NotEdited, *, hint: str = "") -> int:
    """Print why nothing was written: mistakes as ``check`` prints them, and the TOML to paste. Returns 4."""
    if at.json:
        say(
            dumps(
                {
                    "ok": False,
                    "kind": refused.kind,
                    "message": refused.sentence,
                    "mistakes": [str(mistake) for mistake in refused.mistakes],
                    "losses": list(refused.losses),
                    "file": str(refused.file) if refused.file else None,
                    "paste": refused.paste,
                },
                indent=2,
            )
        )
        return 4
    terminal = stderr()
    sheet = terminal.sheet()
    lines: list[Line] = [*shown(refused.mistakes, terminal)]
    if lines:
        lines.append(())
    sentence = refused.sentence
    if refused.kind in ("unknown", "taken", "not allowed", "unclean"):
        sentence += " Nothing was written."
    if refused.losses:
        sentence += " If that is meant: --allow-less."
    lines += sheet.text(f"{sentence} {hint}".strip(), indent=0)
    wanted = refused.paste if refused.kind in ("not writable", "unclean") else ""
    if wanted:
        lines += sheet.text(f"By hand, in {refused.file}:", indent=0)
    terminal.write(lines)
    if wanted:
        terminal.put("")
        say(wanted)
    return 4


def unknown(word: str, name: str, known: Iterable[str]) -> NotEdited:
    """Return the refusal of a name that there is not, with the one that may be meant."""
    return NotEdited("unknown", no_such(word, name, known, quoted))


def same_file(given: Path, files: Iterable[Path]) -> Path:
    """Return the file of the configuration that a path leads to, as it is called there; else the path, absolute.

    ``files``: the main one first.
    """
    known, real = list(files), given.resolve()
    for file in known:
        if file.resolve() == real:
            return file
    if ".." not in given.parts:
        return given.absolute()
    # One that is still to be written is named as a glob would name it: below the directory of the main file.
    directory = known[0].parent
    return (
        directory / real.relative_to(directory.resolve())
        if real.is_relative_to(directory.resolve())
        else real
    )


def state_of(at: Site, config: Config) -> Path:
    """Return the state directory of the daemon that runs from this file, or will.

    The one that runs is asked. Raises UsageError where none is known.
    """
    try:
        answer, snapshot = ask(at.question.daemon)
    except (NotRunning, Refused):
        pass
    else:
        storage = answer.value.get("storage")
        if _same_file(snapshot.source.file, at.file) and isinstance(storage, dict):
            return Path(str(storage.get("directory")))
    return state_for(config, at.file, at.environ)


def runs_from(at: Site) -> bool:
    """Whether a daemon runs from this file. Raises Refused where one answers that cannot be understood."""
    try:
        _, snapshot = ask(at.question.daemon)
    except NotRunning:
        return False
    return _same_file(snapshot.source.file, at.file)


def _standing(at: Site, report: Report, done: Edited, terminal: Terminal, *, allow_less: bool) -> _Standing:
    """Ask the daemon to take the edit over, if it runs from this file."""
    sheet = terminal.sheet()
    try:
        answer, snapshot = ask(at.question.daemon)
        if not _same_file(snapshot.source.file, at.file):
            return _not_running(at, report, done, sheet.text, f"No daemon runs from {at.file}")
        if not done.files:
            return _Standing("running", [])
        answer = at.question.daemon.post("/api/reload", {"allowLess": allow_less})
        if not is_verdict(answer.value):
            raise answer.unexpected("reload")
    except NotRunning:
        return _not_running(at, report, done, sheet.text)
    except Refused as error:
        said = f"Whether it is in force is not known: {bare(str(error).splitlines()[0])}"
        return _Standing("unknown", sheet.text(said, indent=0))
    verdict = read_verdict(answer.value)
    if not verdict.applied:
        return _Standing("refused", verdict_lines(verdict, sheet), answer.value, fine=False)
    return _Standing("applied", _applied(verdict, report, terminal), answer.value)


def _applied(verdict: Verdict, report: Report, terminal: Terminal) -> list[Line]:
    sheet = terminal.sheet()
    lines = sheet.text(Span("In force", "good"), " in the running daemon.", indent=0)
    if verdict.needs_restart:
        verb = "counts" if len(verdict.needs_restart) == 1 else "count"
        lines = sheet.text(
            Span(f"{listed(list(verdict.needs_restart))} {verb} after a restart of the daemon.", "warn"),
            indent=0,
        )
    entry = dotted(report.entry)
    for warning in verdict.warnings:
        if report.entry and not report.covers and warning.startswith((f"{entry}.", f"{entry}:")):
            lines += sheet.text(Span("Note: ", "warn"), warning, indent=0, hang=2)
    return lines


def _unpriced(done: Edited, report: Report) -> list[str]:
    """Return what an edit keeps from being asked, because nobody knows what it costs."""
    entry = dotted(report.entry)
    return [said for said in unpriced(done.loaded.config) if report.entry and said.startswith(f"{entry} ")]


def _not_running(
    at: Site, report: Report, done: Edited, text: Any, said: str = "The daemon is not running"
) -> _Standing:
    """Say that the edit counts from the next start on, and which of its secrets cannot be read from here."""
    if not done.files:
        return _Standing("not running", [])
    lines: list[Line] = list(text(f"{said}; it counts from its next start on.", indent=0))
    config = done.loaded.config
    try:
        read = read_secrets(config, environ=at.environ, state_directory=state_of(at, config))
    except UsageError:
        return _Standing("not running", lines)
    for path, ref in references(config):
        if report.entry and path[: len(report.entry)] == report.entry and (why := read.problem(ref)):
            lines += text(
                Span("Note: ", "warn"), f"{dotted(path)}: {why} (as seen from here).", indent=0, hang=2
            )
    return _Standing("not running", lines)


def _same_file(one: str, other: Path) -> bool:
    return bool(one) and Path(one).resolve() == other.resolve()
