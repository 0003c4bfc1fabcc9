"""What the history says of clients: sums by value and in money, and who asked when."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from entries import plain

from ccflared.store import clients
from ccflared.store.requests import insert
from ccflared.store.schema import open_history
from ccflared.store.totals import count
from ccflared.wire import Attempt, Entry, Tokens

UTC = dt.UTC
DAY = 86_400.0
NOON = 1_800_000_000.0
MIDNIGHT = NOON // DAY * DAY
ROW = plain(
    id="req_0",
    at=NOON,
    client="laptop",
    model="m",
    served_model="m",
    first_byte_ms=1,
    total_ms=2,
    tokens=Tokens(10, 20),
    charged=1000,
    billing="plan",
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(tmp_path / "h.db")) as opened:
        yield opened


def write(connection: sqlite3.Connection, *rows: Entry) -> None:
    insert(connection, [replace(row, id=f"req_{number}") for number, row in enumerate(rows)])


def test_value_is_all_and_money_what_was_billed(connection: sqlite3.Connection) -> None:
    write(
        connection,
        ROW,
        replace(ROW, billing="api", charged=200),
        replace(ROW, billing="overage", charged=30),
        replace(ROW, billing="api", charged=None),
        replace(ROW, client="other", charged=7),
        replace(ROW, client=None, billing="api", charged=5),
        replace(ROW, at=NOON - 7200, charged=100_000),
    )
    found = clients.before(
        connection, day=NOON - 60, month=NOON - 9000, hour=NOON - 60, until=NOON + 1, zone=UTC
    )
    assert found.day == {"laptop": (1230, 230), "other": (7, 0)}
    assert found.month == {"laptop": (101_230, 230), "other": (7, 0)}
    later = clients.before(connection, day=NOON - 60, month=NOON - 60, hour=NOON - 60, until=NOON, zone=UTC)
    assert (later.day, later.asked) == ({}, ())


def tried(*kinds: str) -> Entry:
    """Return a row with tries of these kinds."""
    return replace(
        ROW, attempts=tuple(Attempt("a", "p", "first", 0, 1, None, kind, "because") for kind in kinds)
    )


def test_what_was_asked_comes_by_the_minute_and_what_was_not_sent_does_not(
    connection: sqlite3.Connection,
) -> None:
    write(
        connection,
        served := tried("served"),
        replace(served, at=NOON + 59),
        replace(served, at=NOON + 60),
        ROW,
        replace(ROW, outcome="refused"),
        replace(tried("connect", "token"), outcome="refused"),
        replace(tried("connect", "limited"), outcome="refused"),
        replace(served, path="/v1/messages/count_tokens"),
        replace(served, client="other"),
    )
    connection.execute("UPDATE requests SET attempts = 'damaged' WHERE client = 'other'")
    found = clients.before(connection, day=0, month=0, hour=NOON - 3600, until=NOON + 100, zone=UTC)
    assert sorted(found.asked) == [
        ("laptop", NOON, NOON + 59, 4),
        ("laptop", NOON + 60, NOON + 60, 1),
        ("other", NOON, NOON, 1),
    ]


def test_what_each_has_used(connection: sqlite3.Connection) -> None:
    write(
        connection,
        ROW,
        replace(ROW, cost=5),
        replace(ROW, outcome="refused", charged=None, tokens=Tokens()),
        replace(ROW, charged=None),
        replace(ROW, cost=0, at=NOON - 7200, billing="api"),
        replace(ROW, client="early", at=NOON - 90_000),
    )
    found = clients.used(connection, day=NOON, month=NOON - 9000, zone=UTC)
    assert found.today == {"laptop": clients.Used(4, 1, 2, 2000, 0, Tokens(30, 60, 0, 0, 0))}
    assert found.month == {"laptop": clients.Used(5, 1, 2, 3000, 1000, Tokens(40, 80, 0, 0, 0))}
    assert found.last_used == {"laptop": NOON, "early": NOON - 90_000}


def test_what_each_has_used_stays_when_the_rows_are_gone(connection: sqlite3.Connection) -> None:
    write(connection, ROW, replace(ROW, at=NOON - 90_000, billing="api"), replace(ROW, client=None))
    before = clients.used(connection, day=MIDNIGHT, month=MIDNIGHT - 5 * DAY, zone=UTC)
    assert before.today == {"laptop": clients.Used(1, 0, 1, 1000, 0, Tokens(10, 20, 0, 0, 0))}
    count(connection, UTC, 1)
    assert clients.used(connection, day=MIDNIGHT, month=MIDNIGHT - 5 * DAY, zone=UTC) == before
    count(connection, UTC, 10)
    assert clients.used(connection, day=MIDNIGHT, month=MIDNIGHT - 5 * DAY, zone=UTC) == before
    connection.execute("DELETE FROM requests")
    after = clients.used(connection, day=MIDNIGHT, month=MIDNIGHT - 5 * DAY, zone=UTC)
    assert (after.today, after.month) == (before.today, before.month)


def test_when_each_was_seen_last_is_looked_up(connection: sqlite3.Connection) -> None:
    plan = [text for *_, text in connection.execute(f"EXPLAIN QUERY PLAN {clients.LAST_USED}")]
    assert not any(text.startswith("SCAN requests") for text in plan), plan
