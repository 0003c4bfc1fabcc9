"""Samples of usage windows: added, thinned, renamed, and gone after ninety days."""

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from ccflared.daemon.books.sampling import EVERY, Sampling
from ccflared.store.memories import Memory, keep, recall
from ccflared.store.samples import KEPT, MOST_POINTS, Sample, rename, samples
from ccflared.store.schema import open_history
from ccflared.wire import Quota, Window

NOW = 1_790_000_000.0


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Connection]:
    connection = open_history(tmp_path / "ccflared.db")
    yield connection
    connection.close()


def quota(at: float, share: float | None) -> Quota:
    return Quota(at, (Window("5h", share, NOW + 3600), Window("7d", None)))


def test_of_each_window_one_in_five_minutes_is_kept(history: Connection) -> None:
    changes: list[Memory] = []
    sampling = Sampling(changes.append)
    for number in range(30):
        sampling.told("a", quota(NOW + number * 60, number / 100))
    keep(history, changes)
    found = samples(history, "a", 0.0)
    assert found == {"5h": [Sample(NOW + n * EVERY, n * 5 / 100, NOW + 3600) for n in range(6)]}
    assert recall(history) == []


def test_samples_are_of_an_account_and_a_window_since_a_time(history: Connection) -> None:
    changes: list[Memory] = []
    sampling = Sampling(changes.append)
    for name in ("a", "b"):
        for number in range(4):
            sampling.told(name, quota(NOW + number * EVERY, 0.1))
    keep(history, changes)
    keep(history, changes)  # as when it was not certain that they had been written
    assert len(samples(history, "a", NOW + EVERY)["5h"]) == 3
    assert samples(history, "a", NOW, "7d") == {}
    rename(history, "b", "c")
    assert samples(history, "b", 0.0) == {}
    assert len(samples(history, "c", 0.0)["5h"]) == 4


def test_old_samples_go_as_new_ones_come(history: Connection) -> None:
    sampling = Sampling(lambda memory: keep(history, [memory]))
    for number in range(25):
        sampling.told("a", quota(NOW + number * EVERY, 0.1))
    for number in range(3):
        sampling.told("a", quota(NOW + KEPT + 86_400 + number * EVERY, 0.2))
    assert [sample.utilization for sample in samples(history, "a", 0.0)["5h"]] == [0.2] * 3


def test_many_samples_are_thinned_but_for_the_last(history: Connection) -> None:
    sampling = Sampling(lambda memory: keep(history, [memory]))
    count = MOST_POINTS + 501
    for number in range(count):
        sampling.told("a", quota(NOW + number * EVERY, 0.1))
    found = samples(history, "a", 0.0)["5h"]
    assert MOST_POINTS / 2 < len(found) <= MOST_POINTS
    assert found[-1].at == NOW + (count - 1) * EVERY
