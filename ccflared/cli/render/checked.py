"""What ``check`` and ``config`` tell of the file: mistakes, doubts, what is in it, values. Pure."""

from collections.abc import Iterable, Sequence

from ccflared.cli.render.layout import Line, Span, line_cells, wrap
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Mistake
from ccflared.cli.render.verdict import mistake_lines
from ccflared.cli.render.words import many

_LABEL = 10
_INDENT = 4
"""Of the excerpt below a mistake, as :mod:`ccflared.config.report` has it."""


def read_mistake(told: str) -> Mistake:
    """Return a mistake from its one to three lines: ``FILE:LINE:COLUMN: message``, the line of the file, the caret."""
    head, *excerpt = told.split("\n")
    place, _, message = head.partition(": ")
    return Mistake(place, message, tuple(line[_INDENT:] for line in excerpt))


def mistakes_lines(mistakes: Iterable[Mistake], sheet: Sheet) -> list[Line]:
    """Return mistakes, one below the other."""
    return [line for mistake in mistakes for line in mistake_lines(mistake, sheet, excerpt=_INDENT)]


def secrets_lines(missing: Sequence[tuple[str, str]], sheet: Sheet, *, wrong: bool) -> list[Line]:
    """Return which secrets cannot be read, and why; ``wrong``: that is asked for as a mistake."""
    lines: list[Line] = []
    for key, problem in missing:
        lines += sheet.text(Span(f"{key}:", "strong"), f" {problem}", indent=0, hang=2)
    if missing:
        said = "(As seen from here; the daemon's environment and rights may differ.)"
        lines += [*sheet.text(Span(said, "faint"), indent=0), ()]
    if missing and wrong:
        lines += sheet.text(Span(f"{many(len(missing), 'secret')} cannot be read.", "bad"), indent=0)
    return lines


def fact_lines(facts: dict[str, list[str]], sheet: Sheet) -> list[Line]:
    """Return lists of names behind their labels."""
    lines: list[Line] = []
    for name, values in facts.items():
        if values:
            lines += sheet.facts(", ".join(values), label=f"{name:<{_LABEL}} ")
    return lines


def value_lines(line: str, sheet: Sheet) -> list[Line]:
    """Return a line of TOML, its comment set back and its header set off; the comment goes below where it must."""
    if line.startswith("#"):
        return wrap((Span(line, "faint"),), sheet.width, rest="#   ")
    value, mark, comment = line.rpartition("  # ")
    if not mark:
        return wrap((Span(line, "strong" if line.startswith("[") else "plain"),), sheet.width, rest="  ")
    whole: Line = (Span(value), Span(f"{mark}{comment}", "faint"))
    close: Line = (Span(value.rstrip()), Span(f"{mark}{comment}", "faint"))
    for each in (whole, close):
        if line_cells(each) <= sheet.width:
            return [each]
    return [
        *wrap((Span(value.rstrip()),), sheet.width, rest="    "),
        *wrap((Span(f"# {comment}", "faint"),), sheet.width, first="  ", rest="  #   "),
    ]
