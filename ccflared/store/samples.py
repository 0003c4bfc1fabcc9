"""Samples of usage windows over time: what share of each an account had used, and when it was to reset.

They come as memories of a kind of their own, of which each is added and none replaced. With each that comes a few of
those go that are too old: windows, and so samples, are as many as the accounts have in that time.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Final

KEPT: Final = 90 * 86_400.0
"""Seconds for which they are kept."""
KIND: Final = "sample"
"""The kind of memory that a sample comes as; the key is told apart by its time."""
_FORGOTTEN: Final = 10
MOST_POINTS: Final = 2000
"""Points of one window that are read; of more, every second, third or further one."""

SAMPLES: Final = (
    """
    CREATE TABLE usage_samples (
        account TEXT NOT NULL,
        window TEXT NOT NULL,
        at REAL NOT NULL,
        utilization REAL NOT NULL,
        resets_at REAL,
        PRIMARY KEY (account, window, at)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX usage_samples_at ON usage_samples (at)",
)
"""The statements that make the table."""
_ADD: Final = """
    INSERT INTO usage_samples (account, window, at, utilization, resets_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account, window, at) DO NOTHING
"""
_FORGET: Final = """
    DELETE FROM usage_samples WHERE (account, window, at) IN (
        SELECT account, window, at FROM usage_samples WHERE at < ? ORDER BY at LIMIT ?
    )
"""
_READ: Final = """
    SELECT window, at, utilization, resets_at FROM usage_samples
    WHERE account = ?1 AND at >= ?2 AND (?3 IS NULL OR window = ?3) ORDER BY window, at
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was told of one window ``at`` a wall-clock time. ``utilization``: 0 to 1, or above."""

    at: float
    utilization: float
    resets_at: float | None = None


def sample_text(account: str, window: str, sample: Sample) -> str:
    """Return a sample as the text of a memory."""
    return json.dumps([account, window, sample.at, sample.utilization, sample.resets_at])


def add(connection: sqlite3.Connection, text: str) -> None:
    """Add the sample of a memory's text, in the caller's transaction. Raises sqlite3.Error."""
    account, window, at, utilization, resets_at = json.loads(text)
    name = window.encode("utf-8", "replace").decode()  # a provider's word
    connection.execute(_ADD, (account, name, float(at), float(utilization), resets_at))
    connection.execute(_FORGET, (at - KEPT, _FORGOTTEN))


def rename(connection: sqlite3.Connection, old: str, new: str) -> None:
    """Let the samples of an account follow it to its new name, in the caller's transaction. Raises sqlite3.Error."""
    connection.execute("UPDATE OR REPLACE usage_samples SET account = ? WHERE account = ?", (new, old))


def samples(
    connection: sqlite3.Connection, account: str, since: float, window: str | None = None
) -> dict[str, list[Sample]]:
    """Return the samples of an account's windows since a time, the oldest first. Raises sqlite3.Error."""
    found: dict[str, list[Sample]] = {}
    for name, *values in connection.execute(_READ, (account, since, window)):
        found.setdefault(name, []).append(Sample(*values))
    return {name: _thinned(many) for name, many in found.items()}


def _thinned(many: list[Sample]) -> list[Sample]:
    """Leave out some of many, never the last."""
    every = -(-len(many) // MOST_POINTS)
    return many if every <= 1 else many[::-1][::every][::-1]
