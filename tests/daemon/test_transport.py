"""The transport over real sockets: connections kept and left, ends found, breaks named, nothing lost and nothing leaked."""

import os
import random
import socket
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from upstreams import OK, Link, always, ask, far, held_until, polite, send, whole

from ccflared.daemon.upstream import Upstream
from ccflared.errors import ConnectFailed, UpstreamBroken, UpstreamTimeout

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close_idle()


async def test_one_connection_serves_requests_that_follow_each_other(upstream: Upstream) -> None:
    async with far(polite) as place:
        assert [await ask(upstream, place.port) for _ in range(5)] == [b"1"] * 5
        assert len(place.requests) == 5


async def test_of_idle_connections_the_last_used_is_taken_first(upstream: Upstream) -> None:
    go = trio.Event()
    async with far(held_until(go)) as place:
        answers = [await send(upstream, place.port) for _ in range(3)]
        go.set()
        assert [await whole(answer) for answer in answers] == [b"1", b"2", b"3"]
        assert await ask(upstream, place.port) == b"3"
        assert await ask(upstream, place.port) == b"3"


async def test_an_answer_that_is_not_read_to_its_end_gives_no_connection_back(upstream: Upstream) -> None:
    async with far(always(HEAD + b"content-length: 4\r\n\r\nha")) as place:
        with await send(upstream, place.port) as answer:
            assert await answer.receive() == b"ha"
        await place.left()
        with await send(upstream, place.port) as answer:
            assert await answer.receive() == b"ha"
        assert len(place.links) == 2


async def test_different_hosts_ports_and_rights_share_no_connection(upstream: Upstream) -> None:
    async with far(polite) as place, far(polite) as other:
        assert await ask(upstream, place.port) == b"1"
        assert await ask(upstream, f"http://localhost:{place.port}/v1/messages") == b"2"
        assert await ask(upstream, place.port, insecure=True) == b"3"
        assert await ask(upstream, place.port, link_local=True) == b"4"
        assert await ask(upstream, other.port) == b"1"


@pytest.mark.parametrize("say", [b"connection: close\r\n", b"Connection: keep-alive, Close\r\n"])
async def test_an_upstream_that_says_close_is_not_asked_again_there(upstream: Upstream, say: bytes) -> None:
    async with far(always(HEAD + say + b"content-length: 2\r\n\r\nok")) as place:
        assert await ask(upstream, place.port) == await ask(upstream, place.port) == b"ok"
        assert [len(link.requests) for link in place.links] == [1, 1]


async def test_an_old_upstream_is_asked_once_a_connection(upstream: Upstream) -> None:
    async with far(always(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok")) as place:
        assert await ask(upstream, place.port) == await ask(upstream, place.port) == b"ok"
        assert len(place.links) == 2


async def test_a_connection_closed_while_it_lay_idle_is_replaced_without_an_error(upstream: Upstream) -> None:
    async with far(always(OK, close=True)) as place:
        for number in range(1, 4):
            assert await ask(upstream, place.port) == b"ok"
            await place.left()
            assert len(place.links) == number


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_a_connection_closed_just_as_it_is_used_again_is_replaced_without_an_error(
    upstream: Upstream, how: str
) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.answer()
        if link.number == 1:
            await link.request()
            if how == "resets":
                await link.reset()
        else:
            await link.closed()

    async with far(script) as place:
        assert await ask(upstream, place.port) == await ask(upstream, place.port) == b"ok"
        assert [len(link.requests) for link in place.links] == [2, 1]


async def test_a_fresh_connection_that_closes_without_an_answer_is_a_failure_and_not_tried_again(
    upstream: Upstream,
) -> None:
    async def script(link: Link) -> None:
        await link.request()

    async with far(script) as place:
        with pytest.raises(UpstreamBroken, match="the connection broke: "):
            await send(upstream, place.port)
        assert len(place.links) == 1


async def test_a_reset_before_the_answer_is_a_failure(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.reset()

    async with far(script) as place:
        with pytest.raises(UpstreamBroken, match=r"the connection broke: Connection reset by peer"):
            await send(upstream, place.port)
        assert len(place.links) == 1


async def test_an_answer_that_has_ended_can_be_aborted_and_keeps_its_connection(upstream: Upstream) -> None:
    async with far(polite) as place:
        answer = await send(upstream, place.port)
        assert await whole(answer) == b"1"
        answer.abort()
        assert await ask(upstream, place.port) == b"1"


async def test_an_answer_that_has_begun_on_a_used_connection_is_not_asked_for_again(
    upstream: Upstream,
) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.answer()
        await link.request()
        await link.answer(b"HTTP/1.1 200")

    async with far(script) as place:
        await ask(upstream, place.port)
        with pytest.raises(UpstreamBroken):
            await send(upstream, place.port)
        assert len(place.links) == 1


async def test_a_connection_idle_for_long_is_not_used_again(
    upstream: Upstream, mock_clock: MockClock
) -> None:
    async with far(polite) as place:
        assert await ask(upstream, place.port) == b"1"
        mock_clock.jump(49)
        assert await ask(upstream, place.port) == b"1"
        mock_clock.jump(51)
        assert await ask(upstream, place.port) == b"2"


async def test_of_many_connections_only_some_are_kept_and_none_once_idle_ones_are_closed(
    upstream: Upstream,
) -> None:
    go = trio.Event()
    async with far(held_until(go)) as place:
        answers = [await send(upstream, place.port) for _ in range(80)]
        go.set()
        for answer in answers:
            await whole(answer)
        await place.left(64)
        await wait_all_tasks_blocked()
        assert place.open == 64
        upstream.close_idle()
        await place.left()
        assert await ask(upstream, place.port) == b"81"


SMUGGLED = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
EXCESS = {
    "in the same write": [OK + SMUGGLED],
    "behind chunks": [HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + SMUGGLED],
    "behind no content": [b"HTTP/1.1 204 No Content\r\n\r\n" + SMUGGLED],
    "behind an answer to HEAD": [OK + SMUGGLED],
    "a line end": [OK + b"\r\n"],
    "a single byte": [OK + b"\0"],
    "after a while": [OK, SMUGGLED],
}


@pytest.mark.parametrize("case", EXCESS)
async def test_bytes_behind_an_answer_are_nobodys_answer(upstream: Upstream, case: str) -> None:
    async with far(always(*EXCESS[case])) as place:
        method = "HEAD" if "HEAD" in case else "POST"
        for _ in range(3):
            assert await ask(upstream, place.port, method=method) in (b"ok", b"")
            await wait_all_tasks_blocked()
        assert len(place.links) == 3


async def test_an_answer_that_comes_before_the_body_was_sent_is_the_answer(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request(body=False)
        await link.answer(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 5\r\n\r\nlarge")
        # Closed with the body unread: the kernel sends RST, and the answer must be found all the same.

    async with far(script) as place:
        answer = await send(upstream, place.port, b"x" * 20_000_000)
        assert (answer.head.status, await whole(answer)) == (413, b"large")


async def test_a_connection_that_breaks_while_the_body_is_sent_says_so(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request(body=False)
        await link.reset()

    async with far(script) as place:
        with pytest.raises(UpstreamBroken, match=r"the connection broke: (Connection reset|Broken pipe)"):
            await send(upstream, place.port, b"x" * 20_000_000)


async def test_a_large_body_arrives_whole(upstream: Upstream) -> None:
    body = random.Random(1).randbytes(5_000_000)
    async with far(polite) as place:
        await ask(upstream, place.port, body)
        assert place.requests[0].partition(b"\r\n\r\n")[2] == body


async def test_what_comes_before_the_real_head_is_passed_over(upstream: Upstream) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with far(always(early, early + OK)) as place:
        answer = await send(upstream, place.port)
        assert (answer.head.status, answer.head.get(b"link"), await whole(answer)) == (200, None, b"ok")
        assert await ask(upstream, place.port) == b"ok"
        assert len(place.links) == 1


BODIES: dict[str, tuple[list[bytes], bytes, bool]] = {
    "counted": ([HEAD + b"content-length: 6\r\n\r\nab", b"cdef"], b"abcdef", True),
    "counted to nothing": ([HEAD + b"content-length: 0\r\n\r\n"], b"", True),
    "in chunks": (
        [
            HEAD + b"transfer-encoding: chunked\r\n\r\n3;x=y\r\nabc",
            b"\r\n",
            b"3\r\ndef\r\n0\r\nt: 1\r\n",
            b"\r\n",
        ],
        b"abcdef",
        True,
    ),
    "until it closes": ([HEAD + b"\r\nabc", b"def"], b"abcdef", False),
    "no content": ([b"HTTP/1.1 204 No Content\r\n\r\n"], b"", True),
    "not modified": ([b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"], b"", True),
    "head in pieces": ([b"HTT", b"P/1.1 200 OK\r\nconte", b"nt-length: 2\r\n\r", b"\nok"], b"ok", True),
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_ends_where_its_framing_says(upstream: Upstream, case: str) -> None:
    pieces, body, kept = BODIES[case]
    async with far(always(*pieces, close=not kept)) as place:
        assert await ask(upstream, place.port) == await ask(upstream, place.port) == body
        assert len(place.links) == (1 if kept else 2)


async def test_an_answer_to_head_has_no_body_whatever_it_says(upstream: Upstream) -> None:
    async with far(always(HEAD + b"content-length: 500\r\n\r\n")) as place:
        answer = await send(upstream, place.port, b"", method="HEAD")
        assert (answer.head.get(b"content-length"), await whole(answer)) == (b"500", b"")
        assert await ask(upstream, place.port, b"", method="HEAD") == b""
        assert len(place.links) == 1


BROKEN: dict[str, list[bytes]] = {
    "counted, cut": [HEAD + b"content-length: 6\r\n\r\nab"],
    "chunks, cut": [HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"],
    "chunks, damaged": [HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n"],
    "chunks, no length": [HEAD + b"transfer-encoding: chunked\r\n\r\nfoo\r\n"],
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(upstream: Upstream, case: str) -> None:
    async with far(always(*BROKEN[case], close=True)) as place:
        with pytest.raises(UpstreamBroken):
            await ask(upstream, place.port)
        await place.left()


async def test_a_reset_in_a_body_is_a_break(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.answer(HEAD + b"\r\nabc")
        await going.wait()
        await link.reset()

    going = trio.Event()
    async with far(script) as place:
        answer = await send(upstream, place.port)
        assert await answer.receive() == b"abc"
        going.set()
        with pytest.raises(UpstreamBroken, match="the connection broke: Connection reset by peer"):
            await answer.receive()
        assert await answer.receive() == b""


NOT_HTTP: dict[str, bytes] = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "binary": bytes(range(256)),
    "a field without a colon": HEAD + b"nonsense\r\n\r\n",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok",
    "a length that is none": HEAD + b"content-length: -2\r\n\r\nok",
    "an endless head": HEAD + b"x: " + b"y" * 200_000,
    "an unknown coding": HEAD + b"transfer-encoding: rot13\r\n\r\nbx",
}


@pytest.mark.parametrize("case", NOT_HTTP)
async def test_what_is_no_http_is_a_break_and_ends_the_connection(upstream: Upstream, case: str) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.answer(NOT_HTTP[case])
        await link.closed()

    async with far(script) as place:
        with pytest.raises(UpstreamBroken, match="the connection broke: "):
            await send(upstream, place.port)
        await place.left()


async def test_a_receive_that_is_cancelled_and_called_again_loses_nothing(upstream: Upstream) -> None:
    go, arrived = trio.open_memory_channel[bytes](0)

    async def script(link: Link) -> None:
        await link.request()
        await link.answer(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        async for piece in arrived:
            await link.answer(piece)
        await link.answer(b"0\r\n\r\n")

    # cut in the middle of lengths, of data and of line ends
    framed = b"".join(b"%x\r\n%s\r\n" % (len(word), word) for word in [b"one", b"two" * 100, b"three"])
    pieces = [framed[at : at + 7] for at in range(0, len(framed), 7)]
    async with far(script) as place:
        answer = await send(upstream, place.port)
        received = b""
        async with trio.open_nursery() as nursery:
            for piece in pieces:
                with trio.move_on_after(0):
                    received += await answer.receive()
                nursery.start_soon(go.send, piece)
                with trio.move_on_after(0.0005):
                    received += await answer.receive()
            nursery.start_soon(go.aclose)
            received += await whole(answer)
        assert received == b"one" + b"two" * 100 + b"three"
        assert await answer.receive() == b""


async def test_a_port_where_nobody_listens_is_told_as_refused(upstream: Upstream) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectFailed, match=r"^no connection: .*Connection refused$"):
            await send(upstream, taken.getsockname()[1])


async def test_a_name_that_does_not_exist_is_told_as_such(upstream: Upstream) -> None:
    with pytest.raises(ConnectFailed, match=r"^no connection: .*(known|resol|associated)"):
        await send(upstream, "https://nowhere.invalid/v1/messages")


async def test_a_connection_that_is_not_made_in_time_is_given_up(upstream: Upstream) -> None:
    async with far(Link.closed) as place:  # accepts, and never says a word of TLS
        with pytest.raises(ConnectFailed, match=r"^no connection within 0\.1 s$"):
            await send(upstream, f"https://127.0.0.1:{place.port}/", connect=0.1)
        await place.left()


async def test_an_upstream_that_never_answers_is_given_up(upstream: Upstream) -> None:
    async with far(Link.closed) as place:
        with pytest.raises(UpstreamTimeout, match=r"^no answer within 0\.1 s$"):
            await send(upstream, place.port, silent=0.1)
        await place.left()


async def test_an_upstream_that_does_not_take_the_body_is_given_up(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request(body=False)
        await given_up.wait()

    given_up = trio.Event()
    async with far(script) as place:
        with pytest.raises(UpstreamTimeout, match=r"^no answer within 0\.1 s$"):
            await send(upstream, place.port, b"x" * 50_000_000, silent=0.1)
        given_up.set()
        await place.left()


@pytest.mark.parametrize("credential", [b"sk-secret ", b" sk-secret", b"sk\nsecret", b"sk\0secret"])
async def test_a_credential_that_cannot_be_a_header_is_a_sentence_that_does_not_tell_it(
    upstream: Upstream, credential: bytes
) -> None:
    async with far(polite) as place:
        with pytest.raises(ConnectFailed, match="cannot stand in a header") as caught:
            await send(upstream, place.port, headers=((b"x-api-key", credential),))
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert "secret" not in str(caught.value)
        assert place.requests == []


def open_files() -> int:
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))  # noqa: PTH112, PTH208


async def test_nothing_leaks_however_often_requests_are_cancelled(upstream: Upstream) -> None:
    async def slowly(link: Link) -> None:
        while await link.request():
            await link.answer(HEAD + b"transfer-encoding: chunked\r\n\r\n")
            for _ in range(5):
                await link.answer(b"2\r\nok\r\n")
                await trio.lowlevel.checkpoint()
            await link.answer(b"0\r\n\r\n")

    dice = random.Random(7)
    async with far(slowly) as place:
        before = open_files()
        for _ in range(10):
            async with trio.open_nursery() as nursery:
                for _ in range(20):

                    async def cancelled(after: float) -> None:
                        with trio.move_on_after(after), await send(upstream, place.port) as answer:
                            await whole(answer)

                    nursery.start_soon(cancelled, dice.uniform(0, 0.02))
        # whatever was cancelled, the next request is served: a pool that waits wedges here (encode/httpcore#1093)
        assert await ask(upstream, place.port) == b"ok" * 5
        upstream.close_idle()
        with trio.fail_after(5):
            while open_files() > before:
                await wait_all_tasks_blocked(0.01)
        assert (place.open, open_files()) == (0, before)


async def test_of_an_error_as_much_is_read_as_comes_in_time(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.answer(b"HTTP/1.1 500 Oops\r\n\r\n" + b"x" * 100)
        await link.closed()

    async with far(script) as place:
        with await send(upstream, place.port) as answer:
            assert await answer.read(1000, 0.05) == b"x" * 100
        with await send(upstream, place.port) as answer:
            assert await answer.read(10, 5.0) == b"x" * 10
    async with far(always(b"HTTP/1.1 500 Oops\r\ncontent-length: 9\r\n\r\nabc", close=True)) as place:
        assert await (await send(upstream, place.port)).read(10, 5.0) == b"abc"
