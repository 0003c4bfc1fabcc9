"""Wrong credentials, counted by address: of administration, where they lock out; of requests, where they are told.

Of IPv6 by its network, in which one machine has all addresses.
"""

from collections import deque
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from math import ceil
from typing import Final

GUESSES: Final = 5
LINES: Final = 60
_WINDOW: Final = 60.0
_KEPT: Final = 1024


class Guesses:
    """Counts wrong admin credentials by address, bounded; after five a minute nobody there may try."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def wait(self, address: str, now: float) -> int | None:
        """Return the seconds until an address may try again; None where it may now."""
        address = _place(address)
        times = self._times.get(address)
        while times and times[0] <= now - _WINDOW:
            times.popleft()
        if not times:
            self._times.pop(address, None)
            return None
        return max(1, ceil(times[0] + _WINDOW - now)) if len(times) >= GUESSES else None

    def wrong(self, address: str, now: float) -> None:
        """Take in a wrong credential."""
        address = _place(address)
        while len(self._times) >= _KEPT and address not in self._times:
            self._times.pop(next(iter(self._times)))
        self._times.setdefault(address, deque(maxlen=GUESSES)).append(now)


@dataclass(slots=True)
class _Minute:
    began: float
    told: int = 0
    untold: int = 0


class Strangers:
    """Says which wrong client keys are worth a line of the log: five a minute and address, LINES a minute in all.

    A program with an old key asks again as fast as it can, and whoever guesses does so from many addresses: neither
    may fill the disk. What has no line is counted, and the next line tells how many there were.
    """

    def __init__(self) -> None:
        self._of: dict[str, _Minute] = {}
        self._all = _Minute(0.0)

    def wrong(self, address: str, now: float) -> int | None:
        """Take in one. Returns how many before had no line, of which the one of this tells; None: nor has this."""
        address = _place(address)
        own = self._of.get(address)
        if own is None:
            while len(self._of) >= _KEPT:
                self._of.pop(next(iter(self._of)))
            own = self._of[address] = _Minute(now)
        for minute in (own, self._all):
            if now - minute.began >= _WINDOW:
                minute.began, minute.told = now, 0
        if own.told >= GUESSES or self._all.told >= LINES:
            own.untold += 1
            return None
        own.told += 1
        self._all.told += 1
        untold, own.untold = own.untold, 0
        return untold


def _place(address: str) -> str:
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address  # of IPv4, or no address: a unix socket
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    if found.is_loopback or found.is_link_local:
        return address
    return str(IPv6Network((found, 64), strict=False))
