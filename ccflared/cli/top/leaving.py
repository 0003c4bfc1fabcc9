"""Leaving the screen when a signal says so, or when the terminal has gone."""

import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def obey(leave: Callable[[], object]) -> None:
    """Have ``leave`` called for each signal that asks for an end: a terminal that is still there is left in order."""

    def told(_number: int, _frame: object) -> None:
        if hung_up():
            vanish()
        leave()

    for number in _SIGNALS:
        signal.signal(number, told)


def hung_up() -> bool:
    """Whether the terminal has gone: its window was closed, or the connection is lost."""
    poll = select.poll()
    poll.register(sys.__stdin__ or 0, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def vanish() -> None:
    """End at once. Nothing is held here that would be lost, and there is nobody to draw for.

    Whoever ignores the signal of a terminal that has gone would ask for keys without an end.
    """
    os._exit(128 + signal.SIGHUP)
