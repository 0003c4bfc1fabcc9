"""The commands about the file: check, config, schema. They need no running daemon."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccflared.cli.places import state_for
from ccflared.cli.render.checked import (
    fact_lines,
    mistakes_lines,
    read_mistake,
    secrets_lines,
    value_lines,
)
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.terminal import Terminal, say, stderr, stdout
from ccflared.config.kinds import KeyPath
from ccflared.config.listing import as_json, as_text, items
from ccflared.config.load import (
    Loaded,
    Rejected,
    Secrets,
    find,
    load,
    read_secrets,
    references,
    startable,
)
from ccflared.config.model import Config, Listen
from ccflared.config.protection import only_loopback
from ccflared.config.report import Mistake, render
from ccflared.config.schema import json_schema
from ccflared.config.words import dotted
from ccflared.errors import CcflaredError
from ccflared.money.unpriced import unpriced
from ccflared.providers.presets import builtin

if TYPE_CHECKING:
    from ccflared.cli.status import Question

_MAKES_A_KEY = (
    "Each file holds a key of its own, readable by the user that ccflared runs as, and stands beside this one: "
    "`openssl rand -hex 32 > laptop.key` makes one."
)
_UNWRAPPED = 1_000_000
"""Cells that no line has."""


def check(
    config: Path | None,
    *,
    secrets: bool = False,
    json: bool = False,
    question: "Question | None" = None,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Read the file as the daemon does and print every mistake.

    ``config``: its path, None to look for it. ``secrets``: one that cannot be read counts as a mistake. ``question``:
    where a daemon may run, which perhaps refuses what is no mistake. Returns 0 if there is none, else 1. Raises
    UsageError if there is no file.
    """
    loaded = startable(load(find(config, environ), environ=environ, builtin=builtin()))
    if isinstance(loaded, Rejected):
        if json:
            _print_json({"ok": False, "files": _texts(loaded.files), "mistakes": _objects(loaded.mistakes)})
        else:
            stdout().write([*shown(loaded.mistakes, stdout()), (), (Span(f"{_count(loaded.mistakes)}."),)])
        return 1
    missing = _missing(loaded, environ)
    fine = not (secrets and missing)
    lost = _refused(question, loaded.files)
    if json:
        _print_json(
            {
                "ok": fine,
                "files": _texts(loaded.files),
                "mistakes": [],
                "warnings": _objects(loaded.warnings),
                "secrets": [{"key": key, "problem": problem} for key, problem in missing],
                "unpriced": unpriced(loaded.config),
                "refused": list(lost),
                "notes": _open_text(loaded.config),
            }
        )
        return 0 if fine else 1
    doubts = [*_doubts(loaded, missing, wrong=not fine), *_held_back(lost)]
    stdout().write([*doubts, *(_summary(loaded, doubtful=bool(doubts)) if fine else ())])
    return 0 if fine else 1


def show_config(
    config: Path | None,
    *,
    defaults: bool = False,
    json: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Print the values in force with the place each comes from; ``defaults``: also what the file leaves out.

    Returns 1, with the mistakes on stderr, if the file has any. Raises UsageError if there is no file.
    """
    path = find(config, environ)
    loaded = load(path, environ=environ, builtin=builtin())
    if isinstance(loaded, Rejected):
        terminal = stderr()
        terminal.write(shown(loaded.mistakes, terminal))
        return 1
    directory = loaded.files[0].parent

    def where(key: KeyPath) -> str | None:
        place = loaded.places.get(key)
        if place is None:
            return None
        return f"{place.file if json else os.path.relpath(place.file, directory)}:{place.line}"

    listed = items(loaded.config, where, builtin(), defaults=defaults)
    if json:
        _print_json({"files": _texts(loaded.files), "values": as_json(listed)})
    else:
        page = _page(stdout())
        told = (f"# {loaded.files[0]}", *as_text(listed))
        stdout().write(line for each in told for line in value_lines(each, page))
    return 0


def schema() -> int:
    """Print the JSON Schema of the file."""
    _print_json(json_schema())
    return 0


def _missing(loaded: Loaded, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the secrets that cannot be read here, by key, each with the reason."""
    state = state_for(loaded.config, loaded.files[0], environ)
    read: Secrets = read_secrets(loaded.config, environ=environ, state_directory=state)
    return [(dotted(path), why) for path, ref in references(loaded.config) if (why := read.problem(ref))]


def shown(mistakes: Iterable[Mistake], terminal: Terminal) -> list[Line]:
    """Return mistakes as lines: place, message, excerpt, caret; wrapped only where a person looks at them."""
    page = _page(terminal)
    found = list(mistakes)
    lines = mistakes_lines((read_mistake(render(mistake)) for mistake in found), page)
    for add in dict.fromkeys(mistake.add for mistake in found if mistake.add):
        lines += [(), (Span("Add these lines, for example:"),), ()]
        lines += [(Span(f"  {line}", "strong"),) if line else () for line in add.splitlines()]
        lines += [(), *page.text(_MAKES_A_KEY, indent=0)]
    return lines


def _page(terminal: Terminal) -> Sheet:
    """Return the sheet for what programs and ``grep`` read as well: in a pipe its lines are as long as they are."""
    sheet = terminal.sheet()
    return sheet if terminal.interactive else sheet._replace(width=_UNWRAPPED)


def _doubts(loaded: Loaded, missing: Sequence[tuple[str, str]], *, wrong: bool) -> list[Line]:
    """Return what is no mistake but should be known. ``wrong``: a secret that is missing counts as one."""
    lines: list[Line] = []
    page = _page(stdout())
    if loaded.warnings:
        lines += [*shown(loaded.warnings, stdout()), ()]
    for said in unpriced(loaded.config):
        lines += [*page.text(Span(f"{said}."), indent=0), ()]
    return lines + secrets_lines(missing, page, wrong=wrong)


def _refused(question: "Question | None", files: Sequence[Path]) -> tuple[str, ...]:
    """Return what the daemon of these files refuses to lose by them as they stand; empty where no daemon has."""
    if question is None:
        return ()
    from ccflared.cli.status import ask  # noqa: PLC0415 - only what the command needs

    try:
        _, snapshot = ask(question.daemon, timeout=2.0)
        saved = max(path.stat().st_mtime for path in files)
    except (CcflaredError, OSError):
        return ()
    judged = snapshot.source.refused
    if judged is None or judged.at is None or Path(snapshot.source.file).resolve() != files[0].resolve():
        return ()
    return judged.losses if judged.at >= saved else ()


def _held_back(lost: Sequence[str]) -> Iterator[Line]:
    """Yield what the running daemon refuses, and the way out."""
    if lost:
        sheet = stdout().sheet()
        said = " If that is meant: ccflared reload --allow-less"
        yield from sheet.text(Span("The running daemon refuses it: ", "bad"), " ".join(lost) + said, indent=0)
        yield ()


def _summary(loaded: Loaded, *, doubtful: bool) -> list[Line]:
    config = loaded.config
    page = _page(stdout())
    said = "has no mistakes; what stands above should be known." if doubtful else "is fine."
    lines = page.text(Span(f"{loaded.files[0]} {said}", "good"), indent=0)
    facts = {
        "includes": [os.path.relpath(path, loaded.files[0].parent) for path in loaded.files[1:]],
        "listeners": [_listener(listen) for listen in config.server.listen],
        "accounts": list(config.accounts),
        "chains": ["/".join(chain.models) for chain in config.fallback],
        "clients": list(config.clients),
    }
    lines += fact_lines(facts, page)
    if not config.accounts:
        lines += page.text("It has no account yet, so nothing can be served.")
    for note in _open_text(config):
        lines += page.text(Span(note, "warn"))
    if not config.clients:
        who = "anybody" if config.server.allow_unauthenticated else "only this machine"
        lines += page.text(f"Without [clients], {who} may send requests, without a key.")
    return lines


def _open_text(config: Config) -> list[str]:
    """Return what is to be said of listeners that others reach without TLS. Who trusts a proxy has one in front."""
    if config.server.trusted_proxies or config.server.tls is not None:
        return []
    places = [
        listen.address
        for listen in config.server.listen
        if listen.tls is None and not listen.address.startswith("unix:") and not only_loopback(listen.address)
    ]
    sent = ["prompts and answers"]
    sent += ["client keys"] if config.clients else []
    sent += ["the admin token"] if config.admin else []
    what = f"{', '.join(sent[:-1])} and {sent[-1]}" if len(sent) > 1 else sent[0]
    what = what[0].upper() + what[1:]
    return [
        f"{what} travel unencrypted to {address}: set tls in [server], or let a proxy with TLS stand in front."
        for address in places
    ]


def _listener(listen: Listen) -> str:
    return (
        listen.address if len(listen.serve) == 3 else f"{listen.address} ({', '.join(sorted(listen.serve))})"
    )


def _count(mistakes: Sequence[Mistake]) -> str:
    return "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"


def _texts(paths: Iterable[Path]) -> list[str]:
    return [str(path) for path in paths]


def _objects(mistakes: Iterable[Mistake]) -> list[dict[str, Any]]:
    return [{"file": str(m.file), "line": m.line, "column": m.column, "message": m.message} for m in mistakes]


def _print_json(answer: dict[str, Any]) -> None:
    say(dumps(answer, indent=2))
