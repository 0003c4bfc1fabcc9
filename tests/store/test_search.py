import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payload_rows import DAY, NOW, failed, payload

from ccflared.store.listing import Wanted, listed
from ccflared.store.payloads import PayloadFile
from ccflared.store.requests import insert
from ccflared.store.schema import STEPS, open_history, open_reader
from ccflared.store.search import expression, matching


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "ccflared.db"
    with closing(open_history(path)) as connection:
        insert(
            connection,
            [
                failed(1, "The upstream is overloaded"),
                failed(2, None, "Connection refused", "overloaded again"),
                failed(3, None),
                failed(4, "rate limit of the model reached", "429 Too Many Requests"),
            ],
        )
    return path


def found(history: Path, text: str, payloads: Path | None = None, limit: int = 100) -> list[str]:
    with closing(open_reader(history)) as connection:
        return matching(connection, payloads, text, limit, now=NOW)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("overloaded", [2, 1]),
        ("OVERLOADED", [2, 1]),
        ("overloaded upstream", [1]),
        ("upstream overloaded", [1]),
        ('"is overloaded"', [1]),
        ('"overloaded is"', []),
        ("overl*", [2, 1]),
        ("overl", [2, 1]),
        ('"overl"', []),
        ("over", [2, 1]),
        ("ove", []),
        ("overl upstream", []),
        ("upstream overl", [1]),
        ("is-overl,", [1]),
        ("the_ove", []),
        ("429", [4]),
        ("refused again", [2]),
        ("req_1", []),
        ("", []),
        ("* - ( ) \" '", []),
        ("NOT overloaded", []),
        ("overloaded OR refused", []),
        ("error : overloaded", []),
        ("text:overloaded", []),
    ],
)
def test_errors_are_found_by_their_words(history: Path, text: str, numbers: list[int]) -> None:
    assert found(history, text) == [f"req_{number}" for number in numbers]


@given(st.text(max_size=60))
def test_nothing_that_is_typed_is_a_mistake(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE s USING fts5 (x)")
        asked = expression(text)
        if asked is not None:
            connection.execute("SELECT * FROM s WHERE s MATCH ?", (asked,)).fetchall()


@pytest.mark.parametrize(
    "text", ['"', '""', '"""', '*"*"*', "a\0b", "\ud800", 'x"y"z*', "^a {b c}: NEAR(a b, 1)", "ö" * 5000]
)
def test_odd_texts_are_no_mistakes(history: Path, text: str) -> None:
    assert found(history, text) == []


def test_what_is_deleted_is_found_no_more(history: Path) -> None:
    with closing(open_history(history)) as connection:
        connection.execute("DELETE FROM requests WHERE id = 'req_1'")
        assert connection.execute("SELECT count(*) FROM errors").fetchone() == (2,)
        connection.execute("INSERT INTO errors_said (errors_said) VALUES ('integrity-check')")
    assert found(history, "overloaded") == ["req_2"]


def test_a_row_that_is_offered_again_is_found_once(history: Path) -> None:
    with closing(open_history(history)) as connection:
        insert(connection, [failed(1, "The upstream is overloaded")])
    assert found(history, "upstream") == ["req_1"]


def test_errors_of_an_older_history_are_found(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for step in STEPS[:2]:
            for statement in step:
                connection.execute(statement)
        connection.execute("PRAGMA application_id = 0x63636664")
        connection.execute("PRAGMA user_version = 2")
        connection.execute(
            "INSERT INTO requests (id, at, method, path, outcome, error, stream, total_ms, tries, attempts) "
            "VALUES ('req_9', 1.0, 'POST', '/v1/messages', 'error', 'an old overload', 0, 1, 0, '[]')"
        )
    open_history(path).close()
    assert found(path, "overload") == ["req_9"]


def test_payloads_are_found_by_what_was_said_among_the_errors(history: Path, tmp_path: Path) -> None:
    path = tmp_path / "payloads.db"
    file = PayloadFile(path, patience=0.1)
    file.insert(
        [
            payload(1, NOW + 1, "it says overloaded"),
            payload(5, NOW + 0.5, "overloaded words"),
            payload(6, NOW + 6, "other"),
        ],
        DAY,
        NOW,
    )
    file.insert([payload(7, NOW - DAY / 2, "overloaded in another bucket")], DAY, NOW)
    file.close()
    assert found(history, "overloaded", path) == ["req_2", "req_1", "req_5", "req_7"]
    assert found(history, "overloaded", path, limit=2) == ["req_2", "req_1"]
    assert found(history, "answer 6", path) == ["req_6"]
    assert found(history, '"overloaded words"', path) == ["req_5"]
    assert found(history, "overloaded", tmp_path / "none.db") == ["req_2", "req_1"]


def test_payloads_that_cannot_be_read_hide_no_errors(history: Path, tmp_path: Path) -> None:
    path = tmp_path / "payloads.db"
    path.write_bytes(b"no database" * 1000)
    assert found(history, "overloaded", path) == ["req_2", "req_1"]


def test_only_what_came_before_a_time_is_found(history: Path, tmp_path: Path) -> None:
    path = tmp_path / "payloads.db"
    file = PayloadFile(path, patience=0.1)
    file.insert([payload(5, NOW - 5, "overloaded"), payload(6, NOW + 1.5, "overloaded")], DAY, NOW)
    file.insert([payload(7, NOW - DAY / 2, "overloaded")], DAY, NOW)
    file.close()
    with closing(open_reader(history)) as connection:
        for before, numbers in ((None, [2, 6, 1, 5, 7]), (NOW + 1.5, [1, 5, 7]), (NOW - 5, [7]), (0.0, [])):
            names = matching(connection, path, "overloaded", now=NOW, before=before)
            assert names == [f"req_{number}" for number in numbers]


def test_the_list_finds_a_page_among_many_that_are_not_wanted(history: Path) -> None:
    many = [replace(failed(number, "overloaded again"), account="other") for number in range(100, 160)]
    with closing(open_history(history)) as connection:
        insert(connection, many)
    with closing(open_reader(history)) as connection:
        for account, ids in (("work", ["req_2"]), ("other", ["req_159"]), ("nobody", [])):
            wanted = Wanted(limit=1, account=account, search="overloaded")
            told = json.loads(listed(connection, wanted, history.parent / "none.db", NOW))
            assert [each["id"] for each in told] == ids
