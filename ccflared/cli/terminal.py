"""The output: what it can show, and lines painted onto it. Colour goes through rich, imported only then."""

import os
import select
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself may have put into LC_CTYPE."""


class Terminal(NamedTuple):
    """One output stream. ``interactive``: a person looks at it. ``colour``: rules may be drawn, too."""

    stream: TextIO
    interactive: bool
    colour: bool
    unicode: bool

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
        with _writable():
            self._write(lines)

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


def terminal_of(stream: TextIO, environ: Mapping[str, str]) -> Terminal:
    """Find out what ``stream`` can show. Letters that it cannot encode will be ``?`` instead of an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    interactive = stream.isatty()
    dumb = environ.get("TERM", "") in ("", "dumb", "unknown")
    colour = interactive and not dumb and not environ.get("NO_COLOR")
    return Terminal(stream, interactive, colour, _has_unicode(stream.encoding or "", environ))


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
def _writable() -> Iterator[None]:
    """Turn a failure to write into Refused; that the reader has seen enough stays a BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains once more at its end
        raise Refused(f"The output cannot be written: {error.strerror}") from None


def say(text: str) -> None:
    """Write text for a program to the standard output, as it is. Raises Refused as ``Terminal.write`` does."""
    with _writable():
        print(text)


def be_writable() -> None:
    """Raise Refused where nobody would ever read what is printed: before something is done that has to be told."""
    if sys.stdout is None:  # type: ignore[unreachable, unused-ignore]  # as it is where descriptor 1 is closed
        raise Refused("The standard output is closed. Nothing was changed.")
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
        raise Refused("The standard output is closed.")
    return terminal_of(sys.stdout, os.environ)


def complain(text: str) -> None:
    """Write sentences for a person to the standard error output, wrapped where it is a terminal."""
    terminal = terminal_of(sys.stderr, os.environ)
    if terminal.interactive:
        terminal.write(terminal.sheet().letter(text))
    else:
        sys.stderr.write(text + "\n")


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """Say on the standard error output what is waited for, where a person looks at it, until the end of the block."""
    terminal = terminal_of(sys.stderr, os.environ)
    if not terminal.interactive:
        yield
        return
    dots = "…" if terminal.unicode else "..."
    said = clip(for_what + dots, terminal.size()[0] - 1, terminal.sheet().glyphs)
    terminal.stream.write(said)
    terminal.stream.flush()
    try:
        yield
    finally:
        # Where the cursor cannot be moved, the line stays.
        terminal.stream.write("\r\x1b[K" if terminal.colour else "\n")
        terminal.stream.flush()


def rich_text(lines: Iterable[Line]) -> "Text":
    """Return lines as rich's Text. Nothing in it is read as markup, nothing is wrapped once more."""
    from rich.text import Text  # noqa: PLC0415 - as above

    text = Text(no_wrap=True, overflow="ignore")
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        for span in line:
            text.append(span.text, RICH[span.style])
    return text
