"""Bugs, as the log tells of them: the first of a kind with its traceback, the same one again in a line."""

import sys
import traceback
from collections import OrderedDict
from time import monotonic
from typing import Final, NamedTuple

_AGAIN: Final = 3600.0
"""Seconds after which the same fault has its traceback once more."""
_KEPT: Final = 100


class Fault(NamedTuple):
    """``name``: what tells one fault from another. ``new``: its traceback tells something."""

    name: str
    new: bool


class Faults:
    """Which faults were told with their traceback, and when."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, float] = OrderedDict()

    def handled(self) -> Fault:
        """Take in the exception that is being handled, which is about to be logged."""
        name, now = name_of(sys.exception()), monotonic()
        if now - self._told.get(name, -_AGAIN) < _AGAIN:
            return Fault(name, new=False)
        self._told[name] = now
        self._told.move_to_end(name)
        if len(self._told) > _KEPT:
            self._told.popitem(last=False)
        return Fault(name, new=True)


def name_of(error: BaseException | None) -> str:
    """Return what tells one fault from another: its type, and the line where it was raised. Of a group its first's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


FAULTS: Final = Faults()
"""Of this process: wherever it notices the same fault, it is the same one."""
