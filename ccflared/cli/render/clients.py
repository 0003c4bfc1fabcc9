"""Clients: whether each may ask, and how much it has used of what it may. For ``status`` and ``client list``. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, Style, clip, columns, line_cells
from ccflared.cli.render.members import Budget, Client, read_client
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.usage import INDENT, NEARLY, bar, percent, wide
from ccflared.cli.render.words import ago, ahead, clock, count, many, short, usd

MOST = 8
"""How many clients status has room for."""
_NAME_CELLS = 28
_LONGEST_REASON = 160
_TODAY, _MONTH = "today", "this month"


class Used(NamedTuple):
    """What a client has used since a time; costs in USD."""

    requests: int
    refused: int
    tokens_in: int
    tokens_out: int
    value: float
    money: float
    unknown: int
    """Requests of which nobody knows what they cost."""


class Listed(NamedTuple):
    """One client as ``client list`` tells of it. ``today``, ``month``: None where they are not known."""

    client: Client
    keys: int
    accounts: tuple[str, ...]
    models: tuple[str, ...]
    pin: bool
    today: Used | None
    month: Used | None
    last_used: float | None


def read_clients(value: object) -> list[Listed]:
    """Return the clients that ``/api/clients`` gave."""
    given = value if isinstance(value, list) else []
    return [_listed(Json(item)) for item in given if isinstance(item, dict)]


def _listed(item: Json) -> Listed:
    return Listed(
        client=read_client(item),
        keys=item.count("keys"),
        accounts=item.texts("accounts"),
        models=item.texts("models"),
        pin=item.flag("pin", default=False),
        today=_used(item.part("today")) if isinstance(item.raw("today"), dict) else None,
        month=_used(item.part("this_month")) if isinstance(item.raw("this_month"), dict) else None,
        last_used=item.number("last_used"),
    )


def _used(item: Json) -> Used:
    tokens = item.part("tokens")
    cached = sum(tokens.count(kind) for kind in ("cache_read", "cache_write_5m", "cache_write_1h"))
    return Used(
        requests=item.count("requests"),
        refused=item.count("refused"),
        tokens_in=tokens.count("input") + cached,
        tokens_out=tokens.count("output"),
        value=item.number("value") or 0.0,
        money=item.number("money") or 0.0,
        unknown=item.count("of_unknown_cost"),
    )


def brief_lines(clients: Sequence[Client], now: float, sheet: Sheet) -> list[Line]:
    """Return a row for each client, its budget below it; of many those that are refused or ask most."""
    busiest = sorted(clients, key=lambda client: (client.state == "ready", -(client.asked or 0)))[:MOST]
    shown = [client for client in clients if any(client is each for each in busiest)]
    lines = [line for block in _blocks(shown, now, sheet) for line in block]
    if more := len(clients) - len(shown):
        lines += sheet.text(Span(f"and {count(more)} more: ccflared client list", "faint"))
    return lines


def listed_lines(listed: Sequence[Listed], now: float, sheet: Sheet) -> list[Line]:
    """Return each client with its rights and what it has used today and this month."""
    clients = [each.client for each in listed]
    bars = _bars([client.budget for client in clients], sheet, label=len(_MONTH))
    lines: list[Line] = []
    for each, row, own in zip(listed, _rows(clients, now, sheet), bars, strict=True):
        lines += row
        lines += sheet.facts(*(Span(fact, "faint") for fact in _rights(each, now)), indent=INDENT)
        for label, used in ((_TODAY, each.today), (_MONTH, each.month)):
            bar_line = own.get(label)
            lines += [bar_line] if bar_line is not None else []
            shown = "" if bar_line is not None else label
            if used is None or not used.requests:
                continue
            same = label == _MONTH and used == each.today
            facts = [Span("the same", "faint")] if same and not bar_line else [] if same else _usage(used)
            lines += sheet.facts(*facts, label=f"{shown:<{len(_MONTH)}}  ", indent=INDENT)
    return sheet.fit(lines)


def _rows(clients: Sequence[Client], now: float, sheet: Sheet) -> list[list[Line]]:
    """Return the row of each client: its name, its state, and what is to be said of that."""
    heads = columns(
        [
            [(Span(clip(client.name, _NAME_CELLS, sheet.glyphs), "strong"),), (_look(client.state, sheet),)]
            for client in clients
        ]
    )
    return sheet.rows(heads, [_facts(client, now, sheet) for client in clients], below=INDENT)


def _blocks(clients: Sequence[Client], now: float, sheet: Sheet) -> list[list[Line]]:
    """Return for each client its row, and below it a bar for each part of its budget."""
    bars = _bars([client.budget for client in clients], sheet)
    return [row + list(own.values()) for row, own in zip(_rows(clients, now, sheet), bars, strict=True)]


def _look(state: str, sheet: Sheet) -> Span:
    style: Style = "plain"
    match state:
        case "ready":
            sign, style = sheet.glyphs.dot, "good"
        case "spent":
            sign, style = sheet.glyphs.ring, "warn"
        case "no key":
            sign, style = sheet.glyphs.cross, "bad"
        case "expired":
            sign, style = sheet.glyphs.cross, "faint"
        case "unknown":  # nobody was asked but the file
            sign, state, style = sheet.glyphs.ring, "allowed", "faint"
        case _:
            sign = sheet.glyphs.ring
    return Span(f"{sign} {state}", style)


def _facts(client: Client, now: float, sheet: Sheet) -> list[Line]:
    facts: list[Span] = []
    if client.state == "expired" and client.expires:
        facts.append(Span(f"since {client.expires}"))
    if client.reason:
        facts.append(Span(clip(client.reason, _LONGEST_REASON, sheet.glyphs)))
    if client.until is not None:
        facts.append(Span(f"again {ahead(client.until, now)}, {clock(client.until, now, sheet.zone)}"))
    if client.asked is None:
        facts += [Span(f"at most {many(client.limit, 'request')} an hour")] if client.limit else []
    elif client.limit is not None:
        facts.append(Span(f"{count(client.asked)} of {many(client.limit, 'request')} this hour"))
    elif client.asked:
        facts.append(Span(f"{many(client.asked, 'request')} in the last hour"))
    if client.refused:
        facts.append(Span(f"{count(client.refused)} refused", "warn"))
    return [(fact,) for fact in facts]


def _bars(budgets: Sequence[Budget | None], sheet: Sheet, *, label: int = 0) -> list[dict[str, Line]]:
    """Return for each budget a line for its day and its month, the bars of all of them below each other.

    ``label``: cells that today and this month take at least.
    """
    owners: list[tuple[int, str]] = []
    rows: list[list[Line]] = []
    for owner, budget in enumerate(budgets):
        if budget is not None and budget.daily is not None:
            owners.append((owner, _TODAY))
            rows.append(_bar(_TODAY.ljust(label), budget.today, budget.daily, sheet))
        if budget is not None and budget.monthly is not None:
            owners.append((owner, _MONTH))
            rows.append(_bar(_MONTH, budget.this_month, budget.monthly, sheet))
    lines = columns(rows, right=frozenset({2}))
    if any(line_cells(line) > sheet.width - INDENT for line in lines):  # better without the picture than cut
        lines = columns([[name, amount] for name, _, _, amount in rows])
    found: list[dict[str, Line]] = [{} for _ in budgets]
    for (owner, of), line in zip(owners, lines, strict=True):
        found[owner][of] = (Span(" " * INDENT), *line)
    return found


def _bar(name: str, spent: float | None, limit: float, sheet: Sheet) -> list[Line]:
    label: Line = (Span(name, "faint"),)
    if spent is None:
        return [label, (), (), (Span(f"at most {usd(limit)} USD"),)]
    share = spent / limit if limit else 1.0
    style: Style = "warn" if share >= NEARLY else "good"
    filled = Span(bar(share, wide(sheet), sheet.glyphs), style)
    return [label, (filled,), (Span(percent(share)),), (Span(f"{usd(spent)} of {usd(limit)} USD"),)]


def _rights(each: Listed, now: float) -> list[str]:
    """Return what the file says of a client, where it is not the usual."""
    facts = [many(each.keys, "key")]
    if each.accounts != ("*",):
        facts.append(f"accounts {', '.join(each.accounts)}")
    if each.models != ("*",):
        facts.append(f"models {', '.join(each.models)}")
    if each.pin:
        facts.append("may choose an account")
    if each.client.expires and each.client.state != "expired":
        facts.append(f"until {each.client.expires}")
    if each.last_used is not None:
        facts.append(f"used {ago(each.last_used, now)}")
    return facts


def _usage(used: Used) -> list[Span]:
    facts = [Span(many(used.requests, "request"))]
    if used.refused:
        facts.append(Span(f"{count(used.refused)} refused", "warn"))
    if used.tokens_in or used.tokens_out:
        facts.append(Span(f"{short(used.tokens_in)} tokens in, {short(used.tokens_out)} out"))
    if used.value or used.money:
        money = f"{usd(used.money)} in money" if used.money else "no money"
        facts.append(Span(f"{usd(used.value)} USD by list price, {money}"))
    if used.unknown:
        facts.append(Span(f"{count(used.unknown)} of unknown cost", "warn"))
    return facts
