"""A browser's page that forgives nothing, and what tests ask of every page.

A ``Watch`` belongs to each browser context: it gathers errors and warnings of the console (violations of the
Content-Security-Policy are among them), uncaught errors, requests that failed, and requests to any other host. A test
whose page had one of them fails at its end, unless it said before that it expects it: ``watch.expect("status of 401")``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, ...] = ("dark", "light")
WIDTHS = (1440, 390)
PAGES = (
    *("#/", "#/analytics", "#/requests", "#/accounts", "#/clients", "#/alerts"),
    *("#/configuration", "#/logs", "#/start", "#/accounts/add", "#/accounts/first"),
)
"""Every page that can be had without knowing what has happened."""
READY = "() => performance.getEntriesByName('ccflared:ready').length > 0"
SECONDS = 15_000
"""Milliseconds that anything may take on a machine that does other things, too."""


@dataclass
class Watch:
    """What a browser context has seen that it should not have."""

    host: str
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Every address asked for."""
    _expected: list[str] = field(default_factory=list)
    _aside: bool = False

    def expect(self, *patterns: str) -> None:
        """Let faults pass in which a pattern is found, from the beginning on."""
        self._expected += patterns

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Do something to the page that is none of its own: what it causes is not its fault."""
        self._aside = True
        try:
            yield
        finally:
            self._aside = False

    def check(self) -> None:
        """Fail where there is a fault that nobody expects."""
        left = [fault for fault in self.faults if not any(re.search(each, fault) for each in self._expected)]
        assert not left, "\n".join(left)

    def attend(self, context: "BrowserContext") -> None:
        """Begin to look at a context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._fault(f"uncaught: {error.error}"))
        context.on("request", self._request)
        context.on("requestfailed", self._failed)

    def _console(self, message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning", "assert"):
            where = message.location
            self._fault(
                f"console {message.type}: {message.text} ({where.get('url')}:{where.get('lineNumber')})"
            )

    def _request(self, request: "Request") -> None:
        self.requests.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self._fault(f"a request elsewhere: {request.url}")

    def _failed(self, request: "Request") -> None:
        # What a page gives up itself, when it is left, is none.
        if request.failure != "net::ERR_ABORTED":
            self._fault(f"a request failed: {request.url}: {request.failure}")

    def _fault(self, fault: str) -> None:
        if not self._aside:
            self.faults.append(fault)


def ready(page: "Page") -> "Page":
    """Wait until the page that the address names can be used."""
    page.wait_for_function(READY, timeout=SECONDS)
    return page


def overflow(page: "Page") -> list[str]:
    """Return what makes a page scroll sideways, the outermost first; nothing where it does not."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          const scrolls = (element) => {
            for (let each = element; each; each = each.parentElement) {
              if (each !== document.body && /auto|scroll|hidden|clip/.test(getComputedStyle(each).overflowX)) return true;
            }
            return false;
          };
          const wide = document.documentElement.scrollWidth > width + 1;
          const main = document.querySelector("main");
          const inner = main && main.scrollWidth > main.clientWidth + 1;
          if (!wide && !inner) return [];
          const found = [...document.body.querySelectorAll("*")].filter((element) => {
            const box = element.getBoundingClientRect();
            return box.right > width + 1 && box.width > 0 && (!scrolls(element.parentElement) || inner);
          });
          const names = found.map((e) => `<${e.localName} class="${e.getAttribute("class") ?? ""}">`);
          return [`${document.documentElement.scrollWidth} of ${width} px`, ...names.slice(0, 5)];
        }"""
    )
    return found


@dataclass(frozen=True, slots=True)
class Fault:
    """What axe found."""

    rule: str
    impact: str
    nodes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.impact}: {self.rule}: " + " | ".join(self.nodes[:4])


def axe_faults(page: "Page", watch: Watch, axe: str) -> list[str]:
    """Return the serious and critical faults that axe finds on a page. ``axe``: its source."""
    with watch.aside():
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(axe + "; undefined")
        result: Any = page.evaluate(
            "() => axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', "
            "'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
    faults = [
        Fault(each["id"], each["impact"], tuple(node["html"][:160] for node in each["nodes"]))
        for each in result["violations"]
    ]
    return [str(fault) for fault in faults if fault.impact in ("serious", "critical")]
