"""The board of ``top`` and what the screen knows: where somebody is, and how much is kept."""

from collections.abc import Sequence

from canned import NOW, busy
from figures import line, row

from ccflared.cli.render.layout import Span
from ccflared.cli.render.snapshot import read_status
from ccflared.cli.render.top import Block
from ccflared.cli.top.board import Board, Place, strip_of
from ccflared.cli.top.known import MOST_LINES, MOST_REQUESTS, MOST_RUNNING, Known


def known() -> Known:
    return Known(read_status(busy()), NOW, NOW - 3600)


def blocks(*keys: str) -> Sequence[Block]:
    return [Block(key, ((Span(f"{key} one"),), (Span(f"{key} two"),))) for key in keys]


def test_the_chosen_one_stays_chosen_wherever_it_moves() -> None:
    board, place = Board(id="board"), Place()
    board.show(place, (), blocks("a", "b", "c"))
    assert board.chosen == "a"
    board.show(place, (), blocks("b", "c", "a"))
    assert board.chosen == "a"


def test_who_has_chosen_the_first_of_a_growing_list_stays_with_the_first() -> None:
    board, place = Board(id="board"), Place(first=True)
    board.show(place, (), blocks("b", "c"))
    board.show(place, (), blocks("a", "b", "c"))
    assert board.chosen == "a"
    board.move(1)
    board.show(place, (), blocks("0", "a", "b", "c"))
    assert board.chosen == "b"


def test_what_goes_leaves_its_place_to_the_next() -> None:
    board, place = Board(id="board"), Place()
    board.show(place, (), blocks("a", "b", "c"))
    board.move(1)
    board.show(place, (), blocks("a", "c"))
    assert board.chosen == "c"
    board.show(place, (), blocks())
    assert board.chosen == ""
    board.show(place, (), blocks("d"))
    assert board.chosen == "d"


def test_each_page_keeps_where_one_was_on_it() -> None:
    board, one, other = Board(id="board"), Place(), Place()
    board.show(one, (), blocks("a", "b", "c"))
    board.edge(1)
    board.show(other, (), blocks("x", "y"))
    assert board.chosen == "x"
    board.show(one, (), blocks("a", "b", "c"))
    assert board.chosen == "c"


def test_a_strip_is_as_wide_as_the_screen_and_has_no_colour_where_it_is_chosen() -> None:
    strip = strip_of((Span("漢字", "bad"), Span(" and more")), 8, chosen=True)
    assert strip.cell_length == 8
    assert {segment.style.color for segment in strip if segment.style} == {None}


def test_requests_are_bounded_and_the_oldest_go_first() -> None:
    told = known()
    for number in range(MOST_REQUESTS + 5):
        told.ended(row(number))
    assert len(told.requests) == MOST_REQUESTS
    assert next(iter(told.requests)) == row(5)["id"]


def test_lines_are_bounded_and_none_is_told_twice() -> None:
    told = known()
    for number in [*range(MOST_LINES + 5), MOST_LINES, MOST_LINES + 1]:
        told.line({**line(number, "info", f"line {number}"), "id": f"x-{number}"})
    assert len(told.lines) == MOST_LINES
    assert told.lines[0][0] == "x-5"
    assert told.lines[-1][0] == f"x-{MOST_LINES + 4}"


def test_what_runs_is_bounded_and_ends_with_its_row() -> None:
    told = known()
    for number in range(MOST_RUNNING + 5):
        told.begun({"id": row(number)["id"], "at": NOW, "path": "/v1/messages"})
    assert len(told.running) == MOST_RUNNING
    told.ended(row(3))
    assert row(3)["id"] not in told.running
    told.begun({"id": row(3)["id"], "at": NOW})
    assert row(3)["id"] not in told.running


def test_those_that_began_before_become_fewer_and_never_more() -> None:
    told = known()
    status = read_status(busy() | {"running": 3})
    told.now(status, NOW, NOW)
    assert told.before == 3
    told.ended(row(1))
    assert told.before == 2
    told.now(status, NOW, NOW)
    assert told.before == 2
    told.begun({"id": "new", "at": NOW})
    told.now(read_status(busy() | {"running": 1}), NOW, NOW)
    assert told.before == 0


def test_the_history_and_the_stream_tell_of_each_request_once_in_the_order_of_their_ends() -> None:
    told = known()
    told.ended(row(3))
    told.history([row(4, responseTimeMs=9000), row(3), row(2), row(1)])
    told.ended(row(5))
    assert list(told.requests) == [row(number)["id"] for number in (1, 2, 3, 4, 5)]


def test_what_is_no_row_no_line_and_no_table_is_passed_over() -> None:
    told = known()
    told.ended({"nothing": 1})
    told.line("no line")
    told.history(None)
    assert not told.used([], "account today")
    assert not told.talks({})
    assert not told.charted(None)
    assert (told.requests, list(told.lines), told.costs) == ({}, [], None)
