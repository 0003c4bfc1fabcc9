"""The screens of ``status``, ``account list`` and ``reload``, letter by letter, and what holds for all.

With ``CCFLARED_GOLDEN=write`` in the environment the golden files are written anew.
"""

import os
import re
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from canned import (
    NOW,
    account,
    against,
    applied,
    busy,
    chain,
    logins,
    lossy,
    mistaken,
    pooled,
    quiet,
    spent,
    troubled,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.cli.render.accounts import account_lines
from ccflared.cli.render.chains import chain_lines
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.health import health
from ccflared.cli.render.layout import ASCII, UNICODE, Glyphs, Line, line_cells, text_of
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import read_status, read_verdict
from ccflared.cli.render.status import status_line, status_lines
from ccflared.cli.render.today import hidden
from ccflared.cli.render.verdict import log_lines, verdict_lines

GOLDEN = Path(__file__).parent / "golden"
DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "busy": busy,
    "quiet": quiet,
    "troubled": troubled,
    "pooled": pooled,
    "logins": logins,
    "spent": spent,
}


def sheet(width: int = 80, glyphs: Glyphs = UNICODE, *, rules: bool = False) -> Sheet:
    return Sheet(width, glyphs, rules, UTC)


def screen(document: dict[str, Any], page: Sheet) -> list[Line]:
    return status_lines(read_status(document), page, own_version="0.1.0")


def text(lines: list[Line]) -> str:
    return "".join(text_of(line) + "\n" for line in lines)


def same_as_golden(name: str, shown: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("CCFLARED_GOLDEN") == "write":
        file.write_text(shown)
    assert shown == file.read_text()


@pytest.mark.parametrize("width", [40, 60, 80, 160])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_status_looks_as_it_was_agreed(name: str, width: int) -> None:
    same_as_golden(f"status-{name}-{width}", text(screen(DOCUMENTS[name](), sheet(width))))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    shown = text(screen(troubled(), sheet(80, ASCII)))
    assert shown.isascii()
    same_as_golden("status-troubled-ascii", shown)


def test_a_terminal_gets_thin_rules_beside_the_headings() -> None:
    shown = text(screen(busy(), sheet(80, rules=True)))
    same_as_golden("status-busy-rules", shown)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_nothing_is_wider_than_the_terminal(name: str, glyphs: Glyphs) -> None:
    for width in range(20, 180, 3):
        lines = screen(DOCUMENTS[name](), sheet(width, glyphs, rules=True))
        assert max(line_cells(line) for line in lines) <= width


def numbered(lines: list[Line]) -> dict[str, str]:
    """Return the numbers of accounts by name."""
    section = text(lines).partition("\nAccounts ")[2].partition("\n")[2].partition("\n\n")[0]
    shown = section or text(lines)
    rows = [re.match(r"( {0,2}[0-9]+>?) +(\S+) ", line) for line in shown.splitlines()]
    return {row[2]: row[1].strip() for row in rows if row}


def test_accounts_that_would_be_asked_are_numbered_in_the_order_of_the_router() -> None:
    asked = {"primary": "1>", "work": "2", "backup": "3"}
    for width in (40, 80, 160):
        snapshot = read_status(busy())
        assert numbered(screen(busy(), sheet(width))) == asked
        for detailed in (False, True):
            listed = account_lines(snapshot.accounts, NOW, sheet(width), detailed=detailed)
            assert numbered(listed) == asked


def test_one_that_cannot_serve_has_no_number_whatever_its_order() -> None:
    document = busy()
    document["accounts"][0] |= {"state": "resting", "order": 1, "until": NOW + 60}
    assert numbered(screen(document, sheet())) == {"work": "1>", "backup": "2"}


def test_many_accounts_are_numbered_below_each_other() -> None:
    many = [account(f"plan-{number}", "zai", order=number) for number in range(1, 13)]
    lines = account_lines(read_status(busy() | {"accounts": many}).accounts, NOW, sheet())
    assert text_of(lines[0]).startswith("  1> plan-1 ")
    assert text_of(lines[1]).startswith("  2  plan-2 ")
    assert text_of(lines[11]).startswith(" 12  plan-12 ")


@pytest.mark.parametrize(
    ("change", "headline"),
    [
        ({}, "ccflared is running well; 2 of 4 accounts are ready."),
        ({"state": "draining"}, "ccflared is stopping; 2 answers still on the way."),
        ({"state": "draining", "running": 0}, "ccflared is stopping."),
        ({"accounts": []}, "ccflared is running, but has no account yet."),
        ({"accounts": [account("a", "zai", order=1)]}, "ccflared is running well; its account is ready."),
        (
            {"accounts": [account("a", "zai", order=1), account("b", "zai", order=2)]},
            "ccflared is running well; both accounts are ready.",
        ),
        (
            {"accounts": [account("a", "zai", state="doubtful", order=1)]},
            "ccflared is running, but every account is in doubt; the least doubtful is tried.",
        ),
        (
            {"accounts": [account("a", "zai", state="resting", until=NOW + 245)]},
            "ccflared is running, but no account can serve until 18:39 (in 4 min).",
        ),
        ({"accounts": [account("a", "zai", state="off")]}, "ccflared is running, but no account can serve."),
        (
            {"accounts": [account("a", "zai", order=1), account("b", "zai", state="needs login")]},
            "ccflared is running; 1 thing needs you, see below.",
        ),
        (
            {"accounts": [account("a", "zai", state="half-open", order=1)]},
            "ccflared is running; the next request shows whether a rest is over.",
        ),
        (
            {
                "accounts": [
                    account("a", "zai", state="paused", paused_since=NOW),
                    account("b", "zai", state="off"),
                ]
            },
            "ccflared is running, but its account is paused by hand.",
        ),
        (
            {"accounts": [account("a", "zai", state="busy"), account("b", "zai", state="paused")]},
            "ccflared is running at its limit: each account that could serve is busy.",
        ),
        (
            {
                "accounts": [
                    account(
                        "a", "zai", state="paused", until=NOW + 245, also=[against("resting", "spent", 485)]
                    )
                ]
            },
            "ccflared is running, but no account can serve until 18:43 (in 8 min).",
        ),
        (
            {
                "accounts": [
                    account("a", "zai", state="resting", until=NOW + 245, also=[against("paused", "by hand")])
                ]
            },
            "ccflared is running, but no account can serve.",
        ),
    ],
)
def test_the_first_line_says_how_the_daemon_is(change: dict[str, Any], headline: str) -> None:
    shown = text(screen(busy() | change, sheet(160))).split("\n")[0]
    assert shown.partition(" ")[2] == headline
    assert shown[0] == ("●" if "running well" in headline else "✗" if "no account can" in headline else "◐")


def test_the_socket_that_answered_is_named() -> None:
    def shown(socket: str) -> str:
        return text(status_lines(read_status(busy()), sheet(160), own_version="0.1.0", socket=socket))

    own = "/run/ccflared/ccflared.sock"
    assert f"  {own}  for commands\n" in shown(own)
    assert f"  /mnt/c.sock                 for commands · {own} to the daemon\n" in shown("/mnt/c.sock")


def test_what_needs_a_person_comes_last_or_first_where_the_end_is_not_seen() -> None:
    snapshot = read_status(troubled())
    last = text(status_lines(snapshot, sheet(), own_version="0.1.0"))
    first = text(status_lines(snapshot, sheet(), own_version="0.1.0", needs_first=True))
    assert last.index("What needs you") > last.index("Daemon")
    assert first.index("What needs you") < first.index("Accounts")


@pytest.mark.parametrize(
    ("state", "needs"),
    [
        ("ready", 0),
        ("doubtful", 0),
        ("resting", 0),
        ("half-open", 0),
        ("busy", 0),
        ("paused", 0),
        ("off", 0),
        ("a state of a later version", 0),
        ("needs login", 1),
        ("no credential", 1),
        ("unsupported", 1),
        ("endpoint not trusted", 1),
    ],
)
def test_an_account_needs_a_person_where_waiting_does_not_help(state: str, needs: int) -> None:
    judged = health(read_status(busy() | {"accounts": [account("a", "zai", state=state)]}), "0.1.0")
    assert len(judged.needs) == needs


def test_a_refused_edit_and_lost_history_need_a_person() -> None:
    document = busy()
    document["config"]["refused"] = lossy()
    document["history"] = {"ok": False, "error": "the disk is full", "queued": 0, "written": 0, "dropped": 0}
    needs = health(read_status(document), "0.1.0").needs
    assert "ccflared reload --allow-less" in needs[0]
    assert needs[1].startswith("History is off: the disk is full.")


def test_another_version_of_the_daemon_is_worth_knowing() -> None:
    judged = health(read_status(busy()), "0.9.0")
    assert judged.needs == ()
    assert "version 0.1.0, this command 0.9.0" in judged.notes[0]


def test_a_warning_is_not_said_again_where_an_account_says_it() -> None:
    document = busy()
    document["accounts"][0] |= {"state": "no credential", "reason": "the environment has no KEY"}
    document["config"]["warnings"] = ["accounts.primary.api_key: the environment has no KEY"]
    assert health(read_status(document), "0.1.0").notes == ()


def test_hostile_text_stays_on_its_line_and_has_no_effect() -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07[bold red]502[/] Bad\r\nGateway\u202e\x9b5m <html>"
    document = busy()
    document["accounts"][0] |= {"reason": hostile, "name": "pri\nmary\x1b[31m", "state": "resting\x07"}
    document["listeners"][0]["error"] = hostile
    document["config"]["warnings"] = [hostile]
    document["config"]["refused"] = mistaken() | {
        "mistakes": [{"place": hostile, "message": hostile, "excerpt": f"{hostile}\n  ^"}]
    }
    shown = text(screen(document, sheet(160)))
    assert "502 Bad Gateway <html>" in shown
    assert not set("\x1b\x07\r\x9b\u202e") & set(shown)
    assert "owned" not in shown.replace("?]0;owned?", "")  # an excerpt keeps its columns, made harmless
    assert "pri mary" in shown


def test_an_account_list_has_priority_and_tier() -> None:
    accounts = read_status(busy()).accounts
    for width in (60, 80, 160):
        same_as_golden(f"accounts-{width}", text(account_lines(accounts, NOW, sheet(width), detailed=True)))


def test_an_account_list_tells_all_reasons_and_windows() -> None:
    accounts = read_status(pooled()).accounts
    for width in (40, 80):
        shown = text(account_lines(accounts, NOW, sheet(width), detailed=True))
        same_as_golden(f"accounts-pooled-{width}", shown)
    ascii_only = text(account_lines(accounts, NOW, sheet(80, ASCII), detailed=True))
    same_as_golden("accounts-pooled-ascii", ascii_only)
    assert ascii_only.isascii()


def test_an_account_with_a_reason_for_each_model_does_not_fill_the_screen() -> None:
    also = [against("cooling", f"model-{number}: limit for this model reached", 60) for number in range(60)]
    document = busy() | {"accounts": [account("a", "zai", order=1, also=also)]}
    shown = text(account_lines(read_status(document).accounts, NOW, sheet())).splitlines()
    assert shown[-1] == "      and 56 more reasons"
    assert len(shown) == 6


@pytest.mark.parametrize("name", ["mistaken", "lossy", "applied", "unchanged"])
def test_a_verdict_says_what_came_of_it(name: str) -> None:
    given_one = {
        "mistaken": mistaken(),
        "lossy": lossy(),
        "applied": applied(),
        "unchanged": applied() | {"changes": [], "needs_restart": [], "warnings": []},
    }[name]
    same_as_golden(f"verdict-{name}", text(verdict_lines(read_verdict(given_one), sheet())))


def test_the_log_of_verdicts_has_the_newest_first() -> None:
    verdicts = [read_verdict(mistaken()), read_verdict(applied() | {"number": 3, "at": NOW - 900})]
    same_as_golden("log", text(log_lines(verdicts, NOW, sheet())))
    assert text(log_lines([], NOW, sheet())) == "No configuration has been judged since the start.\n"


def test_the_caret_of_a_long_line_stays_in_sight() -> None:
    excerpt = "key = [" + "1, " * 100 + "oops]\n" + " " * 307 + "^^^^"
    mistake = {"place": "f:1:308", "message": "no number", "excerpt": excerpt}
    verdict = read_verdict(mistaken() | {"mistakes": [mistake]})
    above, caret = text(verdict_lines(verdict, sheet(60))).split("\n")[-3:-1]
    assert above[caret.index("^") :].startswith("oops")
    assert len(above) <= 60


def test_paid_extra_usage_that_runs_is_worth_knowing() -> None:
    document = pooled()
    document["accounts"][0]["usage"]["overage"] = "in use"
    judged = health(read_status(document), "0.1.0")
    assert judged == ((), ("primary is on paid extra usage, beyond its plan.",))
    assert "paid extra usage is in use" in text(screen(document, sheet(160)))


def test_one_line_for_a_prompt() -> None:
    page = sheet()
    line = text_of(status_line(read_status(busy()), page, own_version="0.1.0"))
    assert line == "ccflared ● 2/4 ready · primary · 2 running · 482/h"
    line = text_of(status_line(read_status(pooled()), page, own_version="0.1.0"))
    assert line == "ccflared ● 2/6 ready · primary 62 % · 2 running · 482/h"
    line = text_of(status_line(read_status(troubled()), page, own_version="0.1.0"))
    assert line == "ccflared ◐ 1/5 ready · work · 2 running · 482/h · 5 to do"
    spent_all = {"accounts": [account("a", "zai", state="resting", until=NOW + 245)], "running": 0}
    line = text_of(status_line(read_status(busy() | spent_all), page, own_version="0.1.0"))
    assert line == "ccflared ✗ 0/1 ready · again 18:39 · 482/h"


def test_plan_value_and_money_stand_apart_and_are_never_added_up() -> None:
    document = busy()
    document["today"] |= {"plan_usd": 61.25, "money_usd": 1.5}
    shown = text(screen(document, sheet()))
    assert "plan value 61.25 USD · money 1.50 USD · 12 requests unpriced" in shown
    assert "62.75" not in shown
    document["today"] |= {"plan_usd": None, "money_usd": 0.0, "unpriced": 1}
    assert "plan value unknown · money 0.00 USD · 1 request unpriced" in text(screen(document, sheet()))


@pytest.mark.parametrize(
    ("failovers", "limits", "said"),
    [
        (0, 0, None),
        (1, 1, "1 failover hid a limit"),
        (7, 7, "7 failovers hid a limit"),
        (1, 0, "1 failover hid a fault"),
        (9, 4, "4 failovers hid a limit and 5 a fault"),
        (9, None, "9 failovers hid a limit or a fault"),
    ],
)
def test_what_clients_were_spared_is_told_limits_apart_from_faults(
    failovers: int, limits: int | None, said: str | None
) -> None:
    (*spared,) = hidden(failovers, limits)
    assert [span.text for span in spared] == ([] if said is None else [said])


CHAINS = [
    (
        chain("opus", ["primary", "work"], ("router", "vendor/big"), serves="work", step=1),
        "opus: primary or work, then router as vendor/big, then the pool · now work",
    ),
    (
        chain("glm-* kimi", ["a", "b", "c"], then="fail"),
        "glm-*, kimi: a, b or c, then nobody else · now nobody",
    ),
    (chain("opus", ["a"], serves="c"), "opus: a, then the pool · now c of the pool"),
    (chain("opus", ["a"]) | {"next": None}, "opus: a, then the pool"),
]


@pytest.mark.parametrize(("told", "sentence"), CHAINS)
def test_a_chain_is_a_sentence_and_says_who_would_be_asked(told: dict[str, Any], sentence: str) -> None:
    lines = chain_lines(read_status(busy() | {"chains": [told]}).chains, sheet(160))
    assert text(lines) == f"  {sentence}\n"


def test_many_chains_do_not_fill_the_screen() -> None:
    chains = read_status(busy() | {"chains": [chain("opus", ["a"])] * 9}).chains
    assert text(chain_lines(chains, sheet())).splitlines()[-1] == "  and 3 more chains: ccflared config"


@pytest.mark.parametrize("name", ["busy", "quiet"])
def test_a_common_set_up_fits_into_one_window(name: str) -> None:
    lines = screen(DOCUMENTS[name](), sheet(80))
    assert len(lines) <= 50


def test_a_daemon_that_does_not_tell_of_chains_and_of_the_day_is_shown_without_them() -> None:
    document = busy()
    del document["chains"], document["today"], document["storage"]
    del document["traffic"]["failovers_limit"]
    shown = text(screen(document, sheet()))
    assert "Chains" not in shown
    assert "Today" not in shown
    assert "12 failovers hid a limit or a fault" in shown
    assert "1.2 M in" in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [above] if above else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*above, key))
    return found


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(20, 120))
def test_a_status_of_another_version_never_breaks_the_command(data: st.DataObject, width: int) -> None:
    document = data.draw(st.sampled_from((troubled, pooled)))()
    for _ in range(data.draw(st.integers(1, 4))):
        *above, last = data.draw(st.sampled_from(paths(document)))
        place: Any = document
        for key in above:
            place = place[key]
        if data.draw(st.booleans()) and isinstance(place, dict):
            del place[last]
        else:
            place[last] = data.draw(JSON)
        if not isinstance(document.get("accounts"), list):
            break
    lines = screen(document, sheet(width))
    assert max(line_cells(line) for line in lines) <= width
    status_line(read_status(document), sheet(width), own_version="0.1.0")


@pytest.mark.parametrize("number", [1e308, -1e308, 1e300, -1, 1e18, 10**400])
def test_numbers_that_nobody_can_mean_break_nothing_and_take_no_room(number: float) -> None:
    def everywhere(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: everywhere(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [everywhere(inner) for inner in value]
        return number if isinstance(value, int | float) and not isinstance(value, bool) else value

    document = everywhere(troubled())
    assert max(line_cells(line) for line in screen(document, sheet(80))) <= 80
    assert line_cells(status_line(read_status(document), sheet(80), own_version="0.1.0")) < 100


def test_the_line_waits_for_nobody_where_a_daemon_does_not_tell_the_order() -> None:
    document = busy()
    for each in document["accounts"]:
        del each["order"]
    line = text_of(status_line(read_status(document), sheet(80), own_version="0.1.0"))
    assert line == "ccflared ● 2/4 ready · 2 running · 482/h"


def test_a_sign_is_as_wide_on_every_terminal() -> None:
    assert bare("\u263a\ufe0f ok") == "\u263a ok"


@pytest.mark.parametrize("width", [40, 50, 60, 80])
def test_the_state_of_an_account_is_shown_whole_however_narrow_it_is(width: int) -> None:
    lines = text(account_lines(read_status(troubled()).accounts, NOW, sheet(width))).splitlines()
    for each in read_status(troubled()).accounts:
        assert any(each.state in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("name", ["研究室の共有アカウント本番環境用その一", "a-name-" * 9])
def test_a_long_name_gives_way_to_the_state(width: int, name: str) -> None:
    given = account(name, "zai", state="endpoint not trusted", order=None)
    lines = account_lines(read_status(busy() | {"accounts": [given]}).accounts, NOW, sheet(width))
    assert "✗ endpoint not trusted" in text_of(lines[0])
    assert line_cells(lines[0]) <= width


def test_a_rejected_credential_needs_a_person() -> None:
    rejected = account("a", "zai", state="rejected", reason="the credential is not accepted", until=NOW + 60)
    (need,) = health(read_status(quiet() | {"accounts": [rejected]}), "0.1.0").needs
    assert need == "a needs another credential: the credential is not accepted."
