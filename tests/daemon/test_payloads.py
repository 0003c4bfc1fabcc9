"""Payloads of requests: what is kept, for how long, and that nothing waits for them or fails with them."""

import json
import os
import signal
import sqlite3
from base64 import b64decode
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from dialects import PATHS, QUESTIONS, Client, Upstream, before, each_client, each_upstream, streaming_or_not
from process import daemon
from stage import QUESTION, Stage, restaged, staged

from ccflared.daemon import clients as clients_module
from ccflared.daemon.books import payloads as payloads_module
from ccflared.demo.script import Answer, Failing, Held, Limited
from ccflared.formats.redaction import MARGIN
from ccflared.store import payloads as store_payloads
from ccflared.store.buckets import open_payloads
from ccflared.store.schema import open_reader
from ccflared.store.search import matching
from ccflared.wire import Entry

KEPT = 'keep_payloads = "1d"'


async def payload(stage: Stage, row: Entry) -> dict[str, Any]:
    """Return what the API answers about the payload of a request, its bodies decoded."""
    answer = await stage.client.get(f"{stage.url}/api/requests/payload/{row.id}", headers=stage.headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    for side in ("request", "response"):
        told[side]["body"] = b64decode(told[side]["body"])
    return told


async def why_none(stage: Stage, row: Entry) -> str:
    answer = await stage.client.get(f"{stage.url}/api/requests/payload/{row.id}")
    assert answer.status_code == 404
    return str(answer.json()["error"]["message"])


def found(stage: Stage, text: str, now: float = 0.0) -> list[str]:
    with closing(open_reader(stage.state / "ccflared.db")) as connection:
        return matching(connection, stage.state / "payloads.db", text, now=now)


def left(state: Path) -> bytes:
    """Return every byte of the payloads' file and those beside it."""
    return b"".join(path.read_bytes() for path in state.glob("payloads.db*"))


async def test_without_being_asked_for_nothing_is_kept(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ask()
        (row,) = await stage.rows()
        assert await why_none(stage, row) == (
            'No payload of this request is kept: [storage] keep_payloads = "off".'
        )
        assert not list(stage.state.glob("payloads.db*"))
        status = (await stage.client.get(stage.url + "/api/status")).json()
        assert status["payloads"] == {
            "on": False,
            "ok": True,
            "error": None,
            "kept_for": None,
            "waiting_bytes": 0,
            "written": 0,
            "dropped": 0,
        }
        assert (await stage.client.get(stage.url + "/api/requests/detail")).json() == []


@each_client
@each_upstream
@streaming_or_not
async def test_what_a_client_sent_and_got_is_kept_as_it_was(
    tmp_path: Path, client: Client, upstream: Upstream, *, stream: bool
) -> None:
    async with before(tmp_path, upstream, storage=KEPT) as stage:
        question = QUESTIONS[client] | {"stream": stream}
        if not stream:
            question.pop("stream_options", None)
        asked = json.dumps(question).encode()
        answer = await stage.client.post(
            stage.url + PATHS[client],
            content=asked,
            headers={"content-type": "application/json", "x-mine": "1"},
        )
        assert answer.status_code == 200
        (row,) = await stage.rows()
        told = await payload(stage, row)
        assert told["id"] == row.id
        assert told["request"]["body"] == asked
        assert told["request"]["headers"]["x-mine"] == "1"
        assert (told["request"]["bytes"], told["request"]["truncated"]) == (len(asked), False)
        assert told["response"]["status"] == 200
        assert told["response"]["body"] == answer.content
        assert told["response"]["headers"]["content-type"] == answer.headers["content-type"]
        assert told["response"]["bytes"] == len(answer.content)
        assert told["meta"]["complete"] is True
        assert told["meta"]["isStream"] is stream
        assert told["meta"]["path"] == PATHS[client]
        assert found(stage, '"Say hello"') == [row.id]
        (one,) = (await stage.client.get(stage.url + "/api/requests/detail?limit=1000")).json()
        assert one["id"] == row.id
        assert b64decode(one["response"]["body"]) == answer.content


async def test_refusals_and_errors_are_kept_as_the_client_got_them(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        for number, behaviour in enumerate((Failing(400, message="tools.3: not so"), Limited(), None)):
            if behaviour is not None:
                stage.provider.play("sk-first", behaviour)
            answer = await stage.fresh()
            row = (await stage.rows())[-1]
            told = await payload(stage, row)
            assert told["response"]["status"] == answer.status_code == (400, 429, 429)[number]
            assert told["response"]["body"] == answer.content
            assert told["request"]["body"].startswith(b'{"model":')
            assert told["meta"]["rateLimited"] is (answer.status_code == 429)


async def got_until(stage: Stage, mark: bytes) -> bytes:
    """Ask for a stream, and hang up when ``mark`` has come; return what came."""
    body = json.dumps(QUESTION | {"stream": True}).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    got = b""
    async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
        await stream.send_all(head + body)
        with trio.fail_after(5):
            while mark not in got:
                got += await stream.receive_some()
    return got


async def test_of_an_answer_that_its_client_left_there_is_what_it_got(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        stage.provider.play("sk-first", Held(trio.Event(), after_events=4))
        # It comes at once, though the stream goes on: no byte waits for being kept.
        got = await got_until(stage, b"content_block_delta")
        (row,) = await stage.rows()
        assert row.outcome == "client_gone"
        told = await payload(stage, row)
        assert told["meta"]["complete"] is False
        assert b"content_block_delta" in told["response"]["body"]
        assert told["response"]["body"].splitlines()[0] in got


async def test_one_without_a_row_leaves_no_payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients_module, "ROWS_AN_HOUR", 5)
    async with staged(
        tmp_path, storage=KEPT, more='[clients.me]\nkey = "the-key-of-me"\nbudget = { daily = 0.000001 }'
    ) as stage:
        headers = {"x-api-key": "the-key-of-me"}
        for _ in range(12):
            await stage.client.post(stage.url + "/v1/messages", json=QUESTION, headers=headers)
        rows = await stage.rows()
        await stage.running.house.payloads.settled()
        state = stage.running.house.payloads.state
        assert state.written == len(rows) < 10
        assert state.waiting == 0


async def test_large_bodies_are_cut_and_marked_and_take_no_more_memory_than_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads_module, "COMPANY", 3600.0)
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        stage.provider.play("sk-first", Answer(text="long answer " * 200_000))
        answer = await stage.ask(messages=[{"role": "user", "content": "word " * (32 * 1024 * 1024 // 5)}])
        assert answer.status_code == 200
        (row,) = await stage.rows()
        payloads = stage.running.house.payloads
        ((waiting, _),) = payloads._waiting
        held = sum(len(piece) for each in (waiting.request, waiting.response) for piece in each.pieces)
        assert held <= 5 * 1024 * 1024 + 2 * MARGIN
        assert held <= payloads.state.waiting <= held * 1.1
        await payloads._write()
        assert payloads.state.waiting == 0
        told = await payload(stage, row)
        assert len(told["request"]["body"]) == 4 * 1024 * 1024
        assert (told["request"]["truncated"], told["response"]["truncated"]) == (True, True)
        assert told["request"]["bytes"] > 32 * 1024 * 1024 - 10
        assert told["response"]["body"] == answer.content[: 1024 * 1024]
        assert told["response"]["bytes"] == len(answer.content) > 1024 * 1024
        (one,) = (await stage.client.get(stage.url + "/api/requests/detail")).json()
        assert len(b64decode(one["request"]["body"])) == 256 * 1024
        assert one["request"]["truncated"] is True


async def test_beyond_the_bound_payloads_are_dropped_and_counted_and_rows_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads_module, "BATCH", 1000)
    monkeypatch.setattr(payloads_module, "COMPANY", 3600.0)
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        payloads = stage.running.house.payloads
        monkeypatch.setattr(payloads, "_bound", 400_000)
        for _ in range(8):
            await stage.ask(messages=[{"role": "user", "content": "x" * 100_000}])
        assert len(await stage.rows()) == 8
        assert payloads.state.waiting <= 400_000
        assert payloads.state.dropped == 5
        # What waits is written when the daemon ends.
    with closing(sqlite3.connect(tmp_path / "state" / "payloads.db")) as looking:
        assert looking.execute("SELECT count(*) FROM payloads_1").fetchone() == (3,)


async def test_a_reload_begins_and_ends_the_keeping(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        reloads, text = stage.running.reloads, stage.config.read_text()
        await stage.ask()
        stage.edit(text.replace("[storage]\n", f"[storage]\n{KEPT}\n"))
        assert (await reloads.reload("command")).applied
        await stage.ask()
        first, second = await stage.rows()
        assert "it came before payloads were" in await why_none(stage, first)
        await payload(stage, second)
        stage.edit(text)
        assert (await reloads.reload("command")).applied
        await stage.ask()
        third = (await stage.rows())[-1]
        assert "off" in await why_none(stage, third)
        # What is there expires as before.
        await payload(stage, second)
        make_older(stage.state, 86_400.0)
        await stage.running.house.payloads.drop_old()
        assert "off" in await why_none(stage, second)
        assert found(stage, "hello") == []


def make_older(state: Path, seconds: float) -> None:
    """Let the payloads have been kept for longer."""
    with closing(sqlite3.connect(state / "payloads.db", isolation_level=None)) as connection:
        connection.execute("UPDATE buckets SET oldest = oldest - ?", (seconds,))


async def test_what_has_expired_while_the_daemon_was_away_is_gone_before_anybody_reads(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        await stage.ask(messages=[{"role": "user", "content": "zanzibarquokka"}])
        (row,) = await stage.rows()
        await stage.running.house.payloads.settled()
        port, provider = stage.provider_port, stage.provider
    assert b"zanzibarquokka" in left(stage.state)
    make_older(stage.state, 86_400.0)
    async with restaged(tmp_path, provider, port) as stage:
        assert "No payload" in await why_none(stage, row)
        await stage.running.house.payloads.drop_old()
        assert b"zanzibarquokka" not in left(stage.state)


@pytest.mark.parametrize("edit", ["all", "state"])
async def test_a_purge_erases_everything_where_the_file_lets_it(tmp_path: Path, edit: str) -> None:
    more = f'[admin]\ntoken = "the-token-of-admins"\nedit = "{edit}"\n[clients.me]\nkey = "the-key-of-me"'
    async with staged(tmp_path, storage=KEPT, more=more) as stage:
        stage.headers = {"x-api-key": "the-key-of-me"}
        await stage.ask(messages=[{"role": "user", "content": "zanzibarquokka"}])
        (row,) = await stage.rows()
        await stage.running.house.payloads.settled()
        assert b"zanzibarquokka" in left(stage.state)
        admin = {"authorization": "Bearer the-token-of-admins"}
        for method, path in (
            ("GET", f"/api/requests/payload/{row.id}"),
            ("GET", "/api/requests/detail"),
            ("POST", "/api/payloads/purge"),
        ):
            denied = await stage.client.request(method, stage.url + path, headers=stage.headers)
            assert denied.status_code in (401, 403)
        answer = await stage.client.post(stage.url + "/api/payloads/purge", headers=admin)
        assert answer.status_code == (200 if edit == "all" else 403)
        assert (b"zanzibarquokka" in left(stage.state)) is (edit == "state")
        again = await stage.client.get(f"{stage.url}/api/requests/payload/{row.id}", headers=admin)
        assert again.status_code == (404 if edit == "all" else 200)


async def test_a_full_disk_ends_the_keeping_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = ["PRAGMA max_page_count = 20"]

    def on_a_small_disk(path: Path, *, patience: float) -> sqlite3.Connection:
        connection = open_payloads(path, patience=patience)
        connection.execute(room[0])
        return connection

    monkeypatch.setattr(store_payloads, "open_payloads", on_a_small_disk)
    async with staged(tmp_path, storage=KEPT) as stage:
        payloads = stage.running.house.payloads
        noise = os.urandom(100_000).hex()
        assert (await stage.ask(messages=[{"role": "user", "content": noise}])).status_code == 200
        with trio.fail_after(10):
            while payloads.state.error is None:
                await trio.sleep(0.01)
        assert payloads.state.error == "the disk is full"
        for _ in range(3):
            assert (await stage.ask()).status_code == 200
        rows = await stage.rows()
        assert len(rows) == 4
        assert "Payloads are off: the disk is full" in await why_none(stage, rows[-1])
        status = (await stage.client.get(stage.url + "/api/status")).json()
        assert (status["payloads"]["ok"], status["history"]["ok"]) == (False, True)
        assert payloads.state.dropped == 3
        room[0] = "PRAGMA max_page_count = 100000"
        with trio.fail_after(10):
            await payloads.settled()
        await payload(stage, rows[0])
        await stage.ask()
        await payload(stage, (await stage.rows())[-1])


@pytest.mark.parametrize("content", [b"garbage " * 1000, b""])
async def test_a_file_that_is_none_is_told_and_requests_go_on(tmp_path: Path, content: bytes) -> None:
    async with staged(tmp_path, storage=KEPT) as stage:
        await stage.ask()
        await stage.rows()
        await stage.running.house.payloads.settled()
        for path in stage.state.glob("payloads.db*"):
            path.unlink()
        (stage.state / "payloads.db").write_bytes(content)
        await stage.ask()
        payloads = stage.running.house.payloads
        if not content:
            await payload(stage, (await stage.rows())[-1])
            return
        with trio.fail_after(10):
            while payloads.state.error is None:
                await trio.sleep(0.01)
        assert "is not a database; move it away" in payloads.state.error
        row = (await stage.rows())[-1]
        answer = await stage.client.get(f"{stage.url}/api/requests/payload/{row.id}")
        assert answer.status_code == 503
        (stage.state / "payloads.db").unlink()
        with trio.fail_after(20):
            await payloads.settled()
        await payload(stage, row)


async def test_room_is_made_by_dropping_the_oldest(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        payloads = stage.running.house.payloads
        assert await payloads.free(1) == 0
        for _ in range(3):
            await stage.ask(messages=[{"role": "user", "content": os.urandom(200_000).hex()}])
            await payloads.settled()
            with closing(sqlite3.connect(payloads.path, isolation_level=None)) as connection:
                # As if hours lay between them.
                connection.execute(
                    "UPDATE buckets SET since = since - 7200, until = until - 7200, oldest = oldest - 7200"
                )
        rows = await stage.rows()
        assert await payloads.free(250_000) > 250_000
        assert (stage.state / "payloads.db-wal").stat().st_size == 0
        assert "deleted to make room" in await why_none(stage, rows[0])
        await payload(stage, rows[2])
        assert await payloads.free(10**9) > 100_000
        assert await payloads.free(10**9) == 0


async def test_a_kill_loses_no_more_than_what_waited(tmp_path: Path) -> None:
    async with daemon(tmp_path, storage=KEPT) as running:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            for _ in range(3):
                await client.post(running.url + "/v1/messages", json=QUESTION)
            with trio.fail_after(10):
                while running.status()["payloads"]["written"] < 3:
                    await trio.sleep(0.01)
            await client.post(running.url + "/v1/messages", json=QUESTION)
        running.process.send_signal(signal.SIGKILL)
        await running.process.wait()
    with closing(sqlite3.connect(running.state / "payloads.db")) as looking:
        assert looking.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (many,) = looking.execute("SELECT count(*) FROM payloads_1").fetchone()
        looking.execute("INSERT INTO search_1 (search_1) VALUES ('integrity-check')")
        assert many >= 3


async def test_searching_goes_by_words_of_both_sides(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        stage.provider.play("sk-first", Answer(text="The quokka lives on Rottnest."))
        await stage.ask(stream=True, messages=[{"role": "user", "content": "Where does it live?"}])
        (row,) = await stage.rows()
        await stage.running.house.payloads.settled()
        for text in ("quokka", '"lives on Rottnest"', "where quokka", "Rottn*"):
            assert found(stage, text) == [row.id]
        assert found(stage, "wombat") == []


async def test_the_byte_budget_takes_payloads_before_rows(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        for _ in range(3):
            await stage.ask(messages=[{"role": "user", "content": os.urandom(300_000).hex()}])
        rows = await stage.rows()
        await stage.running.house.payloads.settled()
        sweeper = stage.running.upkeep.sweeper
        most = (await sweeper.files()).total - 300_000
        text = stage.config.read_text()
        stage.edit(text.replace("[storage]", f"[storage]\nmax_size = {most}"))
        assert (await stage.running.reloads.reload("command")).applied
        await sweeper.sweep()
        assert (await sweeper.files()).total <= most
        assert "deleted to make room" in await why_none(stage, rows[0])
        assert len(await stage.rows()) == 3
        await stage.ask()
        await payload(stage, (await stage.rows())[-1])


async def test_the_oldest_payloads_go_before_more_are_written_than_there_is_room_for(tmp_path: Path) -> None:
    storage = f"{KEPT}\nmax_size = '4MiB'"
    async with staged(tmp_path, ["first"], storage=storage) as stage:
        house, sizes = stage.running.house, []
        for _ in range(20):
            await stage.fresh(messages=[{"role": "user", "content": os.urandom(300_000).hex()}])
            await stage.rows()
            await house.payloads.settled()
            sizes.append((stage.state / "payloads.db").stat().st_size)
        rows = await stage.rows()
        assert max(sizes) < 6_000_000
        assert house.payloads.state.dropped == 0
        for row in rows[-3:]:
            await payload(stage, row)
        assert "deleted to make room" in await why_none(stage, rows[0])


async def test_a_cleanup_tells_how_many_payloads_it_deleted(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        for _ in range(3):
            await stage.ask()
        await stage.rows()
        payloads = stage.running.house.payloads
        await payloads.settled()
        assert await payloads.drop_old() == 0
        make_older(stage.state, 86_400.0)
        answer = await stage.client.post(stage.url + "/api/maintenance/cleanup")
        assert answer.json()["removedPayloads"] == 3
        assert payloads.state.error is None
