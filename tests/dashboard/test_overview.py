"""The first page: figures, accounts as they change, what went wrong; told live, and as text whatever it says."""

from typing import TYPE_CHECKING

import pytest
from looking import Look
from scene import Daemon

from ccflared.demo.script import Failing, Limited

if TYPE_CHECKING:
    from looking import Serve

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance


def test_it_shows_what_went_through(busy: Daemon, look: Look) -> None:
    page = look(busy)
    expect(page.get_by_role("region", name="Requests", exact=True)).to_contain_text("16")
    expect(page.get_by_role("region", name="Success", exact=True)).to_contain_text("%")
    expect(page.get_by_role("region", name="By model")).to_contain_text("claude-opus-4-5")
    expect(page.get_by_role("region", name="Errors")).to_contain_text("No account could serve this request")


def test_the_range_is_kept_in_the_address(daemon: Daemon, look: Look) -> None:
    page = look(daemon)
    page.get_by_role("button", name="7d").click()
    expect(page.get_by_role("button", name="7d")).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith("#/?range=7d")
    page.reload()
    expect(page.get_by_role("button", name="7d")).to_have_attribute("aria-pressed", "true")


def test_a_spent_account_is_shown_without_a_reload_and_says_until_when(daemon: Daemon, look: Look) -> None:
    page = look(daemon)
    first = page.get_by_role("article", name="first")
    expect(first).to_contain_text("ready")
    expect(first).to_contain_text("next in line")
    daemon.play("sk-first", Limited(1800))
    daemon.ask()
    expect(first).to_contain_text("resting")
    expect(first).to_contain_text("again in 2")
    expect(page.get_by_role("article", name="second")).to_contain_text("next in line")


def test_where_no_account_can_serve_it_says_so_and_when_one_will(daemon: Daemon, look: Look) -> None:
    page = look(daemon)
    for key in ("sk-first", "sk-second"):
        daemon.play(key, Limited(1800))
    assert daemon.ask().status_code == 429
    expect(page.get_by_text("No account can serve now")).to_contain_text("the first is expected in")


def test_an_account_that_was_paused_says_so_and_one_that_has_left_is_gone(daemon: Daemon, look: Look) -> None:
    page = look(daemon)
    daemon.call("POST", "/api/accounts/first/pause", {})
    expect(page.get_by_role("article", name="first")).to_contain_text("paused")
    daemon.call("DELETE", "/api/accounts/second", {"confirm": "second"})
    expect(page.get_by_role("article", name="second")).to_have_count(0)


def test_what_is_spent_of_a_budget_is_told(serve: "Serve", look: Look) -> None:
    daemon = serve(own={"first": 'budget = { daily = 5.0 }\nbilling = "api"'})
    daemon.ask()
    daemon.settle()
    spent = daemon.call("GET", "/api/status").json()["accounts"][0]["budget"]["spent_today"]
    assert spent > 0
    page = look(daemon)
    told = page.get_by_role("article", name="first").get_by_text("of $5.00 today")
    expect(told).to_be_visible()
    expect(told).not_to_contain_text("$0.00 of")


def test_a_refused_file_is_told_with_the_way_to_its_mistakes(daemon: Daemon, look: Look) -> None:
    page = look(daemon)
    daemon.stage.edit(daemon.stage.config.read_text() + "\n[nonsense]\n")
    daemon.call("POST", "/api/reload", {})
    told = page.get_by_text("The changed file has errors")
    expect(told).to_be_visible()
    told.get_by_role("link", name="Configuration").click()
    page.wait_for_url("**/#/configuration")


def test_what_a_provider_says_is_text_and_nothing_else(daemon: Daemon, look: Look) -> None:
    page = look(daemon)
    daemon.play("sk-first", Failing(400, message='<img src=x onerror="document.title=1"> \x1b[31mred'))
    daemon.ask()
    daemon.settle()
    page.get_by_role("button", name="1h").click()
    expect(page.get_by_role("region", name="Errors")).to_contain_text("<img src=x onerror")
    assert page.locator("img").count() == 0


def test_without_any_account_it_leads_to_the_first_steps(serve: "Serve", look: Look) -> None:
    daemon = serve(names=())
    page = look(daemon)
    page.wait_for_url("**/#/start")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()


def test_a_daemon_that_is_away_is_told_and_one_that_is_back_goes_on(daemon: Daemon, look: Look) -> None:
    look.watch.expect("a request failed", "ERR_FAILED", "ERR_INTERNET_DISCONNECTED", "console error")
    page = look(daemon)
    page.context.set_offline(True)
    away = page.get_by_text("The daemon cannot be reached; showing the last known state.")
    expect(away).to_be_visible(timeout=30_000)
    expect(page.get_by_role("article", name="first")).to_be_visible()
    page.context.set_offline(False)
    expect(away).to_be_hidden(timeout=30_000)
