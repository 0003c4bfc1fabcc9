import json
from pathlib import Path

import httpx
import pytest
import trio
from stage import QUESTION, Stage, staged

from ccflared.daemon import connection
from ccflared.demo.script import Held


async def converse(stage: Stage, *parts: bytes) -> tuple[int, dict[str, object]]:
    """Send bytes, wait for the answer, return its status and JSON."""
    stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
    async with stream:
        for part in parts:
            await stream.send_all(part)
        data = b""
        with trio.fail_after(5):
            while not (b"\r\n\r\n" in data and data.endswith(b"}")):
                data += await stream.receive_some()
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n"


async def test_a_body_that_says_it_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    async with staged(tmp_path, server='max_body = "1KiB"') as stage:
        status, error = await converse(stage, HEAD + b"content-length: 99999999999\r\n\r\n", b"x" * 10)
        assert status == 413
        assert error["error"]["type"] == "request_too_large"  # type: ignore[index]
        assert not stage.provider.seen
        (row,) = await stage.rows()
        assert (row.outcome, row.status) == ("refused", 413)


async def test_a_chunked_body_that_grows_too_large_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, server='max_body = "1KiB"') as stage:
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        status, _ = await converse(stage, HEAD + b"transfer-encoding: chunked\r\n\r\n", chunk * 3)
        assert status == 413


async def test_a_large_refused_body_still_gets_its_answer_through(tmp_path: Path) -> None:
    async with staged(tmp_path, server='max_body = "1KiB"') as stage:
        answer = await stage.client.post(stage.url + "/v1/messages", content=b"x" * 5_000_000)
        assert answer.status_code == 413
        assert (await stage.ask()).status_code == 200


async def test_a_body_that_stalls_is_given_up(tmp_path: Path) -> None:
    async with staged(tmp_path, server='body_timeout = "100ms"') as stage:
        status, error = await converse(stage, HEAD + b"content-length: 100\r\n\r\n", b'{"model"')
        assert status == 408
        assert error["error"]["type"] == "timeout_error"  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", "a model name is required"),
        (b'{"model": 3}', "a model name is required"),
        (b'{"model": "a\\u0000b"}', "a model name is required"),
        (b'{"messages": [], "model": "a", "model": "b"}', "more than once"),
        (b'{"model": "a", "mo\\u0064el": "b"}', "more than once"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
async def test_a_body_without_a_clear_model_is_refused_in_words(
    tmp_path: Path, body: bytes, says: str
) -> None:
    async with staged(tmp_path) as stage:
        answer = await stage.client.post(stage.url + "/v1/messages", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert says in answer.json()["error"]["message"]
        assert not stage.provider.seen


async def test_beyond_max_concurrency_clients_are_asked_to_come_back(tmp_path: Path) -> None:
    async with staged(tmp_path, server="max_concurrency = 1") as stage:
        release = trio.Event()
        stage.provider.play("sk-first", Held(release))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.ask)
            await stage.provider.received(1)
            answer = await stage.ask()
            assert answer.status_code == 529
            assert answer.json()["error"]["type"] == "overloaded_error"
            assert answer.headers["retry-after"] == "1"
            release.set()
        assert (await stage.ask()).status_code == 200


async def test_headers_reach_the_upstream_as_the_rules_say(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.headers = {
            "authorization": "Bearer client-secret",
            "x-api-key": "client-secret",
            "cookie": "a=client-secret",
            "x-ccflared-project": "p",
            "anthropic-version": "2026-10-21",
            "anthropic-beta": "one,two",
            "x-custom": "kept",
            "connection": "keep-alive, x-hop",
            "x-hop": "dropped",
            "user-agent": "claude-cli/2.1.330 (external, cli)",
            "accept-encoding": "gzip, br",
        }
        await stage.ask(path="/v1/messages?beta=true")
        seen = stage.provider.seen[0]
        fields = dict(seen.headers)
        assert seen.target == "/v1/messages?beta=true"
        assert fields[b"x-api-key"] == b"sk-first"
        assert fields[b"anthropic-version"] == b"2026-10-21"
        assert fields[b"anthropic-beta"] == b"one,two"
        assert fields[b"x-custom"] == b"kept"
        assert fields[b"user-agent"] == b"claude-cli/2.1.330 (external, cli)"
        assert fields[b"accept-encoding"] == b"identity"
        assert not {b"authorization", b"cookie", b"x-ccflared-project", b"x-hop"} & set(fields)
        assert not any(b"client-secret" in value for value in fields.values())
        (row,) = await stage.rows()
        assert row.project == "p"


async def test_requests_never_wait_for_a_connection_however_many_are_cancelled(tmp_path: Path) -> None:
    """The wedge of encode/httpcore#1093: after waiting requests were cancelled, none ever succeeded again."""
    async with staged(tmp_path, ["only"]) as stage:
        release = trio.Event()
        stage.provider.play("sk-only", *[Held(release)] * 60)

        body = json.dumps(QUESTION | {"stream": True}).encode()

        async def leave(number: int) -> None:
            with trio.move_on_after(0.05 + number * 0.002):
                async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
                    await stream.send_all(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
                    await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            for number in range(60):
                nursery.start_soon(leave, number)
        release.set()
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(20):
                answer = await client.post(stage.url + "/v1/messages", json=QUESTION)
                assert answer.status_code == 200


async def test_a_head_that_trickles_in_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_HEADERS_WITHIN", 0.2)
    async with staged(tmp_path) as stage:
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            await stream.send_all(HEAD)
            with trio.fail_after(2):
                assert await stream.receive_some() == b""
        # Neither does it concern an idle connection, nor one that sends whole heads.
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            for _ in range(3):
                await trio.sleep(0.25)
                await stream.send_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
                data = b""
                while not data.endswith(b"}"):
                    data += await stream.receive_some()
                assert data.startswith(b"HTTP/1.1 200")


async def test_a_connection_that_its_client_has_closed_is_let_go_of_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        serving = stage.running.listeners._connections
        assert serving is not None
        before = len(serving.child_tasks)
        for _ in range(20):
            async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
                await stream.send_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
        with trio.fail_after(2):
            while len(serving.child_tasks) > before:
                await trio.sleep(0.01)
