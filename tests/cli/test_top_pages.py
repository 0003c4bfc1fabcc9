"""The pages of ``ccflared top``, before a real daemon."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from scene import CLIENTS, daemon_at, make_busy
from top_seat import Seat, ids, sit, socket_of

from ccflared.cli.top.app import Broken
from ccflared.cli.top.keys import KEYS, PAGES, useful
from ccflared.demo.script import Failing, Limited


def test_accounts_stand_in_the_order_they_are_tried_with_why_not_and_what_they_served_today(
    tmp_path: Path,
) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.ask()
        daemon.play("sk-first", Limited(1800))
        daemon.ask()
        daemon.settle()

        async def play(seat: Seat) -> None:
            shown = await seat.sees("1> second", "○ resting", "again in 30 min", "today  1 request")
            assert shown.index("second") < shown.index("first")
            assert "limit reached" in shown
            assert "1 of 2 accounts ready" in seat.lines()[0]

        sit(socket_of(daemon), play)


def test_what_is_chosen_stays_chosen_while_the_order_changes(tmp_path: Path) -> None:
    with daemon_at(tmp_path, names=("first", "second", "third")) as daemon:

        async def play(seat: Seat) -> None:
            assert seat.app.board.chosen == "first"
            daemon.call("POST", "/api/accounts/first/pause")
            seat.app.refresh_now()
            await seat.sees("1> second", "paused")
            assert seat.app.board.chosen == "first"
            assert seat.line("first").lstrip().startswith("first ")
            await seat.press("r")
            await seat.sees("1> first")

        sit(socket_of(daemon), play)


def test_a_key_for_accounts_acts_on_the_chosen_one_and_says_elsewhere_where_it_belongs(
    tmp_path: Path,
) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("down", "p")
            await seat.sees("○ paused", "second is paused")
            await seat.press("2", "p")
            await seat.sees("That key is for the accounts:")

        sit(socket_of(daemon), play)
        states = {
            each["name"]: each["state"] for each in daemon.call("GET", "/api/status").json()["accounts"]
        }
        assert states == {"first": "ready", "second": "paused"}


def test_a_request_appears_as_it_ends_and_enter_opens_all_of_it(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.sees("No request yet.")
            daemon.ask(model="claude-opus-4-5")
            shown = await seat.sees("● 200", "opus-4-5")
            await seat.press("enter")
            await seat.sees("Tries", "claude-opus-4-5", f"req_{ids(shown)[0]}")
            await seat.press("escape")
            await seat.sees("2 Requests", "/ filter")

        sit(socket_of(daemon), play)


def test_new_requests_come_on_top_and_leave_the_chosen_one_on_its_line(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        for _ in range(40):
            daemon.ask()

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.until(lambda: len(ids(seat.seen())) > 10, "rows")
            await seat.press("pagedown", "down")
            chosen = seat.app.board.chosen
            line = seat.lines().index(seat.line(chosen[4:12]))
            daemon.ask()
            await seat.until(lambda: len(seat.app.known.requests) == 41, "one more")
            await seat.sees("of 41")
            assert seat.lines().index(seat.line(chosen[4:12])) == line
            assert seat.app.board.chosen == chosen

        sit(socket_of(daemon), play)


def test_a_filter_shows_what_has_the_text_and_escape_takes_it_back(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        make_busy(daemon)

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.sees("opus-4-5", "haiku-4-5")
            await seat.press("slash", *"HAIKU", "enter")
            await seat.misses("opus-4-5")
            assert len(ids(seat.seen())) == 4
            assert "/HAIKU" in seat.lines()[-1]
            await seat.press("escape")
            await seat.sees("opus-4-5")

        sit(socket_of(daemon), play)


def test_keys_that_are_typed_into_the_filter_do_nothing_else(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("2", "slash", *"q1?", "enter")
            await seat.sees("None of the latest requests has 'q1?' in it.", "2 Requests")

        sit(socket_of(daemon), play)


def test_enter_on_an_account_shows_its_requests_alone(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.ask()
        daemon.play("sk-first", Failing(500))
        daemon.ask()
        daemon.settle()

        async def play(seat: Seat) -> None:
            await seat.sees("first", "second")
            while seat.app.board.chosen != "second":
                await seat.press("down" if seat.app.board.chosen == "first" else "up")
            await seat.press("enter")
            await seat.sees("/account:second")
            await seat.until(lambda: len(ids(seat.seen())) == 1, "one row")
            assert "second" in seat.line("● 200")

        sit(socket_of(daemon), play)


def test_held_requests_stay_as_they_are_until_space_lets_them_go_on(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("2", "space")
            await seat.sees("held", "No request yet.")
            daemon.ask()
            await seat.until(lambda: len(seat.app.known.requests) == 1, "it is known")
            seat.app.redraw()
            assert "● 200" not in seat.seen()
            await seat.press("space")
            await seat.sees("● 200")

        sit(socket_of(daemon), play)


def test_a_conversation_tells_who_holds_it_and_leads_to_its_requests(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.stage.headers["x-claude-code-session-id"] = "aaaabbbb-talk"
        daemon.run(daemon.stage.ask)
        daemon.run(daemon.stage.ask)
        daemon.ask()
        daemon.settle()

        async def play(seat: Seat) -> None:
            await seat.press("3")
            await seat.sees("fresh-", "aaaabbbb")
            row = seat.line("aaaabbbb")
            assert "● first" in row
            assert " 2 " in row
            await seat.press("down", "enter")
            await seat.sees("2 Requests", "/conversation:claude-code:aaaabbbb-talk")
            await seat.until(lambda: len(ids(seat.seen())) == 2, "its two requests")

        sit(socket_of(daemon), play)


def test_costs_keep_value_and_money_apart_and_turn_by_keys(tmp_path: Path) -> None:
    own = {"first": 'billing = "plan"', "second": ""}
    with daemon_at(tmp_path, own=own, more=CLIENTS) as daemon:
        daemon.ask(key="k-laptop")
        daemon.play("sk-first", Failing(500))
        daemon.ask(key="k-ci")
        daemon.ask(key="k-laptop", model="nobody-knows-1")
        daemon.settle()

        async def play(seat: Seat) -> None:
            await seat.press("4")
            await seat.sees("[account]", "[today]", "plan value", "money", "unpriced")
            assert "second" in seat.seen()
            await seat.press("b", "b")
            await seat.sees("[client]", "laptop", "ci")
            await seat.press("s")
            await seat.sees("[24h]", "laptop")

        sit(socket_of(daemon), play, (120, 30))


def test_the_log_comes_line_by_line_from_a_level_on(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("5")
            await seat.sees("[info]")
            daemon.call("POST", "/api/accounts/first/pause")
            await seat.sees("account first was paused")
            daemon.play("sk-second", Limited(600))
            daemon.ask()
            await seat.sees("warning: account second is resting")
            await seat.press("v")
            await seat.sees("[warning]", "second is resting")
            assert "first was paused" not in seat.seen()

        sit(socket_of(daemon), play)


def test_the_charts_tell_of_requests_tokens_first_bytes_and_shares(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        make_busy(daemon)

        async def play(seat: Seat) -> None:
            await seat.press("6")
            shown = await seat.sees("Requests a minute", "Tokens a minute", "First byte, median", "Accounts")
            assert "█" in shown
            assert "15 in all" in shown or "16 in all" in shown
            await seat.press("s")
            await seat.sees("[6h]", "Requests in 5 minutes")

        sit(socket_of(daemon), play)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (160, 50), (20, 8)])
def test_no_page_is_wider_than_the_screen_or_loses_its_keys(tmp_path: Path, size: tuple[int, int]) -> None:
    with daemon_at(tmp_path, more=CLIENTS) as daemon:
        for number in range(30):
            daemon.ask(key="k-laptop", model=f"claude-opus-4-{number}")
        daemon.play("sk-first", Limited(600))
        daemon.ask(key="k-ci")
        daemon.settle()

        async def play(seat: Seat) -> None:
            for number, page in enumerate(PAGES, 1):
                await seat.press(str(number))
                await seat.sees(f"{number} {page}"[: max(3, size[0] - 17)], "quit")
                assert seat.fits(), seat.seen()
                assert len(seat.lines()) == size[1]
                assert "? help q quit" in " ".join(" ".join(seat.lines()[-2:]).split())
            await seat.press("question_mark")
            await seat.sees("Everywhere"[: size[0]])
            assert seat.fits()

        sit(socket_of(daemon), play, size)


def test_a_daemon_that_goes_is_waited_for_and_comes_back_with_what_happened_since(tmp_path: Path) -> None:
    with ExitStack() as running:
        daemon = running.enter_context(daemon_at(tmp_path))
        socket = socket_of(daemon)
        daemon.ask()
        daemon.settle()

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.sees("● 200")
            running.close()
            await seat.sees("The daemon is not there; waiting for it to come back.", "● 200")
            again = running.enter_context(daemon_at(tmp_path))
            await seat.sees("2 of 2 accounts ready")
            again.ask(model="claude-haiku-4-5")
            await seat.sees("haiku-4-5", "sonnet-4-5")

        sit(socket, play)


def test_text_of_others_is_neither_markup_nor_obeyed(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.ask(model="[red]m-[/]x[@click=app.quit]y")
        daemon.settle()

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.sees("m-x[@click=app.quit]y")
            await seat.press("3")
            await seat.sees("fresh-", "m-x[@click")

        sit(socket_of(daemon), play, (160, 24))


def test_the_help_tells_of_every_key_and_the_footer_of_those_of_its_page(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            for number, page in enumerate(PAGES, 1):
                await seat.press(str(number))
                foot = " ".join(seat.lines()[-2:])
                chosen = bool(seat.app.board.chosen)
                for key in KEYS:
                    told = bool(key.word) and useful(key, page, chosen=chosen)
                    assert (f"{key.shown} {key.word}" in foot) == told, (key, foot)
            await seat.press("question_mark")
            shown = await seat.sees("Everywhere", *PAGES)
            for key in KEYS:
                assert any(key.shown in line and key.does in line for line in shown.split("\n")), key

        sit(socket_of(daemon), play, (160, 70))


def test_every_key_is_bound_and_nothing_is_bound_that_no_key_tells_of(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            told = {name for key in KEYS for name in key.key.split(",")}
            bound = {active.binding.key for active in seat.app.active_bindings.values()}
            assert told - bound == set()
            # Beside them there are those that textual itself has for an app.
            assert {name for name in bound - told if name not in ("ctrl+q", "super+c", "ctrl+i")} == set()

        sit(socket_of(daemon), play)


def test_another_size_of_the_terminal_is_drawn_at_once(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.ask()

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.sees("● 200", "USD")
            await seat.resize(50, 12)
            await seat.until(lambda: len(seat.lines()) == 12 and "USD" not in seat.seen(), "the narrow one")
            assert seat.fits()
            await seat.resize(140, 40)
            await seat.sees("client", "req_")

        sit(socket_of(daemon), play)


def test_a_bug_in_what_asks_ends_the_app_and_is_not_hidden_behind_old_figures(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            seat.app.post_message(Broken(ZeroDivisionError("a bug")))
            await seat.until(lambda: not seat.app.is_running, "the end")

        with pytest.raises(ZeroDivisionError):
            sit(socket_of(daemon), play)


def test_q_ends_it_and_the_daemon_goes_on(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("q")
            await seat.until(lambda: not seat.app.is_running, "the end")

        assert sit(socket_of(daemon), play).return_code == 0
        assert daemon.call("GET", "/api/status").status_code == 200
