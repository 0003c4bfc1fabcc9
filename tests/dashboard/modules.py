"""Asks the modules of the dashboard themselves, in a page: as they are written, each by itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

ROOT = Path(__file__).parents[2] / "ccflared" / "dashboard"
BELOW = "/as-written/"


def asked(page: "Page", module: str, body: str, given: object = None) -> Any:
    """Return what JavaScript answers that has a module of the dashboard as ``m``, and ``given``."""

    def serve(route: "Route") -> None:
        text = (ROOT / route.request.url.partition(BELOW)[2]).read_text()
        route.fulfill(body=text, content_type="text/javascript")

    page.route(f"**{BELOW}**", serve)
    source = f"async (given) => {{ const m = await import('{BELOW}{module}'); {body} }}"
    return page.evaluate(source, given)
