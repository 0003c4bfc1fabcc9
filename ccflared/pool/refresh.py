"""When the daemon itself should start an account's next usage window (auto_refresh). Pure."""

from typing import Final

from ccflared.pool.capacity import session_window
from ccflared.pool.states import Standing

_SHORTEST: Final = 600.0
"""Seconds that a limit has to last to be taken for a usage window."""
BETWEEN: Final = 2.5 * 3600.0
"""Seconds between two windows that we start, whatever an upstream says of their ends: half of the real ones."""
_LADDER: Final = (60.0, 300.0, 600.0, 1800.0, 3600.0, 6 * 3600.0, 12 * 3600.0)


def window_end(standing: Standing) -> float | None:
    """Return when the last known usage window of an account ends, or has ended; None: none is known.

    It is told by the window itself, or by a limit that named its reset; a guess is no window, nor is a burst's pause.
    """
    window = session_window(standing.quota)
    known = [window.resets_at] if window is not None and window.resets_at is not None else []
    rest = standing.account.rest
    if not rest.count and rest.until - rest.since >= _SHORTEST:
        known.append(rest.until)
    return max(known, default=None)


def due(standing: Standing, asked_at: float | None, now: float, *, between: float = BETWEEN) -> float | None:
    """Return when the next window should be started; None while there is no end of one to wait for.

    ``asked_at``: when the last window was started by us; ``between``: seconds that lie between two at least. Where an
    answer tells nothing of a new one, once is enough.
    """
    end = window_end(standing)
    if end is None or asked_at is None or asked_at > now:  # by a clock that was ahead
        return end
    return None if asked_at >= end else max(end, asked_at + between)


def backoff(refusals: int) -> float:
    """Return the seconds to wait after so many refusals in a row."""
    return _LADDER[min(max(refusals, 1), len(_LADDER)) - 1]
