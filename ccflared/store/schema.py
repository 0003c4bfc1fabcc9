"""The history's file: how it is opened, and its schema as numbered steps. It holds events and state, no settings.

Table ``requests``: one row for each client request, written once. ``at`` is REAL, seconds since 1970; columns
in ``_ms`` are whole milliseconds; tokens are NULL where the provider did not report them; ``attempts`` is a
JSON array of objects with the fields of :class:`ccflared.wire.Attempt`, ``tries`` its length; ``usage`` is
the provider's usage object, unchanged. ``passed`` is a JSON array of objects with the fields of
:class:`ccflared.wire.Passed`; ``cost_microusd`` and ``charged_microusd`` are
in millionths of a USD.

Table ``memories``: what the pool learnt, one row for each kind and key, replaced when it changes; ``value`` is JSON,
``at`` the time of the change.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, overload

from ccflared.store import fives
from ccflared.store.measures import ADDED, TOTALS
from ccflared.store.samples import SAMPLES
from ccflared.store.searched import SEARCHED
from ccflared.store.upgrade import Schema, Upgrade, bring_up_to_date, standing

APPLICATION_ID = 0x63636664
"""``ccfd``: marks the file as ours, so that nobody else's database is ever written to."""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE requests (
            id TEXT PRIMARY KEY,
            at REAL NOT NULL,
            method TEXT NOT NULL,
            path TEXT NOT NULL,
            client TEXT,
            project TEXT,
            conversation TEXT,
            user_agent TEXT,
            model TEXT,
            served_model TEXT,
            account TEXT,
            provider TEXT,
            status INTEGER,
            outcome TEXT NOT NULL,
            error TEXT,
            stream INTEGER NOT NULL,
            stop_reason TEXT,
            first_byte_ms INTEGER,
            total_ms INTEGER NOT NULL,
            input_tokens INTEGER,
            output_tokens INTEGER,
            cache_read_tokens INTEGER,
            cache_write_5m_tokens INTEGER,
            cache_write_1h_tokens INTEGER,
            usage TEXT,
            tries INTEGER NOT NULL,
            attempts TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX requests_at ON requests (at)",
        "CREATE INDEX requests_account_at ON requests (account, at)",
        "CREATE INDEX requests_status_at ON requests (status, at)",
        "CREATE INDEX requests_outcome_at ON requests (outcome, at)",
    ),
    (
        "ALTER TABLE requests ADD COLUMN passed TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE requests ADD COLUMN chain TEXT",
        "ALTER TABLE requests ADD COLUMN origin TEXT NOT NULL DEFAULT 'client'",
        "ALTER TABLE requests ADD COLUMN cost_microusd INTEGER",
        "ALTER TABLE requests ADD COLUMN cost_source TEXT",
        "ALTER TABLE requests ADD COLUMN billing TEXT",
        "ALTER TABLE requests ADD COLUMN charged_microusd INTEGER",
        "CREATE INDEX requests_conversation_at ON requests (conversation, at) WHERE conversation IS NOT NULL",
        "CREATE INDEX requests_origin_at ON requests (origin, at) WHERE origin != 'client'",
        # All that a sum of money needs, so that it reads no row; requests that a plan pays for are not in it.
        """
        CREATE INDEX requests_billed ON requests (at, billing, account, charged_microusd)
        WHERE billing IN ('api', 'overage')
        """,
        # All that is added up of a client, likewise.
        """
        CREATE INDEX requests_client ON requests (
            client, at, outcome, billing, charged_microusd, input_tokens, output_tokens, cache_read_tokens,
            cache_write_5m_tokens, cache_write_1h_tokens
        ) WHERE client IS NOT NULL
        """,
        """
        CREATE TABLE memories (
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (kind, key)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX memories_kind_at ON memories (kind, at)",
    ),
    (
        "ALTER TABLE requests ADD COLUMN first_token_ms INTEGER",
        "ALTER TABLE requests ADD COLUMN last_token_ms INTEGER",
        "ALTER TABLE requests ADD COLUMN overhead_us INTEGER",
        "ALTER TABLE requests ADD COLUMN price_source TEXT",
        "ALTER TABLE requests ADD COLUMN project_source TEXT",
        # NULL: not counted in the totals yet.
        "ALTER TABLE requests ADD COLUMN series INTEGER",
        "CREATE INDEX requests_uncounted ON requests (at) WHERE series IS NULL",
        *TOTALS,
        fives.TABLE,
        *SAMPLES,
        *SEARCHED,
        # What a month adds up to is read from the totals.
        "DROP INDEX requests_billed",
        "DROP INDEX requests_client",
        "CREATE INDEX requests_client_at ON requests (client, at) WHERE client IS NOT NULL",
        "CREATE INDEX requests_project_at ON requests (project, at) WHERE project IS NOT NULL",
        "CREATE INDEX requests_model_at ON requests (model, at)",
    ),
    ADDED,
)
"""Step n brings a database of version n-1 to version n. A step that was released is never changed again."""
MOVES: Final = 10_000
"""Steps of SQLite's machine, a millisecond or less, from one sign of life to the next."""


def open_history(
    path: Path,
    *,
    patience: float = 5.0,
    moves: Callable[[], bool] | None = None,
    upgrade: Upgrade | None = None,
) -> sqlite3.Connection:
    """Open the history for writing, made or brought up to date as needed; to be used by one thread at a time.

    ``patience``: seconds to wait for a lock that another program holds. ``moves`` is called every MOVES steps of
    SQLite's machine, by whatever is done with the connection, from bringing it up to date on; true breaks it off.
    ``upgrade``: how it is told. Raises Refused for a database that is newer than this program or not ours (it is left
    as it is), sqlite3.Error or OSError where the file does not permit it.
    """
    make_private(path)
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    if moves is not None:
        connection.set_progress_handler(moves, MOVES)
    try:
        _prepare(connection, path, Upgrade() if upgrade is None else upgrade)
    except BaseException:
        connection.close()
        raise
    return connection


def prove_writable(connection: sqlite3.Connection) -> None:
    """Write what stands there already, or raise sqlite3.Error. Read-only lets even BEGIN IMMEDIATE pass."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version}")


def open_reader(path: Path, *, seconds: float = 2.0) -> sqlite3.Connection:
    """Open an existing history for reading.

    What still runs ``seconds`` from now is interrupted: sqlite3.OperationalError.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    return connection


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: str | None) -> str | None: ...
def storable(text: str | None) -> str | None:
    """Return the text as UTF-8 can say it: a lone surrogate in a header must not stop the whole batch."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def make_private(path: Path) -> None:
    """Create file and directory for nobody but the owner; SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # SQLite would open it for reading only, and leave read-only side files that outlast the trouble.
        # Asked, not opened: closing any descriptor of the file would drop the locks this process has on it.
        if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, "not writable", str(path)) from None


def _prepare(connection: sqlite3.Connection, path: Path, upgrade: Upgrade) -> None:
    schema = Schema("the history", APPLICATION_ID, STEPS)
    if standing(connection, path, schema) == 0:
        # Only a database without pages accepts this, and WAL would give it the first one.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Sums are made in a table of the moment, which no other disk shall be able to fill.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16384")
    # A WAL that grew behind a long reader is cut back to this when it is next reset.
    connection.execute("PRAGMA journal_size_limit = 67108864")
    bring_up_to_date(connection, path, schema, upgrade)
