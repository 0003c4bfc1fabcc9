"""Requests of the past, a row each, in columns that stand where they stand whatever comes next. Pure.

So a list can grow at its end. What does not fit is left out, first what ``ccflared request ID`` tells anyway.
"""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

from ccflared.cli.render.explain import OUTCOMES, sign_of
from ccflared.cli.render.layout import Line, Span, Style, cells, clip, clip_line, pad, trim
from ccflared.cli.render.records import Record
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import duration, many, milliseconds, short

PREFIX: Final = "req_"
"""What the id of a request begins with."""
SHORT: Final = 8
"""Letters of an id that tell it from the others here."""
_LONG: Final = len(PREFIX) + 24
_LONGEST_ERROR: Final = 300
_DATE: Final = re.compile(r"[-@]20[0-9]{6}\Z")
"""Of a model's id: what it says is the least missed where there is little room."""
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Column(NamedTuple):
    """One column: its title, how wide it is, whether it ends at the right, and from which width of a sheet on."""

    name: str
    title: str
    width: int
    right: bool = False
    least: int = 0


_COLUMNS: Final = (
    Column("time", "time", 8),
    Column("look", "", 5),
    Column("more", "", 2, least=52),
    Column("id", "id", SHORT),
    Column("account", "account", 0),
    Column("model", "model", 0, least=58),
    Column("client", "client", 12, least=136),
    Column("took", "took", 6, right=True, least=44),
    Column("in", "in", 6, right=True, least=78),
    Column("out", "out", 6, right=True, least=78),
    Column("cost", "USD", 8, right=True, least=66),
)
_FULL_ID: Final = 112
"""Cells of a sheet from which on ids are whole."""


class Table(NamedTuple):
    """The columns for a sheet. ``dated``: each row has its date, as nobody sees the rows before it."""

    sheet: Sheet
    columns: tuple[Column, ...]
    dated: bool


def table(sheet: Sheet, *, dated: bool = False) -> Table:
    """Choose the columns; account and model share what the others leave."""
    chosen = [column for column in _COLUMNS if sheet.width >= column.least]
    wide: dict[str, int] = {column.name: column.width for column in chosen}
    if dated:
        wide["time"] = 19
    if sheet.width >= _FULL_ID:
        wide["id"] = _LONG
    left = max(6, sheet.width - sum(wide.values()) - (len(chosen) - 1))
    if "model" in wide:
        wide["account"] = max(6, min(20, left * 2 // 5))
        wide["model"] = max(6, min(32, left - wide["account"]))
        spare = max(0, left - wide["account"] - wide["model"])
        if "client" in wide:  # where there is room for all, names need it most
            wide["client"] += min(12, spare // 2)
            wide["account"] += min(12, spare - spare // 2)
    else:
        wide["account"] = left
    return Table(sheet, tuple(column._replace(width=wide[column.name]) for column in chosen), dated)


def title_line(of: Table) -> Line:
    """Return the titles of the columns."""
    titles = _row({column.name: Span(column.title, "faint") for column in of.columns}, of)
    return clip_line(titles, of.sheet.width, of.sheet.glyphs)


def day_line(at: float, zone: tzinfo | None) -> str:
    """Return the day of a request in words."""
    try:
        when = datetime.fromtimestamp(at, zone)
    except (OverflowError, OSError, ValueError):
        return "At an unknown time"
    return f"{_DAYS[when.weekday()]} {when.day} {_MONTHS[when.month - 1]} {when.year}"


def record_lines(record: Record, of: Table) -> list[Line]:
    """Return the row of a request; below it what went wrong, where something did."""
    glyphs = of.sheet.glyphs
    shown = (record.id if of.sheet.width >= _FULL_ID else brief(record.id)).ljust(1)
    lines = [
        _row(
            {
                "time": Span(_time(record.at, of), "faint"),
                "look": look(record, of.sheet),
                "more": Span(f"+{record.tries - 1}" if record.tries > 1 else "", "warn"),
                "id": Span(shown),
                "account": Span(record.account or glyphs.bullet, "strong" if record.account else "faint"),
                "model": Span(_model(record, of)),
                "client": Span(
                    record.client or (record.origin if record.origin != "client" else ""), "faint"
                ),
                "took": Span(took(record.total_ms)),
                "in": Span("" if record.tokens.sent is None else short(record.tokens.sent)),
                "out": Span("" if record.tokens.output is None else short(record.tokens.output)),
                "cost": cost(record),
            },
            of,
        )
    ]
    if said := _trouble(record):
        indent = " " * (of.columns[0].width + 1)
        room = of.sheet.width - len(indent)
        style: Style = "faint" if record.outcome == "client_gone" else "plain"
        lines.append((Span(indent), Span(clip(said, max(10, room), glyphs), style)))
    return of.sheet.fit(lines)


def model_in(model: str, width: int) -> str:
    """Return a model's id; without what is the least missed of it where it does not fit."""
    return model if cells(model) <= width else _DATE.sub("", model.removeprefix("claude-"))


def running_row(
    request: str, path: str, at: float, now: float, of: Table, *, account: str = "", model: str = ""
) -> Line:
    """Return the row of a request that still runs: when it began, how long ago, and what it asks.

    ``account``: where it is tried now; ``model``: what it is asked for there, else its path is told.
    """
    room = next((column.width for column in of.columns if column.name == "model"), 0)
    blank = {column.name: Span("") for column in of.columns}
    shown = {
        "time": Span(_time(at, of), "faint"),
        "look": Span(of.sheet.glyphs.half, "good"),
        "id": Span(request if of.sheet.width >= _FULL_ID else brief(request)),
        "account": Span(account or of.sheet.glyphs.bullet, "plain" if account else "faint"),
        "model": Span(model_in(model, room)) if model else Span(path, "faint"),
        "took": Span(took(max(0.0, now - at) * 1000), "strong"),
    }
    return _row({name: shown.get(name, cell) for name, cell in blank.items()}, of)


def running_line(running: Mapping[str, float], now: float, sheet: Sheet) -> Line:
    """Return what runs now: ``running`` has the beginning of each request by its id."""
    if not running:
        return (Span("nothing runs", "faint"),)
    facts = [Span(f"{sheet.glyphs.half} {many(len(running), 'request')} running", "good")]
    oldest = max(0.0, now - min(running.values()))
    if oldest >= 1:
        facts.append(Span(f"{sheet.glyphs.sep}the longest for {duration(oldest)}", "faint"))
    return tuple(facts)


def brief(request: str) -> str:
    """Return the part of an id that ``ccflared request`` takes for it."""
    return request.removeprefix(PREFIX)[:SHORT]


def look(record: Record, sheet: Sheet) -> Span:
    """Return sign and status in the colour of how it ended."""
    _, style = OUTCOMES.get(record.outcome, (record.outcome, "warn"))
    if record.outcome == "complete" and (record.status or 0) >= 400:
        style = "warn"
    said = sheet.glyphs.rule if record.status is None else str(record.status)
    return Span(f"{sign_of(style, sheet)} {said}", style)


def took(number: float | None) -> str:
    """Return milliseconds in six cells at most."""
    if number is None:
        return ""
    return milliseconds(number) if number < 3_600_000 else f"{min(number / 3_600_000, 999):.1f} h"


def cost(record: Record) -> Span:
    """Return what a request cost; in parentheses what it would have, had not a plan paid; ``?`` for who knows."""
    if record.cost is None:
        billed = record.tokens.sent or record.tokens.output
        return Span("?" if billed else "", "warn")
    if record.billing == "plan":
        return Span(f"({price(record.cost)})", "faint")
    return Span(price(record.cost))


def price(amount: float) -> str:
    """Return an amount of USD in six cells or so: one request often costs less than a cent."""
    return f"{amount:.4f}" if abs(amount) < 1 else f"{amount:,.2f}"


def _trouble(record: Record) -> str:
    if record.outcome == "complete" and (record.status or 0) < 400:
        return ""
    word = OUTCOMES.get(record.outcome, (record.outcome, ""))[0]
    if record.error:
        return f"{word}: {record.error[:_LONGEST_ERROR]}" if record.outcome != "complete" else record.error
    return "" if record.outcome == "complete" else word


def _model(record: Record, of: Table) -> str:
    wide = next((column.width for column in of.columns if column.name == "model"), 0)
    return model_in(record.model or "", wide)


def _time(at: float | None, of: Table) -> str:
    try:
        when = None if at is None else datetime.fromtimestamp(at, of.sheet.zone)
    except (OverflowError, OSError, ValueError):
        when = None
    if when is None:
        return ""
    return f"{when:%Y-%m-%d %H:%M:%S}" if of.dated else f"{when:%H:%M:%S}"


def _row(cells_by_name: Mapping[str, Span], of: Table) -> Line:
    spans: list[Span] = []
    for column in of.columns:
        if spans:
            spans.append(Span(" "))
        given = cells_by_name[column.name]
        style: Style = given.style
        text = clip(given.text, column.width, of.sheet.glyphs)
        spans += pad((Span(text, style),), column.width, right=column.right)
    return trim(tuple(spans))
