"""Answers that come compressed although nobody asked: decoded whole, or told as damaged, never silently cut."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from upstreams import Link, always, far, send, whole

from ccflared.daemon.upstream import Upstream
from ccflared.errors import UpstreamBroken

TEXT = b"".join(b"event: e%d\ndata: {}\n\n" % number for number in range(300))


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close_idle()


def encoded(coding: bytes, data: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nx-kept: 1\r\ncontent-length: %d\r\n\r\n"
    return head % (coding, len(data)) + data


GOOD = {
    "gzip": (b"gzip", gzip.compress(TEXT)),
    "x-gzip": (b" X-Gzip ", gzip.compress(TEXT)),
    "deflate": (b"deflate", zlib.compress(TEXT)),
    "several members": (
        b"gzip",
        gzip.compress(TEXT[:900]) + gzip.compress(b"") + gzip.compress(TEXT[900:]),
    ),
}


@pytest.mark.parametrize("piece", [1, 100, 10_000_000])
@pytest.mark.parametrize("case", GOOD)
async def test_a_compressed_answer_is_given_on_as_it_was_meant(
    upstream: Upstream, case: str, piece: int
) -> None:
    coding, data = GOOD[case]
    answer = encoded(coding, data)
    async with far(always(*(answer[at : at + piece] for at in range(0, len(answer), piece)))) as place:
        got = await send(upstream, place.port)
        assert await whole(got) == TEXT
        assert await got.receive() == b""
        assert got.head.get(b"content-encoding") is None
        assert got.head.get(b"content-length") is None
        assert got.head.get(b"x-kept") == b"1"


async def test_an_empty_answer_may_say_that_it_is_compressed(upstream: Upstream) -> None:
    async with far(always(encoded(b"gzip", b""))) as place:
        assert await whole(await send(upstream, place.port)) == b""


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"identity", b"gzip, br"])
async def test_any_other_coding_is_left_to_the_client(upstream: Upstream, coding: bytes) -> None:
    async with far(always(encoded(coding, b"whatever"))) as place:
        answer = await send(upstream, place.port)
        assert (await whole(answer), answer.head.get(b"content-encoding")) == (b"whatever", coding)


PACKED = gzip.compress(TEXT)
DAMAGED = {
    "cut": PACKED[:-20],
    "cut before its checksum": PACKED[:-8],
    "cut after a byte": PACKED[:1],
    "a wrong byte": PACKED[:50] + bytes([PACKED[50] ^ 0xFF]) + PACKED[51:],
    "a wrong checksum": PACKED[:-5] + bytes([PACKED[-5] ^ 0xFF]) + PACKED[-4:],
    "not compressed": TEXT,
    "something behind": PACKED + b"and more",
    "a second member cut": PACKED + PACKED[:30],
}


@pytest.mark.parametrize("case", DAMAGED)
async def test_a_damaged_answer_is_never_taken_for_a_whole_one(upstream: Upstream, case: str) -> None:
    async with far(always(encoded(b"gzip", DAMAGED[case]))) as place:
        with pytest.raises(UpstreamBroken, match="the compressed answer"):
            await whole(await send(upstream, place.port))


async def test_a_small_answer_that_unpacks_to_a_huge_one_comes_in_pieces_that_fit(upstream: Upstream) -> None:
    async with far(always(encoded(b"gzip", gzip.compress(bytes(20_000_000))))) as place:
        answer = await send(upstream, place.port)
        total = 0
        while data := await answer.receive():
            assert len(data) <= 1024 * 1024
            total += len(data)
        assert total == 20_000_000


async def test_what_was_flushed_is_given_on_before_the_end_comes(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request()
        packer = zlib.compressobj(wbits=31)
        await link.answer(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n")
        await link.answer(packer.compress(b"event: a\n\n") + packer.flush(zlib.Z_SYNC_FLUSH))
        await link.closed()

    async with far(script) as place:
        with await send(upstream, place.port) as answer:
            assert await answer.receive() == b"event: a\n\n"
