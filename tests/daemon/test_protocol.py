"""What goes over one connection, write by write."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from stage import staged

from ccflared.daemon import connection
from ccflared.daemon.connection import hypercorn_settings
from ccflared.daemon.protocol import Protocol
from ccflared.daemon.stopwatch import Stopwatch
from ccflared.demo.script import Answer

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
CHUNKED = {"type": "http.response.start", "status": 200, "headers": []}
GET = b"GET /x?y=%20 HTTP/1.1\r\nhost: x\r\n\r\n"


class Script:
    """A protocol over nothing: what it is fed, and what it wants done, in order."""

    def __init__(self, app: App, nursery: trio.Nursery) -> None:
        self.done: list[Event] = []
        self.protocol = Protocol(
            app,  # type: ignore[arg-type]
            hypercorn_settings(),
            WorkerContext(None),
            nursery,  # type: ignore[arg-type]
            ConnectionState({}),
            False,
            ("127.0.0.1", 1),
            ("127.0.0.1", 2),
            self._note,
            Stopwatch(),
        )

    async def _note(self, event: Event) -> None:
        self.done.append(event)

    async def feed(self, data: bytes) -> None:
        """Hand over bytes as if they had come, and let the application do what it can."""
        await self.protocol.handle(RawData(data))
        await trio.testing.wait_all_tasks_blocked()

    @property
    def writes(self) -> list[bytes]:
        return [event.data for event in self.done if isinstance(event, RawData)]


def body(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def test_a_short_answer_is_one_write(nursery: trio.Nursery) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"hello", more=False))

    script = Script(app, nursery)
    await script.feed(GET)
    (write,) = script.writes
    assert write.startswith(b"HTTP/1.1 200 \r\ncontent-length: 5\r\ndate: ")
    assert write.endswith(b" GMT\r\n\r\nhello")
    assert script.done[-1] == Updated(idle=True)
    await script.feed(GET)
    assert len(script.writes) == 2


async def test_the_head_waits_for_the_first_piece_or_for_a_flush(nursery: trio.Nursery) -> None:
    go = trio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(CHUNKED)
        await go.wait()
        await send(body(b"", more=True))
        await send(body(b"piece", more=True))
        await send(body(b"last", more=False))

    script = Script(app, nursery)
    await script.feed(GET)
    assert script.writes == []
    go.set()
    await trio.testing.wait_all_tasks_blocked()
    head, *rest = script.writes
    assert b"\r\ntransfer-encoding: chunked\r\n" in head.lower()
    assert rest == [b"5\r\npiece\r\n", b"4\r\nlast\r\n0\r\n\r\n"]


async def test_a_request_with_a_body_is_one_message_when_it_came_at_once(nursery: trio.Nursery) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.extend((scope["raw_path"], scope["query_string"], scope["headers"], await receive()))
        await send(START)
        await send(body(b"hello", more=False))
        got.append(await receive())

    script = Script(app, nursery)
    await script.feed(b"POST /x%41?q HTTP/1.1\r\nHost: x\r\nX-Y: Z\r\ncontent-length: 3\r\n\r\nabc")
    assert got == [
        b"/x%41",
        b"q",
        [(b"host", b"x"), (b"x-y", b"Z"), (b"content-length", b"3")],
        {"type": "http.request", "body": b"abc", "more_body": False},
        {"type": "http.disconnect"},
    ]


async def test_an_application_that_does_not_read_holds_the_client_up_and_nobody_else(
    nursery: trio.Nursery,
) -> None:
    answer = trio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await answer.wait()
        await send(START)
        await send(body(b"hello", more=False))

    script = Script(app, nursery)
    await script.feed(b"POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")

    async def offer() -> None:
        for _ in range(100):
            await script.protocol.handle(RawData(b"1\r\nx\r\n"))

    nursery.start_soon(offer)
    await trio.testing.wait_all_tasks_blocked()
    assert script.protocol.stream is not None
    assert len(script.protocol.stream._messages) < 10
    answer.set()
    await trio.testing.wait_all_tasks_blocked()
    assert script.writes[0].endswith(b"hello")
    # The request was not read to its end: nothing else can be told from its rest.
    assert script.done[-1] == Closed()


@pytest.mark.parametrize("begun", [False, True])
async def test_an_application_that_fails_is_answered_for_or_cut_off(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture, begun: bool
) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        if begun:
            await send(CHUNKED)
            await send(body(b"some", more=True))
        raise LookupError("a bug")

    script = Script(app, nursery)
    await script.feed(GET)
    assert script.done[-1] == Closed()
    data = b"".join(script.writes)
    assert data.startswith(b"HTTP/1.1 200" if begun else b"HTTP/1.1 500")
    assert not data.endswith(b"0\r\n\r\n")
    assert "LookupError" in caplog.text


async def test_an_answer_without_a_body_has_none(nursery: trio.Nursery) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"hello", more=False))

    script = Script(app, nursery)
    await script.feed(GET.replace(b"GET", b"HEAD"))
    (write,) = script.writes
    assert write.endswith(b"\r\n\r\n")
    assert b"content-length: 5" in write


@pytest.mark.parametrize("by_leaving", [False, True])
async def test_the_end_of_a_turn_is_told_once_to_whom_it_concerns(
    nursery: trio.Nursery, by_leaving: bool
) -> None:
    told: list[str] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["extensions"]["ccflared.when_over"](lambda: told.append("over"))
        if by_leaving:
            await trio.sleep_forever()
        await send(START)
        await send(body(b"hello", more=True))
        assert not told
        await send(body(b"", more=False))
        assert told == ["over"]
        scope["extensions"]["ccflared.when_over"](lambda: told.append("already"))

    script = Script(app, nursery)
    await script.feed(GET)
    if by_leaving:
        await script.protocol.handle(Closed())
        assert told == ["over"]
        nursery.cancel_scope.cancel()
    else:
        assert told == ["over", "already"]


async def test_an_http_1_0_client_gets_no_chunks(nursery: trio.Nursery) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(CHUNKED)
        await send(body(b"piece", more=True))
        await send(body(b"last", more=False))

    script = Script(app, nursery)
    await script.feed(GET.replace(b"HTTP/1.1", b"HTTP/1.0"))
    data = b"".join(script.writes)
    assert b"chunked" not in data.lower()
    assert data.endswith(b"\r\n\r\npiecelast")
    assert script.done[-1] == Closed()


async def test_what_is_sent_after_the_client_left_leads_nowhere(nursery: trio.Nursery) -> None:
    left = trio.Event()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        left.set()
        await send(START)
        await send(body(b"hello", more=False))

    script = Script(app, nursery)
    await script.feed(GET)
    await script.protocol.handle(Closed())
    await trio.testing.wait_all_tasks_blocked()
    assert left.is_set()
    assert script.writes == []


async def test_pipelined_requests_are_answered_in_turn(nursery: trio.Nursery) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await trio.lowlevel.checkpoint()
        await send(START)
        await send(body(scope["raw_path"][-5:], more=False))

    script = Script(app, nursery)
    nursery.start_soon(
        script.protocol.handle, RawData(GET.replace(b"/x", b"/first") + GET.replace(b"/x", b"/other"))
    )
    await trio.testing.wait_all_tasks_blocked()
    assert [write[-5:] for write in script.writes] == [b"first", b"other"]


async def test_an_idle_connection_is_closed_in_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "KEEP_ALIVE", 0.3)
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Answer(events=3, interval=0.2))
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            with trio.fail_after(5):
                # A request that takes longer than that is none of the clock's business.
                answer = await stage.ask(stream=True)
                assert b"message_stop" in answer.content
                assert await stream.receive_some() == b""


async def test_nothing_is_kept_of_connections_whose_client_has_left(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        connections = stage.running.listeners._connections
        assert connections is not None
        stage.provider.play("sk-first", then=Answer(events=4, interval=0.01))
        ask = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n"
        before = len(connections.child_tasks)
        for wait in (0.0, 0.001, 0.002, 0.004, 0.008, 0.016):
            stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
            await stream.send_all(ask)
            await trio.sleep(wait)
            await stream.aclose()
        with trio.fail_after(3):
            while len(connections.child_tasks) > before:
                await trio.sleep(0.01)
