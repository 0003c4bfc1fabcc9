import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from time import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_store_requests import ENTRY

from ccflared.store import fives
from ccflared.store.analytics import Asked, analytics
from ccflared.store.rebuild import rebuild, stretches
from ccflared.store.requests import insert
from ccflared.store.schema import open_history
from ccflared.store.totals import count, take_back
from ccflared.wire import Entry, Tokens

BEGAN = 1_800_000_000.0
ROW = replace(ENTRY, id="r1", at=BEGAN, origin="client")
ROWS = st.lists(
    st.builds(
        replace,
        st.just(ROW),
        at=st.floats(BEGAN, BEGAN + 3 * 86_400),
        served_model=st.sampled_from(["big", "small", None]),
        origin=st.sampled_from(["client", "client", "test"]),
        cost=st.one_of(st.none(), st.integers(0, 1000)),
        tokens=st.builds(Tokens, st.integers(0, 9), st.integers(0, 9)),
    ),
    max_size=20,
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(tmp_path / "ccflared.db")) as connection:
        yield connection


def kept(connection: sqlite3.Connection) -> dict[tuple[int, str], tuple[int, int, int]]:
    found = connection.execute("SELECT start, model, requests, output_tokens, cost FROM fives")
    return {(start, model): (requests, out, cost) for start, model, requests, out, cost in found if requests}


def added_up(rows: list[Entry]) -> dict[tuple[int, str], tuple[int, int, int]]:
    """Return the same by plain addition, of what is kept of them."""
    latest = max((row.at for row in rows if row.origin == "client"), default=0.0)
    sums: dict[tuple[int, str], Counter[str]] = {}
    for row in rows:
        start = int(row.at) // fives.STEP * fives.STEP
        if row.origin == "client" and start >= int(latest) // fives.STEP * fives.STEP - fives.KEPT:
            asked = row.attempts[-1].model if row.attempts else None
            each = sums.setdefault((start, row.served_model or asked or ""), Counter())
            each.update(requests=1, out=row.tokens.output or 0, cost=row.cost or 0)
    return {key: (each["requests"], each["out"], each["cost"]) for key, each in sums.items()}


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, size=st.integers(1, 9))
def test_they_are_what_plain_addition_gives_also_when_made_anew(rows: list[Entry], size: int) -> None:
    rows = [replace(row, id=f"r{number}") for number, row in enumerate(sorted(rows, key=lambda row: row.at))]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        make(connection)
        insert(connection, rows)
        while count(connection, UTC, size):
            pass
        assert kept(connection) == added_up(rows)
        numbers = connection.execute("SELECT rowid, at FROM requests").fetchall()
        take_back(connection, numbers[: len(numbers) // 2], UTC)
        while count(connection, UTC, size):
            pass
        assert kept(connection) == added_up(rows)
        connection.execute("UPDATE fives SET cost = 77")
        for stretch in stretches(connection, UTC):
            rebuild(connection, stretch)
        assert kept(connection) == added_up(rows)


def make(connection: sqlite3.Connection) -> None:
    from ccflared.store.schema import STEPS  # noqa: PLC0415 - the schema without its file

    for step in STEPS:
        for statement in step:
            connection.execute(statement)


def test_a_chart_of_six_hours_says_the_same_as_one_of_rows(history: sqlite3.Connection) -> None:
    now = BEGAN + 5 * 3600
    rows = [
        replace(ROW, id=f"r{number}", at=BEGAN + number * 97, served_model=f"m{number % 3}")
        for number in range(180)
    ]
    insert(history, rows)
    count(history, UTC, 1000)
    by_fives = analytics(history, Asked("6h", now, UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fives, "STEP", 1)
        by_rows = analytics(history, Asked("6h", now, UTC))
    assert by_fives == by_rows
    assert len(by_fives["timeSeries"]) == 58


def test_what_is_older_than_two_days_is_forgotten(history: sqlite3.Connection) -> None:
    insert(history, [ROW, replace(ROW, id="r2", at=BEGAN + fives.KEPT + fives.STEP)])
    count(history, UTC, 10)
    assert len(kept(history)) == 1


def test_a_row_of_a_clock_that_was_ahead_has_nothing_forgotten(history: sqlite3.Connection) -> None:
    now = time()
    insert(history, [replace(ROW, id="r1", at=now + 30 * 86_400), replace(ROW, id="r2", at=now - 600)])
    count(history, UTC, 10)
    insert(history, [replace(ROW, id="r3", at=now - fives.KEPT - 3600), replace(ROW, id="r4", at=now - 10)])
    count(history, UTC, 10)
    for stretch in stretches(history, UTC):
        rebuild(history, stretch)
    assert sum(requests for requests, _, _ in kept(history).values()) == 3
