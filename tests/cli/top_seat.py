"""``ccflared top`` without a terminal, before a real daemon, and a person who sits at it.

``sit`` has the whole of it; ``before`` an app that is as small as can be, with the acts alone.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from scene import Daemon
from textual.app import App
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input

from ccflared.cli.client import Daemon as Asked
from ccflared.cli.places import Place
from ccflared.cli.render.layout import UNICODE, Glyphs, cells
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.status import ask
from ccflared.cli.top.acts import Acts
from ccflared.cli.top.app import Top
from ccflared.cli.top.feed import day
from ccflared.cli.top.known import Known
from ccflared.cli.top.link import Link

PATIENCE = 20.0

AppT = TypeVar("AppT", bound=App[Any])


class Sitter(Generic[AppT]):
    """Who sits before an app: what is seen, and the keys."""

    def __init__(self, app: AppT, pilot: Pilot[Any]) -> None:
        self.app = app
        self._pilot = pilot

    def seen(self) -> str:
        """Return what the screen shows, without spaces at the ends of its lines."""
        # Between a key and what it does nothing is broken: the space there is one that does not break.
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips).replace("\u00a0", " ")

    def lines(self) -> list[str]:
        return self.seen().split("\n")

    def line(self, word: str) -> str:
        """Return the first line that has a word."""
        return next(line for line in self.lines() if word in line)

    def read(self) -> str:
        """Return what is looked through for words."""
        return self.seen()

    async def sees(self, *words: str) -> str:
        """Wait until all these words are there to be read; return what is."""
        await self.until(lambda: all(word in self.read() for word in words), " / ".join(words))
        return self.read()

    async def misses(self, word: str) -> None:
        """Wait until a word is on the screen no more."""
        await self.until(lambda: word not in self.seen(), f"no {word}")

    async def until(self, so: Callable[[], bool], what: str = "") -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < deadline, f"never came: {what}\n{self.seen()}"
            await self._pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def pastes(self, text: str) -> Input:
        """Paste a text where a cursor is; return the field."""
        field = self.app.screen.focused
        assert isinstance(field, Input)
        field.post_message(Paste(text))
        await self._pilot.pause()
        return field

    async def types(self, text: str) -> None:
        """Bring a text into the field where one is, in place of what stands there, as a terminal pastes it."""
        await self._pilot.press("ctrl+a", "ctrl+k")
        field = await self.pastes(text)
        await self.until(lambda: field.value == text, "what was typed")

    async def home(self) -> None:
        """Wait until no dialog is open."""
        await self.until(lambda: len(self.app.screen_stack) == 1, "no dialog")

    def told(self) -> str:
        """Return all that was said at the corner."""
        return " ".join(each.message for each in self.app._notifications)

    async def hears(self, *words: str) -> str:
        """Wait until these words are said at the corner; return all that was."""
        await self.until(lambda: all(word in self.told() for word in words), " / ".join(words))
        return self.told()

    async def resize(self, columns: int, lines: int) -> None:
        await self._pilot.resize_terminal(columns, lines)
        await self._pilot.pause()

    def fits(self) -> bool:
        """Whether no line is wider than the screen."""
        return all(cells(line) <= self.app.size.width for line in self.lines())


class Seat(Sitter[Top]):
    """Who sits before the whole of it."""


class Host(App[None]):
    """Has the acts, and counts how often it was told that what it shows is stale."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.acts = Acts(self, link)
        self.refreshed = 0

    def refresh_now(self) -> None:
        self.refreshed += 1


class Person(Sitter[Host]):
    """Who sits before dialogs with nothing behind them."""

    @property
    def acts(self) -> Acts:
        return self.app.acts

    def read(self) -> str:
        """Return what stands in the dialog as one text, without its box and wherever its lines end."""
        lines = (line.strip().strip("│").strip() for line in self.lines())
        return " ".join(" ".join(lines).split())


def sit(
    socket: Path,
    play: Callable[[Seat], Awaitable[None]],
    size: tuple[int, int] = (80, 24),
    glyphs: Glyphs = UNICODE,
) -> Top:
    """Let a person sit before the daemon of a socket; return the app as it was in the end."""
    link = link_to(socket)
    answer, snapshot = ask(link.daemon)
    app = Top(link, Known(snapshot, time.time(), day(answer)), Sheet(80, glyphs, rules=True))

    async def go() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            seat = Seat(app, pilot)
            await seat.sees("1 Accounts", "quit")
            await play(seat)

    asyncio.run(go())
    assert app.ended(PATIENCE), "a thread goes on"
    return app


def before(
    where: Daemon | Path, play: Callable[[Person], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> Host:
    """Let a person do something before the acts of a daemon, or of a socket; return the app as it was in the end."""
    app = Host(link_to(where if isinstance(where, Path) else socket_of(where)))

    async def go() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await play(Person(app, pilot))

    asyncio.run(go())
    return app


def link_to(socket: Path) -> Link:
    return Link(Asked([Place(socket, "the test's")]), None)


def socket_of(daemon: Daemon) -> Path:
    return Path(str(daemon.stage.running.control.path))


def account(daemon: Daemon, name: str) -> dict[str, object]:
    """Return what status says of an account."""
    accounts = daemon.call("GET", "/api/status").json()["accounts"]
    return next(dict(each) for each in accounts if each["name"] == name)


def canned(value: object) -> bytes:
    """Return an answer with a JSON value, as it goes over the socket."""
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


def ids(text: str) -> list[str]:
    """Return the short ids of requests, as they stand below each other."""
    return re.findall(r"^\d\d:\d\d:\d\d .{8} ([0-9a-f]{8})", text, re.MULTILINE)
