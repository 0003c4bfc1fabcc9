"""Accounts that are, or were, not asked, and why: for ``explain`` and ``request``. Pure."""

from collections.abc import Sequence
from typing import Final

from ccflared.cli.render.accounts import LONGEST_REASON, NAME_CELLS, end, look
from ccflared.cli.render.explanation import NotAsked
from ccflared.cli.render.layout import Line, Span, clip, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import clock, listed

_TOGETHER: Final = 3
"""From how many accounts on one reason is told once for all of them."""
LEAST: Final = 34
"""Cells that a reason needs beside names and states; with fewer it stands below them."""
_INDENT: Final = 7


def passed_lines(passed: Sequence[NotAsked], now: float, sheet: Sheet, *, over: bool = False) -> list[Line]:
    """Return who is not asked and why. ``over``: it was so then, and its end may have passed long ago."""
    groups = _groups(passed)
    heads = columns([[(Span(_name(group, sheet)),), (look(group[0].state, sheet),)] for group in groups])
    notes = [_note(group[0], now, sheet, over=over) for group in groups]
    lines: list[Line] = []
    for group, block in zip(groups, sheet.rows(heads, notes, least=LEAST), strict=True):
        lines += block
        if len(group) > 1:
            lines += sheet.text(Span(listed([each.account for each in group]), "faint"), indent=_INDENT)
    return lines


def _groups(passed: Sequence[NotAsked]) -> list[list[NotAsked]]:
    """Return accounts that are passed over for one reason together, where they are many; else each apart."""
    alike: dict[tuple[object, ...], list[NotAsked]] = {}
    for each in passed:
        alike.setdefault(each[1:], []).append(each)
    groups: list[list[NotAsked]] = []
    for each in passed:
        group = alike[each[1:]]
        if len(group) < _TOGETHER:
            groups.append([each])
        elif group[0] is each:
            groups.append(group)
    return groups


def _name(group: Sequence[NotAsked], sheet: Sheet) -> str:
    return f"{len(group)} accounts" if len(group) > 1 else clip(group[0].account, NAME_CELLS, sheet.glyphs)


def _note(each: NotAsked, now: float, sheet: Sheet, *, over: bool) -> list[Line]:
    facts = [clip(each.reason, LONGEST_REASON * 2, sheet.glyphs)] if each.reason else []
    if each.until is not None and over:
        facts.append(f"until {clock(each.until, now, sheet.zone)}")
    elif each.until is not None:
        facts.append(end(each.state, each.until, now, sheet))
    return [(Span(fact),) for fact in facts]
