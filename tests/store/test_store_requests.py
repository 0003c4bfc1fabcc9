import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.store.history import transaction
from ccflared.store.requests import COLUMNS, insert, recent, row
from ccflared.store.schema import STEPS, open_history
from ccflared.wire import Attempt, Entry, Origin, Passed, Tokens

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
        Attempt("work", "anthropic", "next by priority", 5, 335, 200, "served", "", "claude-sonnet-5"),
    ),
    passed=(Passed("spare", "limited", "weekly window spent", 1_800_100_000.5), Passed("old", "disabled")),
    chain="opus, claude-*",
    origin="test",
    cost=12_345,
    charged=12_346,
    cost_source="computed",
    billing="api",
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
        passed=(),
        chain=None,
        origin="client",
        cost=None,
        cost_source=None,
        billing=None,
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
    with pytest.raises(sqlite3.IntegrityError), transaction(history):
        insert(history, [replace(ENTRY, id=f"r{number}") for number in range(5)])
    assert recent(history, 10) == []
    with transaction(history):
        insert(history, [ENTRY])
    assert len(recent(history, 10)) == 1


def test_the_latest_come_first_and_can_be_narrowed_down(history: sqlite3.Connection) -> None:
    entries = [
        replace(ENTRY, id=f"r{number}", at=float(number), account="ab"[number % 2], status=200 + number)
        for number in range(6)
    ]
    entries[5] = replace(entries[5], outcome="error", origin="client")
    entries[1] = replace(entries[1], conversation="c2", origin="refresh")
    insert(history, entries)

    def ids(found: list[Entry]) -> list[str]:
        return [entry.id for entry in found]

    assert ids(recent(history, 3)) == ["r5", "r4", "r3"]
    assert ids(recent(history, 9, before=3.0, since=1.0)) == ["r2", "r1"]
    assert ids(recent(history, 9, account="a")) == ["r4", "r2", "r0"]
    assert ids(recent(history, 9, status=203)) == ["r3"]
    assert ids(recent(history, 9, outcome="error")) == ["r5"]
    assert ids(recent(history, 9, conversation="c2")) == ["r1"]
    assert ids(recent(history, 9, conversation="c1", since=4.0)) == ["r5", "r4"]
    assert ids(recent(history, 9, origin="client")) == ["r5"]
    assert ids(recent(history, 9, origin="refresh")) == ["r1"]
    assert ids(recent(history, 2, origin="test")) == ["r4", "r3"]
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


@pytest.mark.parametrize(
    ("origin", "conversation", "index"),
    [
        ("refresh", None, "requests_origin_at (origin=?"),
        ("client", None, "requests_at"),
        (None, "c1", "requests_conversation_at (conversation=?"),
        (None, None, "requests_at"),
    ],
)
def test_the_list_is_read_in_the_order_of_an_index(
    history: sqlite3.Connection, origin: Origin | None, conversation: str | None, index: str
) -> None:
    asked: list[str] = []
    history.set_trace_callback(asked.append)
    recent(history, 5, origin=origin, conversation=conversation)
    history.set_trace_callback(None)
    steps = [step[-1] for step in history.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert f"USING INDEX {index}" in steps[0], steps
    # Requests that arrived in the same instant are sorted by their id, and nothing else is.
    assert steps[1:] in ([], ["USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"])


def test_the_columns_are_those_of_the_table(history: sqlite3.Connection) -> None:
    named = [name for _, name, *_ in history.execute("PRAGMA table_info(requests)")]
    assert sorted(named) == sorted((*COLUMNS, "series"))


TEXT = st.text(st.characters(), max_size=20)  # lone surrogates and NUL included
MAYBE_TEXT = st.none() | TEXT
ANY_WHOLE = st.none() | st.integers()


@given(
    text=TEXT,
    maybe=MAYBE_TEXT,
    whole=ANY_WHOLE,
    tokens=st.builds(Tokens, ANY_WHOLE, ANY_WHOLE, ANY_WHOLE, ANY_WHOLE, ANY_WHOLE),
    attempts=st.lists(
        st.builds(Attempt, TEXT, TEXT, TEXT, st.integers(), st.integers(), ANY_WHOLE, TEXT, TEXT, MAYBE_TEXT),
        max_size=2,
    ),
    passed=st.lists(
        st.builds(Passed, TEXT, TEXT, MAYBE_TEXT, st.none() | st.floats(allow_nan=False)), max_size=2
    ),
)
def test_nothing_a_client_or_upstream_says_can_stop_a_batch(
    *,
    text: str,
    maybe: str | None,
    whole: int | None,
    tokens: Tokens,
    attempts: list[Attempt],
    passed: list[Passed],
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
            passed=tuple(passed),
            chain=maybe,
            cost=whole,
        )
        insert(connection, [entry])
        found = row(connection, ENTRY.id)
    assert found is not None
    assert found.attempts == entry.attempts
    assert found.passed == entry.passed
    assert found.path == text.encode("utf-8", "replace").decode()
