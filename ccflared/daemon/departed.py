"""When accounts left the file: what was learnt of them is kept for 30 days from then, and no longer."""

from collections.abc import Collection, Iterable
from typing import Final

from ccflared.daemon.ledger import Remember
from ccflared.store.memories import Memory

KEPT: Final = 30 * 86400.0
"""Seconds for which what was learnt of an account that has left the file is kept."""
_KIND: Final = "departed"


class Departed:
    """The names that left the file, and when that was seen."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._since: dict[str, float] = {}

    def recall(self, memories: Iterable[Memory]) -> None:
        """Take in what was remembered before this start."""
        for memory in memories:
            if memory.kind == _KIND and memory.value is not None:
                self._since.setdefault(memory.key, memory.at)

    def see(self, kept: Iterable[str], there: Collection[str], now: float) -> set[str]:
        """Return the accounts that left the file too long ago. ``kept``: those of which something is kept."""
        for name in sorted({*kept, *self._since}):
            if name in there:
                if self._since.pop(name, None) is not None:
                    self._remember(Memory(_KIND, name, None, now))
            elif name not in self._since or self._since[name] > now:
                self._since[name] = now
                self._remember(Memory(_KIND, name, "true", now))
        return {name for name, at in self._since.items() if at < now - KEPT}

    def forget(self, name: str, now: float) -> None:
        """Take in that nothing is kept of an account any more."""
        if self._since.pop(name, None) is not None:
            self._remember(Memory(_KIND, name, None, now))
