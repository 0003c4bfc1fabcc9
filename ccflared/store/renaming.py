"""An account gets another name: the memory that says so until it is done, and the rows of the history that follow.

The memory is durable before the file has the new name. It is written again when the file has it, and when tokens and
what was learnt have moved; it goes when the last row has. Whatever happens in between, a start goes on from there.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args

from ccflared.store import samples
from ccflared.store.memories import RENAME, Memory
from ccflared.store.schema import storable
from ccflared.store.totals import take_back
from ccflared.wire import Entry

STEP: Final = 2000
"""Rows that are looked at in one transaction."""

Phase = Literal["begun", "written", "moved"]
"""begun: the file may have the new name; written: it has, or had; moved: only rows of the history are left."""

LAST: Final = "SELECT coalesce(max(rowid), 0) FROM requests"
NAMED: Final = """
    SELECT rowid, account, attempts, passed FROM requests
    WHERE rowid > ?1 AND rowid <= ?2 AND at < ?3
      AND (account = ?4 OR instr(attempts, ?5) OR instr(passed, ?5))
"""
REMEMBERED: Final = "SELECT value FROM memories WHERE kind = ?"
DONE: Final = "SELECT name FROM marks WHERE name >= 'renamed ' AND name < 'renamed!'"
COUNTED_SINCE: Final = "SELECT rowid, at FROM requests WHERE account = ? AND at >= ? AND series NOT NULL"
UNCOUNTED: Final = "UPDATE requests SET account = ? WHERE series IS NULL AND account = ? AND at < ?"
UPDATE: Final = "UPDATE requests SET account = ?, attempts = ?, passed = ? WHERE rowid = ?"


@dataclass(frozen=True, slots=True)
class Renaming:
    """An account called ``old`` is called ``new`` from ``at`` on (wall clock)."""

    old: str
    new: str
    at: float
    phase: Phase = "begun"
    grant: str | None = None
    """Which tokens it had then, by their id."""
    replaces: str | None = None
    """Which tokens were kept of an earlier account called ``new``: they go."""
    in_force: float | None = None
    """When the daemon took the new name in: until then requests went on coming under the old one."""

    @property
    def until(self) -> float:
        """Up to when the old name meant this account: rows that came before get the new one."""
        return self.at if self.in_force is None else self.in_force

    @property
    def key(self) -> str:
        """What tells it from every other renaming."""
        return f"{self.at:.6f} {self.old}"

    def memory(self, now: float, *, over: bool = False) -> Memory:
        """Return what is to be remembered of it; ``over``: nothing more."""
        value = json.dumps(asdict(self), separators=(",", ":"))
        return Memory(RENAME, self.key, None if over else value, now)

    def written(self) -> "Renaming":
        """Return it as it is once the file has the new name."""
        return replace(self, phase="written")

    def applied(self, entry: Entry) -> Entry:
        """Return a row as it is to be written: one of a request that came before has the new name, too."""
        if entry.at >= self.until:
            return entry
        return replace(
            entry,
            account=self.new if entry.account == self.old else entry.account,
            attempts=tuple(
                replace(each, account=self.new) if each.account == self.old else each
                for each in entry.attempts
            ),
            passed=tuple(
                replace(each, account=self.new) if each.account == self.old else each for each in entry.passed
            ),
        )


def renamings_of(memories: Iterable[Memory]) -> list[Renaming]:
    """Return the renamings that are not over, the oldest first. What is not one is left out."""
    found = []
    for memory in memories:
        if memory.kind == RENAME and memory.value is not None:
            try:
                found.append(_renaming(json.loads(memory.value)))
            except (ValueError, TypeError, KeyError):
                continue
    return sorted(found, key=lambda each: each.at)


def _renaming(value: Any) -> Renaming:
    found = Renaming(**value)
    if found.phase not in get_args(Phase):
        raise ValueError("no phase of a renaming")
    in_force = None if found.in_force is None else float(found.in_force)
    return replace(found, at=float(found.at), in_force=in_force)


def move_totals(
    connection: sqlite3.Connection, renamings: Iterable[Renaming], zone: dt.tzinfo | None
) -> None:
    """Let the totals follow each renaming, once, in the caller's transaction; before rows of after it are counted.

    ``renamings``: those that are known besides the ones that the history itself remembers. Raises sqlite3.Error.
    """
    remembered = [Memory(RENAME, "", value, 0.0) for (value,) in connection.execute(REMEMBERED, (RENAME,))]
    known = {each.key: each for each in renamings_of(remembered) if each.phase == "moved"}
    known |= {each.key: each for each in renamings}
    done = {name for (name,) in connection.execute(DONE)}
    for renaming in sorted(known.values(), key=lambda each: each.at):
        if (mark := f"renamed {storable(renaming.key)}") not in done:
            _move_totals(connection, renaming, zone)
            connection.execute("INSERT INTO marks VALUES (?, ?)", (mark, renaming.at))
    # A mark outlives the memory of its renaming, or this would be done twice after a crash.
    for mark in done - {f"renamed {storable(key)}" for key in known}:
        connection.execute("DELETE FROM marks WHERE name = ?", (mark,))


def _move_totals(connection: sqlite3.Connection, renaming: Renaming, zone: dt.tzinfo | None) -> None:
    old, new, at = storable(renaming.old), storable(renaming.new), renaming.until
    # What was counted under the old name since is another account's.
    others = connection.execute(COUNTED_SINCE, (old, at)).fetchall()
    if others:
        take_back(connection, others, zone)
    connection.execute(UNCOUNTED, (new, old, at))
    for table in ("series", "rolls"):
        connection.execute(f"UPDATE {table} SET account = ? WHERE account = ?", (new, old))  # noqa: S608


def rename_rows(connection: sqlite3.Connection, renaming: Renaming, after: int, most: int) -> int | None:
    """Give up to ``most`` rows behind the row ``after`` the new name, in the caller's transaction.

    Returns the last row looked at, or None where there are no more. Raises sqlite3.Error.
    """
    (last,) = connection.execute(LAST).fetchone()
    if after >= last:
        return None
    until = min(after + most, last)
    old, new = storable(renaming.old), storable(renaming.new)
    if after == 0:
        samples.rename(connection, old, new)
    named = f'"account":{json.dumps(old)}'
    rows = connection.execute(NAMED, (after, until, renaming.until, old, named)).fetchall()
    connection.executemany(
        UPDATE,
        [
            (new if account == old else account, _with(attempts, old, new), _with(passed, old, new), number)
            for number, account, attempts, passed in rows
        ],
    )
    return int(until)


def _with(many: str, old: str, new: str) -> str:
    """Return a JSON array of objects with the new name for the old one."""
    told = json.loads(many)
    for each in told:
        if each.get("account") == old:
            each["account"] = new
    return json.dumps(told, separators=(",", ":"))
