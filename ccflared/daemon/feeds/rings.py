"""A bounded ring of what happened last, read by any number of listeners at their own pace.

Nobody has a queue: a listener knows a position, and one that reads more slowly than things happen is overtaken and told
how many it has missed. What is added is spelled as JSON when the first listener reads it, so that it costs next to
nothing while nobody does. Called from Trio's thread.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import trio

T = TypeVar("T")

_LARGEST_PART: Final = 64 * 1024
"""Bytes of events that are read at once, but for a single one that has more."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a listener gets: events ready to be sent, how many it has missed before them, and where it is now."""

    data: bytes
    missed: int
    position: int


class Ring(Generic[T]):
    """The last things of one kind, each with a number that counts from 1 at the start."""

    def __init__(self, size: int, start: str) -> None:
        """``size``: how many are kept; ``start``: hex digits that tell this start of the daemon from all others."""
        self._size = size
        self._start = start
        self._kept: list[T] = []
        """That of number n is at (n - 1) % size."""
        self._spelled: dict[int, bytes] = {}
        """By number, of those that somebody has read."""
        self._news: trio.Event | None = None
        self.latest = 0
        """The number of the latest; 0: nothing has happened yet."""

    @property
    def oldest(self) -> int:
        """The number of the oldest that is still kept; one more than the latest where nothing is."""
        return max(1, self.latest - self._size + 1)

    def add(self, thing: T) -> None:
        """Take in what has happened."""
        if len(self._kept) < self._size:
            self._kept.append(thing)
        else:
            self._kept[self.latest % self._size] = thing
            if self._spelled:
                self._spelled.pop(self.latest - self._size + 1, None)
        self.latest += 1
        if self._news is not None:
            self._news.set()
            self._news = None

    def id(self, number: int) -> str:
        """Return the id under which a listener knows that number, also after the daemon has started anew."""
        return f"{self._start}-{number}"

    def last(self, most: int | None = None) -> Sequence[tuple[int, T]]:
        """Return what is kept, the oldest first, each with its number; ``most``: only as many of the latest."""
        first = self.oldest if most is None else max(self.oldest, self.latest - most + 1)
        return [(number, self._at(number)) for number in range(first, self.latest + 1)]

    def position(self, last_id: str | None) -> tuple[int, int | None]:
        """Return where a listener begins that has read up to ``last_id``, and how many it has missed for good.

        None as its number: nobody knows how many, as the daemon has started anew since. Without an id, or with one that
        is none of ours, it begins with what happens next.
        """
        start, dash, number = (last_id or "").rpartition("-")
        if not dash or not number.isascii() or not number.isdigit() or len(number) > 18:
            return self.latest, 0
        if start != self._start:
            return (self.oldest - 1, None) if _like(start, self._start) else (self.latest, 0)
        return min(int(number), self.latest), 0

    def stir(self) -> None:
        """Wake those that wait, without news: they have something else to look at."""
        if self._news is not None:
            self._news.set()
            self._news = None

    async def stirred(self, position: int) -> None:
        """Wait until something has happened after a position, or somebody stirs the ring."""
        if self.latest > position:
            return
        if self._news is None:
            self._news = trio.Event()
        await self._news.wait()

    def read(self, position: int, spell: Callable[[T], object]) -> Read:
        """Return the events after a position, as they are sent; those that are gone are counted as missed.

        ``spell``: says what of a thing becomes JSON; the same for all listeners, who share what it says.
        """
        first = max(position + 1, self.oldest)
        parts: list[bytes] = []
        size, number = 0, first
        while number <= self.latest and size < _LARGEST_PART:
            parts.append(self._event(number, spell))
            size += len(parts[-1])
            number += 1
        return Read(b"".join(parts), first - position - 1, number - 1)

    def _at(self, number: int) -> T:
        return self._kept[(number - 1) % self._size]

    def _event(self, number: int, spell: Callable[[T], object]) -> bytes:
        found = self._spelled.get(number)
        if found is None:
            text = json.dumps(spell(self._at(number)), ensure_ascii=False, separators=(",", ":"))
            # A lone surrogate, as JSON may bring one in, is no text; JSON's own line ends are escaped.
            found = f"id: {self.id(number)}\ndata: {text}\n\n".encode("utf-8", "replace")
            self._spelled[number] = found
        return found


def _like(start: str, own: str) -> bool:
    """Whether that may be the start of another run of the daemon."""
    return len(start) == len(own) and all(c in "0123456789abcdef" for c in start)
