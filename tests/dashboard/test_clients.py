"""Clients: what each may and has used; adding, changing, new keys and removing, each shown before it is written."""

from typing import TYPE_CHECKING

import pytest
from browser import WIDTHS, Theme, axe_faults, overflow, ready
from looking import Look, Serve
from playwright.sync_api import expect
from scene import ADMIN, CLIENTS, TOKEN, Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.acceptance

LOOKS = """async () => {
  const { get } = (await import(document.querySelector("script[type=module]").src)).$core_api;
  await get("api/status").catch(() => undefined);
}"""
"""What a page does now and then by itself."""


@pytest.fixture
def guarded(serve: Serve) -> Daemon:
    """A daemon with clients and an admin token."""
    return serve(more=ADMIN + CLIENTS)


def opened(look: Look, daemon: Daemon, *, theme: Theme = "dark", width: int = 1440) -> "Page":
    """Log in, and open the page."""
    page = look(daemon, "#/clients", theme=theme, width=width, wait=False)
    page.get_by_label("Admin token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    return ready(page)


def client(page: "Page", name: str) -> "Locator":
    """Return the card of a client."""
    return page.get_by_role("region", name=name, exact=True)


def choose(page: "Page", name: str, action: str) -> None:
    """Choose an action of a client's menu."""
    client(page, name).get_by_role("button", name=f"More for {name}").click()
    page.get_by_role("menuitem", name=action).click()


def written(page: "Page", line: str, yes: str = "Save") -> None:
    """See that a line is shown as changed, and write it."""
    page.get_by_role("button", name="Review").click()
    expect(page.locator(".diff")).to_contain_text(line)
    page.get_by_role("button", name=yes, exact=True).click()


def kept_key(page: "Page", name: str) -> str:
    """Return the key that is shown, and say that it is kept."""
    shown = page.get_by_role("dialog", name=f"The key of {name}")
    key = shown.get_by_label("Key", exact=True).inner_text()
    expect(shown.get_by_label("Claude Code", exact=True)).to_contain_text(f"ANTHROPIC_AUTH_TOKEN={key}")
    page.keyboard.press("Escape")
    expect(shown).to_be_visible()
    shown.get_by_role("button", name="I have saved it").click()
    expect(shown).to_be_hidden()
    return key


def admitted(daemon: Daemon, key: str) -> bool:
    """Say whether a request with a key is served."""
    daemon.stage.headers = {"x-api-key": key}
    return daemon.ask().status_code == 200


def told(daemon: Daemon, name: str) -> dict[str, object]:
    """Return what the API tells of a client."""
    return next(each for each in daemon.call("GET", "/api/clients").json() if each["name"] == name)


def test_without_clients_it_is_said_what_they_are(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/clients")
    expect(page.get_by_text("There are no clients.")).to_be_visible()
    expect(page.get_by_text("Only this machine may send requests")).to_be_visible()
    expect(page.get_by_label("Lines of the file")).to_contain_text("[clients.laptop]")


def test_whoever_would_lock_himself_out_is_told_and_gets_the_key(daemon: Daemon, look: Look) -> None:
    look.watch.expect("status of 403")
    page = look(daemon, "#/clients")
    page.get_by_role("button", name="Add a client").click()
    asked = page.get_by_role("dialog")
    expect(asked.get_by_text("You will be locked out of this page.")).to_be_visible()
    expect(asked.get_by_label("Lines of the file")).to_contain_text("[admin]\ntoken = ")
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Review").click()
    expect(asked.get_by_text("Set a token first, or agree to be locked out.")).to_be_visible()
    page.get_by_label("Continue without a token").check()
    written(page, "[clients.laptop]")
    shown = page.get_by_role("dialog", name="The key of laptop")
    expect(shown).to_be_visible()
    # The page looks around and finds that it is not admitted any more; the key stays.
    page.evaluate(LOOKS)
    expect(page.locator("main.alone")).to_be_attached()
    key = kept_key(page, "laptop")
    expect(page.locator("main.alone")).to_contain_text("ccflared dashboard")
    expect(page.get_by_role("navigation")).to_have_count(0)
    assert admitted(daemon, key)
    assert not admitted(daemon, "another")


def test_with_a_token_the_first_client_closes_nothing(serve: Serve, look: Look) -> None:
    daemon = serve(more=ADMIN)
    page = opened(look, daemon)
    page.get_by_role("button", name="Add a client").click()
    expect(page.get_by_text("This is the first client")).to_be_visible()
    expect(page.get_by_text("You will be locked out of this page.")).to_have_count(0)
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_label("Accounts").fill("first, sec*")
    page.get_by_label("Daily budget, USD").fill("2,5")
    page.get_by_label("Requests per hour").fill("60")
    page.get_by_label("Expires on").fill("2099-01-31")
    page.get_by_label("May choose an account").check()
    written(page, 'accounts = ["first", "sec*"]')
    key = kept_key(page, "laptop")
    expect(client(page, "laptop").get_by_text("ready")).to_be_visible()
    assert admitted(daemon, key)
    assert key not in daemon.stage.config.read_text()
    given = told(daemon, "laptop")
    assert (given["accounts"], given["pin"], given["expires"]) == (["first", "sec*"], True, "2099-01-31")
    assert (given["requests_per_hour"], given["budget"]["daily"]) == (60, 2.5)  # type: ignore[index]


def test_what_it_may_is_changed_and_taken_back(guarded: Daemon, look: Look) -> None:
    page = opened(look, guarded)
    expect(page.get_by_role("meter", name="Budget of ci: today")).to_be_visible()
    choose(page, "ci", "Change rights and limits")
    expect(page.get_by_label("Daily budget, USD")).to_have_value("5")
    page.get_by_label("Daily budget, USD").fill("many")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("A number of at least 0 is expected.")).to_be_visible()
    page.get_by_label("Daily budget, USD").fill("")
    page.get_by_label("Models").fill("*haiku*")
    written(page, 'models = ["*haiku*"]')
    expect(client(page, "ci").get_by_text("*haiku*")).to_be_visible()
    expect(page.get_by_role("meter", name="Budget of ci: today")).to_have_count(0)
    assert told(guarded, "ci")["budget"] is None


def test_a_new_key_lets_the_one_before_count_or_not(guarded: Daemon, look: Look) -> None:
    page = opened(look, guarded)
    choose(page, "laptop", "New key")
    written(page, "key_sha256")
    second = kept_key(page, "laptop")
    expect(client(page, "laptop").get_by_text("2, all valid")).to_be_visible()
    assert admitted(guarded, "k-laptop")
    assert admitted(guarded, second)
    choose(page, "laptop", "New key")
    page.get_by_label("Keep the old key valid as well").uncheck()
    written(page, "key_sha256")
    third = kept_key(page, "laptop")
    assert admitted(guarded, third)
    assert not admitted(guarded, "k-laptop")
    assert not admitted(guarded, second)


def test_one_is_removed_by_its_name_and_the_last_with_a_warning(guarded: Daemon, look: Look) -> None:
    page = opened(look, guarded)
    for name, last in (("ci", False), ("laptop", True)):
        choose(page, name, "Remove")
        expect(page.get_by_text("It is the last client.")).to_have_count(int(last))
        typed = page.get_by_label(f"Type {name} to remove it")
        typed.fill("another")
        page.get_by_role("button", name="Review").click()
        expect(page.get_by_text("That is not its name.")).to_be_visible()
        typed.fill(name)
        written(page, f"[clients.{name}]", "Remove")
        expect(client(page, name)).to_have_count(0)
    expect(page.get_by_text("There are no clients.")).to_be_visible()


def test_nothing_is_written_before_it_was_meant(guarded: Daemon, look: Look) -> None:
    before = guarded.stage.config.read_text()
    page = opened(look, guarded)
    page.get_by_role("button", name="Add a client").click()
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("There is one of that name already.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("phone")
    page.get_by_role("button", name="Review").click()
    shown = page.get_by_role("dialog", name="Add client phone")
    expect(shown.locator(".diff")).to_contain_text("[clients.phone]")
    shown.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("phone")
    assert guarded.stage.config.read_text() == before


def test_what_was_used_appears(guarded: Daemon, look: Look) -> None:
    guarded.stage.headers = {"x-api-key": "k-ci"}
    guarded.ask()
    guarded.ask()
    guarded.settle()
    page = opened(look, guarded)
    row = client(page, "ci").get_by_role("row", name="This month")
    expect(row.get_by_role("cell").nth(1)).to_have_text("2")


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_can_be_read_by_everybody(guarded: Daemon, look: Look, axe: str, theme: Theme, width: int) -> None:
    page = opened(look, guarded, theme=theme, width=width)
    expect(client(page, "ci")).to_be_visible()
    assert not axe_faults(page, look.watch, axe)
    assert not overflow(page)
    page.get_by_role("button", name="Add a client").click()
    assert not axe_faults(page, look.watch, axe)
    page.get_by_label("Name", exact=True).fill("phone")
    written(page, "[clients.phone]")
    expect(page.get_by_role("dialog", name="The key of phone")).to_be_visible()
    assert not axe_faults(page, look.watch, axe)
