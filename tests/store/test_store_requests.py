import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.store.requests import COLUMNS, insert, recent, row
from ccflared.store.schema import STEPS, open_history
from ccflared.wire import Attempt, Entry, Tokens

ENTRY = Entry(
    id="r1",
    at=1_800_000_000.25,
    method="POST",
    path="/v1/messages",
    client="laptop",
    project=None,
    conversation="c1",
    user_agent="curl/8",
    model="claude-sonnet-5",
    served_model="claude-sonnet-5-20260630",
    account="work",
    provider="anthropic",
    status=200,
    outcome="complete",
    error=None,
    stream=True,
    stop_reason="end_turn",
    first_byte_ms=12,
    total_ms=340,
    tokens=Tokens(10, 20, 30, None, 50),
    usage='{"input_tokens": 10}',
    attempts=(
        Attempt("primary", "anthropic", "priority 0", 1, 4, 429, "limited", "five-hour window spent"),
        Attempt("work", "anthropic", "next by priority", 5, 335, 200, "served", ""),
    ),
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(tmp_path / "ccflared.db")) as connection:
        yield connection


def test_a_row_comes_back_as_it_went_in(history: sqlite3.Connection) -> None:
    bare = replace(
        ENTRY,
        id="r2",
        client=None,
        account=None,
        status=None,
        outcome="client_gone",
        tokens=Tokens(),
        usage=None,
        attempts=(),
    )
    insert(history, [ENTRY, bare])
    assert row(history, "r1") == ENTRY
    assert row(history, "r2") == bare
    assert row(history, "r3") is None


def test_the_attempts_stand_in_the_row_as_json(history: sqlite3.Connection) -> None:
    insert(history, [ENTRY])
    attempts, tries = history.execute("SELECT attempts, tries FROM requests").fetchone()
    assert [attempt["kind"] for attempt in json.loads(attempts)] == ["limited", "served"]
    assert tries == 2


def test_a_row_that_is_offered_again_stays_as_it_is(history: sqlite3.Connection) -> None:
    insert(history, [ENTRY])
    insert(history, [replace(ENTRY, status=500), replace(ENTRY, id="r2")])
    assert row(history, "r1") == ENTRY
    assert row(history, "r2") is not None


def test_a_batch_is_written_as_a_whole_or_not_at_all(history: sqlite3.Connection) -> None:
    history.execute(
        "CREATE TRIGGER no BEFORE INSERT ON requests WHEN NEW.id = 'r3' BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(sqlite3.IntegrityError):
        insert(history, [replace(ENTRY, id=f"r{number}") for number in range(5)])
    assert recent(history, 10) == []
    insert(history, [ENTRY])
    assert len(recent(history, 10)) == 1


def test_the_latest_come_first_and_can_be_narrowed_down(history: sqlite3.Connection) -> None:
    entries = [
        replace(ENTRY, id=f"r{number}", at=float(number), account="ab"[number % 2], status=200 + number)
        for number in range(6)
    ]
    entries[5] = replace(entries[5], outcome="error")
    insert(history, entries)

    def ids(found: list[Entry]) -> list[str]:
        return [entry.id for entry in found]

    assert ids(recent(history, 3)) == ["r5", "r4", "r3"]
    assert ids(recent(history, 9, before=3.0, since=1.0)) == ["r2", "r1"]
    assert ids(recent(history, 9, account="a")) == ["r4", "r2", "r0"]
    assert ids(recent(history, 9, status=203)) == ["r3"]
    assert ids(recent(history, 9, outcome="error")) == ["r5"]
    assert ids(recent(history, 9, account="a' OR 1=1 --")) == []


def test_every_filter_of_the_list_has_its_index(history: sqlite3.Connection) -> None:
    for condition in ("at > ?", "account = ? AND at > 0", "status = ? AND at > 0", "outcome = ? AND at > 0"):
        plan = history.execute(
            f"EXPLAIN QUERY PLAN SELECT id FROM requests WHERE {condition} ORDER BY at DESC",  # noqa: S608 - constants
            (1,),
        )
        steps = " ".join(step[-1] for step in plan)
        assert "USING INDEX" in steps, steps
        assert "TEMP B-TREE" not in steps, steps


def test_the_columns_are_those_of_the_table(history: sqlite3.Connection) -> None:
    assert tuple(name for _, name, *_ in history.execute("PRAGMA table_info(requests)")) == COLUMNS


TEXT = st.text(st.characters(), max_size=20)  # lone surrogates and NUL included
MAYBE_TEXT = st.none() | TEXT
ANY_WHOLE = st.none() | st.integers()


@given(
    text=TEXT,
    maybe=MAYBE_TEXT,
    whole=ANY_WHOLE,
    tokens=st.builds(Tokens, ANY_WHOLE, ANY_WHOLE, ANY_WHOLE, ANY_WHOLE, ANY_WHOLE),
    attempts=st.lists(
        st.builds(Attempt, TEXT, TEXT, TEXT, st.integers(), st.integers(), ANY_WHOLE, TEXT, TEXT), max_size=2
    ),
)
def test_nothing_a_client_or_upstream_says_can_stop_a_batch(
    text: str, maybe: str | None, whole: int | None, tokens: Tokens, attempts: list[Attempt]
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in (statement for step in STEPS for statement in step):
            connection.execute(statement)
        entry = replace(
            ENTRY,
            path=text,
            client=maybe,
            user_agent=maybe,
            model=maybe,
            served_model=maybe,
            error=maybe,
            usage=maybe,
            stop_reason=maybe,
            status=whole,
            first_byte_ms=whole,
            tokens=tokens,
            attempts=tuple(attempts),
        )
        insert(connection, [entry])
        found = row(connection, ENTRY.id)
    assert found is not None
    assert found.attempts == entry.attempts
    assert found.path == text.encode("utf-8", "replace").decode()
