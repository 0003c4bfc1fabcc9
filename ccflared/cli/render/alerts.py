"""Alerts: those that hold, on top of the status page where nothing else of it says them, and a list of all. Pure."""

from typing import Final, NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, Style
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ago, clock, many

MOST: Final = 4
PAST: Final = 10
"""Of alerts that are over or acknowledged, how many are listed."""
_SAID_ELSEWHERE: Final = frozenset({"needs_login", "history_off"})
"""Types that stand below What needs you."""


class Told(NamedTuple):
    """An alert that holds and that nobody has acknowledged."""

    title: str
    severity: str
    at: float | None


class Item(NamedTuple):
    """An alert of the list. ``over``: since when it holds no longer."""

    id: str
    title: str
    message: str
    severity: str
    at: float | None
    acknowledged: bool
    over: float | None

    @property
    def open(self) -> bool:
        """Whether it holds and nobody has acknowledged it."""
        return not self.acknowledged and self.over is None


def read_item(item: Json) -> Item:
    """Return an alert of ``/api/insights/alerts``."""
    return Item(
        item.text("id"),
        item.text("title"),
        item.text("message"),
        item.text("severity"),
        item.number("at"),
        item.flag("acknowledged", default=False),
        item.number("resolved_at"),
    )


def list_lines(items: list[Item], now: float, sheet: Sheet) -> list[Line]:
    """Return the open alerts, then the latest of the others; ``items``: the newest first."""
    still = [item for item in items if item.open]
    past = [item for item in items if not item.open][:PAST]
    lines = sheet.heading("Open alerts")[1:]
    for item in still:
        lines += _item(item, now, sheet)
    if not still:
        lines += sheet.text(Span("None.", "good"))
    if past:
        lines += sheet.heading("Over, or acknowledged", "the latest")
    for item in past:
        lines += _item(item, now, sheet)
    if still:
        lines.append(())
        lines += sheet.text(
            Span("Somebody knows of it: ccflared alert acknowledge ID, or all", "faint"), indent=0
        )
    return sheet.fit(lines)


def _item(item: Item, now: float, sheet: Sheet) -> list[Line]:
    """Return what an alert is, when, under which id, and why."""
    sign = sheet.glyphs.bullet if item.open else sheet.glyphs.ring
    style: Style = "faint" if not item.open else "bad" if item.severity == "critical" else "warn"
    lines = sheet.text(Span(f"{sign} ", style), Span(item.title or "(no title)", "strong"), hang=2)
    facts = [] if item.at is None else [f"{clock(item.at, now, sheet.zone)}, {ago(item.at, now)}"]
    if item.over is not None:
        facts.append(f"over since {clock(item.over, now, sheet.zone)}")
    if item.acknowledged:
        facts.append("acknowledged")
    lines += sheet.facts(*(Span(fact, "faint") for fact in [*facts, item.id]), indent=4, hang=0)
    if item.message and item.message != item.title:
        lines += sheet.text(item.message, indent=4, hang=0)
    return lines


def read_alerts(items: list[Json]) -> tuple[Told, ...]:
    """Return the alerts of ``/api/status`` that are worth a line of their own."""
    return tuple(
        Told(item.text("title"), item.text("severity"), item.number("at"))
        for item in items
        if not item.flag("acknowledged", default=False) and not _said(item)
    )


def alert_lines(alerts: tuple[Told, ...], now: float, sheet: Sheet) -> list[Line]:
    """Return a line for each alert, the newest first; none where there is none."""
    lines: list[Line] = [()] if alerts else []
    for alert in alerts[:MOST]:
        sign = Span(f"{sheet.glyphs.bullet} ", "bad" if alert.severity == "critical" else "warn")
        when = "" if alert.at is None else f"{sheet.glyphs.sep}{ago(alert.at, now)}"
        lines += sheet.text(sign, alert.title, Span(when, "faint"), hang=2)
    if len(alerts) > MOST:
        lines += sheet.text(Span(f"and {many(len(alerts) - MOST, 'more alert')}", "faint"))
    return lines


def _said(item: Json) -> bool:
    """Whether the page says it anyway: a spent budget stands beside the account or client whose it is."""
    kind = item.text("type")
    mine = kind == "budget_spent" and (item.maybe("account") or item.maybe("client"))
    return kind in _SAID_ELSEWHERE or bool(mine)
