"""The budgets that are spent or nearly so: how much of each, and until when a spent one keeps others waiting. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, Style, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ahead, clock, usd

WORTH_TELLING = 0.8
"""Share of a budget from which on it is shown. Before that the account or the client tells of it."""


class BudgetRow(NamedTuple):
    """A day or a month of one budget. Times are Unix seconds, amounts USD."""

    of: str
    name: str
    period: str
    limit: float
    spent: float
    share: float
    counts: str
    blocked_until: float | None
    resets_at: float | None


def read_budget(item: Json) -> BudgetRow:
    """Return one of the document's ``budgets``."""
    return BudgetRow(
        of=item.text("of"),
        name=item.text("name"),
        period=item.text("period"),
        limit=item.number("limit_usd") or 0.0,
        spent=item.number("spent_usd") or 0.0,
        share=item.number("share") or 0.0,
        counts=item.text("counts"),
        blocked_until=item.number("blocked_until"),
        resets_at=item.number("resets_at"),
    )


def worth_telling(budgets: Sequence[BudgetRow]) -> list[BudgetRow]:
    """Return those that are spent, or will be soon."""
    return [row for row in budgets if row.blocked_until is not None or row.share >= WORTH_TELLING]


def budget_lines(budgets: Sequence[BudgetRow], now: float, sheet: Sheet) -> list[Line]:
    """Return a row for each budget that is worth telling of."""
    rows = worth_telling(budgets)
    heads = columns([[(Span(_whose(row)),), _amount(row)] for row in rows])
    return sheet.beside(heads, [_facts(row, now, sheet) for row in rows], below=6)


def _whose(row: BudgetRow) -> str:
    return "all accounts" if row.of == "all" else f"{row.of} {row.name}"


def _amount(row: BudgetRow) -> Line:
    style: Style = "plain" if row.blocked_until is None else "warn"
    when = "today" if row.period == "day" else "this month"
    return (Span(f"{usd(row.spent)} of {usd(row.limit)} USD {when}", style),)


def _facts(row: BudgetRow, now: float, sheet: Sheet) -> list[Line]:
    facts: list[Line] = []
    if row.blocked_until is not None:
        until = f"{clock(row.blocked_until, now, sheet.zone)} ({ahead(row.blocked_until, now)})"
        facts.append((Span(f"spent until {until}", "warn"),))
        facts.append((Span(_blocked(row), "faint"),))
    else:
        facts.append((Span(f"{row.share * 100:.0f} % spent", "faint"),))
        if row.resets_at is not None:
            facts.append((Span(f"whole again {clock(row.resets_at, now, sheet.zone)}", "faint"),))
    return facts


def _blocked(row: BudgetRow) -> str:
    """Say what waits meanwhile."""
    match row.of:
        case "all" if row.counts == "money":
            return "what costs money is not used"
        case "all":
            return "nobody serves"
        case "client":
            return "it is refused"
        case _:
            return "it is skipped"
