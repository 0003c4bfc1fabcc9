"""Streams of accounts of either dialect: where they are committed, how they break, how they end."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from dialects import (
    CLOSED,
    DONE,
    ENDS,
    HEAD,
    PATHS,
    QUESTIONS,
    ROLE,
    STARTED,
    TOOLS,
    Client,
    Upstream,
    answered,
    ask,
    before,
    chunk,
    each_crossing,
    each_upstream,
    ended,
    event,
    events_of,
    failing,
    framed,
    last_of,
    paced,
    read_on,
    said,
    streamed,
    told,
)
from stage import Stage
from upstreams import Link, far

from ccflared.daemon import ear
from ccflared.demo.script import (
    HELLO,
    Behaviour,
    Cut,
    Dropped,
    ErrorEvent,
    Held,
    Raw,
    Reset,
    Silent,
)

QUICK = '[routing]\noverload_retry = { attempts = 2, delay = "10ms" }\n'
OTHER: dict[Upstream, Upstream] = {"chat": "messages", "messages": "chat"}


def early(upstream: Upstream) -> list[Behaviour]:
    """What goes wrong before anything was said."""
    begun = ROLE if upstream == "chat" else STARTED
    opened = ROLE + ROLE if upstream == "chat" else STARTED + b": hm\n\n" + event("ping")
    return [
        streamed(failing(upstream)),
        streamed(begun + failing(upstream)),
        streamed(opened + failing(upstream, "rate_limit_error")),
        streamed(begun),
        streamed(b""),
        streamed(begun + b"data: {"),
        ErrorEvent(after_events=0),
        Cut(after_events=1),
        Dropped(after_events=1),
        Reset(after_events=1),
    ]


@each_crossing
async def test_what_fails_before_it_has_said_anything_is_asked_of_an_account_of_the_other_dialect(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream, OTHER[upstream], more=QUICK) as stage:
        for number, broken in enumerate(early(upstream)):
            stage.running.house.ledger._standings.clear()
            stage.provider.play("sk-first", then=broken, on=upstream)
            answer = await ask(stage, client, stream=True, headers={"session-id": str(number)})
            assert (answer.status_code, told(client, answer)) == (200, HELLO), broken
            assert last_of(client, answer.content) == ENDS[client]
            assert answer.headers["x-ccflared-account"] == "second"
            row = (await stage.rows())[-1]
            assert (row.outcome, row.account) == ("complete", "second")
            kinds = [each.kind for each in row.attempts]
            assert kinds[-1] == "served"
            usual: tuple[set[str], ...] = ({"overloaded"}, {"limit"}, {"broken"})
            # Chat Completions has no name for an overload.
            assert set(kinds[:-1]) in (({"server error"},) if isinstance(broken, ErrorEvent) else ()) + usual


@each_crossing
async def test_what_fails_before_it_has_said_anything_and_nobody_else_can_serve_has_a_status(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream, more=QUICK) as stage:
        for broken in early(upstream):
            stage.running.house.ledger._standings.clear()
            stage.provider.play("sk-first", broken, then=broken, on=upstream)
            answer = await ask(stage, client, stream=True)
            assert answer.status_code in {429, 503}, broken
            error = answer.json()["error"]
            assert error["type"]
            assert error["message"]
            assert ("type" in answer.json()) == (client == "messages")


LATE: list[tuple[Behaviour, str]] = [
    (ErrorEvent(after_events=5, kind="api_error"), "error"),
    (Cut(after_events=5), "truncated"),
    (Dropped(after_events=5), "truncated"),
    (Reset(after_events=5), "truncated"),
    (Silent(after_events=5), "truncated"),
]


@each_crossing
async def test_what_breaks_later_ends_as_an_error_and_never_as_a_whole_answer(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(
        tmp_path, upstream, OTHER[upstream], more='[routing]\nidle_timeout = "400ms"\n'
    ) as stage:
        for broken, outcome in LATE:
            stage.running.house.ledger._standings.clear()
            stage.provider.play("sk-first", broken, on=upstream)
            answer = await ask(stage, client, stream=True)
            assert answer.status_code == 200
            assert last_of(client, answer.content) == "error", (broken, answer.text)
            assert HELLO.startswith(told(client, answer))
            assert told(client, answer) or isinstance(broken, Reset)
            row = (await stage.rows())[-1]
            assert (row.outcome, row.account, len(row.attempts)) == (outcome, "first", 1), broken
            assert row.error


@each_crossing
async def test_an_unfinished_call_is_never_finished_by_a_break(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    if upstream == "chat":
        function = {"name": "look", "arguments": '{"at": "he'}
        call = ROLE + chunk(
            {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
        )
    else:
        block = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": '{"at": "he'}
        call = (
            STARTED
            + event("content_block_start", index=0, content_block=block)
            + event("content_block_delta", index=0, delta=delta)
        )
    for number, rest in enumerate((b"", b"data: ", failing(upstream, "api_error"), b"data: {\n\n")):
        directory = tmp_path / str(number)
        directory.mkdir()
        async with (
            paced(call, rest) as (place, going_on),
            before(directory, upstream, port=place.port) as stage,
        ):
            body = await read_on(stage, client, going_on, **TOOLS[client])
            assert last_of(client, body) == "error"
            assert b"content_block_stop" not in body
            assert b"arguments.done" not in body
            assert b'"finish_reason":"' not in body.replace(b" ", b"")


@each_crossing
async def test_an_empty_answer_is_a_whole_one(tmp_path: Path, client: Client, upstream: Upstream) -> None:
    empty = (
        ROLE + chunk({}, "stop") + DONE if upstream == "chat" else STARTED + ended("messages")[len(CLOSED) :]
    )
    async with before(tmp_path, upstream) as stage:
        for stream in (True, False):
            stage.provider.play("sk-first", streamed(empty), on=upstream)
            answer = await ask(stage, client, stream=stream)
            assert answer.status_code == 200
            if stream:
                assert last_of(client, answer.content) == ENDS[client]
            else:
                assert not told(client, answer).removeprefix("None")
        assert [row.outcome for row in await stage.rows()] == ["complete"] * 2


async def test_a_clean_end_behind_the_reason_is_an_end_even_without_done(tmp_path: Path) -> None:
    whole = said("chat", "Good", " day") + chunk({}, "stop")
    async with before(tmp_path, "chat") as stage:
        for client in PATHS:
            stage.provider.play("sk-first", streamed(whole), on="chat")
            answer = await ask(stage, client, stream=True)
            assert told(client, answer) == "Good day"
            assert client == "chat" or last_of(client, answer.content) == ENDS[client]
            assert client != "chat" or answer.content == whole
        assert [row.outcome for row in await stage.rows()] == ["complete"] * 3


@pytest.mark.parametrize("lacking", [1, 2])
@each_upstream
async def test_the_last_event_may_lack_its_blank_line(
    tmp_path: Path, upstream: Upstream, lacking: int
) -> None:
    wholes = [said(upstream, "Good", " day") + ended(upstream)]
    if upstream == "chat":
        wholes.append(said("chat", "Good", " day") + chunk({}, "stop"))
    async with before(tmp_path, upstream) as stage:
        for whole in wholes:
            for client in PATHS:
                stage.provider.play("sk-first", streamed(whole[:-lacking]), on=upstream)
                answer = await ask(stage, client, stream=True)
                assert told(client, answer) == "Good day"
                if client != upstream:
                    assert last_of(client, answer.content) == ENDS[client]
                else:
                    # Else the client's parser would not see it.
                    assert answer.content == whole[:-lacking] + b"\n\n"
        assert {row.outcome for row in await stage.rows()} == {"complete"}


@each_upstream
async def test_what_was_said_last_and_not_ended_is_said_before_the_break(
    tmp_path: Path, upstream: Upstream
) -> None:
    client: Client = "responses"
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", streamed(said(upstream, "Good", " day")[:-2]), on=upstream)
        answer = await ask(stage, client, stream=True)
        assert last_of(client, answer.content) == "error"
        assert told(client, answer) == "Good day"
        numbers = [each["sequence_number"] for each in events_of(answer.content)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@each_crossing
@pytest.mark.parametrize("how", ["whole", "failed"])
async def test_nothing_follows_the_end_although_the_upstream_stays_open(
    tmp_path: Path, client: Client, upstream: Upstream, how: str
) -> None:
    end = ended(upstream) if how == "whole" else failing(upstream, "api_error")
    more = said(upstream, "and", " more")

    going_on = trio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await link.answer(HEAD + framed(said(upstream, "Good", " day")))
        await going_on.wait()
        await link.answer(framed(end))
        await link.answer(framed(more))
        await link.closed()

    async with far(script) as place:
        routing = '[routing]\nping_after = "20ms"\nidle_timeout = "5m"\n'
        async with before(tmp_path, upstream, port=place.port, more=routing) as stage:
            body = await read_on(stage, client, going_on)
            assert told(client, body) == "Good day"
            assert last_of(client, body) == (ENDS[client] if how == "whole" else "error")
            assert b"ping" not in body[-30:]
            (row,) = await stage.rows()
            assert row.outcome == ("complete" if how == "whole" else "error")


async def test_chat_passed_on_ends_soon_where_its_upstream_stays_open(tmp_path: Path) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.answer(HEAD + framed(said("chat", "Good", " day") + ended("chat")))
        await link.closed()

    async with far(script) as place:
        routing = '[routing]\nping_after = "20ms"\nidle_timeout = "5m"\n'
        async with before(tmp_path, "chat", port=place.port, more=routing) as stage:
            answer = await ask(stage, "chat", stream=True)
            assert answer.content == said("chat", "Good", " day") + ended("chat")
            (row,) = await stage.rows()
            assert row.outcome == "complete"


@each_crossing
async def test_a_client_that_hangs_up_behind_the_end_has_had_a_whole_answer(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    asked = 0

    async def script(link: Link) -> None:
        nonlocal asked
        while await link.request():
            asked += 1
            await link.answer(HEAD + framed(said(upstream, "Good", " day") + ended(upstream)))
            with trio.move_on_after(0.05):
                await trio.Event().wait()
            await link.answer(b"0\r\n\r\n")

    async with far(script) as place, before(tmp_path, upstream, port=place.port) as stage:
        for _ in range(3):
            async with await sending(stage, client, stream=True) as stream:
                data = b""
                while ENDS[client].encode() not in data:
                    data += await stream.receive_some()
            assert (await stage.rows())[-1].outcome == "complete"
        # And the upstream's connection was kept for the next one.
        assert (asked, len(place.links)) == (3, 1)


@each_upstream
async def test_a_stream_in_an_encoding_that_nobody_asked_for_is_read_all_the_same(
    tmp_path: Path, upstream: Upstream
) -> None:
    client: Client = "responses"
    whole = gzip.compress(said(upstream, "Good", " day") + ended(upstream))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n"
    async with before(tmp_path, upstream, OTHER[upstream]) as stage:
        for stream in (True, False):
            stage.provider.play("sk-first", Raw(head + whole), on=upstream)
            answer = await ask(stage, client, stream=stream, headers={"session-id": str(stream)})
            assert (answer.status_code, told(client, answer)) == (200, "Good day")


# Chat Completions, passed on


async def test_chat_passed_on_fails_over_where_its_first_chunk_tells_of_a_failure(tmp_path: Path) -> None:
    async with before(tmp_path, "chat", "messages", more=QUICK) as stage:
        for broken in early("chat"):
            stage.running.house.ledger._standings.clear()
            stage.provider.play("sk-first", then=broken, on="chat")
            answer = await ask(stage, "chat", stream=True)
            assert told("chat", answer) == HELLO, broken
            assert last_of("chat", answer.content) == "[DONE]"


@pytest.mark.parametrize(
    ("rest", "end"),
    [(failing("chat", "api_error"), "own"), (b"", "ours"), (b"data: {", "cut"), (b"data: [DO", "cut")],
)
async def test_chat_passed_on_that_breaks_later_tells_so_or_is_cut(
    tmp_path: Path, rest: bytes, end: str
) -> None:
    begun = said("chat", "Good", " day")
    async with paced(begun, rest) as (place, going_on), before(tmp_path, "chat", port=place.port) as stage:
        if end == "cut":
            with pytest.raises(httpx.RemoteProtocolError):
                await read_on(stage, "chat", going_on)
        else:
            body = await read_on(stage, "chat", going_on)
            assert body.startswith(begun + rest)
            assert last_of("chat", body) == "error"
            assert events_of(body)[-1]["error"]["type"] == ("api_error" if end == "own" else "server_error")
            assert end == "ours" or body == begun + rest
        (row,) = await stage.rows()
        assert row.outcome == ("error" if end == "own" else "truncated")


# Silence


async def pinged(stage: Stage, client: Client, count: int, release: trio.Event, **more: object) -> bytes:
    """Ask, have the upstream go on once the client has got so many pings, and return all that came."""
    body = b""
    asked = QUESTIONS[client] | {"stream": True} | more
    with trio.fail_after(10):
        async with stage.client.stream("POST", stage.url + PATHS[client], json=asked) as answer:
            assert answer.status_code == 200
            async for data in answer.aiter_raw():
                body += data
                if body.count(b"ping\n") >= count:
                    release.set()
    return body


@each_crossing
async def test_silence_is_filled_with_pings_of_the_clients_dialect(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    routing = '[routing]\nping_after = "30ms"\nhold_first_event = "60ms"\n'
    async with before(tmp_path, upstream, more=routing) as stage:
        for events in (0, 1, 5):
            release = trio.Event()
            stage.provider.play("sk-first", Held(release, after_events=events), on=upstream)
            body = await pinged(stage, client, 3, release)
            assert last_of(client, body) == ENDS[client]
            for part in body.split(b"\n\n"):
                assert part.count(b"ping") <= 2
                if b"ping" in part:
                    assert part in {
                        b'event: ping\ndata: {"type": "ping"}',
                        b'event: ping\ndata: {"type":"ping"}',
                        b": ping",
                    }
                    assert client == "messages" or part == b": ping"
        assert [row.outcome for row in await stage.rows()] == ["complete"] * 3


async def test_pings_come_while_parallel_calls_are_buffered(tmp_path: Path) -> None:
    release = trio.Event()
    fragments = [
        chunk({"tool_calls": [{"index": i, "id": f"call_{i}", "type": "function", "function": f}]})
        for i, f in ((0, {"name": "look", "arguments": "{"}), (1, {"name": "look", "arguments": "{"}))
    ]
    more = chunk({"tool_calls": [{"index": 1, "function": {"arguments": " "}}]})
    rest = chunk({"tool_calls": [{"index": 1, "function": {"arguments": "}"}}]}) + chunk(
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}
    )

    async def script(link: Link) -> None:
        await link.request()
        await link.answer(HEAD + framed(ROLE + b"".join(fragments)))
        while not release.is_set():
            await link.answer(framed(more))
            with trio.move_on_after(0.005):
                await release.wait()
        await link.answer(framed(rest + chunk({}, "tool_calls") + DONE) + b"0\r\n\r\n")

    async with far(script) as place:
        routing = '[routing]\nping_after = "30ms"\nidle_timeout = "2s"\n'
        async with before(tmp_path, "chat", port=place.port, more=routing) as stage:
            body = await pinged(stage, "messages", 3, release, **TOOLS["messages"])
            assert last_of("messages", body) == "message_stop"
            indexes = [e["index"] for e in events_of(body) if e["type"] == "content_block_start"]
            assert indexes == [0, 1]


# Clients that leave, or read slowly


async def sending(stage: Stage, client: Client, **more: Any) -> trio.SocketStream:
    """Send a question on a connection of its own."""
    body = json.dumps(QUESTIONS[client] | more).encode()
    stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
    head = f"POST {PATHS[client]} HTTP/1.1\r\nhost: [::1]\r\ncontent-length: {len(body)}\r\n\r\n"
    await stream.send_all(head.encode() + body)
    return stream


@each_crossing
async def test_a_client_that_leaves_ends_its_upstreams_work_at_once(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", Held(trio.Event(), after_events=6), on=upstream)
        async with await sending(stage, client, stream=True) as stream:
            data = b""
            while b"provider" not in data:
                data += await stream.receive_some()
        left = trio.current_time()
        (seen,) = stage.provider.seen
        with trio.fail_after(2):
            await seen.left.wait()
        assert seen.left_at is not None
        assert seen.left_at - left < 0.1
        (row,) = await stage.rows()
        assert (row.outcome, row.account) == ("client_gone", "first")
        assert upstream == "chat" or row.tokens.input
        assert (await ask(stage, client)).status_code == 200


async def test_a_client_that_leaves_while_a_document_is_gathered_ends_its_upstreams_work(
    tmp_path: Path,
) -> None:
    async with before(tmp_path, "chat") as stage:
        stage.provider.play("sk-first", Held(trio.Event(), after_events=3), on="chat")
        async with await sending(stage, "messages"):
            await stage.provider.received(1)
        with trio.fail_after(1):
            await stage.provider.seen[-1].left.wait()
        assert [row.outcome for row in await stage.rows()] == ["client_gone"]


@each_crossing
async def test_a_client_that_does_not_read_holds_its_upstream_up(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    got = 0
    piece = framed(said(upstream, "x" * 60_000)[len(said(upstream)) :])

    async def script(link: Link) -> None:
        nonlocal got
        await link.request()
        await link.answer(HEAD + framed(said(upstream)))
        while True:
            await link.answer(piece)
            got += len(piece)

    async with far(script) as place, before(tmp_path, upstream, port=place.port) as stage:
        async with await sending(stage, client, stream=True) as stream:
            await stream.receive_some(1)
            with trio.fail_after(20):
                before_that = -1
                while before_that != got:
                    before_that = got
                    for _ in range(300):
                        await trio.lowlevel.checkpoint()
            assert got < 40_000_000
        with trio.fail_after(5):
            await place.left()
        assert [row.outcome for row in await stage.rows()] == ["client_gone"]


# The daemon changes meanwhile


@each_crossing
async def test_a_reload_and_a_drain_leave_a_translated_stream_alone(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    release = trio.Event()
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", Held(release, after_events=5), on=upstream)
        asked = QUESTIONS[client] | {"stream": True}
        body = b""
        async with stage.client.stream("POST", stage.url + PATHS[client], json=asked) as answer:
            async for data in answer.aiter_raw():
                if not body:
                    text = stage.config.read_text().replace("[accounts.first]", "[accounts.renamed]")
                    stage.edit(text.replace("sk-first", "sk-other"))
                    assert (await stage.running.reloads.reload("command")).applied
                    stage.signals.send_nowait(15)
                    release.set()
                body += data
        assert last_of(client, body) == ENDS[client]


# Errors that are the client's own


@each_crossing
async def test_a_fault_of_the_request_told_inside_a_success_is_told_as_one(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    """Wherever it stands, as long as nothing of an answer was given out."""
    fault = failing(upstream, "invalid_request_error", "messages: sk-first is too odd")
    document = fault[fault.index(b"{") :].strip()
    begun = ROLE if upstream == "chat" else STARTED
    own = {"first": 'api_key = "sk-first-and-long"'}
    async with before(tmp_path, upstream, OTHER[upstream], own=own) as stage:
        for answer_of in (streamed(fault), streamed(begun + fault), answered(document)):
            for stream in (True, False):
                stage.provider.play("sk-first-and-long", answer_of, on=upstream)
                answer = await ask(stage, client, stream=stream)
                assert answer.status_code in {400, 502}, answer.text
                assert answer.status_code == 400, answer_of
                assert answer.headers["content-type"] == "application/json"
                assert answer.json()["error"]["type"] == "invalid_request_error"
                assert "too odd" in answer.json()["error"]["message"]
                assert answer.headers["x-ccflared-account"] == "first"
                row = (await stage.rows())[-1]
                assert (row.outcome, row.status, len(row.attempts)) == ("complete", 400, 1)
        assert (await stage.account("first"))["state"] == "ready"


# Many at once, and an end by force


async def test_many_clients_of_all_dialects_get_their_own_answers(tmp_path: Path) -> None:
    async def script(link: Link) -> None:
        while request := await link.request():
            upstream: Upstream = "chat" if b"/chat/completions" in request else "messages"
            word = re.findall(rb"word-[0-9]+-", request)[0].decode()
            await link.answer(HEAD)
            for part in (said(upstream, word), *[said(upstream, word)[len(said(upstream)) :]] * 20):
                await link.answer(framed(part))
                await trio.lowlevel.checkpoint()
            await link.answer(framed(ended(upstream)) + b"0\r\n\r\n")

    async with far(script) as place, before(tmp_path, "chat", "messages", port=place.port) as stage:
        got: dict[int, str] = {}

        async def one(client: Client, number: int) -> None:
            name = "input" if client == "responses" else "messages"
            said_first = f"word-{number}-"
            question = said_first if name == "input" else [{"role": "user", "content": said_first}]
            pin = {"x-ccflared-account": ("first", "second")[number % 2]}
            answer = await ask(stage, client, stream=number % 3 > 0, headers=pin, **{name: question})
            got[number] = told(client, answer)

        async with trio.open_nursery() as nursery:
            for number in range(48):
                nursery.start_soon(one, list(PATHS)[number // 16], number)
        assert got == {number: f"word-{number}-" * 21 for number in range(48)}


@each_crossing
async def test_a_daemon_that_is_stopped_at_once_ends_no_answer_as_if_it_were_whole(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream, server='drain = "100ms"\n') as stage:
        stage.provider.play("sk-first", Held(trio.Event(), after_events=6), on=upstream)
        async with await sending(stage, client, stream=True) as stream:
            data = b""
            while b"provider" not in data:
                data += await stream.receive_some()
            stage.signals.send_nowait(15)
            with trio.fail_after(10):
                try:
                    while piece := await stream.receive_some():
                        data += piece
                except trio.BrokenResourceError:
                    pass
            assert not data.endswith(b"0\r\n\r\n") or b"error" in data or b"response.failed" in data
            assert ENDS[client].encode() not in data


async def test_an_answer_without_end_is_not_kept_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ear, "LONGEST_ANSWER", 100_000)
    chunk = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"on and on "}}]}\n\n'
    async with before(tmp_path, "chat") as stage:
        stage.provider.play("sk-first", streamed(chunk * 10_000), on="chat")
        answer = await ask(stage, "responses", stream=True)
        assert len(answer.content) < 500_000
        assert events_of(answer.content)[-1]["type"] == "response.failed"
        assert (await stage.rows())[-1].outcome == "truncated"
