"""Streams of what goes on, over real sockets: nothing is told twice, and nobody loses an event without being told so."""

import logging
import threading
from functools import partial
from pathlib import Path
from time import time

import httpx
import pytest
import trio
from listening import listening
from rest import at_home, call
from stage import restaged, staged

from ccflared.daemon.feeds import live
from ccflared.daemon.feeds.tickets import LASTS, MOST, Tickets
from ccflared.demo.script import Limited

REQUESTS = "/api/requests/stream"
LOGS = "/api/logs/stream"
ACCOUNTS = "/api/accounts/stream"
ALERTS = "/api/insights/alerts/stream"
log = logging.getLogger("ccflared.test")


async def test_a_request_is_told_when_it_begins_where_it_is_tried_and_when_it_has_ended(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage, listening(stage, REQUESTS) as listener:
        answer = await stage.ask()
        start, tried, summary = [await listener.next() for _ in range(3)]
        assert (start["type"], start["path"]) == ("start", "/v1/messages")
        assert (tried["type"], tried["id"], tried["account"]) == ("try", start["id"], "first")
        assert tried["model"] == summary["payload"]["model"]
        assert start["id"] == answer.headers["x-ccflared-request-id"]
        row = summary["payload"]
        assert (summary["type"], row["id"], row["accountUsed"]) == ("summary", start["id"], "first")
        assert (row["success"], row["statusCode"], row["failoverAttempts"]) == (True, 200, 0)
        assert row["totalTokens"] == row["promptTokens"] + row["completionTokens"] > 0


async def test_what_happens_between_two_connections_is_replayed_by_the_last_events_id(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        async with listening(stage, REQUESTS) as listener:
            await stage.ask()
            await listener.until(type="summary")
            last_id = listener.last_id
        missed = (await stage.ask()).headers["x-ccflared-request-id"]
        async with listening(stage, REQUESTS, last_id=last_id) as listener:
            assert (await listener.next())["id"] == missed
        async with listening(stage, f"{REQUESTS}?lastEventId={last_id}") as listener:
            assert (await listener.next())["id"] == missed
            assert (await listener.until(type="summary"))["payload"]["id"] == missed


async def test_after_a_restart_a_listener_is_told_that_some_are_missing_and_gets_all_of_this_run(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        async with listening(stage, REQUESTS) as listener:
            await stage.ask()
            await listener.until(type="summary")
        last_id = listener.last_id
    async with trio.open_nursery() as nursery:
        port = await nursery.start(stage.provider.serve)
        text = stage.config.read_text().replace(str(stage.provider_port), str(port))
        stage.edit(text)
        async with restaged(tmp_path, stage.provider, port) as again:
            asked = (await again.ask()).headers["x-ccflared-request-id"]
            async with listening(again, REQUESTS, last_id=last_id) as listener:
                assert await listener.next() == {"event": "missed", "missed": None}
                assert (await listener.next())["id"] == asked
        nursery.cancel_scope.cancel()


async def test_a_listener_that_is_overtaken_is_told_how_many_it_has_missed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ring = stage.running.house.live.lines
        async with listening(stage, LOGS) as listener:
            log.warning("before")
            assert (await listener.next())["msg"] == "before"
            for number in range(1500):
                log.warning("line %d", number)  # no checkpoint: nobody can read meanwhile
            assert await listener.next() == {"event": "missed", "missed": 500}
            assert (await listener.next())["msg"] == "line 500"
            last = await listener.until(msg="line 1499")
            assert listener.last_id == ring.id(ring.latest)
            assert last["level"] == "WARN"


async def test_a_listener_that_takes_nothing_in_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STUCK", 0.05)
    async with staged(tmp_path) as stage:
        house = stage.running.house
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
            await stream.send_all(b"GET /api/logs/stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await stream.receive_some(1000)
            assert house.live.listeners == 1
            with trio.fail_after(20):
                while house.live.listeners:
                    for _ in range(100):
                        log.warning("x" * 10_000)
                    await trio.lowlevel.checkpoint()


async def test_a_client_that_leaves_gives_its_place_back(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        house = stage.running.house
        async with listening(stage, ACCOUNTS), listening(stage, ALERTS):
            assert house.live.listeners == 2
        with trio.fail_after(20):
            while house.live.listeners:
                await trio.lowlevel.checkpoint()


async def test_no_more_listen_than_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LISTENERS", 2)
    async with staged(tmp_path) as stage:
        async with listening(stage, LOGS), listening(stage, REQUESTS):
            refused = await call(stage, "GET", LOGS)
            assert refused.status_code == 503
            assert stage.running.house.live.listeners == 2
        with trio.fail_after(20):
            while stage.running.house.live.listeners:
                await trio.lowlevel.checkpoint()
        async with listening(stage, LOGS):
            pass


async def test_streams_end_when_the_daemon_drains(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, listening(stage, LOGS) as listener:
        await stage.signals.send(15)
        assert await listener.ended()


async def test_silence_is_filled_with_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SILENCE", 0.02)
    async with staged(tmp_path) as stage, listening(stage, ALERTS) as listener:
        assert [await listener.block() for _ in range(2)] == [b":", b":"]


async def test_a_change_of_an_account_is_told_once_with_its_reason(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, listening(stage, ACCOUNTS) as listener:
        stage.provider.play("sk-first", Limited(600))
        await stage.ask()
        change = await listener.next()
        assert (change["name"], change["state"]) == ("first", "resting")
        assert 0 < change["until"] - time() <= 602
        await at_home(stage, "POST", "/api/accounts/second/pause")
        change = await listener.next()
        assert (change["name"], change["state"], change["reason"]) == ("second", "paused", "paused by hand")
        stage.edit(stage.config.read_text().replace("[accounts.second]", "[accounts.third]"))
        await listener.until(name="third", state="ready")
        await listener.until(name="second", state="removed")


async def test_lines_of_every_thread_are_kept_and_cannot_begin_a_line_of_their_own(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, listening(stage, LOGS) as listener:
        await trio.to_thread.run_sync(partial(log.warning, "from a thread\nid: 7\n\ndata: {}"))
        line = await listener.until(msg="from a thread id: 7  data: {}")
        assert line["data"] == {"logger": "ccflared.test"}
        foreign = threading.Thread(target=log.error, args=("from another",))
        foreign.start()
        await trio.to_thread.run_sync(foreign.join)
        assert (await listener.until(msg="from another"))["level"] == "ERROR"
        history = (await call(stage, "GET", "/api/logs/history")).json()
        assert history[-1]["msg"] == "from another"
        assert (history[-1]["id"], history[-1]["level"]) == (listener.last_id, "ERROR")
        assert any(each["msg"].startswith("listening on ") for each in history)


async def test_nothing_is_spelled_while_nobody_reads(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ask()
        ring = stage.running.house.live.requests
        assert ring.latest == 3
        assert ring._spelled == {}


ADMIN = '[admin]\ntoken = "sesame-open"\n'
HEADERS = {"authorization": "Bearer sesame-open"}


async def mint(client: httpx.AsyncClient, url: str) -> str:
    answer = await client.post(f"{url}/api/logs/stream/token", headers=HEADERS)
    assert answer.status_code == 200
    return str(answer.json()["token"])


@pytest.mark.parametrize("path", [REQUESTS, LOGS, ACCOUNTS, ALERTS])
async def test_a_token_opens_one_stream_once(tmp_path: Path, path: str) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        token = await mint(stage.client, stage.url)
        async with listening(stage, f"{path}?stream_token={token}"):
            pass
        refused = await call(stage, "GET", f"{path}?stream_token={token}")
        assert refused.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/status"), ("GET", "/api/logs/history"), ("POST", LOGS), ("GET", REQUESTS + "/")],
)
async def test_a_token_opens_nothing_else(tmp_path: Path, method: str, path: str) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        token = await mint(stage.client, stage.url)
        refused = await call(stage, method, f"{path}?stream_token={token}")
        assert refused.status_code == 401
        async with listening(stage, f"{LOGS}?stream_token={token}"):  # it was not spent by that
            pass


async def test_a_page_of_another_origin_gets_nothing_by_a_token(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        token = await mint(stage.client, stage.url)
        answer = await stage.client.get(
            f"{stage.url}{LOGS}?stream_token={token}", headers={"origin": "https://evil.example"}
        )
        assert answer.status_code == 403
        async with listening(stage, f"{LOGS}?stream_token={token}"):
            pass


async def test_another_admin_token_voids_stream_tokens_and_ends_streams(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        token, used = await mint(stage.client, stage.url), await mint(stage.client, stage.url)
        async with listening(stage, f"{LOGS}?stream_token={used}") as listener:
            stage.edit(stage.config.read_text().replace("sesame-open", "sesame-shut"))
            assert await listener.ended()
        refused = await call(stage, "GET", f"{LOGS}?stream_token={token}")
        assert refused.status_code == 401


async def test_a_token_is_in_no_log_line(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN + '[log]\nlevel = "debug"\n') as stage:
        token = await mint(stage.client, stage.url)
        async with listening(stage, f"{LOGS}?stream_token={token}"):
            pass
        await call(stage, "GET", f"{LOGS}?stream_token={token}")
        lines = stage.running.house.live.lines.last()
        assert lines
        assert not any(token in line.message for _, line in lines)


def test_a_ticket_lasts_a_minute_and_there_are_not_too_many() -> None:
    tickets, word = Tickets(), ["admin"]
    early, late = tickets.mint(0.0, lambda: True), tickets.mint(1.0, lambda: word == ["admin"])
    assert tickets.take(early, LASTS) is None
    word[0] = "other"
    assert tickets.take(late, LASTS) is None
    first, *_, last = [tickets.mint(100.0, lambda: True) for _ in range(MOST + 1)]
    assert tickets.take(first, 100.0) is None
    assert tickets.take(last, 100.0) is not None
    assert tickets.take("ä", 100.0) is None
