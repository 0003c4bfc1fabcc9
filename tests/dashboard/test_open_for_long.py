"""A page that stays open takes no more memory after an hour than at its beginning: timers run faster, events do, too.

Waits of a second and more pass FASTER times as fast, so that what a page asks for every few seconds it asks for as often
as in an hour, while as many requests go through the daemon as a busy team makes in one. Looked at is what is alive after
the garbage was collected.
"""

import faulthandler
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
from browser import SECONDS, Watch, ready
from looking import Serve
from scene import Daemon

from ccflared.demo.script import Failing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page, Request

pytest.importorskip("playwright.sync_api", reason="playwright is not installed here")
pytestmark = pytest.mark.acceptance

log = logging.getLogger("ccflared.relay")

FASTER = 60
HURRY = f"""() => {{
  for (const name of ["setTimeout", "setInterval"]) {{
    const real = window[name];
    window[name] = (work, wait = 0, ...rest) => real(work, wait >= 1000 ? wait / {FASTER} : wait, ...rest);
  }}
}}"""
TURNS = 720
"""Looks at the state that the first page takes in an hour, one every five seconds."""
REQUESTS = 3000
"""Requests of that hour."""
FILL = 600
"""Requests after which the list of them is as long as it ever gets, and the engine has compiled what it will."""
FILL_LINES = 2400
"""Lines of the log, likewise."""
HEAP = 600_000
"""Bytes by which a heap may differ: five times what two looks at a page did, as the engine keeps compiled code or drops it.

An hour brings each page 1 to 5 MB, even if no more than the text of rows, lines and states counts; what keeps half of
that is seen.
"""
NODES = 200
"""Nodes by which a page may differ: an account is said to be doubtful, a row tells of its tries; twenty nodes each."""
LISTENERS = 30
"""Listeners, likewise; one forgotten at every look would be 720."""


@dataclass
class Tab:
    """A page that is looked into."""

    page: "Page"
    cdp: "CDPSession"
    looks: int = 0
    """How often it has asked for the state."""
    seen: dict[str, int] = field(default_factory=dict)

    def count(self, request: "Request") -> None:
        self.looks += request.url.endswith("/api/status")

    def alive(self) -> dict[str, int]:
        """Return what is alive: the least of some looks, as an answer may just be on its way."""
        found: list[dict[str, int]] = []
        for _ in range(6):
            self.cdp.send("HeapProfiler.collectGarbage")
            told: Any = self.cdp.send("Performance.getMetrics")["metrics"]
            found.append({each["name"]: int(each["value"]) for each in told})
            self.page.wait_for_timeout(50)
        return {
            name: min(each[name] for each in found)
            for name in ("JSHeapUsedSize", "Nodes", "JSEventListeners", "Documents")
        }


@pytest.fixture
def tabs(chromium: "Browser", serve: Serve) -> Iterator[tuple[Daemon, dict[str, Tab]]]:
    daemon = serve()
    watch = Watch(daemon.url.split("/")[2])
    opened = {}
    for address in ("#/", "#/requests", "#/logs"):
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(SECONDS)
        context.add_init_script(f"({HURRY})()")
        watch.attend(context)
        page = context.new_page()
        cdp = context.new_cdp_session(page)
        cdp.send("Performance.enable")
        opened[address] = tab = Tab(page, cdp)
        page.on("request", tab.count)
        page.goto(daemon.url + address)
        ready(page)
    yield daemon, opened
    for tab in opened.values():
        tab.page.context.close()
    watch.check()


def send(daemon: Daemon, many: int, lines: int) -> None:
    """Have many requests made, eight at a time, of which one of fifty fails over; and lines written beside them."""

    async def some(number: int) -> None:
        for _ in range(number):
            await daemon.stage.fresh(stream=True)
            for line in range(lines // many):
                log.info("line %d of a request that goes through, as long as lines of the log are", line)

    async def every() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(some, many // 8)

    daemon.play("sk-first", *[Failing(529)] * (many // 50))
    daemon.run(partial(every))


def test_an_hour_leaves_nothing_behind(tabs: tuple[Daemon, dict[str, Tab]]) -> None:
    faulthandler.dump_traceback_later(
        1200, exit=True
    )  # of what conftest.py allows an hour would take too much
    daemon, opened = tabs
    send(daemon, FILL, FILL_LINES)
    first = opened["#/"]
    while first.looks < TURNS // 6:
        first.page.wait_for_timeout(100)
    before = {address: tab.alive() for address, tab in opened.items()}
    begun = first.looks
    for _ in range(10):
        send(daemon, REQUESTS // 10, REQUESTS // 10)
        for tab in opened.values():
            tab.page.wait_for_timeout(1)  # what the browser tells of is heard
    while first.looks - begun < TURNS:
        first.page.wait_for_timeout(100)
    after = {address: tab.alive() for address, tab in opened.items()}
    for address in opened:
        was, now = before[address], after[address]
        told = f"{address}: {was} before, {now} after"
        print(told)
        assert now["JSHeapUsedSize"] - was["JSHeapUsedSize"] < HEAP, told
        assert now["Nodes"] - was["Nodes"] < NODES, told
        assert now["JSEventListeners"] - was["JSEventListeners"] < LISTENERS, told
        assert now["Documents"] <= was["Documents"], told
