"""The fields of HTTP/2: whatever is let in can be passed on by HTTP/1.1, and means the same there."""

from contextlib import suppress

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.daemon.http2.fields import Malformed, TooLarge, answer, read

PSEUDO = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", b"/x?y")]

NAMES = st.one_of(
    st.sampled_from(
        [b"host", b"cookie", b"te", b"connection", b"expect", b":path", b":authority", b"", b"x"]
    ),
    st.binary(max_size=6),
    st.text("abcxyz-_09!", min_size=1, max_size=8).map(str.encode),
)
VALUES = st.one_of(
    st.sampled_from([b"localhost", b"trailers", b"", b"/", b"LOCALHOST"]),
    st.binary(max_size=12),
    st.text(" abc;=,\t\u00e9", max_size=10).map(str.encode),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.permutations(PSEUDO))
def test_what_is_let_in_is_a_request_of_http_1_1_too(
    more: list[tuple[bytes, bytes]], pseudo: list[tuple[bytes, bytes]]
) -> None:
    try:
        asked = read([*pseudo, *more])
    except Malformed:
        return
    request = h11.Request(method=asked.method, target=asked.target, headers=asked.fields)
    assert list(request.headers) == asked.fields
    sent = h11.Connection(h11.CLIENT)
    data = sent.send(request)
    assert data is not None
    got = h11.Connection(h11.SERVER)
    got.receive_data(data)
    event = got.next_event()
    assert isinstance(event, h11.Request)
    assert (event.target, list(event.headers)) == (asked.target, asked.fields)
    assert asked.fields[0] == (b"host", b"localhost")
    assert sum(name in (b"host", b"cookie") for name, _ in asked.fields) <= 2


@given(st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=30)), max_size=30))
def test_anything_is_a_request_or_refused(listed: list[tuple[bytes, bytes]]) -> None:
    with suppress(Malformed, TooLarge):
        read(listed)


def test_a_host_is_told_by_either_field() -> None:
    alone = read([*PSEUDO[:2], PSEUDO[3], (b"x", b"y"), (b"host", b"Localhost")])
    assert alone.fields == [(b"host", b"Localhost"), (b"x", b"y")]
    both = read([*PSEUDO, (b"host", b"Localhost")])
    assert both.fields == [(b"host", b"localhost")]


def test_connect_has_a_host_for_a_target() -> None:
    asked = read([(b":method", b"CONNECT"), (b":authority", b"example.com:443")])
    assert (asked.method, asked.target) == ("CONNECT", b"example.com:443")
    with pytest.raises(Malformed):
        read([(b":method", b"CONNECT"), *PSEUDO[1:]])


def test_crumbs_are_one_cookie() -> None:
    asked = read([*PSEUDO, (b"cookie", b"a=b"), (b"x", b"y"), (b"cookie", b"c=d")])
    assert asked.fields[1:] == [(b"x", b"y"), (b"cookie", b"a=b; c=d")]


@pytest.mark.parametrize(
    "more", [[(b"x", b"y" * 70_000)], [(b"x", b"y")] * 513, [(b"x", b"y" * 1000)] * 64], ids=len
)
def test_there_is_a_most_of_fields(more: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(TooLarge):
        read([*PSEUDO, *more])


def test_an_answer_says_nothing_of_a_connection() -> None:
    told = answer(
        204, [(b"Content-Type", b"a"), (b"Connection", b"close"), (b"transfer-encoding", b"chunked")]
    )
    assert told == [(b":status", b"204"), (b"content-type", b"a")]
