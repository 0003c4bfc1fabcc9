"""The usage windows of accounts as bars: how much is used, and when it begins anew. Pure."""

from collections.abc import Sequence

from ccflared.cli.render.layout import Glyphs, Line, Span, Style, clip, columns
from ccflared.cli.render.members import Account, Usage, Window
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ago, ahead, duration

OLD = 600.0
"""Seconds after which it is worth saying how long ago the provider told of it."""
NEARLY = 0.8
"""The share from which on a bar has another colour."""
INDENT = 7
_NAME_CELLS = 12
_LONGEST_PROBLEM = 160
_WIDE, _NARROW = 10, 6
_ROOM = 64
"""Cells of a sheet below which the bars are the narrow ones."""


def usage_lines(usages: Sequence[Usage | None], now: float, sheet: Sheet) -> list[list[Line]]:
    """Return for each account its windows, a line each, the bars of all accounts below each other."""
    owners: list[int] = []
    rows: list[list[Line]] = []
    facts: list[list[Line]] = []
    for owner, usage in enumerate(usages):
        for number, window in enumerate(usage.windows if usage else ()):
            owners.append(owner)
            rows.append(_row(window, now, sheet))
            facts.append(_facts(window, usage, now, first=number == 0))
    found: list[list[Line]] = [[] for _ in usages]
    lines = sheet.rows(columns(rows, right=frozenset({2})), facts, indent=INDENT, below=INDENT + 2)
    for owner, line in zip(owners, lines, strict=True):
        found[owner] += line
    return found


def bar(share: float, room: int, glyphs: Glyphs) -> str:
    """Return a bar of ``room`` cells between its edges. Only nothing is empty, and only all of it is full."""
    steps = len(glyphs.parts) + 1
    most = room * steps
    filled = most if share >= 1.0 else 0 if share <= 0.0 else min(max(1, round(share * most)), most - 1)
    whole, part = divmod(filled, steps)
    text = glyphs.block * whole + (glyphs.parts[part - 1] if part else "")
    return f"{glyphs.edges[0]}{text:<{room}}{glyphs.edges[1]}"


def percent(share: float) -> str:
    """Return ``62 %``; ``100 %`` only where nothing is left."""
    number = round(share * 100)
    return f"{max(0, min(number, 99) if share < 1.0 else min(number, 999))} %"


def wide(sheet: Sheet) -> int:
    """Return how many cells a bar has on this sheet."""
    return _WIDE if sheet.width >= _ROOM else _NARROW


def _row(window: Window, now: float, sheet: Sheet) -> list[Line]:
    room = wide(sheet)
    name: Line = (Span(clip(window.name, _NAME_CELLS, sheet.glyphs), "faint"),)
    if _ended(window, now):
        return [name, (Span(bar(0.0, room, sheet.glyphs), "faint"),), ()]
    share = window.utilization
    if window.spent:
        return [name, (Span(bar(1.0, room, sheet.glyphs), "warn"),), (Span("spent", "warn"),)]
    if share is None:
        return [name, (), ()]
    style: Style = "warn" if share >= NEARLY else "good"
    return [name, (Span(bar(share, room, sheet.glyphs), style),), (Span(percent(share)),)]


def unknown_usage(account: Account, now: float, sheet: Sheet) -> list[Line]:
    """Return why nothing newer is known of an account's usage, where the provider was asked and did not tell."""
    polling = account.polling
    if polling is None or polling.problem is None:
        return []
    what = "newer usage" if account.usage is not None and account.usage.windows else "usage"
    facts = [Span(f"{what} unknown: {clip(polling.problem, _LONGEST_PROBLEM, sheet.glyphs)}", "faint")]
    if polling.next_at is not None and polling.next_at > now:
        facts.append(Span(f"asked again {ahead(polling.next_at, now)}", "faint"))
    return sheet.facts(*facts, indent=INDENT)


def _facts(window: Window, usage: Usage | None, now: float, *, first: bool) -> list[Line]:
    """Return when the window resets; of the account's first, also what is said of all of them."""
    facts: list[Span] = []
    if _ended(window, now):
        facts.append(Span(f"reset {ago(window.resets_at or now, now)}", "faint"))
    elif window.resets_at is not None:
        facts.append(Span(f"resets {ahead(window.resets_at, now)}"))
    elif window.utilization is None and not window.spent:
        facts.append(Span("not told", "faint"))
    if first and usage is not None and usage.overage == "in use":
        facts.append(Span("paid extra usage is in use", "warn"))
    if usage is not None and (told := _told(window, usage, first=first)):
        facts.append(Span(told, "faint"))
    return [(fact,) for fact in facts]


def _told(window: Window, usage: Usage, *, first: bool) -> str:
    """Say how old a window is, and who told of it; behind the first window only where it differs from that.

    What was asked for is as old as the last time it was asked; what answers told of is fresh until it is old.
    """
    age = usage.age if window.age is None else window.age
    if not first:
        head = usage.windows[0]
        same = (
            window.polled == head.polled
            and abs(age - (head.age if head.age is not None else usage.age)) < 60.0
        )
        if same:
            return ""
    if window.polled:
        return f"told {ago(-age, 0.0)} by polling"
    return f"told {duration(age)} ago" if age >= OLD else ""


def _ended(window: Window, now: float) -> bool:
    """Whether the window has been reset since it was told of: what was used of it says nothing any more."""
    return window.resets_at is not None and window.resets_at <= now
