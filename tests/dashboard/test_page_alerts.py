"""Alerts: they appear by themselves, are acknowledged one by one or all, and say what can be done."""

from typing import TYPE_CHECKING

import pytest
from browser import WIDTHS, Theme, axe_faults, overflow
from looking import Look, Serve
from playwright.sync_api import expect
from scene import Daemon

from ccflared.demo.script import Limited

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.acceptance

LOST = {"second": 'api_key = { env = "NOT_SET_ANYWHERE" }'}
ALERTS = """
[alerts]
daily_spend = 25.0
webhook = { url = "http://127.0.0.1:PORT/no/such/hook", format = "slack" }
[budget]
daily = 40.0
"""


def alert(page: "Page", title: str) -> "Locator":
    """Return the alert of that title among those that want to be known."""
    return page.get_by_role("article", name=title)


def exhaust(daemon: Daemon) -> str:
    """Have a request refused as no account can serve it; return its id."""
    daemon.play("sk-first", Limited(600))
    daemon.play("sk-second", Limited(600))
    answer = daemon.ask()
    assert answer.status_code == 429
    return answer.headers["x-ccflared-request-id"]


def test_an_alert_appears_by_itself_and_says_what_can_be_done(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/alerts")
    expect(page.get_by_text("All quiet.")).to_be_visible()
    id_ = exhaust(daemon)
    told = alert(page, "No account could serve a request")
    expect(told).to_be_visible(timeout=15_000)
    expect(told.get_by_text("critical")).to_be_visible()
    expect(told.get_by_role("link", name=id_)).to_have_attribute("href", f"#/requests/{id_}")
    expect(page.get_by_text("All quiet.")).to_be_hidden()


def test_one_is_acknowledged_and_stays_as_long_as_it_holds(serve: Serve, look: Look) -> None:
    daemon = serve(own=LOST)
    page = look(daemon, "#/alerts")
    told = alert(page, "Account second needs you")
    expect(told).to_be_visible(timeout=15_000)
    expect(told.get_by_role("link", name="second")).to_have_attribute("href", "#/accounts/second")
    told.get_by_role("button", name="Acknowledge").click()
    expect(told.get_by_text("acknowledged", exact=True)).to_be_visible()
    expect(told.get_by_role("button")).to_have_count(0)
    assert daemon.call("GET", "/api/insights/alerts").json()[0]["acknowledged"] is True


def test_all_are_acknowledged_at_once(serve: Serve, look: Look) -> None:
    daemon = serve(own=LOST)
    daemon.call("POST", "/api/alerts/test")
    page = look(daemon, "#/alerts")
    expect(page.get_by_role("article")).to_have_count(1, timeout=15_000)
    over = page.get_by_role("row", name="Test of ccflared's alerts")
    expect(over.get_by_text("not acknowledged")).to_be_visible()
    expect(page.get_by_label("1 open")).to_be_visible()
    page.get_by_role("button", name="Acknowledge all").click()
    expect(page.get_by_text("2 alerts are acknowledged.")).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge all")).to_be_hidden()
    expect(page.get_by_role("article")).to_have_count(1)
    expect(over).to_be_visible()
    expect(page.get_by_text("not acknowledged")).to_have_count(0)


def test_what_raises_alerts_is_told_with_the_lines_of_the_file(serve: Serve, look: Look) -> None:
    page = look(serve(more=ALERTS), "#/alerts")
    expect(page.get_by_text("when the accounts together have been billed 25 USD")).to_be_visible()
    expect(page.get_by_text("more than 300 requests within an hour")).to_be_visible()
    lines = page.get_by_label("Lines of the file")
    expect(lines).to_contain_text('daily_spend = 25\nrunaway = 300\nagain = "6h"')
    expect(lines).to_contain_text('webhook = { url = "…", format = "slack" }')
    expect(page.get_by_role("meter", name="Budget of all for the day")).to_have_attribute(
        "aria-valuenow", "0"
    )


def test_the_webhook_is_tried_and_its_answer_told(serve: Serve, look: Look) -> None:
    page = look(serve(more=ALERTS), "#/alerts")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Not accepted (404)")).to_be_visible()
    expect(page.get_by_role("row", name="Test of ccflared's alerts")).to_be_visible()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_can_be_read_by_everybody(serve: Serve, look: Look, axe: str, theme: Theme, width: int) -> None:
    daemon = serve(own=LOST, more=ALERTS)
    daemon.call("POST", "/api/alerts/test")
    daemon.call("POST", "/api/insights/alerts/acknowledge-all")
    daemon.call("POST", "/api/alerts/test")
    page = look(daemon, "#/alerts", theme=theme, width=width)
    expect(page.get_by_role("article")).to_have_count(1, timeout=15_000)
    assert not axe_faults(page, look.watch, axe)
    assert not overflow(page)
