"""``ccflared top`` where things are otherwise than usual: few letters, no account, odd pastes, a terminal that goes."""

import os
import pty
import threading
from pathlib import Path

import pytest
import trio
from scene import daemon_at
from textual.widgets import Input
from top_seat import Person, Seat, before, sit, socket_of

from ccflared.cli.client import Answer
from ccflared.cli.places import Place
from ccflared.cli.render.conversations import read_conversations
from ccflared.cli.render.layout import ASCII, cells
from ccflared.cli.top.known import Known
from ccflared.cli.top.leaving import hung_up
from ccflared.cli.top.letters import plainly
from ccflared.cli.top.pages import Look, wish
from ccflared.demo.script import Failing, Held

TALK = {"conversation": "claude-code:1", "client": "desk", "requests": 1, "heldBy": "first", "model": "m"}


def test_where_there_is_ascii_alone_every_dialog_and_every_page_is_ascii(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.ask()
        daemon.settle()

        async def play(seat: Seat) -> None:
            for number in "123456":
                await seat.press(number)
                assert seat.seen().isascii(), seat.seen()
            await seat.press("2")
            await seat.sees("* 200")
            await seat.press("enter")
            assert (await seat.sees("Tries", "scroll", "Esc back")).isascii()
            await seat.press("escape", "1", "m")
            assert "Priority of" in seat.seen()
            assert seat.seen().isascii()
            assert seat.line("Enter look at the change").startswith("|")
            await seat.press("escape", "a")
            assert (await seat.sees("claude-oauth", "go on")).isascii()
            await seat.press("escape", "p")
            await seat.hears("is paused")
            assert (await seat.sees("is paused")).isascii()
            await seat.press("question_mark")
            assert (await seat.sees("Everywhere")).isascii()

        sit(socket_of(daemon), play, glyphs=ASCII)


@pytest.mark.parametrize("text", ["╭─╮│", "• 漢字 …", "a\u0301 é", "▆▆ ↑↓\u00a0choose", "plain"])
def test_letters_that_stand_in_for_others_are_as_wide(text: str) -> None:
    assert plainly(text).isascii()
    assert len(plainly(text)) == cells(text)


def test_without_an_account_only_keys_that_need_none_are_told_of(tmp_path: Path) -> None:
    with daemon_at(tmp_path, names=()) as daemon:

        async def play(seat: Seat) -> None:
            foot = " ".join(seat.lines()[-2:])
            assert "a add" in foot
            assert "pause" not in foot
            await seat.press("p")
            assert "press a to add the first one" in await seat.hears("no account yet")
            await seat.press("enter", "x", "d", "plus")
            assert len(seat.app.screen_stack) == 1

        sit(socket_of(daemon), play)


def test_of_a_paste_the_first_line_with_something_in_it_is_taken_without_control_characters(
    tmp_path: Path,
) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.rename("first")
            await person.sees("New name")
            await person.press("ctrl+a", "ctrl+k")
            field = await person.pastes("\r\n  \x1b[31mde\u202esk\x07 \r\nsecond line\n")
            assert field.value == "desk"
            await person.pastes("[bold]")
            assert field.value == "desk[bold]"
            await person.pastes("\n")
            assert field.value == "desk[bold]"

        before(daemon, play)


def test_a_paste_takes_the_place_of_what_is_selected(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.priority("first", 0)
            await person.sees("Priority of first")
            field = await person.pastes("12\n")
            assert field.value == "12"
            await person.press("shift+left", "shift+left")
            await person.pastes("7")
            assert field.value == "7"

        before(daemon, play)


def test_a_filter_that_was_pasted_with_escapes_is_shown_without(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("2", "slash")
            await seat.pastes("\x1b]0;title\x07words")
            await seat.sees("'words'")
            assert seat.app.query_one("#filter", Input).value == "words"
            assert "\x1b" not in seat.seen()

        sit(socket_of(daemon), play)


def test_two_chains_of_a_conversation_are_two_rows_to_choose_and_open_the_same_requests(
    tmp_path: Path,
) -> None:
    with daemon_at(tmp_path) as daemon:
        told = {"conversations": [{**TALK, "chain": "fast"}, {**TALK, "chain": "slow"}]}
        assert len({talk.key for talk in read_conversations(told)}) == 2

        async def play(seat: Seat) -> None:
            await seat.press("3")
            known: Known = seat.app.known
            asked = wish(Look(page="Conversations"), known)
            assert asked is not None
            await seat.sees("Nobody has said anything")
            seat.app._feed.stop()
            assert seat.app.ended(20.0)
            asked.take(known, told)
            seat.app.redraw()
            first = seat.app.board.chosen
            await seat.press("down")
            assert seat.app.board.chosen not in ("", first)
            await seat.press("enter")
            assert seat.app.look.filters["Requests"] == "conversation:claude-code:1"

        sit(socket_of(daemon), play)


def test_an_answer_of_another_shape_is_told_of_as_that_and_not_as_a_refusal(tmp_path: Path) -> None:
    answer = Answer(200, {"other": 1}, "", Place(tmp_path / "s", "the test's"))
    assert "another version" in str(answer.unexpected("usage"))
    assert "200" not in f"{answer.unexpected('usage')} {answer.complaint()}"


def test_a_terminal_that_has_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr("sys.__stdin__", terminal)
        assert not hung_up()
        os.close(master)
        assert hung_up()


def test_a_request_that_runs_shows_where_it_is_tried_and_what_it_asks_for(tmp_path: Path) -> None:
    gate = trio.Event()
    with daemon_at(tmp_path) as daemon:
        daemon.play("sk-first", Failing(500))
        daemon.play("sk-second", Held(gate))
        asks = threading.Thread(target=daemon.ask)

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.sees("No request yet.")
            asks.start()
            await seat.sees("◐")
            await seat.until(lambda: "second" in seat.line("◐"), "the second account")
            assert "/v1/messages" not in seat.line("◐")
            assert "sonnet" in seat.line("◐")
            trio.from_thread.run_sync(gate.set, trio_token=daemon.token)
            await seat.sees("● 200 +1")

        sit(socket_of(daemon), play)
        asks.join()
