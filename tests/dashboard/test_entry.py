"""Coming in: with nothing asked for, by the token, by a link; being kept out; leaving, and being shown out."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from looking import Look, Serve
from proxy import stripping
from scene import ADMIN, CLIENTS, TOKEN, Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance

REFUSED = "status of 401"


def log_in(page: "Page", token: str) -> None:
    page.get_by_label("Admin token").fill(token)
    page.get_by_role("button", name="Log in").click()


def is_inside(page: "Page") -> None:
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def is_outside(page: "Page", seconds: float = 15) -> None:
    expect(page.get_by_label("Admin token")).to_be_visible(timeout=seconds * 1000)


@pytest.fixture
def closed(serve: Serve) -> Daemon:
    """A daemon that asks for the admin token."""
    return serve(more=ADMIN)


def test_where_nothing_is_asked_for_one_is_inside_at_once_and_has_no_way_out(
    daemon: Daemon, look: Look
) -> None:
    page = look(daemon, "#/logs")
    is_inside(page)
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)
    assert page.context.cookies() == []


def test_the_token_lets_in_and_no_script_sees_the_cookie(closed: Daemon, look: Look) -> None:
    page = look(closed, "#/logs", wait=False)
    is_outside(page)
    log_in(page, TOKEN)
    is_inside(page)
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("() => document.cookie") == ""
    assert page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])").find(TOKEN) == -1


def test_the_page_asked_for_is_shown_after_the_log_in_and_a_reload_asks_no_more(
    closed: Daemon, look: Look
) -> None:
    page = look(closed, "#/configuration", wait=False)
    log_in(page, TOKEN)
    expect(page).to_have_title(re.compile("Configuration"))
    page.reload()
    is_inside(page)
    expect(page).to_have_title(re.compile("Configuration"))


def test_a_link_lets_in_once_and_leaves_the_address(closed: Daemon, look: Look) -> None:
    link = closed.link()
    look.watch.expect(REFUSED)
    page = look(closed, link.removeprefix(closed.url))
    is_inside(page)
    assert "link" not in page.url
    page.go_back()
    other = look(closed, link.removeprefix(closed.url), wait=False)
    is_outside(other)
    expect(other.get_by_text("ccflared dashboard prints a new one")).to_be_visible()


def test_a_wrong_token_is_told_and_the_right_one_still_taken(closed: Daemon, look: Look) -> None:
    look.watch.expect(REFUSED)
    page = look(closed, "#/logs", wait=False)
    log_in(page, "guess")
    expect(page.get_by_text("That is not the admin token.")).to_be_visible()
    log_in(page, TOKEN)
    is_inside(page)


def test_after_five_wrong_ones_one_waits(closed: Daemon, look: Look) -> None:
    look.watch.expect(REFUSED, "status of 429")
    page = look(closed, "#/logs", wait=False)
    for number in range(5):
        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            log_in(page, f"guess {number}")
        assert answer.value.status == 401
        expect(page.get_by_role("button", name="Log in")).to_be_enabled()
    log_in(page, TOKEN)
    expect(page.get_by_text("Too many wrong credentials from this address; try again in")).to_be_visible()


def test_who_leaves_is_outside_in_every_tab(closed: Daemon, look: Look) -> None:
    look.watch.expect(REFUSED)
    page = look(closed, closed.link().removeprefix(closed.url))
    other = page.context.new_page()
    other.goto(closed.url + "#/logs")
    is_inside(other)
    page.get_by_role("button", name="Log out").click()
    is_outside(page)
    assert page.context.cookies() == []
    is_outside(other, 40)


def test_another_token_shows_everybody_out(closed: Daemon, look: Look) -> None:
    look.watch.expect(REFUSED)
    page = look(closed, closed.link().removeprefix(closed.url))
    closed.rewrite(TOKEN, "sesame-shut")
    is_outside(page, 40)
    log_in(page, "sesame-shut")
    is_inside(page)


def test_when_administration_is_closed_the_page_says_so(serve: Serve, look: Look) -> None:
    daemon = serve(more=ADMIN + CLIENTS)
    look.watch.expect("status of 403")
    page = look(daemon, daemon.link().removeprefix(daemon.url))
    daemon.rewrite(ADMIN, "")
    expect(page.get_by_text("[admin] token")).to_be_visible(timeout=40_000)
    expect(page.get_by_label("Admin token")).to_have_count(0)


def test_where_nobody_may_come_in_the_page_says_what_to_do(serve: Serve, look: Look) -> None:
    page = look(serve(more=CLIENTS), wait=False)
    expect(page.get_by_text("[admin] token")).to_be_visible()
    expect(page.get_by_label("Admin token")).to_have_count(0)


def test_below_a_base_path_everything_is_found(serve: Serve, look: Look) -> None:
    daemon = serve(base="/ccflared", more=ADMIN + CLIENTS)
    bare = replace(daemon, url=daemon.url.removesuffix("/"))
    page = look(bare, wait=False)
    log_in(page, TOKEN)
    is_inside(page)
    assert page.url.startswith(daemon.url)
    (cookie,) = page.context.cookies()
    assert cookie["path"] == "/ccflared"
    page.goto(daemon.url + "dashboard#/logs")
    is_inside(page)
    assert page.url == daemon.url + "#/logs"
    assert all(address.startswith(bare.url) for address in look.watch.requests)


def test_behind_a_proxy_that_cuts_off_a_prefix_everything_is_found(closed: Daemon, look: Look) -> None:
    with stripping(closed.url, "/tools/ccflared") as url:
        page = look(replace(closed, url=url), "#/logs", wait=False)
        log_in(page, TOKEN)
        is_inside(page)
        expect(page).to_have_title(re.compile("Logs"))
        page.goto(url + "dashboard/")
        is_inside(page)
        assert page.url == url or page.url.startswith(url + "#")
        assert all(address.startswith(url) for address in look.watch.requests)
        page.close()
