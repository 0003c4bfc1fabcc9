"""Adding an account: the provider, the key or the login, the change that is seen before it is made, and a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest
import trio
from issuer import FakeIssuer, oauth_table
from looking import Look, Serve
from scene import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance


@contextmanager
def issuing() -> Iterator[tuple[FakeIssuer, str]]:
    """Run an issuer in a thread of its own; yields it, and a provider of the file that is logged in to there."""
    issuer, born = FakeIssuer(), Queue[tuple[int, trio.lowlevel.TrioToken, trio.CancelScope]]()

    async def live() -> None:
        async with trio.open_nursery() as nursery:
            port = await nursery.start(issuer.serve)
            born.put((port, trio.lowlevel.current_trio_token(), nursery.cancel_scope))

    thread = threading.Thread(target=trio.run, args=(live,), name="issuer")
    thread.start()
    port, token, scope = born.get(timeout=30)
    table = oauth_table(port)
    try:
        yield (
            issuer,
            f'[providers.login]\nbase_url = "http://127.0.0.1:PORT"\nauth = "bearer"\n[providers.login.oauth]\n{table}\n',
        )
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join(30)


def choose(page: "Page", provider: str) -> None:
    page.get_by_role("radio", name=provider, exact=True).check()


def write(page: "Page") -> None:
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def text(daemon: Daemon) -> str:
    return daemon.stage.config.read_text()


def test_an_account_with_a_key_is_added_and_tested(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts")
    page.get_by_role("link", name="Add an account").click()
    page.get_by_role("searchbox", name="Search providers").fill("anthropic-comp")
    expect(page.get_by_role("radio")).to_have_count(1)
    choose(page, "anthropic-compatible")
    page.get_by_label("Name").fill("third")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("A key is needed.")).to_be_visible()
    expect(page.get_by_text("An address is needed.")).to_be_visible()
    page.get_by_role("textbox", name="API key").fill("sk-third")
    page.get_by_label("Base URL").fill(f"http://127.0.0.1:{daemon.stage.provider_port}")
    page.get_by_label("Priority").fill("30")
    write(page)
    assert '[accounts.third]\nprovider = "anthropic-compatible"' in text(daemon)
    assert 'api_key = { stored = "third" }' in text(daemon)
    assert "sk-third" not in text(daemon)
    page.get_by_role("button", name="Test it").click()
    expect(page.get_by_text("third answered in")).to_be_visible()
    assert daemon.stage.provider.seen[-1].key == "sk-third"
    page.get_by_role("link", name="Look at third").click()
    expect(page.get_by_role("heading", name="third", level=1)).to_be_visible()


def test_a_name_has_a_form_and_is_free(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/add")
    choose(page, "deepseek")
    expect(page.get_by_label("Name")).to_have_value("deepseek")
    for name, wrong in (
        ("first", "There is one of that name already."),
        ("<b>", "Letters, digits"),
        ("", "A name is needed."),
    ):
        page.get_by_label("Name").fill(name)
        expect(page.get_by_text(wrong)).to_be_visible()


def test_every_provider_is_there_and_says_what_it_is(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/add")
    names = [each["name"] for each in daemon.call("GET", "/api/providers").json()]
    expect(page.get_by_role("radio")).to_have_count(len(names))
    for name in names:
        expect(page.locator(f'input[value="{name}"]')).to_be_attached()
    expect(page.locator('input[value="bedrock"]')).to_be_disabled()
    page.get_by_role("searchbox").fill("no such thing")
    expect(page.get_by_text("No provider of that name.")).to_be_visible()


def test_an_account_is_added_and_logged_in(serve: Serve, look: Look) -> None:
    with issuing() as (issuer, provider):
        daemon = serve(more=provider)
        page = look(daemon, "#/accounts/add")
        choose(page, "login")
        page.get_by_label("Name").fill("plan")
        write(page)
        expect(page.get_by_text("decided by the plan's terms")).to_be_visible()
        opens = page.get_by_role("link", name="Open the login page")
        expect(opens).to_have_attribute("rel", "noopener noreferrer")
        code = issuer.approve(str(opens.get_attribute("href")))
        look.watch.expect("status of 400")
        field = page.get_by_label("The code shown there")
        field.fill("nonsense")
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_text("What was pasted is not the code")).to_be_visible()
        field.fill(code)
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_role("button", name="Test it")).to_be_visible()
        page.get_by_role("button", name="Test it").click()
        expect(page.get_by_text("plan answered in")).to_be_visible()
        assert list(issuer.done) == ["code"]


def test_a_login_that_is_refused_can_be_begun_anew(serve: Serve, look: Look) -> None:
    with issuing() as (issuer, provider):
        daemon = serve(
            more=provider, own={"first": 'provider = "login"\n# api_key = none\n# base_url = none'}
        )
        look.watch.expect("status of 409")
        page = look(daemon, "#/accounts/first")
        page.get_by_role("region", name="State").get_by_role("button", name="Log in").click()
        shown = page.get_by_role("dialog")
        code = issuer.approve(str(page.get_by_role("link", name="Open").get_attribute("href")))
        shown.get_by_label("The code").fill(code.replace("code-", "other-", 1))
        shown.get_by_role("button", name="Log in", exact=True).click()
        expect(shown.get_by_text("The login was not accepted")).to_be_visible()
        shown.get_by_role("button", name="Start again").click()
        opens = shown.get_by_role("link", name="Open")
        expect(opens).to_be_visible()
        shown.get_by_label("The code").fill(issuer.approve(str(opens.get_attribute("href"))))
        shown.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_role("region", name="State")).to_contain_text("logged in · ends in 59 min")
        page.get_by_role("button", name="More for first").click()
        page.get_by_role("menuitem", name="Log out").click()
        page.get_by_role("dialog").get_by_role("button", name="Log out").click()
        expect(page.get_by_role("region", name="State")).to_contain_text("needs login")


def test_a_token_that_somebody_has_is_stored_and_not_written(serve: Serve, look: Look) -> None:
    with issuing() as (issuer, provider):
        daemon = serve(more=provider)
        access, refresh = issuer.log_in()
        page = look(daemon, "#/accounts/add")
        choose(page, "login")
        page.get_by_role("button", name="I have a token").click()
        page.get_by_label("Access token").fill(access)
        page.get_by_label("Refresh token").fill(refresh)
        write(page)
        expect(page.get_by_role("button", name="Test it")).to_be_visible()
        assert access not in text(daemon)
        assert "stored" in text(daemon)


def test_a_plan_without_a_client_id_says_what_is_missing(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/add")
    choose(page, "claude-oauth")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("none is shipped: put the one issued to you into the file")).to_be_visible()
    expect(page.get_by_text("[providers.claude-oauth.oauth]")).to_be_visible()
