"""HTTP/2: what a client may not do, and what becomes of it: its request ends, or its connection, and nothing else."""

import struct
from contextlib import suppress
from random import Random
from typing import Any

import pytest
import trio
from h2.errors import ErrorCodes
from http2_peer import body, peer_at, serving, start, talking
from test_http2 import echo, hello

from ccflared.daemon.http2 import connection as http2_connection
from ccflared.daemon.http2 import fields

PSEUDO = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")]
PING, SETTINGS, PRIORITY, RST, UNKNOWN, WINDOW_UPDATE, HEADERS, CONTINUATION, DATA = (
    6,
    4,
    2,
    3,
    99,
    8,
    1,
    9,
    0,
)


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    return struct.pack(">HBBBL", len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


MALFORMED = {
    "no method": [field for field in PSEUDO if field[0] != ":method"],
    "no path": [field for field in PSEUDO if field[0] != ":path"],
    "an empty path": [*PSEUDO[:3], (":path", "")],
    "a blank in the path": [*PSEUDO[:3], (":path", "/a b")],
    "no host": [field for field in PSEUDO if field[0] != ":authority"],
    "two methods": [(":method", "GET"), *PSEUDO],
    "a pseudo field of another kind": [*PSEUDO, (":status", "200")],
    "an extended CONNECT": [(":method", "CONNECT"), *PSEUDO[1:], (":protocol", "websocket")],
    "a pseudo field behind others": [PSEUDO[0], ("x", "y"), *PSEUDO[1:]],
    "another host": [*PSEUDO, ("host", "elsewhere.example")],
    "two hosts": [*PSEUDO, ("host", "localhost"), ("host", "localhost")],
    "upper case": [*PSEUDO, ("X-Upper", "y")],
    "a name with a blank": [*PSEUDO, ("x y", "z")],
    "a name with a colon": [*PSEUDO, ("x:y", "z")],
    "a line end": [*PSEUDO, ("x", "y\r\nz: 1")],
    "a NUL": [*PSEUDO, ("x", "y\x00")],
    "a blank behind": [*PSEUDO, ("x", "y ")],
    "connection": [*PSEUDO, ("connection", "close")],
    "transfer-encoding": [*PSEUDO, ("transfer-encoding", "chunked")],
    "upgrade": [*PSEUDO, ("upgrade", "h2c")],
    "te": [*PSEUDO, ("te", "gzip")],
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_request_is_refused_and_another_on_its_connection_is_not(name: str) -> None:
    async with talking(hello) as peer:
        refused = await peer.answer(await peer.ask_with(MALFORMED[name]))
        assert (refused.reset, refused.fields) == (ErrorCodes.PROTOCOL_ERROR, {})
        assert (await peer.answer(await peer.ask())).body == b"hello"


async def test_more_fields_than_may_be_are_answered_with_431() -> None:
    async with talking(hello) as peer:
        for more in ([("x-large", "y" * 65_500)], [(f"x-{n}", "y") for n in range(600)]):
            seen = await peer.answer(await peer.ask(more=more))
            assert (seen.status, seen.ended) == (431, True)
        assert (await peer.answer(await peer.ask(more=[("x-large", "y" * 60_000)]))).body == b"hello"


async def test_fields_without_measure_end_the_connection() -> None:
    async with talking(hello) as peer:
        await peer.ask(more=[("x-bomb", "y" * 4000)] * 100)
        await peer.left()
        assert peer.goaways[0][0] == ErrorCodes.ENHANCE_YOUR_CALM


async def test_one_request_too_many_is_refused_so_that_it_can_be_sent_again() -> None:
    go = trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await hello(scope, receive, send)

    async with talking(app) as peer:
        peer.http.remote_settings.max_concurrent_streams = 1000
        peer.http.remote_settings.acknowledge()
        numbers = [await peer.ask() for _ in range(102)]
        await peer.until(lambda: peer.streams[numbers[-1]].over)
        assert [number for number in numbers if peer.streams[number].reset] == numbers[100:]
        assert peer.streams[numbers[-1]].reset == ErrorCodes.REFUSED_STREAM
        go.set()
        for number in numbers[:100]:
            assert (await peer.answer(number)).body == b"hello"


async def test_requests_that_are_given_up_one_after_the_other_end_their_connection() -> None:
    running = most = begun = 0

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        nonlocal running, most, begun
        running += 1
        begun += 1
        most = max(most, running)
        while (await receive())["type"] != "http.disconnect":
            pass
        await trio.sleep(0.05)  # the upstream is still being let go of
        running -= 1

    async with serving(app) as served:
        async with peer_at(served.port) as peer:
            with trio.move_on_after(10):
                while not peer.closed:
                    try:
                        for _ in range(50):
                            number = peer.http.get_next_available_stream_id()
                            peer.http.send_headers(number, PSEUDO, end_stream=True)
                            peer.http.reset_stream(number, ErrorCodes.CANCEL)
                        await peer.flush()
                    except trio.BrokenResourceError:
                        break
                    with trio.move_on_after(0.005):
                        await peer.read()
            await peer.left()
            assert peer.goaways[-1][0] == ErrorCodes.ENHANCE_YOUR_CALM
            assert most <= 400
            assert begun < 1000
        await served.emptied()
        assert running == 0


FLOODS = {
    "pings": frame(PING, b"flooding"),
    "settings": frame(SETTINGS),
    "priorities": frame(PRIORITY, struct.pack(">LB", 0, 1), stream=5),
    "frames that nobody knows": frame(UNKNOWN, b"?"),
    "windows": frame(WINDOW_UPDATE, struct.pack(">L", 1)),
    "acknowledgements": frame(PING, b"flooding", flags=1),
    "what is for a stream that has ended": frame(WINDOW_UPDATE, struct.pack(">L", 1), stream=1),
    "ends of one that has ended": frame(RST, bytes(4), stream=1),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_frames_that_ask_for_nothing_are_taken_in_for_so_long(name: str) -> None:
    async with talking(hello) as peer:
        assert (await peer.answer(await peer.ask())).body == b"hello"
        await peer.send(FLOODS[name] * 1000)
        assert (await peer.answer(await peer.ask())).body == b"hello"
        await peer.send(FLOODS[name] * 2000)
        await peer.left()
        assert peer.goaways[-1][0] == ErrorCodes.ENHANCE_YOUR_CALM


async def test_empty_pieces_of_a_body_are_taken_in_for_so_long() -> None:
    async with talking(echo) as peer:
        number = await peer.ask(method="POST", end=False)
        await peer.send(frame(DATA, stream=number) * 3000)
        await peer.left()
        assert peer.goaways[-1][0] == ErrorCodes.ENHANCE_YOUR_CALM


async def test_a_head_in_ever_more_frames_ends_the_connection() -> None:
    async with talking(hello) as peer:
        await peer.send(frame(HEADERS, b"", stream=1) + frame(CONTINUATION, b"", stream=1) * 100)
        await peer.left()
        assert peer.goaways[-1][0] == ErrorCodes.PROTOCOL_ERROR


async def test_a_head_too_large_to_be_read_is_not_waited_for() -> None:
    async with talking(hello) as peer:
        part = bytes(16000)
        await peer.send(frame(HEADERS, part, stream=1) + frame(CONTINUATION, part, stream=1) * 10)
        await peer.left()
        assert peer.goaways[-1][0] == ErrorCodes.ENHANCE_YOUR_CALM


WRONG = {
    "a frame that is too large": (frame(DATA, bytes(20_000), stream=1), ErrorCodes.FRAME_SIZE_ERROR),
    "compression that is none": (frame(HEADERS, b"\xff" * 20, flags=5, stream=1), None),
    "a stream of the server's": (frame(HEADERS, b"\x82", flags=5, stream=2), ErrorCodes.PROTOCOL_ERROR),
    "a body of no request": (frame(DATA, b"x", stream=7), ErrorCodes.PROTOCOL_ERROR),
    "a window of nothing": (frame(WINDOW_UPDATE, bytes(4)), ErrorCodes.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_http_2_ends_its_connection_with_the_reason(name: str) -> None:
    sent, code = WRONG[name]
    async with serving(hello) as served, peer_at(served.port) as other:
        async with peer_at(served.port) as peer:
            await peer.send(sent)
            await peer.left()
            assert peer.goaways
            assert code is None or peer.goaways[-1][0] == code
        assert (await other.answer(await other.ask())).body == b"hello"


async def test_a_body_beyond_the_window_ends_the_connection() -> None:
    async def deaf(_scope: Any, _receive: Any, _send: Any) -> None:
        await trio.sleep_forever()

    async with talking(deaf) as peer:
        number = await peer.ask(method="POST", end=False)
        with trio.fail_after(5):
            try:
                while True:
                    await peer.stream.send_all(frame(DATA, bytes(16384), stream=number))
            except trio.BrokenResourceError:
                pass
        await peer.left()


@pytest.mark.parametrize("sent", [b"", b"PRI * HT", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"])
async def test_whoever_does_not_begin_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(http2_connection, "_BEGUN_WITHIN", 0.2)
    async with serving(hello) as served, peer_at(served.port, greet=False) as peer:
        await peer.stream.send_all(sent or b"P")
        with trio.fail_after(5):
            while await peer.stream.receive_some():
                pass


@pytest.mark.parametrize("part", ["a head", "a frame"])
async def test_a_head_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(http2_connection, "_BEGUN_WITHIN", 0.3)
    async with talking(hello) as peer:
        assert (await peer.answer(await peer.ask())).body == b"hello"
        await peer.send(
            frame(HEADERS, b"\x82", stream=5)
            if part == "a head"
            else frame(HEADERS, b"\x82", flags=5, stream=5)[:9]
        )

        async def trickle() -> None:
            try:
                while part == "a head":
                    await trio.sleep(0.05)
                    await peer.stream.send_all(frame(CONTINUATION, b"", stream=5))
            except (trio.BrokenResourceError, trio.BusyResourceError):
                pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trickle)
            await peer.left(2)
            nursery.cancel_scope.cancel()


async def test_an_idle_connection_is_told_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_connection, "KEEP_ALIVE", 0.3)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep(0.5)  # what takes longer than that is none of the clock's business
        await hello(scope, receive, send)

    async with talking(app) as peer:
        number = await peer.ask()
        assert (await peer.answer(number)).body == b"hello"
        before = trio.current_time()
        await peer.left(5)
        assert trio.current_time() - before > 0.2
        assert peer.goaways == [(ErrorCodes.NO_ERROR, number)]


async def test_a_fault_of_ours_ends_one_connection_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = fields.read

    def faulty(listed: Any) -> fields.Asked:
        if any(value == b"/fault" for _, value in listed):
            raise LookupError("a bug")
        return read(listed)

    monkeypatch.setattr(fields, "read", faulty)
    async with serving(hello) as served, peer_at(served.port) as other, peer_at(served.port) as peer:
        await peer.ask("/fault")
        await peer.left()
        assert (await other.answer(await other.ask())).body == b"hello"
    assert "a fault in the protocol of one connection: LookupError" in caplog.text


async def test_a_large_table_is_not_kept_for_a_client_that_asks_for_it() -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await send(start(200, *((b"x-%d" % n, scope["raw_path"] * 8) for n in range(50))))
        await send(body(b"hello"))

    async with talking(app) as peer:
        peer.http.update_settings({1: 2**20})
        await peer.flush()
        for number in range(5):
            seen = await peer.answer(await peer.ask(f"/{number}" + "x" * 40))
            assert seen.body == b"hello"
        # The client's view: the table that the server tells it to keep.
        assert peer.http.decoder.header_table_size == 4096


async def test_whatever_frames_come_the_fault_is_never_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (echo if "ccflared.body_follows" in scope["extensions"] else hello)(scope, receive, send)

    heads = [b"\x82\x86\x84\x41\x01x", b"\x83\x87\x84\x41\x01x", b"\x82", b"\x88", b"\xff\xff", b""]
    payloads = [b"", bytes(4), bytes(8), b"\x00\x04\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"x" * 100]
    async with serving(app) as served:
        for seed in range(80):
            dice = Random(seed)
            async with peer_at(served.port) as peer:
                sent = b""
                for _ in range(dice.randint(1, 30)):
                    kind = dice.choice([0, 0, 1, 1, 1, 1, 2, 3, 4, 6, 7, 8, 8, 9, 99])
                    payload = dice.choice(heads if kind in (HEADERS, CONTINUATION) else payloads)
                    stream = dice.choice([0, 1, 1, 3, 3, 5, 7, 2])
                    sent += frame(kind, payload, flags=dice.choice([0, 1, 4, 5, 5, 0x2D]), stream=stream)
                with suppress(trio.BrokenResourceError):
                    await peer.stream.send_all(sent)
                    if dice.random() < 0.5:
                        with trio.move_on_after(0.02):
                            while await peer.stream.receive_some():
                                pass
                peer.stream.transport_stream.socket.close()
        async with peer_at(served.port) as peer:
            assert (await peer.answer(await peer.ask())).body == b"hello"
        await served.emptied()
    assert "fault" not in caplog.text
