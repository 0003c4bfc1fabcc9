"""What ``top`` draws, letter by letter: its frame, accounts, conversations, charts; and that nothing is too wide."""

from collections.abc import Callable
from typing import Any

import pytest
from canned import NOW, busy, logins, pooled, quiet, spent, troubled
from figures import consumed
from test_cli_render import same_as_golden, sheet, text

from ccflared.cli.render.charts import chart_lines, column_lines, read_chart
from ccflared.cli.render.consumption import read_consumption
from ccflared.cli.render.conversations import conversation_line, fitting, read_conversations, titles
from ccflared.cli.render.health import health
from ccflared.cli.render.layout import ASCII, UNICODE, Glyphs, Line, line_cells, text_of
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import read_status
from ccflared.cli.render.top import account_blocks, foot_lines, head_line, page_line, rule_line
from ccflared.cli.render.words import short
from ccflared.cli.top.keys import ACCOUNTS, KEYS, PAGES, fits

FOOT = [(key.shown, key.word) for key in KEYS if key.word and fits(key, ACCOUNTS)]
DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "busy": busy,
    "quiet": quiet,
    "troubled": troubled,
    "pooled": pooled,
    "logins": logins,
    "spent": spent,
}


def accounts_page(document: dict[str, Any], page: Sheet) -> list[Line]:
    snapshot = read_status(document)
    judged = health(snapshot, "0.1.0")
    today = {part.key: part for part in read_consumption(consumed()).parts}
    blocks = account_blocks(snapshot, today, judged, NOW, page)
    return [
        head_line(snapshot, judged, NOW, page),
        page_line(PAGES, ACCOUNTS, page),
        rule_line(page),
        *(line for block in blocks for line in block.lines),
        *foot_lines(FOOT, "1-20 of 40", page, 2),
    ]


def talk(name: str, idle: float, **more: Any) -> dict[str, Any]:
    usual = {
        "conversation": f"claude-code:{name}",
        "client": "laptop",
        "chain": None,
        "firstAt": NOW - 4000,
        "lastAt": NOW - idle,
        "project": "ccflared",
        "account": "primary",
        "model": "claude-opus-4-5-20251101",
        "requests": 12,
        "failed": 0,
        "sentTokens": 340_000,
        "outputTokens": 12_345,
        "planCostUsd": 1.25,
        "apiCostUsd": 0.0,
        "unpricedRequests": 0,
        "heldBy": "primary",
        "home": "primary",
        "warm": idle < 300,
    }
    return usual | more


def talks() -> dict[str, Any]:
    return {
        "since": NOW - 18_000,
        "conversations": [
            talk("8f26f537-1f0e-4f8e-9d5a-0c6a4f0e9b11", 3),
            talk("c03f386a-borrowed", 200, heldBy="work", apiCostUsd=0.5, failed=2),
            talk("3a162db1-cold", 4000, client=None, project=None, unpricedRequests=1, planCostUsd=0.0),
            talk("de378b3f-pinned", 15_000, heldBy=None, home=None, requests=1, apiCostUsd=0.001),
        ],
    }


def conversations_page(page: Sheet) -> list[Line]:
    return [titles(page), *(conversation_line(each, NOW, page) for each in read_conversations(talks()))]


def charted(**more: Any) -> dict[str, Any]:
    series = [
        {
            "ts": (NOW - 60 * (60 - minute)) * 1000,
            "requests": minute % 7 * 3,
            "tokens": minute % 11 * 4000,
            "p50FirstByte": 200 + minute % 5 * 80,
            "errorRate": 10.0 if minute == 40 else 0.0,
        }
        for minute in range(10, 60)
    ]
    return {
        "totals": {"requests": 412, "totalTokens": 1_234_567, "p50FirstByte": 280, "p95FirstByte": 2100},
        "timeSeries": series,
        "accountPerformance": [
            {"name": "primary", "requests": 300, "tokens": 900_000, "planCostUsd": 3.2, "apiCostUsd": 0},
            {"name": "work", "requests": 112, "tokens": 334_567, "planCostUsd": 0, "apiCostUsd": 1.7},
        ],
        "meta": {"range": "1h", "bucket": "1m", "since": NOW - 3600, "until": NOW},
    } | more


def charts_page(page: Sheet, height: int = 22) -> list[Line]:
    return chart_lines(read_chart(charted()), page, height)


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("name", ["busy", "troubled", "quiet"])
def test_the_accounts_look_as_it_was_agreed(name: str, width: int) -> None:
    same_as_golden(f"top-{name}-{width}", text(accounts_page(DOCUMENTS[name](), sheet(width, rules=True))))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_conversations_and_charts_look_as_it_was_agreed(width: int) -> None:
    same_as_golden(f"top-conversations-{width}", text(conversations_page(sheet(width))))
    same_as_golden(f"top-charts-{width}", text(charts_page(sheet(width, rules=True))))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    page = sheet(80, ASCII, rules=True)
    shown = text([*accounts_page(troubled(), page), *conversations_page(page), *charts_page(page)])
    assert shown.isascii()
    same_as_golden("top-ascii", shown)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_nothing_is_wider_than_the_terminal(glyphs: Glyphs) -> None:
    for width in range(20, 180, 3):
        page = sheet(width, glyphs, rules=True)
        lines = [*conversations_page(page), *charts_page(page)]
        for document in DOCUMENTS.values():
            lines += accounts_page(document(), page)
        assert max(line_cells(line) for line in lines) <= width, width


@pytest.mark.parametrize("height", range(8, 40, 3))
def test_charts_are_no_higher_than_the_screen_where_that_can_be(height: int) -> None:
    lines = charts_page(sheet(80), height)
    assert len(lines) <= max(height, 3 * 2 + 1 + 4)


def test_a_column_with_anything_in_it_is_never_empty_and_the_greatest_is_full() -> None:
    lines = [text_of(line) for line in column_lines([0.0, 1.0, 1000.0], sheet(16), 2, short)]
    top, bottom = (line.partition("│")[2] for line in lines)
    assert (bottom[0], bottom[2], bottom[4]) == (" ", "▁", "█")
    assert (top[0], top[2], top[4]) == (" ", " ", "█")


def test_more_steps_than_cells_are_added_up_from_the_latest_on() -> None:
    (line,) = column_lines([5.0] + [1.0] * 20, sheet(20), 1, short)
    assert text_of(line).startswith("      7 │█▃")
    (line,) = column_lines([1.0] * 20 + [5.0], sheet(20), 1, short, highest=True)
    assert text_of(line).startswith("      5 │▂")
    assert text_of(line).endswith("▂█")


def test_steps_without_a_request_are_nothing_and_not_left_out() -> None:
    chart = read_chart(charted(timeSeries=charted()["timeSeries"][-1:]))
    assert [point.requests for point in chart.points] == [0] * 59 + [9]


def test_a_chart_of_nothing_is_drawn_all_the_same() -> None:
    chart = read_chart({"timeSeries": [], "totals": {}, "meta": {}, "accountPerformance": []})
    assert "0 in all" in text(chart_lines(chart, sheet(80), 20))


def test_value_and_money_of_the_day_stand_apart_beside_an_account() -> None:
    shown = text(accounts_page(busy(), sheet(80)))
    assert "value" in shown
    assert "money" in shown


def test_a_conversation_is_found_by_any_word_of_its_row() -> None:
    first, borrowed, *_ = read_conversations(talks())
    assert fitting(first, "OPUS")
    assert fitting(first, "laptop")
    assert fitting(borrowed, "c03f")
    assert not fitting(first, "work")


def test_what_the_daemon_does_not_tell_is_left_out() -> None:
    snapshot = read_status({"version": "0.1.0", "accounts": [{"name": "a"}, {}]})
    judged = health(snapshot, "0.1.0")
    blocks = account_blocks(snapshot, {}, judged, NOW, sheet(80))
    assert [block.key for block in blocks[:2]] == ["a", ""]
    (row,) = read_conversations({"conversations": [{}]})
    assert line_cells(conversation_line(row, NOW, sheet(80))) <= 80


def test_a_daemon_that_has_gone_is_what_the_head_says() -> None:
    snapshot = read_status(busy())
    line = head_line(snapshot, health(snapshot, "0.1.0"), NOW, sheet(80), "It has gone.")
    assert text_of(line).startswith("✗ It has gone.")
    assert line[0].style == "bad"


def test_the_footer_drops_keys_before_help_and_quit() -> None:
    for width in range(20, 140, 5):
        for most in (1, 2):
            lines = foot_lines(FOOT, "12-30 of 99", sheet(width), most)
            assert len(lines) <= most
            shown = " ".join(" ".join(text_of(line) for line in lines).split())
            assert "? help q quit" in shown
