"""HTTP/2 with the whole daemon behind it: clients, streams, their rows, and the drain."""

import json
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.testing
from h2.errors import ErrorCodes
from http2_peer import Peer, peer_at, trusting, write_certificate
from stage import QUESTION, Stage, events, staged

from ccflared.demo.script import Answer, Cut, Dropped, Held

SPOKEN = Answer(interval=0.02)


@asynccontextmanager
async def secured(directory: Path, server: str = "", **more: Any) -> AsyncIterator[Stage]:
    """Stage a daemon behind TLS, and give it a client that speaks HTTP/2."""
    line = write_certificate(directory)
    async with staged(directory, server=f"{line}\n{server}", **more) as stage, client() as speaking:
        stage.client = speaking
        yield stage


def client(*, http1: bool = False) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        http1=True,
        http2=not http1,
        verify=trusting(),
        timeout=20,
        trust_env=False,
        base_url="https://localhost",
    )


async def ask(stage: Stage, path: str = "/v1/messages", **more: Any) -> httpx.Response:
    return await stage.client.post(f"https://localhost:{stage.port}{path}", json=QUESTION | more)


async def asked(peer: Peer, **more: Any) -> int:
    """Send a question by hand."""
    sent = json.dumps(QUESTION | {"stream": True} | more).encode()
    return await peer.ask(
        "/v1/messages", method="POST", body=sent, more=[("content-type", "application/json")]
    )


async def draining(stage: Stage) -> None:
    """Wait until the daemon has begun to end, and its connections know."""
    while not stage.running.house.draining:
        await trio.sleep(0.01)
    await trio.testing.wait_all_tasks_blocked(0.05)


async def test_httpx_asks_over_one_connection_and_gets_documents_and_streams(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage:
        whole = await ask(stage)
        assert (whole.status_code, whole.http_version) == (200, "HTTP/2")
        assert whole.json()["type"] == "message"
        assert "connection" not in whole.headers
        assert "transfer-encoding" not in whole.headers
        stream = await ask(stage, stream=True)
        assert events(stream.content)[-1]["type"] == "message_stop"
        rows = await stage.rows()
        assert [row.outcome for row in rows] == ["complete", "complete"]
        answer = await stage.client.get(f"https://localhost:{stage.port}/v1/models")
        assert answer.status_code == 200


async def test_who_offers_http_1_1_alone_is_served_by_it(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage, client(http1=True) as old:
        stage.client = old
        whole = await ask(stage)
        assert (whole.status_code, whole.http_version) == (200, "HTTP/1.1")


async def test_a_client_without_alpn_is_served_by_http_1_1(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage:
        plain = await trio.open_tcp_stream("127.0.0.1", stage.port)
        stream = trio.SSLStream(plain, trusting(), server_hostname="localhost", https_compatible=True)
        await stream.send_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
        await stream.aclose()


async def test_without_tls_http_2_is_refused_in_words_that_its_clients_understand(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
            await stream.send_all(
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
            )
            got = b"".join([data async for data in stream])
            assert got.startswith(b"HTTP/1.1 505 ")
        upgrade = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}
        answer = await stage.client.get(stage.url + "/livez", headers=upgrade)
        assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")


async def test_a_large_question_goes_through_and_one_too_large_is_told(tmp_path: Path) -> None:
    async with secured(tmp_path, server='max_body = "3MiB"') as stage:
        large = await ask(stage, system="x" * 2_000_000)
        assert large.status_code == 200
        assert len(stage.provider.seen[-1].body) > 2_000_000
        too_large = await ask(stage, system="x" * 4_000_000)
        assert too_large.status_code == 413
        assert (await ask(stage)).status_code == 200


async def test_a_body_that_stops_coming_is_given_up(tmp_path: Path) -> None:
    async with secured(tmp_path, server='body_timeout = "300ms"') as stage, peer_at(stage.port) as peer:
        number = await peer.ask("/v1/messages", method="POST", body=b'{"model":', end=False)
        seen = await peer.answer(number)
        assert seen.status == 408


async def test_what_the_gate_refuses_over_http_1_1_it_refuses_here(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage, peer_at(stage.port) as peer:
        for path in ("/v1/../api/status", "/%2e%2e/", "//x", "https://localhost/v1/models", "*"):
            assert (await peer.answer(await peer.ask(path))).status == 400
        connect = await peer.ask_with([(":method", "CONNECT"), (":authority", "localhost:443")])
        assert (await peer.answer(connect)).status == 400
        pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/api/status")]
        foreign = await peer.ask_with([*pseudo, (":authority", "evil.example")])
        assert (await peer.answer(foreign)).status == 421
        assert (await peer.answer(await peer.ask("/api/status"))).status == 200


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_client_that_leaves_ends_its_request_upstream_and_leaves_a_row(
    tmp_path: Path, how: str
) -> None:
    held = trio.Event()
    async with secured(tmp_path) as stage, peer_at(stage.port) as peer:
        stage.provider.play("sk-first", Held(held, after_events=6, answer=SPOKEN))
        number = await asked(peer)
        await peer.until(lambda: b"content_block_delta" in peer.streams[number].body)
        if how == "reset":
            peer.http.reset_stream(number, ErrorCodes.CANCEL)
            await peer.flush()
        else:
            await peer.stream.aclose()
        with trio.fail_after(5):
            (row,) = await stage.rows()
        assert (row.outcome, row.status) == ("client_gone", 200)
        if how == "reset":
            again = await peer.answer(await asked(peer))
            assert b"message_stop" in again.body


async def test_a_stream_that_breaks_off_inside_an_event_has_no_end(tmp_path: Path) -> None:
    async with secured(tmp_path, names=["first"]) as stage, peer_at(stage.port) as peer:
        within = Dropped(after_events=6, answer=SPOKEN)
        stage.provider.play("sk-first", within, Cut(after_events=6, answer=SPOKEN), within)
        seen = await peer.answer(await asked(peer))
        assert (seen.ended, seen.reset) == (False, ErrorCodes.INTERNAL_ERROR)
        told = await peer.answer(await asked(peer))
        assert told.ended
        assert events(told.body)[-1]["type"] == "error"
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(stage, stream=True)
        rows = await stage.rows()
        assert [row.outcome for row in rows] == ["truncated", "truncated", "truncated"]


async def test_events_come_one_by_one_and_many_conversations_share_a_connection(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage, peer_at(stage.port) as peer:
        stage.provider.play("sk-first", then=Answer(events=10, interval=0.02))
        numbers = [await asked(peer) for _ in range(30)]
        for number in numbers:
            seen = await peer.answer(number)
            assert seen.ended
            assert len(seen.pieces) > 8
        rows = await stage.rows()
        assert [row.outcome for row in rows] == ["complete"] * 30


async def test_a_stop_lets_streams_finish_and_idle_connections_end_at_once(tmp_path: Path) -> None:
    held = trio.Event()
    async with secured(tmp_path) as stage, peer_at(stage.port) as idle, peer_at(stage.port) as peer:
        await idle.answer(await idle.ask("/livez"))
        stage.provider.play("sk-first", Held(held, after_events=6, answer=SPOKEN))
        number = await asked(peer)
        await peer.until(lambda: b"content_block_delta" in peer.streams[number].body)
        await stage.signals.send(signal.SIGTERM)
        await idle.left(2)
        assert idle.goaways[-1][0] == ErrorCodes.NO_ERROR
        # While it is waited for, the client is told nothing: some drop their streams when they are.
        assert not peer.goaways
        held.set()
        seen = await peer.answer(number)
        assert seen.ended
        assert b"message_stop" in seen.body
        await peer.left(5)
        assert peer.goaways == [(ErrorCodes.NO_ERROR, number)]


async def test_a_stop_lets_a_stream_of_httpx_finish(tmp_path: Path) -> None:
    held = trio.Event()
    async with secured(tmp_path) as stage:
        stage.provider.play("sk-first", Held(held, after_events=6, answer=SPOKEN))
        url = f"https://localhost:{stage.port}/v1/messages"
        async with stage.client.stream("POST", url, json=QUESTION | {"stream": True}) as answer:
            got = b""
            async for data in answer.aiter_raw():
                got += data
                if b"content_block_delta" in got and not held.is_set():
                    await stage.signals.send(signal.SIGTERM)
                    await draining(stage)
                    held.set()
            assert b"message_stop" in got


async def test_what_a_stop_cuts_off_has_no_end(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage, peer_at(stage.port) as peer:
        stage.provider.play("sk-first", Held(trio.Event(), after_events=6, answer=SPOKEN))
        number = await asked(peer)
        await peer.until(lambda: b"content_block_delta" in peer.streams[number].body)
        await stage.signals.send(signal.SIGTERM)
        await draining(stage)
        await stage.signals.send(signal.SIGTERM)
        await peer.left(5)
        assert (peer.streams[number].ended, peer.streams[number].reset) == (False, ErrorCodes.CANCEL)


async def test_curl_speaks_it_without_being_asked(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage:
        command = [
            "curl",
            "-sS",
            "--cacert",
            str(tmp_path / "ca.pem"),
            "-w",
            "\n%{http_version} %{http_code}",
        ]
        url = f"https://localhost:{stage.port}/v1/messages"
        question = json.dumps(QUESTION | {"stream": True, "system": "x" * 300_000})
        (tmp_path / "question.json").write_text(question)
        sent = ["-H", "content-type: application/json", "-d", f"@{tmp_path}/question.json", url]
        done = await trio.run_process([*command, *sent], capture_stdout=True, stdin=subprocess.DEVNULL)
        assert b"message_stop" in done.stdout
        version, _, status = done.stdout.decode().splitlines()[-1].partition(" ")
        if version == "1.1":
            pytest.skip("this curl does not speak HTTP/2")
        assert (version, status) == ("2", "200")
        stage.provider.play("sk-first", Dropped(after_events=6, answer=SPOKEN))
        broken = await trio.run_process(
            [*command, *sent], capture_stdout=True, check=False, capture_stderr=True
        )
        assert broken.returncode == 92  # CURLE_HTTP2_STREAM
