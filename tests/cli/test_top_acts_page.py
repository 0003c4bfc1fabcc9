"""A request looked at from ``ccflared top``, before a real daemon: its tries, why, and what was said in it."""

from pathlib import Path
from typing import Any

from scene import Daemon, daemon_at
from top_seat import Person, before

from ccflared.demo.script import Failing

KEPT = 'keep_payloads = "1d"'
EVIL = "\x1b]0;owned\x07[bold red]loud[/] [@click=app.quit]press[/] \x1b[2J\u202egnp.exe"


def latest(daemon: Daemon) -> str:
    daemon.settle()
    return str(daemon.call("GET", "/api/requests?limit=1").json()[0]["id"])


def asked(daemon: Daemon, *contents: Any, **more: Any) -> str:
    if contents:
        more["messages"] = [
            {"role": ("user", "assistant")[at % 2], "content": each} for at, each in enumerate(contents)
        ]
    daemon.ask(**more)
    return latest(daemon)


def test_the_pages_of_a_request_are_turned_by_their_numbers_and_by_arrows(tmp_path: Path) -> None:
    with daemon_at(tmp_path, storage=KEPT) as daemon:
        daemon.play("sk-first", Failing(500))
        found = asked(daemon, "What is the time?")

        async def play(person: Person) -> None:
            person.acts.inspect(found)
            await person.sees("1 request", "2 why", "3 conversation", "4 raw", "Esc back", found)
            await person.sees("Tries", "500", "200 served", "Tokens and cost")
            await person.press("2")
            await person.sees("Tried", "begun after")
            await person.press("3")
            await person.sees("What is the time?", "answer")
            await person.press("right")
            await person.sees("Request", '"content": "What is the time?"')
            await person.press("right")
            await person.sees("Tries")
            await person.press("left", "left")
            await person.sees("1 message")
            await person.press("escape")
            await person.home()

        before(daemon, play, size=(100, 40))


def test_a_page_that_is_longer_than_the_screen_is_scrolled(tmp_path: Path) -> None:
    with daemon_at(tmp_path, storage=KEPT) as daemon:
        found = asked(daemon, "\n".join(f"line {number}." for number in range(100)))

        async def play(person: Person) -> None:
            person.acts.inspect(found)
            await person.sees("Tries")
            await person.press("3")
            await person.sees("line 5.")
            await person.press("down", "down", "pagedown")
            assert "line 5." not in await person.sees("line 20.")
            await person.press("end")
            await person.sees("answer")
            await person.press("home")
            await person.sees("line 0.")

        before(daemon, play, size=(60, 20))


def test_what_was_said_obeys_nobody_on_the_screen(tmp_path: Path) -> None:
    with daemon_at(tmp_path, storage=KEPT) as daemon:
        found = asked(daemon, EVIL, model=EVIL)

        async def play(person: Person) -> None:
            person.acts.inspect(found)
            await person.sees("Tries")
            for page in "1234":
                await person.press(page)
                await person.until(lambda: "Asking the daemon" not in person.read())
                shown = person.seen()
                assert not {"\x1b", "\x07", "\u202e"} & set(shown)
                assert "owned" not in shown.replace("\\u001b]0;owned", "")
            await person.press("3")
            await person.sees("[@click=app.quit]press[/] gnp.exe")
            assert person.app.is_running

        before(daemon, play, size=(100, 40))


def test_tools_thoughts_and_long_texts_are_told_in_short(tmp_path: Path) -> None:
    call = {"type": "tool_use", "id": "t-1", "name": "clock", "input": {"zone": "UTC"}}
    result = {"type": "tool_result", "tool_use_id": "t-1", "is_error": True, "content": "it is late"}
    with daemon_at(tmp_path, storage=KEPT) as daemon:
        found = asked(
            daemon,
            "x" * 4000,
            [{"type": "thinking", "thinking": "well then", "signature": "s" * 9}, call],
            [result],
            system="Be brief.",
        )

        async def play(person: Person) -> None:
            person.acts.inspect(found)
            await person.sees("Tries")
            await person.press("3")
            await person.sees("system prompt of 9 characters", "… 1,000 more characters")
            await person.sees(
                "well then", "calls clock", '"zone": "UTC"', "result of clock failed", "it is late"
            )

        before(daemon, play, size=(100, 100))


def test_where_nothing_is_kept_it_says_how_to_keep_it(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:
        found = asked(daemon)

        async def play(person: Person) -> None:
            person.acts.inspect(found)
            await person.sees("Tries")
            for page in "34":
                await person.press(page)
                await person.sees("No payload of this request is kept", 'keep_payloads = "7d"')

        before(daemon, play)


def test_a_request_that_is_under_way_is_waited_for(tmp_path: Path) -> None:
    with daemon_at(tmp_path) as daemon:

        async def play(person: Person) -> None:
            person.acts.inspect("req_000000000000000000000000")
            await person.sees("There is no request req_000000000000000000000000", "this page waits for it")
            await person.press("escape")
            await person.home()

        before(daemon, play)
