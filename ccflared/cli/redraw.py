"""A page that is drawn in place, on the terminal's other screen: only lines that have changed are written.

So nothing flickers, little is sent over a slow line, and what was on the terminal before is there again afterwards.
"""

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

from ccflared.cli.render.layout import Line, line_cells
from ccflared.cli.terminal import Terminal
from ccflared.errors import Refused

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""The other screen, without a cursor, and without a second line for what somebody's font makes too wide."""
_TOGETHER, _DONE = "\x1b[?2026h", "\x1b[?2026l"
"""Whoever knows this mode shows what lies between at once; the others pass over it."""
_ENDS = frozenset("qQ\x03\x04")
_LOOK = 0.2
"""Seconds after which it is looked at again whether the window has another size."""


class Page:
    """The other screen, from entering the block to its end. Keys that are typed meanwhile are not echoed."""

    def __init__(self, terminal: Terminal, ended: Callable[[], bool]) -> None:
        """Ask ``ended`` whether something other than a key has ended it."""
        self._terminal = terminal
        self._ended = ended
        self._shown: list[str] = []
        self._size: tuple[int, int] | None = None
        self._keys = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._cooked: list[Any] | None = None

    def __enter__(self) -> Self:
        self._enter()
        signal.signal(signal.SIGTSTP, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        self._leave()

    @property
    def outdated(self) -> bool:
        """Whether the window has got another size since it was drawn, or nothing has been drawn yet."""
        return self._size != self._terminal.size()

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines, none of which is wider than the window, from the top on."""
        width, height = size = self._terminal.size()
        if size != self._size:
            self._shown, self._size = [], size
        texts = [
            self._terminal.painted(line) + ("" if line_cells(line) >= width else "\x1b[K")
            for line in lines[: max(1, height)]
        ]
        written = [
            f"\x1b[{row};1H{text}"
            for row, text in enumerate(texts, 1)
            if row > len(self._shown) or self._shown[row - 1] != text
        ]
        if len(texts) < height and (len(texts) < len(self._shown) or not self._shown):
            written.append(f"\x1b[{len(texts) + 1};1H\x1b[J")
        self._shown = texts
        if written:
            self._write(f"{_TOGETHER}{''.join(written)}{_DONE}")

    def wait(self, until: float) -> bool:
        """Wait until a moment of the monotonic clock, or until the window has another size. False: it is to end."""
        while not self._ended() and (left := until - time.monotonic()) > 0 and not self.outdated:
            if self._keys is None:
                time.sleep(min(_LOOK, left))
            elif select.select([self._keys], [], [], min(_LOOK, left))[0]:
                typed = os.read(self._keys, 1024)
                if not typed or _ENDS & set(typed.decode(errors="replace")):
                    return False
        return not self._ended()

    def _enter(self) -> None:
        if self._keys is not None:
            self._cooked = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys, termios.TCSADRAIN)
        self._shown, self._size = [], None
        self._write(_ENTER)

    def _leave(self) -> None:
        with suppress(
            OSError, Refused, termios.error
        ):  # the terminal has gone, and there is nothing to give back
            self._write(_LEAVE)
            if self._keys is not None and self._cooked is not None:
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._cooked)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Give the terminal back for as long as the shell has stopped this process."""
        self._leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)
        self._enter()

    def _write(self, text: str) -> None:
        self._terminal.put(text)
