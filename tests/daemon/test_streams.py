import json
from pathlib import Path

import httpx
import pytest
import trio
from stage import QUESTION, Stage, events, staged
from upstreams import Link, far

from ccflared.daemon import connection
from ccflared.demo.script import (
    Answer,
    Behaviour,
    Cut,
    Dropped,
    ErrorEvent,
    Failing,
    Held,
    Raw,
    Reset,
    Silent,
)

EVENT = b'event: content_block_delta\ndata: {"type": "content_block_delta"}\n\n'


def raw_stream(*parts: bytes) -> Raw:
    """An upstream's answer, byte by byte as given, that is complete when the connection ends."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return Raw(head + b"".join(parts))


async def test_bytes_of_a_stream_are_untouched_whatever_they_are(tmp_path: Path) -> None:
    odd = (
        b": a comment\r\n\r\nevent:message_start\ndata:{}\n\n\n\nevent: content_block_start\rdata: x\r\r",
        b'id: 7\r\nretry: 3\r\ndata: \xff\xfe\r\n\r\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    )
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", raw_stream(*odd))
        answer = await stage.ask(stream=True)
        assert answer.content == b"".join(odd)
        assert answer.headers["x-accel-buffering"] == "no"
        (row,) = await stage.rows()
        assert (row.outcome, row.account) == ("complete", "first")


@pytest.mark.parametrize(
    "broken",
    [Cut(after_events=5), ErrorEvent(after_events=5), Silent(after_events=5)],
    ids=lambda v: type(v).__name__,
)
async def test_a_stream_that_breaks_between_events_ends_with_an_error_event(
    tmp_path: Path, broken: Behaviour
) -> None:
    async with staged(tmp_path, more='[routing]\nidle_timeout = "400ms"\n') as stage:
        stage.provider.play("sk-first", broken)
        answer = await stage.ask(stream=True)
        assert events(answer.content)[-1]["type"] == "error"
        assert len(stage.provider.seen) == 1
        (row,) = await stage.rows()
        assert row.outcome == ("error" if isinstance(broken, ErrorEvent) else "truncated")
        assert row.error
        assert row.tokens.input is not None


@pytest.mark.parametrize("rest", [b"", b": half an ev"], ids=["between events", "inside one"])
async def test_an_error_event_is_told_once_whatever_becomes_of_the_connection_after_it(
    tmp_path: Path, rest: bytes
) -> None:
    said = b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Out of luck"}}\n\n'
    begun = trio.Event()

    async def script(link: Link) -> None:
        await link.request()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        await link.answer(head + b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
        await begun.wait()
        await link.answer(
            b"%x\r\n%s\r\n" % (len(said + rest), said + rest)
        )  # and hangs up without a last chunk

    async with far(script) as place:
        own = {"first": f'base_url = "http://127.0.0.1:{place.port}"'}
        async with (
            staged(tmp_path, own=own) as stage,
            stage.client.stream(
                "POST", stage.url + "/v1/messages", json=QUESTION | {"stream": True}
            ) as answer,
        ):
            received = b""
            async for piece in answer.aiter_raw():
                received += piece
                begun.set()
            assert received == EVENT + said + rest
            (row,) = await stage.rows()
            assert (row.outcome, row.error) == ("error", "api_error, told inside the stream: Out of luck")


@pytest.mark.parametrize(
    "broken", [Dropped(after_events=5), Reset(after_events=5)], ids=lambda v: type(v).__name__
)
async def test_a_stream_that_breaks_anywhere_is_never_taken_for_a_whole_one(
    tmp_path: Path, broken: Behaviour
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", broken)
        try:
            answer = await stage.ask(stream=True)
        except httpx.RemoteProtocolError:
            pass  # the connection was cut
        else:
            assert events(answer.content)[-1]["type"] == "error"
        (row,) = await stage.rows()
        assert row.outcome == "truncated"


async def test_a_stream_cut_inside_an_event_cuts_the_clients_connection(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", raw_stream(EVENT, b"event: content_block_delta\ndata: {"))
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.ask(stream=True)
        assert [row.outcome for row in await stage.rows()] == ["truncated"]


async def test_a_json_answer_that_breaks_after_it_was_begun_cuts_the_clients_connection(
    tmp_path: Path,
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 600000\r\n\r\n"
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Raw(head + b" " * 500_000))
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.ask()
        assert [row.outcome for row in await stage.rows()] == ["truncated"]


async def test_what_came_after_message_stop_does_not_matter(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    stop = EVENT + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Raw(head + b"%x\r\n%s\r\n" % (len(stop), stop)))
        answer = await stage.ask(stream=True)
        assert answer.content == stop
        assert [row.outcome for row in await stage.rows()] == ["complete"]


async def test_silence_is_filled_with_pings_between_events(tmp_path: Path) -> None:
    async with staged(tmp_path, more='[routing]\nping_after = "50ms"\n') as stage:
        release = trio.Event()
        stage.provider.play("sk-first", Held(release, after_events=5))
        body = b""
        async with stage.client.stream(
            "POST", stage.url + "/v1/messages", json=QUESTION | {"stream": True}
        ) as answer:
            async for data in answer.aiter_raw():
                body += data
                if body.count(b"event: ping") >= 4:
                    release.set()
        kinds = [event["type"] for event in events(body)]
        assert kinds.count("ping") >= 4
        assert kinds[-1] == "message_stop"
        assert [row.outcome for row in await stage.rows()] == ["complete"]


async def test_no_ping_is_slipped_into_the_middle_of_an_event(tmp_path: Path) -> None:
    release = trio.Event()
    async with staged(tmp_path, more='[routing]\nping_after = "30ms"\nidle_timeout = "300ms"\n') as stage:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"

        async def half_an_event(stream: trio.SocketStream) -> None:
            async with stream:
                await stream.receive_some()
                await stream.send_all(head + EVENT + b"event: content_block_delta\n")
                await release.wait()

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, half_an_event, 0)
            port = listeners[0].socket.getsockname()[1]
            stage.edit(stage.config.read_text().replace(f":{stage.provider_port}", f":{port}"))
            assert (await stage.running.reloads.reload("command")).applied
            with pytest.raises(httpx.RemoteProtocolError):
                await stage.ask(stream=True)
            release.set()
            nursery.cancel_scope.cancel()


async def test_a_stream_without_content_is_committed_after_a_while_so_that_it_shows_life(
    tmp_path: Path,
) -> None:
    more = '[routing]\nhold_first_event = "100ms"\nping_after = "50ms"\n'
    async with staged(tmp_path, more=more) as stage:
        release = trio.Event()
        stage.provider.play("sk-first", Held(release, after_events=0))
        url = stage.url + "/v1/messages"
        async with stage.client.stream("POST", url, json=QUESTION | {"stream": True}) as answer:
            assert answer.status_code == 200
            body = b""
            async for data in answer.aiter_raw():
                body += data
                release.set()
        assert body.startswith(b"event: ping")
        assert events(body)[-1]["type"] == "message_stop"


async def test_a_client_that_leaves_cancels_the_upstream_within_100_ms(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", then=Answer(events=2000, interval=0.005))
        for _ in range(5):
            await _leave_a_stream(stage)
            seen = stage.provider.seen[-1]
            left = trio.current_time()
            with trio.fail_after(1):
                await seen.left.wait()
            assert seen.left_at is not None
            assert seen.left_at - left < 0.1
        rows = await stage.rows()
        assert [row.outcome for row in rows] == ["client_gone"] * 5
        assert all(row.account == "first" and row.tokens.input for row in rows)
        assert len(stage.provider.seen) == 5


async def _leave_a_stream(stage: Stage) -> None:
    body = json.dumps(QUESTION | {"stream": True}).encode()
    head = b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(body)
    stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
    async with stream:
        await stream.send_all(head + body)
        data = b""
        while b"content_block_delta" not in data:
            data += await stream.receive_some()


async def test_a_client_that_leaves_before_any_answer_is_recorded_and_benches_nobody(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Silent())
        body = json.dumps(QUESTION).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            await stream.send_all(
                b"POST /v1/messages HTTP/1.1\r\nhost: [::1]\r\ncontent-length: %d\r\n\r\n" % len(body)
            )
            await stream.send_all(body)
            await stage.provider.received(1)
        with trio.fail_after(1):
            await stage.provider.seen[-1].left.wait()
        assert [row.outcome for row in await stage.rows()] == ["client_gone"]
        assert (await stage.ask()).headers["x-ccflared-account"] == "first"


async def test_a_client_that_does_not_read_is_let_go_of_when_it_leaves(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Answer(text="word " * 2_000_000, events=200))
        body = json.dumps(QUESTION | {"stream": True}).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            await stream.send_all(
                b"POST /v1/messages HTTP/1.1\r\nhost: [::1]\r\ncontent-length: %d\r\n\r\n" % len(body)
            )
            await stream.send_all(body)
            await stream.receive_some(1)
        with trio.fail_after(5):
            rows = await stage.rows()
        assert [row.outcome for row in rows] == ["client_gone"]


async def test_a_client_that_reads_nothing_for_long_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_UNREAD_FOR", 0.2)
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Answer(text="word " * 2_000_000, events=200))
        body = json.dumps(QUESTION | {"stream": True}).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            await stream.send_all(
                b"POST /v1/messages HTTP/1.1\r\nhost: [::1]\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
            await stage.provider.received(1)
            with trio.fail_after(5):
                rows = await stage.rows()
        assert [row.outcome for row in rows] == ["client_gone"]
        with trio.fail_after(1):
            await stage.provider.seen[-1].left.wait()


async def test_an_account_key_that_its_upstream_repeats_does_not_reach_the_client(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        echo = b'{"type":"error","error":{"type":"invalid_request_error","message":"sent: sk-first-long-enough"}}'
        stage.edit(stage.config.read_text().replace('"sk-first"', '"sk-first-long-enough"'))
        assert (await stage.running.reloads.reload("command")).applied
        stage.provider.play("sk-first-long-enough", Failing(400, body=echo))
        answer = await stage.ask()
        assert answer.status_code == 400
        assert len(answer.content) == len(echo)
        assert "sk-first" not in answer.text
        assert "sent: ****" in answer.text
