"""What people have in front of them, through nginx with TLS and a base path: Claude Code, the SDK, a browser."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
from browser import PAGES, SECONDS, Watch, ready

from acceptance import clients
from acceptance.claude import Person
from acceptance.clients import Installed, Unavailable
from acceptance.fronts import KEY, TOKEN, Front, Way, fronted
from acceptance.live import traces
from acceptance.sdk import Sdk
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Limited

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.acceptance

HELLO = "Good day to you, whoever you are and wherever you sit."
PATH = Way(path=True)


def base_url(front: Front) -> str:
    """Return what people set: the address of the site, with the path and without /v1."""
    return f"https://localhost:{front.port}/ccflared"


async def test_claude_code_works_through_nginx_below_a_path(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    poem = home / "work" / "poem.txt"
    write = Answer(HELLO, tool="Write", tool_input={"file_path": str(poem), "content": "Roses are red.\n"})
    async with fronted(tmp_path, "nginx", PATH, provider=FakeProvider(default=write)) as front:
        known = {"NODE_EXTRA_CA_CERTS": str(front.ca)}
        person = Person(claude, home, base_url(front), KEY, more=known)
        printed = await person.says("Write a poem.", "--allowedTools", "Write")
        assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
        assert poem.read_text() == "Roses are red.\n"
        assert {seen.key for seen in front.live.provider.seen} == {"sk-first"}
        for seen in front.live.provider.seen:
            for word in (KEY, "x-forwarded", "x-real-ip", "ccflared"):
                assert not traces(seen, word), word
        rows = await front.live.rows()
        assert {(row.outcome, row.status, row.stream, row.client) for row in rows} == {
            ("complete", 200, True, "laptop")
        }


async def test_claude_code_shows_through_nginx_that_the_key_is_wrong(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    async with fronted(tmp_path, "nginx", PATH) as front:
        known = {"NODE_EXTRA_CA_CERTS": str(front.ca)}
        printed = await Person(claude, home, base_url(front), "k-of-nobody", more=known).says("Say hello.")
        assert printed.code != 0
        assert "does not know this client key" in printed.text + printed.error


@pytest.mark.parametrize("generation", list(clients.SDKS))
async def test_the_sdk_works_through_nginx_below_a_path(generation: str, home: Path, tmp_path: Path) -> None:
    try:
        installed = clients.sdk(generation)
    except Unavailable as reason:
        pytest.skip(f"the anthropic SDK {generation} cannot be had here: {reason}")
    provider = FakeProvider(default=Answer(HELLO, interval=0.02))
    async with fronted(tmp_path, "nginx", PATH, provider=provider) as front:
        known = {"SSL_CERT_FILE": str(front.ca)}
        with Sdk(generation, installed, home, environ=known) as sdk:
            for what in ("create", "stream"):
                done = await sdk.call(what, base_url(front), key=KEY)
                assert (done.raised, done.text) == (None, HELLO), done.said
            counted = await sdk.call("count", base_url(front), key=KEY)
            assert counted.value["input_tokens"] > 0
            models = await sdk.call("models", base_url(front), key=KEY, model="claude-haiku-4-5")
            assert models.value["one"] == "claude-haiku-4-5"
            provider.play("sk-first", then=Limited(600))
            limited = await sdk.call("create", base_url(front), key=KEY)
            assert (limited.raised, limited.status) == ("RateLimitError", 429)


async def test_the_dashboard_works_through_nginx_below_a_path(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed here")
    if shutil.which("chromium") is None:
        pytest.skip("there is no chromium here; Debian's package of that name has it")
    async with fronted(tmp_path, "nginx", PATH) as front:
        # The browser waits in a thread; what it asks is served meanwhile.
        await trio.to_thread.run_sync(_looked_at, front)


def _looked_at(front: Front) -> None:
    """Log in, look at every page, see a request appear, change something, log out."""
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - it may be missing

    expect.set_options(timeout=SECONDS)
    watch = Watch(f"{front.way.name}:{front.port}")
    watch.expect("status of 401")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[*options, f"--host-resolver-rules=MAP {front.way.name} 127.0.0.1"],
        )
        context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
        context.set_default_timeout(SECONDS)
        watch.attend(context)
        page = context.new_page()
        page.goto(front.url)
        page.get_by_label("Admin token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
        (cookie,) = context.cookies()
        assert (cookie["path"], cookie["secure"], cookie["httpOnly"]) == ("/ccflared", True, True)
        for address in PAGES:
            page.goto(f"{front.url}/{address}")
            ready(page)
        _seen_at_once(front, page)
        page.goto(f"{front.url}/#/accounts")
        page.get_by_role("button", name="Pause").first.click()
        expect(page.get_by_text("paused").first).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Admin token")).to_be_visible()
        browser.close()
    watch.check()
    assert all(address.startswith(front.url) for address in watch.requests if not address.startswith("data:"))


def _seen_at_once(front: Front, page: "Page") -> None:
    """See a request on its page that is made while the page is open: its stream of events comes through."""
    from playwright.sync_api import expect  # noqa: PLC0415 - it may be missing

    page.goto(f"{front.url}/#/requests")
    ready(page)

    async def asked() -> None:
        async with front.client() as client:
            assert (await client.ask(model="claude-opus-of-the-proxy")).status_code == 200

    expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_text("claude-opus-of-the-proxy")).to_have_count(0)
    trio.from_thread.run(asked)
    expect(page.get_by_text("claude-opus-of-the-proxy").first).to_be_visible()
