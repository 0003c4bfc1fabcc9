"""Which of what is told of usage windows is kept as a sample: of each window one in five minutes."""

from typing import Final

from ccflared.daemon.ledger import Remember
from ccflared.store.memories import Memory
from ccflared.store.samples import KIND, Sample, sample_text
from ccflared.wire import Quota

EVERY: Final = 300.0
"""Seconds between two samples of a window."""
_MOST: Final = 2000
"""Windows whose last sample is known; it costs a sample too many if one is forgotten."""


class Sampling:
    """Takes the samples. Called from Trio's thread; costs next to nothing where none is due."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._last: dict[tuple[str, str], float] = {}

    def told(self, account: str, quota: Quota) -> None:
        """Take in what was told of an account's windows."""
        for window in quota.windows:
            if window.utilization is None:
                continue
            key = (account, window.name)
            if 0 <= quota.at - self._last.get(key, float("-inf")) < EVERY:
                continue
            while len(self._last) >= _MOST and key not in self._last:
                del self._last[next(iter(self._last))]
            self._last[key] = quota.at
            sample = Sample(quota.at, window.utilization, window.resets_at)
            text = sample_text(account, window.name, sample)
            self._remember(Memory(KIND, f"{account} {window.name} {quota.at:.3f}", text, quota.at))
