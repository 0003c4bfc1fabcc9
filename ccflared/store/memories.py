"""What the pool learnt and must know after a restart: the table ``memories``, and the changes on their way into it.

A memory is a JSON text under a kind (``account``, ``conversation``, …) and a key. What it says, and what kinds there
are, is the business of whoever remembers.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from ccflared.store import samples
from ccflared.store.schema import storable

CONVERSATION = "conversation"
"""The one kind whose keys clients make up: it is bounded, and the first to give way."""
RENAME = "rename"
"""An account that gets another name (renaming.py)."""
"""Origins that an account's credential must not be sent to."""
DURABLE = frozenset({RENAME})
"""Kinds that must be on the disk once they count as kept: even a power cut must not take them back."""

KEEP = """
    INSERT INTO memories (kind, key, value, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, at = excluded.at
"""
DELETE = "DELETE FROM memories WHERE kind = ? AND key = ?"
# Oldest first, so that what is used again in this order ends with the latest.
RECALL = "SELECT kind, key, value, at FROM memories ORDER BY kind, at, key"
COUNT = "SELECT count(*) FROM memories WHERE kind = ?"
FORGET = """
    DELETE FROM memories WHERE kind = ?1 AND key IN (
        SELECT key FROM memories WHERE kind = ?1 AND at < ?2 ORDER BY at LIMIT ?3
    )
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known under ``kind`` and ``key`` since ``at``, as JSON; ``value`` None: nothing any more."""

    kind: str
    key: str
    value: str | None
    at: float


def keep(connection: sqlite3.Connection, changes: Iterable[Memory]) -> None:
    """Write the changes in their order, in the caller's transaction. Raises sqlite3.Error."""
    for change in changes:
        kind, key, value = storable(change.kind), storable(change.key), storable(change.value)
        if kind == samples.KIND and value is not None:
            samples.add(connection, value)
        elif value is None:
            connection.execute(DELETE, (kind, key))
        else:
            connection.execute(KEEP, (kind, key, value, float(change.at)))


def recall(connection: sqlite3.Connection) -> list[Memory]:
    """Return all that is remembered, kind by kind, the oldest first. Raises sqlite3.Error."""
    return [Memory(*found) for found in connection.execute(RECALL)]


def forget_older(connection: sqlite3.Connection, kind: str, before: float, *, most: int = 500) -> int:
    """Delete up to ``most`` memories of the kind from before that time, the oldest first; return how many.

    In the caller's transaction. Raises sqlite3.Error.
    """
    return connection.execute(FORGET, (kind, before, most)).rowcount


def forget_beyond(connection: sqlite3.Connection, kind: str, number: int, *, most: int = 500) -> int:
    """Delete up to ``most`` of the oldest memories of the kind beyond that number; return how many.

    In the caller's transaction. Raises sqlite3.Error.
    """
    (count,) = connection.execute(COUNT, (kind,)).fetchone()
    return forget_older(connection, kind, float("inf"), most=max(0, min(most, count - number)))


class Changes:
    """Changes that wait to be written: the latest for each kind and key, the longest waiting first.

    A key that changes again keeps its place, so that none is overtaken for ever. Time is counted in turns, one
    for each batch that is begun: what is asked for in a turn waits for nothing that comes in a later one.
    """

    def __init__(self, bound: int) -> None:
        """``bound``: how many keys may wait."""
        self._bound = bound
        self._waiting: OrderedDict[tuple[str, str], tuple[int, Memory]] = OrderedDict()
        """With each change the turn in which its key began to wait, which never falls along the order."""
        self.turn = 0

    def __len__(self) -> int:
        """Return how many keys wait."""
        return len(self._waiting)

    def add(self, memory: Memory) -> int:
        """Take one change; return how many others it pushed out: 0, or 1 when too many wait."""
        key = (memory.kind, memory.key)
        turn, _ = self._waiting.get(key, (self.turn, memory))
        self._waiting[key] = (turn, memory)
        if len(self._waiting) <= self._bound:
            return 0
        # Losing a conversation costs a prompt cache; losing an account's limit, requests that must fail. The
        # keys of other kinds are as many as the configuration names: the search is short.
        oldest = next((name for name in self._waiting if name[0] == CONVERSATION), next(iter(self._waiting)))
        del self._waiting[oldest]
        return 1

    def batch(self, most: int) -> list[Memory]:
        """Begin a turn; return the ``most`` changes that waited longest. They wait on until they are kept."""
        self.turn += 1
        return [memory for _, memory in islice(self._waiting.values(), most)]

    def kept(self, batch: Sequence[Memory]) -> None:
        """Let go of the changes of the latest batch, now that they are written."""
        for memory in batch:
            key = (memory.kind, memory.key)
            found = self._waiting.pop(key, None)
            if found is not None and found[1] is not memory:
                # Changed again while it was written.
                self._waiting[key] = (self.turn, found[1])

    def waits(self, turn: int) -> bool:
        """Return whether a change still waits that was added in that turn or before."""
        return bool(self._waiting) and next(iter(self._waiting.values()))[0] <= turn

    def clear(self) -> None:
        """Give up all that waits."""
        self._waiting.clear()
