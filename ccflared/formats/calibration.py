"""How far estimates of tokens are off for an account and a model, learnt from what the account reports afterwards."""

from collections import OrderedDict
from math import ceil
from typing import Final

Key = tuple[str, str]
"""Account and model."""

MOST: Final = 1024
_LOWEST: Final = 0.5
_HIGHEST: Final = 3.0
_UP: Final = 0.5
_DOWN: Final = 0.1
"""How much of the way to what was just reported a factor goes. Too low is worse than too high, so it goes up fast."""
_TOO_FEW: Final = 100
"""Estimates below say more about what is around a request than about its text."""


class Calibration:
    """A factor for each account and model, by which estimates are multiplied; 1 where nothing was learnt."""

    __slots__ = ("_factors", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._factors: OrderedDict[Key, float] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        return len(self._factors)

    def learn(self, key: Key, estimated: int, reported: int) -> None:
        """Take in that ``estimated`` tokens, uncorrected, were ``reported`` ones, those of caches included."""
        if estimated < _TOO_FEW or reported <= 0:
            return
        seen = min(_HIGHEST, max(_LOWEST, reported / estimated))
        factor = self._factors.get(key, 1.0)
        factor += (seen - factor) * (_UP if seen > factor else _DOWN)
        self._factors[key] = factor
        self._factors.move_to_end(key)
        if len(self._factors) > self._most:
            self._factors.popitem(last=False)

    def factor(self, key: Key) -> float:
        """Return what to multiply an estimate with, from 0.5 to 3."""
        factor = self._factors.get(key)
        if factor is None:
            return 1.0
        self._factors.move_to_end(key)
        return factor

    def corrected(self, key: Key, estimated: int) -> int:
        """Return an estimate, corrected by what was learnt."""
        return max(1, ceil(estimated * self.factor(key)))

    def rename(self, old: str, new: str) -> None:
        """Take in that an account has another name now. What was learnt of one that had that name before is lost."""
        if old == new:
            return
        kept = [(key, factor) for key, factor in self._factors.items() if key[0] != new]
        self._factors = OrderedDict(
            ((new if key[0] == old else key[0], key[1]), factor) for key, factor in kept
        )
