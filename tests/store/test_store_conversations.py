"""The conversations of late, out of a history of any size."""

from pathlib import Path

from entries import plain

from ccflared.store import conversations
from ccflared.store.conversations import latest_conversations
from ccflared.store.requests import insert
from ccflared.store.schema import open_history


def test_no_more_than_the_latest_requests_are_looked_at_and_it_says_from_when_on(tmp_path: Path) -> None:
    connection = open_history(tmp_path / "ccflared.db", patience=1.0)
    rows = [
        plain(id=f"r{number}", at=1000.0 + number, conversation=f"c{number % 3}")
        for number in range(conversations.MOST_ROWS + 10)
    ]
    insert(connection, rows)
    found = latest_conversations(connection, 0.0, 10)
    assert sum(each["requests"] for each in found["conversations"]) == conversations.MOST_ROWS
    assert found["since"] == 1010.0
    assert latest_conversations(connection, 2000.0, 10)["since"] == 2000.0
    connection.close()
