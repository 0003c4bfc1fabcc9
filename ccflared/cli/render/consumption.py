"""What was used and what it cost, from the JSON of ``/api/usage``: as a table, and as rows for a spreadsheet. Pure.

What a plan paid for costs no money: its value by list price stands in a column of its own.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, Style, clip, columns, line_cells, wrap
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import clock, count, duration, many, milliseconds, short

TIMES: Final = ("day", "hour")
"""Kinds of keys that have an order of their own."""
CSV_TITLES: Final = (
    *("requests", "succeeded", "refused"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
    *("plan_usd", "money_usd", "cost_usd", "unpriced", "unpriced_plan", "unpriced_money"),
    *("first_byte_ms_p50", "total_ms_p50", "total_ms_p95"),
)
_KEY_CELLS, _KEY_NARROW, _KEY_NARROWEST = 32, 18, 9
"""Of how many letters a key is cut, with much room, little, and hardly any."""
_AT_THE_LEFT: Final = ("share",)
_MOST_PRICES: Final = 5
_UNKNOWN: Final = " + ?"
"""Behind an amount beside which there is something that nobody knows."""
_FORMULA: Final = ("=", "+", "-", "@")
"""With what a text begins that a spreadsheet would reckon with."""


class Part(NamedTuple):
    """What one account, model, client, project or day used. Costs in USD, times in milliseconds."""

    key: str
    requests: int
    succeeded: int
    refused: int
    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    plan: float
    money: float
    cost: float
    known: bool
    """Whether anything of its cost is known."""
    unpriced: int
    unpriced_plan: int
    unpriced_money: int
    """Of those unpriced, the ones that a plan paid for, and the ones that cost money."""
    first_byte_p50: float | None
    total_p50: float | None
    total_p95: float | None

    @property
    def cache(self) -> int:
        """Tokens read from and written to caches."""
        return self.cache_read + self.cache_write_5m + self.cache_write_1h


class Consumption(NamedTuple):
    """What was used in a span of time; ``timezone`` is that of its days."""

    since: float | None
    until: float | None
    by: str
    timezone: str
    parts: tuple[Part, ...]
    total: Part
    off: str | None
    """Why the history cannot be written."""


def is_consumption(value: object) -> bool:
    """Tell whether a JSON value looks like it."""
    return isinstance(value, dict) and isinstance(value.get("rows"), list)


def read_consumption(value: object) -> Consumption:
    """Return what ``/api/usage`` gave: days in their order, others with the dearest first."""
    top = Json(value)
    by = top.text("by") or "account"
    parts = [_part(item) for item in top.parts("rows")]
    if by in TIMES:
        parts.sort(key=lambda part: part.key)
    else:
        parts.sort(key=lambda part: (-part.cost, -part.requests, part.key))
    return Consumption(
        top.number("since"),
        top.number("until"),
        by,
        top.text("timezone"),
        tuple(parts),
        _part(top.part("total"))._replace(key="total"),
        top.maybe("historyError"),
    )


def _part(item: Json) -> Part:
    tokens = item.part("tokens")
    plan, money = item.number("plan_usd") or 0.0, item.number("money_usd") or 0.0
    cost = item.number("cost_usd")
    unpriced, of_plan, of_money = (
        item.whole(name) for name in ("unpriced", "unpriced_plan", "unpriced_money")
    )
    return Part(
        key=item.text("key"),
        requests=item.count("requests"),
        succeeded=item.count("succeeded"),
        refused=item.count("refused"),
        input=tokens.count("input"),
        output=tokens.count("output"),
        cache_read=tokens.count("cache_read"),
        cache_write_5m=tokens.count("cache_write_5m"),
        cache_write_1h=tokens.count("cache_write_1h"),
        plan=plan,
        money=money,
        cost=plan + money if cost is None else cost,
        known=any(item.number(name) is not None for name in ("cost_usd", "plan_usd", "money_usd")),
        unpriced=unpriced or 0,
        unpriced_plan=of_plan or 0,
        unpriced_money=(unpriced or 0) - (of_plan or 0) if of_money is None else of_money,
        first_byte_p50=item.number("first_byte_ms_p50"),
        total_p50=item.number("total_ms_p50"),
        total_p95=item.number("total_ms_p95"),
    )


def csv_rows(used: Consumption) -> list[list[str]]:
    """Return a row of titles and a row for each part: plain numbers, nothing for what is not known."""
    rows = [[used.by, *CSV_TITLES]]
    for part in used.parts:
        numbers = [
            *(part.requests, part.succeeded, part.refused),
            *(part.input, part.output, part.cache_read, part.cache_write_5m, part.cache_write_1h),
        ]
        money = [f"{amount:.6f}" if part.known else "" for amount in (part.plan, part.money, part.cost)]
        times = [
            "" if known is None else f"{known:.0f}"
            for known in (part.first_byte_p50, part.total_p50, part.total_p95)
        ]
        unpriced = (part.unpriced, part.unpriced_plan, part.unpriced_money)
        key = f"'{part.key}" if part.key.startswith(_FORMULA) else part.key
        rows.append([key, *map(str, numbers), *money, *map(str, unpriced), *times])
    return rows


def consumption_lines(
    used: Consumption, now: float, sheet: Sheet, unpriced: Sequence[str] = ()
) -> list[Line]:
    """Return the table with its total; ``unpriced``: the models of which nobody knows the price."""
    head, note = sheet.heading(f"Usage by {used.by}", _span(used, now, sheet))[1:], _span(used, now, sheet)
    lines = list(head)
    if note and not any(note in span.text for span in head[0]):
        lines += sheet.text(Span(note, "faint"), hang=2)
    if not used.parts:
        said = "Nothing of this time is known." if used.off else "Nothing was asked for in this time."
        return [*lines, *sheet.text(said), *_off(used, sheet)]
    lines.append(())
    lines += _table(used, sheet)
    lines += _off(used, sheet)
    lines.append(())
    total = used.total
    if total.plan or total.unpriced_plan:
        lines += sheet.text(
            Span(
                "In USD. The plan value is what requests that a plan paid for would have cost by list price. "
                "It is not money.",
                "faint",
            ),
            indent=0,
            hang=2,
        )
    if total.refused:
        lines += sheet.text(
            Span(
                f"{count(total.refused)} of the requests {'was' if total.refused == 1 else 'were'} refused.",
                "faint",
            ),
            indent=0,
            hang=2,
        )
    if total.unpriced:
        lines += _unpriced(total.unpriced, unpriced, sheet)
    while lines and not lines[-1]:
        lines.pop()
    return sheet.fit(lines)


def _off(used: Consumption, sheet: Sheet) -> list[Line]:
    """Say that the history is off, and so the latest requests are in no figure."""
    if used.off is None:
        return []
    said = f"What came last is missing, as the history cannot be written: {used.off.rstrip('.')}."
    return [(), *sheet.text(Span(said, "warn"), indent=0, hang=2)]


def _span(used: Consumption, now: float, sheet: Sheet) -> str:
    if used.since is None:
        return ""
    until = now if used.until is None else used.until
    span = f"since {clock(used.since, now, sheet.zone)}, {duration(until - used.since)}"
    if abs(until - now) > 60:
        span = f"{clock(used.since, now, sheet.zone)} to {clock(until, now, sheet.zone)}"
    return f"{span}; times of {used.timezone or 'this machine'}"


_TITLES: Final = (
    "requests",
    "in",
    "out",
    "cache",
    "plan value",
    "money",
    "unpriced",
    "p50",
    "p95",
    "share",
)
_DROPPED: Final = ("p95", "p50", "unpriced", "share", "cache", "in", "out", "requests", "plan value")
"""In which order columns go where there is no room."""


def _table(used: Consumption, sheet: Sheet) -> list[Line]:
    """Return titles, rows, a rule and the total. Where there is no room, keys are cut and columns go."""
    shown = [title for title in _TITLES if _has(title, used, sheet)]
    most = len(_DROPPED)
    steps = [(_KEY_CELLS, 0), *((_KEY_NARROW, gone) for gone in range(most)), (_KEY_NARROWEST, most - 1)]
    names = {"money": "money" if _has("plan value", used, sheet) else "USD"}
    for keys, gone in [*steps, (_KEY_NARROWEST, most)]:
        kept = [title for title in shown if title not in _DROPPED[:gone]]
        rows: list[list[Line]] = [
            [(Span(used.by, "faint"),), *((Span(names.get(title, title), "faint"),) for title in kept)]
        ]
        rows += [_row(part, used, kept, keys, sheet) for part in (*used.parts, used.total)]
        lines = columns(
            rows, right=frozenset(at + 1 for at, title in enumerate(kept) if title not in _AT_THE_LEFT)
        )
        widest = max(line_cells(line) for line in lines)
        if widest + 2 <= sheet.width:
            break
    rule: Line = (Span("  " + sheet.glyphs.rule * widest, "faint"),)
    lines = [(Span("  "), *line) for line in lines]
    return [*lines[:-1], rule, lines[-1]]


def _has(title: str, used: Consumption, sheet: Sheet) -> bool:
    match title:
        case "plan value":
            return bool(used.total.plan or used.total.unpriced_plan)
        case "unpriced":
            return bool(used.total.unpriced)
        case "share":
            return sheet.rules and len(used.parts) > 1
        case "p50" | "p95":
            return sheet.width >= 104 and used.total.total_p50 is not None
        case _:
            return True


def _row(part: Part, used: Consumption, shown: Sequence[str], keys: int, sheet: Sheet) -> list[Line]:
    style: Style = "strong" if part is used.total else "plain"
    key = part.key or "(none)"
    if used.by == "hour" and part is not used.total:
        key = key[:16].replace("T", " ")
    row: list[Line] = [(Span(clip(key, keys, sheet.glyphs), "faint" if not part.key else "strong"),)]
    for title in shown:
        match title:
            case "requests":
                row.append((Span(count(part.requests), style),))
            case "in" | "out" | "cache":
                number = {"in": part.input, "out": part.output, "cache": part.cache}[title]
                row.append((Span(short(number) if number else "", style),))
            case "plan value":
                doubt = used.total.unpriced_plan > 0
                row.append(_amount(part.plan or None, part.unpriced_plan, "faint", doubt=doubt))
            case "money":
                known = part.money if part.known and (part.money or not part.unpriced_money) else None
                doubt = used.total.unpriced_money > 0
                row.append(_amount(known, part.unpriced_money, style, doubt=doubt))
            case "unpriced":
                row.append((Span(count(part.unpriced) if part.unpriced else "", "warn"),))
            case "share":
                row.append((Span("" if part is used.total else _share(part, used, sheet), "good"),))
            case _:
                took = part.total_p50 if title == "p50" else part.total_p95
                row.append((Span("" if took is None else milliseconds(took), "faint"),))
    return row


def _amount(amount: float | None, unpriced: int, style: Style, *, doubt: bool) -> Line:
    """Return an amount and a ``?`` for what nobody knows; ``doubt``: another amount of the column has one."""
    if amount is None:
        return (Span("?" if unpriced else "", "warn"),)
    said = "<0.01" if 0 < amount < 0.01 else f"{amount:,.2f}"
    return (Span(said, style), Span(_UNKNOWN if unpriced else " " * len(_UNKNOWN) if doubt else "", "warn"))


def _share(part: Part, used: Consumption, sheet: Sheet) -> str:
    """Return a small bar: the part's share of the cost, of the requests where nothing cost anything."""
    whole = used.total.cost or float(used.total.requests) or 1.0
    own = part.cost if used.total.cost else float(part.requests)
    room = 6
    steps = len(sheet.glyphs.parts) + 1
    filled = max(1 if own else 0, round(min(1.0, own / whole) * room * steps))
    full, rest = divmod(filled, steps)
    return sheet.glyphs.block * full + (sheet.glyphs.parts[rest - 1] if rest else "")


def _unpriced(number: int, models: Sequence[str], sheet: Sheet) -> list[Line]:
    verb = "is" if number == 1 else "are"
    lines = sheet.text(
        Span(f"{many(number, 'request')} {verb} in no sum of USD (?): nobody knows the price.", "warn"),
        " What to add to the file, in USD per million tokens:"
        if models
        else " Which models: ccflared usage --by model",
        indent=0,
        hang=2,
    )
    for model in models[:_MOST_PRICES]:
        quoted = model.replace("\\", "\\\\").replace('"', '\\"')
        lines += wrap((Span(f'[pricing."{quoted}"]'),), sheet.width, first="  ", rest="    ")
        lines.append((Span("  input = …" if not sheet.glyphs.ascii_only else "  input = ..."),))
        lines.append((Span("  output = …" if not sheet.glyphs.ascii_only else "  output = ..."),))
    if len(models) > _MOST_PRICES:
        lines += sheet.text(
            Span(f"and {len(models) - _MOST_PRICES} more: ccflared usage --by model", "faint")
        )
    return lines
