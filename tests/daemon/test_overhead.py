"""What ccflared itself took of a request, told apart from the waits for upstreams and clients. Over real sockets."""

import json
import socket
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import trio
import trio.testing
from stage import QUESTION, Stage, staged
from upstreams import Link, far

from ccflared.daemon import pipe
from ccflared.daemon.stopwatch import LOOP, Stopwatch
from ccflared.demo.script import Failing
from ccflared.wire import Entry

SLOW = 0.2
"""Seconds that others let wait, each time."""
SMALL_US = 120_000
"""More than ccflared takes on a busy machine for a request, and less than any of the waits."""

EVENTS = [
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":1}}}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"a"}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]


async def slow_document(link: Link) -> None:
    """Answer after a while, and let the second half of the body wait, too."""
    while await link.request():
        await trio.sleep(SLOW)
        await link.answer(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n")
        await trio.sleep(SLOW)
        await link.answer(b'{"id":"msg_1"}')


async def slow_stream(link: Link) -> None:
    """Let each event wait."""
    while await link.request():
        await link.answer(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for event in EVENTS:
            await trio.sleep(SLOW)
            await link.answer(b"%x\r\n%b\r\n" % (len(event), event))
        await link.answer(b"0\r\n\r\n")


async def large_document(link: Link) -> None:
    """Answer with more than any socket's buffers hold."""
    while await link.request():
        data = b'"' + b"a" * LARGE + b'"'
        await link.answer(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data)
        )
        await link.answer(data)


LARGE = 30_000_000


async def row(stage: Stage) -> Entry:
    """Return the one row, whose overhead is known and no longer than the whole."""
    (entry,) = await stage.rows()
    assert entry.overhead_us is not None
    assert 0 <= entry.overhead_us <= entry.total_ms * 1000 + 1000
    return entry


@pytest.mark.parametrize(
    ("script", "asked", "waits"),
    [(slow_document, {}, 2), (slow_stream, {"stream": True}, 3)],
)
async def test_the_time_that_an_upstream_takes_is_no_overhead(
    tmp_path: Path, script: Any, asked: dict[str, Any], waits: int
) -> None:
    async with far(script) as place, staged(tmp_path, ("first",), own=at(place.port)) as stage:
        assert (await stage.ask(**asked)).status_code == 200
        entry = await row(stage)
        assert entry.total_ms >= waits * SLOW * 1000
        assert entry.overhead_us is not None
        assert 0 < entry.overhead_us < SMALL_US


def at(port: int) -> dict[str, str]:
    return {"first": f'base_url = "http://127.0.0.1:{port}"'}


async def test_a_pause_before_an_overloaded_account_is_asked_again_is_no_overhead(tmp_path: Path) -> None:
    more = '[routing]\noverload_retry = { attempts = 2, delay = "600ms" }\n'
    async with staged(tmp_path, ("first",), more=more) as stage:
        stage.provider.play("sk-first", Failing(529))
        assert (await stage.ask()).status_code == 200
        entry = await row(stage)
        assert len(entry.attempts) == 2
        assert entry.total_ms >= 300
        assert entry.overhead_us is not None
        assert entry.overhead_us < SMALL_US


async def test_a_client_that_sends_slowly_makes_no_overhead(tmp_path: Path) -> None:
    async with staged(tmp_path, ("first",)) as stage:
        body = json.dumps(QUESTION).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            await stream.send_all(head(len(body)))
            await trio.sleep(SLOW)
            await stream.send_all(body[:10])
            await trio.sleep(SLOW)
            await stream.send_all(body[10:])
            assert b" 200 " in await stream.receive_some()
            entry = await row(stage)
        assert entry.total_ms >= 2 * SLOW * 1000
        assert entry.overhead_us is not None
        assert entry.overhead_us < SMALL_US


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_client_that_reads_slowly_makes_no_overhead(tmp_path: Path, leaves: bool) -> None:
    async with far(large_document) as place, staged(tmp_path, ("first",), own=at(place.port)) as stage:
        body = json.dumps(QUESTION).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            await stream.send_all(head(len(body)) + body)
            await trio.sleep(5 * SLOW)
            length = LARGE if leaves else 0
            while length < LARGE and (data := await stream.receive_some(1_000_000)):
                length += len(data)
        entry = await row(stage)
        assert entry.outcome == ("client_gone" if leaves else "complete")
        assert entry.total_ms >= 5 * SLOW * 1000
        # To pass on so much takes a while; that nothing was taken in for a second is not in it.
        assert entry.overhead_us is not None
        assert entry.overhead_us < (entry.total_ms - 5 * SLOW * 1000) * 1000 + SMALL_US


def head(length: int) -> bytes:
    return b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % length


async def test_what_ccflared_itself_does_is_overhead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(tmp_path, ("first",)) as stage:
        house = stage.running.house
        plan = house.plan

        def laborious(*given: Any, **named: Any) -> Any:
            spin(SLOW)
            return plan(*given, **named)

        monkeypatch.setattr(house, "plan", laborious)
        assert (await stage.ask()).status_code == 200
        entry = await row(stage)
        assert entry.overhead_us is not None
        assert entry.overhead_us >= SLOW * 1e6


async def test_a_second_request_of_a_connection_is_not_charged_with_the_waits_of_the_first(
    tmp_path: Path,
) -> None:
    async with far(slow_document) as place, staged(tmp_path, ("first",), own=at(place.port)) as stage:
        for _ in range(2):
            assert (await stage.ask()).status_code == 200
        first, second = await stage.rows()
        for entry in (first, second):
            assert entry.overhead_us is not None
            assert 0 < entry.overhead_us < SMALL_US
        assert len(place.links) == 1


async def test_a_request_that_nobody_serves_has_an_overhead_too(tmp_path: Path) -> None:
    async with staged(tmp_path, ()) as stage:
        assert (await stage.ask()).status_code == 503
        entry = await row(stage)
        assert entry.outcome == "refused"


async def test_a_wait_is_over_when_the_loop_knows_it_not_when_it_is_ones_turn() -> None:
    LOOP.watch()
    waited: list[float] = []

    async def reads(stream: trio.SocketStream) -> None:
        stopwatch = Stopwatch()
        await pipe.read_timed(stream, stopwatch)
        waited.append(stopwatch.waited)
        spin(2 * SLOW)

    pairs = [socket.socketpair() for _ in range(2)]
    async with trio.open_nursery() as nursery:
        for near, _ in pairs:
            nursery.start_soon(reads, trio.SocketStream(trio.socket.from_stdlib_socket(near)))
        await trio.testing.wait_all_tasks_blocked()
        for _, far_end in pairs:
            far_end.sendall(b"x")
    for near, far_end in pairs:
        near.close()
        far_end.close()
    assert len(waited) == 2
    assert max(waited) < 2 * SLOW


def spin(seconds: float) -> None:
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass
