"""A copy goes to the disk as it is made, and a disk that fails meanwhile is told."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ccflared.store import backup
from ccflared.store.backup import back_up


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", ((f"{number:0500}",) for number in range(20_000)))
    return path


def test_a_copy_is_brought_to_the_disk_many_times_before_its_end(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def noted(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(backup, "SYNCED_APART", 0.0)
    monkeypatch.setattr(os, "fsync", noted)
    size = back_up(database, tmp_path / "b.db")
    assert sum(0 < each < size for each in sizes) > 2
    assert size in sizes


def test_a_disk_that_fails_in_the_middle_is_told_and_nothing_is_left(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(backup, "SYNCED_APART", 0.0)
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output error"):
        back_up(database, tmp_path / "b.db")
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]
