"""Answers that no honest upstream gives: lengths that are wrong, archives without end, our own key read out aloud."""

import gzip
import logging
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
from stage import events, staged

from ccflared.demo.script import Raw

JSON = b"content-type: application/json\r\n"
SSE = b"content-type: text/event-stream\r\n"
EVENT = b'event: content_block_delta\ndata: {"type": "content_block_delta"}\n\n'


def answer(fields: bytes, body: bytes, status: bytes = b"200 OK") -> Raw:
    return Raw(b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n" + body)


async def test_a_stream_that_names_its_length_and_breaks_still_ends_with_an_error_event(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", answer(SSE + b"content-length: 9999\r\n", EVENT))
        received = await stage.ask(stream=True)
        assert [event["type"] for event in events(received.content)] == ["content_block_delta", "error"]
        (row,) = await stage.rows()
        assert (row.outcome, row.status) == ("truncated", 200)


async def test_a_length_beside_chunks_does_not_count(tmp_path: Path) -> None:
    fields = JSON + b"content-length: 5\r\ntransfer-encoding: chunked\r\n"
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", answer(fields, b'10\r\n{"model": "long"\r\n1\r\n}\r\n0\r\n\r\n'))
        assert (await stage.ask()).json() == {"model": "long"}
        assert [row.outcome for row in await stage.rows()] == ["complete"]


async def test_a_long_error_answer_arrives_whole(tmp_path: Path) -> None:
    body = b'{"error": {"message": "' + b"x" * 200_000 + b'"}}'
    async with staged(tmp_path) as stage:
        stage.provider.play(
            "sk-first", answer(JSON + b"content-length: %d\r\n" % len(body), body, b"400 Bad Request")
        )
        received = await stage.ask()
        assert (received.status_code, received.content) == (400, body)


async def test_an_error_answer_that_breaks_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    fields = JSON + b"transfer-encoding: chunked\r\n"
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", answer(fields, b'a\r\n{"error": \r\n', b"400 Bad Request"))
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.ask()
        assert [row.outcome for row in await stage.rows()] == ["truncated"]


async def test_an_archive_of_blank_lines_does_not_stop_the_others(tmp_path: Path) -> None:
    bomb = answer(SSE + b"content-encoding: gzip\r\nconnection: close\r\n", gzip.compress(b"\n" * 10_000_000))
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", bomb)
        longest = 0.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(stage.ask, stream=True))
            await stage.provider.received(1)
            for _ in range(5):
                began = trio.current_time()
                assert (await stage.client.get(stage.url + "/livez")).status_code == 200
                longest = max(longest, trio.current_time() - began)
            nursery.cancel_scope.cancel()
        assert longest < 2.0


async def test_a_client_that_reads_late_is_no_silence_of_the_upstream(tmp_path: Path) -> None:
    more = '[routing]\nidle_timeout = "300ms"\n'
    async with staged(tmp_path, more=more) as stage:
        long = b"".join(
            b'data: {"type": "content_block_delta", "x": "' + b"y" * 9_000 + b'"}\n\n' for _ in range(2000)
        )
        stop = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
        stage.provider.play("sk-first", answer(SSE + b"connection: close\r\n", long + stop))
        body = b'{"model": "claude-sonnet-4-5", "stream": true, "messages": []}'
        head = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
            await stream.send_all(head % len(body) + body)
            await trio.sleep(1.0)
            received = b"".join([data async for data in stream])
        assert b"message_stop" in received
        assert b"event: error" not in received
        assert [row.outcome for row in await stage.rows()] == ["complete"]


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"403 Forbidden", b"500 Oh\r\nsk-first"])
async def test_an_account_s_key_that_its_upstream_repeats_is_in_no_log_row_or_status(
    tmp_path: Path, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"error": {"type": "x", "message": "the key sk-first is not mine"}}'
    logging.getLogger("ccflared.accounts").addHandler(caplog.handler)
    try:
        async with staged(tmp_path) as stage:
            stage.provider.play(
                "sk-first", answer(JSON + b"content-length: %d\r\n" % len(body), body, status)
            )
            assert (await stage.ask()).status_code == 200
            said = (await stage.client.get(stage.url + "/api/status")).text
            (row,) = await stage.rows()
    finally:
        logging.getLogger("ccflared.accounts").removeHandler(caplog.handler)
    assert "[secret]" in said
    assert "[secret]" in row.attempts[0].reason
    assert "[secret]" in caplog.text
    assert "sk-first" not in f"{said} {row} {caplog.text}"
