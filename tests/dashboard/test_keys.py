"""Keys: they lead to pages, search and pause, rest while somebody types, and can be switched off."""

import pytest
from looking import Look
from playwright.sync_api import expect
from scene import Daemon

pytestmark = pytest.mark.acceptance


def test_two_keys_lead_to_a_page_and_one_searches_and_pauses(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/alerts")
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="Logs", level=1)).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("gap?")
    expect(page.get_by_role("searchbox")).to_have_value("gap?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="Logs", level=1)).to_be_visible()


def test_they_are_told_and_can_be_switched_off(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/logs")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard")
    expect(sheet.get_by_text("go to Alerts")).to_be_visible()
    sheet.get_by_label("Single keys work").uncheck()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("p")
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Keyboard").click()
    sheet.get_by_label("Single keys work").check()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
