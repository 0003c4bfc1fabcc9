"""The dashboard over HTTP/2: more pages than a browser has connections for, each with streams that stay open."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import SECONDS, ready
from http2_peer import write_certificate
from looking import Serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.acceptance


def test_more_pages_than_a_browser_opens_connections_are_ready_and_live(
    chromium: "Browser", serve: Serve, tmp_path: Path
) -> None:
    write_certificate(tmp_path)
    tls = f'tls = {{ cert = "{tmp_path}/cert.pem", key = "{tmp_path}/key.pem" }}'
    daemon = serve(server=tls)
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(SECONDS)
    pages = [context.new_page() for _ in range(8)]
    for page in pages:
        page.goto(daemon.url.replace("http:", "https:") + "#/")
        ready(page)
        page.get_by_text("first").first.wait_for()
    for page in pages:
        spoken = page.evaluate(
            "() => performance.getEntriesByType('resource').map((each) => each.nextHopProtocol)"
        )
        assert set(spoken) == {"h2"}
    assert daemon.call("POST", "/api/accounts/first/pause").status_code == 200
    for page in pages:
        page.get_by_text("paused").first.wait_for()
    context.close()
