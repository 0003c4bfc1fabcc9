import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ccflared.store.history import transaction
from ccflared.store.requests import insert
from ccflared.store.schema import open_history
from ccflared.store.traffic import AccountTraffic, traffic
from ccflared.wire import Attempt, Entry, Outcome, Tokens

NOW = 1_800_000_000.0
HOUR = 3600.0


def attempt(account: str, kind: str = "served") -> Attempt:
    return Attempt(account, "anthropic", "", 0, 1, 200 if kind == "served" else 429, kind, "")


def entry(
    number: int,
    ago: float,
    *attempts: Attempt,
    outcome: Outcome = "complete",
    first_byte_ms: int | None = None,
    tokens: Tokens | None = None,
) -> Entry:
    return Entry(
        id=f"r{number}",
        at=NOW - ago,
        method="POST",
        path="/v1/messages",
        client=None,
        project=None,
        conversation=None,
        user_agent=None,
        model=None,
        served_model=None,
        account=attempts[-1].account if attempts else None,
        provider=None,
        status=200,
        outcome=outcome,
        error=None,
        stream=False,
        stop_reason=None,
        first_byte_ms=first_byte_ms,
        total_ms=1,
        tokens=tokens or Tokens(),
        usage=None,
        attempts=attempts,
    )


@pytest.fixture
def history(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(tmp_path / "ccflared.db")) as connection:
        yield connection


def test_an_empty_history_has_seen_nothing_and_knows_it(history: sqlite3.Connection) -> None:
    found = traffic(history, since=NOW - HOUR, now=NOW)
    assert found.known
    assert (found.requests, found.failovers, found.tokens) == (0, 0, Tokens(0, 0, 0, 0, 0))
    assert (found.first_byte_p50_ms, found.first_byte_p95_ms, found.accounts) == (None, None, {})


def test_requests_are_counted_by_outcome_and_account_within_the_time(history: sqlite3.Connection) -> None:
    insert(
        history,
        [
            entry(1, 10, attempt("a", "limited"), attempt("b"), tokens=Tokens(1, 2, 3, 4, 5)),
            entry(2, 20, attempt("a"), tokens=Tokens(10, None, None, None, 1)),
            entry(3, 30, attempt("a", "overloaded"), attempt("b", "limited"), outcome="error"),
            entry(4, 40, outcome="refused"),
            entry(5, HOUR + 1, attempt("c"), tokens=Tokens(1000)),
            entry(6, -5, attempt("a")),
        ],
    )
    found = traffic(history, since=NOW - HOUR, now=NOW)
    assert found.requests == 4
    assert found.outcomes == {"complete": 2, "error": 1, "refused": 1}
    assert found.failovers == 1
    assert found.tokens == Tokens(11, 2, 3, 4, 6)
    assert found.accounts == {
        "a": AccountTraffic(1, 2, Tokens(10, 0, 0, 0, 1), NOW + 5),
        "b": AccountTraffic(2, 1, Tokens(1, 2, 3, 4, 5), NOW - 10),
        "c": AccountTraffic(0, 0, Tokens(0, 0, 0, 0, 0), NOW - HOUR - 1),
    }


@pytest.mark.parametrize("kind", ["estimated", "cannot be told", "put otherwise"])
def test_what_says_nothing_against_an_account_is_no_failure(history: sqlite3.Connection, kind: str) -> None:
    insert(history, [entry(1, 1, attempt("a", kind), attempt("a"))])
    found = traffic(history, since=NOW - HOUR, now=NOW)
    assert (found.failovers, found.accounts["a"].failed_attempts) == (0, 0)


def test_an_only_attempt_that_failed_is_counted(history: sqlite3.Connection) -> None:
    passed_on = replace(entry(1, 1, attempt("a", "bad_request")), status=400)
    insert(history, [passed_on, entry(2, 2, attempt("a", "broken"), outcome="truncated")])
    assert traffic(history, since=NOW - HOUR, now=NOW).accounts["a"].failed_attempts == 2


def test_what_the_daemon_or_a_test_asked_for_is_no_traffic(history: sqlite3.Connection) -> None:
    served = entry(1, 100, attempt("a"), first_byte_ms=5, tokens=Tokens(1, 1, 1, 1, 1))
    insert(history, [served])
    before = traffic(history, since=NOW - HOUR, now=NOW)
    failed = entry(2, 10, attempt("a", "limited"), attempt("b"), first_byte_ms=900, tokens=Tokens(10))
    insert(
        history,
        [
            replace(failed, origin="refresh"),
            replace(failed, id="r3", origin="test", outcome="error"),
            replace(served, id="r4", at=NOW - 1, origin="refresh"),
        ],
    )
    assert before.requests == 1
    assert traffic(history, since=NOW - HOUR, now=NOW) == before


def test_percentiles_are_of_the_first_bytes_that_were_sent(history: sqlite3.Connection) -> None:
    insert(history, [entry(number, 1, first_byte_ms=number) for number in range(1, 101)])
    insert(history, [entry(999, 1)])
    found = traffic(history, since=NOW - HOUR, now=NOW)
    assert (found.first_byte_p50_ms, found.first_byte_p95_ms) == (50, 95)


def test_the_sixty_minutes_end_now_and_tell_trouble_apart(history: sqlite3.Connection) -> None:
    insert(
        history,
        [
            entry(1, 0),
            entry(2, 59, outcome="truncated"),
            entry(3, 61, outcome="client_gone"),
            entry(4, HOUR),
            entry(5, HOUR + 1),
        ],
    )
    found = traffic(history, since=NOW - 24 * HOUR, now=NOW)
    assert found.requests == 5
    assert (found.minutes[0], found.minutes[58], found.minutes[59], sum(found.minutes)) == (1, 1, 2, 4)
    assert (found.troubled[59], sum(found.troubled)) == (1, 1)


def test_counts_that_no_provider_could_mean_do_not_break_the_sums(history: sqlite3.Connection) -> None:
    insert(history, [entry(number, 1, attempt("a"), tokens=Tokens(2**70)) for number in range(20)])
    assert (traffic(history, since=NOW - HOUR, now=NOW).tokens.input or 0) > 2**37


def test_a_large_history_is_read_over_the_time_index_only(history: sqlite3.Connection) -> None:
    with transaction(history):
        insert(
            history, [entry(number, 2 * HOUR + number, attempt("ab"[number % 2])) for number in range(20_000)]
        )
    insert(history, [entry(90_000, 1, attempt("a"))])
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    history.set_progress_handler(count, 100)
    found = traffic(history, since=NOW - HOUR, now=NOW)
    assert found.requests == 1
    # The machine of SQLite needs several instructions for each row that it looks at.
    assert steps * 100 < 5_000
