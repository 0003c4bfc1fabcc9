"""The stage of the dashboard's tests.

A test is a plain function (no async), marked ``acceptance``, and takes what it needs:

``daemon``
    A daemon over the fake provider, with the accounts ``first`` and ``second``, that administers without a log-in
    (scene.py says what it can do: ``daemon.ask()`` sends a request, ``daemon.play("sk-first", Limited(60))`` has the
    provider refuse, ``daemon.call("POST", "/api/…")`` asks the REST API). ``serve(more=ADMIN)`` makes another
    one; it takes what ``staged`` takes.
``look``
    Opens a page and waits until it can be used: ``page = look(daemon, "#/accounts", theme="dark", width=1440)``
    gives Playwright's Page. Whatever its console says, whatever fails, and whatever goes to another host fails the test
    at its end, unless ``look.watch.expect("a pattern")`` was said.
``busy``
    A daemon to which much has happened already, the same for all tests of a file: every page has something to show.
``axe``
    The source of axe-core, for ``axe_faults(page, look.watch, axe)`` of browser.py.

    pytestmark = pytest.mark.acceptance

    def test_an_account_is_paused(daemon: Daemon, look: Look) -> None:
        page = look(daemon, "#/accounts")
        page.get_by_role("button", name="Pause").first.click()
        expect(page.get_by_text("paused by hand")).to_be_visible()
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from acceptance import clients
from acceptance.clients import Unavailable
from browser import SECONDS, Theme, Watch, ready
from scene import Daemon, daemon_at, make_busy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Serve = Callable[..., Daemon]
HEIGHT = 900


class Look(Protocol):
    """Opens pages; see the module."""

    watch: Watch

    def __call__(
        self,
        daemon: Daemon,
        address: str = "#/",
        *,
        theme: Theme = "dark",
        width: int = 1440,
        wait: bool = True,
    ) -> "Page": ...


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """One browser for each file of tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium here; Debian's package of that name has it")
    playwright.expect.set_options(timeout=SECONDS)
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Run daemons until the test ends."""
    with ExitStack() as stack:
        made = 0

        def serve(**options: Any) -> Daemon:
            nonlocal made
            directory = tmp_path / f"d{made}"
            made += 1
            directory.mkdir(mode=0o700)
            return stack.enter_context(daemon_at(directory, **options))

        yield serve


@pytest.fixture
def daemon(serve: Serve) -> Daemon:
    """The daemon that most tests need."""
    return serve()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that every page of has something to show."""
    directory = tmp_path_factory.mktemp("busy", numbered=True)
    with daemon_at(directory, storage='keep_payloads = "7d"') as made:
        make_busy(made)
        yield made


@dataclass
class _Opener:
    browser: "Browser"
    stack: ExitStack
    watch: Watch

    def __call__(
        self,
        daemon: Daemon,
        address: str = "#/",
        *,
        theme: Theme = "dark",
        width: int = 1440,
        wait: bool = True,
    ) -> "Page":
        self.watch.host = daemon.url.split("/")[2]
        context = self.browser.new_context(
            viewport={"width": width, "height": HEIGHT}, color_scheme=theme, reduced_motion="reduce"
        )
        self.stack.callback(context.close)
        context.set_default_timeout(SECONDS)
        self.watch.attend(context)
        page = context.new_page()
        page.goto(daemon.url + address)
        if wait:
            try:
                ready(page)
            except Exception:
                self.watch.check()  # what it complains of says more than that it took too long
                raise
        return page


@pytest.fixture
def look(chromium: "Browser") -> Iterator[Look]:
    """Open pages; check at the end that they did nothing that they should not."""
    with ExitStack() as stack:
        opener = _Opener(chromium, stack, Watch(""))
        yield opener
    opener.watch.check()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    try:
        return clients.axe().read_text(encoding="utf-8")
    except Unavailable as reason:
        pytest.skip(f"axe-core cannot be had here: {reason}")
