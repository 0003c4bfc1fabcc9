"""HTTP/2: a request on a stream is to the application what one over HTTP/1.1 is, and an unfinished answer never has an end."""

from random import Random
from typing import Any

import pytest
import trio
import trio.testing
from h2.errors import ErrorCodes
from http2_peer import Peer, body, peer_at, serving, start, talking

from ccflared.daemon.http2 import stream as http2_stream


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send(start(200, (b"content-length", b"5"), (b"X-Case", b"Kept"), (b"connection", b"close")))
    await send(body(b"hello"))


async def test_a_short_answer_comes_with_its_fields_and_its_end() -> None:
    async with talking(hello) as peer:
        seen = await peer.answer(await peer.ask())
        assert (seen.status, seen.body, seen.ended) == (200, b"hello", True)
        assert seen.fields.keys() == {b":status", b"content-length", b"x-case", b"date"}
        again = await peer.answer(await peer.ask())
        assert again.body == b"hello"


async def test_the_application_sees_the_request_as_one_of_http_1_1() -> None:
    scopes: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await hello(scope, receive, send)

    async with talking(app) as peer:
        crumbs = [("cookie", "a=b"), ("x-y", "Z"), ("cookie", "c=d")]
        await peer.answer(await peer.ask("/x%41?q=%20", method="get", more=crumbs))
        (scope,) = scopes
        port = peer.stream.transport_stream.socket.getsockname()[1]
        server = peer.stream.transport_stream.socket.getpeername()
    assert {key: scope[key] for key in scope if key not in ("extensions", "asgi", "type")} == {
        "http_version": "2",
        "method": "GET",
        "scheme": "https",
        "path": "/xA",
        "raw_path": b"/x%41",
        "query_string": b"q=%20",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"x-y", b"Z"), (b"cookie", b"a=b; c=d")],
        "client": ("127.0.0.1", port),
        "server": server,
    }
    assert scope["extensions"].keys() == {"ccflared.when_over", "ccflared.waits"}


async def read_all(receive: Any) -> bytes:
    data = bytearray()
    while True:
        message = await receive()
        data += message["body"]
        if not message["more_body"]:
            return bytes(data)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert "ccflared.body_follows" in scope["extensions"]
    data = await read_all(receive)
    await send(start())
    await send(body(data))


async def test_a_large_body_goes_through_both_ways_with_and_without_a_length() -> None:
    sent = bytes(range(256)) * 8000
    async with talking(echo) as peer:
        for more in ([], [("content-length", str(len(sent)))]):
            number = await peer.ask(method="POST", more=more, end=False)
            at = 0
            while at < len(sent):
                room = min(peer.http.local_flow_control_window(number), 16384)
                if not room:
                    await peer.read()
                    continue
                peer.http.send_data(number, sent[at : at + room])
                at += room
                await peer.flush()
            peer.http.end_stream(number)
            await peer.flush()
            seen = await peer.answer(number)
            assert seen.body == sent


async def test_the_smallest_pieces_and_padding_are_a_body_too() -> None:
    async with talking(echo) as peer:
        number = await peer.ask(method="POST", end=False)
        for letter in b"hello":
            peer.http.send_data(number, bytes([letter]), pad_length=200)
        peer.http.send_data(number, b"", pad_length=10, end_stream=True)
        await peer.flush()
        assert (await peer.answer(number)).body == b"hello"


async def test_a_client_sends_no_more_than_is_taken_in() -> None:
    go = trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await echo(scope, receive, send)

    async with talking(app) as peer:
        number = await peer.ask(method="POST", end=False)
        other = await peer.ask(method="POST", end=False)
        await peer.until(lambda: peer.settled)
        room = peer.http.local_flow_control_window(number)
        assert 100_000 < room < 2_000_000
        for _ in range(room // 16384):
            peer.http.send_data(number, b"x" * 16384)
        await peer.flush()
        with trio.move_on_after(0.1):
            await peer.left()
        assert peer.http.local_flow_control_window(number) < 16384
        # Others have a window of their own.
        assert peer.http.local_flow_control_window(other) >= 100_000
        go.set()
        await peer.until(lambda: peer.http.local_flow_control_window(number) > 16384)


async def test_whoever_waits_to_be_told_to_go_on_is_told() -> None:
    async with talking(echo) as peer:
        number = await peer.ask(method="POST", more=[("expect", "100-continue")], end=False)
        await peer.until(lambda: peer.streams[number].interim)
        peer.http.send_data(number, b"body", end_stream=True)
        await peer.flush()
        assert (await peer.answer(number)).body == b"body"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_an_answer_without_a_body_has_none(method: str, status: int) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start(status))
        await send(body(b"hello"))

    async with talking(app) as peer:
        seen = await peer.answer(await peer.ask(method=method))
        assert (seen.status, seen.body, seen.ended, seen.pieces) == (status, b"", True, [])


async def test_the_head_waits_for_the_first_piece_or_for_a_flush() -> None:
    go = trio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"", more=True))
        await go.wait()
        await send(body(b"piece", more=True))
        await send(body(b""))

    async with talking(app) as peer:
        number = await peer.ask()
        await peer.until(lambda: peer.streams[number].fields)
        assert not peer.streams[number].pieces
        go.set()
        seen = await peer.answer(number)
        assert seen.pieces == [b"piece", b""]


# -- leaving


async def waits_for_leaving(left: trio.Event, scope: Any, receive: Any, send: Any) -> None:
    over: list[bool] = []
    scope["extensions"]["ccflared.when_over"](lambda: over.append(True))
    await send(start())
    await send(body(b"some", more=True))
    while (await receive())["type"] != "http.disconnect":
        pass
    assert over == [True]
    await send(body(b"leads nowhere", more=True))
    left.set()


@pytest.mark.parametrize("how", ["reset", "goaway", "close", "broken"])
async def test_a_client_that_leaves_is_noticed(how: str) -> None:
    left = trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await waits_for_leaving(left, scope, receive, send)

    async with serving(app) as served, peer_at(served.port) as peer:
        number = await peer.ask()
        await peer.until(lambda: peer.streams[number].body)
        if how == "reset":
            peer.http.reset_stream(number, ErrorCodes.CANCEL)
            await peer.flush()
        elif how == "goaway":
            await peer.send(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8))
            with trio.move_on_after(0.1):
                await peer.left()
            assert not left.is_set()  # it only opens no more
            await peer.stream.aclose()
        elif how == "close":
            await peer.stream.aclose()
        else:
            peer.stream.transport_stream.socket.close()
        with trio.fail_after(5):
            await left.wait()
        if how == "reset":
            assert not peer.closed
            second = await peer.ask()
            await peer.until(lambda: peer.streams[second].body == b"some")


@pytest.mark.parametrize("begun", [False, True])
async def test_an_application_that_fails_is_answered_for_or_cut_off(
    caplog: pytest.LogCaptureFixture, begun: bool
) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["path"] == "/well":
            await hello(scope, _receive, send)
            return
        if begun:
            await send(start())
            await send(body(b"some", more=True))
        raise LookupError("a bug")

    async with talking(app) as peer:
        seen = await peer.answer(await peer.ask())
        if begun:
            assert (seen.body, seen.ended, seen.reset) == (b"some", False, ErrorCodes.INTERNAL_ERROR)
        else:
            assert (seen.status, seen.ended) == (500, True)
        assert (await peer.answer(await peer.ask("/well"))).body == b"hello"
    assert "LookupError" in caplog.text


async def test_an_answer_left_without_an_end_has_none() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start(200, (b"content-length", b"100")))
        await send(body(b"some", more=True))

    async with talking(app) as peer:
        seen = await peer.answer(await peer.ask())
        assert (seen.body, seen.ended, seen.reset) == (b"some", False, ErrorCodes.INTERNAL_ERROR)


async def test_a_daemon_that_ends_at_once_says_so_of_what_is_running() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"some", more=True))
        await trio.sleep_forever()

    async with serving(app) as served, peer_at(served.port) as peer:
        number = await peer.ask()
        await peer.until(lambda: peer.streams[number].body)
        served.connections.cancel_scope.cancel()
        await peer.left()
        seen = peer.streams[number]
        assert (seen.ended, seen.reset) == (False, ErrorCodes.CANCEL)


async def test_an_answer_before_the_end_of_the_request_tells_the_client_to_stop() -> None:
    async with talking(hello) as peer:
        number = await peer.ask(method="POST", body=b"some", end=False)
        seen = await peer.answer(number)
        assert (seen.body, seen.ended) == (b"hello", True)
        await peer.until(lambda: seen.reset is not None)
        assert seen.reset == ErrorCodes.NO_ERROR
        assert (await peer.answer(await peer.ask())).body == b"hello"


# -- flow control and fairness


async def pour(_scope: Any, _receive: Any, send: Any) -> None:
    await send(start())
    for _ in range(24):
        await send(body(b"x" * 65536, more=True))
    await send(body(b""))


async def test_who_does_not_read_one_stream_holds_up_that_one_alone() -> None:
    given = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal given
        if scope["path"] == "/hello":
            await hello(scope, receive, send)
            return
        await send(start())
        while True:
            await send(body(b"x" * 1000, more=True))
            given += 1000

    async with talking(app) as peer:
        peer.reads = set()
        number = await peer.ask("/unread")
        await peer.until(lambda: len(peer.streams[number].body) == 65535)
        for _ in range(3):
            assert (await peer.answer(await peer.ask("/hello"))).body == b"hello"
        assert given < 70_000  # nothing is gathered for it
        peer.http.reset_stream(number, ErrorCodes.CANCEL)
        await peer.flush()


async def test_a_stream_left_unread_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_stream, "UNREAD_FOR", 0.3)
    waited: list[float] = []
    left = trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/hello":
            await hello(scope, receive, send)
            return
        await pour(scope, receive, send)
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        waited.append(scope["extensions"]["ccflared.waits"].waited)
        left.set()

    async with talking(app) as peer:
        peer.reads = set()
        seen = await peer.answer(await peer.ask())
        assert (seen.ended, seen.reset) == (False, ErrorCodes.CANCEL)
        await left.wait()
        assert waited[0] >= 0.3
        assert (await peer.answer(await peer.ask("/hello"))).body == b"hello"


async def test_large_answers_take_turns_and_events_go_in_between() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/events":
            await send(start())
            for number in range(20):
                await send(body(b"event %d" % number, more=True))
                await trio.sleep(0.001)
            await send(body(b""))
            return
        await pour(scope, receive, send)

    async with talking(app) as peer:
        large = [await peer.ask("/large") for _ in range(3)]
        await peer.until(lambda: all(len(peer.streams[number].body) > 200_000 for number in large))
        events = await peer.ask("/events")
        await peer.answer(events)
        assert not any(peer.streams[number].over for number in large)
        assert peer.streams[events].pieces[:2] == [b"event 0", b"event 1"]
        for number in large:
            assert len((await peer.answer(number)).body) == 24 * 65536


async def test_a_window_that_shrinks_below_nothing_is_waited_out() -> None:
    async with talking(pour) as peer:
        peer.reads = set()
        number = await peer.ask()
        await peer.until(lambda: len(peer.streams[number].body) == 65535)
        peer.http.update_settings({4: 10})
        await peer.flush()
        with trio.move_on_after(0.1):
            await peer.left()
        assert len(peer.streams[number].body) == 65535
        peer.reads = None
        peer.http.increment_flow_control_window(200_000, number)
        await peer.flush()
        await peer.until(lambda: len(peer.streams[number].body) > 100_000)


async def test_the_window_of_the_whole_connection_is_kept_to() -> None:
    async with talking(pour) as peer:
        peer.http.update_settings({4: 1_000_000})
        await peer.flush()
        numbers = [await peer.ask() for _ in range(3)]
        got = 0
        with trio.fail_after(10):
            while got < 65535:
                for event in peer.http.receive_data(await peer.stream.receive_some()):
                    got += len(getattr(event, "data", b""))
                await peer.flush()
        # The library would have raised FlowControlError beyond that.
        peer.http.increment_flow_control_window(20_000_000)
        for number in numbers:
            peer.http.increment_flow_control_window(20_000_000, number)
        await peer.flush()
        await peer.until(lambda: all(peer.streams[number].over for number in numbers))


@pytest.mark.parametrize("seed", range(8))
async def test_answers_come_whole_however_the_client_opens_its_windows(seed: int) -> None:
    dice = Random(seed)
    sizes = {
        f"/{number}": [dice.choice([0, 1, 100, 16384, 16385, 70_000]) for _ in range(10)]
        for number in range(6)
    }

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        for size in sizes[scope["path"]]:
            await send(body(scope["path"].encode()[1:] * size, more=True))
        await send(body(b""))

    async with talking(app) as peer:
        peer.reads = set()
        window = dice.choice([0, 1, 1000, 65535, 500_000])
        peer.http.update_settings({4: window})
        await peer.flush()
        paths = {await peer.ask(path): path for path in sizes}
        with trio.fail_after(20):
            while any(not peer.streams[number].over for number in paths):
                number = dice.choice(list(paths))
                if not peer.streams[number].over:
                    peer.http.increment_flow_control_window(dice.choice([1, 1000, 30_000, 100_000]), number)
                if dice.random() < 0.1:
                    # Never smaller: the library takes an empty frame for one too many, where a window is below nothing.
                    window += dice.choice([1, 1000, 65535])
                    peer.http.update_settings({4: window})
                await peer.flush()
                with trio.move_on_after(0.005):
                    await peer.read()
        for number, path in paths.items():
            seen = peer.streams[number]
            assert (seen.ended, len(seen.body)) == (True, sum(sizes[path]))
            assert set(seen.body) <= set(path.encode())


async def test_a_hundred_streams_of_events_run_beside_each_other() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        for number in range(20):
            await send(body(b"%d," % number, more=True))
            await trio.lowlevel.checkpoint()
        await send(body(b"end"))

    async with talking(app) as peer:
        numbers = [await peer.ask() for _ in range(100)]
        for number in numbers:
            assert (await peer.answer(number)).body == b"".join(b"%d," % n for n in range(20)) + b"end"


async def test_what_an_application_has_to_tidy_up_takes_no_place_from_the_next_request() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        await trio.sleep(0.2)

    async with talking(app) as peer:
        for _ in range(3):
            for number in [await peer.ask() for _ in range(100)]:
                assert (await peer.answer(number)).body == b"hello"


# -- drain


async def events_until(go: trio.Event, send: Any) -> None:
    await send(start())
    await send(body(b"first", more=True))
    await go.wait()
    await send(body(b"last"))


async def begun(peer: Peer) -> int:
    number = await peer.ask()
    await peer.until(lambda: peer.streams[number].body)
    return number


async def test_a_listener_that_retires_lets_what_runs_finish_and_serves_what_was_under_way() -> None:
    go = trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/":
            await events_until(go, send)
        else:
            await hello(scope, receive, send)

    async with serving(app) as served, peer_at(served.port) as peer:
        number = await begun(peer)
        served.retire()
        # Sent before the client has heard of it: it is served.
        under_way = await peer.ask("/under-way")
        assert (await peer.answer(under_way)).body == b"hello"
        await peer.until(lambda: len(peer.goaways) == 2)
        assert peer.goaways == [(0, 2**31 - 1), (0, under_way)]
        late = await peer.answer(await peer.ask("/late"))
        assert late.reset == ErrorCodes.REFUSED_STREAM
        go.set()
        seen = await peer.answer(number)
        assert (seen.body, seen.ended) == (b"firstlast", True)
        await peer.left()
        await served.emptied()


async def test_an_idle_connection_ends_soon_when_its_listener_retires() -> None:
    async with serving(hello) as served, peer_at(served.port) as peer:
        number = await peer.ask()
        await peer.answer(number)
        served.retire()
        await peer.left(1)
        assert peer.goaways == [(0, number)]
        await peer.stream.aclose()
        await served.emptied()


async def test_what_an_idle_connection_sends_in_the_moment_of_the_retirement_is_served() -> None:
    async with serving(hello) as served, peer_at(served.port) as kept, peer_at(served.port) as fresh:
        await kept.answer(await kept.ask())
        await fresh.until(lambda: fresh.settled)
        served.retire()
        await trio.testing.wait_all_tasks_blocked(0.01)  # the server knows, and its clients do not
        for peer in (kept, fresh):
            number = await peer.ask("/")
            assert (await peer.answer(number)).body == b"hello"
            await peer.left(1)
            assert peer.goaways == [(0, number)]


async def test_a_client_that_has_heard_all_and_does_not_close_holds_up_no_end() -> None:
    async with serving(hello) as served, peer_at(served.port) as peer:
        await peer.answer(await peer.ask())
        served.retire()
        await peer.left(1)
        served.connections.cancel_scope.cancel()
        before = trio.current_time()
        await served.emptied()
        assert trio.current_time() - before < 0.15
