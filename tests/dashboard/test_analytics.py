"""Analytics: what is shown adds up, is filtered, kept in the address, exported, and says what is not known."""

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import WIDTHS, overflow
from looking import Look, Serve
from modules import asked
from playwright.sync_api import expect
from scene import ADMIN, CLIENTS, Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

pytestmark = pytest.mark.acceptance

QUESTION = re.compile(r"/api/analytics\?")


def card(page: "Page", title: str) -> "Locator":
    """Return a card by its heading."""
    return page.locator(".card").filter(has=page.get_by_role("heading", name=title, exact=True))


def figure(page: "Page", name: str) -> "Locator":
    """Return the value of one of the figures at the top."""
    return page.locator(".figure").filter(has_text=name).locator(".value")


def answering(page: "Page", change: Any) -> None:
    """Have the daemon's answers about the history changed before the page sees them."""

    def changed(route: "Route") -> None:
        answer = route.fetch()
        body = answer.json()
        change(body)
        route.fulfill(response=answer, body=json.dumps(body))

    page.route(QUESTION, changed)


def test_every_chart_has_something_to_show(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/analytics")
    expect(page.locator(".chart [data-state=loading]")).to_have_count(0)
    expect(figure(page, "Requests")).to_have_text(re.compile(r"^\d+$"))
    for title in (
        "Traffic",
        "Success and cache hit rates",
        "Tokens",
        "Cost by model",
        "Output speed",
        "Hours of the week",
    ):
        expect(card(page, title).locator("[data-state=ready]")).to_have_count(1)
    expect(card(page, "Times").get_by_role("row")).not_to_have_count(0)
    expect(card(page, "Cost by model")).to_contain_text("claude-opus-4-5")


def test_a_view_is_kept_in_the_address_and_comes_back(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/analytics")
    page.get_by_role("button", name="7d", exact=True).click()
    page.get_by_label("Measure").first.select_option("tokens")
    page.get_by_role("button", name="By model").first.click()
    page.get_by_role("button", name="Cumulative").click()
    page.get_by_role("button", name="Models").click()
    page.get_by_role("checkbox", name="claude-opus-4-5").check()
    page.keyboard.press("Escape")
    for part in ("range=7d", "metric=tokens", "by=model", "mode=cumulative", "models=claude-opus-4-5"):
        assert part in page.url
    page.reload()
    expect(page.get_by_role("button", name="7d", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Models (1)")).to_be_visible()
    expect(page.get_by_role("button", name="Cumulative")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Measure").first).to_have_value("tokens")
    expect(card(page, "Cost by model").locator("li")).to_have_count(1)


def test_a_filter_narrows_all_and_is_cleared(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/analytics")
    everything = figure(page, "Requests").text_content() or ""
    page.get_by_role("button", name="Models").click()
    page.get_by_role("checkbox", name="claude-haiku-4-5").check()
    expect(figure(page, "Requests")).not_to_have_text(everything)
    expect(figure(page, "Requests")).to_have_text("4")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Models (1)")).to_be_focused()
    page.get_by_role("button", name="Clear filters").click()
    expect(figure(page, "Requests")).to_have_text(everything)
    expect(page.get_by_role("button", name="Clear filters")).to_be_hidden()
    assert "models" not in page.url


def test_clients_are_told_apart(serve: Serve, look: Look) -> None:
    daemon = serve(more=CLIENTS + ADMIN)
    for key in ("k-laptop", "k-laptop", "k-ci"):
        daemon.ask(key=key)
    daemon.settle()
    page = look(daemon, daemon.link().removeprefix(daemon.url))
    page.goto(daemon.url + "#/analytics?range=1h")
    expect(figure(page, "Requests")).to_have_text("3")
    page.get_by_role("button", name="Clients").click()
    page.get_by_role("checkbox", name="ci", exact=True).check()
    expect(figure(page, "Requests")).to_have_text("1")


def test_what_is_older_stays_until_the_newer_is_there_and_the_newest_wins(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/analytics")
    before = figure(page, "Requests").text_content() or ""
    held: list[Route] = []

    def hold(route: "Route") -> None:
        held.append(route)

    page.route(re.compile(r"/api/analytics\?range=30d"), hold)
    page.get_by_role("button", name="30d", exact=True).click()
    expect(page.locator(".page.loading")).to_have_count(1)
    expect(figure(page, "Requests")).to_have_text(before)
    page.get_by_role("button", name="1h", exact=True).click()
    expect(page.locator(".page.loading")).to_have_count(0)
    assert len(held) == 1
    expect(card(page, "Hours of the week")).to_contain_text("A range of a day or more")
    assert "range=1h" in page.url


def test_the_page_does_not_jump_when_something_else_is_measured(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/analytics")

    def place() -> float:
        box = card(page, "Success and cache hit rates").bounding_box()
        assert box is not None
        return float(box["y"])

    before = place()
    for measure in ("tokens", "plan", "api", "ttfb", "time", "speed", "requests"):
        page.get_by_label("Measure").first.select_option(measure)
        expect(page.locator(".page.loading")).to_have_count(0)
        assert place() == before, measure


def test_unknown_costs_are_unknown_with_how_many(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")

    def change(body: Any) -> None:
        body["totals"] |= {
            "totalCostUsd": None,
            "planCostUsd": None,
            "apiCostUsd": None,
            "unpricedRequests": 14,
        }
        body["costByModel"] = [
            {
                **row,
                "costUsd": None,
                "planCostUsd": None,
                "apiCostUsd": None,
                "unpricedRequests": row["requests"],
            }
            for row in body["costByModel"]
        ]

    answering(page, change)
    page.goto(busy.url + "#/analytics")
    expect(page.get_by_text("The cost of 14 requests is not known")).to_be_visible()
    expect(figure(page, "Plan value")).to_have_text("unknown")
    row = card(page, "Cost by model").locator("li").first
    expect(row).to_contain_text("unknown")
    expect(row).to_contain_text("of unknown cost")
    expect(row.locator(".block")).to_have_count(0)


def test_where_only_numbers_of_requests_are_kept_it_says_so(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/analytics?range=7d&status=error")
    expect(page.get_by_text("only the number of requests is kept by outcome")).to_be_visible()
    expect(figure(page, "Tokens")).to_have_text("\N{EN DASH}")
    expect(figure(page, "API cost")).to_have_text("unknown")
    expect(card(page, "Cost by model")).to_contain_text("Not kept by outcome")
    expect(card(page, "Traffic").get_by_role("button", name="Failed")).to_be_visible()


def test_an_error_is_told_and_mended_by_another_try(busy: Daemon, look: Look) -> None:
    look.watch.expect("status of 503")
    page = look(busy, "#/analytics")
    refused = {"success": False, "error": {"message": "The history is being repaired."}}
    page.route(QUESTION, lambda route: route.fulfill(status=503, json=refused))
    page.get_by_role("button", name="7d", exact=True).click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute(QUESTION)
    again.click()
    expect(again).to_have_count(0)


def test_what_is_shown_is_exported(busy: Daemon, look: Look, tmp_path: Path) -> None:
    page = look(busy, "#/analytics")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as begun:
        page.get_by_role("menuitem", name="Models (CSV)", exact=True).click()
    target = tmp_path / begun.value.suggested_filename
    begun.value.save_as(target)
    assert re.fullmatch(r"ccflared-models-24h-\d{4}-\d\d-\d\d\.csv", target.name)
    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {"claude-opus-4-5", "claude-haiku-4-5"} <= {row["model"] for row in rows}
    assert all(row["requests"].isdigit() for row in rows)


CELLS = [
    ("=1+1", "'=1+1"),
    ("@sum", "'@sum"),
    ("-2", "'-2"),
    ('+"x"', '"\'+""x"""'),
    ("\t=1", "'\t=1"),
    ("a,b", '"a,b"'),
    ("two\nlines", '"two\nlines"'),
    ("plain name", "plain name"),
    (" edge", '" edge"'),
    (-2.5, "-2.5"),
    (0, "0"),
    (None, ""),
]


def test_no_cell_of_an_export_is_a_formula_and_what_is_unknown_is_empty(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    written = asked(
        page, "pages/analytics/sheets.js", "return given.map(m.cell)", [value for value, _ in CELLS]
    )
    assert written == [expected for _, expected in CELLS]


def test_it_fits_whatever_is_opened(busy: Daemon, look: Look) -> None:
    for width in WIDTHS:
        page = look(busy, "#/analytics?by=model&metric=tokens", width=width)
        for summary in page.locator(".as-table summary").all():
            summary.click()
        page.get_by_role("button", name="Projects").click()
        expect(page.get_by_role("checkbox").first).to_be_visible()
        assert overflow(page) == [], f"{width} px"
        page.close()
