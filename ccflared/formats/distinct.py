"""Names and ids that an API takes: of its alphabet, not too long, and no two alike."""

import re
from typing import Final

_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_-]")


class Distinct:
    """Gives out names that are unlike each other, and the same ones whenever it is asked the same questions.

    ``plain``: of letters, digits, ``_`` and ``-`` alone, as Anthropic wants names and ids.
    """

    __slots__ = ("_counts", "_longest", "_plain", "_taken")

    def __init__(self, longest: int = 1 << 20, *, plain: bool = True) -> None:
        self._longest = longest
        self._plain = plain
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def like(self, text: str) -> str:
        """Return a new name: ``text`` itself, if that can be, else one that reminds of it."""
        base = (_FOREIGN.sub("_", text) or "_" if self._plain else text)[: self._longest]
        name = base
        while name in self._taken:
            self._counts[base] = count = self._counts.get(base, 1) + 1
            tail = f"_{count}"
            name = base[: self._longest - len(tail)] + tail
        self._taken.add(name)
        return name
