"""The acts of ``ccflared top`` when things are hard: no daemon, an old one, one that goes away, names meant to hurt."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from scene import daemon_at
from top_seat import Person, account, before, canned

from ccflared.cli.top.link import Link

EVIL = "[red]x[/red] [@click=app.quit]y[/] \x1b[2J\u202e"
ACTS: dict[str, Callable[[Person], object]] = {
    "pause": lambda person: person.acts.pause("first"),
    "priority": lambda person: person.acts.priority("first", 0),
    "add": lambda person: person.acts.add(),
    "login": lambda person: person.acts.login("first"),
    "remove": lambda person: person.acts.remove("first"),
    "rename": lambda person: person.acts.rename("first"),
    "test": lambda person: person.acts.test("first"),
    "reload": lambda person: person.acts.reload(),
    "inspect": lambda person: person.acts.inspect("req_0"),
}


@contextmanager
def answering(path: Path, *answers: bytes) -> Iterator[list[bytes]]:
    """Answer what comes to a socket, one connection after the other, the last answer again and again; b"": hang up."""
    heard: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        for number in range(1000):
            try:
                connection, _ = listener.accept()
            except OSError:  # it is over
                return
            with connection, connection.makefile("rb") as request:
                heard.append(_whole(request))
                connection.sendall(answers[min(number, len(answers) - 1)])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _whole(request: BinaryIO) -> bytes:
    """Read a request to its end."""
    head = list(iter(request.readline, b"\r\n"))
    length = next(
        (int(line.split(b":")[1]) for line in head if line.lower().startswith(b"content-length")), 0
    )
    return b"".join(head) + b"\r\n" + request.read(length)


@pytest.mark.parametrize("act", ACTS)
def test_without_a_daemon_every_act_says_so_and_can_be_left(tmp_path: Path, act: str) -> None:
    async def play(person: Person) -> None:
        ACTS[act](person)
        if act in ("priority", "rename"):
            await person.until(lambda: len(person.app.screen_stack) == 2)
            await person.types("7")
            await person.press("enter")
        elif act == "test":
            await person.sees("Enter send it")
            await person.press("enter")
        await person.sees("ccflared is not running.")
        while len(person.app.screen_stack) > 1:
            await person.press("escape")
        await person.home()

    before(tmp_path / "nothing.sock", play, size=(60, 20))


@pytest.mark.parametrize("act", ["pause", "add", "login", "test", "reload"])
def test_a_daemon_that_is_too_old_is_told_from_an_account_that_is_missing(tmp_path: Path, act: str) -> None:
    gone = canned({"error": {"type": "not_found_error", "message": "There is nothing at /api/x."}}).replace(
        b"200 OK", b"404 Not Found"
    )

    async def play(person: Person) -> None:
        ACTS[act](person)
        if act == "test":
            await person.press("enter")
        await person.sees("it must be older")

    with answering(tmp_path / "s", gone):
        before(tmp_path / "s", play)


def test_what_an_old_daemon_does_without_a_preview_is_told_as_done(tmp_path: Path) -> None:
    async def play(person: Person) -> None:
        person.acts.priority("first", 0)
        await person.sees("Priority of first")
        await person.types("7")
        await person.press("enter")
        await person.hears("Account first is changed.")
        await person.home()

    with answering(
        tmp_path / "s", canned({"success": True, "message": "Account first is changed."})
    ) as heard:
        before(tmp_path / "s", play)
        assert len(heard) == 1


def test_a_daemon_that_goes_away_in_the_middle_is_told_of(tmp_path: Path) -> None:
    preview = {"success": True, "preview": True, "diffs": [{"file": "f", "diff": "+a"}], "obstacle": None}

    async def play(person: Person) -> None:
        person.acts.priority("first", 0)
        await person.sees("Priority of first")
        await person.types("7")
        await person.press("enter")
        await person.sees("+a", "Enter write it")
        await person.press("enter")
        await person.sees("closed the connection without an answer", "Enter or Esc close")
        await person.press("enter")
        await person.sees("Priority of first")

    with answering(tmp_path / "s", canned(preview), b""):
        before(tmp_path / "s", play)


def test_what_was_left_while_it_was_written_is_told_all_the_same(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.priority("first", 0)
            await person.sees("Priority of first")
            await person.types("7")
            await person.press("enter")
            await person.sees("+priority = 7")
            await person.press("enter", "escape", "escape")
            await person.hears("Account first is changed.")
            await person.home()
            assert account(daemon, "first")["priority"] == 7

        before(daemon, play)


def test_a_daemon_that_is_stuck_keeps_nobody_from_leaving(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "s"))
    listener.listen()

    async def play(person: Person) -> None:
        person.acts.reload()
        await person.sees("The daemon reads its file", "Esc close")
        await person.press("escape")
        await person.home()
        person.acts.remove("first")
        await person.sees("Asking the daemon what would change")

    begun = time.monotonic()
    with listener:
        before(tmp_path / "s", play)
        assert time.monotonic() - begun < 30  # of the minute that the daemon is given


def test_an_answer_that_is_no_answer_is_not_taken_for_one(tmp_path: Path) -> None:
    async def play(person: Person) -> None:
        for act in ("priority", "add", "login", "reload", "inspect"):
            ACTS[act](person)
            if act == "priority":
                await person.sees("Priority of first")
                await person.types("7")
                await person.press("enter")
            await person.until(lambda: "Asking the daemon" not in person.read())
            assert len(person.app.screen_stack) > 1
            while len(person.app.screen_stack) > 1:
                await person.press("escape")

    with answering(tmp_path / "s", canned(["what?"])):
        before(tmp_path / "s", play)


def test_names_and_words_from_outside_are_shown_and_do_nothing(tmp_path: Path) -> None:
    refusal = {
        "success": False,
        "kind": "not allowed",
        "message": EVIL,
        "error": EVIL,
        "mistakes": [EVIL],
        "losses": [],
    }
    provider = {"name": EVIL, "describes": EVIL, "auth": "key", "base_url": f"http://{EVIL}", "dialect": EVIL}
    answers = [
        canned([provider]),
        canned([{"name": EVIL}]),
        canned(refusal).replace(b"200 OK", b"409 Conflict"),
    ]

    async def play(person: Person) -> None:
        person.acts.add()
        await person.sees("[@click=app.quit]y")
        await person.press("enter")
        await person.sees("Add an account at", "[@click=app.quit]y")
        await person.press("escape", "escape")
        await person.home()
        person.acts.remove(EVIL)
        await person.sees("Remove", "[@click=app.quit]y", "y take it out of those, too")
        shown = person.seen()
        assert not {"\x1b", "\u202e"} & set(shown)
        person.acts.pause(EVIL)
        await person.sees("Not done: pause")
        assert person.app.is_running

    with answering(tmp_path / "s", *answers) as heard:
        before(tmp_path / "s", play)
        assert all(request.split(b"\r\n")[0].count(b" ") == 2 for request in heard)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (160, 50)])
@pytest.mark.parametrize("act", ["priority", "add", "remove", "rename", "test", "reload"])
def test_on_every_screen_the_keys_are_seen(tmp_path: Path, size: tuple[int, int], act: str) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            ACTS[act](person)
            ready = {"add": "Enter go on", "remove": "Enter remove it", "reload": "Enter or Esc close"}
            await person.sees(ready.get(act, "Esc cancel"))
            await person.until(lambda: "╰" in person.seen() and "╭" in person.seen(), "the whole box")

        before(daemon, play, size=size)


def test_a_bug_in_a_thread_ends_the_app_instead_of_being_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Link, "send", broken)

    async def play(person: Person) -> None:
        person.acts.reload()
        await person.until(lambda: not person.app.is_running)

    with pytest.raises(ZeroDivisionError):
        before(tmp_path / "nothing.sock", play)
