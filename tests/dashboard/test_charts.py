"""Charts in a browser: drawn, read by pointer, keys and table, never higher or wider than they were."""

from typing import TYPE_CHECKING, Any

import pytest
from browser import SECONDS, overflow
from looking import Look
from modules import asked
from playwright.sync_api import expect
from scene import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.acceptance

HOUR = 3_600_000
DASH = "\N{EN DASH}"
HOSTILE = "<img src=x onerror=alert(1)>"

DRAWN = """
  const chart = m.timeline({label: "Requests", height: 200, ...given.options});
  window.drawn = chart;
  chart.element.id = "drawn";
  document.querySelector("main").prepend(chart.element);
  if (given.data) chart.update(given.data);
"""


def drawn(page: "Page", data: object, **options: object) -> None:
    """Put a timeline at the top of a page."""
    asked(page, "charts/timeline.js", DRAWN, {"data": data, "options": options})


def two(**more: object) -> dict[str, Any]:
    """Return two series of six hours; in the first, one is not known."""
    first = [[hour * HOUR, None if hour == 2 else hour * 10] for hour in range(6)]
    second = [[hour * HOUR, 7] for hour in range(6)]
    series = [{"id": "a", "name": "Alpha", "points": first}, {"id": "b", "name": HOSTILE, "points": second}]
    return {"since": 0, "until": 6 * HOUR, "step": HOUR, "series": series, **more}


def test_a_timeline_is_drawn_with_breaks_and_told_in_a_sentence(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    drawn(page, two())
    chart = page.locator("#drawn")
    expect(chart.locator(".series").first.locator(".line")).to_have_count(2)
    expect(chart.locator(".series").nth(1).locator(".line")).to_have_count(1)
    sentence = chart.get_by_role("img").get_attribute("aria-label") or ""
    assert "Alpha: between 0 and 50" in sentence
    assert page.locator("#drawn img").count() == 0, "a name is only text"


def test_its_values_are_read_by_arrow_keys_and_in_a_table(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    drawn(page, two())
    reader = page.locator("#drawn").get_by_role("slider")
    reader.focus()
    page.keyboard.press("End")
    assert f"Alpha 50, {HOSTILE} 7" in (reader.get_attribute("aria-valuetext") or "")
    page.keyboard.press("ArrowLeft")
    assert "Alpha 40" in (reader.get_attribute("aria-valuetext") or "")
    assert reader.get_attribute("aria-valuenow") == "4"
    page.keyboard.press("Escape")
    expect(page.locator("#drawn .tip")).to_be_hidden()
    page.locator("#drawn summary").click()
    expect(page.locator("#drawn tbody tr")).to_have_count(6)
    expect(page.locator("#drawn tbody tr").nth(2).locator("td").first).to_have_text(DASH)


def test_its_legend_takes_series_away_and_brings_them_back(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    drawn(page, two())
    entry = page.locator("#drawn").get_by_role("button", name="Alpha")
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#drawn .series")).to_have_count(1)
    page.evaluate("(data) => drawn.update(data)", two())
    expect(page.locator("#drawn .series")).to_have_count(1)
    entry.click()
    expect(page.locator("#drawn .series")).to_have_count(2)


@pytest.mark.parametrize("width", [1440, 390])
def test_its_tip_never_leaves_the_window(busy: Daemon, look: Look, width: int) -> None:
    page = look(busy, "#/logs", width=width)
    drawn(page, two())
    reader = page.locator("#drawn").get_by_role("slider")
    box = reader.bounding_box()
    assert box is not None
    for share in (0.12, 0.5, 0.99):
        reader.hover(position={"x": box["width"] * share, "y": 5})
        tip = page.locator("#drawn .tip").bounding_box()
        assert tip is not None
        assert tip["x"] >= 0
        assert tip["y"] >= 0
        assert tip["x"] + tip["width"] <= width
    assert overflow(page) == []


def test_it_keeps_its_height_empty_loading_full_and_narrower(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    drawn(page, None, legend=True)
    chart = page.locator("#drawn .stage")

    def height() -> float:
        box = page.locator("#drawn").bounding_box()
        assert box is not None
        return float(box["height"])

    loading = height()
    page.evaluate("(data) => drawn.update(data)", two())
    assert height() == loading
    wide = page.locator("#drawn .picture").get_attribute("width")
    page.set_viewport_size({"width": 700, "height": 900})
    expect(page.locator("#drawn .picture")).not_to_have_attribute("width", wide or "", timeout=SECONDS)
    assert height() == loading
    page.evaluate("(data) => drawn.update(data)", {"series": [{"id": "a", "name": "a", "points": []}]})
    expect(chart).to_have_attribute("data-state", "empty")
    expect(page.get_by_text("Nothing in this time")).to_be_visible()
    assert height() == loading


@pytest.mark.parametrize("values", [[0], [0, 0, 0], [5], [None, 3, None], [1e15, 2e15], [0.00001]])
@pytest.mark.parametrize("kind", ["line", "area", "bars"])
def test_odd_values_are_drawn_without_a_fault(
    busy: Daemon, look: Look, values: list[float], kind: str
) -> None:
    page = look(busy, "#/logs")
    points = [[index * HOUR, value] for index, value in enumerate(values)]
    for stacked in (False, True):
        drawn(
            page,
            {"step": HOUR, "series": [{"id": "a", "name": "a", "points": points}]},
            kind=kind,
            stacked=stacked,
        )
        shapes = page.locator("#drawn :is(path, rect)").first
        expect(shapes).to_be_attached()
        wrong = "() => [...drawn.element.querySelectorAll('[d], rect')].filter((e) => /NaN|Infinity/.test(e.outerHTML)).length"
        assert page.evaluate(wrong) == 0
        page.evaluate("() => drawn.element.remove()")


def test_a_week_is_read_field_by_field(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    body = """const chart = m.heatmap({label: "Requests"}); chart.element.id = "drawn";
      document.querySelector("main").prepend(chart.element);
      chart.update([{weekday: 0, hour: 0, value: 3}, {weekday: 6, hour: 23, value: 12}, {weekday: 2, hour: 5, value: null}]);"""
    asked(page, "charts/heatmap.js", body)
    expect(page.locator("#drawn .cell")).to_have_count(168)
    expect(page.locator("#drawn .cell.none")).to_have_count(165)
    expect(page.locator("#drawn .cell.unknown")).to_have_count(1)
    reader = page.locator("#drawn").get_by_role("slider")
    reader.focus()
    page.keyboard.press("Home")
    assert f"00:00{DASH}01:00: Requests 3" in (reader.get_attribute("aria-valuetext") or "")
    page.keyboard.press("ArrowDown")
    assert reader.get_attribute("aria-valuenow") == "24"
    assert f"23:00{DASH}00:00" in (
        page.locator("#drawn").get_by_role("img").get_attribute("aria-label") or ""
    )


def test_bars_and_shares_tell_their_values_as_text(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    body = """const chart = m.bars({label: "Costs", unit: "money"}); chart.element.id = "drawn";
      document.querySelector("main").prepend(chart.element);
      chart.update([{id: "a", label: given, value: 2}, {id: "b", label: "b", value: null, note: "3 requests of unknown cost"}]);"""
    asked(page, "charts/bars.js", body, HOSTILE)
    rows = page.locator("#drawn li")
    expect(rows.first).to_contain_text(HOSTILE)
    expect(rows.nth(1)).to_contain_text("unknown")
    expect(rows.nth(1).locator(".block")).to_have_count(0)
    others = "return m.together(Array.from({length: 9}, (_, i) => ({id: String(i), name: 'n', value: i})), 7).at(-1)"
    assert asked(page, "charts/bars.js", others) == {
        "id": " others",
        "name": "3 others",
        "value": 21,
        "colour": "muted",
    }


def test_a_chart_leaves_nothing_behind(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/logs")
    body = """const ends = []; const scope = {defer: (end) => ends.push(end)};
      const chart = m.timeline({label: "x", scope}); document.querySelector("main").prepend(chart.element);
      chart.update(given); for (const end of ends) end(); chart.element.remove();
      return ends.length"""
    assert asked(page, "charts/timeline.js", body, two()) == 1
