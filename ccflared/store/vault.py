"""The tokens of OAuth accounts: ``tokens.db``, apart from the history, so that each can have the durability it needs.

A change is on the disk when the call returns: the journal and the directory are synced (``synchronous = EXTRA``). One
row for each account that has, or had, a login or a rotated pair. What is overwritten is zeroed (``secure_delete``).
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ccflared.errors import Refused
from ccflared.providers.oauth import Grant, TokenPair
from ccflared.secret import Secret
from ccflared.store.schema import make_private
from ccflared.store.upgrade import Schema, Upgrade, bring_up_to_date, standing

APPLICATION_ID: Final = 0x63636674
"""``ccft``: marks the file as ours."""
_GRANTS: Final = """
    CREATE TABLE grants (
        account TEXT PRIMARY KEY,
        provider TEXT NOT NULL,
        id TEXT NOT NULL,
        seed TEXT NOT NULL,
        access TEXT,
        refresh TEXT,
        expires_at REAL,
        obtained_at REAL NOT NULL,
        refreshed_at REAL,
        refused TEXT,
        refused_at REAL,
        spending TEXT,
        at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
"""
_SEEDS: Final = """
    CREATE TABLE seeds (digest TEXT PRIMARY KEY, account TEXT NOT NULL, at REAL NOT NULL) STRICT, WITHOUT ROWID
"""
STEPS: Final = ((_GRANTS, _SEEDS),)
"""Step n brings a file of version n-1 to version n. A step that was released is never changed again."""
_COLUMNS: Final = (
    "account, provider, id, seed, access, refresh, expires_at, obtained_at, refreshed_at, refused, refused_at, "
    "spending"
)
_SEEDS_KEPT: Final = 1000
_SAVE: Final = f"INSERT OR REPLACE INTO grants ({_COLUMNS}, at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is kept: grants by account, and which account has adopted which seed of the file, by its digest."""

    grants: dict[str, Grant]
    adopted: dict[str, str]


class Vault:
    """Reads and writes the tokens; each call opens the file and closes it again, for it is hours from one to the next.

    To be called by one thread at a time. Raises sqlite3.Error, OSError, or Refused for a file that is not ours.
    """

    def __init__(self, path: Path, *, patience: float = 5.0, upgrade: Upgrade | None = None) -> None:
        """``patience``: seconds to wait for a lock that another program holds.

        ``upgrade``: given by whoever holds the state directory; anybody else leaves an older file as it is.
        """
        self.path = path
        self._upgrade = upgrade
        self._patience = patience

    def load(self) -> Kept:
        """Return all that is kept. No file is made where there is none."""
        if not self.path.exists():
            return Kept({}, {})
        with closing(self._open()) as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM grants").fetchall()  # noqa: S608
            seeds = connection.execute("SELECT digest, account FROM seeds").fetchall()
        return Kept({row[0]: _grant(row) for row in rows}, dict(seeds))

    def find(self, account: str) -> Grant | None:
        """Return what is kept of one account."""
        return self.load().grants.get(account)

    def save(self, grant: Grant, now: float) -> None:
        """Write a grant in place of what is kept of its account; it is durable when this returns.

        A seed that is spent is remembered as adopted, whatever becomes of the account.
        """
        with closing(self._open()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_SAVE, (*_row(grant), now))
            if grant.from_seed:
                connection.execute(
                    "INSERT OR REPLACE INTO seeds VALUES (?,?,?)", (grant.seed, grant.account, now)
                )
                connection.execute(
                    "DELETE FROM seeds WHERE digest NOT IN (SELECT digest FROM seeds ORDER BY at DESC LIMIT ?)",
                    (_SEEDS_KEPT,),
                )
            connection.execute("COMMIT")

    def erase(self, account: str) -> None:
        """Forget an account, tokens and all."""
        if self.path.exists():
            with closing(self._open()) as connection:
                connection.execute("DELETE FROM grants WHERE account = ?", (account,))

    def rename(self, old: str, new: str, *, replaces: str | None) -> None:
        """Move what is kept of an account to its new name. Done again, it changes nothing more.

        ``replaces``: the id of what was kept there of an earlier account, which goes. Anything else that is there has
        come since, and stays.
        """
        if not self.path.exists():
            return
        with closing(self._open()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            ids = dict(
                connection.execute("SELECT account, id FROM grants WHERE account IN (?, ?)", (old, new))
            )
            if new in ids and ids[new] == replaces:
                connection.execute("DELETE FROM grants WHERE account = ?", (new,))
                del ids[new]
            if old in ids and new not in ids:
                connection.execute("UPDATE grants SET account = ? WHERE account = ?", (new, old))
            elif old in ids:
                connection.execute("DELETE FROM grants WHERE account = ?", (old,))
            connection.execute("UPDATE seeds SET account = ? WHERE account = ?", (new, old))
            connection.execute("COMMIT")

    def tend(self, known: set[str], now: float, keep: float) -> list[str]:
        """Note that the ``known`` accounts are in the file; forget those that were not for ``keep`` seconds."""
        if not self.path.exists():
            return []
        with closing(self._open()) as connection:
            rows = connection.execute("SELECT account, at FROM grants").fetchall()
            gone = [account for account, at in rows if account not in known and at < now - keep]
            connection.execute("BEGIN IMMEDIATE")
            for account, _ in rows:
                if account in known:
                    connection.execute("UPDATE grants SET at = ? WHERE account = ?", (now, account))
            for account in gone:
                connection.execute("DELETE FROM grants WHERE account = ?", (account,))
            connection.execute("COMMIT")
        return gone

    def _open(self) -> sqlite3.Connection:
        make_private(self.path)
        connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        schema = Schema("the file of tokens", APPLICATION_ID, STEPS)
        version = standing(connection, self.path, schema)
        if 0 < version < len(STEPS) and self._upgrade is None:
            raise Refused(
                f"{self.path} is of an older ccflared (schema {version}); the daemon brings it up to date: restart it"
            )
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA secure_delete = ON")
        bring_up_to_date(connection, self.path, schema, self._upgrade or Upgrade())


def _row(grant: Grant) -> tuple[Any, ...]:
    pair = grant.pair or TokenPair(None)
    return (
        grant.account,
        grant.provider,
        grant.id,
        grant.seed,
        pair.access.reveal() if pair.access else None,
        pair.refresh.reveal() if pair.refresh else None,
        pair.expires_at,
        pair.obtained_at,
        grant.refreshed_at,
        grant.refused,
        grant.refused_at,
        grant.spending,
    )


def _grant(row: tuple[Any, ...]) -> Grant:
    account, provider, grant_id, seed, access, refresh, expires_at, obtained_at, *rest = row
    refreshed_at, refused, refused_at, spending = rest
    pair = TokenPair(
        access=Secret(access) if access else None,
        refresh=Secret(refresh) if refresh else None,
        expires_at=expires_at,
        obtained_at=obtained_at,
    )
    return Grant(
        account=account,
        provider=provider,
        id=grant_id,
        seed=seed,
        pair=pair if access or refresh else None,
        refreshed_at=refreshed_at,
        refused=refused,
        refused_at=refused_at,
        spending=spending,
    )
