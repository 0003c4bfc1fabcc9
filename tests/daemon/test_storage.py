"""Retention, checks, backups and what the files take, in a real daemon over REST and the control socket."""

import json
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
from entries import plain
from stage import Stage, restaged, staged, toml

from ccflared.daemon.books.sweeper import ROOM
from ccflared.store.rebuild import days_of
from ccflared.store.requests import insert
from ccflared.store.retention import empty_log
from ccflared.store.schema import open_history, open_reader
from ccflared.wire import Attempt, Tokens

DAY = 86_400.0
ROW = plain(
    at=0.0,
    client="laptop",
    project="house",
    user_agent="x" * 400,
    model="asked",
    served_model="served",
    account="first",
    first_byte_ms=1,
    total_ms=2,
    tokens=Tokens(10, 20),
    attempts=(Attempt("first", "p", "first", 0, 1, 200, "served", "", "mapped"),),
    charged=100,
    cost=90,
    billing="api",
)


def fill(state: Path, ages: list[float]) -> None:
    """Write rows that are so many seconds old, before the daemon starts."""
    state.mkdir(exist_ok=True)
    with closing(open_history(state / "ccflared.db")) as connection:
        connection.execute("BEGIN")
        insert(connection, [replace(ROW, id=f"r{n}", at=time() - age) for n, age in enumerate(ages)])
        connection.execute("COMMIT")


def rows(state: Path) -> int:
    with closing(open_reader(state / "ccflared.db")) as reader:
        return int(reader.execute("SELECT count(*) FROM requests").fetchone()[0])


def counted(state: Path) -> int:
    with closing(open_reader(state / "ccflared.db")) as reader:
        return int(reader.execute("SELECT coalesce(sum(requests), 0) FROM hours").fetchone()[0])


async def post(stage: Stage, route: str, **body: Any) -> httpx.Response:
    return await stage.client.post(stage.url + route, json=body, timeout=30)


@asynccontextmanager
async def control(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(stage.running.control.path))
    async with httpx.AsyncClient(transport=transport, base_url="http://control", timeout=30) as client:
        yield client


async def test_rows_that_are_too_old_go_and_their_totals_stay(tmp_path: Path) -> None:
    fill(tmp_path / "state", [100 * DAY] * 1200 + [80 * DAY] * 5)
    async with staged(tmp_path) as stage:
        answer = await post(stage, "/api/maintenance/cleanup")
        assert answer.status_code == 200
        told = answer.json()
        assert (told["removedRequests"], told["removedPayloads"]) == (1200, 0)
        assert told["requestCutoffIso"].endswith("Z")
        assert {each["name"]: each["rowCount"] for each in told["tableRowCounts"]}["requests"] == 5
        assert (rows(stage.state), counted(stage.state)) == (5, 1205)
        known = (await stage.client.get(stage.url + "/api/storage")).json()
        assert (known["rows"], known["free_pages"], known["uncounted"]) == (5, 0, False)
        assert known["oldest_row"] > known["deleted_before"] > known["totals_since"]
        assert known["db_bytes"] == told["dbSizeBytes"] == (stage.state / "ccflared.db").stat().st_size
        assert known["last_sweep"]["rows"] == 1200


async def test_a_shorter_time_in_the_file_counts_when_it_is_reloaded(tmp_path: Path) -> None:
    fill(tmp_path / "state", [10 * DAY] * 7 + [DAY] * 3)
    async with staged(tmp_path) as stage:
        await stage.running.upkeep.sweeper.look()
        assert rows(stage.state) == 10
        text = toml(stage.state, stage.provider_port, ["first", "second"])
        stage.edit(text.replace("[storage]", '[storage]\nkeep_requests = "5d"'))
        verdict = await stage.running.reloads.reload("command")
        assert verdict.applied
        assert not [said for said in verdict.warnings if "does not obey" in said]
        with trio.fail_after(10):
            while rows(stage.state) != 3:
                await trio.sleep(0.01)
        assert counted(stage.state) == 10


async def test_files_that_are_too_large_lose_their_oldest_rows_but_not_the_last_hour(tmp_path: Path) -> None:
    fill(tmp_path / "state", [30 * DAY - number for number in range(6000)] + [60.0] * 50)
    async with staged(tmp_path) as stage:
        upkeep = stage.running.upkeep
        assert (await upkeep.sweeper.sweep()).rows == 0
        await stage.running.house.recorder.caught_up(totals=True)
        assert await stage.running.house.recorder.between(empty_log)
        full = (await upkeep.sweeper.files()).total
        text = toml(stage.state, stage.provider_port, ["first", "second"])
        stage.edit(text.replace("[storage]", f"[storage]\nmax_size = {full // 2}"))
        assert (await stage.running.reloads.reload("command")).applied
        swept = await upkeep.sweeper.sweep()
        assert (await upkeep.sweeper.files()).total <= full // 2
        left = rows(stage.state)
        assert 50 < left < 4000
        with closing(open_reader(stage.state / "ccflared.db")) as reader:
            (oldest,) = reader.execute("SELECT min(at) FROM requests").fetchone()
            (since,) = reader.execute("SELECT value FROM marks WHERE name = 'rows_since'").fetchone()
        assert since <= oldest
        stage.edit(text.replace("[storage]", "[storage]\nmax_size = 1"))
        assert (await stage.running.reloads.reload("command")).applied
        swept = await upkeep.sweeper.sweep()
        assert (rows(stage.state), counted(stage.state)) == (50, 6050)
        assert swept.rows <= left
        assert "only the last hour and the totals are left: raise it" in str(upkeep.sweeper.error)
        status = (await stage.client.get(stage.url + "/api/status")).json()["storage"]
        assert (status["error"], status["max_size"]) == (upkeep.sweeper.error, 1)
        assert (await stage.ask()).status_code == 200


async def test_a_file_that_cannot_give_back_its_pages_is_tidied_up_all_the_same(tmp_path: Path) -> None:
    fill(tmp_path / "state", [200 * DAY] * 1000 + [60.0] * 50)
    with closing(sqlite3.connect(tmp_path / "state" / "ccflared.db", isolation_level=None)) as database:
        # As one is that was saved with sqlite3's .recover.
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA auto_vacuum = NONE")
        database.execute("VACUUM")
    async with staged(tmp_path) as stage:
        with trio.fail_after(10):
            await stage.running.house.recorder.caught_up(totals=True)
            assert (await stage.running.upkeep.sweeper.sweep()).rows == 1000
        assert (rows(stage.state), counted(stage.state)) == (50, 1050)


async def test_payloads_go_before_rows(tmp_path: Path) -> None:
    fill(tmp_path / "state", [30 * DAY] * 2000)
    payloads = tmp_path / "state" / "payloads.db"
    payloads.write_bytes(b"x" * 3_000_000)
    asked: list[int] = []
    async with staged(tmp_path) as stage:
        sweeper = stage.running.upkeep.sweeper

        async def free(wanted: int) -> int:
            asked.append(wanted)
            payloads.write_bytes(b"")
            return 3_000_000

        sweeper.free_payloads = free
        text = toml(stage.state, stage.provider_port, ["first", "second"])
        await stage.running.house.recorder.caught_up(totals=True)
        assert await stage.running.house.recorder.between(empty_log)
        most = (await sweeper.files()).total - 1_000_000
        stage.edit(text.replace("[storage]", f"[storage]\nmax_size = {most}"))
        assert (await stage.running.reloads.reload("command")).applied
        swept = await sweeper.sweep()
        assert (await sweeper.files()).total <= most
    assert (len(asked), rows(stage.state)) == (1, 2000)
    assert sweeper.last is not None
    assert max(swept.payload_bytes, sweeper.last.payload_bytes) == 3_000_000


async def test_a_log_that_a_reader_holds_up_costs_no_payloads(tmp_path: Path) -> None:
    fill(tmp_path / "state", [30 * DAY] * 500)
    async with staged(tmp_path, storage='keep_payloads = "1h"') as stage:
        house, sweeper = stage.running.house, stage.running.upkeep.sweeper
        await stage.ask()
        await house.recorder.caught_up(totals=True)
        assert await house.recorder.between(empty_log)
        with closing(open_reader(stage.state / "ccflared.db", seconds=60)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM requests").fetchone()
            for _ in range(20):
                await stage.fresh()
                await house.recorder.caught_up(totals=True)
            await stage.rows()
            await house.payloads.settled()
            now = await sweeper.files()
            most = round((now.total - now.wal) / ROOM) + 100_000
            assert most < now.total
            text = stage.config.read_text()
            stage.edit(text.replace("[storage]", f"[storage]\nmax_size = {most}"))
            assert (await stage.running.reloads.reload("command")).applied
            swept = await sweeper.sweep()
        assert (swept.payload_bytes, swept.rows, sweeper.error) == (0, 0, None)
        assert await stage.running.upkeep.payload_count() == 21


async def test_rows_that_are_in_no_total_yet_are_counted_before_they_go(tmp_path: Path) -> None:
    fill(tmp_path / "state", [100 * DAY] * 30)
    async with staged(tmp_path) as stage:
        with closing(sqlite3.connect(stage.state / "ccflared.db", isolation_level=None)) as other:
            await stage.running.house.recorder.caught_up(totals=True)
            other.execute("UPDATE requests SET series = NULL")
            other.execute("DELETE FROM hours")
        stage.running.house.recorder._uncounted = 30
        assert (await stage.running.upkeep.sweeper.sweep()).rows == 30
        assert (rows(stage.state), counted(stage.state)) == (0, 30)


async def test_a_clock_that_jumps_ahead_deletes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "state", [DAY] * 4)
    async with staged(tmp_path) as stage:
        sweeper = stage.running.upkeep.sweeper
        await sweeper.look()
        monkeypatch.setattr("ccflared.daemon.books.sweeper.time", lambda: time() + 1000 * DAY)
        for _ in range(3):
            await sweeper.look()
            assert rows(stage.state) == 4
        # Put right again, and ahead once more: where it stays there, it is later indeed.
        monkeypatch.setattr("ccflared.daemon.books.sweeper.SURE", 0.0)
        monkeypatch.setattr("ccflared.daemon.books.sweeper.time", time)
        await sweeper.look()
        monkeypatch.setattr("ccflared.daemon.books.sweeper.time", lambda: time() + 1000 * DAY)
        await sweeper.look()
        await sweeper.look()
        assert rows(stage.state) == 0


async def test_a_log_that_grew_behind_a_reader_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccflared.daemon.books.sweeper.LONGEST_LOG", 100_000)
    async with staged(tmp_path) as stage:
        recorder, sweeper = stage.running.house.recorder, stage.running.upkeep.sweeper
        with closing(open_reader(stage.state / "ccflared.db", seconds=60)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM requests").fetchone()
            for number in range(1000):
                recorder.offer(replace(ROW, id=f"r{number}", at=time()))
            await recorder.settled()
            await sweeper.look()
            assert (await sweeper.files()).wal > 100_000
        await sweeper.look()
        assert (await sweeper.files()).wal == 0
        assert rows(stage.state) == 1000


async def test_the_integrity_of_the_file_is_checked_on_demand(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ask()
        assert (await stage.client.get(stage.url + "/api/storage")).json()["integrity"][
            "status"
        ] == "unchecked"
        quick = await post(stage, "/api/storage/integrity/check")
        assert (quick.status_code, quick.json()["status"], quick.json()["kind"]) == (200, "ok", "quick")
        full = await post(stage, "/api/storage/integrity/check", kind="full")
        assert full.status_code == 202
        with trio.fail_after(10):
            while stage.running.upkeep.checking:
                await trio.sleep(0.01)
        told = (await stage.client.get(stage.url + "/api/storage")).json()["integrity"]
        assert (told["status"], told["kind"], told["faults"]) == ("ok", "full", [])
        assert (await post(stage, "/api/storage/integrity/check", kind="deep")).status_code == 400


async def test_of_two_checks_at_once_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def slow(*_: object, **__: object) -> list[str]:
        released.wait(20)
        return []

    monkeypatch.setattr("ccflared.daemon.books.upkeep.integrity.check", slow)
    async with staged(tmp_path) as stage:
        assert (await post(stage, "/api/storage/integrity/check", kind="full")).status_code == 202
        second = await post(stage, "/api/storage/integrity/check")
        assert second.status_code == 409
        assert second.json()["error"]["message"] == "Another integrity check is running."
        assert (await stage.ask()).status_code == 200
        released.set()


async def test_damage_is_found_and_told_with_what_to_do(tmp_path: Path) -> None:
    fill(tmp_path / "state", [DAY] * 2000)
    database = tmp_path / "state" / "ccflared.db"
    content = bytearray(database.read_bytes())
    for page in range(60, 120):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    database.write_bytes(content)
    async with staged(tmp_path) as stage:
        told = (await post(stage, "/api/storage/integrity/check")).json()
        assert told["status"] == "corrupt"
        assert told["faults"]
        assert f"move {database} and {database}-wal away" in told["advice"]
        assert (await stage.ask()).status_code == 200


async def test_a_backup_is_whole_private_and_never_in_the_way_of_another_file(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, control(stage) as client:
        await stage.ask()
        target = tmp_path / "copies" / "of today.db"
        missing = await client.post("/api/storage/backup", json={"path": str(target)})
        assert missing.status_code == 503
        assert "No such file or directory" in missing.json()["error"]["message"]
        target.parent.mkdir()
        made = await client.post("/api/storage/backup", json={"path": str(target)})
        assert made.status_code == 200
        assert made.json()["bytes"] == target.stat().st_size
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert [each.name for each in target.parent.iterdir()] == ["of today.db"]
        with closing(open_history(target)) as copy:
            assert copy.execute("SELECT count(*) FROM requests").fetchone() == (1,)
            assert copy.execute("SELECT sum(requests) FROM days").fetchone() == (1,)
        again = await client.post("/api/storage/backup", json={"path": str(target)})
        assert again.status_code == 409
        assert again.json()["error"]["message"] == f"{target} exists; name another file, or force it."
        forced = await client.post("/api/storage/backup", json={"path": str(target), "force": True})
        assert forced.status_code == 200


async def test_where_the_payloads_cannot_be_copied_nothing_is(tmp_path: Path) -> None:
    async with staged(tmp_path, storage='keep_payloads = "1h"') as stage, control(stage) as client:
        await stage.ask()
        await stage.rows()
        await stage.running.house.payloads.settled()
        there = tmp_path / "copy.payloads.db"
        there.write_text("of yesterday")
        asked = {"path": str(tmp_path / "copy.db"), "payloads": True}
        assert (await client.post("/api/storage/backup", json=asked)).status_code == 409
        assert not (tmp_path / "copy.db").exists()
        there.unlink()
        assert (await client.post("/api/storage/backup", json=asked)).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["ccflared.db", "tokens.db", "payloads.db", "ccflared.db-wal", "x.db-wal", "payloads.db-journal"],
)
async def test_a_backup_never_replaces_a_file_in_use(tmp_path: Path, name: str) -> None:
    async with staged(tmp_path) as stage, control(stage) as client:
        await stage.ask()
        body = {"path": f"{stage.state}/../{stage.state.name}/{name}", "force": True}
        answer = await client.post("/api/storage/backup", json=body)
        assert answer.status_code == 409
        assert "may be in use" in answer.json()["error"]["message"]
        assert len(await stage.rows()) == 1


async def test_a_forced_backup_replaces_a_database_and_nothing_else(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, control(stage) as client:
        before = stage.config.read_bytes()
        answer = await client.post("/api/storage/backup", json={"path": str(stage.config), "force": True})
        assert answer.status_code == 409
        assert "is no database" in answer.json()["error"]["message"]
        assert stage.config.read_bytes() == before


async def test_a_backup_is_for_the_control_socket_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        answer = await post(stage, "/api/storage/backup", path=str(tmp_path / "copy.db"))
        assert answer.status_code == 403
        assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"path": "copy.db"},
        {"path": 1},
        {"path": "/a\0b"},
        {"path": "/\ud800"},
        {"path": "/x", "force": 1},
    ],
)
async def test_a_backup_to_nowhere_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    async with staged(tmp_path) as stage, control(stage) as client:
        headers = {"content-type": "application/json"}
        answer = await client.post("/api/storage/backup", content=json.dumps(body), headers=headers)
        assert answer.status_code == 400


async def test_totals_are_checked_and_made_anew_over_rest(tmp_path: Path) -> None:
    fill(tmp_path / "state", [3 * DAY] * 20 + [60.0] * 3)
    async with staged(tmp_path) as stage:
        right = (await post(stage, "/api/storage/totals/check")).json()
        assert (right["differences"], right["hours"], right["days"]) == ([], 2, 2)
        with closing(sqlite3.connect(stage.state / "ccflared.db", isolation_level=None)) as other:
            other.execute("UPDATE hours SET requests = requests + 1")
        wrong = (await post(stage, "/api/storage/totals/check")).json()
        assert len(wrong["differences"]) == 6
        rebuilt = (await post(stage, "/api/storage/totals/rebuild")).json()
        assert (rebuilt["days"], rebuilt["rows"]) == (2, 23)
        assert (await post(stage, "/api/storage/totals/check")).json()["differences"] == []


async def test_what_the_files_take_is_told_though_the_database_is_garbage(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ccflared.db").write_bytes(b"This was a shopping list. " * 100)
    async with staged(tmp_path) as stage:
        known = (await stage.client.get(stage.url + "/api/storage")).json()
        assert "is not a database; move it away" in known["error"]
        assert (known["db_bytes"], known["rows"]) == (2600, None)
        told = (await post(stage, "/api/storage/integrity/check")).json()
        assert told["status"] == "corrupt"
        for path in ("/api/maintenance/cleanup", "/api/storage/totals/check", "/api/storage/totals/rebuild"):
            answer = await post(stage, path)
            assert answer.status_code == 503, path
            assert "is not a database" in answer.json()["error"]["message"]
        assert (await stage.ask()).status_code == 200


async def test_days_are_made_anew_for_another_time_zone_also_those_whose_rows_are_gone(
    tmp_path: Path,
) -> None:
    # A day apart from each other, so that no moment is in the same day of both.
    fill(tmp_path / "state", [200 * DAY + 1800 * number for number in range(100)] + [60.0] * 3)
    east, west = 'timezone = "Pacific/Kiritimati"\n', 'timezone = "Pacific/Pago_Pago"\n'
    async with staged(tmp_path, ["first"]) as stage:
        upkeep, house = stage.running.upkeep, stage.running.house
        await house.recorder.caught_up(totals=True)
        await upkeep.sweeper.sweep()
        assert rows(stage.state) == 3
        text, provider, port = stage.config.read_text(), stage.provider, stage.provider_port
        before: set[str] = set()
        for zone in (east, west):
            stage.edit(zone + text)
            assert (await stage.running.reloads.reload("command")).applied
            days = await days_of_the_zone(stage)
            assert (await upkeep.check_totals()).differences == []
            assert days != before
            before = days
        stage.edit(east + text)
    async with restaged(tmp_path, provider, port) as stage:
        assert await days_of_the_zone(stage) != before


async def days_of_the_zone(stage: Stage) -> set[str]:
    """Wait until the days are those of the zone of the file; return them, which have the sums of their hours."""
    house = stage.running.house
    with trio.fail_after(10):
        while await house.archive.ask(days_of) != house.world.config.timezone:
            await trio.lowlevel.checkpoint()
    told = {each["key"]: each["requests"] for each in await by(stage, "day")}
    summed: dict[str, int] = {}
    for each in await by(stage, "hour"):
        summed[each["key"][:10]] = summed.get(each["key"][:10], 0) + each["requests"]
    assert told == summed
    assert sum(told.values()) == 103
    return set(told)


async def by(stage: Stage, what: str) -> list[dict[str, Any]]:
    since = int(time() - 300 * DAY)
    answer = await stage.client.get(f"{stage.url}/api/usage?by={what}&since={since}")
    return list(answer.json()["rows"])
