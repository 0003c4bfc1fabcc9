"""Counts tokens for accounts whose provider cannot: an estimate, corrected by what the provider has reported since."""

from typing import Final

from ccflared.formats.calibration import Calibration
from ccflared.wire import Tokens

_FIRST: Final = 5
_THEN_EACH: Final = 8
_KEPT: Final = 1024


class Counting:
    """The owner of what is known about estimates: in memory, for each account and model. Only the loop may ask it."""

    def __init__(self) -> None:
        self._calibration = Calibration()
        self._served: dict[tuple[str, str], int] = {}

    def corrected(self, account: str, model: str, estimated: int) -> int:
        """Return how many tokens a request has for a model, which was estimated as of any."""
        return self._calibration.corrected((account, model), estimated)

    def wants(self, account: str, model: str) -> bool:
        """Whether the next report is to be learnt from: the first few, then now and then, as it costs an estimate."""
        if len(self._served) >= _KEPT:
            self._served.clear()
        served = self._served[account, model] = self._served.get((account, model), -1) + 1
        return served < _FIRST or served % _THEN_EACH == 0

    def learn(self, account: str, model: str, estimated: int, told: Tokens) -> None:
        """Take in what a provider reported of a request that it served, and what it had been estimated as."""
        counts = (told.input, told.cache_read, told.cache_write_5m, told.cache_write_1h)
        reported = sum(count or 0 for count in counts)
        if told.input is not None and reported > 0:
            self._calibration.learn((account, model), estimated, reported)

    def rename(self, old: str, new: str) -> None:
        """Let what is known of an account follow it to its new name."""
        self._calibration.rename(old, new)
