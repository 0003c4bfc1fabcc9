"""``ccflared status``: ask the daemon how it is and show it, once or again and again."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ccflared import __version__
from ccflared.cli.client import Answer, Daemon
from ccflared.cli.render.foreign import bare_json
from ccflared.cli.render.health import health
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.snapshot import Snapshot, is_status, read_status
from ccflared.cli.render.status import status_line, status_lines
from ccflared.cli.terminal import Terminal, rich_text, say, stdout
from ccflared.errors import CcflaredError, NotRunning, Refused

if TYPE_CHECKING:
    from rich.text import Text


class Question(NamedTuple):
    """Who is asked. ``config`` is the file given by ``--config``, whose daemon is meant."""

    daemon: Daemon
    config: Path | None = None


def show(question: Question, *, json: bool, line: bool) -> int:
    """Print the status once. Returns 0, or 1 where something needs a person. Raises NotRunning, Refused."""
    terminal = stdout()
    if line:
        return _show_line(question, terminal)
    answer, snapshot = ask(question.daemon)
    if json:
        print_json(answer)
    else:
        terminal.write(screen(snapshot, answer, question, terminal))
    return 1 if health(snapshot, __version__).needs else 0


def ask(daemon: Daemon, *, timeout: float = 10.0) -> tuple[Answer, Snapshot]:
    """Return the status as it came and as it is read. Raises NotRunning, Refused."""
    answer = daemon.get("/api/status", timeout=timeout)
    if answer.status != 200:
        if answer.status == 404:
            raise Refused(
                f"What answers at {answer.place.path} ({answer.place.why}) knows no status: not ccflared?"
            )
        raise Refused(f"The daemon does not give its status: {answer.complaint()}")
    if not is_status(answer.value):
        raise Refused(
            f"Something answers at {answer.place.path} ({answer.place.why}), but it is not ccflared."
        )
    return answer, read_status(answer.value)


def print_json(answer: Answer) -> None:
    """Print the API's answer as it is."""
    say(bare_json(answer.text).rstrip("\n"))


def screen(
    snapshot: Snapshot, answer: Answer, question: Question, terminal: Terminal, *, needs_first: bool = False
) -> list[Line]:
    """Return the lines of the status for this terminal; ``needs_first`` where its end will not be seen."""
    other = other_file(snapshot, answer, question)
    remarks = () if other is None else (other,)
    sheet = terminal.sheet()
    return status_lines(
        snapshot,
        sheet,
        own_version=__version__,
        socket=str(answer.place.path),
        remarks=remarks,
        needs_first=needs_first,
    )


def other_file(snapshot: Snapshot, answer: Answer, question: Question) -> str | None:
    """Return a sentence if the daemon that answered is not the one of ``--config``."""
    asked, has = question.config, snapshot.source.file
    if asked is None or answer.place.meant or not has:
        return None
    if asked.resolve() == Path(has).resolve():
        return None
    return (
        f"The daemon that answered at {answer.place.path} ({answer.place.why}) runs from {has}, "
        f"not from {asked}. The daemon of {asked} is not running."
    )


def be_the_right_one(question: Question) -> None:
    """Refuse to act on a daemon that was found only because the one of ``--config`` does not run.

    $CCFLARED_CONFIG names a file, too; where nothing does, whichever daemon runs is meant.
    """
    named = os.environ.get("CCFLARED_CONFIG")
    config = question.config or (Path(named) if named else None)
    if config is None:
        return
    answer, snapshot = ask(question.daemon)
    other = other_file(snapshot, answer, Question(question.daemon, config))
    if other:
        raise Refused(f"{other} To mean the daemon that answered: --socket {answer.place.path}")


def watch(question: Question, every: float, *, json: bool, line: bool) -> int:
    """Show the status every ``every`` seconds until Ctrl-C or SIGTERM. Returns 0."""
    terminal = stdout()
    # The alternate screen has to be left in order, so that both signals come as an exception from now on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if terminal.interactive and terminal.colour and not json and not line:
            _watch_screen(question, every, terminal)
        while True:
            _print_once(question, terminal, json=json, line=line)
            time.sleep(every)
    except KeyboardInterrupt:
        return 0


def _print_once(question: Question, terminal: Terminal, *, json: bool, line: bool) -> None:
    try:
        if line:
            _show_line(question, terminal)
        else:
            answer, snapshot = ask(question.daemon)
            if json:
                print_json(answer)
            else:
                terminal.write([*screen(snapshot, answer, question, terminal), ()])
    except CcflaredError as error:
        if not line:
            print(str(error).split("\n")[0], file=sys.stderr if json else sys.stdout)
    sys.stdout.flush()


def _show_line(question: Question, terminal: Terminal) -> int:
    sheet = terminal.sheet()
    try:
        _, snapshot = ask(question.daemon, timeout=2.0)
    except NotRunning:
        terminal.write([(Span("ccflared "), Span(f"{sheet.glyphs.ring} not running", "bad"))])
        return 3
    except Refused:
        terminal.write([(Span("ccflared "), Span(f"{sheet.glyphs.cross} does not answer", "bad"))])
        return 4
    terminal.write([status_line(snapshot, sheet, own_version=__version__)])
    return 1 if health(snapshot, __version__).needs else 0


def _watch_screen(question: Question, every: float, terminal: Terminal) -> None:
    """Redraw the alternate screen in place, at once when the window changes. Ends by KeyboardInterrupt."""
    from rich.console import Console  # noqa: PLC0415 - only where it is shown
    from rich.live import Live  # noqa: PLC0415 - the same

    console = Console(file=terminal.stream, highlight=False, markup=False, emoji=False)
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            try:
                answer, snapshot = ask(question.daemon)
                failure = None
            except CcflaredError as error:
                failure = str(error)
            until = time.monotonic() + every
            drawn: tuple[int, int] | None = None
            while time.monotonic() < until:
                if drawn != (drawn := terminal.size()):
                    if failure is None:
                        lines = screen(snapshot, answer, question, terminal)
                        if len(lines) >= drawn[1]:
                            lines = screen(snapshot, answer, question, terminal, needs_first=True)
                    else:
                        lines = terminal.sheet().letter(failure)
                    live.update(_page(lines, terminal, every), refresh=True)
                time.sleep(min(0.2, max(0.0, until - time.monotonic())))


def _page(lines: list[Line], terminal: Terminal, every: float) -> "Text":
    """Return what fits into the window: empty lines go first, then the end is cut, and says so."""
    sheet = terminal.sheet()
    foot: Line = (Span(f"every {every:g} s{sheet.glyphs.sep}Ctrl-C ends", "faint"),)
    room = max(3, terminal.size()[1] - 1)
    if len(lines) + 2 <= room:
        shown = [*lines, (), foot]
    else:
        shown = lines if len(lines) <= room else [line for line in lines if line]
        if len(shown) > room:
            more = len(shown) - room + 1
            shown = [
                *shown[: room - 1],
                (Span(f"{sheet.glyphs.cut} {more} more lines", "faint"),),
            ]
    return rich_text(shown)
