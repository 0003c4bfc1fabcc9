"""The dashboard in a real chromium: when its first page can be used, what it weighs, and what it does with the time.

    python tests/bench/page.py first [HISTORY.db]     the first page against a history of history_rows.py
    python tests/bench/page.py weigh                  bytes over the wire of every page, one after the other

Without a history, an empty one. The daemon reads the file where it stands, and may bring its schema up to date.
Needs chromium, and playwright.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bench_daemon import Daemon, daemon, free_port
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    *("#/", "#/analytics", "#/requests", "#/accounts", "#/clients", "#/alerts"),
    *("#/configuration", "#/logs", "#/start", "#/accounts/add", "#/accounts/first"),
)
KEPT: Final = 'keep_requests = "10000d"\nmax_size = "1TiB"'
"""Nothing of the history is deleted meanwhile."""
READY: Final = "() => performance.getEntriesByName('ccflared:ready').at(-1)?.startTime"
TIMES: Final = """() => ({
  ready: performance.getEntriesByName('ccflared:ready')[0].startTime,
  painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  interactive: performance.getEntriesByType('navigation')[0].domInteractive,
  nodes: document.querySelectorAll('*').length,
  api: performance.getEntriesByType('resource').filter((each) => each.name.includes('/api/'))
    .map((each) => [each.name.replace(/.*[/]api/, '/api'), each.startTime, each.responseEnd]),
})"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("skipped: there is no chromium here")
    with sync_playwright() as driver:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@contextmanager
def served(history: Path | None) -> Iterator[Daemon]:
    """Run a daemon over a history."""
    with tempfile.TemporaryDirectory(prefix="ccflared-page-") as directory:
        place = Path(directory)
        state = place / "state"
        state.mkdir(mode=0o700)
        if history is not None:
            (state / "ccflared.db").symlink_to(history.resolve())
        with daemon(place, free_port(), ["first", "second", "third"], storage=KEPT, source=ROOT) as running:
            yield running


class Wire:
    """What comes over the wire to a page, by the path that was asked for; in bytes, heads included."""

    def __init__(self, cdp: CDPSession) -> None:
        self.bytes: dict[str, int] = {}
        self._paths: dict[str, str] = {}
        cdp.send("Network.enable")
        cdp.on("Network.requestWillBeSent", self._asked)
        cdp.on("Network.loadingFinished", self._loaded)

    def _asked(self, event: dict[str, Any]) -> None:
        self._paths[event["requestId"]] = urlsplit(event["request"]["url"]).path

    def _loaded(self, event: dict[str, Any]) -> None:
        path = self._paths.get(event["requestId"], "?")
        self.bytes[path] = self.bytes.get(path, 0) + int(event["encodedDataLength"])

    def files(self) -> int:
        """Return the bytes of the dashboard itself."""
        return sum(size for path, size in self.bytes.items() if not path.startswith("/api/"))

    def data(self) -> int:
        """Return the bytes of the API's answers."""
        return sum(size for path, size in self.bytes.items() if path.startswith("/api/"))


def opened(page: Page, url: str) -> dict[str, Any]:
    """Open an address; return what it took until it could be used, in milliseconds since the navigation began."""
    page.goto(url, wait_until="commit")
    page.wait_for_function(READY, timeout=30_000, polling=10)
    times: dict[str, Any] = page.evaluate(TIMES)
    return times


def first(history: Path | None, rounds: int, address: str) -> None:
    """Print when a page can be used: the first time in a browser, and again with its files in the cache."""
    with served(history) as running, chromium() as browser:
        url = f"http://127.0.0.1:{running.port}/{address}"
        found: dict[str, list[dict[str, Any]]] = {"first visit": [], "again": []}
        wire = None
        for _ in range(rounds + 1):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            wire = Wire(context.new_cdp_session(page))
            for visits in found.values():
                visits.append(opened(page, url))
                if visits is found["first visit"]:
                    size = wire.files(), wire.data()
                page.goto("about:blank")
            context.close()
        for name, visits in found.items():
            del visits[0]  # the daemon's first answers are of a cold disk
            for what in ("painted", "ready"):
                many = sorted(each[what] for each in visits)
                print(
                    f"{name:12} {what:8} p50 {statistics.median(many):5.0f}  p95 {many[int(0.95 * len(many))]:5.0f}"
                    f"  best {many[0]:5.0f} ms"
                )
        print(f"over the wire: {size[0] / 1000:.1f} kB of files, {size[1] / 1000:.1f} kB of data; ", end="")
        print(f"{found['again'][-1]['nodes']} elements")
        last = sorted(found["again"], key=lambda each: each["ready"])[rounds // 2]
        for path, begun, ended in last["api"]:
            print(f"  {begun:5.0f} to {ended:5.0f} ms  {path}")


def weigh() -> None:
    """Print what each page brings over the wire beyond those before it."""
    with served(None) as running, chromium() as browser:
        page = browser.new_page()
        wire = Wire(page.context.new_cdp_session(page))
        before = 0
        page.goto(f"http://127.0.0.1:{running.port}/")
        for address in PAGES:
            page.evaluate("(address) => { performance.clearMarks(); location.hash = address; }", address)
            page.wait_for_function(READY, timeout=30_000)
            page.wait_for_load_state("networkidle")
            print(f"{address:20} {(wire.files() - before) / 1000:6.1f} kB")
            before = wire.files()
        print(f"{'in all':20} {before / 1000:6.1f} kB")
        for path, size in sorted(wire.bytes.items(), key=lambda item: -item[1])[:12]:
            print(f"  {size / 1000:6.1f} kB {path}")


def main() -> int:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description="The dashboard in a real browser.")
    parser.add_argument("what", choices=("first", "weigh"))
    parser.add_argument("history", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--address", default="#/", help="of the page, such as #/requests")
    given = parser.parse_args()
    if given.what == "weigh":
        weigh()
    else:
        first(given.history, given.rounds, given.address)
    return 0


if __name__ == "__main__":
    sys.exit(main())
