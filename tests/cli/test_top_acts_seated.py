"""The keys of ``ccflared top`` and the dialogs that they open, from the first press to the file that is written."""

from functools import partial
from pathlib import Path

import pytest
from issuer import FakeIssuer
from logins import issued, kept
from scene import daemon_at
from textual.events import Paste
from top_seat import Seat, sit, socket_of

from ccflared.cli.top.link import Link


async def paste(seat: Seat, text: str) -> None:
    assert seat.app.screen.focused is not None
    seat.app.screen.focused.post_message(Paste(text))


async def at_home(seat: Seat) -> None:
    await seat.until(lambda: len(seat.app.screen_stack) == 1, "no dialog")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
def test_an_account_is_removed_by_its_key_and_its_name(tmp_path: Path, size: tuple[int, int]) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("down", "d")
            await seat.sees("Remove second", "Type second to confirm", "Enter remove it")
            await paste(seat, "second")
            await seat.press("enter")
            await at_home(seat)
            await seat.sees("1 of 1 account")
            await seat.press("q")

        sit(socket_of(daemon), play, size)
        assert "[accounts.second]" not in daemon.stage.config.read_text()


def test_a_priority_that_is_written_moves_the_account_on_the_screen(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.sees("1> first")
            await seat.press("m")
            await seat.sees("Priority of first")
            await seat.press("ctrl+a", "ctrl+k", "9", "enter")
            await seat.sees("+priority = 9")
            await seat.press("enter")
            await at_home(seat)
            await seat.sees("1> second")

        sit(socket_of(daemon), play)


def test_keys_of_the_pages_do_nothing_while_a_dialog_is_open(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("t")
            await seat.sees("Enter send it")
            await seat.press("p", "d", "q", "2")
            await seat.sees("Enter send it")
            assert len(seat.app.screen_stack) == 2
            await seat.press("escape")
            await at_home(seat)

        sit(socket_of(daemon), play)
        assert daemon.call("GET", "/api/status").json()["accounts"][0]["state"] == "ready"
        assert not daemon.stage.provider.seen


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
def test_the_code_of_a_login_can_be_brought_on_every_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    issuer = FakeIssuer()
    with daemon_at(tmp_path, stage=partial(issued, issuer=issuer), names=("second", "plan")) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("down", "l")
            await seat.sees("Log plan in", "The code shown there", "Enter log in")
            await seat.press("ctrl+y")
            await paste(seat, issuer.approve(seat.app.clipboard))
            await seat.press("enter")
            await at_home(seat)
            await seat.sees("2 of 2 accounts")

        sit(socket_of(daemon), play, size)
        assert kept(daemon.stage) is not None


def test_a_request_is_looked_at_and_left_again(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        daemon.ask()
        daemon.settle()

        async def play(seat: Seat) -> None:
            await seat.press("2")
            await seat.sees("● 200")
            await seat.press("enter")
            await seat.sees("Tries", "200 served", "Esc back")
            await seat.press("q")
            await at_home(seat)
            await seat.sees("2 Requests")

        sit(socket_of(daemon), play)


def test_a_bug_is_shown_without_what_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with daemon_at(tmp_path) as daemon:

        async def play(seat: Seat) -> None:
            await seat.press("a")
            await seat.sees("Enter go on")
            await paste(seat, "zai")
            await seat.press("enter")
            await seat.sees("Add an account at zai")
            await seat.press("tab")
            await paste(seat, "sk-nobody-may-see-this")
            await seat.sees("••••")
            await seat.press("enter")
            await seat.sees("Enter write it")
            monkeypatch.setattr(Link, "send", broken)
            await seat.press("enter")
            await seat.until(lambda: not seat.app.is_running, "the end")

        with pytest.raises(ZeroDivisionError):
            sit(socket_of(daemon), play)
    shown = capfd.readouterr().err
    assert "ZeroDivisionError" in shown
    assert "sk-nobody" not in shown
