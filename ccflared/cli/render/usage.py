"""The usage windows of accounts as bars: how much is used, and when it begins anew. Pure.

What was told before a window was reset says nothing any more: such a window shows how old it is, and never a share.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ccflared.cli.render.layout import Glyphs, Line, Span, Style, clip, columns, line_cells, pad, trim
from ccflared.cli.render.members import Account, Usage, Window
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ago, ahead, duration

OLD = 600.0
"""Seconds after which it is worth saying how long ago the provider told of it."""
NEARLY = 0.8
"""The share from which on a bar has another colour."""
INDENT = 6
_NAME_CELLS = 12
_LONGEST_PROBLEM = 160
_WIDE, _NARROW = 10, 6
_ROOM = 96
"""Cells of a sheet below which the bars are the narrow ones."""
_GAP = 2
_LONG, _SHORT = len("resets in 4 h 59 min"), len("told 40 min ago")
"""Cells that are kept free for when a window resets, so that nothing moves while the time runs."""


_Layout = Literal["beside", "long", "short"]
"""Windows beside each other; one a line, with all words or with few."""


class _Cell(NamedTuple):
    """One window: its name, bar and share, and when it resets, in long words and in short ones."""

    head: list[Line]
    long: Line
    short: Line


def usage_lines(usages: Sequence[Usage | None], now: float, sheet: Sheet) -> list[list[Line]]:
    """Return for each account its windows, as many on a line as there is room for, those of all below each other."""
    found = [
        [_cell(window, usage, now, sheet) for window in usage.windows] if usage else [] for usage in usages
    ]
    most = max((len(cells) for cells in found), default=0)
    heads = [_aligned([cells[at].head for cells in found if len(cells) > at]) for at in range(most)]
    widths = [line_cells(column[0]) + 1 for column in heads]
    layout = _layout(widths, sheet.width - INDENT)
    taken = [iter(column) for column in heads]
    lines: list[list[Line]] = []
    for cells in found:
        own: list[tuple[Line, Line, int]] = []
        for at, cell in enumerate(cells):
            long = layout == "long" or (layout == "beside" and at == 0)
            kept = widths[at] + (_LONG if long else _SHORT)
            when = cell.long if long and (layout == "long" or line_cells(cell.long) <= _LONG) else cell.short
            own.append((next(taken[at]), when, kept))
        lines.append(_filled(own, sheet))
    return lines


def _aligned(heads: list[list[Line]]) -> list[Line]:
    """Return the heads of the windows that stand below each other, all as wide as the widest."""
    lines = columns(heads, gap=1, right=frozenset({2}))
    width = max((line_cells(line) for line in lines), default=0)
    return [pad(line, width) for line in lines]


def _layout(widths: list[int], room: int) -> _Layout:
    """Choose by what the heads take, and not by what the time says: nothing shall jump about while that runs."""
    if len(widths) > 1 and widths[0] + _LONG + _GAP + widths[1] + _SHORT <= room:
        return "beside"
    return "long" if max(widths, default=0) + _LONG <= room else "short"


def _filled(cells: list[tuple[Line, Line, int]], sheet: Sheet) -> list[Line]:
    """Put the windows of one account behind each other, each with the cells it keeps, as long as there is room."""
    indent = Span(" " * INDENT)
    lines: list[Line] = []
    for head, when, kept in cells:
        cell = pad((*head, Span(" "), *when), kept)
        begun = (*lines[-1], Span(" " * _GAP)) if lines else ()
        if lines and line_cells(begun) + line_cells(cell) <= sheet.width:
            lines[-1] = (*begun, *cell)
        elif INDENT + line_cells(trim(cell)) <= sheet.width:
            lines.append((indent, *cell))
        else:
            lines += [(indent, *head), (indent, Span("  "), *when)]
    return sheet.fit([trim(line) for line in lines])


def bar(share: float, room: int, glyphs: Glyphs) -> str:
    """Return a bar of ``room`` cells between its edges. Only nothing is empty, and only all of it is full."""
    steps = len(glyphs.parts) + 1
    most = room * steps
    filled = most if share >= 1.0 else 0 if share <= 0.0 else min(max(1, round(share * most)), most - 1)
    whole, part = divmod(filled, steps)
    text = glyphs.block * whole + (glyphs.parts[part - 1] if part else "")
    return f"{glyphs.edges[0]}{text:<{room}}{glyphs.edges[1]}"


def unknown_bar(room: int, glyphs: Glyphs) -> str:
    """Return what stands in the place of a bar where nobody knows how much is used: it must not look like nothing."""
    return f"{glyphs.edges[0]}{('.' if glyphs.ascii_only else '·') * room}{glyphs.edges[1]}"


def percent(share: float) -> str:
    """Return ``62 %``; ``100 %`` only where nothing is left."""
    number = round(share * 100)
    return f"{max(0, min(number, 99) if share < 1.0 else min(number, 999))} %"


def wide(sheet: Sheet) -> int:
    """Return how many cells a bar has on this sheet."""
    return _WIDE if sheet.width >= _ROOM else _NARROW


def fullest(usage: Usage | None, now: float) -> float | None:
    """Return the share of the window that is used most, of those that still say something; None: there is none."""
    windows = usage.windows if usage is not None else ()
    shares = [
        1.0 if window.spent else window.utilization
        for window in windows
        if " " not in window.name and not ended(window, now)
    ]
    return max((share for share in shares if share is not None), default=None)


def usage_age(usage: Usage | None) -> str:
    """Say how long ago an account's usage was told of, and by what, where that is long ago; else ``""``."""
    if usage is None or not usage.windows:
        return ""
    head = usage.windows[0]
    age = _age(head, usage)
    if age < OLD:
        return ""
    return f"usage told {ago(-age, 0.0)}{' by polling' if head.polled else ''}"


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


def _cell(window: Window, usage: Usage, now: float, sheet: Sheet) -> _Cell:
    room = wide(sheet)
    name: Line = (Span(clip(window.name, _NAME_CELLS, sheet.glyphs), "faint"),)
    unknown: list[Line] = [
        name,
        (Span(unknown_bar(room, sheet.glyphs), "faint"),),
        (Span("?", "faint"),),
    ]
    age = _age(window, usage)
    if ended(window, now):
        told: Line = (Span(f"told {duration(age)} ago", "faint"),)
        return _Cell(unknown, (*told, Span(", reset since", "faint")), told)
    share = 1.0 if window.spent else window.utilization
    head = unknown
    if share is not None:
        style: Style = "warn" if window.spent or share >= NEARLY else "good"
        said = "spent" if window.spent else percent(share)
        head = [
            name,
            (Span(bar(share, room, sheet.glyphs), style),),
            (Span(said, "warn" if window.spent else "plain"),),
        ]
    apart = _apart(window, usage)
    if window.resets_at is None:
        when: Line = (Span("not told" if share is None else "", "faint"),)
        return _Cell(head, (*when, *apart), (*when, *apart))
    soon = Span(ahead(window.resets_at, now))
    return _Cell(head, (Span(f"resets {soon.text}"), *apart), (soon, *apart))


def _age(window: Window, usage: Usage) -> float:
    return usage.age if window.age is None else window.age


def _apart(window: Window, usage: Usage) -> Line:
    """Say how old a window is where that differs from the first one's, whose age is told for all."""
    head, age = usage.windows[0], _age(window, usage)
    if age < OLD or abs(age - _age(head, usage)) < OLD / 10:
        return ()
    return (Span(f", told {duration(age)} ago", "faint"),)


def ended(window: Window, now: float) -> bool:
    """Whether the window has been reset since it was told of: what was used of it says nothing any more."""
    return window.resets_at is not None and window.resets_at <= now
