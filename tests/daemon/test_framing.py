"""Frames take the framing off as h11 does, wherever the bytes are split, and refuse what it refuses."""

import itertools

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccflared.daemon.framing import Chunked, Counted, Frame, UntilClosed, frame_of

CHUNKS = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
LAST = b"0\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def split(data: bytes, at: list[int]) -> list[bytes]:
    bounds = [0, *sorted(position % (len(data) + 1) for position in at), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(bounds) if end > begin]


def read(frame: Frame, pieces: list[bytes]) -> bytes:
    return b"".join(frame.feed(piece) for piece in pieces)


def as_h11_reads(pieces: list[bytes]) -> tuple[bytes, bool, bytes] | None:
    """Return body, whether it ended, and what came behind; None: refused."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    assert isinstance(connection.next_event(), h11.Response)
    body = b""
    ended = False
    try:
        for piece in pieces:
            connection.receive_data(piece)
            while not ended and isinstance(event := connection.next_event(), h11.Data | h11.EndOfMessage):
                if isinstance(event, h11.Data):
                    body += event.data
                ended = isinstance(event, h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return None
    return body, ended, connection.trailing_data[0] if ended else b""


@given(CHUNKS, st.lists(st.integers(0, 400), max_size=8))
def test_chunks_come_out_whole_wherever_they_are_split(pieces: list[bytes], at: list[int]) -> None:
    frame = Chunked()
    assert read(frame, split(chunked(*pieces) + LAST, at)) == b"".join(pieces)
    assert frame.ended
    assert not frame.excess


@pytest.mark.parametrize("at", range(1, 40))
def test_every_single_split_point_gives_the_same(at: int) -> None:
    data = b"5;name=value\r\nhello\r\nA \r\n0123456789\r\n0\r\nx: y\r\n\r\n"
    frame = Chunked()
    assert read(frame, [data[:at], data[at:]]) == b"hello0123456789"
    assert frame.ended


@given(CHUNKS, st.lists(st.integers(0, 400), max_size=8), st.integers(0, 400), st.binary(max_size=3))
@example([b"a"], [], 4, b"x")
@example([b"a"], [], 0, b"-")
@example([b"a"], [], 0, b"0x")
@example([b"a"], [], 3, b"+")
@example([b"a"], [], 1, b"\n")
@example([], [], 3, b"x")
def test_damaged_chunks_are_judged_as_h11_judges_them(
    pieces: list[bytes], at: list[int], where: int, damage: bytes
) -> None:
    data = chunked(*pieces) + LAST
    where %= len(data) + 1
    sent = split(data[:where] + damage + data[where + len(damage) :], at)
    theirs = as_h11_reads(sent)
    frame = Chunked()
    try:
        body = read(frame, sent)
    except h11.RemoteProtocolError:
        # We are stricter only with trailer fields and with control characters in what is passed over.
        assert theirs is None or b"\r\n0\r\n" in b"\r\n" + b"".join(sent) or b";" in damage
        return
    assert theirs is not None
    assert (body, frame.ended, frame.excess) == (theirs[0], theirs[1], bool(theirs[2]))


@pytest.mark.parametrize(
    "data",
    [
        b"g\r\n",
        b"\r\n",
        b"-1\r\nx\r\n",
        b"0x5\r\nhello\r\n",
        b"5\nhello\r\n0\r\n\r\n" + b"x" * 5000,
        b"5\r\nhelloo\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"11111111111111111\r\n",
        b"1;" + b"x" * 5000,
        b"0\r\nno field\r\n\r\n",
        b"0\r\n" + b"a: b\r\n" * 20_000,
    ],
)
def test_what_is_no_chunk_is_refused(data: bytes) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        read(Chunked(), [data])


def test_bytes_behind_the_end_are_told_and_not_given_out() -> None:
    frame: Frame = Chunked()
    assert read(frame, [chunked(b"one") + LAST + b"HTTP/1.1 200 OK\r\n"]) == b"one"
    assert frame.excess
    frame = Counted(3)
    assert read(frame, [b"on", b"e and more"]) == b"one"
    assert frame.ended
    assert frame.excess


def test_a_body_that_is_cut_is_no_end() -> None:
    for frame, data in ((Chunked(), chunked(b"one")), (Counted(4), b"one")):
        read(frame, [data])
        assert not frame.ended
        with pytest.raises(h11.RemoteProtocolError):
            frame.eof()


def test_a_body_without_any_framing_ends_with_its_connection() -> None:
    frame = UntilClosed()
    assert read(frame, [b"one", b"two"]) == b"onetwo"
    assert not frame.ended
    frame.eof()
    assert frame.ended


@pytest.mark.parametrize(
    ("method", "status", "headers", "kind"),
    [
        ("GET", 200, [("content-length", "5")], Counted),
        ("GET", 200, [("transfer-encoding", "chunked")], Chunked),
        ("GET", 200, [("transfer-encoding", "chunked"), ("content-length", "5")], Chunked),
        ("GET", 200, [], UntilClosed),
        ("HEAD", 200, [("content-length", "5")], Counted),
        ("GET", 204, [], Counted),
        ("GET", 304, [("content-length", "5")], Counted),
    ],
)
def test_the_head_says_which_frame_there_is(
    method: str, status: int, headers: list[tuple[str, str]], kind: type
) -> None:
    frame = frame_of(method, h11.Response(status_code=status, headers=headers))
    assert type(frame) is kind
    assert frame.ended == (method == "HEAD" or status in (204, 304))
