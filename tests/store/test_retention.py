"""One step of retention at a time: what it deletes, what it gives back, and what it leaves alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from test_store_totals import NOW, ROW, UTC, kept

from ccflared.store.history import transaction
from ccflared.store.requests import insert
from ccflared.store.retention import delete_oldest, empty_log, files, pages, shrink, uncounted
from ccflared.store.schema import open_history
from ccflared.store.spending import rows_since
from ccflared.store.totals import count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ccflared.db"


@pytest.fixture
def history(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(path)) as connection:
        yield connection


def fill(history: sqlite3.Connection, number: int) -> None:
    with transaction(history):
        insert(history, [replace(ROW, id=f"r{n}", at=NOW + n, user_agent="x" * 500) for n in range(number)])
    while count(history, UTC, 1000):
        pass


def test_the_oldest_rows_go_first_and_it_is_noted_up_to_when(history: sqlite3.Connection) -> None:
    fill(history, 20)
    before = kept(history)
    assert delete_oldest(history, NOW + 15, most=10) == 10
    assert history.execute("SELECT min(at) FROM requests").fetchone() == (NOW + 10,)
    since = rows_since(history)
    assert since is not None
    assert NOW + 9 < since <= NOW + 10
    assert delete_oldest(history, NOW + 15, most=10) == 5
    assert delete_oldest(history, NOW + 15, most=10) == 0
    assert (rows_since(history) or 0) <= NOW + 15
    assert kept(history) == before


def test_a_row_that_is_in_no_total_is_never_deleted(history: sqlite3.Connection) -> None:
    fill(history, 3)
    insert(history, [replace(ROW, id="late", at=NOW - 1)])
    assert uncounted(history, NOW + 10)
    assert delete_oldest(history, NOW + 10) == 3
    assert history.execute("SELECT id FROM requests").fetchall() == [("late",)]
    assert not uncounted(history, NOW - 1)


def test_a_step_gives_as_many_pages_back_as_it_says(history: sqlite3.Connection, path: Path) -> None:
    fill(history, 3000)
    empty_log(history)
    full = files(path).database
    while delete_oldest(history, NOW + 3000):
        pass
    free = pages(history).free
    assert free > 300
    assert shrink(history, 100) == free - 100
    assert pages(history).count * pages(history).size == full - 100 * pages(history).size
    assert shrink(history, free) == 0
    assert empty_log(history)
    assert files(path).wal == 0
    assert files(path).database == full - free * pages(history).size


def test_files_that_are_not_there_take_nothing(path: Path) -> None:
    assert files(path).total == 0
