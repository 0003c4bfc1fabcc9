"""The list of requests, live, filtered and searched; and the page of a request with what was said in it."""

import json
import re
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trio
from browser import THEMES, WIDTHS, Theme, axe_faults, overflow
from looking import Look, Serve
from scene import Daemon

from ccflared.demo.script import Answer, Failing, Held, Limited
from ccflared.wire import Entry

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here")
expect = playwright.expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.acceptance

KEPT = 'keep_payloads = "1d"'
NUMBERS = count(1)
MODEL = "claude-sonnet-4-5"
# A picture of one point.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCRIPT = "<script>document.title='mischief'</script><img src=x onerror=\"document.title='mischief'\">"
TURNED = "\u202egnp.exe\u202c"


@pytest.fixture
def keeping(serve: Serve) -> Daemon:
    """A daemon that keeps what is said."""
    return serve(storage=KEPT)


def rows_of(page: "Page") -> "Locator":
    return page.locator(".request-rows > li")


def latest(daemon: Daemon) -> Entry:
    """Return the row of the latest request."""
    return daemon.run(daemon.stage.rows)[-1]


def post(daemon: Daemon, path: str, body: Any, **headers: str) -> httpx.Response:
    """Send a request of any dialect, in a conversation of its own."""
    mine = {"x-claude-code-session-id": f"mine-{next(NUMBERS)}"} | headers
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(
        daemon.stage.url + path,
        content=content,
        headers={"content-type": "application/json"} | mine,
        timeout=20,
        trust_env=False,
    )


def said(daemon: Daemon, path: str, body: Any, **headers: str) -> str:
    """Send a request, and return its id when it stands in the history with its payload."""
    post(daemon, path, body, **headers)
    daemon.settle()
    daemon.run(daemon.stage.running.house.payloads.caught_up)
    return latest(daemon).id


@contextmanager
def held(daemon: Daemon) -> Iterator[None]:
    """Have a request that runs until the block ends."""
    release = trio.Event()
    daemon.play("sk-first", Held(release, answer=Answer()))
    client = threading.Thread(target=daemon.ask)
    client.start()
    try:
        yield
    finally:
        trio.from_thread.run_sync(release.set, trio_token=daemon.token)
        client.join(20)


def unfold(page: "Page") -> None:
    """Open everything that is folded, also what is made only then."""
    page.evaluate(
        """async () => {
          for (let left = 8; left && document.querySelector("details:not([open])"); left -= 1) {
            document.querySelectorAll("details:not([open])").forEach((each) => (each.open = true));
            await new Promise((done) => setTimeout(done, 60));
          }
        }"""
    )
    expect(page.locator("details:not([open])")).to_have_count(0)


def messages(*contents: Any, **more: Any) -> dict[str, Any]:
    """Return a Messages request whose turns are by turns the user's and the assistant's."""
    turns = [
        {"role": "assistant" if number % 2 else "user", "content": content}
        for number, content in enumerate(contents)
    ]
    return {"model": MODEL, "max_tokens": 100, "messages": turns, **more}


def test_what_has_ended_is_listed_in_words_and_leads_to_its_page(daemon: Daemon, look: Look) -> None:
    daemon.ask(model="claude-opus-4-5")
    daemon.play("sk-first", Failing(529), Failing(529), Failing(529))
    daemon.ask()
    daemon.ask(max_tokens="many")
    daemon.settle()
    page = look(daemon, "#/requests")
    expect(rows_of(page)).to_have_count(3)
    bad, failed_over, good = (rows_of(page).nth(number) for number in range(3))
    expect(bad).to_contain_text("error 400")
    expect(bad).to_contain_text("max_tokens")
    expect(failed_over).to_contain_text("second")
    expect(failed_over).to_contain_text("attempts")
    expect(good).to_contain_text("ok")
    expect(good).to_contain_text("claude-opus-4-5")
    good.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("req_")
    page.go_back()
    expect(rows_of(page)).to_have_count(3)


def test_without_requests_the_list_says_so_until_there_is_one(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/requests")
    expect(page.get_by_text("No requests yet.")).to_be_visible()
    daemon.ask()
    expect(page.get_by_text("1 request; there are no older ones.")).to_be_visible()
    expect(page.get_by_text("No requests yet.")).to_have_count(0)


def test_a_request_is_shown_while_it_runs_and_when_it_has_ended(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/requests")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    with held(daemon):
        expect(rows_of(page)).to_have_count(1)
        expect(rows_of(page).first).to_contain_text("running")
    expect(rows_of(page).first).to_contain_text("ok")
    expect(rows_of(page)).to_have_count(1)
    daemon.ask()
    expect(rows_of(page)).to_have_count(2)


def test_a_paused_list_stands_still_and_counts_what_waits(daemon: Daemon, look: Look) -> None:
    daemon.ask()
    daemon.settle()
    page = look(daemon, "#/requests")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    for _ in range(3):
        daemon.ask()
    expect(page.get_by_role("button", name="Resume, 3 new")).to_be_visible()
    expect(rows_of(page)).to_have_count(1)
    page.get_by_role("button", name="Resume, 3 new").click()
    expect(rows_of(page)).to_have_count(4)
    expect(page.get_by_text("live", exact=True)).to_be_visible()


def test_filters_narrow_the_list_down_and_stand_in_the_address(daemon: Daemon, look: Look) -> None:
    daemon.ask()
    daemon.ask(model="claude-opus-4-5")
    daemon.ask(max_tokens="many")
    daemon.settle()
    page = look(daemon, "#/requests")
    expect(rows_of(page)).to_have_count(3)
    page.get_by_label("Model asked for").select_option("claude-opus-4-5")
    expect(rows_of(page)).to_have_count(1)
    assert "model=claude-opus-4-5" in page.url
    daemon.ask()
    daemon.ask(model="claude-opus-4-5")
    expect(rows_of(page)).to_have_count(2)
    page.get_by_role("button", name="Clear").click()
    expect(rows_of(page)).to_have_count(5)
    page.get_by_label("Outcome").select_option("went wrong")
    expect(rows_of(page)).to_have_count(1)
    expect(rows_of(page).first).to_contain_text("error 400")
    page.reload()
    expect(rows_of(page)).to_have_count(1)
    page.get_by_label("Account").select_option("first")
    expect(rows_of(page)).to_have_count(1)
    page.get_by_label("Outcome").select_option("client left")
    expect(page.get_by_text("No matching requests.")).to_be_visible()


def test_words_are_searched_in_errors_and_conversations(keeping: Daemon, look: Look) -> None:
    wanted = said(keeping, "/v1/messages", messages("Where do pelicans sleep?"))
    said(keeping, "/v1/messages", messages("Where do larks sleep?"))
    page = look(keeping, "#/requests")
    expect(rows_of(page)).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("pelicans")
    expect(rows_of(page)).to_have_count(1)
    expect(rows_of(page).get_by_role("link")).to_have_attribute("href", f"#/requests/{wanted}")
    expect(page.get_by_text("search results")).to_be_visible()
    assert "search=pelicans" in page.url


def test_older_requests_come_as_one_goes_down(daemon: Daemon, look: Look) -> None:
    for _ in range(130):
        daemon.ask()
    daemon.settle()
    page = look(daemon, "#/requests")
    expect(rows_of(page).nth(99)).to_be_attached()
    rows_of(page).nth(99).scroll_into_view_if_needed()
    expect(page.get_by_text("130 requests; there are no older ones.")).to_be_attached()
    expect(rows_of(page)).to_have_count(130)
    ids = rows_of(page).get_by_role("link").evaluate_all("all => all.map((each) => each.hash)")
    assert len(set(ids)) == 130


def test_the_list_is_used_by_keyboard(daemon: Daemon, look: Look) -> None:
    for _ in range(3):
        daemon.ask()
    daemon.settle()
    page = look(daemon, "#/requests")
    expect(rows_of(page)).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    expect(rows_of(page).nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Tokens and cost")).to_be_visible()


def test_an_open_list_survives_a_stream_that_breaks(daemon: Daemon, look: Look) -> None:
    look.watch.expect("api/requests/stream", "ERR_")
    page = look(daemon, "#/requests")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.context.set_offline(True)
    page.context.set_offline(False)
    daemon.ask()
    expect(rows_of(page)).to_have_count(1)


def test_a_request_that_failed_over_tells_each_try_and_whom_it_passed_over(
    daemon: Daemon, look: Look
) -> None:
    daemon.play("sk-first", Limited(1800))
    daemon.ask()
    daemon.settle()
    tried = latest(daemon)
    page = look(daemon, f"#/requests/{tried.id}")
    tries = page.locator(".tries > li")
    expect(tries).to_have_count(2)
    expect(tries.nth(0)).to_contain_text("first")
    expect(tries.nth(0)).to_contain_text("limited")
    expect(tries.nth(0)).to_contain_text("status 429")
    expect(tries.nth(1)).to_contain_text("second")
    expect(tries.nth(1)).to_contain_text("served")
    expect(page.get_by_text("second answered with claude-sonnet-4-5")).to_contain_text(
        "after 1 other attempt"
    )
    daemon.ask()
    daemon.settle()
    page = look(daemon, f"#/requests/{latest(daemon).id}")
    passed = page.get_by_role("region", name="Passed over", exact=True)
    expect(passed).to_contain_text("first")
    expect(passed).to_contain_text("resting")


def test_a_request_tells_what_its_tokens_cost_or_that_nobody_knows(daemon: Daemon, look: Look) -> None:
    daemon.ask()
    daemon.ask(model="a-model-of-unknown-price")
    daemon.settle()
    priced, unpriced = daemon.run(daemon.stage.rows)
    page = look(daemon, f"#/requests/{priced.id}")
    costs = page.get_by_role("region", name="Tokens and cost")
    expect(costs).to_contain_text("shipped 20")
    expect(costs.get_by_role("row", name="Output")).to_contain_text("$0.0")
    page = look(daemon, f"#/requests/{unpriced.id}")
    costs = page.get_by_role("region", name="Tokens and cost")
    expect(costs.get_by_role("row", name="All")).to_contain_text("unknown")


def test_of_what_is_not_kept_the_page_says_how_it_would_be(daemon: Daemon, look: Look) -> None:
    daemon.ask()
    daemon.settle()
    page = look(daemon, f"#/requests/{latest(daemon).id}")
    expect(page.get_by_text('keep_payloads = "7d"')).to_be_visible()
    expect(page.get_by_role("button", name="Copy as curl")).to_have_count(0)


def test_a_running_request_is_followed_to_its_end(daemon: Daemon, look: Look) -> None:
    page = look(daemon, "#/requests")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    with held(daemon):
        rows_of(page).get_by_role("link").click()
        expect(page.get_by_text("shown here when it has ended")).to_be_visible()
    expect(page.get_by_text("first answered with")).to_be_visible()


TOOL_TURNS = (
    [
        {"type": "text", "text": "Look at this:\n\n```python\nprint('hello')\n```\n\nIs it well?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
    ],
    [
        {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
        {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a.py"}},
    ],
    [
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "is_error": True,
            "content": "no such file: a.py",
        }
    ],
)


def test_a_conversation_of_messages_is_shown_with_tools_thoughts_and_pictures(
    keeping: Daemon, look: Look
) -> None:
    tools = [{"name": "read_file", "description": "Reads a file.", "input_schema": {"type": "object"}}]
    asked = said(keeping, "/v1/messages", messages(*TOOL_TURNS, system="Be careful.", tools=tools))
    page = look(keeping, f"#/requests/{asked}")
    card = page.get_by_role("region", name="Conversation")
    expect(card.locator("pre.code").first).to_have_text("print('hello')")
    expect(card.get_by_role("img")).to_have_js_property("naturalWidth", 1)
    card.get_by_text("Thinking", exact=True).click()
    expect(card.locator("p", has_text="Let me see.")).to_be_visible()
    card.locator("summary", has_text="Calls read_file").last.click()
    expect(card.get_by_text('"path": "a.py"')).to_be_visible()
    result = card.locator("summary", has_text="Result of read_file").last
    expect(result).to_contain_text("failed")
    result.click()
    expect(card.locator("pre", has_text="no such file: a.py")).to_be_visible()
    card.get_by_text("System prompt").click()
    expect(card.get_by_text("Be careful.")).to_be_visible()
    card.get_by_text("1 tool").click()
    expect(card.get_by_text("Reads a file.")).to_be_visible()
    expect(card.get_by_role("region", name="Answer", exact=True)).to_contain_text("end_turn")


def test_a_conversation_of_chat_completions_is_shown(keeping: Daemon, look: Look) -> None:
    body = {
        "model": MODEL,
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/never-fetched.png"}},
                ],
            },
        ],
    }
    asked = said(keeping, "/v1/chat/completions", body)
    page = look(keeping, f"#/requests/{asked}")
    card = page.get_by_role("region", name="Conversation")
    expect(card.locator("p", has_text="What is this?")).to_be_visible()
    expect(card.get_by_role("img")).to_have_js_property("naturalWidth", 1)
    expect(card.get_by_text("https://example.org/never-fetched.png")).to_be_visible()
    expect(card.get_by_role("region", name="Answer", exact=True)).to_contain_text("ended by stop")


def test_a_conversation_of_responses_is_shown_and_what_is_sealed_is_told_so(
    keeping: Daemon, look: Look
) -> None:
    body = {
        "model": MODEL,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "List the files."}]},
            {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAsealed"},
            {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": '{"command": ["ls"]}'},
            {"type": "function_call_output", "call_id": "c1", "output": '{"files": ["a.py"]}'},
        ],
        "tools": [{"type": "function", "name": "shell", "parameters": {"type": "object"}}],
    }
    asked = said(keeping, "/v1/responses", body)
    page = look(keeping, f"#/requests/{asked}")
    card = page.get_by_role("region", name="Conversation")
    expect(card.get_by_text("sealed, 11 characters that only its maker can read")).to_be_visible()
    card.get_by_text("Result of shell").click()
    expect(card.locator("pre", has_text='"a.py"')).to_be_visible()
    expect(card.get_by_role("region", name="Answer", exact=True)).to_contain_text("ended by completed")


def test_a_long_conversation_is_folded_but_for_its_end(keeping: Daemon, look: Look) -> None:
    turns = [f"turn {number}" for number in range(301)]
    asked = said(keeping, "/v1/messages", messages(*turns))
    page = look(keeping, f"#/requests/{asked}")
    card = page.get_by_role("region", name="Conversation")
    listed = card.locator(".turn-list > details")
    expect(listed).to_have_count(40)
    expect(card.locator(".turn-list > details[open]")).to_have_count(3)
    expect(card.get_by_text("turn 300", exact=True).last).to_be_visible()
    # What nobody has opened is not made.
    expect(listed.first.locator(".inside")).to_have_count(0)
    card.get_by_role("button", name="Show 40 earlier messages of 261").click()
    expect(listed).to_have_count(80)
    listed.first.locator("summary").click()
    expect(listed.first.locator(".inside")).to_have_text("turn 221")


def test_whatever_others_write_is_shown_as_text_and_does_nothing(keeping: Daemon, look: Look) -> None:
    hostile = f"{SCRIPT}{TURNED}\u001b[31mred\u0007"
    asked = said(
        keeping,
        "/v1/messages",
        messages(
            hostile,
            [{"type": "tool_use", "id": SCRIPT, "name": f"tool{SCRIPT}", "input": {SCRIPT: hostile}}],
            [{"type": "tool_result", "tool_use_id": SCRIPT, "content": hostile}],
            system=hostile,
        )
        | {"model": "<b>bold</b>"},
        **{"user-agent": f"agent{SCRIPT}", "x-ccflared-project": "<i>project</i>"},
    )
    page = look(keeping, "#/requests")
    expect(rows_of(page)).to_have_count(1)
    expect(rows_of(page).first).to_contain_text("<b>bold</b>")
    expect(rows_of(page).first).to_contain_text("<i>project</i>")
    page = look(keeping, f"#/requests/{asked}")
    expect(page.get_by_text(f"agent{SCRIPT}")).to_be_visible()
    card = page.get_by_role("region", name="Conversation")
    unfold(page)
    expect(card.get_by_text("⟨202E⟩gnp.exe⟨202C⟩␛[31mred␇").first).to_be_attached()
    assert page.locator("script").count() == 1
    assert page.locator("main img").count() == 0
    assert "mischief" not in page.title()
    text = page.locator("main").inner_text()
    assert not re.search("[\u202a-\u202e\u001b\u0007]", text)


def test_bodies_and_headers_are_shown_as_they_were_without_credentials(keeping: Daemon, look: Look) -> None:
    asked = said(
        keeping,
        "/v1/messages",
        messages("What is said."),
        **{"x-api-key": "sk-mine-0123456789", "x-mine": "yes"},
    )
    page = look(keeping, f"#/requests/{asked}")
    card = page.get_by_role("region", name="As it was sent and answered")
    card.get_by_text("Headers of the request").click()
    expect(card.get_by_text("x-mine")).to_be_visible()
    card.get_by_text("Body of the request").click()
    expect(card.get_by_text('"content": "What is said."')).to_be_visible()
    card.get_by_role("button", name="Raw").click()
    expect(card.get_by_text('"max_tokens": 100, "messages"')).to_be_visible()
    card.get_by_text("Body of the answer").click()
    expect(card.get_by_text('"stop_reason": "end_turn"')).to_be_visible()
    assert "sk-mine" not in page.content()


HARD = 'it\'s "quoted" `ticks` $HOME $(id) !history \\ back\\\\slash\nnew line\ttab é ñ 漢字 😀 %s %% # & ; | < > * ? ~'


@pytest.mark.parametrize(
    "text", [HARD, f"{HARD} {TURNED} \u007f\u0085", HARD * 1500], ids=["hard", "controls", "long"]
)
def test_a_request_copied_as_curl_sends_the_same_body_again(keeping: Daemon, look: Look, text: str) -> None:
    body = json.dumps(messages(text), indent=1, ensure_ascii=False).encode()
    asked = said(keeping, "/v1/messages", body, **{"x-odd": "it's !odd $HOME"})
    page = look(keeping, f"#/requests/{asked}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    line: str = page.evaluate("() => navigator.clipboard.readText()")
    assert f"{keeping.stage.url}/v1/messages" in line
    assert "YOUR_KEY" in line
    shell = subprocess.run(["bash"], input=line.encode(), capture_output=True, timeout=30, check=False)
    assert json.loads(shell.stdout)["type"] == "message", shell.stderr
    keeping.settle()
    keeping.run(keeping.stage.running.house.payloads.caught_up)
    again = latest(keeping)
    assert again.id != asked
    kept = keeping.call("GET", f"/api/requests/payload/{again.id}").json()["request"]
    assert kept["body"] == b64encode(body).decode()
    assert kept["headers"]["x-odd"] == "it's !odd $HOME"


def test_a_request_is_copied_as_json(daemon: Daemon, look: Look) -> None:
    daemon.ask()
    daemon.settle()
    asked = latest(daemon).id
    page = look(daemon, f"#/requests/{asked}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy JSON").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert json.loads(page.evaluate("() => navigator.clipboard.readText()"))["id"] == asked


def test_one_goes_from_a_request_to_its_neighbours_in_the_conversation(daemon: Daemon, look: Look) -> None:
    ids = []
    for _ in range(3):
        httpx.post(
            f"{daemon.stage.url}/v1/messages",
            json=messages("hello"),
            headers={"x-claude-code-session-id": "one-talk"},
            trust_env=False,
        )
        daemon.settle()
        ids.append(latest(daemon).id)
    page = look(daemon, f"#/requests/{ids[1]}")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(ids[0])
    page.get_by_role("link", name="Newer").click()
    page.get_by_role("link", name="Newer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(ids[2])
    page.get_by_role("link", name="all its requests").click()
    expect(rows_of(page)).to_have_count(3)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_both_pages_fit_and_can_be_read_by_everybody(
    keeping: Daemon, look: Look, axe: str, theme: Theme, width: int
) -> None:
    keeping.play("sk-first", Limited(1800))
    keeping.ask()
    asked = said(keeping, "/v1/messages", messages(*TOOL_TURNS, system="Be careful. " * 100))
    for place in ("#/requests", f"#/requests/{asked}"):
        page = look(keeping, place, theme=theme, width=width)
        expect(page.locator(".request-rows, .tries").get_by_text("second").first).to_be_visible()
        if place != "#/requests":
            expect(page.get_by_role("region", name="Answer", exact=True)).to_be_visible()
            unfold(page)
        assert overflow(page) == []
        assert axe_faults(page, look.watch, axe) == []


def test_the_list_is_narrowed_to_a_span_of_time(busy: Daemon, look: Look) -> None:
    page = look(busy, "#/requests")
    rows = page.locator(".request-rows > li")
    expect(rows.first).to_be_visible()
    before = rows.count()
    page.get_by_label("To", exact=True).fill("2026-01-02T03:04")
    expect(page.get_by_text("No matching requests.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("To", exact=True)).to_have_value("2026-01-02T03:04")
    page.get_by_role("button", name="Clear").click()
    expect(rows).to_have_count(before)
    expect(page.get_by_label("To", exact=True)).to_have_value("")
    page.get_by_label("From", exact=True).fill("2026-01-02T03:04")
    expect(page).to_have_url(re.compile("since="))
    expect(rows).to_have_count(before)
