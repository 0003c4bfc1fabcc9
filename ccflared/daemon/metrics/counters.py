"""The owner of the counters that /metrics shows: what was counted since the start, in memory, by names of the file.

A name that a client or an upstream made up is never a key here: requests are counted by account, client and words of
our own. What is counted of a name goes when that leaves the file; one that comes back begins at nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

import trio

from ccflared.daemon.certificates import Certificate
from ccflared.daemon.metrics.exposition import Histogram
from ccflared.daemon.verdicts import Verdict
from ccflared.wire import Entry

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Bounds of the times that requests take."""
MOMENTS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Bounds of the times that ccflared itself takes."""
KINDS: Final = 64
"""Kinds of tries that are counted apart; beyond, as ``other``. There are some thirty, all of the program's own."""
LOOK: Final = 1.0
"""Seconds between two looks at how late the loop is."""


@dataclass(slots=True)
class Sums:
    """What was counted of the requests of one client that one account served, or was the last to be tried for."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By origin and outcome."""
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cost: Counter[str] = field(default_factory=Counter)
    """Millionths of a USD, by who paid."""
    unpriced: int = 0


class Metrics:
    """See the module. Called from Trio's thread."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], Sums] = {}
        """By account and client; "" stands for none."""
        self.attempts: Counter[tuple[str, str]] = Counter()
        """By account and kind."""
        self.duration: dict[str, Histogram] = {}
        """By account."""
        self.first_byte: dict[str, Histogram] = {}
        self.overhead = Histogram(MOMENTS)
        self.lag = Histogram(MOMENTS)
        self.reloads: Counter[str] = Counter()
        """By ``applied`` and ``refused``."""
        self.last_verdict: Verdict | None = None
        self.last_applied_at = 0.0
        self.certificates: Iterable[Certificate] = ()
        """Those of our own listeners that are in force."""
        self._kinds: set[str] = set()

    def count(self, entry: Entry) -> None:
        """Take in a request that has ended. Never waits, never raises; some microseconds."""
        account = entry.account or ""
        key = (account, entry.client or "")
        sums = self.sums.get(key)
        if sums is None:
            sums = self.sums[key] = Sums()
        sums.outcomes[entry.origin, entry.outcome] += 1
        self._count_tokens(sums, entry)
        for attempt in entry.attempts:
            tried = (attempt.account, attempt.kind)
            if tried not in self.attempts:
                tried = (attempt.account, self._kind(attempt.kind))
            self.attempts[tried] += 1
        if entry.origin != "client":
            return
        _of(self.duration, account).observe(entry.total_ms / 1000)
        if entry.first_byte_ms is not None:
            _of(self.first_byte, account).observe(entry.first_byte_ms / 1000)
        if entry.overhead_us is not None:
            self.overhead.observe(entry.overhead_us / 1e6)

    def _count_tokens(self, sums: Sums, entry: Entry) -> None:
        tokens = entry.tokens
        sums.input += tokens.input or 0
        sums.output += tokens.output or 0
        sums.cache_read += tokens.cache_read or 0
        sums.cache_write_5m += tokens.cache_write_5m or 0
        sums.cache_write_1h += tokens.cache_write_1h or 0
        if entry.cost is not None:
            sums.cost[entry.billing or "unknown"] += entry.cost
        elif not (tokens.input is None and tokens.output is None and tokens.cache_read is None):
            sums.unpriced += 1

    def _kind(self, kind: str) -> str:
        if kind not in self._kinds:
            if len(self._kinds) >= KINDS:
                return "other"
            self._kinds.add(kind)
        return kind

    def judged(self, verdict: Verdict) -> None:
        """Take in what came of a configuration. That of the start is no reload."""
        if verdict.cause != "start":
            self.reloads["applied" if verdict.applied else "refused"] += 1
        self.last_verdict = verdict
        if verdict.applied:
            self.last_applied_at = verdict.at

    def keep(self, accounts: Collection[str], clients: Collection[str]) -> None:
        """Forget what was counted of names that are not in the file."""
        for key in [key for key in self.sums if not (_in(key[0], accounts) and _in(key[1], clients))]:
            del self.sums[key]
        for pair in [pair for pair in self.attempts if pair[0] not in accounts]:
            del self.attempts[pair]
        for times in (self.duration, self.first_byte):
            for name in [name for name in times if not _in(name, accounts)]:
                del times[name]

    async def watch_loop(self) -> None:
        """See now and then how late the loop is: how much later than it was due a task has its turn."""
        while True:
            due = trio.current_time() + LOOK
            await trio.sleep_until(due)
            self.lag.observe(max(0.0, trio.current_time() - due))


def _in(name: str, names: Collection[str]) -> bool:
    return not name or name in names


def _of(times: dict[str, Histogram], account: str) -> Histogram:
    found = times.get(account)
    if found is None:
        found = times[account] = Histogram(SECONDS)
    return found
