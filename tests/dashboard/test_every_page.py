"""What holds of every page, in both themes and both widths: it fits, it can be read by everybody, and used by keyboard."""

from typing import TYPE_CHECKING, Any

import pytest
from browser import PAGES, THEMES, WIDTHS, axe_faults, overflow
from looking import Look
from scene import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.acceptance

MARK = """() => {
  const usable = 'a[href], button, input, select, textarea, summary, [tabindex]';
  const look = (element) => [element, element.parentElement, element.nextElementSibling, element.previousElementSibling]
    .filter(Boolean)
    .map((each) => {
      const s = getComputedStyle(each);
      return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderTopColor, s.backgroundColor, s.stroke];
    })
    .join("|");
  window.reach = { before: new Map(), reached: new Set(), unseen: new Set() };
  for (const element of document.querySelectorAll(usable)) {
    const named = element.type === "radio" && !element.checked;  // arrows lead from one of a group to the next
    if (element.tabIndex < 0 || element.disabled || named || !element.checkVisibility({ visibilityProperty: true })) continue;
    window.reach.before.set(element, look(element));
  }
  window.reach.step = () => {
    const at = document.activeElement;
    if (at === document.body || at === null) return "end";
    // Day, month and year of a date are stops of one field.
    if (window.reach.reached.has(at)) return at === window.reach.last ? "" : "again";
    window.reach.reached.add(at);
    window.reach.last = at;
    if (window.reach.before.has(at) && window.reach.before.get(at) === look(at)) window.reach.unseen.add(at);
    return "";
  };
  const tell = (element) => `<${element.localName} class="${element.getAttribute("class") ?? ""}"> ` +
    (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().slice(0, 40);
  window.reach.tell = () => ({
    missed: [...window.reach.before.keys()].filter((e) => e.isConnected && !window.reach.reached.has(e)).map(tell),
    unseen: [...window.reach.unseen].map(tell),
  });
  return window.reach.before.size;
}"""


def tabbed_through(page: "Page") -> Any:
    """Go through a page by the tabulator key; return what was missed, and what did not show that it has the focus."""
    page.evaluate("() => document.activeElement?.blur()")
    many = page.evaluate(MARK)
    ends = 0
    for _ in range(many + 40):
        page.keyboard.press("Tab")
        if page.evaluate("() => window.reach.step()") in ("end", "again"):
            ends += 1
            if ends > 1:
                break
    return page.evaluate("() => window.reach.tell()")


@pytest.mark.parametrize("address", PAGES)
def test_a_page_fits_into_a_screen_and_a_telephone(busy: Daemon, look: Look, address: str) -> None:
    for width in WIDTHS:
        page = look(busy, address, width=width)
        assert overflow(page) == [], f"{width} px"
        page.close()


@pytest.mark.parametrize("address", PAGES)
def test_axe_finds_nothing_serious(busy: Daemon, look: Look, axe: str, address: str) -> None:
    found = []
    for theme in THEMES:
        for width in WIDTHS:
            page = look(busy, address, theme=theme, width=width)
            found += [f"{theme}, {width} px: {fault}" for fault in axe_faults(page, look.watch, axe)]
            page.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("address", PAGES)
def test_all_of_a_page_is_in_reach_of_the_keyboard_and_shows_where_one_is(
    busy: Daemon, look: Look, address: str
) -> None:
    for theme in THEMES:
        page = look(busy, address, theme=theme)
        assert tabbed_through(page) == {"missed": [], "unseen": []}, theme
        page.close()
