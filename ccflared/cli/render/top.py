"""What frames ``ccflared top``: the head, the pages' names, the keys; and accounts as rows to act on. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from ccflared.cli.render.accounts import (
    LONGEST_REASON,
    MOST_REASONS,
    NAME_CELLS,
    end,
    look,
    next_account,
    places,
    spending,
)
from ccflared.cli.render.alerts import alert_lines
from ccflared.cli.render.consumption import Part
from ccflared.cli.render.health import Health
from ccflared.cli.render.layout import Line, Span, Style, cells, clip, clip_line, columns, line_cells, pad
from ccflared.cli.render.members import Account
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Snapshot
from ccflared.cli.render.today import today_lines
from ccflared.cli.render.tokens import token_lines
from ccflared.cli.render.usage import INDENT, unknown_usage, usage_age, usage_lines
from ccflared.cli.render.words import ago, clock, count, duration, many, short, usd

_WITH_PROVIDER: Final = 72
_WITH_PRIORITY: Final = 100
_LEFT_FOR_KEYS: Final = 20
"""Cells of the last line that a note leaves for keys, or there is no note."""


class Block(NamedTuple):
    """Some lines that belong together. ``key``: what they are about, where it can be chosen; "" where not."""

    key: str
    lines: tuple[Line, ...]


def head_line(snapshot: Snapshot, judged: Health, now: float, sheet: Sheet, gone: str = "") -> Line:
    """Return the first line: how the daemon is, and the time at its end. ``gone``: that it does not answer."""
    at = _time(now, sheet)
    room = sheet.width - len(at) - 1
    spans: list[Span] = [Span(f"{sheet.glyphs.cross} {gone}", "bad")]
    if not gone:
        style: Style = "good" if not judged.needs and snapshot.state != "draining" else "warn"
        style = style if next_account(snapshot.accounts) is not None else "bad"
        spans = [Span(f"{sheet.glyphs.dot} ", style), Span("ccflared", "strong")]
        for fact in _facts(snapshot, judged):
            more = Span(f"{sheet.glyphs.sep}{fact}")
            if line_cells((*spans, more)) > room:
                break
            spans.append(more)
    return (*pad(clip_line(tuple(spans), room, sheet.glyphs), room + 1), Span(at, "faint"))


def _facts(snapshot: Snapshot, judged: Health) -> Iterable[str]:
    accounts = [account for account in snapshot.accounts if account.state != "off"]
    if snapshot.state == "draining":
        yield "stopping"
    yield f"{sum(account.state == 'ready' for account in accounts)} of {many(len(accounts), 'account')} ready"
    if judged.needs:
        yield f"{count(len(judged.needs))} to do"
    yield f"{count(snapshot.running)} running"
    if snapshot.traffic.known and snapshot.traffic.minutes:
        yield f"{count(snapshot.traffic.minutes[-1])} in the last minute"
    if snapshot.started_at is not None:
        yield f"up {duration(snapshot.now - snapshot.started_at)}"


def page_line(names: Sequence[str], shown: str, sheet: Sheet) -> Line:
    """Return the names of the pages with their numbers, the one shown strong; the others may lose theirs."""
    for named in (True, False):
        line = tuple(
            Span(f" {number} {name} ", "strong")
            if name == shown
            else Span(f" {number} {name if named else ''}", "faint")
            for number, name in enumerate(names, 1)
        )
        if line_cells(line) <= sheet.width:
            break
    return clip_line(line, sheet.width, sheet.glyphs)


def rule_line(sheet: Sheet) -> Line:
    """Return a thin line across."""
    return (Span(sheet.glyphs.rule * sheet.width, "faint"),)


def foot_lines(keys: Sequence[tuple[str, str]], note: str, sheet: Sheet, most: int) -> list[Line]:
    """Return the keys with a word each in up to ``most`` lines: what does not fit goes, but never the last two.

    ``note``: what stands at the right end, where it is not too much.
    """
    shown = list(keys)
    note = note if cells(note) + _LEFT_FOR_KEYS <= sheet.width else ""
    while len(lines := _filled(shown, note, sheet.width)) > most and len(shown) > 2:
        shown.pop(-3)
    if note:
        room = sheet.width - cells(note) - 1
        lines[-1] = (*pad(clip_line(lines[-1], max(0, room), sheet.glyphs), room), Span(f" {note}", "faint"))
    return sheet.fit(lines[-most:])


def _filled(keys: Sequence[tuple[str, str]], note: str, width: int) -> list[Line]:
    """Return keys in lines; the note has its place in the last one."""
    lines: list[Line] = [()]
    for number, (key, word) in enumerate(keys, 1):
        own = (Span(f" {key}", "strong"), Span(f" {word} ", "faint"))
        after = cells(note) + 1 if note and number == len(keys) else 0
        if lines[-1] and line_cells(lines[-1]) + line_cells(own) + after > width:
            lines.append(())
        lines[-1] = (*lines[-1], *own)
    return lines


def account_blocks(
    snapshot: Snapshot, today: Mapping[str, Part], judged: Health, now: float, sheet: Sheet
) -> list[Block]:
    """Return an account each, in the order they are tried, then alerts, and what needs a person.

    ``today``: what each has served since the day began.
    """
    accounts = snapshot.accounts
    heads = columns(
        [_head(account, number, sheet) for account, number in zip(accounts, places(accounts), strict=True)]
    )
    rows = sheet.rows(heads, [_beside(account, now, sheet) for account in accounts], indent=1, below=INDENT)
    windows = usage_lines([account.usage for account in accounts], now, sheet)
    blocks: list[Block] = []
    for account, row, own in zip(accounts, rows, windows, strict=True):
        lines = row + _reasons(account, sheet)
        lines += own + unknown_usage(account, now, sheet) + token_lines(account, now, sheet, all_well=False)
        if account.name in today:
            lines += day_lines(today[account.name], sheet)
        blocks.append(Block(account.name, tuple(sheet.fit(lines))))
    if not accounts:
        blocks.append(Block("", ((), *sheet.text("No account yet. Press a to add the first one."))))
    if snapshot.today.known:
        blocks.append(Block("", (*sheet.heading("Today"), *sheet.fit(today_lines(snapshot.today, sheet)))))
    if alerts := alert_lines(snapshot.alerts, now, sheet):
        blocks.append(Block("", tuple(sheet.fit(alerts))))
    blocks += _sentences("What needs you", judged.needs, Span(f"{sheet.glyphs.cross} ", "bad"), sheet)
    blocks += _sentences("Worth knowing", judged.notes, Span(f"{sheet.glyphs.bullet} ", "warn"), sheet)
    return blocks


def _head(account: Account, number: str, sheet: Sheet) -> list[Line]:
    row: list[Line] = [
        (
            Span(f"{number} ", "strong" if ">" in number else "faint"),
            Span(clip(account.name, NAME_CELLS, sheet.glyphs), "strong" if number.strip() else "plain"),
        ),
    ]
    if sheet.width >= _WITH_PROVIDER:
        row.append((Span(clip(account.provider, 20, sheet.glyphs), "faint"),))
    if sheet.width >= _WITH_PRIORITY:
        said = "" if account.priority is None else f"priority {account.priority}"
        row.append((Span(said, "faint"),))
    return [*row, (look(account.state, sheet),)]


def _beside(account: Account, now: float, sheet: Sheet) -> list[Line]:
    """Return what stands beside the state: what it does, until when it does not, when it did."""
    parts: list[Span] = []
    if account.running:
        parts.append(Span(f"{account.running} running", "good"))
    if account.until is not None:
        parts.append(Span(end(account.state, account.until, now, sheet)))
    if account.paused_since is not None and account.state == "paused":
        parts.append(Span(f"since {clock(account.paused_since, now, sheet.zone)}"))
    if account.session:
        parts.append(Span("session", "faint"))
    if account.last_used is not None and not account.running:
        parts.append(Span(f"used {ago(account.last_used, now)}", "faint"))
    if account.budget is not None:
        parts += [Span(fact, "faint") for fact in spending(account.budget)]
    if account.usage is not None and account.usage.overage == "in use":
        parts.append(Span("paid extra usage is in use", "warn"))
    if told := usage_age(account.usage):
        parts.append(Span(told, "faint"))
    return [(part,) for part in parts]


def _reasons(account: Account, sheet: Sheet) -> list[Line]:
    """Return why an account is in its state, a line or so each."""
    reasons = [account.reason, *(other.reason for other in account.also)]
    told = list(dict.fromkeys(reason for reason in reasons if reason))[:MOST_REASONS]
    said = [clip(reason, LONGEST_REASON, sheet.glyphs) for reason in told]
    return sheet.facts(
        *(Span(text, "faint" if at else "plain") for at, text in enumerate(said)), indent=INDENT, hang=0
    )


def day_lines(part: Part, sheet: Sheet) -> list[Line]:
    """Return what an account has served today. Value that a plan paid for and money stand apart."""
    tokens = part.input + part.output + part.cache
    facts: list[Span] = [Span(many(part.requests, "request"))]
    if tokens:
        facts.append(Span(f"{short(tokens)} tokens"))
    if part.plan or part.unpriced_plan:
        unknown = " + ?" if part.unpriced_plan else ""
        facts.append(Span(f"value {usd(part.plan)}{unknown} USD", "faint"))
    if part.money or part.unpriced_money:
        unknown = " + ?" if part.unpriced_money else ""
        facts.append(Span(f"money {usd(part.money)}{unknown} USD"))
    return sheet.facts(*facts, label="today  ", indent=INDENT)


def _sentences(title: str, sentences: Sequence[str], sign: Span, sheet: Sheet) -> list[Block]:
    if not sentences:
        return []
    lines = sheet.heading(title)
    for sentence in sentences:
        lines += sheet.text(sign, sentence, hang=2)
    return [Block("", tuple(lines))]


def _time(at: float, sheet: Sheet) -> str:
    try:
        return f"{datetime.fromtimestamp(at, sheet.zone):%H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        return ""
