"""Totals are what plain addition over the rows gives: whatever comes, in any batches, with crashes, renamings, zones."""

import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from entries import plain
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.store import totals
from ccflared.store.history import History, transaction
from ccflared.store.measures import BOUNDS, LIMITS, MEASURES, NO_FAULT, ROLLS, TIMES
from ccflared.store.memories import Memory, keep
from ccflared.store.rebuild import differences, rebuild, stretches
from ccflared.store.renaming import Renaming, move_totals, rename_rows
from ccflared.store.requests import insert
from ccflared.store.schema import STEPS, open_history
from ccflared.store.totals import calendar, count
from ccflared.wire import Attempt, Entry, Tokens

NOW = 1_800_000_000.0
UTC = dt.UTC
ROW = plain(
    at=NOW,
    client="laptop",
    project="house",
    model="asked",
    served_model="served",
    first_byte_ms=1,
    total_ms=2,
    tokens=Tokens(10, 20),
    attempts=(Attempt("a", "p", "first", 0, 1, 200, "served", "", "mapped"),),
    charged=100,
    cost=90,
    billing="api",
)
Key = tuple[object, ...]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(tmp_path / "ccflared.db")) as connection:
        yield connection


def in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in (statement for step in STEPS for statement in step):
        connection.execute(statement)
    return connection


def added_up(rows: Sequence[Entry], zone: dt.tzinfo | None) -> dict[str, dict[Key, Counter[str]]]:
    """Return by plain addition what the tables should hold: by hour or day, and names."""
    local_day = calendar(zone)
    found: dict[str, dict[Key, Counter[str]]] = {"hours": {}, "days": {}}
    for row in rows:
        model = row.served_model or (row.attempts[-1].model if row.attempts else None) or ""
        names = (row.account or "", model, row.client or "", row.project or "", row.origin)
        for table, key in (("hours", int(row.at) // 3600 * 3600), ("days", local_day(row.at))):
            found[table].setdefault((key, *names), Counter()).update(measured(row))
    return found


def measured(row: Entry) -> Counter[str]:
    billed = row.billing in ("api", "overage")
    failed = sum(each.kind not in NO_FAULT for each in row.attempts)
    whole = row.outcome == "complete" and row.status is not None and row.status < 400
    looked_at = len(row.attempts) > 1 or not (row.outcome == "complete" and (row.status or 0) < 400)
    speed = bool(
        (row.tokens.output or 0) > 0
        and row.first_token_ms is not None
        and row.last_token_ms is not None
        and row.last_token_ms > row.first_token_ms
    )
    told = any(count is not None for count in (row.tokens.input, row.tokens.output, row.tokens.cache_read))
    sums: Counter[str] = Counter(
        requests=1,
        succeeded=whole or row.outcome == "client_gone",
        limited=row.status == 429,
        tries=len(row.attempts),
        failed_tries=failed if looked_at else 0,
        failovers=row.outcome == "complete" and len(row.attempts) > 1 and failed > 0,
        failovers_limit=row.outcome == "complete"
        and len(row.attempts) > 1
        and any(f"'{each.kind}'" in LIMITS for each in row.attempts),
        input_tokens=row.tokens.input or 0,
        output_tokens=row.tokens.output or 0,
        cache_read_tokens=row.tokens.cache_read or 0,
        cache_write_5m_tokens=row.tokens.cache_write_5m or 0,
        cache_write_1h_tokens=row.tokens.cache_write_1h or 0,
        cost=row.cost or 0,
        cost_money=(row.cost or 0) * billed,
        unpriced=row.cost is None and told,
        unpriced_money=row.cost is None and told and row.billing in ("api", "overage"),
        charged=row.charged or 0,
        charged_money=(row.charged or 0) * billed,
        total_ms=row.total_ms,
        first_byte_ms=row.first_byte_ms or 0,
        first_bytes=row.first_byte_ms is not None,
        speed_tokens=(row.tokens.output or 0) * speed,
        speed_ms=((row.last_token_ms or 0) - (row.first_token_ms or 0)) * speed,
    )
    sums[row.outcome] += 1
    for name, took in (("total", row.total_ms), ("first_byte", row.first_byte_ms)):
        if took is not None:
            sums[f"{name}_{sum(bound < took for bound in BOUNDS)}"] += 1
    return +sums


def kept(connection: sqlite3.Connection) -> dict[str, dict[Key, Counter[str]]]:
    """Return what the tables hold, by names: of two series of one name the sum."""
    found: dict[str, dict[Key, Counter[str]]] = {"hours": {}, "days": {}}
    for table, times, key in (("hours", "hour_times", "start"), ("days", "day_times", "day")):
        query = f"""
            SELECT {key}, account, model, client, project, origin, {", ".join(MEASURES | TIMES)}
            FROM {table} JOIN {times} USING ({key}, series) JOIN series ON number = series
        """  # noqa: S608 - constants
        for start, account, model, client, project, origin, *sums in connection.execute(query):
            named = dict(zip(MEASURES | TIMES, sums, strict=True))
            names = (start, account, model, client, project, origin)
            found[table].setdefault(names, Counter()).update(named)
    return {table: {key: +sums for key, sums in of.items() if +sums} for table, of in found.items()}


NAMES = st.sampled_from(["a", "b", None])
MILLISECONDS = st.none() | st.sampled_from([0, 25, 26, 600_000, 600_001]) | st.integers(0, 700_000)
COUNTS = st.none() | st.integers(0, 10**6)
ENTRIES = st.builds(
    Entry,
    id=st.uuids().map(str),
    at=st.floats(NOW, NOW + 3 * 86_400),
    method=st.just("POST"),
    path=st.just("/"),
    client=NAMES,
    project=NAMES,
    conversation=st.none(),
    user_agent=st.none(),
    model=st.none(),
    served_model=NAMES,
    account=NAMES,
    provider=st.none(),
    status=st.sampled_from([200, 200, 400, 429, 500, None]),
    outcome=st.sampled_from(["complete", "complete", "truncated", "error", "client_gone", "refused"]),
    error=st.none(),
    stream=st.booleans(),
    stop_reason=st.none(),
    first_byte_ms=MILLISECONDS,
    total_ms=st.integers(0, 700_000),
    tokens=st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    usage=st.none(),
    attempts=st.lists(
        st.builds(
            Attempt,
            st.sampled_from(["a", "b"]),
            st.just("p"),
            st.just(""),
            st.just(0),
            st.just(1),
            st.none(),
            st.sampled_from(["served", "limited", "left"]),
            st.just(""),
            NAMES,
        ),
        max_size=3,
    ).map(tuple),
    origin=st.sampled_from(["client", "refresh"]),
    cost=COUNTS,
    charged=COUNTS,
    billing=st.sampled_from(["plan", "api", "overage", None]),
    first_token_ms=MILLISECONDS,
    last_token_ms=MILLISECONDS,
)
ZONES = st.sampled_from([UTC, *(ZoneInfo(n) for n in ("Europe/Berlin", "Asia/Kolkata", "America/Havana"))])


@settings(max_examples=120, deadline=None)
@given(
    rows=st.lists(ENTRIES, max_size=30),
    batches=st.lists(st.integers(1, 9), min_size=1),
    crashes=st.lists(st.booleans(), min_size=1),
    zone=ZONES,
)
def test_totals_are_what_plain_addition_gives_whatever_happens_in_between(
    *, rows: list[Entry], batches: list[int], crashes: list[bool], zone: dt.tzinfo
) -> None:
    with closing(in_memory()) as connection:
        left, turn = list(rows), 0
        while left:
            size, crash = batches[turn % len(batches)], crashes[turn % len(crashes)] and turn < 40
            batch, turn = left[:size], turn + 1
            with transaction(connection):
                insert(connection, batch)
            del left[:size]
            connection.execute("BEGIN")
            count(connection, zone, size)
            connection.execute("ROLLBACK" if crash else "COMMIT")
        while count(connection, zone, 7):
            pass
        wanted = added_up(rows, zone)
        assert kept(connection) == wanted
        assert [
            found for stretch in stretches(connection, zone) for found in differences(connection, stretch)
        ] == []
        for table in totals.TABLES:
            connection.execute(f"UPDATE {table} SET {list(totals.TABLES[table][1])[0]} = 77")  # noqa: S608, RUF015
        for stretch in stretches(connection, zone):
            rebuild(connection, stretch)
        assert kept(connection) == wanted


def test_nothing_is_different_while_rows_wait_to_be_counted(history: sqlite3.Connection) -> None:
    insert(history, [replace(ROW, id=f"r{number}", at=NOW + number * 1000) for number in range(10)])
    count(history, UTC, 4)
    assert [list(differences(history, each)) for each in stretches(history, UTC)] == [[], [], [], []]
    for each in stretches(history, UTC):
        rebuild(history, each)
    assert count(history, UTC, 100) == 6
    assert sum(of["requests"] for of in kept(history)["days"].values()) == 10


def test_a_difference_is_told_by_its_names(history: sqlite3.Connection) -> None:
    insert(history, [ROW, replace(ROW, id="r2")])
    count(history, UTC, 10)
    history.execute("UPDATE hours SET requests = 3, cost = 7")
    (hour, day) = stretches(history, UTC)
    names = {"account": "a", "model": "served", "client": "laptop", "project": "house", "origin": "client"}
    wrong = {"requests": {"rows": 2, "totals": 3}, "cost": {"rows": 180, "totals": 7}}
    of_names, of_rolls = differences(history, hour)
    assert of_names == {"hour": 1_800_000_000, **names, "measures": wrong}
    assert of_rolls == {"hour": 1_800_000_000, "rolls": len(ROLLS)}
    # The day is held against its hours.
    (of_day,) = differences(history, day)
    assert of_day["measures"]["requests"] == {"rows": 3, "totals": 2}
    assert [rebuild(history, each) for each in (hour, day)] == [2, 0]
    assert [list(differences(history, each)) for each in stretches(history, UTC)] == [[], []]


def test_rows_that_were_counted_under_other_names_are_found_and_mended(history: sqlite3.Connection) -> None:
    insert(history, [ROW, replace(ROW, id="r2", account="b")])
    count(history, UTC, 10)
    history.execute("UPDATE requests SET series = 1")
    for stretch in stretches(history, UTC):
        rebuild(history, stretch)
    assert kept(history) == added_up([ROW, replace(ROW, account="b")], UTC)


def test_what_is_older_than_the_rows_is_never_touched(history: sqlite3.Connection) -> None:
    old, young = replace(ROW, id="r1", at=NOW - 86_400), replace(ROW, id="r2")
    insert(history, [old, young])
    count(history, UTC, 10)
    history.execute("DELETE FROM requests WHERE id = 'r1'")
    history.execute("INSERT INTO marks VALUES ('rows_since', ?)", (NOW - 86_400 + 1,))
    found = stretches(history, UTC)
    assert [(each.unit, each.key) for each in found] == [("hour", 1_800_000_000), ("day", 20270115)]
    for stretch in found:
        assert list(differences(history, stretch)) == []
        rebuild(history, stretch)
    assert kept(history) == added_up([old, young], UTC)


def test_beyond_a_number_of_series_what_is_new_is_counted_as_other(
    history: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "MOST_SERIES", 3)
    rows = [replace(ROW, id=f"r{number}", served_model=f"m{number}") for number in range(6)]
    insert(history, rows[:4])
    count(history, UTC, 10)
    insert(history, [*rows[4:], replace(rows[0], id="again"), replace(rows[5], id="b", account="b")])
    count(history, UTC, 10)
    found = {key[1:3]: of["requests"] for key, of in kept(history)["days"].items()}
    assert found == {("a", "m0"): 2, ("a", "m1"): 1, ("a", "m2"): 1, ("a", "(other)"): 3, ("b", "(other)"): 1}
    for stretch in stretches(history, UTC):
        assert list(differences(history, stretch)) == []


@pytest.mark.parametrize("at", [-5.0, 0.0, 1e11, 1e18, 1e300, float("inf"), -1e300])
def test_a_clock_that_is_set_to_nonsense_stops_no_counting(history: sqlite3.Connection, at: float) -> None:
    insert(history, [replace(ROW, at=at), replace(ROW, id="r2")])
    assert count(history, UTC, 10) == 2
    assert sum(of["requests"] for of in kept(history)["hours"].values()) == 2
    for stretch in stretches(history, UTC):
        rebuild(history, stretch)
    assert sum(of["requests"] for of in kept(history)["days"].values()) == 2


def test_names_that_nobody_should_have_are_counted_too(history: sqlite3.Connection) -> None:
    odd = Attempt("a", "p", "", 0, 1, None, "served", "", "half \ud800 a pair\0")
    insert(history, [replace(ROW, served_model=None, attempts=(odd,), project="nul\0", client="\udfff")])
    history.execute("INSERT INTO requests SELECT * FROM requests WHERE false")
    insert(history, [replace(ROW, id="damaged", served_model=None, outcome="error")])
    history.execute("UPDATE requests SET attempts = '{' WHERE id = 'damaged'")
    assert count(history, UTC, 10) == 2
    found = {key[1:5] for key in kept(history)["days"]}
    assert found == {("a", "", "?", "nul\0"), ("a", "", "laptop", "house")}


def test_after_a_change_of_zone_days_are_those_of_the_new_one(history: sqlite3.Connection) -> None:
    berlin, tokyo = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
    evening = 1_800_000_000.0 // 86_400 * 86_400 + 20 * 3600
    insert(history, [replace(ROW, at=evening)])
    count(history, berlin, 10)
    insert(history, [replace(ROW, id="r2", at=evening + 1)])
    count(history, tokyo, 10)
    assert {key[0]: of["requests"] for key, of in kept(history)["days"].items()} == {20270115: 1, 20270116: 1}
    for stretch in stretches(history, tokyo):
        rebuild(history, stretch)
    assert {key[0]: of["requests"] for key, of in kept(history)["days"].items()} == {20270116: 2}


RENAMING = Renaming("a", "b", NOW + 100, "moved")


def renamed_rows(connection: sqlite3.Connection) -> None:
    after: int | None = 0
    while after is not None:
        after = rename_rows(connection, RENAMING, after, 3)


@settings(max_examples=100, deadline=None)
@given(
    times=st.lists(st.tuples(st.integers(0, 200), st.sampled_from("abc")), max_size=20),
    counted=st.integers(0, 20),
    between=st.integers(0, 20),
)
def test_totals_follow_an_account_to_its_new_name_whatever_was_counted_before(
    *, times: list[tuple[int, str]], counted: int, between: int
) -> None:
    with closing(in_memory()) as connection:
        rows = [
            replace(
                ROW,
                id=f"r{number}",
                at=NOW + at,
                account=name,
                attempts=(replace(ROW.attempts[0], account=name),),
            )
            for number, (at, name) in enumerate(times)
        ]
        insert(connection, rows)
        count(connection, UTC, counted)
        move_totals(connection, [RENAMING], UTC)
        count(connection, UTC, between)
        renamed_rows(connection)
        # Again, as after a crash: it is done once.
        move_totals(connection, [RENAMING], UTC)
        while count(connection, UTC, 5):
            pass
        assert kept(connection) == added_up([RENAMING.applied(row) for row in rows], UTC)
        for stretch in stretches(connection, UTC):
            assert list(differences(connection, stretch)) == []


def test_a_renaming_that_the_history_remembers_is_followed_before_anything_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    with closing(open_history(path)) as connection:
        insert(connection, [ROW, replace(ROW, id="later", at=NOW + 200)])
        keep(connection, [RENAMING.memory(NOW)])
    history = History(path, patience=1.0)
    assert history.count(UTC, 10) == 2
    with closing(open_history(path)) as connection:
        named = {key[1]: of["requests"] for key, of in kept(connection)["days"].items()}
        assert named == {"a": 1, "b": 1}
        keep(connection, [Memory("rename", RENAMING.key, None, NOW)])
    history.count(UTC, 10)
    with closing(open_history(path)) as connection:
        assert connection.execute("SELECT * FROM marks").fetchall() == []
    history.close()


def test_two_accounts_that_come_to_have_one_name_are_added_up(history: sqlite3.Connection) -> None:
    insert(history, [ROW, replace(ROW, id="r2", account="b")])
    count(history, UTC, 10)
    move_totals(history, [RENAMING], UTC)
    renamed_rows(history)
    insert(history, [replace(ROW, id="r3", account="b")])
    count(history, UTC, 10)
    (found,) = kept(history)["days"].items()
    assert (found[0][1], found[1]["requests"]) == ("b", 3)
    for stretch in stretches(history, UTC):
        assert list(differences(history, stretch)) == []


def step_count(connection: sqlite3.Connection, query: Any) -> int:
    """Return about how many instructions SQLite takes for what is done."""
    steps = 0

    def more() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(more, 100)
    query()
    connection.set_progress_handler(None, 0)
    return steps * 100


def test_counting_does_not_depend_on_how_much_there_is(history: sqlite3.Connection) -> None:
    with transaction(history):
        insert(history, [replace(ROW, id=f"r{number}", at=NOW - number) for number in range(8000)])
    while count(history, UTC, 1000):
        pass
    insert(history, [replace(ROW, id="new")])
    assert step_count(history, lambda: count(history, UTC, 1000)) < 20_000
