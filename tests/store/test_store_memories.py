import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ccflared.store.history import CONVERSATIONS, History, transaction
from ccflared.store.memories import FORGET, Changes, Memory, forget_beyond, forget_older, keep, recall
from ccflared.store.schema import open_history


def conversation(number: int, at: float | None = None) -> Memory:
    return Memory(
        "conversation", f"c{number}", f'{{"account":"a{number}"}}', float(number) if at is None else at
    )


@pytest.fixture
def history(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_history(tmp_path / "ccflared.db")) as connection:
        yield connection


def test_a_memory_comes_back_as_it_was_kept_and_the_latest_stands(history: sqlite3.Connection) -> None:
    account, place = Memory("account", "work", '{"until":5}', 1.5), Memory("place", "work", "[]", 2.0)
    keep(history, [place, account])
    assert recall(history) == [account, place]
    later = Memory("account", "work", "{}", 1.0)
    keep(history, [later])
    assert recall(history) == [later, place]
    keep(history, [Memory("account", "work", None, 9.0), Memory("account", "never known", None, 9.0)])
    assert recall(history) == [place]


def test_changes_of_one_key_count_in_their_order(history: sqlite3.Connection) -> None:
    account = Memory("account", "work", "1", 1.0)
    keep(history, [account, Memory("account", "work", None, 2.0)])
    assert recall(history) == []
    keep(history, [Memory("account", "work", None, 2.0), account])
    assert recall(history) == [account]


def test_what_utf_8_cannot_say_stops_no_batch(history: sqlite3.Connection) -> None:
    keep(history, [Memory("conversation", "a\ud800b\0c", '"\ud800"', 1.0)])
    assert recall(history) == [Memory("conversation", "a?b\0c", '"?"', 1.0)]


def test_the_caller_decides_when_it_is_committed(history: sqlite3.Connection) -> None:
    def fail() -> None:
        with transaction(history):
            keep(history, [conversation(1)])
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert recall(history) == []


def test_the_older_ones_of_a_kind_are_forgotten_a_few_at_a_time(history: sqlite3.Connection) -> None:
    account = Memory("account", "work", "1", 0.0)
    keep(history, [account, *(conversation(number) for number in range(10))])
    assert forget_older(history, "conversation", 6.0, most=4) == 4
    assert recall(history) == [account, *(conversation(number) for number in range(4, 10))]
    assert forget_older(history, "conversation", 6.0, most=4) == 2
    assert forget_older(history, "conversation", 6.0, most=4) == 0
    assert recall(history) == [account, *(conversation(number) for number in range(6, 10))]


def test_the_oldest_beyond_a_number_are_forgotten_a_few_at_a_time(history: sqlite3.Connection) -> None:
    # The same key under another kind is another memory.
    account = Memory("account", "c0", "1", 0.0)
    keep(history, [account, *(conversation(number, at=float(-number)) for number in range(10))])
    assert forget_beyond(history, "conversation", 3, most=5) == 5
    assert forget_beyond(history, "conversation", 3, most=5) == 2
    assert forget_beyond(history, "conversation", 3, most=5) == 0
    assert recall(history) == [account, conversation(2, -2.0), conversation(1, -1.0), conversation(0, -0.0)]


def test_forgetting_looks_at_no_more_than_it_deletes(history: sqlite3.Connection) -> None:
    steps = " ".join(step[-1] for step in history.execute(f"EXPLAIN QUERY PLAN {FORGET}", ("", 1.0, 1)))
    assert "USING COVERING INDEX memories_kind_at (kind=? AND at<?)" in steps
    assert "TEMP B-TREE" not in steps
    assert "SCAN" not in steps


def test_entries_and_memories_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    history = History(tmp_path / "ccflared.db", patience=1.0)
    with closing(history):
        history.insert([], [conversation(1)])
        with closing(open_history(tmp_path / "ccflared.db")) as other:
            other.execute(
                "CREATE TRIGGER no BEFORE INSERT ON memories WHEN NEW.key = 'c3' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
            with pytest.raises(sqlite3.IntegrityError):
                history.insert([], [conversation(2), conversation(3), conversation(4)])
            assert recall(other) == [conversation(1)]
            history.insert([], [conversation(2)])
            assert recall(other) == [conversation(1), conversation(2)]


def test_the_history_forgets_conversations_that_are_old_or_too_many_in_small_steps(tmp_path: Path) -> None:
    history = History(tmp_path / "ccflared.db", patience=1.0)
    old = [conversation(number) for number in range(700)]
    with closing(history), closing(open_history(tmp_path / "ccflared.db")) as reader:
        history.insert([], old)
        history.insert([], [conversation(1000)])
        assert len(recall(reader)) == 701
        history.insert([], [conversation(1001)], forget_before=1000.0)
        assert len(recall(reader)) == 202
        history.insert([], [conversation(1002)], forget_before=1000.0)
        assert recall(reader) == [conversation(number) for number in (1000, 1001, 1002)]
        history.insert([], [conversation(2000 + number) for number in range(CONVERSATIONS)])
        history.insert([], [Memory("account", "work", "1", 0.0)], forget_before=0.0)
        found = recall(reader)
        assert len(found) == 1 + CONVERSATIONS
        assert (found[0].key, found[1].key) == ("work", "c2000")


@pytest.mark.parametrize("most", [1, 2, 500])
def test_changes_wait_in_the_order_in_which_their_keys_came(most: int) -> None:
    changes = Changes(10)
    later = Memory("conversation", "c1", None, 9.0)
    for memory in (conversation(1), conversation(2), conversation(3), later):
        assert changes.add(memory) == 0
    assert changes.batch(most) == [later, conversation(2), conversation(3)][:most]
    assert len(changes) == 3


def test_a_conversation_makes_room_before_an_account_does() -> None:
    changes = Changes(3)
    account, place = Memory("account", "work", "1", 0.0), Memory("place", "https://a.example", "1", 0.0)
    for memory in (account, conversation(1), conversation(2)):
        assert changes.add(memory) == 0
    assert changes.add(place) == 1
    assert changes.add(conversation(3)) == 1
    assert changes.batch(10) == [account, place, conversation(3)]
    assert changes.add(Memory("account", "spare", "1", 0.0)) == 1
    assert changes.add(Memory("account", "third", "1", 0.0)) == 1
    assert [memory.key for memory in changes.batch(10)] == ["https://a.example", "spare", "third"]


@dataclass(slots=True)
class Waiter:
    turn: int
    due: dict[str, int]
    """What must be written for it."""
    batches: int | None = None
    """How many more that may take, known when the next one is begun: what comes before that may come along."""


class Waiting(RuleBasedStateMachine):
    """Changes that come while batches are written and fail, and somebody who waits for those before."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = Changes(1000)
        self.number = 0
        self.latest: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.batch: list[Memory] | None = None
        self.waiters: list[Waiter] = []

    @rule(key=st.sampled_from("abcdef"))
    def remember(self, key: str) -> None:
        self.number += 1
        self.latest[key] = self.number
        self.changes.add(Memory("account", key, str(self.number), 0.0))

    @precondition(lambda self: self.batch is None)
    @rule()
    def begin(self) -> None:
        self.batch = self.changes.batch(2)
        for waiter in self.waiters:
            if waiter.batches is None:
                waiter.batches = (len(self.changes) + 1) // 2

    @precondition(lambda self: self.batch is not None)
    @rule(well=st.booleans())
    def end(self, well: bool) -> None:
        assert self.batch is not None
        if well:
            self.written |= {memory.key: int(memory.value or "") for memory in self.batch}
            self.changes.kept(self.batch)
            for waiter in self.waiters:
                if waiter.batches is not None:
                    waiter.batches -= 1
        self.batch = None

    @rule()
    def wait(self) -> None:
        self.waiters.append(Waiter(self.changes.turn, dict(self.latest)))

    @invariant()
    def who_waits_is_not_told_too_early_and_not_kept_for_ever(self) -> None:
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if self.changes.waits(waiter.turn):
                assert waiter.batches is None or waiter.batches > 0
                self.waiters.append(waiter)
            else:
                assert all(self.written.get(key, 0) >= number for key, number in waiter.due.items())

    @invariant()
    def what_does_not_wait_is_written(self) -> None:
        waiting = {memory.key for _, memory in self.changes._waiting.values()}
        for key, number in self.latest.items():
            assert key in waiting or self.written[key] == number


TestWaiting = Waiting.TestCase
