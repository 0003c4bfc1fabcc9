"""One JSON object of the daemon's, asked by key: what is missing or of another type is unknown. Pure.

An older or newer daemon may say less or more. Every text is made fit for a terminal here, so nobody after this
has to think of it.
"""

import math
from collections.abc import Mapping

from ccflared.cli.render.foreign import bare

_GREATEST = 1e18
"""Sums and quotients of lesser ones are no infinity yet."""


class Json:
    """One JSON object, asked by key: always answers with the type asked for."""

    def __init__(self, value: object) -> None:
        self._values: Mapping[str, object] = value if isinstance(value, dict) else {}

    def text(self, key: str) -> str:
        """Return a text, "" where there is none."""
        value = self._values.get(key)
        return bare(value) if isinstance(value, str) else ""

    def maybe(self, key: str) -> str | None:
        """Return a text, None where there is none or nothing in it."""
        return self.text(key) or None

    def number(self, key: str) -> float | None:
        """Return a number, or None; one that is beyond all that is counted here is none."""
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        number = float(value) if abs(value) < _GREATEST else math.nan
        return number if math.isfinite(number) else None

    def whole(self, key: str) -> int | None:
        """Return a number without its fraction, or None."""
        number = self.number(key)
        return None if number is None else int(number)

    def count(self, key: str) -> int:
        """Return a whole number of things, 0 where it is not told."""
        return max(0, self.whole(key) or 0)

    def counts(self, key: str) -> tuple[int, ...]:
        """Return the last 60 numbers of a list."""
        given = self.items(key)[-60:]
        return tuple(value if isinstance(value, int) and 0 <= value < _GREATEST else 0 for value in given)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(key)
        return value if isinstance(value, bool) else default

    def items(self, key: str) -> list[object]:
        """Return a list as it is, [] where there is none."""
        value = self._values.get(key)
        return value if isinstance(value, list) else []

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        return tuple(bare(item) for item in self.items(key) if isinstance(item, str))

    def part(self, key: str) -> "Json":
        """Return an object within, empty where there is none."""
        return Json(self._values.get(key))

    def parts(self, key: str) -> list["Json"]:
        """Return the objects of a list."""
        return [Json(item) for item in self.items(key) if isinstance(item, dict)]

    def raw(self, key: str) -> object:
        """Return a value as it came: nothing in it has been made fit to be shown."""
        return self._values.get(key)
