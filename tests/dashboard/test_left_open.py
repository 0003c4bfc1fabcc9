"""Pages for those who use them otherwise: left open for days, read out, by keyboard alone, on the smallest of screens."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from browser import PAGES, overflow
from looking import Look, Serve
from scene import ADMIN, CLIENTS, TOKEN, Daemon

from ccflared.demo.script import Limited

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance

LISTEN = """() => {
  window.said = [];
  const live = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const how = each.getAttribute("aria-live");
      if (how === "off") return false;
      if (how || ["status", "alert", "log"].includes(each.getAttribute("role"))) return true;
    }
    return false;
  };
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const element = target instanceof Element ? target : target.parentElement;
      if (live(element)) window.said.push(element.textContent);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
SEEN = """(links) => links.map((link) => {
  const { left, right, top, bottom } = link.getBoundingClientRect();
  const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return left >= 0 && right <= innerWidth && link.contains(at) ? "" : link.title;
}).filter(Boolean)"""


def pretend(page: "Page", **changes: Any) -> None:
    """Have the daemon tell of itself what is hard to come by."""

    def answer(route: "Route") -> None:
        told = route.fetch()
        status = told.json()
        for name, change in changes.items():
            status[name] |= change
        route.fulfill(response=told, body=json.dumps(status))

    page.route("**/api/status", answer)


@pytest.mark.parametrize("address", ["#/", "#/alerts", "#/accounts", "#/clients", "#/configuration"])
def test_nothing_is_read_out_where_nothing_happens(serve: Serve, look: Look, address: str) -> None:
    daemon = serve(
        names=["first"], more='[accounts.lost]\nprovider = "anthropic"\napi_key = { env = "NO_KEY" }\n'
    )
    daemon.play("sk-first", Limited(1800))
    daemon.ask()
    page = look(daemon, "#/logs")
    page.clock.install()
    page.goto(daemon.url + address)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state()
    # What is shown first may be read out: it has come once nothing is being loaded, and some looks have been answered.
    expect(page.locator(".skeleton, [data-state=loading]")).to_have_count(0)
    for _ in range(3):
        with page.expect_response("**/api/**"):
            page.clock.run_for(16_000)
    page.evaluate(LISTEN)
    for _ in range(4):
        with page.expect_response("**/api/**"):
            page.clock.run_for(16_000)
    assert page.evaluate("() => window.said") == []


def test_overview_tells_what_ails_the_daemon(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs")
    pretend(
        page,
        history={"ok": False, "error": "disk I/O error", "dropped": 3},
        payloads={"error": "no room"},
        prices={"error": "timed out", "date": "2026-01-02"},
    )
    page.get_by_role("link", name="Overview").click()
    for told in (
        "The history is not being written: disk I/O error.",
        "Payloads are not kept: no room.",
        "3 requests not recorded since the start.",
        "There is no newer price list: timed out. Prices are of 2026-01-02.",
    ):
        expect(page.get_by_text(told)).to_be_visible()


def test_the_state_is_asked_for_once_by_all_that_show_it(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/")
    expect(page.locator(".daemon")).to_contain_text("running")
    asked = [each for each in look.watch.requests if each.endswith("/api/status")]
    assert len(asked) == 1


@pytest.mark.parametrize("width", [390, 320])
def test_every_page_can_be_seen_from_a_telephone_also_by_who_has_logged_in(
    serve: Serve, look: Look, width: int
) -> None:
    daemon = serve(more=ADMIN + CLIENTS)
    page = look(daemon, "#/", width=width, wait=False)
    look.watch.expect("status of 401")
    page.get_by_label("Admin token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_in_viewport()
    assert page.locator("nav a").evaluate_all(SEEN) == []


@pytest.mark.parametrize("address", PAGES)
def test_a_page_fits_into_the_smallest_of_screens(daemon: Daemon, look: Look, address: str) -> None:
    page = look(daemon, address, width=320)
    assert overflow(page) == []
    if address == "#/requests":
        page.get_by_role("button", name="Filters").click()
        assert overflow(page) == []


def test_who_acknowledges_by_keyboard_goes_on_with_the_next_alert(serve: Serve, look: Look) -> None:
    lost = "".join(
        f'[accounts.{name}]\nprovider = "anthropic"\napi_key = {{ env = "NO_KEY" }}\n' for name in "ab"
    )
    page = look(serve(more=lost), "#/alerts")
    knobs = page.get_by_role("button", name="Acknowledge", exact=True)
    expect(knobs).to_have_count(2)
    expect(page.get_by_role("link", name="Alerts")).to_contain_text("2")
    knobs.first.press("Enter")
    expect(knobs).to_have_count(1)
    expect(knobs).to_be_focused()
    expect(page.get_by_role("link", name="Alerts")).to_contain_text("1")
    knobs.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_figures_stay_in_their_cards(busy: Daemon, look: Look) -> None:
    for width in (1440, 1280, 1024, 390):
        page = look(busy, "#/", width=width)
        wide = page.locator(".figure").evaluate_all(
            "(cards) => cards.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.ariaLabel)"
        )
        assert wide == [], width
        page.close()
