"""What ``ccflared doctor`` looked at, a line each: how it is, and what to do where it is not well. Pure."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from ccflared.cli.render.layout import Line, Span, Style, columns, flow
from ccflared.cli.render.sheet import NARROWEST, Sheet
from ccflared.cli.render.words import many

State = Literal["ok", "warn", "fail", "skip"]
_INDENT: Final = 2
_BELOW: Final = 6


class Check(NamedTuple):
    """One thing that was looked at. ``todo``: what to do next, where something is to be done."""

    name: str
    state: State
    said: str
    todo: str = ""


def is_well(checks: Sequence[Check]) -> bool:
    """Whether nothing is wrong."""
    return all(check.state != "fail" for check in checks)


def check_document(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the checks as ``--json`` prints them."""
    return {"ok": is_well(checks), "checks": [check._asdict() for check in checks]}


def check_lines(checks: Sequence[Check], sheet: Sheet) -> list[Line]:
    """Return a row for each check, what to do below it, and the sum of it at the end."""
    heads = columns([[(_look(check.state, sheet),), (Span(check.name, "strong"),)] for check in checks])
    used = max((sum(len(span.text) for span in head) for head in heads), default=0) + _INDENT + 2
    narrow = sheet.width - used < NARROWEST
    lines: list[Line] = []
    for check, head in zip(checks, heads, strict=True):
        said: Line = (Span(check.said, "faint" if check.state == "skip" else "plain"),)
        below = " " * (_BELOW if narrow else used)
        if narrow:
            lines.append((Span(" " * _INDENT), *head))
            lines += flow([said], "", sheet.width, first=below, rest=below)
        else:
            width = sum(len(span.text) for span in head)
            first, *rest = flow([said], "", sheet.width - used)
            lines.append((Span(" " * _INDENT), *head, Span(" " * (used - _INDENT - width)), *first))
            lines += [(Span(below), *line) for line in rest]
        if check.todo:
            arrow = f"{sheet.glyphs.arrow} "
            todo: Line = (Span(check.todo, "strong"),)
            lines += flow([todo], "", sheet.width, first=below + arrow, rest=below + "  ")
    lines.append(())
    return sheet.fit([*lines, *_sum(checks, sheet)])


def _look(state: State, sheet: Sheet) -> Span:
    looks: dict[State, tuple[str, Style]] = {
        "ok": (sheet.glyphs.dot, "good"),
        "warn": (sheet.glyphs.half, "warn"),
        "fail": (sheet.glyphs.cross, "bad"),
        "skip": (sheet.glyphs.ring, "faint"),
    }
    sign, style = looks[state]
    return Span(f"{sign} {state}", style)


def _sum(checks: Sequence[Check], sheet: Sheet) -> list[Line]:
    wrong = sum(check.state == "fail" for check in checks)
    odd = sum(check.state == "warn" for check in checks)
    also = f" {many(odd, 'thing')} may be worth knowing." if odd else ""
    if not wrong:
        return sheet.text(Span("Nothing is wrong.", "good"), also, indent=0)
    verb = "is" if wrong == 1 else "are"
    return sheet.text(Span(f"{many(wrong, 'thing')} {verb} wrong.", "bad"), also, indent=0)
