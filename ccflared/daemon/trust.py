"""Where credentials must not go: origins that somebody has set over the network, and that nobody has confirmed.

The owner of that knowledge. Each entry is durable before the file names its origin, and counts only for that origin:
who writes another one into the file by hand has said by that where the credential is to go.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ccflared.daemon.ledger import Remember
from ccflared.store.memories import UNTRUSTED, Memory


class Trust:
    """The untrusted origins by account."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._untrusted: dict[str, tuple[str, ...]] = {}
        self._edited: str | None = None
        """The account that is being edited: what is noted of it is not in its file yet."""

    def recall(self, memories: Iterable[Memory], now: float, known: Iterable[str]) -> None:
        """Take in what was remembered before this start. ``known``: the accounts that are not forgotten."""
        names = set(known)
        for memory in memories:
            if memory.kind != UNTRUSTED or memory.value is None:
                continue
            if memory.key not in names:
                self._remember(Memory(UNTRUSTED, memory.key, None, now))
            else:
                self._untrusted.setdefault(memory.key, _origins(memory.value))

    def distrusted(self, account: str, origin: str) -> bool:
        """Whether an account's credential must not go there."""
        return origin in self._untrusted.get(account, ())

    def any_of(self, account: str) -> bool:
        """Whether something is noted of an account."""
        return account in self._untrusted

    @contextmanager
    def editing(self, account: str) -> Iterator[None]:
        """Let nothing that is noted of an account be forgotten while it is edited: the file may name it by then."""
        self._edited = account
        try:
            yield
        finally:
            self._edited = None

    def doubt(self, account: str, origin: str, now: float) -> tuple[str, ...]:
        """Note, before it is written into the file, that an account must not send its credential to an origin.

        Returns what was noted before; it stays, as the file still names that.
        """
        before = self._untrusted.get(account, ())
        self._set(account, tuple(dict.fromkeys((*before, origin))), now)
        return before

    def take_back(self, account: str, before: tuple[str, ...], now: float) -> None:
        """Take in that the file was not written; ``before`` is what ``doubt`` returned."""
        self._set(account, before, now)

    def at(self, account: str, origin: str | None, now: float) -> None:
        """Take in where an account is by the file as it stands: what is noted of other origins is of no use then."""
        noted = self._untrusted.get(account)
        if noted is not None and account != self._edited:
            left = tuple(each for each in noted if each == origin)
            if left != noted:
                self._set(account, left, now)

    def trust(self, account: str, now: float) -> None:
        """Let the credential of an account go where the file says: somebody who may say so has, or it is gone."""
        self._set(account, (), now)

    def rename(self, old: str, new: str, now: float, *, again: bool) -> None:
        """Let what is noted of an account follow it to its new name. ``again``: it may have followed already."""
        noted = self._untrusted.get(old, ())
        if noted or not again:
            self._set(new, noted, now)
            self._set(old, (), now)

    def _set(self, account: str, origins: tuple[str, ...], now: float) -> None:
        if origins:
            self._untrusted[account] = origins
            self._remember(Memory(UNTRUSTED, account, json.dumps(origins), now))
        elif self._untrusted.pop(account, None) is not None:
            self._remember(Memory(UNTRUSTED, account, None, now))


def _origins(text: str) -> tuple[str, ...]:
    """Read what was noted. What cannot be read distrusts nothing: no origin is called that."""
    try:
        told = json.loads(text)
    except ValueError:
        return ()
    return tuple(each for each in told if isinstance(each, str)) if isinstance(told, list) else ()
