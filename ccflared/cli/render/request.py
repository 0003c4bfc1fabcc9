"""``ccflared request``: all of one request on a page, its tries as bars on one line of time. Pure."""

from typing import Final

from ccflared.cli.render.accounts import LONGEST_REASON, NAME_CELLS
from ccflared.cli.render.explain import ORIGINS, OUTCOMES, sign_of
from ccflared.cli.render.explanation import Try
from ccflared.cli.render.layout import Line, Span, Style, cells, clip, columns, line_cells
from ccflared.cli.render.passed import passed_lines
from ccflared.cli.render.records import Neighbour, Page, Record
from ccflared.cli.render.requests import brief, price, took
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ago, clock, count, many, milliseconds

_MOST_NEIGHBOURS: Final = 9
_BAR: Final = (12, 48)
"""Cells that the line of time has at least and at most."""
_MODEL_CELLS: Final = 40
_SOURCES: Final = {"reported": "as the provider reported it", "computed": "by list price"}
_BILLING: Final[dict[str, tuple[str, Style]]] = {
    "plan": ("value; a plan paid, no money", "faint"),
    "api": ("money", "plain"),
    "overage": ("money, extra usage of a plan", "warn"),
}


def page_lines(page: Page, now: float, sheet: Sheet, *, hints: bool = True) -> list[Line]:
    """Return the page of a request. ``hints``: it ends with the commands that tell more."""
    record = page.record
    lines = _head(record, now, sheet)
    lines += sheet.heading("Tries", "on a time axis" if len(page.attempts) > 1 else "")
    lines += _timeline(page, sheet) if page.attempts else sheet.text("Nobody was asked.")
    if page.passed:
        lines += sheet.heading("Not asked", "as it was then")
        lines += passed_lines(page.passed, now, sheet, over=True)
    lines += sheet.heading("Tokens and cost") + _tokens(record, sheet) + _cost(record, sheet)
    lines += _times(record, sheet)
    if page.neighbours:
        lines += sheet.heading("The conversation", record.conversation or "")
        lines += _neighbours(page, now, sheet)
    if hints:
        lines += [(), *_hints(record, sheet)]
    return sheet.fit(lines)


def _hints(record: Record, sheet: Sheet) -> list[Line]:
    hints = [f"Why this account: ccflared explain {record.id}"]
    if record.payload:
        hints.insert(0, f"Request and answer are kept: ccflared request {brief(record.id)} --body")
    return [line for hint in hints for line in sheet.text(Span(hint, "faint"), indent=0, hang=2)]


def _head(record: Record, now: float, sheet: Sheet) -> list[Line]:
    word, style = OUTCOMES.get(record.outcome, (record.outcome, "warn"))
    if style == "good" and (record.status or 0) >= 400:
        style = "warn"
    lines = sheet.text(
        Span(record.id, "strong"),
        Span(f" {sign_of(style, sheet)} {word}", style),
        Span("" if record.total_ms is None else f" after {milliseconds(record.total_ms)}"),
        indent=0,
    )
    facts: list[str] = []
    if record.at is not None:
        facts.append(f"{clock(record.at, now, sheet.zone)}, {ago(record.at, now)}")
    if record.origin in ORIGINS:
        facts.append(ORIGINS[record.origin])
    facts.append(f"{record.method} {clip(record.path, _MODEL_CELLS, sheet.glyphs)}".strip())
    if record.status is not None:
        facts.append(f"status {record.status}")
    if record.stream:
        facts.append("stream")
    lines += sheet.facts(*(Span(fact, "faint") for fact in facts if fact), hang=0)
    lines += sheet.facts(*(Span(fact, "faint") for fact in _who(record, sheet)), hang=0)
    if models := _models(record, sheet):
        lines += sheet.text(models, indent=2, hang=2)
    if record.error:
        lines += sheet.text(
            Span(clip(record.error, LONGEST_REASON * 2, sheet.glyphs), "warn"), indent=2, hang=2
        )
    return lines


def _who(record: Record, sheet: Sheet) -> list[str]:
    facts = [f"client {record.client}"] if record.client else []
    if record.project:
        source = f" (by {record.project_source})" if record.project_source else ""
        facts.append(f"project {record.project}{source}")
    if record.chain:
        facts.append(f"chain for {record.chain}")
    if record.stop_reason:
        facts.append(f"ended by {record.stop_reason}")
    if record.user_agent:
        facts.append(clip(record.user_agent, _MODEL_CELLS, sheet.glyphs))
    return facts


def _models(record: Record, sheet: Sheet) -> str:
    """Return the names of the model: as asked for, as asked of the account, as served."""
    names = [name for name in (record.requested, record.applied, record.model) if name]
    shown = [clip(name, _MODEL_CELLS, sheet.glyphs) for name in dict.fromkeys(names)]
    return f" {sheet.glyphs.arrow} ".join(shown)


def _timeline(page: Page, sheet: Sheet) -> list[Line]:
    """Return a row for each try: where it lies in the time of the request, and what came of it."""
    whole = max(
        [page.record.total_ms or 0.0, *(float(each.started_ms + each.took_ms) for each in page.attempts), 1.0]
    )
    names = max(cells(clip(each.account, NAME_CELLS, sheet.glyphs)) for each in page.attempts)
    results = max(line_cells((_result(each, sheet),)) for each in page.attempts)
    room = min(_BAR[1], sheet.width - names - results - 18)
    beside = room >= _BAR[0]
    if not beside:
        room = max(_BAR[0], min(_BAR[1], sheet.width - names - 16))
    rows: list[list[Line]] = [
        [
            (Span(clip(each.account, NAME_CELLS, sheet.glyphs), "strong"),),
            _bar(each, page.record, whole, room, sheet),
            (Span(took(_ended(each, page.record) - each.started_ms)),),
            (_result(each, sheet),) if beside else (),
        ]
        for each in page.attempts
    ]
    drawn = columns(rows, right=frozenset({2}))
    lines: list[Line] = []
    for each, row in zip(page.attempts, drawn, strict=True):
        lines.append((Span("  "), *row))
        details = _details(each, page.record, sheet)
        if not beside:
            details.insert(0, _result(each, sheet))
        lines += sheet.facts(*details, indent=4, hang=0)
    lines.append(_axis(whole, names, room))
    return lines + _legend(page, sheet)


def _ended(each: Try, record: Record) -> float:
    """Return when a try was over, in milliseconds of the request: one that served is as long as its answer."""
    noted = float(each.started_ms + each.took_ms)
    return max(noted, record.total_ms or 0.0) if each.kind == "served" else noted


def _first_byte(each: Try, record: Record) -> float | None:
    """Return when the first byte of the answer came, in milliseconds of the request; None where this try gave none."""
    first = record.first_byte_ms
    if first is None or each.kind != "served" or not each.started_ms <= first <= _ended(each, record):
        return None
    return first


def _bar(each: Try, record: Record, whole: float, room: int, sheet: Sheet) -> Line:
    """Return a bar in its place, lighter behind the first byte; one too short to be seen is a cell all the same."""
    begin = min(room - 1, int(each.started_ms / whole * room))
    end = min(room, max(begin + 1, round(_ended(each, record) / whole * room)))
    first = _first_byte(each, record)
    middle = end if first is None else min(end, max(begin + 1, round(first / whole * room)))
    style: Style = "good" if each.kind in ("served", "estimated") else "warn"
    edges = sheet.glyphs.edges
    return (
        Span(edges[0] + " " * begin, "faint"),
        Span(sheet.glyphs.block * (middle - begin), style),
        Span(_lighter(sheet) * (end - middle), style),
        Span(" " * (room - end) + edges[1], "faint"),
    )


def _lighter(sheet: Sheet) -> str:
    return "=" if sheet.glyphs.ascii_only else "▒"


def _axis(whole: float, names: int, room: int) -> Line:
    end = milliseconds(whole)
    return (Span(" " * (names + 5)), Span("0" + end.rjust(room - 1), "faint"))


def _legend(page: Page, sheet: Sheet) -> list[Line]:
    """Say what the two shades of a bar mean, where there are two."""
    times = [first for each in page.attempts if (first := _first_byte(each, page.record)) is not None]
    if not times:
        return []
    waited = f"{sheet.glyphs.block} until the first byte, {milliseconds(times[-1])} after it was asked for"
    return sheet.facts(Span(waited, "faint"), Span(f"{_lighter(sheet)} the rest of the answer", "faint"))


def _result(each: Try, sheet: Sheet) -> Span:
    status = "" if each.status is None else f"{each.status} "
    if each.kind in ("served", "estimated"):
        return Span(f"{sheet.glyphs.dot} {status}{each.kind}", "good")
    return Span(f"{sheet.glyphs.cross} {status}{each.kind}", "warn")


def _details(each: Try, record: Record, sheet: Sheet) -> list[Span]:
    details: list[Span] = []
    if each.reason and each.reason != each.kind:
        details.append(Span(clip(each.reason, LONGEST_REASON, sheet.glyphs)))
    if each.model and each.model != record.requested:
        details.append(Span(f"as {clip(each.model, _MODEL_CELLS, sheet.glyphs)}", "faint"))
    if each.why:
        details.append(Span(f"chosen: {each.why}", "faint"))
    return details


def _tokens(record: Record, sheet: Sheet) -> list[Line]:
    """Return the five kinds, a bar each; a kind that was not reported is not in it."""
    tokens = record.tokens
    named = (
        ("input", tokens.input),
        ("read from cache", tokens.cache_read),
        ("written to cache, 5 min", tokens.cache_write_5m),
        ("written to cache, 1 h", tokens.cache_write_1h),
        ("output", tokens.output),
    )
    told = [(name, number) for name, number in named if number is not None]
    if not told:
        return sheet.text(Span("No tokens were reported.", "faint"))
    most = max(1, *(number for _, number in told))
    room = max(0, min(30, sheet.width - 44))
    rows: list[list[Line]] = [
        [
            (Span(name, "faint"),),
            (Span(count(number)),),
            (
                Span(
                    sheet.glyphs.block * (max(1, round(number / most * room)) if number and room else 0),
                    "good",
                ),
            ),
        ]
        for name, number in told
    ]
    return [(Span("  "), *line) for line in columns(rows, right=frozenset({1}))]


def _cost(record: Record, sheet: Sheet) -> list[Line]:
    if record.cost is None:
        if record.tokens.sent is None and record.tokens.output is None:
            return []
        model = record.applied or record.model or "MODEL"
        return sheet.text(
            Span("What it cost is not known", "warn"),
            f': nobody knows the price of {clip(model, _MODEL_CELLS, sheet.glyphs)}. [pricing."{model}"] with input '
            "and output tells it.",
            hang=2,
        )
    word, style = _BILLING.get(record.billing or "", ("", "plain"))
    facts = [Span(f"{price(record.cost)} USD", "strong")]
    facts += [Span(word, style)] if word else []
    source = _SOURCES.get(record.cost_source or "", "")
    if source:
        facts.append(Span(source, "faint"))
    if record.price_source and record.cost_source != "reported":
        facts.append(Span(f"prices: {record.price_source}", "faint"))
    return sheet.facts(*facts)


def _times(record: Record, sheet: Sheet) -> list[Line]:
    facts = [
        Span(f"{name} {milliseconds(number)}")
        for name, number in (
            ("first byte after", record.first_byte_ms),
            ("first token after", record.first_token_ms),
            ("last token after", record.last_token_ms),
        )
        if number is not None
    ]
    if record.tokens_per_second:
        facts.append(Span(f"{record.tokens_per_second:.0f} tokens a second"))
    if record.overhead_us is not None:
        facts.append(Span(f"ccflared itself took {_small(record.overhead_us / 1000)}", "faint"))
    return sheet.facts(*facts) if facts else []


def _small(number: float) -> str:
    """Return milliseconds; of the first ten a tenth counts."""
    return f"{number:.1f} ms" if number < 9.95 else milliseconds(number)


def _neighbours(page: Page, now: float, sheet: Sheet) -> list[Line]:
    """Return the requests before and after this one, this one marked."""
    ordered = sorted(page.neighbours, key=lambda each: each.at or 0.0)
    own = page.record
    mine = Neighbour(own.id, own.at, own.model, own.outcome, own.tokens.output, own.cost)
    if all(each.id != own.id for each in ordered):
        ordered = sorted([*ordered, mine], key=lambda each: each.at or 0.0)
    place = next(number for number, each in enumerate(ordered) if each.id == own.id)
    first = max(0, min(place - _MOST_NEIGHBOURS // 2, len(ordered) - _MOST_NEIGHBOURS))
    shown = ordered[first : first + _MOST_NEIGHBOURS]
    rows = [_neighbour(each, own.id, now, sheet) for each in shown]
    lines: list[Line] = [(Span("  "), *line) for line in columns(rows, right=frozenset({4, 5}))]
    if len(ordered) > len(shown):
        more = many(len(ordered) - len(shown), "more request")
        said = f"and {more}: ccflared requests --conversation '{own.conversation}'"
        lines += sheet.text(Span(said, "faint"), hang=2)
    return lines


def _neighbour(each: Neighbour, own: str, now: float, sheet: Sheet) -> list[Line]:
    word, style = OUTCOMES.get(each.outcome, (each.outcome, "warn"))
    wide = sheet.width >= 72
    return [
        (Span(sheet.glyphs.arrow if each.id == own else " ", "strong"),),
        (Span("" if each.at is None else clock(each.at, now, sheet.zone), "faint"),),
        (Span(brief(each.id), "strong" if each.id == own else "plain"),),
        (
            Span(
                clip(each.model or "", min(_MODEL_CELLS, max(0, sheet.width - 56)), sheet.glyphs)
                if wide
                else ""
            ),
        ),
        (Span("" if each.output is None or sheet.width < 56 else f"{count(each.output)} out"),),
        (Span("" if each.cost is None else price(each.cost)),),
        (Span(word, style),),
    ]
