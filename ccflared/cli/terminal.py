"""The output: what it can show, and lines painted onto it. Colour goes through rich, imported only then."""

import io
import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TextIO

from ccflared.cli.render.layout import ASCII, UNICODE, Line, Style, clip, text_of
from ccflared.cli.render.sheet import Sheet
from ccflared.errors import Refused

if TYPE_CHECKING:
    from rich.text import Text

RICH: Mapping[Style, str] = {
    "plain": "",
    "strong": "bold",
    "faint": "dim",
    "good": "green",
    "warn": "yellow",
    "bad": "red",
}
SGR: Mapping[Style, str] = {"strong": "1", "faint": "2", "good": "32", "warn": "33", "bad": "31"}
"""The same as terminals are told, where rich is not asked."""
_CLOSED = "The standard output is closed."
COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself may have put into LC_CTYPE."""
_UNNOTICED = 0.5
"""Seconds: what is over by then needs no word."""
_STEP = 0.5
"""Seconds between two looks at the clock."""


class Terminal(NamedTuple):
    """One output stream. ``interactive``: a person looks at it. ``colour``: rules may be drawn, too.

    ``moves``: its cursor can be moved.
    """

    stream: TextIO
    interactive: bool
    colour: bool
    unicode: bool
    moves: bool = False

    def sheet(self) -> Sheet:
        """Return the sheet to write on, as wide as the terminal is now."""
        return Sheet(self.size()[0], UNICODE if self.unicode else ASCII, rules=self.colour)

    def size(self) -> tuple[int, int]:
        """Return columns and lines. Where there is no terminal: $COLUMNS, else 80."""
        try:
            given = int(os.environ.get("COLUMNS", ""))
        except ValueError:
            given = 0
        if not self.interactive:
            return max(given or 80, 20), 0
        size = shutil.get_terminal_size()
        return max(size.columns, 20), size.lines

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines, with colour where it is shown. Raises Refused where the disk is full, say."""
        with _writable(self.stream):
            self._write(lines)

    def put(self, text: str) -> None:
        """Write text as it is, at once. Raises Refused as ``write`` does."""
        with _writable(self.stream):
            self.stream.write(text)
            self.stream.flush()

    def _write(self, lines: Iterable[Line]) -> None:
        if self.colour:
            from rich.console import Console  # noqa: PLC0415 - 30 ms that a pipe need not wait for

            console = Console(file=self.stream, highlight=False, markup=False, emoji=False)
            console.print(rich_text(lines), soft_wrap=True)
            return
        for line in lines:
            self.stream.write(self.plain(line) + "\n")

    def plain(self, line: Line) -> str:
        """Return the text of a line in the letters that the output has."""
        text = text_of(line)
        return text if self.unicode else text.encode("ascii", "replace").decode()

    def painted(self, line: Line) -> str:
        """Return a line with its colours, for whoever moves the cursor."""
        if not self.colour:
            return self.plain(line)
        texts = ((SGR.get(span.style), self.plain((span,))) for span in line)
        return "".join(text if code is None else f"\x1b[{code}m{text}\x1b[0m" for code, text in texts)


def terminal_of(stream: TextIO, environ: Mapping[str, str]) -> Terminal:
    """Find out what ``stream`` can show. Letters that it cannot encode will be ``?`` instead of an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    interactive = stream.isatty()
    dumb = environ.get("TERM", "") in ("", "dumb", "unknown")
    colour = interactive and not dumb and not environ.get("NO_COLOR")
    unicode = _has_unicode(stream.encoding or "", environ)
    return Terminal(stream, interactive, colour, unicode, interactive and not dumb)


def _has_unicode(encoding: str, environ: Mapping[str, str]) -> bool:
    """Tell whether letters beyond ASCII are understood at the other end.

    Python writes UTF-8 in the C locale (PEP 538 sets LC_CTYPE, too); who asks for C by name means ASCII.
    """
    if not encoding.lower().startswith("utf"):
        return False
    ctype = environ.get("LC_CTYPE", "")
    locale = environ.get("LC_ALL") or ("" if ctype in COERCED else ctype) or environ.get("LANG", "")
    return locale not in ("C", "POSIX")


@contextmanager
def _writable(stream: TextIO) -> Iterator[None]:
    """Turn a failure to write into Refused; that the reader has seen enough stays a BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        with suppress(OSError):  # or the interpreter complains once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise Refused(f"The output cannot be written: {error.strerror}") from None


def say(text: str) -> None:
    """Write text for a program to the standard output, as it is. Raises Refused as ``Terminal.write`` does."""
    if sys.stdout is None:
        raise Refused(_CLOSED)
    with _writable(sys.stdout):
        print(text)


def be_writable() -> None:
    """Raise Refused where nobody would ever read what is printed: before something is done that has to be told."""
    if sys.stdout is None:  # type: ignore[unreachable, unused-ignore]  # as it is where descriptor 1 is closed
        raise Refused(f"{_CLOSED} Nothing was changed.")
    descriptor = sys.stdout.fileno()
    try:
        os.write(descriptor, b"")  # a device that is full says so
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise Refused(f"The output cannot be written: {error.strerror}. Nothing was changed.") from None
    reader = select.poll()
    reader.register(descriptor, 0)
    if any(event & select.POLLERR for _, event in reader.poll(0)):
        raise Refused("Nobody reads the output. Nothing was changed.")


def stdout() -> Terminal:
    """Return the standard output. Raises Refused where it is closed."""
    if sys.stdout is None:
        raise Refused(_CLOSED)
    return terminal_of(sys.stdout, os.environ)


def stderr() -> Terminal:
    """Return the standard error output; where it is closed, one that nobody sees."""
    if sys.stderr is None:
        return Terminal(io.StringIO(), interactive=False, colour=False, unicode=True)
    return terminal_of(sys.stderr, os.environ)


def complain(text: str) -> None:
    """Write sentences for a person to the standard error output, wrapped where it is a terminal.

    What cannot be written there, on a full disk, say, is lost: there is no other place to say it.
    """
    terminal = stderr()
    with suppress(OSError, Refused):
        if terminal.interactive:
            terminal.write(terminal.sheet().letter(text))
        else:
            terminal.put(text + "\n")


@contextmanager
def waiting(for_what: str) -> Iterator[Callable[[str], None]]:
    """Say on the standard error output what is waited for and for how long, until the end of the block.

    Only where a person looks at it, and only of what takes long enough to be wondered about. What is given says what
    is waited for from now on.
    """
    terminal = stderr()
    if not terminal.interactive:
        yield lambda _: None
        return
    patience = _Patience(terminal, for_what)
    thread = threading.Thread(target=patience.count, daemon=True)
    thread.start()
    try:
        yield patience.turn_to
    finally:
        patience.over.set()
        thread.join()


class _Patience:
    """The line that tells of something that takes its time."""

    def __init__(self, terminal: Terminal, for_what: str) -> None:
        self.over = threading.Event()
        self._terminal = terminal
        self._for_what = for_what
        self._begun = time.monotonic()

    def turn_to(self, for_what: str) -> None:
        self._for_what, self._begun = for_what, time.monotonic()

    def count(self) -> None:
        """Write the line, and once a second how long it takes, until it is over; then take it away."""
        if self.over.wait(_UNNOTICED):
            return
        self._write(self._line())
        if self._terminal.moves:
            while not self.over.wait(_STEP):
                self._write("\r" + self._line() + "\x1b[K")
            self._write("\r\x1b[K")
        else:  # the line stays
            self._write("\n")

    def _line(self) -> str:
        dots = "…" if self._terminal.unicode else "..."
        minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
        counted = f" {minutes}:{seconds:02} min" if minutes else f" {seconds} s" if seconds else ""
        room = self._terminal.size()[0] - 1 - len(counted)
        return clip(self._for_what + dots, max(1, room), self._terminal.sheet().glyphs) + counted

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal has gone; whoever waits learns of it otherwise
            self._terminal.stream.write(text)
            self._terminal.stream.flush()


def rich_text(lines: Iterable[Line]) -> "Text":
    """Return lines as rich's Text. Nothing in it is read as markup, nothing is wrapped once more."""
    from rich.text import Text  # noqa: PLC0415 - as above

    text = Text(no_wrap=True, overflow="ignore")
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        for span in line:
            text.append(span.text, RICH[span.style])
    return text
