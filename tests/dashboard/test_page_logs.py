"""Logs: lines of before and live, none twice, in order; levels, search, pause; hostile text is only text."""

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import trio
from browser import WIDTHS, Theme, axe_faults, overflow
from looking import Look
from playwright.sync_api import expect
from scene import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.acceptance

log = logging.getLogger("ccflared.stage")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def verbose(daemon: Daemon) -> Iterator[None]:  # noqa: ARG001 - whose start sets the level
    """Have everything logged."""
    root = logging.getLogger("ccflared")
    before = root.level
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(before)


def texts(page: "Page") -> list[str]:
    """Return what the lines of this file's logger say."""
    own = page.locator(".lines .line").filter(has=page.locator(".logger", has_text="stage"))
    return own.locator(".text").all_text_contents()


def lines(page: "Page", text: str) -> "Locator":
    """Return the lines that hold a text."""
    return page.locator(".lines .line", has_text=text)


def test_lines_of_before_and_live_ones_stand_in_order_and_once(daemon: Daemon, look: Look) -> None:
    for number in range(5):
        log.info("before %d", number)
    page = look(daemon, "#/logs")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    for number in range(5):
        log.info("after %d", number)
    expect(lines(page, "after 4")).to_be_visible()
    assert texts(page) == [f"{when} {number}" for when in ("before", "after") for number in range(5)]
    expect(lines(page, "listening on")).to_have_count(1)


def test_levels_are_switched_off_and_on_and_kept_in_the_address(daemon: Daemon, look: Look) -> None:
    log.debug("a debug line")
    log.warning("a warning")
    log.error("an error")
    page = look(daemon, "#/logs")
    expect(lines(page, "a debug line").locator(".level")).to_have_text("DEBUG")
    page.get_by_role("button", name="Debug").click()
    page.get_by_role("button", name="Warn").click()
    expect(lines(page, "a debug line")).to_have_count(0)
    expect(lines(page, "a warning")).to_have_count(0)
    expect(lines(page, "an error")).to_be_visible()
    assert "levels=info%2Cerror" in page.url
    page.reload()
    expect(lines(page, "an error")).to_be_visible()
    expect(lines(page, "a warning")).to_have_count(0)
    page.get_by_role("button", name="Warn").click()
    expect(lines(page, "a warning")).to_be_visible()


def test_a_search_shows_the_lines_that_hold_it_and_marks_it(daemon: Daemon, look: Look) -> None:
    log.info("a needle in the hay, and another Needle")
    log.info("only hay")
    page = look(daemon, "#/logs")
    page.get_by_role("searchbox").fill("NEEDLE")
    expect(lines(page, "only hay")).to_have_count(0)
    expect(page.locator("mark")).to_have_text(["needle", "Needle"])
    assert "q=NEEDLE" in page.url
    log.info("a late needle")
    log.info("late hay")
    expect(lines(page, "a late needle")).to_be_visible()
    expect(lines(page, "late hay")).to_have_count(0)
    page.get_by_role("searchbox").fill("nothing holds this")
    expect(page.get_by_text("No matching lines.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(lines(page, "late hay")).to_be_visible()


def test_a_pause_holds_back_what_comes_and_counts_it(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    log.info("held back 1")
    log.info("held back 2")
    resume = page.get_by_role("button", name="Resume (2 waiting)")
    expect(resume).to_be_visible()
    expect(lines(page, "held back")).to_have_count(0)
    resume.click()
    expect(lines(page, "held back")).to_have_count(2)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_it_follows_the_end_unless_the_reader_has_gone_up(daemon: Daemon, look: Look) -> None:
    for number in range(200):
        log.info("line %d", number)
    page = look(daemon, "#/logs")
    expect(lines(page, "line 199")).to_be_in_viewport()
    log.info("the next one")
    expect(lines(page, "the next one")).to_be_in_viewport()
    view = page.get_by_role("log")
    view.hover()
    page.mouse.wheel(0, -1500)
    down = page.get_by_role("button", name="To the newest")
    expect(down).to_be_visible()
    log.info("the last one")
    expect(lines(page, "the last one")).to_be_attached()
    expect(lines(page, "the last one")).not_to_be_in_viewport()
    down.click()
    expect(lines(page, "the last one")).to_be_in_viewport()
    expect(down).to_be_hidden()


def test_many_lines_at_once_leave_the_latest_two_thousand(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    for batch in range(10):
        for number in range(300):
            log.info("flood %d", batch * 300 + number)
        expect(lines(page, f"flood {batch * 300 + 299}")).to_be_attached()
    expect(lines(page, "flood 2999")).to_be_in_viewport()
    assert page.locator(".lines .line").count() == 2000
    assert texts(page)[-3:] == ["flood 2997", "flood 2998", "flood 2999"]
    assert page.locator(".lines > .day").count() == 1


def test_lines_that_nobody_keeps_any_more_are_told_to_be_missing(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    log.info("the last before the gap")
    expect(lines(page, "the last before the gap")).to_be_visible()
    page.context.set_offline(True)
    look.watch.expect("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK")
    daemon.run(_hang_up, daemon)
    expect(page.get_by_text("connecting").or_(page.get_by_text("not connected"))).to_be_visible()
    for number in range(1500):
        log.info("unseen %d", number)
    page.context.set_offline(False)
    expect(lines(page, "unseen 1499")).to_be_visible()
    expect(page.locator(".lines .gap")).to_have_text(re.compile(r"^5\d\d lines are missing here"))
    assert len(set(texts(page))) == len(texts(page))


async def _hang_up(daemon: Daemon) -> None:
    """End the streams, as a proxy in between does."""
    live = daemon.stage.running.house.live
    live.closed = True
    live.lines.stir()
    while live.listeners:
        await trio.sleep(0.01)
    live.closed = False


def test_hostile_text_is_only_text(daemon: Daemon, look: Look) -> None:
    try:
        raise ValueError(f"\x1b[31mred\x1b[0m \u202egnp.exe\u202c {HOSTILE}\x07")  # noqa: TRY301 - for its traceback
    except ValueError:
        log.exception("it went wrong: %s", HOSTILE)
    page = look(daemon, "#/logs")
    line = lines(page, "it went wrong")
    line.locator("summary").click()
    said = line.locator("pre").inner_text()
    assert HOSTILE in said
    assert "\u241b[31mred" in said
    assert "\u27e8202E\u27e9gnp.exe" in said
    assert not re.search("[\x1b\u202e\u202c\x07]", said)
    assert page.locator(".lines img").count() == 0


def test_a_traceback_is_folded_and_opens_where_the_search_is_within(daemon: Daemon, look: Look) -> None:
    try:
        raise RuntimeError("deep within")  # noqa: TRY301 - the same
    except RuntimeError:
        log.exception("a fault")
    page = look(daemon, "#/logs")
    expect(lines(page, "a fault").locator(".more")).to_have_text(re.compile(r"^\d more lines$"))
    expect(lines(page, "a fault").locator("pre")).to_be_hidden()
    page.get_by_role("searchbox").fill("deep within")
    expect(lines(page, "a fault").locator("pre")).to_be_visible()
    expect(lines(page, "a fault").locator("mark").first).to_have_text("deep within")


def test_the_id_of_a_request_leads_to_it(daemon: Daemon, look: Look) -> None:
    id_ = daemon.ask().headers["x-ccflared-request-id"]
    log.info("request %s of the client, as req_011CSHoEeqs5C35K2UUqR7Fy upstream", id_)
    page = look(daemon, "#/logs")
    said = lines(page, f"request {id_} of the client")
    expect(said.get_by_role("link")).to_have_attribute("href", f"#/requests/{id_}")


def test_what_is_shown_is_given_as_a_file(daemon: Daemon, look: Look) -> None:
    log.info("kept out")
    log.warning("wanted")
    page = look(daemon, "#/logs?q=wanted")
    expect(lines(page, "wanted")).to_be_visible()
    with page.expect_download() as loading:
        page.get_by_role("button", name="Download").click()
    assert re.fullmatch(r"ccflared-\d{4}-\d\d-\d\dT\d{6}\.log", loading.value.suggested_filename)
    text = loading.value.path().read_text()
    assert re.fullmatch(r"\S+Z WARN  ccflared\.stage: wanted\n", text)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_can_be_read_by_everybody(daemon: Daemon, look: Look, axe: str, theme: Theme, width: int) -> None:
    log.error("an error of request req_0123456789abcdef01234567 %s", "w" * 300)
    log.debug("a word\nand another")
    page = look(daemon, "#/logs?q=word", theme=theme, width=width)
    assert not axe_faults(page, look.watch, axe)
    page.get_by_role("searchbox").fill("error")
    expect(lines(page, "an error")).to_be_visible()
    assert not axe_faults(page, look.watch, axe)
    assert not overflow(page)
