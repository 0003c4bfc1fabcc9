"""The first steps: an account, a program that is pointed here, and its first request as it comes."""

from typing import Any

import pytest
from looking import Look, Serve
from scene import ADMIN, TOKEN, Daemon

expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here").expect
pytestmark = pytest.mark.acceptance


def test_the_first_steps_lead_from_nothing_to_a_first_answer(serve: Serve, look: Look) -> None:
    daemon = serve(names=(), more='[providers.fake]\nbase_url = "http://127.0.0.1:PORT"\n')
    page = look(daemon, "#/start")
    page.get_by_role("radio", name="fake", exact=True).check()
    page.get_by_role("textbox", name="API key").fill("sk-first")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="fake", exact=True)).to_be_visible()
    address = daemon.url.rstrip("/")
    expect(
        page.get_by_text(f"export ANTHROPIC_BASE_URL={address} ANTHROPIC_AUTH_TOKEN=anything")
    ).to_be_visible()
    expect(page.get_by_text("Waiting for a request.")).to_be_visible()
    daemon.ask(model="claude-opus-4-5")
    expect(page.get_by_text("It came: claude-opus-4-5 by fake, 200 in")).to_be_visible()


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("Codex", 'base_url = "URL/v1"'),
        ("SDKs", 'claude = Anthropic(base_url="URL", api_key="anything")'),
        ("curl", "curl -N URL/v1/messages -H 'x-api-key: anything'"),
    ],
)
def test_each_program_is_told_this_daemons_address(
    daemon: Daemon, look: Look, program: str, line: str
) -> None:
    page = look(daemon, "#/start")
    page.get_by_role("button", name=program, exact=True).click()
    expect(page.get_by_text(line.replace("URL", daemon.url.rstrip("/"))).first).to_be_visible()


def test_a_new_clients_key_stands_in_what_is_to_be_copied(serve: Serve, look: Look) -> None:
    daemon = serve(more=ADMIN)
    page = look(daemon, "#/start", wait=False)
    page.get_by_label("Admin token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name of the client").fill("laptop")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save", exact=True).click()
    key = page.locator(".key-shown").inner_text()
    expect(page.get_by_text(f"ANTHROPIC_AUTH_TOKEN={key}")).to_be_visible()
    assert "[clients.laptop]" in daemon.stage.config.read_text()
    assert key not in daemon.stage.config.read_text()
    answer = daemon.ask()
    assert answer.status_code == 401
    daemon.stage.headers["x-api-key"] = key
    assert daemon.ask().status_code == 200


def test_what_a_client_would_close_is_said_before_there_is_one(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/start")
    page.get_by_text("For programs on other machines").click()
    expect(page.get_by_text('token = { file = "admin.token" }')).to_be_visible()
    expect(page.get_by_role("button", name="Make a key")).to_have_count(0)


def test_the_latest_request_is_told_where_there_was_one(daemon: Daemon, look: Look) -> None:
    daemon.ask(model="claude-opus-4-5")
    daemon.settle()
    page = look(daemon, "#/start")
    expect(page.get_by_text("The latest came")).to_contain_text("claude-opus-4-5 by first, 200")
    expect(page.get_by_text("Waiting for a request.")).to_have_count(0)
