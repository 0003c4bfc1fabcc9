"""The page of the configuration: the file as it is, and every change shown before it is written."""

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from browser import THEMES, WIDTHS, axe_faults, overflow
from looking import Look, Serve
from rest import read_only
from scene import ADMIN, CLIENTS, Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect: Any = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.acceptance

PAGE = "#/configuration"
VIEWS = tuple(f"{PAGE}?view={view}" for view in ("file", "settings", "history", "storage"))
CHAINS = """\
[[fallback]]
models = ["opus", "claude-opus-*"]
try = [["first", "second"], { account = "second", model = "vendor/big" }]
then = "fail"
[[fallback]]
models = "haiku"
try = ["f*"]
"""


def says(daemon: Daemon) -> dict[str, Any]:
    """Return what the file says."""
    return tomllib.loads(daemon.stage.config.read_text())


def card(page: "Page", title: str) -> "Locator":
    return page.get_by_role("region", name=title, exact=True)


def shown_change(page: "Page") -> "Locator":
    """Return the dialog that shows a change, once it shows it."""
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".diff")).to_be_visible()
    return dialog


def write(page: "Page", word: str = "Save") -> None:
    """Write what is shown, and wait until it is written."""
    shown_change(page).get_by_role("button", name=word, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_file_is_shown_with_its_lines_and_without_its_secrets(serve: Serve, look: Look) -> None:
    daemon = serve(more='# before: api_key = "sk-of-before"\n')
    page = look(daemon, PAGE)
    source = page.get_by_role("region", name="Text of the file")
    expect(source).to_contain_text("[accounts.first]")
    expect(source).to_contain_text('api_key = "…"')
    assert source.locator(".code-line").count() == len(daemon.stage.config.read_text().splitlines())
    for secret in ("sk-first", "sk-of-before"):
        assert secret not in page.content()
    expect(page.locator(".page-head")).to_contain_text("in force")


def test_a_refused_file_shows_its_mistakes_where_they_are(daemon: Daemon, look: Look) -> None:
    page = look(daemon, PAGE)
    good = daemon.stage.config.read_text()
    daemon.stage.edit(good.replace("priority = 1", 'priority = "high"') + 'prority = "x"\n')
    note = page.get_by_role("alert")
    expect(note).to_contain_text("The file is refused; configuration 1 stays in force. It has 2 mistakes:")
    expect(note).to_contain_text("expected an integer, found the text")
    assert note.locator("pre").first.text_content() == '    priority = "high"\n               ^^^^^^'
    marked = page.locator(".source .marked")
    expect(marked).to_have_count(2)
    expect(marked.first).to_contain_text("↑ expected an integer")
    note.get_by_role("button").last.click()
    expect(marked.last).to_be_in_viewport()
    daemon.stage.edit(good)
    expect(note).to_have_count(0)
    expect(page.locator(".toast").last).to_contain_text("is in force")
    expect(marked).to_have_count(0)


def test_what_somebody_else_writes_is_there_in_a_moment(daemon: Daemon, look: Look) -> None:
    page = look(daemon, PAGE)
    daemon.stage.edit(daemon.stage.config.read_text() + "# somebody was here\n")
    expect(page.get_by_role("region", name="Text of the file")).to_contain_text("# somebody was here")


def test_what_waits_for_a_restart_is_said(daemon: Daemon, look: Look) -> None:
    page = look(daemon, PAGE)
    daemon.rewrite("[control]", '[control]\nmode = "0660"')
    expect(page.get_by_role("main")).to_contain_text("Waiting for a restart: control.mode.")


def test_a_setting_is_changed_after_its_diff_was_shown(daemon: Daemon, look: Look) -> None:
    page = look(daemon, VIEWS[1])
    routing = card(page, "Routing")
    save = routing.get_by_role("button", name="Review")
    expect(save).to_be_disabled()
    routing.get_by_label("Strategy").select_option("affinity")
    routing.get_by_label("Session length").fill("2h")
    save.click()
    dialog = shown_change(page)
    expect(dialog).to_contain_text('routing.strategy: "session" → "affinity"')
    expect(dialog.locator("ins")).to_contain_text(
        ["[routing]", 'strategy = "affinity"', 'session_length = "2h"']
    )
    assert "routing" not in says(daemon)
    dialog.get_by_role("button", name="Cancel").click()
    assert "routing" not in says(daemon)
    save.click()
    write(page)
    assert says(daemon)["routing"] == {"strategy": "affinity", "session_length": "2h"}
    expect(page.locator(".toast").last).to_contain_text("The configuration is changed.")
    expect(save).to_be_disabled()
    expect(routing.get_by_label("Session length")).to_have_value("2h")
    routing.get_by_label("Session length").fill("")
    save.click()
    expect(shown_change(page).locator("del")).to_contain_text(['session_length = "2h"'])
    write(page)
    assert says(daemon)["routing"] == {"strategy": "affinity"}


def test_what_is_being_typed_stays_while_something_else_changes(daemon: Daemon, look: Look) -> None:
    page = look(daemon, VIEWS[1])
    card(page, "Budget").get_by_label("Daily").fill("12")
    daemon.rewrite("[server]", "[routing]\nattempts = 3\n[server]")
    expect(card(page, "Routing").get_by_label("Attempts", exact=True)).to_have_value("3")
    expect(card(page, "Budget").get_by_label("Daily")).to_have_value("12")
    expect(card(page, "Budget").get_by_label("Daily")).to_be_focused()


def test_what_would_not_be_valid_is_told_and_not_written(daemon: Daemon, look: Look) -> None:
    look.watch.expect("status of 400")
    page = look(daemon, VIEWS[1])
    before = daemon.stage.config.read_bytes()
    routing = card(page, "Routing")
    routing.get_by_label("Attempts", exact=True).fill("many")
    routing.get_by_role("button", name="Review").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("That is not valid; nothing was written.")
    expect(dialog.get_by_role("listitem")).to_contain_text("expected an integer of at least 1")
    dialog.get_by_role("button", name="Close").last.click()
    assert daemon.stage.config.read_bytes() == before
    expect(routing.get_by_label("Attempts", exact=True)).to_have_value("many")


def test_retention_and_budget_are_set_and_taken_out(daemon: Daemon, look: Look) -> None:
    page = look(daemon, VIEWS[1])
    card(page, "Retention").get_by_label("Keep payloads").fill("7d")
    card(page, "Retention").get_by_role("button", name="Review").click()
    write(page)
    assert says(daemon)["storage"]["keep_payloads"] == "7d"
    budget = card(page, "Budget")
    budget.get_by_label("Daily").fill("12.5")
    budget.get_by_label("Counts").select_option("value")
    budget.get_by_role("button", name="Review").click()
    write(page)
    assert says(daemon)["budget"] == {"daily": 12.5, "counts": "value"}
    expect(budget.get_by_role("button", name="Review")).to_be_disabled()
    expect(budget.get_by_label("Daily")).to_have_value("12.5")
    budget.get_by_label("Daily").fill("")
    budget.get_by_role("button", name="Review").click()
    write(page)
    assert "budget" not in says(daemon)


def test_a_price_is_added_changed_and_removed(daemon: Daemon, look: Look) -> None:
    page = look(daemon, VIEWS[1])
    prices = card(page, "Prices")
    prices.get_by_role("button", name="Add").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Review").click()
    expect(dialog).to_contain_text("The id of a model is expected.")
    dialog.get_by_label("Model").fill("vendor/big")
    dialog.get_by_label("Input").fill("5")
    dialog.get_by_label("Output").fill("25")
    dialog.get_by_label("Output").press("Enter")
    write(page)
    assert says(daemon)["pricing"] == {"vendor/big": {"input": 5, "output": 25}}
    prices.get_by_role("button", name="Change the price of vendor/big").click()
    page.get_by_role("dialog").get_by_label("Output").fill("")
    page.get_by_role("dialog").get_by_role("button", name="Review").click()
    write(page)
    assert says(daemon)["pricing"] == {"vendor/big": {"input": 5}}
    prices.get_by_role("button", name="Remove the price of vendor/big").click()
    write(page, "Remove")
    assert "pricing" not in says(daemon)
    expect(prices).to_contain_text("The file sets no price.")


def test_chains_are_added_moved_changed_and_removed(serve: Serve, look: Look) -> None:
    daemon = serve(more=CHAINS)
    page = look(daemon, VIEWS[1])
    chains = card(page, "Fallback chains")
    expect(chains.get_by_role("listitem")).to_have_count(2)
    expect(chains).to_contain_text("first or second → second as vendor/big → nothing else")
    chains.get_by_role("button", name="Put the chain for haiku one place sooner").click()
    write(page)
    first, second = says(daemon)["fallback"]
    assert (first["models"], first["try"]) == ("haiku", ["f*"])
    assert second["try"] == [["first", "second"], {"account": "second", "model": "vendor/big"}]
    expect(chains.get_by_role("listitem").first).to_contain_text("haiku")  # what follows is by place

    chains.get_by_role("button", name="Add").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Models").fill("sonnet, claude-sonnet-*")
    dialog.get_by_label("Accounts, in order").fill("first, second\nsecond -> vendor/mid")
    dialog.get_by_role("button", name="Review").click()
    write(page)
    assert says(daemon)["fallback"][2] == {
        "models": ["sonnet", "claude-sonnet-*"],
        "try": [["first", "second"], {"account": "second", "model": "vendor/mid"}],
    }
    expect(chains.get_by_role("listitem")).to_have_count(3)

    chains.get_by_role("button", name="Change the chain for haiku").click()
    page.get_by_role("dialog").get_by_label("Then").select_option("fail")
    page.get_by_role("dialog").get_by_role("button", name="Review").click()
    write(page)
    assert says(daemon)["fallback"][0] == {"models": ["haiku"], "try": ["f*"], "then": "fail"}
    expect(chains.get_by_role("listitem").first).to_contain_text("nothing else")

    chains.get_by_role("button", name="Remove the chain for haiku").click()
    write(page, "Remove")
    assert [chain["models"][0] for chain in says(daemon)["fallback"]] == ["opus", "sonnet"]


def test_a_reload_that_takes_something_away_asks_first(serve: Serve, look: Look) -> None:
    look.watch.expect("status of 409")
    daemon = serve(more=ADMIN + CLIENTS)
    page = look(daemon, daemon.link().rpartition("/")[2])
    page.goto(daemon.url + PAGE)
    expect(page.get_by_role("region", name="Text of the file")).to_contain_text("[clients.laptop]")
    daemon.stage.edit(daemon.stage.config.read_text().replace(CLIENTS, ""))
    expect(page.get_by_role("alert")).to_contain_text("All [clients] would be gone")
    page.get_by_role("button", name="Reload").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This takes something away")
    dialog.get_by_role("button", name="Cancel").click()
    assert daemon.stage.running.house.world.config.clients
    page.get_by_role("button", name="Reload").click()
    page.get_by_role("dialog").get_by_role("button", name="Apply it").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert not daemon.stage.running.house.world.config.clients


def test_the_history_tells_each_version_with_its_changes(daemon: Daemon, look: Look) -> None:
    daemon.rewrite("priority = 1", "priority = 7")
    page = look(daemon, VIEWS[2])
    rows = card(page, "History of reloads").locator(".verdicts > *")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("in force")
    expect(rows.last).to_contain_text("at the start of the daemon")
    rows.first.locator("summary").click()
    expect(rows.first).to_contain_text("accounts.second.priority: 1 -> 7")
    page.get_by_role("button", name="Reload").click()
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("no effective change")


def test_the_storage_is_checked_and_cleaned(daemon: Daemon, look: Look) -> None:
    daemon.ask()
    daemon.settle()
    page = look(daemon, VIEWS[3])
    storage = card(page, "Storage")
    expect(storage).to_contain_text("not checked since the start")
    storage.get_by_role("button", name="Quick check").click()
    expect(storage.locator(".badge.good")).to_have_text("sound")
    storage.get_by_role("button", name="Full check").click()
    expect(storage).to_contain_text("full")
    expect(storage.locator(".badge.good")).to_have_text("sound")
    storage.get_by_role("button", name="Check totals").click()
    expect(storage).to_contain_text("The totals are right")
    storage.get_by_role("button", name="Clean up now").click()
    expect(storage).to_contain_text("Deleted: 0 requests, 0 payloads.")
    expect(card(page, "System")).to_contain_text("ccflared")
    expect(card(page, "Listeners").first).to_contain_text(f":{daemon.stage.port}")


def test_where_the_file_may_not_be_written_the_toml_is_there_to_copy(daemon: Daemon, look: Look) -> None:
    config = daemon.stage.config
    with read_only(config.parent, config):
        page = look(daemon, VIEWS[1])
        expect(page.get_by_role("main")).to_contain_text("The daemon may not write the file")
        card(page, "Routing").get_by_label("Strategy").select_option("affinity")
        card(page, "Routing").get_by_role("button", name="Review").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("region", name="TOML to write by hand")).to_have_text(
            '[routing]\nstrategy = "affinity"'
        )
        expect(dialog.get_by_role("button", name="Copy")).to_be_visible()
        expect(dialog.get_by_role("button", name="Save")).to_have_count(0)
        dialog.get_by_role("button", name="Close").last.click()


def test_every_part_fits_and_axe_finds_nothing_serious(serve: Serve, look: Look, axe: str) -> None:
    daemon = serve(more=f'{CHAINS}[pricing."vendor/a-model-of-a-long-name"]\ninput = 1.5\n')
    daemon.call("POST", "/api/accounts/first/priority", {"priority": 4})
    daemon.stage.edit(daemon.stage.config.read_text() + 'inptu = "x"\n')
    daemon.call("POST", "/api/reload", {})
    found = []
    for address in VIEWS:
        for theme in THEMES:
            for width in WIDTHS:
                page = look(daemon, address, theme=theme, width=width)
                found += [
                    f"{address}, {theme}, {width} px: {each}" for each in axe_faults(page, look.watch, axe)
                ]
                found += [f"{address}, {width} px: {each}" for each in overflow(page)]
                page.close()
    assert not found, "\n".join(found)


def test_axe_finds_nothing_serious_in_a_change_that_is_shown(daemon: Daemon, look: Look, axe: str) -> None:
    for theme in THEMES:
        page = look(daemon, VIEWS[1], theme=theme, width=390)
        card(page, "Routing").get_by_label("Strategy").select_option("affinity")
        card(page, "Routing").get_by_role("button", name="Review").click()
        shown_change(page)
        assert axe_faults(page, look.watch, axe) == []
        assert overflow(page) == []
        page.close()
