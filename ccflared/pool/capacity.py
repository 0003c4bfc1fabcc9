"""How much is left of an account's usage windows, and what follows from one that is spent. Pure."""

from dataclasses import replace
from typing import Final

from ccflared.config.model import Routing
from ccflared.wire import Quota, Window

SESSION_WINDOW: Final = "5h"
"""The window that a session is aligned with."""
_KEPT: Final = 16
_SAME_WINDOW: Final = 60.0
"""Seconds by which one window's reset may differ from answer to answer: they jitter."""
_TRUSTED: Final = Routing().trust_reset_up_to


def merged(known: Quota | None, told: Quota, trust_reset_up_to: float = _TRUSTED) -> Quota:
    """Return the windows after an answer told of some of them; what it does not tell of stays as it was.

    A reset more than ``trust_reset_up_to`` seconds away is not believed: the window counts as one that named none.
    """
    latest = told.at + trust_reset_up_to
    # By a clock that has been set back since, nothing of what was told before can be placed.
    before = {} if known is None or known.at > told.at else {w.name: _dated(w, known) for w in known.windows}
    for window in told.windows:
        believed = window
        if not _credible(window.resets_at, latest):
            # That a window is spent is concluded from its reset where it was asked for, else the provider said so.
            believed = replace(window, resets_at=None, spent=window.spent and not told.polled)
        carried = _carried(before.pop(window.name, None), believed, told.at)
        before[window.name] = replace(carried, told_at=told.at, polled=told.polled)
    windows = tuple(before.values())[-_KEPT:]
    overage = told.overage
    if overage is None and known is not None:
        # It is about a window that this answer does not tell of, and that still runs.
        silent = {window.name for window in windows} - {window.name for window in told.windows}
        running_on = [w for w in windows if w.resets_at is not None and not _ended(w, told.at)]
        if any(w.name in silent and used_up(w) for w in running_on):
            overage = known.overage
    return Quota(told.at, windows, overage, told.polled)


def _credible(reset: float | None, latest: float) -> bool:
    return reset is None or reset <= latest


def _dated(window: Window, known: Quota) -> Window:
    """Return a window with the time and the source of its telling, which are those of the quota where it has none."""
    return window if window.told_at is not None else replace(window, told_at=known.at, polled=known.polled)


def _carried(before: Window | None, told: Window, at: float) -> Window:
    """Return a window as told, with what an answer left out but the one before said of the same window."""
    if before is None or not same_window(before, told):
        return told
    if _ended(before, at):
        # Asked for while nothing is used, a provider tells of a window without a reset: none has begun since the one
        # that ended, and that end is what the next one is begun by.
        idle = told.utilization == 0.0 and told.resets_at is None and not told.spent
        return replace(told, resets_at=before.resets_at) if idle else told
    return replace(
        told,
        utilization=before.utilization if told.utilization is None else told.utilization,
        resets_at=before.resets_at if told.resets_at is None else told.resets_at,
    )


def same_window(one: Window, other: Window) -> bool:
    """Whether two tellings are of one window: its reset may jitter, and may be left out."""
    if one.resets_at is None or other.resets_at is None:
        return True
    return abs(one.resets_at - other.resets_at) <= _SAME_WINDOW


def presses(quota: Quota) -> bool:
    """Whether anything in what was told could keep the account from serving: a window used up, or paid extra usage."""
    return quota.overage == "in use" or any(used_up(window) for window in quota.windows)


def used_up(window: Window) -> bool:
    """Whether nothing is left of a window."""
    return window.spent or (window.utilization is not None and window.utilization >= 1.0)


def current(quota: Quota | None, now: float) -> list[Window]:
    """Return the windows that have not been reset since they were told of, by a clock not set back since."""
    if quota is None or now < quota.at:
        return []
    return [window for window in quota.windows if not _ended(window, now)]


def running(quota: Quota | None, now: float, family: str | None) -> list[Window]:
    """Return the current windows that count for a model of ``family``."""
    return [window for window in current(quota, now) if window.family in (None, family)]


def used(quota: Quota | None, now: float, family: str | None = None) -> float | None:
    """Return how much of the fullest window is used: 0 to 1 or above; None where nothing was told."""
    if quota is None:
        return None
    told = [window.utilization for window in running(quota, now, family) if window.utilization is not None]
    if told:
        return max(told)
    ended = any(_ended(window, now) for window in quota.windows)
    return 0.0 if ended else None


def remaining(quota: Quota | None, tier: float, now: float, family: str | None = None) -> float:
    """Return what is left, in units of a plan of tier 1. What was not told of counts as untouched."""
    left = 1.0 - min(1.0, max(0.0, used(quota, now, family) or 0.0))
    return left * tier


def drains_at(quota: Quota | None, now: float) -> float | None:
    """Return when the longest of the windows for all models resets and what is left in it is lost; None: unknown."""
    resets = [window.resets_at for window in running(quota, now, None) if window.resets_at is not None]
    return max(resets, default=None)


def session_window(quota: Quota | None) -> Window | None:
    """Return the window that sessions are aligned with, as it was last told of."""
    windows = quota.windows if quota is not None else ()
    return next((window for window in windows if window.name == SESSION_WINDOW), None)


def _ended(window: Window, now: float) -> bool:
    return window.resets_at is not None and window.resets_at <= now


def session_holds(since: float | None, quota: Quota | None, length: float, now: float) -> bool:
    """Whether a session begun at ``since`` still runs: to its usage window's reset, else for ``length`` seconds."""
    if since is None or since > now:
        return False
    window = session_window(quota)
    if window is not None and window.resets_at is not None and window.resets_at > since:
        return now < window.resets_at
    return now < since + length
