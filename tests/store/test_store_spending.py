"""What was spent since a time is exact: counted or not, with rows or without, in any zone, whoever asked."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from entries import plain
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.money.budgets import period_start
from ccflared.store.requests import insert
from ccflared.store.schema import STEPS, open_history
from ccflared.store.spending import spent
from ccflared.store.totals import count
from ccflared.wire import Tokens

NOW = 1_800_000_000.0
HOUR = 3600.0
UTC = dt.UTC
ROW = plain(
    at=NOW,
    client="laptop",
    model="m",
    served_model="m",
    first_byte_ms=1,
    total_ms=2,
    tokens=Tokens(10, 20),
    charged=100,
    billing="api",
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(tmp_path / "ccflared.db")) as connection:
        yield connection


@pytest.mark.parametrize("counted", [0, 3, 10])
def test_money_is_summed_by_account_since_a_time_whoever_asked(
    history: sqlite3.Connection, counted: int
) -> None:
    since = NOW - 2 * HOUR
    insert(
        history,
        [
            ROW,
            replace(ROW, id="r2", at=since, billing="overage", charged=20),
            replace(ROW, id="r3", at=since - 1),
            replace(ROW, id="r4", billing="plan"),
            replace(ROW, id="r5", billing=None),
            replace(ROW, id="r6", charged=None),
            replace(ROW, id="r7", account="b", origin="refresh", charged=3),
            replace(ROW, id="r8", account="c", billing="plan"),
            replace(ROW, id="r9", account=None),
        ],
    )
    count(history, UTC, counted)
    found = spent(history, "account", since=since, before=1e300, zone=UTC)
    assert found == {"a": (320, 120), "b": (3, 3), "c": (100, 0)}
    assert spent(history, "account", since=NOW + HOUR, before=1e300, zone=UTC) == {}


ZONES = st.sampled_from(
    [UTC, *(ZoneInfo(n) for n in ("Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"))]
)


@settings(max_examples=150, deadline=None)
@given(
    ages=st.lists(
        st.tuples(st.floats(-HOUR, 50 * HOUR), st.sampled_from("ab"), st.integers(0, 1000)), max_size=25
    ),
    zone=ZONES,
    counted=st.integers(0, 25),
    deleted=st.integers(0, 25),
    now=st.floats(NOW, NOW + 400 * 86_400),
)
def test_a_sum_is_exact_whatever_is_counted_and_deleted(
    *, ages: list[tuple[float, str, int]], zone: dt.tzinfo, counted: int, deleted: int, now: float
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in (statement for step in STEPS for statement in step):
            connection.execute(statement)
        rows = [
            replace(ROW, id=f"r{number}", at=now - age, account=name, charged=charged)
            for number, (age, name, charged) in enumerate(ages)
        ]
        insert(connection, rows)
        count(connection, zone, counted)
        # The oldest of the counted ones go, but not those of the last two hours.
        gone = connection.execute(
            "SELECT rowid, at FROM requests WHERE series NOT NULL AND at < ? ORDER BY at LIMIT ?",
            (min([now - 2 * HOUR, *(at for (at,) in connection.execute(UNCOUNTED))]), deleted),
        ).fetchall()
        for number, _ in gone:
            connection.execute("DELETE FROM requests WHERE rowid = ?", (number,))
        if gone:
            connection.execute("INSERT INTO marks VALUES ('rows_since', ?)", (gone[-1][1] + 1e-3,))
        since = period_start(now, zone, "day")
        wanted: dict[str, int] = {}
        for row in rows:
            if since <= row.at < now:
                wanted[row.account or ""] = wanted.get(row.account or "", 0) + (row.charged or 0)
        found = spent(connection, "account", since=since, before=now, zone=zone)
    assert {name: money for name, (_, money) in found.items() if money} == {
        name: money for name, money in wanted.items() if money
    }


UNCOUNTED = "SELECT at FROM requests WHERE series IS NULL"
