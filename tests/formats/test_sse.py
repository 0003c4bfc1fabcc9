"""The cutter and the codec of server-sent events: no byte is changed, and no cut of the stream changes a meaning."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.errors import UpstreamBroken
from ccflared.formats import sse
from ccflared.formats.sse import Cutter, Event

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
WORDS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8).map(
    str.encode
)
FIELDS = st.sampled_from([b"data: ", b"data:", b"event: ", b"event:", b"id: ", b": ", b"", b"data"])
LINES = st.builds(lambda field, word, end: field + word + end, FIELDS, WORDS, ENDS)
STREAMS = st.lists(st.one_of(LINES, ENDS), max_size=24).map(b"".join)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NOISE = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b":", b"\0", b"\xc3", b"\xef", b"\xbb", BYTE_ORDER_MARK]),
    max_size=24,
)
BYTES = st.one_of(STREAMS, NOISE.map(b"".join), STREAMS.map(BYTE_ORDER_MARK.__add__), st.binary(max_size=80))


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[begin:end] for begin, end in pairwise(places)]


def cut_up(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    cutter = Cutter()
    events = [event for piece in pieces for event in cutter.feed(piece)]
    return events, cutter.rest


def told(raws: list[bytes]) -> list[Event]:
    """What a client reads: events that say nothing are not dispatched."""
    return [event for raw in raws if (event := sse.parse(raw)) != Event(b"", b"")]


def read_by_the_standard(data: bytes) -> list[Event]:
    """The algorithm of the HTML standard, 9.2.6, word for word, over a whole stream at its end; ids left out."""
    lines = re.split(rb"\r\n|\r|\n", data.removeprefix(BYTE_ORDER_MARK))
    name, buffer, found = b"", b"", []
    for line in lines[:-1]:  # what has no line end is no line
        if not line:
            if buffer or name:
                found.append(Event(name, buffer.removesuffix(b"\n")))
            name, buffer = b"", b""
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            buffer += value + b"\n"
    return [event for event in found if event != Event(b"", b"")]


@given(BYTES, st.lists(st.integers(0, 400), max_size=12))
def test_a_stream_is_read_as_the_standard_says_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    assert told(cut_up(pieces_of(data, cuts))[0]) == read_by_the_standard(data)


@given(BYTES, st.lists(st.integers(0, 400), max_size=12))
def test_however_a_stream_is_cut_its_bytes_and_its_events_stay_the_same(data: bytes, cuts: list[int]) -> None:
    whole, whole_rest = cut_up([data])
    events, rest = cut_up(pieces_of(data, cuts))
    assert b"".join(events) + rest == data == b"".join(whole) + whole_rest
    assert told(events) == told(whole)
    assert rest.strip(b"\r\n") == whole_rest.strip(b"\r\n")


@given(BYTES, st.lists(st.integers(0, 400), max_size=12))
def test_closed_the_stream_leaves_nothing_behind(data: bytes, cuts: list[int]) -> None:
    cutter = Cutter()
    events = [event for piece in pieces_of(data, cuts) for event in cutter.feed(piece)]
    rest = cutter.rest
    last = cutter.close()
    assert b"".join(events + last) == data
    assert last == ([rest] if rest else [])
    assert cutter.rest == b""
    assert cutter.close() == []


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_a_last_event_without_its_blank_line_is_there_for_whoever_wants_it(end: bytes) -> None:
    cutter = Cutter()
    assert cutter.feed(b"data: 1\n\ndata: [DONE]" + end) == [b"data: 1\n\n"]
    assert [sse.parse(raw) for raw in cutter.close()] == [Event(b"", b"[DONE]")]


def test_what_is_written_and_cut_again_is_the_same_at_every_split_point() -> None:
    data = BYTE_ORDER_MARK + b"".join(
        sse.encode(name, word) for name, word in [("a", b"{}"), ("b", "größe 😀".encode()), ("c", b"")]
    )
    for place in range(len(data) + 1):
        events, rest = cut_up([data[:place], data[place:]])
        assert b"".join(sse.encode(event.name.decode(), event.data) for event in told(events)) == data[3:]
        assert (b"".join(events), rest) == (data, b"")


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (BYTE_ORDER_MARK + b"data: a\n\n", [BYTE_ORDER_MARK, b"data: a\n\n"]),
        (BYTE_ORDER_MARK, [BYTE_ORDER_MARK]),
        (BYTE_ORDER_MARK * 2 + b"data: a\n\n", [BYTE_ORDER_MARK, BYTE_ORDER_MARK + b"data: a\n\n"]),
        (b"data: a\n\n" + BYTE_ORDER_MARK + b"data: b\n\n", [b"data: a\n\n", BYTE_ORDER_MARK + b"data: b\n\n"]),
        (b"\xef\xbbdata: a\n\n", [b"\xef\xbbdata: a\n\n"]),
    ],
)  # fmt: skip
def test_a_byte_order_mark_counts_before_the_first_line_alone(data: bytes, events: list[bytes]) -> None:
    assert cut_up([data]) == (events, b"")
    assert cut_up([bytes([byte]) for byte in data]) == (events, b"")
    assert told(events) == read_by_the_standard(data)


@given(STREAMS)
def test_a_stream_in_single_bytes_has_the_same_events(data: bytes) -> None:
    events, _ = cut_up([bytes([byte]) for byte in data])
    assert told(events) == told(cut_up([data])[0])


@given(STREAMS)
def test_no_raw_event_holds_a_blank_line_but_at_its_end(data: bytes) -> None:
    events, rest = cut_up([data])
    for raw in [*events, rest]:
        lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        assert b"" not in lines[1:-2]
    assert all(raw[-1:] in (b"\r", b"\n") for raw in events)


@given(st.lists(st.tuples(ENDS, WORDS), min_size=1, max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_events_of_any_line_ends_are_read_as_written(
    written: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    data = b"".join(b"event: e" + end + b"data: " + word + end + end for end, word in written)
    events, rest = cut_up(pieces_of(data, cuts))
    assert [event for event in told(events) if event.name] == [Event(b"e", word) for _, word in written]
    assert rest.strip(b"\r\n") == b""


@given(STREAMS, st.lists(st.integers(0, 400), max_size=12))
def test_a_ping_slipped_in_between_two_events_changes_none_of_them(data: bytes, cuts: list[int]) -> None:
    cutter = Cutter()
    sent: list[bytes] = []
    ping = sse.encode("ping", b"{}")
    for piece in pieces_of(data, cuts):
        cutter.feed(piece)
        sent.append(piece)
        if cutter.between:
            sent.append(ping)
    heard = told(cut_up([b"".join(sent)])[0])
    assert [event for event in heard if event != Event(b"ping", b"{}")] == told(cut_up([data])[0])


@pytest.mark.parametrize(
    ("pieces", "count"),
    [
        ([b"data: a\r\n\r\n"], 1),
        ([b"data: a\r", b"\n\r", b"\n"], 1),
        ([b"data: a\r\n\r", b"\n", b"data: b\r\n\r\n"], 2),
        ([b"data: a\n", b"\n"], 1),
        ([b"data: a\r\r"], 1),
        ([b"data: a\n\r"], 1),
        ([b"data: a\r", b"\ndata: b\r\n"], 0),
        ([b"data: a\r\ndata: b\r\n"], 0),
        ([b"data: \xf0\x9f", b"\x98\x80\n\n"], 1),
        ([b"", b"\n\n", b""], 0),
    ],
)
def test_line_ends_are_told_apart_from_blank_lines(pieces: list[bytes], count: int) -> None:
    events, _ = cut_up(pieces)
    assert len(told(events)) == count


def test_the_line_feed_of_a_carriage_return_that_came_before_begins_nothing() -> None:
    cutter = Cutter()
    cutter.feed(b"data: a\r\n\r")
    assert cutter.between
    cutter.feed(b"\n")
    assert cutter.between
    cutter.feed(b"d")
    assert not cutter.between


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(0, 60), st.integers(10, 40))
def test_an_event_within_the_bound_always_passes_and_one_beyond_it_never_grows_on(
    cuts: list[int], length: int, bound: int
) -> None:
    data = b"data: " + b"x" * length + b"\n\n"
    cutter = Cutter(bound)
    pieces = pieces_of(data, cuts)
    largest = max(map(len, pieces))
    try:
        for piece in pieces:
            cutter.feed(piece)
    except UpstreamBroken as error:
        assert len(data) > bound
        assert str(bound) in str(error)  # noqa: PT017
    else:
        assert len(data) <= bound + largest


def test_a_stream_without_any_blank_line_ends_at_the_bound() -> None:
    cutter = Cutter(1000)
    for _ in range(10):
        cutter.feed(b"x" * 100)
    with pytest.raises(UpstreamBroken, match="longer than 1000 bytes"):
        cutter.feed(b"x")


@pytest.mark.parametrize("line", [b"x" * 4096, b"xx\r\n" * 1024, b"xx\r" * 1024, b"xx\n" * 1024, b"x"])
def test_a_long_event_in_small_pieces_costs_no_more_than_its_length(line: bytes) -> None:
    def spent(times: int) -> float:
        cutter = Cutter()
        began = time.process_time()
        for _ in range(times):
            cutter.feed(line)
            assert not cutter.between
        return time.process_time() - began

    spent(100)
    # Joined anew for each piece, ten times the length would take a hundred times as long.
    assert spent(2000) < 40 * max(spent(200), 0.002)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_many_events_byte_by_byte_cost_no_more_than_their_length(end: bytes) -> None:
    def spent(times: int) -> float:
        data = (b"data: a" + end + end) * times
        cutter = Cutter()
        began = time.process_time()
        count = sum(len(cutter.feed(data[place : place + 1])) for place in range(len(data)))
        assert count == times
        return time.process_time() - began

    spent(100)
    assert spent(5000) < 40 * max(spent(500), 0.002)


@given(st.text("abc_", min_size=1, max_size=8), WORDS)
def test_what_is_written_is_one_event_and_reads_as_it_was(name: str, data: bytes) -> None:
    raw = sse.encode(name, data)
    assert cut_up([raw]) == ([raw], b"")
    assert sse.parse(raw) == Event(name.encode(), data)


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        (b"data: a\ndata: b\n\n", Event(b"", b"a\nb")),
        (b"data:a\n\n", Event(b"", b"a")),
        (b"data:  a\n\n", Event(b"", b" a")),
        (b"data\n\n", Event(b"", b"")),
        (b"event:x\rdata: a\r\r", Event(b"x", b"a")),
        (b"event: x\nevent: y\ndata: a\n\n", Event(b"y", b"a")),
        (b": comment\n\n", Event(b"", b"")),
        (b"id: 7\nretry: 10\n\n", Event(b"", b"")),
        (b"\xef\xbb\xbfdata: x\ndata: a\n\n", Event(b"", b"a")),
        (b"dataa: a\nEVENT: x\n\n", Event(b"", b"")),
        (b"data: a: b\n\n", Event(b"", b"a: b")),
        (b"data: a\x00b\n\n", Event(b"", b"a\x00b")),
        (b"data: a\ndata\ndata:\ndata: b\n\n", Event(b"", b"a\n\n\nb")),
        (b"id: a\0b\ndata: a\n\n", Event(b"", b"a")),
        (b"data: a\nid\nretry: no number\n\n", Event(b"", b"a")),
        (b": data: a\n:\n\n", Event(b"", b"")),
        (b" data: a\n\n", Event(b"", b"")),
        (b"event\ndata: a\n\n", Event(b"", b"a")),
        (b"\ndata: a\n\n", Event(b"", b"a")),
        (b"data: a\r\n", Event(b"", b"a")),
        (b"data: a", Event(b"", b"a")),
        (b"", Event(b"", b"")),
    ],
)
def test_fields_are_read_as_the_standard_says(raw: bytes, event: Event) -> None:
    assert sse.parse(raw) == event


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_nothing_is_too_strange_to_be_read(raw: bytes) -> None:
    sse.parse(raw)
