"""``ccflared status``: ask the daemon how it is and show it, once or again and again."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from ccflared import __version__
from ccflared.cli.client import Answer, Daemon, something_else
from ccflared.cli.render.foreign import bare_json
from ccflared.cli.render.health import health
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.snapshot import Snapshot, is_status, read_status
from ccflared.cli.render.status import status_line, status_lines
from ccflared.cli.terminal import Terminal, complain, say, stdout
from ccflared.errors import CcflaredError, NotRunning, Refused


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
            raise Refused(something_else(answer.place))
        raise Refused(f"The daemon does not give its status: {answer.complaint()}")
    if not is_status(answer.value):
        raise Refused(something_else(answer.place))
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
    """Show the status every ``every`` seconds until Ctrl-C, SIGTERM or SIGHUP. Returns 0."""
    terminal = stdout()
    # The alternate screen has to be left in order, so that these signals come as an exception from now on.
    told = _ToldToEnd()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # as under nohup
            signal.signal(ending, told)
    with suppress(KeyboardInterrupt):
        if terminal.moves and not json and not line:
            _watch_screen(question, every, terminal, told)
            return 0
        while not told.once:
            _print_once(question, terminal, json=json, line=line)
            time.sleep(every)
    return 0


class _ToldToEnd:
    """Ends what runs by KeyboardInterrupt, and remembers it.

    An exception that is raised while Python lets go of something, such as an answer that was read, is lost there.
    """

    def __init__(self) -> None:
        self.once = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Take the signal."""
        self.once = True
        raise KeyboardInterrupt


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
            said = str(error).split("\n")[0]
            complain(said) if json else say(said)
    terminal.put("")


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


def _watch_screen(question: Question, every: float, terminal: Terminal, told: _ToldToEnd) -> None:
    """Redraw the page in place, at once when the window changes. Ends by a key, or by KeyboardInterrupt."""
    from ccflared.cli.redraw import Page  # noqa: PLC0415 - only where it is watched

    with Page(terminal, lambda: told.once) as page:
        going = True
        while going:
            shown: tuple[Answer, Snapshot] | str
            try:
                shown = ask(question.daemon)
            except CcflaredError as error:
                shown = str(error)
            until = time.monotonic() + every
            while going and time.monotonic() < until:
                page.draw(_fitting(shown, question, terminal, every))
                going = page.wait(until)


def _fitting(
    shown: tuple[Answer, Snapshot] | str, question: Question, terminal: Terminal, every: float
) -> list[Line]:
    """Return what fits into the window: empty lines go first, then the end is cut, and says so."""
    sheet = terminal.sheet()
    room = max(3, terminal.size()[1])
    if isinstance(shown, str):
        lines = sheet.letter(shown)
    else:
        lines = screen(shown[1], shown[0], question, terminal)
        if len(lines) > room:
            lines = screen(shown[1], shown[0], question, terminal, needs_first=True)
    foot: Line = (Span(f"every {every:g} s{sheet.glyphs.sep}q ends", "faint"),)
    if len(lines) + 2 <= room:
        return [*lines, (), foot]
    if len(lines) > room:
        lines = [line for line in lines if line]
    if len(lines) <= room:
        return lines
    more = len(lines) - room + 1
    return [*lines[: room - 1], (Span(f"{sheet.glyphs.cut} {more} more lines", "faint"),)]
