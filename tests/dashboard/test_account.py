"""The page of one account: what is known of it, and each key of the file that can be changed there."""

import re
from typing import TYPE_CHECKING, Any

import pytest
from looking import Look, Serve
from rest import read_only
from scene import Daemon

from ccflared.demo.script import Answer, Window

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance

KEYS = {
    "priority": ("Priority", "7", "priority = 7"),
    "tier": ("Tier", "20", "tier = 20"),
    "max_concurrency": ("Requests at once", "4", "max_concurrency = 4"),
    "overage": ("Value", "last-resort", 'overage = "last-resort"'),
    "billing": ("Value", "plan", 'billing = "plan"'),
    "enabled": ("Value", "false", "enabled = false"),
    "auto_fallback": ("Value", "true", "auto_fallback = true"),
    "auto_refresh": ("Value", "true", "auto_refresh = true"),
}
"""Keys that take one value: the field's name, what is given, and the line that the file has then."""


def text(daemon: Daemon) -> str:
    return daemon.stage.config.read_text()


def change(page: "Page", key: str) -> None:
    page.get_by_role("button", name=f"Change {key}", exact=True).click()


def write(page: "Page") -> None:
    """See the change, and have it written."""
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def settings(page: "Page") -> str:
    return page.get_by_role("region", name="What the file says").inner_text()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_changed_in_the_file_and_taken_out_again(daemon: Daemon, look: Look, key: str) -> None:
    name, value, line = KEYS[key]
    before = text(daemon)
    page = look(daemon, "#/accounts/first")
    change(page, key)
    field = page.get_by_role("dialog").get_by_label(name)
    if name == "Value":
        field.select_option(value)
    else:
        field.fill(value)
    write(page)
    assert line in text(daemon)
    expect(page.get_by_role("region", name="What the file says")).to_contain_text(line.split(" = ")[1])
    change(page, key)
    if name == "Value":
        page.get_by_role("dialog").get_by_label(name).select_option("")
    else:
        page.get_by_role("dialog").get_by_label(name).fill("")
    write(page)
    assert text(daemon) == before.replace("priority = 0\n", "", 1) if key == "priority" else before


def test_models_are_rows_that_can_be_added_and_taken_out(serve: Serve, look: Look) -> None:
    daemon = serve(own={"first": 'models = { opus = "big-1", sonnet = "mid-1" }'})
    page = look(daemon, "#/accounts/first")
    change(page, "models")
    page.get_by_role("button", name="Take this row out").first.click()
    page.get_by_role("button", name="Another model").click()
    page.get_by_label("Model that is asked for").last.fill("claude-3-5-*")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_label("Models that are sent").last).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Models that are sent").last.fill("small-1, small-2")
    write(page)
    assert re.search(r'models.*"claude-3-5-\*" = \["small-1", "small-2"\]', text(daemon), re.DOTALL)
    assert "opus" not in text(daemon)


def test_a_budget_is_given_and_what_is_spent_is_shown(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/first")
    change(page, "budget")
    page.get_by_label("USD a day").fill("5")
    page.get_by_label("USD a month").fill("80,50")
    write(page)
    assert "daily = 5" in text(daemon)
    assert "monthly = 80.5" in text(daemon)
    expect(page.get_by_role("meter", name="Budget today")).to_have_attribute("aria-valuenow", "0")
    expect(page.get_by_text("$0.00 of $5.00")).to_be_visible()


def test_hours_of_pauses_are_rows(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/first")
    change(page, "pause_schedule")
    page.get_by_label("Pause from").fill("14:00")
    page.get_by_label("Pause until").fill("18:00")
    page.get_by_label("Time zone").fill("Asia/Singapore")
    page.get_by_label("sat").uncheck()
    page.get_by_label("sun").uncheck()
    write(page)
    schedule = text(daemon).partition("pause_schedule")[2].partition("[accounts")[0]
    assert 'from = "14:00", to = "18:00", timezone = "Asia/Singapore"' in schedule
    assert 'days = ["mon", "tue", "wed", "thu", "fri"]' in schedule


def test_another_host_without_its_key_is_not_trusted_and_with_it_it_is(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/first")
    change(page, "base_url")
    page.get_by_label("Base URL").fill(f"http://localhost:{daemon.stage.provider_port}")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Its credential was not given for")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    state = page.get_by_role("region", name="State")
    expect(state).to_contain_text("endpoint not trusted")
    change(page, "base_url")
    page.get_by_role("textbox", name="Key").fill("sk-first")
    write(page)
    expect(state).to_contain_text("ready")
    assert "localhost" in text(daemon)
    assert 'api_key = { stored = "first" }' in text(daemon)


def test_a_new_key_goes_to_the_state_directory_and_not_into_the_file(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/first")
    change(page, "api_key")
    page.get_by_role("textbox", name="New key").fill("sk-brand-new")
    write(page)
    assert "sk-brand-new" not in text(daemon)
    assert "sk-brand-new" not in page.content()
    daemon.ask()
    assert daemon.stage.provider.seen[-1].key == "sk-brand-new"


def test_a_mistake_is_told_and_what_was_given_stays(daemon: Daemon, look: Look) -> None:
    before = text(daemon)
    page = look(daemon, "#/accounts/first")
    change(page, "base_url")
    page.get_by_label("Base URL").fill("nowhere")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("alert").filter(has_text="A full address is expected")).to_be_visible()
    expect(page.get_by_label("Base URL")).to_have_value("nowhere")
    assert text(daemon) == before


def test_where_the_file_may_not_be_written_it_gives_the_toml_to_write_by_hand(
    daemon: Daemon, look: Look
) -> None:
    before = text(daemon)
    page = look(daemon, "#/accounts/first")
    with read_only(daemon.stage.config.parent, daemon.stage.config):
        change(page, "tier")
        page.get_by_role("textbox", name="Tier").fill("5")
        page.get_by_role("button", name="Review").click()
        expect(page.get_by_text("The daemon may not write the file")).to_be_visible()
        expect(page.get_by_role("region", name="TOML to write by hand")).to_contain_text("tier = 5")
        expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    assert text(daemon) == before


def test_everything_that_is_known_stands_on_the_page(daemon: Daemon, look: Look) -> None:
    used = Answer(five_hour=Window(0.4, 3600), seven_day=Window(0.2, 86400))
    daemon.play("sk-first", then=used)
    daemon.ask(model="claude-opus-4-5")
    daemon.settle()
    page = look(daemon, "#/accounts/first")
    expect(page.get_by_role("heading", name="first", level=1)).to_be_visible()
    expect(page.get_by_role("region", name="State")).to_contain_text("1 request in 24 h")
    expect(page.get_by_role("meter", name="Usage of 5h")).to_have_attribute("aria-valuenow", "40")
    expect(page.get_by_role("region", name="Usage history")).to_contain_text("5h")
    expect(page.get_by_role("region", name="Latest requests", exact=True).first).to_contain_text(
        "claude-opus-4-5"
    )
    file = page.get_by_role("region", name="What the file says")
    expect(file).to_contain_text("ccflare.toml, line")
    expect(file).to_contain_text('"anthropic-compatible"')
    expect(file).to_contain_text("file only")
    expect(file).not_to_contain_text("sk-first")
    page.get_by_role("link", name="just now").or_(page.get_by_role("link", name="ago")).first.click()
    assert "#/requests/req_" in page.url


def test_it_is_told_who_would_be_asked_for_a_model_that_is_typed_in(serve: Serve, look: Look) -> None:
    daemon = serve(own={"second": 'models = { haiku = "small-1" }'})
    page = look(daemon, "#/accounts/second")
    line = page.get_by_role("region", name="Who would be asked")
    line.get_by_label("Model").fill("claude-haiku-4-5")
    line.get_by_label("Model").press("Enter")
    expect(line).to_contain_text("small-1")
    line.get_by_label("Model").fill("claude-opus-4-5")
    line.get_by_label("Model").press("Enter")
    expect(line).to_contain_text("second is not asked")


def test_its_models_are_those_that_its_provider_lists(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/first")
    models = page.get_by_role("region", name="Models", exact=True)
    expect(models).to_contain_text("No models known.")
    page.get_by_role("button", name="Ask the provider").click()
    expect(models).to_contain_text("claude-")


def test_its_page_goes_with_its_name_and_away_with_it(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts/first")
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("textbox", name="New name").fill("add")
    write(page)
    expect(page.get_by_role("heading", name="add", level=1)).to_be_visible()
    assert page.url.endswith("#/accounts/add/account")
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_role("menuitem", name="Remove").click()
    page.get_by_role("textbox").last.fill("add")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("listitem", name="second")).to_be_visible()
    assert page.url.endswith("#/accounts")


def test_an_account_that_is_not_there_is_said_to_be_not_there(daemon: Daemon, look: Look) -> None:
    look.watch.expect("status of 404")
    page = look(daemon, "#/accounts/nobody")
    expect(page.get_by_text("There is no account nobody.")).to_be_visible()
