"""Whatever the daemon, upstreams, clients and the file say: no page is wider than the terminal, and none fails."""

import random
from collections.abc import Callable
from datetime import UTC
from typing import Any

import canned
import figures
import pytest
from canned import NOW
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from ccflared.cli.render.accounts import account_lines
from ccflared.cli.render.alerts import list_lines, read_item
from ccflared.cli.render.checked import (
    fact_lines,
    mistakes_lines,
    read_mistake,
    secrets_lines,
    value_lines,
)
from ccflared.cli.render.checks import Check, State, check_lines
from ccflared.cli.render.clients import listed_lines, read_clients
from ccflared.cli.render.consumption import consumption_lines, read_consumption
from ccflared.cli.render.document import Json
from ccflared.cli.render.explain import choice_lines, story_lines
from ccflared.cli.render.explanation import read_choice, read_story
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.layout import ASCII, UNICODE, Line, line_cells, text_of
from ccflared.cli.render.log import log_line_lines, read_log_line
from ccflared.cli.render.records import read_page, read_records
from ccflared.cli.render.request import page_lines
from ccflared.cli.render.requests import day_line, record_lines, running_line, table, title_line
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import read_status, read_verdict
from ccflared.cli.render.status import status_lines
from ccflared.cli.render.verdict import log_lines, verdict_lines

NASTY = (
    "",
    " ",
    "x" * 300,
    "a-name-of-sixty-four-letters-which-is-as-long-as-one-may-be-here",
    "\u6f22\u5b57" * 40,
    "\u5927\u6a21\u578b preview \u4e2d\u6587 " * 9,
    "\U0001f4b8\U0001f469\u200d\U0001f4bb\U0001f1e9\U0001f1ea\u26a0\ufe0f 1\ufe0f\u20e3 \U0001f44d\U0001f3fd"
    * 6,
    "\u05e9\u05dc\u05d5\u05dd \u202egnihtemos\u202c \u0645\u0631\u062d\u0628\u0627",
    "e\u0301\u0302\u0303" * 90,
    "\u0e01\u0e33\u0e19\u0e49\u0e33 \u0915\u094d\u0937\u093f \u1112\u1161\u11ab" * 12,
    "\x1b[2J\x1b[31mred\x1b[0m \x9b31m \x1b]0;title\x07 \x00\x08\x7f",
    "[bold red on white]loud[/] [link=http://example.com]here[/link]",
    "line one\r\nline two\n\n\tand a tab\x0b\x0c\u2028\u2029",
    "https://example.com/" + "a-path/" * 40,
    '[pricing."a/b"] \\ "quoted" \'twice\'',
    "\ud800 \udfff \ufffe \U000e0001",
)
HUGE = (
    0,
    1,
    -1,
    0.5,
    -0.0001,
    1e-9,
    999_999,
    2**63,
    10**30,
    1e300,
    float("nan"),
    float("inf"),
    -float("inf"),
)
OTHER: tuple[Any, ...] = (None, True, False, [], {}, "7", 7, [None, 1, "x", {}], {"at": {}})
STATES: tuple[State, ...] = ("ok", "warn", "fail", "skip")


def status(document: Any, on: Sheet) -> list[Line]:
    return status_lines(read_status(document), on, own_version="0.1.0")


def accounts(document: Any, on: Sheet) -> list[Line]:
    return account_lines(read_status(document).accounts, NOW, on, detailed=True)


def listed(document: Any, on: Sheet) -> list[Line]:
    of = table(on)
    records = read_records(document)
    days = [on.text(day_line(record.at or 0.0, UTC), indent=0) for record in records]
    running = running_line({record.id: record.at or 0.0 for record in records}, NOW, on)
    assert line_cells(running) < 60  # it is clipped where it is drawn
    rows = [line for record in records for line in record_lines(record, of)]
    return [title_line(of), *rows, *(line for day in days for line in day)]


def usage(document: Any, on: Sheet) -> list[Line]:
    used = read_consumption(document)
    return consumption_lines(used, NOW, on, [part.key for part in used.parts])


def choice(document: Any, on: Sheet) -> list[Line]:
    return choice_lines(read_choice(document), on, pin=NASTY[3])


def alerts(document: Any, on: Sheet) -> list[Line]:
    return list_lines([read_item(Json(item)) for item in document if isinstance(item, dict)], NOW, on)


def logs(document: Any, on: Sheet) -> list[Line]:
    return [line for item in document for line in log_line_lines(read_log_line(item), on, day=True)]


def verdicts(document: Any, on: Sheet) -> list[Line]:
    read = [read_verdict(item) for item in document]
    return [line for each in read for line in verdict_lines(each, on)] + log_lines(read, NOW, on)


def doctor(document: Any, on: Sheet) -> list[Line]:
    checks = [
        Check("database", STATES[number % 4], bare(str(said)), bare(str(said)))
        for number, said in enumerate(document)
    ]
    return check_lines(checks, on)


def check(document: Any, on: Sheet) -> list[Line]:
    said = [bare(str(item)) for item in document]
    told = [f"/etc/{each}:1:2: {each}\n    key = {each}\n          ^^^^" for each in said]
    lines = mistakes_lines([read_mistake(each) for each in told], on)
    lines += secrets_lines([(each, each) for each in said], on, wrong=True)
    lines += fact_lines({"accounts": said}, on)
    for each in said:
        for line in (f"# {each}", f"[accounts.{each}]", f'key = "{each}"  # ccflare.toml:7', f"key = {each}"):
            lines += value_lines(line, on)
    return lines


PAGES: dict[str, tuple[Callable[[], Any], Callable[[Any, Sheet], list[Line]]]] = {
    **{
        f"status-{make.__name__}": (make, status)
        for make in (canned.busy, canned.logins, canned.pooled, canned.spent, canned.troubled)
    },
    "accounts": (canned.pooled, accounts),
    "accounts-logins": (canned.logins, accounts),
    "clients": (canned.clients, lambda document, on: listed_lines(read_clients(document), NOW, on)),
    "requests": (figures.rows, listed),
    "request": (figures.page, lambda document, on: page_lines(read_page(document), NOW, on)),
    "request-refused": (figures.refused_page, lambda document, on: page_lines(read_page(document), NOW, on)),
    "usage": (figures.consumed, usage),
    "usage-day": (lambda: figures.consumed("day"), usage),
    "explain": (canned.choice, choice),
    "explain-nobody": (canned.nobody, choice),
    "explain-story": (canned.story, lambda document, on: story_lines(read_story(document), NOW, on)),
    "alerts": (figures.alerted, alerts),
    "logs": (figures.lines, logs),
    "verdicts": (lambda: [canned.mistaken(), canned.lossy(), canned.applied()], verdicts),
    "doctor": (lambda: list(NASTY), doctor),
    "check": (lambda: list(NASTY), check),
}


def spoiled(value: Any, dice: random.Random, how: float) -> Any:
    """Return the value with some of its parts missing, of another type, or nasty."""
    if isinstance(value, dict):
        kept = {key: spoiled(part, dice, how) for key, part in value.items() if dice.random() > how / 4}
        return {**kept, dice.choice(NASTY): 1} if dice.random() < how else kept
    if isinstance(value, list):
        return [spoiled(part, dice, how) for part in value if dice.random() > how / 8] * dice.choice(
            (1, 1, 2)
        )
    if dice.random() > how:
        return value
    if dice.random() < how / 8:
        return dice.choice(OTHER)
    if isinstance(value, str):
        return dice.choice(NASTY)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return dice.choice(HUGE)
    return value


SHEETS = st.builds(
    Sheet, st.integers(30, 200), st.sampled_from([UNICODE, ASCII]), st.booleans(), st.just(UTC)
)


@pytest.mark.parametrize("name", PAGES)
@given(on=SHEETS, seed=st.integers(0, 2**32), how=st.sampled_from([0.05, 0.4, 0.9]))
@settings(max_examples=40)
def test_no_page_is_wider_than_the_terminal_whatever_it_tells(
    name: str, on: Sheet, seed: int, how: float
) -> None:
    make, render = PAGES[name]
    for line in render(spoiled(make(), random.Random(seed), how), on):
        text = text_of(line)
        assert line_cells(line) <= on.width, text
        assert cell_len(text) <= on.width, text
        assert text.isprintable(), text
