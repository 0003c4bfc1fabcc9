"""The pages: what each asks the daemon for, and what it shows of what is known."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from time import time
from typing import Final, NamedTuple

from ccflared import __version__
from ccflared.cli.render.charts import chart_lines
from ccflared.cli.render.choices import LEVELS
from ccflared.cli.render.consumption import consumption_lines
from ccflared.cli.render.conversations import conversation_line, fitting, titles
from ccflared.cli.render.health import health
from ccflared.cli.render.layout import Line, Span, line_cells
from ccflared.cli.render.log import LogLine, log_line_lines, log_text
from ccflared.cli.render.records import Record
from ccflared.cli.render.requests import Table, record_lines, running_row, table, title_line
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.top import Block, account_blocks
from ccflared.cli.render.words import many
from ccflared.cli.top.feed import Wish
from ccflared.cli.top.keys import ACCOUNTS, CHARTS, CONVERSATIONS, COSTS, LOGS, REQUESTS
from ccflared.cli.top.known import Known, Running

BY: Final = ("account", "model", "client", "project", "day")
SPANS: Final = {"today": "today", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
RANGES: Final = {"1h": "hour", "6h": "6 hours", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_PARTS: Final = "timeSeries,shares"
ACCOUNT: Final = "account:"
CONVERSATION: Final = "conversation:"
"""What a filter begins with that means the requests of one account, or conversation, and nothing that is alike."""


@dataclass(slots=True)
class Look:
    """What somebody has chosen to see."""

    page: str = ACCOUNTS
    filters: dict[str, str] = field(default_factory=dict)
    by: str = BY[0]
    span: str = "today"
    range: str = "1h"
    level: str = "info"
    held: dict[str, Known] = field(default_factory=dict)
    """Pages that are held: what was known then."""

    @property
    def filter(self) -> str:
        """The text that is looked for on this page."""
        return self.filters.get(self.page, "")


class Frame(NamedTuple):
    """What a page is drawn on. ``height``: lines there are."""

    known: Known
    look: Look
    sheet: Sheet
    now: float
    height: int


def wish(look: Look, known: Known) -> Wish | None:
    """Return the figures that a page asks for besides what is always told."""
    if look.page == CONVERSATIONS:
        return Wish(CONVERSATIONS, "/api/conversations?limit=100", 3.0, Known.talks)
    if look.page == COSTS:
        path = f"/api/usage?by={look.by}&since={_since(look, known)}"
        return Wish(COSTS, path, 5.0, partial(_used, _asked(look)))
    if look.page == CHARTS:
        path = f"/api/analytics?range={look.range}&parts={_PARTS}"
        return Wish(CHARTS, path, 5.0 if look.range == "1h" else 30.0, Known.charted)
    return None


def _since(look: Look, known: Known) -> str:
    return f"{known.day:.0f}" if look.span == "today" else look.span


def _asked(look: Look) -> str:
    return f"{look.by} {look.span}"


def _used(asked: str, known: Known, value: object) -> bool:
    return known.used(value, asked)


def drawn(frame: Frame) -> tuple[list[Line], list[Block]]:
    """Return the lines of a page that stay, and its blocks."""
    draw: dict[str, Callable[[Frame], tuple[list[Line], list[Block]]]] = {
        ACCOUNTS: _accounts,
        REQUESTS: _requests,
        CONVERSATIONS: _conversations,
        COSTS: _costs,
        LOGS: _logs,
        CHARTS: _charts,
    }
    top, blocks = draw[frame.look.page](frame)
    problem = frame.known.problems.get(frame.look.page)
    if problem and not frame.known.gone:
        blocks = [_said(problem, frame.sheet), *blocks]
    return top, blocks


def _said(text: str, sheet: Sheet) -> Block:
    return Block("", ((), *sheet.letter(text)))


def _accounts(frame: Frame) -> tuple[list[Line], list[Block]]:
    known = frame.known
    judged = health(known.status, __version__)
    blocks = account_blocks(known.status, known.today, judged, frame.now, frame.sheet)
    if sum(len(block.lines) for block in blocks) + len(blocks) <= frame.height:
        blocks = [
            block._replace(lines=(*block.lines, ())) if block.key and after.key else block
            for block, after in zip(blocks, [*blocks[1:], Block("", ())], strict=True)
        ]
    return [], blocks


def _requests(frame: Frame) -> tuple[list[Line], list[Block]]:
    known, sheet = frame.look.held.get(REQUESTS, frame.known), frame.sheet
    of = table(sheet)
    blocks: list[Block] = []
    if not frame.look.filter:
        running = sorted(known.running.values(), key=lambda each: each.at)
        blocks = [Block("", (_running(each, frame.now, of),)) for each in running]
        if known.before:
            said = f"and {many(known.before, 'request')} that began before"
            blocks.append(Block("", ((Span(f"         {sheet.glyphs.half} {said}", "faint"),),)))
    wanted = frame.look.filter
    rows = [
        Block(record.id, _record(record, sheet))
        for record in reversed(known.requests.values())
        if not wanted or _fits(record, wanted)
    ]
    if not rows:
        said = (
            f"None of the latest requests has {frame.look.filter!r} in it." if wanted else "No request yet."
        )
        blocks.append(_said(said, sheet))
    return [title_line(of)], blocks + rows


def _running(request: Running, now: float, of: Table) -> Line:
    return running_row(
        request.id, request.path, request.at, now, of, account=request.account, model=request.model
    )


@lru_cache(maxsize=2000)
def _record(record: Record, sheet: Sheet) -> tuple[Line, ...]:
    return tuple(record_lines(record, table(sheet)))


def _fits(record: Record, wanted: str) -> bool:
    if wanted.startswith(ACCOUNT):
        return record.account == wanted.removeprefix(ACCOUNT)
    if wanted.startswith(CONVERSATION):
        return record.conversation == wanted.removeprefix(CONVERSATION)
    return wanted.lower() in _told(record)


@lru_cache(maxsize=2000)
def _told(record: Record) -> str:
    """Return the words of a request that are looked through."""
    words = (
        *(record.id, record.account, record.provider, record.outcome, record.error, record.path),
        *(record.model, record.requested, record.applied, record.project, record.conversation),
        *(record.client, record.chain, record.origin, None if record.status is None else str(record.status)),
    )
    return "\n".join(word for word in words if word).lower()


def _conversations(frame: Frame) -> tuple[list[Line], list[Block]]:
    talks, sheet, wanted = frame.known.conversations, frame.sheet, frame.look.filter
    if talks is None:
        return [titles(sheet)], []
    shown = [talk for talk in talks if not wanted or fitting(talk, wanted)]
    blocks = [Block(talk.key, (conversation_line(talk, frame.now, sheet),)) for talk in shown]
    if not shown:
        said = (
            f"No conversation has {wanted!r} in it."
            if wanted
            else "Nobody has said anything in the last 5 hours."
        )
        blocks.append(_said(said, sheet))
    return [titles(sheet)], blocks


def _costs(frame: Frame) -> tuple[list[Line], list[Block]]:
    look, sheet = frame.look, frame.sheet
    choice: Line = (Span(" by "), *_choices(BY, look.by), Span("   "), *_choices(tuple(SPANS), look.span))
    if line_cells(choice) > sheet.width:
        choice = (
            Span(" by "),
            *_choices((look.by,), look.by),
            Span("   "),
            *_choices((look.span,), look.span),
        )
    costs = frame.known.costs
    if costs is None or costs[0] != _asked(look):
        return [choice, ()], []
    lines = consumption_lines(costs[1], frame.now, sheet)
    return sheet.fit([choice, ()]), [Block("", tuple(lines))]


def _choices(all_of: tuple[str, ...], chosen: str) -> list[Span]:
    return [Span(f"[{name}]", "strong") if name == chosen else Span(f" {name} ", "faint") for name in all_of]


def _logs(frame: Frame) -> tuple[list[Line], list[Block]]:
    look, sheet = frame.look, frame.sheet
    known = look.held.get(LOGS, frame.known)
    least, wanted = LEVELS.index(look.level), look.filter.lower()
    blocks = [
        Block("", _line(line, sheet))
        for _, line in known.lines
        if line.rank >= least and (not wanted or wanted in log_text(line).lower())
    ]
    choice: Line = (Span(" from "), *_choices(tuple(LEVELS), look.level), Span(" on"))
    if not blocks:
        blocks = [_said("Nothing so far.", sheet)]
    return sheet.fit([choice, ()]), blocks


@lru_cache(maxsize=2000)
def _line(line: LogLine, sheet: Sheet) -> tuple[Line, ...]:
    return tuple(log_line_lines(line, sheet))


def _charts(frame: Frame) -> tuple[list[Line], list[Block]]:
    look, sheet = frame.look, frame.sheet
    choice: Line = (Span(" the last "), *_choices(tuple(RANGES), look.range))
    chart = frame.known.chart
    if chart is None or chart.range != look.range:
        return [choice, ()], []
    return sheet.fit([choice, ()]), [Block("", tuple(chart_lines(chart, sheet, frame.height - 2)))]


def copied(known: Known) -> Known:
    """Return what is known now of requests and lines, whatever comes."""
    held = Known(known.status, known.told_at, known.day)
    held.requests = known.requests.copy()
    held.running = dict(known.running)
    held.lines = known.lines.copy()
    return held


def moment(known: Known) -> float:
    """Return the daemon's time now, by what it told."""
    return known.status.now + max(0.0, time() - known.told_at)
