"""The list of accounts: what it says of them, that it says it while it changes, and that each action does what it says."""

from typing import TYPE_CHECKING, Any

import pytest
from looking import Look, Serve
from scene import ADMIN, TOKEN, Daemon

from ccflared.demo.script import Answer, Limited, Spending, Window

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance

PLAN = """\
[providers.plan]
base_url = "http://127.0.0.1:PORT"
billing = "plan"
usage = { url = "/api/oauth/usage", reads = "anthropic" }
"""
AT_PLAN = 'provider = "plan"'


def row(page: "Page", name: str) -> "Locator":
    return page.get_by_role("listitem", name=name, exact=True)


def do(page: "Page", name: str, action: str) -> None:
    """Choose something from the menu of what is done at once."""
    page.get_by_role("button", name=f"More for {name}", exact=True).click()
    page.get_by_role("menuitem", name=action).click()


def change(page: "Page", name: str, what: str) -> None:
    """Choose something from the menu of what is changed in the file."""
    page.get_by_role("button", name=f"Change {name}", exact=True).click()
    page.get_by_role("menuitem", name=what).click()


def write(page: "Page") -> None:
    """See the change, and have it written."""
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def state(daemon: Daemon, name: str) -> str:
    return str(daemon.run(daemon.stage.account, name)["state"])


def text(daemon: Daemon) -> str:
    """Return the file as it stands on disk."""
    return daemon.stage.config.read_text()


def test_accounts_stand_in_the_order_of_routing_with_who_is_next_and_why(daemon: Daemon, look: Look) -> None:
    daemon.ask(model="claude-opus-4-5")
    daemon.settle()
    page = look(daemon, "#/accounts")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(2)
    expect(page.get_by_label("For which model")).to_have_value("claude-opus-4-5")
    expect(row(page, "first")).to_contain_text("ready")
    expect(row(page, "first")).to_contain_text("next in line · priority 0")
    expect(row(page, "first")).to_contain_text("1 request in 24 h")
    expect(row(page, "second")).to_contain_text("second in line · priority 1")


def test_who_is_next_is_told_for_any_model(serve: Serve, look: Look) -> None:
    daemon = serve(own={"first": 'models = { sonnet = "big" }'})
    page = look(daemon, "#/accounts")
    page.get_by_label("For which model").fill("claude-opus-4-5")
    page.get_by_label("For which model").press("Enter")
    expect(row(page, "second")).to_contain_text("next in line")
    expect(row(page, "first")).to_contain_text("not asked for this model")
    assert page.url.endswith("#/accounts?model=claude-opus-4-5")


def test_an_account_is_paused_and_resumed(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts")
    page.get_by_role("button", name="Pause first").click()
    expect(row(page, "first")).to_contain_text("paused by hand")
    assert state(daemon, "first") == "paused"
    resume = page.get_by_role("button", name="Resume first")
    expect(resume).to_be_focused()
    resume.click()
    expect(row(page, "first")).not_to_contain_text("paused")
    assert state(daemon, "first") == "ready"


def test_what_happens_elsewhere_shows_by_itself_and_focus_stays(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts")
    expect(row(page, "first")).to_contain_text("ready")
    page.get_by_role("button", name="More for first").focus()
    daemon.play("sk-first", Limited(1800))
    daemon.ask()
    expect(row(page, "first")).to_contain_text("resting")
    expect(row(page, "first")).to_contain_text("again in 29 min")
    expect(page.get_by_role("main").get_by_role("listitem").first).to_have_accessible_name("second")
    expect(page.get_by_role("button", name="More for first")).to_be_focused()


def test_what_was_learnt_is_forgotten_when_that_is_meant(daemon: Daemon, look: Look) -> None:
    daemon.play("sk-first", Limited(1800))
    daemon.ask()
    page = look(daemon, "#/accounts")
    do(page, "first", "Forget cooldowns")
    page.get_by_role("button", name="Cancel").click()
    assert state(daemon, "first") == "resting"
    do(page, "first", "Forget cooldowns")
    page.get_by_role("button", name="Forget it").click()
    expect(row(page, "first")).not_to_contain_text("resting")
    assert state(daemon, "first") == "ready"


def test_a_test_sends_one_request_and_tells_what_came_of_it(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts")
    do(page, "first", "Test")
    expect(page.get_by_text("first answered in")).to_be_visible()
    assert daemon.stage.provider.count == 1


def test_usage_is_asked_for_and_its_windows_are_shown(serve: Serve, look: Look) -> None:
    daemon = serve(more=PLAN, own={"first": AT_PLAN})
    told = Spending(five_hour=Window(0.62, 2 * 3600), seven_day=Window(0.3, 5 * 86400))
    daemon.run(play_usage, daemon, told)
    page = look(daemon, "#/accounts")
    expect(row(page, "first")).to_contain_text("No usage data yet.")
    do(page, "first", "Refresh usage")
    expect(row(page, "first").get_by_role("meter", name="Usage of 5h")).to_have_attribute(
        "aria-valuenow", "62"
    )
    expect(row(page, "first")).to_contain_text("resets in 1 h 59 min")
    look.watch.expect("status of 429")
    do(page, "first", "Refresh usage")
    expect(page.get_by_text("first was asked a moment ago")).to_be_visible()


async def play_usage(daemon: Daemon, told: Spending) -> None:
    daemon.stage.provider.play("sk-first", then=told, on="usage")


def test_priority_is_changed_once_the_change_was_seen(daemon: Daemon, look: Look) -> None:
    before = text(daemon)
    page = look(daemon, "#/accounts")
    change(page, "second", "Priority")
    page.get_by_role("textbox", name="Priority").fill("often")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("A whole number is expected.")).to_be_visible()
    page.get_by_role("textbox", name="Priority").fill("-5")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("region", name="Changes of")).to_contain_text("priority = -5")
    assert text(daemon) == before
    write(page)
    assert text(daemon) == before.replace("priority = 1", "priority = -5")
    expect(page.get_by_role("main").get_by_role("listitem").first).to_have_accessible_name("second")


@pytest.mark.parametrize(
    ("knob", "after"), [("Move second up", "priority = -1"), ("Move first down", "priority = 2")]
)
def test_an_account_is_moved_by_one_place(daemon: Daemon, look: Look, knob: str, after: str) -> None:
    page = look(daemon, "#/accounts")
    page.get_by_role("button", name=knob).click()
    write(page)
    assert after in text(daemon)
    expect(page.get_by_role("main").get_by_role("listitem").first).to_have_accessible_name("second")


@pytest.mark.parametrize(
    ("item", "line", "shown"),
    [
        ("Auto-fallback: turn on", "auto_fallback = true", "auto-fallback"),
        ("Auto-refresh: turn on", "auto_refresh = true", "auto-refresh"),
        ("Account: turn off", "enabled = false", "off"),
    ],
)
def test_what_is_on_or_off_is_turned(daemon: Daemon, look: Look, item: str, line: str, shown: str) -> None:
    page = look(daemon, "#/accounts")
    expect(row(page, "first").get_by_text(shown, exact=True)).to_have_count(0)
    change(page, "first", item)
    write(page)
    assert line in text(daemon)
    expect(
        row(page, "first").get_by_text(shown, exact=True)
    ).to_be_visible()  # the menu is that of what is known
    page.get_by_role("button", name="Change first").click()
    other = item.replace("turn on", "turn o_f").replace("turn off", "turn on").replace("o_f", "off")
    expect(page.get_by_role("menuitem", name=other)).to_be_visible()


def test_an_account_is_renamed_with_what_is_known_of_it(daemon: Daemon, look: Look) -> None:
    daemon.call("POST", "/api/accounts/first/pause")
    page = look(daemon, "#/accounts")
    change(page, "first", "Rename")
    page.get_by_role("textbox", name="New name").fill("second")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("There is one of that name already.")).to_be_visible()
    page.get_by_role("textbox", name="New name").fill("primary")
    page.get_by_role("button", name="Review").click()
    write(page)
    expect(row(page, "primary")).to_contain_text("paused by hand")
    expect(row(page, "first")).to_have_count(0)
    assert "[accounts.primary]" in text(daemon)


def test_an_account_is_removed_when_its_name_was_typed_and_its_chains_are_meant(
    serve: Serve, look: Look
) -> None:
    daemon = serve(more='[[fallback]]\nmodels = ["opus"]\ntry = ["second", "first"]\n')
    look.watch.expect("status of 409")
    page = look(daemon, "#/accounts")
    change(page, "second", "Remove")
    page.get_by_role("textbox", name="Type second to confirm").fill("first")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("That is not its name.")).to_be_visible()
    page.get_by_role("textbox", name="Type second to confirm").fill("second")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("is named by the chain for opus")).to_be_visible()
    page.get_by_label("Take it out of the chains").check()
    page.get_by_role("button", name="Review").last.click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(row(page, "second")).to_have_count(0)
    assert "second" not in text(daemon)


def test_where_only_states_may_be_changed_pausing_works_and_the_rest_says_why(
    serve: Serve, look: Look
) -> None:
    daemon = serve(more=f'{ADMIN}edit = "state"\n')
    look.watch.expect("status of 403")
    before = text(daemon)
    page = look(daemon, "#/accounts", wait=False)
    page.get_by_label("Admin token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Pause first").click()
    expect(row(page, "first")).to_contain_text("paused by hand")
    change(page, "first", "Auto-fallback")
    expect(page.get_by_role("alert").filter(has_text="edit")).to_be_visible()
    assert text(daemon) == before


def test_names_and_reasons_are_text_whatever_they_say(daemon: Daemon, look: Look) -> None:
    hostile = "<img src=x onerror=alert(1)><b>bold</b> \u202egnp.exe"
    daemon.play("sk-first", Limited(1800, message=hostile))
    daemon.ask()
    page = look(daemon, "#/accounts")
    expect(row(page, "first")).to_contain_text("<img src=x onerror=alert(1)><b>bold</b>")
    assert page.locator("main img, main b").count() == 0


def test_everything_can_be_reached_by_keyboard(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/accounts")
    page.get_by_role("button", name="Change second").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Priority")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "auto_fallback = true" in text(daemon)
    expect(page.get_by_role("button", name="Change second")).to_be_focused()


def test_an_account_that_is_asked_shows_its_limits(daemon: Daemon, look: Look) -> None:
    half = Window(0.97, 3600, "allowed_warning")
    daemon.play("sk-first", then=Answer(five_hour=half, seven_day=Window(1.01, 86400, "rejected")))
    daemon.ask()
    page = look(daemon, "#/accounts")
    expect(row(page, "first")).to_contain_text("97 %")
    expect(row(page, "first")).to_contain_text("spent")


def test_without_an_account_the_list_leads_to_the_first_steps(serve: Serve, look: Look) -> None:
    page = look(serve(names=()), "#/accounts")
    expect(page.get_by_text("There is no account yet.")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="The first steps").click()
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
