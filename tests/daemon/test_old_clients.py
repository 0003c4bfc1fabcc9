"""Clients of HTTP/1.0, as nginx is one towards its upstreams unless it is told otherwise.

A body without length ends for them with the connection, so a break must not look like an orderly close.
"""

import json
import signal
from pathlib import Path

import pytest
import trio
from stage import QUESTION, staged

from ccflared.demo.script import Answer, Cut, Dropped, Held

SPOKEN = Answer(interval=0.02)


async def asked(port: int) -> trio.SocketStream:
    """Ask for a stream, and return the connection it comes by."""
    body = json.dumps(QUESTION | {"stream": True}).encode()
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    head = f"POST /v1/messages HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    await stream.send_all(head.encode() + body)
    return stream


async def answer_of(port: int) -> bytes:
    """Ask for a stream and return all that comes. Raises trio.BrokenResourceError if the connection is reset."""
    async with await asked(port) as stream:
        return await to_the_end(stream)


async def to_the_end(stream: trio.SocketStream) -> bytes:
    return b"".join([data async for data in stream])


async def test_a_whole_stream_ends_with_an_orderly_close(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        got = await answer_of(stage.port)
        assert got.startswith(b"HTTP/1.1 200 ")
        assert b"transfer-encoding" not in got.lower()
        assert got.rstrip().endswith(b'data: {"type": "message_stop"}')


async def test_a_stream_cut_in_the_middle_of_an_event_is_reset(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Dropped(after_events=6, answer=SPOKEN))
        with pytest.raises(trio.BrokenResourceError):
            await answer_of(stage.port)
        (row,) = await stage.rows()
        assert (row.outcome, row.status) == ("truncated", 200)


async def test_a_stream_is_reset_when_the_daemon_ends_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Held(trio.Event(), after_events=6, answer=SPOKEN))
        async with await asked(stage.port) as stream:
            got = b""
            while b"content_block_delta" not in got:
                got += await stream.receive_some()
            for _ in range(2):
                await stage.signals.send(signal.SIGTERM)
            with pytest.raises(trio.BrokenResourceError):
                await to_the_end(stream)


async def test_a_stream_that_ends_between_two_events_says_so_in_one_of_its_own(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Cut(after_events=6, answer=SPOKEN))
        got = await answer_of(stage.port)
        assert b"event: error" in got
        assert b"message_stop" not in got
