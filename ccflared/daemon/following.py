"""What is known of an account follows it to another name, and is forgotten a while after it has left the file."""

import datetime as dt
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from ccflared.daemon import ledger
from ccflared.daemon.about import about
from ccflared.daemon.bindings import Bindings
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.counting import Counting
from ccflared.daemon.custody import Custody
from ccflared.daemon.departed import Departed
from ccflared.daemon.ledger import Ledger
from ccflared.daemon.purse import Purse
from ccflared.daemon.renames import Renames
from ccflared.daemon.trust import Trust
from ccflared.store.memories import Memory
from ccflared.store.renaming import Renaming

log = logging.getLogger("ccflared.accounts")

_OF_ACCOUNTS: Final = ledger.OF_ACCOUNTS
"""Kinds of memories whose keys are names of accounts."""


@dataclass(slots=True)
class Following:
    """Knows whoever knows something of an account by its name, and tells them. Called from Trio's thread."""

    recorder: Recorder
    custody: Custody
    ledger: Ledger
    bindings: Bindings
    purse: Purse
    trust: Trust
    counting: Counting
    renames: Renames = field(init=False)
    departed: Departed = field(init=False)

    def __post_init__(self) -> None:
        self.renames = Renames(self.recorder.remember)
        self.departed = Departed(self.recorder.remember)

    def recall(self, memories: Iterable[Memory], names: Collection[str], now: float) -> set[str]:
        """Take in the renamings and departures of before this start. Returns the accounts that are not to be forgotten.

        ``names``: the accounts of the file.
        """
        for renaming in self.renames.recall(memories, names, now):
            self.recorder.rename(renaming)
        self.departed.recall(memories)
        kept = {memory.key for memory in memories if memory.kind in _OF_ACCOUNTS}
        over = self.departed.see(kept, {*names, *self.renames.names}, now)
        for name in over:
            self.departed.forget(name, now)
        return kept - over

    def follow(
        self,
        before: Collection[str],
        names: Collection[str],
        now: float,
        zone: dt.tzinfo | None,
        *,
        again: bool,
    ) -> list[Renaming]:
        """Let everything in memory follow the accounts of a file that have other names than before.

        ``again``: it may have followed already, before a crash. Returns the renamings; the disk follows in ``carry``.
        """
        due = self.renames.due(names, now)
        for renaming in due:
            old, new = renaming.old, renaming.new
            self.custody.rename(old, new, renaming.replaces)
            self.ledger.rename(old, new, now, again=again)
            self.bindings.rename(old, new)
            self.purse.rename(old, new, now, zone)
            self.trust.rename(old, new)
            self.counting.rename(old, new)
            self.renames.follow(renaming, now)
        self.renames.in_force(names)
        self.departed.see({*before} - {each.old for each in due}, {*names, *self.renames.names}, now)
        return due

    async def carry(self, now: float) -> None:
        """Let what is on disk follow, too: tokens first, then the history."""
        for renaming in self.renames.half():
            problem = await self.custody.carry(renaming.old, renaming.new, renaming.replaces)
            if problem is not None:
                # The next start tries again: until then the tokens are known, and kept under either name.
                log.error(
                    "the tokens of account %s cannot be moved yet: %s",
                    renaming.new,
                    problem,
                    extra=about("token", account=renaming.new),
                )
            else:
                self.recorder.rename(self.renames.moved(renaming, now))
