"""Accounts that get another name: which renamings are under way, and what a name of before is called now.

A renaming is begun, durably, before the file is written, by whoever writes it. The reload that finds the new name in
the file has everything follow; a crash anywhere in between leaves a memory that the next start goes on from.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from ccflared.daemon.ledger import Remember
from ccflared.store.memories import Memory
from ccflared.store.renaming import Renaming, renamings_of

EXPECTED: Final = 60.0
"""Seconds within which the file has to have the new name."""
_MOST: Final = 64


class Renames:
    """See the module. Called from Trio's thread."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._pending: dict[str, Renaming] = {}
        """Those that tokens and what was learnt have yet to follow, the oldest first."""
        self._followed: set[str] = set()
        """Of those, the keys of the ones that memory has followed, and the disk has not."""
        self._called: dict[str, str] = {}
        """By a name of before, what the account is called now. Requests that run still know it by that name."""

    def recall(self, memories: Iterable[Memory], names: Collection[str], now: float) -> list[Renaming]:
        """Take in what was under way at the end of the last run; return those of which only rows are left.

        ``names``: the accounts of the file.
        """
        left = []
        found = renamings_of(memories)
        asked = {renaming.key for renaming in _asked_for(found, names)}
        for renaming in found:
            if renaming.phase == "moved":
                left.append(renaming)
            elif renaming.key in asked:
                self._keep(renaming.written(), now)
            else:
                self._remember(renaming.memory(now, over=True))
        return left

    def begin(self, renaming: Renaming) -> None:
        """Expect the file to have a new name in a moment. Durable when the recorder has settled."""
        self._keep(renaming, renaming.at)

    def written(self, renaming: Renaming, now: float) -> None:
        """Take in that the file has the new name."""
        if renaming.key in self._pending:
            self._keep(renaming.written(), now)

    def withdraw(self, renaming: Renaming, now: float) -> None:
        """Take in that the file was not written."""
        if self._pending.pop(renaming.key, None) is not None:
            self._remember(renaming.memory(now, over=True))

    def give_up(self, old: str, new: str, now: float) -> None:
        """Take in that somebody who was about to write a new name into the file has not."""
        for renaming in list(self._pending.values()):
            if (renaming.old, renaming.new, renaming.phase) == (old, new, "begun"):
                self.withdraw(renaming, now)

    def moved(self, renaming: Renaming, now: float) -> Renaming:
        """Take in that tokens and what was learnt have followed. Returns the renaming as it is remembered."""
        self._pending.pop(renaming.key, None)
        self._followed.discard(renaming.key)
        moved = replace(renaming, phase="moved")
        self._remember(moved.memory(now))
        return moved

    @property
    def names(self) -> set[str]:
        """The names, old and new, of all renamings under way."""
        return {name for renaming in self._pending.values() for name in (renaming.old, renaming.new)}

    def due(self, names: Collection[str], now: float) -> list[Renaming]:
        """Return the renamings that a file with these accounts asks for, the oldest first.

        One that nobody has written within its time is forgotten.
        """
        asked = _asked_for(self._pending.values(), names)
        for renaming in list(self._pending.values()):
            late = renaming.phase == "begun" and not 0 <= now - renaming.at < EXPECTED
            # Written, and taken back again: whoever gets the new name later is somebody else.
            undone = renaming.phase != "begun" and renaming.old in names
            if (late or undone) and renaming not in asked and renaming.key not in self._followed:
                self.withdraw(renaming, now)
        return [renaming for renaming in asked if renaming.key not in self._followed]

    def half(self) -> list[Renaming]:
        """Return the renamings that memory has followed, and the disk has not."""
        return [renaming for renaming in self._pending.values() if renaming.key in self._followed]

    def follow(self, renaming: Renaming, now: float) -> None:
        """Take in that memory has followed. To requests that were begun before, the old name means the new one."""
        self._keep(replace(renaming, in_force=renaming.in_force or now), now)
        self._followed.add(renaming.key)
        self._called = {
            old: renaming.new if name == renaming.old else name for old, name in self._called.items()
        }
        self._called[renaming.old] = renaming.new
        while len(self._called) > _MOST:
            del self._called[next(iter(self._called))]

    def in_force(self, names: Collection[str]) -> None:
        """Take in the accounts in force: a name of before that is there again is another account's."""
        for name in [name for name in self._called if name in names]:
            del self._called[name]

    def current(self, account: str) -> str:
        """Return what an account is called now."""
        return self._called.get(account, account)

    def _keep(self, renaming: Renaming, now: float) -> None:
        self._pending[renaming.key] = renaming
        self._remember(renaming.memory(now))


def formerly(due: Iterable[Renaming]) -> Mapping[str, str]:
    """Return by its new name under which one tokens and what was learnt of an account are still kept."""
    found: dict[str, str] = {}
    for renaming in due:
        found[renaming.new] = found.pop(renaming.old, renaming.old)
    return found


def _asked_for(renamings: Iterable[Renaming], names: Collection[str]) -> list[Renaming]:
    """Return those of the renamings, the oldest first, that a file with these accounts has been through.

    Seen from the last one back: each must find its new name, as the later ones have left it. Where the file was seen
    to have it, the account may have been removed since; but where the old name stands there again, somebody has taken
    the renaming back.
    """
    found: list[Renaming] = []
    there = set(names)
    for renaming in reversed(list(renamings)):
        if renaming.phase == "begun" and renaming.old in there:
            continue
        if renaming.new in there:
            there.remove(renaming.new)
            there.add(renaming.old)
            found.insert(0, renaming)
        elif renaming.phase != "begun" and renaming.old not in there:
            found.insert(0, renaming)
    return found
