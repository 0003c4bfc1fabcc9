"""What a client sends ahead of its turn: it waits, it is bounded, and it hides nothing."""

import json
from pathlib import Path

import pytest
import trio
from stage import QUESTION, Stage, staged

from ccflared.demo.script import Answer, Held

BODY = json.dumps(QUESTION).encode()
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(*fields: bytes) -> bytes:
    lines = [b"POST /v1/messages HTTP/1.1", b"Host: localhost", b"Content-Length: %d" % len(BODY), *fields]
    return b"\r\n".join([*lines, b"", BODY])


async def connections(stage: Stage, count: int) -> None:
    """Wait until that many connections of clients are left."""
    nursery = stage.running.listeners._connections
    assert nursery is not None
    with trio.fail_after(5):
        while len(nursery.child_tasks) - len(stage.running.listeners.bound) > count:
            await trio.sleep(0.01)


@pytest.mark.parametrize(
    "ahead",
    [GET, b"\r\n", b"GET", post()[:-5], b"x" * 300_000],
    ids=["whole", "line", "part", "body", "much"],
)
async def test_a_client_that_leaves_with_more_sent_ahead_leaves_nothing_behind(
    tmp_path: Path, ahead: bytes
) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", then=Answer(headers_after=0.3))
        for number in range(1, 4):
            stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
            async with stream, trio.open_nursery() as nursery:
                nursery.start_soon(stream.send_all, post() + ahead)
                await stage.provider.received(number)
                nursery.cancel_scope.cancel()
        await connections(stage, 0)
        # What is far ahead of its turn is left unread, and a leaving behind it unseen until the answer goes out.
        outcomes = {row.outcome for row in await stage.rows()}
        assert outcomes <= ({"client_gone", "complete"} if len(ahead) > 65536 else {"client_gone"})


@pytest.mark.parametrize(
    "fields", [(), (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")], ids=["", "h2c"]
)
@pytest.mark.parametrize("ahead", [b"", GET], ids=["alone", "ahead"])
async def test_leaving_is_noticed_at_once_whatever_else_was_sent(
    tmp_path: Path, ahead: bytes, fields: tuple[bytes, ...]
) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        release = trio.Event()
        stage.provider.play("sk-only", Held(release, after_events=0))
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        await stream.send_all(post(*fields) + ahead)
        seen = await stage.provider.received(1)
        await stream.aclose()
        with trio.fail_after(1):
            await seen.left.wait()


async def test_requests_sent_at_once_are_answered_in_their_order(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Answer(headers_after=0.1), Answer())
        asked = post() + GET + post() + GET * 2_500 + post(b"Connection: close")
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, asked)
            received = b""
            with trio.fail_after(60):
                while data := await stream.receive_some():
                    received += data
        answers = received.split(b"HTTP/1.1 ")[1:]
        kinds = "".join("p" if b'"type": "message"' in answer else "g" for answer in answers)
        assert kinds == "pgp" + "g" * 2_500 + "p"


async def test_what_stands_behind_the_last_request_does_not_spoil_its_answer(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
            await stream.send_all(post(b"Connection: close") + b"\r\n\x00garbage")
            received = b""
            while data := await stream.receive_some():
                received += data
        assert received.startswith(b"HTTP/1.1 200 ")
        assert received.count(b"HTTP/1.1 ") == 1
