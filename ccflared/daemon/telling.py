"""Which changes of accounts and places are worth a line of the log: what goes on in the same way is told once.

An account that fails again and again is doubtful once, and ready again once; one that goes up and down all the time
gets a few lines, and then one that tells how many had none.
"""

import logging
from collections import deque
from typing import Final, Literal

from ccflared.daemon.about import about
from ccflared.pool.states import NOTHING, Learnt, View

log = logging.getLogger("ccflared.accounts")

LINES: Final = 6
"""Changes of one account that have a line in any ..."""
WITHIN: Final = 600.0
"""... seconds."""


class Telling:
    """What was told of each account last. Called from Trio's thread; times are of the wall clock."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        """The state that the log names, by account; ready where it names none."""
        self._times: dict[str, deque[float]] = {}
        self._untold: dict[str, int] = {}

    def account(self, name: str, before: View, after: View, now: float) -> None:
        """Log that an account is in another state now."""
        told = self._told.get(name, "ready")
        if before.state == after.state and (after.state != "ready" or told == "ready"):
            return
        if after.state == "ready":
            self._told.pop(name, None)
            self._log(name, logging.INFO, f"account {name} is ready again", now)
            return
        self._told[name] = after.state
        until = "" if after.until is None else f" for {after.until - now:.0f} s"
        line = f"account {name} is {after.state}{until}: {after.reason}"
        if told == after.state == "doubtful":
            log.debug("%s", line, extra=about("account-state", account=name))
        else:
            mild = after.state in ("doubtful", "half-open")
            self._log(name, logging.INFO if mild else logging.WARNING, line, now)

    def place(self, place: str, account: str, before: Learnt, reason: str) -> None:
        """Log that a place cannot be reached, as was seen by an account that is there."""
        level = logging.DEBUG if before.doubt.count else logging.INFO
        log.log(level, "%s (account %s): %s", place, account, reason, extra=about("place", account=account))

    def place_settled(self, place: str, account: str, before: Learnt, after: Learnt) -> None:
        """Log that a place can be reached again, if it could not."""
        if before.doubt.count and after is NOTHING:
            log.info("%s (account %s) answers again", place, account, extra=about("place", account=account))

    def by_hand(self, name: str, done: Literal["paused", "resumed", "reset"]) -> None:
        """Log what somebody has done to an account."""
        if done == "reset":
            self._told.pop(name, None)
        log.info("account %s was %s by hand", name, done, extra=about("account-state", account=name))

    def rename(self, old: str, new: str) -> None:
        """Let what was told of an account follow it to its new name."""
        if old in self._told:
            self._told[new] = self._told.pop(old)

    def _log(self, name: str, level: int, line: str, now: float) -> None:
        times = self._times.setdefault(name, deque(maxlen=LINES))
        while times and not now - WITHIN < times[0] <= now:  # or the clock was ahead
            times.popleft()
        if len(times) == LINES:
            self._untold[name] = self._untold.get(name, 0) + 1
            log.debug("%s", line, extra=about("account-state", account=name))
            return
        times.append(now)
        if untold := self._untold.pop(name, 0):
            line += f" ({untold} {'change' if untold == 1 else 'changes'} more without a line)"
        log.log(level, "%s", line, extra=about("account-state", account=name))
