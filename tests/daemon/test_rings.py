"""The ring: a listener gets every event once and in order, or is told how many it has missed."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ccflared.daemon.feeds.rings import Ring

START = "0123456789ab"
SIZE = 8


def numbers(data: bytes) -> list[int]:
    """Return what the events of a piece of a stream carry."""
    events = [block for block in data.decode().split("\n\n") if block]
    return [json.loads(block.partition("data: ")[2]) for block in events]


@given(st.lists(st.one_of(st.just("add"), st.integers(0, 2)), max_size=200))
def test_listeners_at_any_pace_get_each_event_once_or_know_how_many_they_missed(
    steps: list[int | str],
) -> None:
    ring: Ring[int] = Ring(SIZE, START)
    at, got, missed = [0, 0, 0], [0, 0, 0], [0, 0, 0]
    for step in steps:
        if isinstance(step, str):
            ring.add(ring.latest + 1)
            continue
        read = ring.read(at[step], lambda number: number)
        assert numbers(read.data) == list(range(at[step] + read.missed + 1, ring.latest + 1))
        got[step] += len(numbers(read.data))
        missed[step] += read.missed
        at[step] = read.position
        assert got[step] + missed[step] == ring.latest
        assert len(ring._spelled) <= SIZE
    assert [number for number, _ in ring.last()] == list(range(ring.oldest, ring.latest + 1))


@given(st.text(max_size=40) | st.builds("{}-{}".format, st.just(START), st.integers(-5, 10**20)))
def test_whatever_a_client_says_it_has_read_it_gets_a_place_in_the_ring(last_id: str) -> None:
    ring: Ring[int] = Ring(SIZE, START)
    for number in range(20):
        ring.add(number)
    position, missed = ring.position(last_id)
    assert 0 <= position <= 20
    assert missed == 0
    ring.read(position, lambda number: number)


def test_the_id_of_another_run_means_that_nobody_knows_how_many_are_missing() -> None:
    ring: Ring[int] = Ring(SIZE, START)
    for number in range(3):
        ring.add(number)
    assert ring.position("0123456789aa-7") == (0, None)
    assert ring.position(ring.id(2)) == (2, 0)
    assert ring.position(ring.id(7)) == (3, 0)
    assert ring.position("what-7") == (3, 0)
    assert ring.position(None) == (3, 0)


def test_what_is_large_is_read_in_parts_and_odd_text_stays_in_its_event() -> None:
    ring: Ring[str] = Ring(SIZE, START)
    for text in ("x" * 40_000, "y" * 40_000, "z\r\n\ndata: 1\u2028\ud800"):
        ring.add(text)
    first = ring.read(0, str)
    assert first.position == 2
    second = ring.read(first.position, str)
    assert second.position == 3
    assert second.data.count(b"\n") == 3
