import gzip
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from payload_rows import DAY, NOW, WORD, payload

from ccflared.errors import Refused
from ccflared.formats.redaction import Redaction
from ccflared.store import buckets
from ccflared.store.packing import Message, Payload, pack, unpack
from ccflared.store.payload_reader import has_payloads, latest, one, open_payload_reader, which
from ccflared.store.payloads import PayloadFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payloads.db"


@pytest.fixture
def file(path: Path) -> Iterator[PayloadFile]:
    found = PayloadFile(path, patience=0.1)
    yield found
    found.close()


def ids(path: Path, now: float = NOW) -> list[str]:
    connection = open_payload_reader(path)
    if connection is None:
        return []
    with closing(connection):
        return latest(connection, 1000, now)


def raw(path: Path) -> bytes:
    """Return every byte that the file and those beside it hold."""
    return b"".join(each.read_bytes() for each in path.parent.iterdir())


def clear(file: PayloadFile) -> int:
    steps = 0
    while file.clear_step():
        steps += 1
    return steps


def test_what_is_written_is_read_again(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1), payload(2, NOW + 1)], DAY, NOW)
    connection = open_payload_reader(path)
    assert connection is not None
    with closing(connection):
        kept = one(connection, "req_1", NOW)
        assert kept is not None
        assert (kept.at, kept.response.status, kept.response.body) == (
            NOW,
            200,
            b'{"content":[{"type":"text","text":"answer 1"}]}',
        )
        assert kept.request.headers == {"content-type": "application/json"}
        assert (kept.request.truncated, kept.response.whole) == (False, True)
        assert one(connection, "req_3", NOW) is None
        assert which(connection, ["req_2", "req_3", "\ud800"], NOW) == {"req_2"}
        assert latest(connection, 1, NOW) == ["req_2"]


def test_the_file_is_nobody_elses(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1)], DAY, NOW)
    assert {each.name for each in path.parent.iterdir()} == {
        "payloads.db",
        "payloads.db-wal",
        "payloads.db-shm",
    }
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in path.parent.iterdir())


def test_a_payload_that_is_offered_again_stays_as_it_is(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1)], DAY, NOW)
    file.insert([payload(1), payload(2)], DAY, NOW)
    assert sorted(ids(path)) == ["req_1", "req_2"]


@pytest.mark.parametrize("keep", [60.0, 600.0, 3600.0, DAY, 7 * DAY, 365 * DAY])
def test_nothing_is_read_or_left_that_is_older_than_it_may_be(
    file: PayloadFile, path: Path, keep: float
) -> None:
    dice = random.Random(round(keep))
    times: dict[str, float] = {}
    now = NOW
    for number in range(120):
        now += keep / 25 * dice.random()
        at = now - keep / 3 * dice.random() ** 3  # long answers end after later ones
        times[f"req_{number}"] = at
        file.insert([payload(number, at)], keep, now)
        if number % 10 == 0:
            if file.expire(now, keep):
                clear(file)
            with closing(sqlite3.connect(path)) as looking:
                for (bucket,) in looking.execute("SELECT number FROM buckets").fetchall():
                    (oldest,) = looking.execute(f"SELECT min(at) FROM payloads_{bucket}").fetchone()  # noqa: S608
                    assert oldest + keep > now
        for name in ids(path, now):
            assert times[name] + keep > now
        young = {name for name, at in times.items() if at + keep - 1.1 * buckets.width(keep) > now}
        assert young <= set(ids(path, now))
    with closing(sqlite3.connect(path)) as looking:
        (many,) = looking.execute("SELECT count(*) FROM buckets").fetchone()
    assert 0 < many <= 30


def test_what_has_expired_is_in_no_byte_of_the_file_its_index_or_its_log(
    file: PayloadFile, path: Path
) -> None:
    file.insert([payload(number, NOW, size=30_000) for number in range(40)], DAY, NOW)
    file.insert([payload(100, NOW + DAY, "later")], DAY, NOW + DAY - 1)
    with closing(sqlite3.connect(path)) as looking:
        (blob,) = looking.execute(
            "SELECT request FROM bodies_1 JOIN payloads_1 USING (number) WHERE id = 'req_7'"
        ).fetchone()
    part = blob[9000:9040]
    # Both are there before, so that their absence tells something.
    assert part in raw(path)
    assert f"{WORD}7".encode() in raw(path) or WORD.encode() in raw(path)
    before = file.size()
    assert file.expire(NOW + DAY, DAY)
    assert clear(file) > 3, "it is deleted in small steps"
    assert part not in raw(path)
    assert raw(path).count(WORD.encode()) == 1
    assert file.size() < before / 10
    assert (path.parent / "payloads.db-wal").stat().st_size == 0
    assert ids(path, NOW + DAY) == ["req_100"]


def test_where_room_is_needed_the_oldest_go_and_the_latest_stay(file: PayloadFile, path: Path) -> None:
    room = 8 * 1024 * 1024
    for number in range(150):
        while file.make_room(room):
            pass
        file.insert([payload(number, NOW + number, size=200_000)], 7 * DAY, NOW + number, room)
        assert file.size() < room + 2**24, "with its log, which is cut off from time to time"
    while file.make_room(room):
        pass
    kept = ids(path, NOW + 150)
    assert 15 < len(kept) < 150
    assert kept == [f"req_{number}" for number in range(149, 149 - len(kept), -1)]
    while file.make_room(0):
        pass
    assert ids(path, NOW + 150) == []


def test_a_file_that_is_moved_away_or_replaced_keeps_what_is_its_own(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1)], DAY, NOW)
    path.rename(path.with_name("moved.db"))
    file.insert([payload(2)], DAY, NOW)
    assert (ids(path.with_name("moved.db")), ids(path)) == (["req_1"], ["req_2"])
    other = PayloadFile(path.with_name("other.db"), patience=0.1)
    other.insert([payload(number) for number in (3, 4)], DAY, NOW)
    other.close()
    other.path.replace(path)
    file.insert([payload(5)], DAY, NOW)
    assert sorted(ids(path)) == ["req_3", "req_4", "req_5"]


def test_words_of_what_has_expired_are_hidden_before_it_is_deleted(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1)], DAY, NOW)
    assert ids(path, NOW + DAY - 1) == ["req_1"]
    assert ids(path, NOW + DAY) == []


def test_deleting_goes_on_after_it_was_broken_off(file: PayloadFile, path: Path) -> None:
    file.insert([payload(number, size=2000) for number in range(100)], DAY, NOW)
    for _ in range(3):
        file.expire(NOW + 2 * DAY, DAY)
        assert ids(path) == []
        file.clear_step()
        file.close()
    assert file.expire(NOW + 2 * DAY, DAY)
    clear(file)
    assert WORD.encode() not in raw(path)


def test_what_is_kept_stays_as_long_as_it_was_to_stay_when_no_more_is_taken(
    file: PayloadFile, path: Path
) -> None:
    file.insert([payload(1)], DAY, NOW)
    file.expire(NOW + DAY - 1, None)
    assert ids(path, NOW + DAY - 1) == ["req_1"]
    file.expire(NOW + DAY, None)
    clear(file)
    assert WORD.encode() not in raw(path)


def test_a_shorter_time_counts_for_what_is_kept_already(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1)], 7 * DAY, NOW)
    file.expire(NOW + DAY, DAY)
    assert ids(path, NOW + DAY) == []


def test_a_clock_that_went_ahead_keeps_nothing_for_longer(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1, NOW + 1000 * DAY)], DAY, NOW + 1000 * DAY)
    file.expire(NOW, DAY)
    assert ids(path) == ["req_1"]
    file.expire(NOW + DAY, DAY)
    assert ids(path, NOW + DAY) == []


def test_what_is_too_old_when_it_is_written_is_not_written(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1, NOW - DAY), payload(2)], DAY, NOW)
    assert ids(path) == ["req_2"]


def test_a_purge_leaves_nothing(file: PayloadFile, path: Path) -> None:
    for day in range(5):
        file.insert([payload(100 * day + n, NOW + day * DAY, size=5000) for n in range(20)], 7 * DAY, NOW)
    with closing(sqlite3.connect(path)) as looking:
        (blob,) = looking.execute(
            "SELECT request FROM bodies_1 JOIN payloads_1 USING (number) WHERE id = 'req_7'"
        ).fetchone()
    part = blob[2000:2040]
    assert part in raw(path)
    file.purge()
    assert part not in raw(path)
    assert WORD.encode() not in raw(path)
    assert file.size() < 50_000
    file.insert([payload(1)], DAY, NOW)
    assert ids(path) == ["req_1"]


def test_a_purge_that_a_reader_is_in_the_way_of_says_so_and_is_done_by_the_next(
    file: PayloadFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccflared.store.payloads._READERS_MS", 10)
    file.insert([payload(1)], DAY, NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM buckets").fetchall()
        with pytest.raises(sqlite3.OperationalError):
            file.purge()
        assert ids(path) == []
    file.purge()
    assert WORD.encode() not in raw(path)


def test_the_oldest_go_first_when_room_is_needed(file: PayloadFile, path: Path) -> None:
    for day in range(3):
        file.insert([payload(day, NOW + day * DAY)], 7 * DAY, NOW)
    assert file.let_go_of_oldest()
    assert ids(path) == ["req_2", "req_1"]
    assert file.let_go_of_oldest()
    assert file.let_go_of_oldest()
    assert not file.let_go_of_oldest()
    clear(file)
    assert WORD.encode() not in raw(path)


def test_a_file_that_is_not_there_is_not_made_to_be_emptied(file: PayloadFile, path: Path) -> None:
    assert not file.expire(NOW, DAY)
    assert not file.let_go_of_oldest()
    file.purge()
    assert not path.exists()


def test_other_programs_files_are_left_as_they_are(file: PayloadFile, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    for attempt in (lambda: file.insert([payload(1)], DAY, NOW), file.purge, lambda: file.expire(NOW, DAY)):
        with pytest.raises(Refused, match="another program"):
            attempt()
    assert path.read_bytes() == before
    assert open_payload_reader(path) is None


def test_garbage_is_told_and_left(file: PayloadFile, path: Path) -> None:
    path.write_bytes(os.urandom(8192))
    with pytest.raises(sqlite3.DatabaseError):
        file.insert([payload(1)], DAY, NOW)
    with closing(sqlite3.connect(":memory:")) as history, has_payloads(history, path, NOW):
        assert history.execute("SELECT has_payload('req_1')").fetchone() == (0,)


def test_the_history_can_ask_which_requests_have_payloads(file: PayloadFile, path: Path) -> None:
    file.insert([payload(1), payload(2, NOW - DAY / 2)], DAY, NOW)
    with closing(sqlite3.connect(":memory:")) as history:
        with has_payloads(history, path, NOW):
            asked = (
                "SELECT has_payload('req_1'), has_payload('req_2'), has_payload('req_3'), has_payload(NULL)"
            )
            assert history.execute(asked).fetchone() == (1, 1, 0, 0)
        with has_payloads(history, None, NOW):
            assert history.execute("SELECT has_payload('req_1')").fetchone() == (0,)


def test_fields_with_credentials_are_left_out_and_repeated_ones_joined() -> None:
    headers = (
        (b"authorization", b"Bearer x"),
        (b"cookie", b"a=b"),
        (b"accept", b"a"),
        (b"accept", b"b"),
        (b"x-note", b"it is sk-ant-0123456789"),
    )
    packed = pack(
        Payload("r", NOW, Message(headers, (b"{}",), 2), Message((), (), 0), whole=False), Redaction(())
    )
    kept = unpack(packed.request)
    assert kept.headers == {"accept": "a, b", "x-note": "it is [secret]"}
    assert unpack(packed.response).status is None


@pytest.mark.parametrize("whole", [True, False])
def test_of_what_is_encoded_nothing_is_kept_that_cannot_be_read(*, whole: bool) -> None:
    body = gzip.compress(b'{"error":"you sent sk-ant-0123456789abcdef"}')
    part = body if whole else body[:30]
    answer = Message(((b"content-encoding", b"gzip"),), (part,), len(part), 500)
    kept = unpack(pack(Payload("r", NOW, Message((), (b"",), 0), answer, whole=True), Redaction(())).response)
    assert kept.body == (b'{"error":"you sent [secret]"}' if whole else b"")
    assert kept.truncated is not whole


def test_a_damaged_blob_is_told() -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(b"no blob")
