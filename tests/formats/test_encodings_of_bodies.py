"""Packed bodies: what was packed comes out, what is damaged is told, and nothing grows beyond the limit."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from ccflared.errors import ClientError
from ccflared.formats import encodings
from ccflared.formats.encodings import decoded

LIMIT = 1 << 20
BODY = b'{"model":"claude-opus-5-5","input":"' + b"hello " * 500 + b'"}'


def raw_deflate(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(data) + packing.flush()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "zstd": zstd.compress,
    "ZSTD": lambda data: zstd.compress(data, level=19),
    "identity": lambda data: data,
    "": lambda data: data,
}


@pytest.mark.parametrize("encoding", PACKINGS)
def test_what_was_packed_comes_out(encoding: str) -> None:
    assert decoded(PACKINGS[encoding](BODY), encoding.encode(), LIMIT) == BODY


@pytest.mark.parametrize("encoding", PACKINGS)
@given(data=st.binary(max_size=300))
def test_any_bytes_come_out(encoding: str, data: bytes) -> None:
    assert decoded(PACKINGS[encoding](data), encoding.encode(), 300) == data


def test_several_encodings_are_undone_from_the_last_to_the_first() -> None:
    assert decoded(zstd.compress(gzip.compress(BODY)), b"gzip, identity ,ZSTD", LIMIT) == BODY


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_an_empty_body_is_empty_however_it_is_packed(encoding: str) -> None:
    assert decoded(b"", encoding.encode(), LIMIT) == b""


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_members_that_follow_each_other_are_one_body(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    assert decoded(pack(b"one ") + pack(b"two"), encoding.encode(), LIMIT) == b"one two"


def test_gzip_may_be_padded_with_zeros() -> None:
    assert decoded(gzip.compress(BODY) + bytes(100), b"gzip", LIMIT) == BODY


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate", "zstd"])
def test_a_bomb_ends_at_the_limit_and_takes_no_more_memory_than_that(encoding: str) -> None:
    bomb = PACKINGS[encoding](bytes(64 * LIMIT))
    tracemalloc.start()
    try:
        with pytest.raises(ClientError) as refused:
            decoded(bomb, encoding.encode(), LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 8 * LIMIT
    finally:
        tracemalloc.stop()
    assert (refused.value.status, refused.value.kind) == (413, "request_too_large")


def test_a_bomb_in_a_bomb_ends_at_the_limit() -> None:
    with pytest.raises(ClientError) as refused:
        decoded(gzip.compress(gzip.compress(bytes(64 * LIMIT))), b"gzip, gzip", LIMIT)
    assert refused.value.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate", "zstd", "identity"])
@pytest.mark.parametrize(("size", "fits"), [(999, True), (1000, True), (1001, False)])
def test_the_limit_is_exact(encoding: str, size: int, fits: bool) -> None:
    packed = PACKINGS[encoding](b"x" * size)
    if fits:
        assert len(decoded(packed, encoding.encode(), 1000)) == size
    else:
        with pytest.raises(ClientError) as refused:
            decoded(packed, encoding.encode(), 1000)
        assert refused.value.status == 413


def test_members_count_together() -> None:
    with pytest.raises(ClientError) as refused:
        decoded(gzip.compress(bytes(600)) + gzip.compress(bytes(600)), b"gzip", 1000)
    assert refused.value.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate", "zstd"])
def test_a_body_that_ends_early_is_told_at_every_cut(encoding: str) -> None:
    packed = PACKINGS[encoding](BODY)
    for end in range(1, len(packed)):
        with pytest.raises(ClientError) as refused:
            decoded(packed[:end], encoding.encode(), LIMIT)
        assert refused.value.status == 400


@given(st.sampled_from(["gzip", "deflate", "zstd"]), st.binary(min_size=1, max_size=100))
def test_what_is_not_packed_at_all_is_told(encoding: str, data: bytes) -> None:
    try:
        decoded(data, encoding.encode(), LIMIT)
    except ClientError as refused:
        assert refused.status in (400, 413)  # noqa: PT017 - few bytes are by chance what they should be


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_what_stands_behind_the_end_is_told(encoding: str) -> None:
    with pytest.raises(ClientError) as refused:
        decoded(PACKINGS[encoding](BODY) + b"and more", encoding.encode(), LIMIT)
    assert refused.value.status == 400


def test_a_body_of_many_tiny_members_is_refused_and_not_copied_over_and_over() -> None:
    with pytest.raises(ClientError) as refused:
        decoded(gzip.compress(b"") * 50_000, b"gzip", LIMIT)
    assert refused.value.status == 400


def test_zstd_may_not_ask_for_more_memory_than_eight_mebibytes() -> None:
    packing = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    packed = packing.compress(bytes(100)) + packing.flush()
    with pytest.raises(ClientError) as refused:
        decoded(packed, b"zstd", LIMIT)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "encoding", [b"br", b"compress", b"gzip;q=1", b"\xff", b"gzip, gzip, gzip, gzip, gzip"]
)
def test_an_encoding_that_is_not_known_is_told(encoding: bytes) -> None:
    with pytest.raises(ClientError) as refused:
        decoded(BODY, encoding, LIMIT)
    assert refused.value.status == 415


def test_without_zstd_the_client_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "zstd", None)
    with pytest.raises(ClientError, match=r'pip install "ccflared\[zstd\]"') as refused:
        decoded(zstd.compress(BODY), b"zstd", LIMIT)
    assert refused.value.status == 415
