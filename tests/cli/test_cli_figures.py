"""The pages of usage, requests, request, logs and doctor, letter by letter, and what holds for all of them."""

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from canned import NOW
from figures import (
    alerted,
    consumed,
    lines,
    nothing_consumed,
    page,
    plain_page,
    refused_page,
    row,
    rows,
    unpriced_page,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli_render import same_as_golden, sheet, text

from ccflared.cli.render.alerts import list_lines, read_item
from ccflared.cli.render.checks import Check, check_lines
from ccflared.cli.render.choices import BY
from ccflared.cli.render.consumption import consumption_lines, csv_rows, read_consumption
from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import ASCII, Line, line_cells
from ccflared.cli.render.log import log_line_lines, log_text, read_log_line
from ccflared.cli.render.records import read_page, read_record, read_records
from ccflared.cli.render.request import page_lines
from ccflared.cli.render.requests import record_lines, running_line, table, title_line
from ccflared.cli.render.sheet import Sheet

CHECKS = (
    Check("configuration", "ok", "/etc/ccflared/ccflare.toml and 1 included file without mistakes"),
    Check(
        "secrets",
        "warn",
        "accounts.work.api_key: the environment has no ANTHROPIC_API_KEY",
        "give it this secret",
    ),
    Check(
        "trust",
        "ok",
        "whoever is on this machine may send requests and administer. A reverse proxy here that adds no "
        "X-Forwarded-For would pass for this machine: have it add one, or set [clients] and [admin]",
    ),
    Check("history", "fail", "/var/lib/ccflared/ccflared.db is damaged", "stop the daemon and move it away"),
    Check("totals", "skip", "this daemon does not compare them"),
)


def usage(document: dict[str, Any], on: Sheet) -> list[Line]:
    return consumption_lines(read_consumption(document), NOW, on, ['vendor/"big"-2026'])


def listed(given: list[dict[str, Any]], on: Sheet, *, dated: bool = False) -> list[Line]:
    of = table(on, dated=dated)
    found = [line for record in reversed(read_records(given)) for line in record_lines(record, of)]
    return found if dated else [title_line(of), *found]


def one(document: dict[str, Any], on: Sheet) -> list[Line]:
    return page_lines(read_page(document), NOW, on)


def logged(given: list[dict[str, Any]], on: Sheet) -> list[Line]:
    return [line for item in given for line in log_line_lines(read_log_line(item), on)]


PAGES: dict[str, Callable[[Sheet], list[Line]]] = {
    **{f"usage-{by}": partial(usage, consumed(by)) for by in BY},
    "usage-nothing": lambda on: usage(nothing_consumed(), on),
    "requests": lambda on: listed(rows(), on),
    "request": lambda on: one(page(), on),
    "request-plain": lambda on: one(plain_page(), on),
    "request-refused": lambda on: one(refused_page(), on),
    "request-unpriced": lambda on: one(unpriced_page(), on),
    "logs": lambda on: logged(lines(), on),
    "doctor": lambda on: check_lines(CHECKS, on),
    "alerts": lambda on: list_lines([read_item(Json(item)) for item in alerted()], NOW, on),
}
NARROW = [
    name for name in PAGES if name not in ("usage-hour", "usage-client", "usage-project", "request-unpriced")
]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", NARROW)
def test_a_page_looks_as_it_was_agreed(name: str, width: int) -> None:
    same_as_golden(f"{name}-{width}", text(PAGES[name](sheet(width))))


@pytest.mark.parametrize("name", ["usage-client", "usage-project", "usage-hour", "request-unpriced"])
def test_a_further_page_looks_as_it_was_agreed(name: str) -> None:
    same_as_golden(f"{name}-80", text(PAGES[name](sheet(80))))


@pytest.mark.parametrize("name", ["usage-account", "requests", "request", "doctor"])
def test_a_page_can_be_ascii(name: str) -> None:
    shown = text(PAGES[name](sheet(80, ASCII)))
    assert shown.isascii()
    same_as_golden(f"{name}-ascii", shown)


def test_a_terminal_sees_shares_as_small_bars() -> None:
    same_as_golden("usage-account-rules", text(usage(consumed(), sheet(100, rules=True))))


def test_a_list_of_requests_that_is_piped_has_dates_and_whole_ids() -> None:
    same_as_golden("requests-piped", text(listed(rows(), sheet(160), dated=True)))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("glyphs", ["unicode", "ascii"])
def test_nothing_is_wider_than_the_terminal(name: str, glyphs: str) -> None:
    for width in range(20, 180, 3):
        on = Sheet(width, ASCII, rules=True) if glyphs == "ascii" else Sheet(width, rules=True)
        assert max(line_cells(line) for line in PAGES[name](on)) <= width, width


@pytest.mark.parametrize("name", PAGES)
def test_nothing_from_elsewhere_is_obeyed_by_the_terminal(name: str) -> None:
    shown = text(PAGES[name](sheet(100)))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[bold]" not in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([page(), consumed(), lines()[0]]), st.data())
def test_an_answer_of_another_version_never_breaks_a_page(
    document: dict[str, Any], data: st.DataObject
) -> None:
    changed = dict(document)
    key = data.draw(st.sampled_from(sorted(changed)))
    items = changed[key]
    if isinstance(items, list) and items and data.draw(st.booleans()):
        inner = data.draw(st.sampled_from(sorted(items[0])))
        changed[key] = [items[0] | {inner: data.draw(JSON)}, *items[1:]]
    else:
        changed[key] = data.draw(JSON)
    read = one(changed, Sheet(60)) + usage(changed, Sheet(60)) + logged([changed], Sheet(60))
    read += record_lines(read_record(changed), table(Sheet(60)))
    assert max(line_cells(line) for line in read) <= 60


@pytest.mark.parametrize("rows", [True, False])
def test_usage_says_that_the_latest_is_missing_where_the_history_is_off(rows: bool) -> None:
    document = consumed(historyError="the disk is full")
    if not rows:
        document["rows"] = []
    shown = " ".join(text(usage(document, sheet(80))).split())
    assert "What came last is missing, as the history cannot be written: the disk is full." in shown
    assert "Nothing was asked for" not in shown


def test_csv_is_what_a_spreadsheet_reads_and_no_formula() -> None:
    written = io.StringIO()
    csv.writer(written).writerows(csv_rows(read_consumption(consumed("client"))))
    read = list(csv.DictReader(io.StringIO(written.getvalue())))
    assert [row["client"] for row in read] == ["laptop", "phone", "'=HYPERLINK(1)", ""]
    assert float(read[0]["plan_usd"]) == 812.4
    assert float(read[2]["money_usd"]) == 0.004
    assert sum(int(row["requests"]) for row in read) == 28_754
    assert read[3]["total_ms_p95"] == ""


def amounts(**facts: Any) -> list[str]:
    """The columns of costs in the only row of a table, and in its total."""
    only = consumed()["rows"][0] | {"key": "work", "requests": 3} | facts
    document = consumed(rows=[only], total=only)
    shown = [
        line
        for line in text(usage(document, sheet(70))).splitlines()
        if line.startswith(("  work", "  total"))
    ]
    return [" ".join(line.split()[8:]).removesuffix(" 3") for line in shown]  # without how many are unpriced


def test_what_nobody_knows_stands_below_who_would_have_paid() -> None:
    nothing = dict.fromkeys(("cost_usd", "plan_usd", "money_usd"))
    of_plan = {"unpriced": 3, "unpriced_plan": 3, "unpriced_money": 0}
    of_money = {"unpriced": 3, "unpriced_plan": 0, "unpriced_money": 3}
    assert amounts(**nothing, **of_plan) == ["?", "?"]
    assert "plan value" in text(usage(consumed(total=consumed()["total"] | nothing | of_plan), sheet(80)))
    assert amounts(**nothing, **of_money) == ["?", "?"]
    assert amounts(plan_usd=0.0, money_usd=0.14, **of_money) == ["0.14 + ?"] * 2
    assert amounts(plan_usd=2.5, money_usd=0.0, **of_plan) == ["2.50 + ? 0.00"] * 2
    older = {"plan_usd": 0.0, "money_usd": 0.14, "unpriced": 3, "unpriced_plan": None, "unpriced_money": None}
    assert amounts(**older) == ["0.14 + ?"] * 2


def test_what_was_spent_is_never_nothing() -> None:
    assert amounts(plan_usd=0.004, money_usd=0.0001) == ["<0.01 <0.01"] * 2
    assert amounts(plan_usd=0.0, money_usd=0.0) == ["0.00"] * 2
    assert amounts(plan_usd=1234.5, money_usd=0.01) == ["1,234.50 0.01"] * 2


def test_days_are_in_their_order_and_all_else_has_the_dearest_first() -> None:
    assert [part.key for part in read_consumption(consumed("day")).parts] == [
        *("2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22")
    ]
    assert [part.key for part in read_consumption(consumed()).parts][:2] == ["primary", "work"]


def test_a_row_stands_in_the_same_columns_whatever_is_in_it() -> None:
    of = table(sheet(80))
    short = text(record_lines(read_record(row(1, accountUsed="a", model="b")), of))
    long = text(record_lines(read_record(row(2, accountUsed="a" * 50, model="b" * 50)), of))
    assert short.index("3.4 s") == long.index("3.4 s")


def test_what_runs_is_told_with_the_longest_of_it() -> None:
    assert text([running_line({}, NOW, sheet())]) == "nothing runs\n"
    assert (
        text([running_line({"a": NOW - 61, "b": NOW}, NOW, sheet())])
        == "◐ 2 requests running · the longest for 1 min\n"
    )


def test_a_line_of_the_log_for_programs_is_one_line_with_its_time_in_utc() -> None:
    assert log_text(read_log_line(lines()[2])) == (
        "2026-11-22T18:34:03Z WARNING ccflared.relay: primary rests until 18:39: limit reached for the account, "
        "and so on and on"
    )


def test_a_page_says_the_lines_of_pricing_that_are_missing() -> None:
    assert '[pricing."vendor/big"]' in text(one(unpriced_page(), sheet(200)))


def test_json_of_a_row_is_plain_ascii_on_one_line() -> None:
    assert json.dumps(row(1, errorMessage="a\u2028b\x9b")).isascii()
