"""What holds of the page as a whole: its policy, what it loads, its theme, and a daemon that is away for a while."""

import re

import pytest
from browser import ready
from looking import Look
from scene import Daemon

from ccflared.daemon.page.files import dashboard

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def test_the_policy_is_this_and_the_browser_obeys_it(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs", wait=False)
    answer = page.goto(daemon.url)
    assert answer is not None
    assert answer.headers["content-security-policy"] == POLICY
    look.watch.expect("Content Security Policy", "Trusted", "violates the following")
    outcome = page.evaluate(
        """async () => {
          const tried = {};
          const script = document.createElement("script");
          try { script.textContent = "window.ran = true"; document.head.append(script); } catch (error) { tried.script = error.name; }
          tried.ran = "ran" in window;
          try { document.createElement("div").innerHTML = "<b>x</b>"; tried.markup = "taken"; } catch (error) { tried.markup = error.name; }
          const style = document.createElement("style");
          style.textContent = "body { margin-top: 77px }";
          document.head.append(style);
          tried.style = getComputedStyle(document.body).marginTop === "77px";
          try { await fetch("http://127.0.0.1:9/"); tried.fetched = true; } catch { tried.fetched = false; }
          return tried;
        }"""
    )
    assert outcome["ran"] is False
    assert outcome["markup"] == "TypeError"
    assert outcome["style"] is False
    assert outcome["fetched"] is False


def test_nobody_puts_it_into_a_frame(daemon: Daemon, look: Look) -> None:
    look.watch.expect("frame", "Framing", "a request failed", "chrome-error")
    page = look(daemon, "#/logs")
    page.evaluate(
        "(url) => { const f = document.createElement('iframe'); f.src = url; document.body.append(f); }",
        daemon.url,
    )
    page.wait_for_function("() => document.querySelector('iframe').contentDocument === null")


def test_each_file_is_fetched_once_and_then_kept(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs")
    below = f"{daemon.url}dashboard/{dashboard().version}/"
    first = [address for address in look.watch.requests if address.startswith(below)]
    assert len(first) == len(set(first))
    page.reload()
    ready(page)
    assert (
        page.evaluate(
            "(below) => performance.getEntriesByType('resource').filter((e) => e.name.startsWith(below) && e.transferSize)"
            ".map((e) => e.name)",
            below,
        )
        == []
    )


def test_what_is_at_no_page_says_so(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/nowhere/at/all")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="Logs").click()
    expect(page).to_have_title(re.compile("Logs"))


def test_the_theme_follows_the_system_until_it_is_chosen(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs", theme="light")
    ink = "() => getComputedStyle(document.body).color"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ink)
    assert light != dark
    knob = page.get_by_role("button", name="Theme")
    seen = set()
    for _ in range(3):
        knob.click()
        seen.add(page.evaluate(ink))
    assert seen == {light, dark}
    while page.evaluate(ink) != light:
        knob.click()
    page.reload()
    ready(page)
    assert page.evaluate(ink) == light


def test_a_daemon_that_goes_away_is_told_of_and_found_again(daemon: Daemon, look: Look) -> None:
    look.watch.expect("Failed to load resource", "a request failed")
    page = look(daemon, "#/logs")
    page.context.set_offline(True)
    expect(page.get_by_text("cannot be reached; showing the last known state")).to_be_visible(timeout=30_000)
    page.context.set_offline(False)
    expect(page.get_by_text("cannot be reached").filter(visible=True)).to_have_count(0, timeout=30_000)
