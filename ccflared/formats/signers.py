"""Remembers who signed which thinking, so that in a conversation that crosses providers only what is foreign goes."""

from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b
from typing import Final

MOST: Final = 50_000
"""Signatures that are remembered: some 10 MB, and weeks of a busy day's conversations."""


class Signatures:
    """Makers of signatures, by a short hash of each; the ones not asked for the longest are forgotten first."""

    __slots__ = ("_makers", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._makers: OrderedDict[bytes, str] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        return len(self._makers)

    def made(self, signature: str, place: str) -> None:
        """Take in that ``place`` made a signature. "" is nobody's."""
        if not signature:
            return
        key = _hash(signature)
        self._makers[key] = place
        self._makers.move_to_end(key)
        if len(self._makers) > self._most:
            self._makers.popitem(last=False)

    def maker(self, signature: str) -> str | None:
        """Return who made it; None where nobody remembers."""
        key = _hash(signature)
        place = self._makers.get(key)
        if place is not None:
            with suppress(
                KeyError
            ):  # long requests are looked through beside the loop, which may just forget it
                self._makers.move_to_end(key)
        return place


def _hash(signature: str) -> bytes:
    return blake2b(signature.encode(errors="surrogatepass"), digest_size=8).digest()
