"""Charts over time, from the JSON of ``/api/analytics``: columns of plain characters, and shares as bars. Pure."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.usage import bar
from ccflared.cli.render.words import count, many, milliseconds, short

STEPS: Final = {"1m": 60.0, "5m": 300.0, "1h": 3600.0, "1d": 86_400.0}
"""The steps that charts have, in seconds."""
_UNITS: Final = {"1m": "a minute", "5m": "in 5 minutes", "1h": "an hour", "1d": "a day"}
_GUTTER: Final = 9
"""Cells at the left, for numbers."""
_WIDEST_STEP: Final = 4
_NAMES: Final = 20
_LEAST, _MOST = 1, 7
"""Lines that a chart has."""


class Point(NamedTuple):
    """One step of a chart. Times in milliseconds; None: nothing was measured."""

    requests: int = 0
    tokens: int = 0
    first_byte: float | None = None
    errors: float = 0.0
    """Per cent of the requests."""


class Part(NamedTuple):
    """What one account did in all that time. Costs in USD."""

    name: str
    requests: int
    tokens: int
    plan: float
    money: float


class Chart(NamedTuple):
    """What happened in a range of time, step by step, the latest last."""

    range: str
    unit: str
    since: float
    step: float
    points: tuple[Point, ...]
    parts: tuple[Part, ...]
    requests: int
    tokens: int
    first_byte: tuple[float | None, float | None]
    """Within how many milliseconds the first byte came for half of them, and for 95 %."""


def is_chart(value: object) -> bool:
    """Tell whether a JSON value looks like it."""
    return isinstance(value, dict) and isinstance(value.get("timeSeries"), list)


def read_chart(value: object) -> Chart:
    """Return what ``/api/analytics`` gave, its steps without any request filled in."""
    top = Json(value)
    meta, totals = top.part("meta"), top.part("totals")
    unit = meta.text("bucket")
    step = STEPS.get(unit, STEPS["1h"])
    told = {
        (item.number("ts") or 0.0) / 1000: Point(
            item.count("requests"),
            item.count("tokens"),
            item.number("p50FirstByte"),
            item.number("errorRate") or 0.0,
        )
        for item in top.parts("timeSeries")
    }
    since = meta.number("since") or min(told, default=0.0)
    until = meta.number("until") or max(told, default=0.0) + step
    # A day of 23 hours must not shift all that are behind it: what was told goes to the nearest step.
    number = max(1, min(1000, math.ceil((until - since) / step - 1e-6)))
    points = [Point()] * number
    for at, point in told.items():
        place = round((at - since) / step)
        if 0 <= place < number:
            points[place] = point
    return Chart(
        range=meta.text("range"),
        unit=unit,
        since=since,
        step=step,
        points=tuple(points),
        parts=tuple(_part(item) for item in top.parts("accountPerformance")),
        requests=totals.count("requests"),
        tokens=totals.count("totalTokens"),
        first_byte=(totals.number("p50FirstByte"), totals.number("p95FirstByte")),
    )


def _part(item: Json) -> Part:
    return Part(
        item.text("name"),
        item.count("requests"),
        item.count("tokens"),
        item.number("planCostUsd") or 0.0,
        item.number("apiCostUsd") or 0.0,
    )


def chart_lines(chart: Chart, sheet: Sheet, height: int) -> list[Line]:
    """Return three charts and the accounts' shares, as high as ``height`` lines where that is enough."""
    shares = share_lines(chart, sheet)
    room = max(_LEAST, min(_MOST, (height - len(shares) - 1 - 3) // 3))
    unit = _UNITS.get(chart.unit, "")
    requests = [float(point.requests) for point in chart.points]
    troubled = [point.errors > 0 for point in chart.points]
    tokens = [float(point.tokens) for point in chart.points]
    firsts = [point.first_byte or 0.0 for point in chart.points]
    half, most = chart.first_byte
    within = "" if half is None else f"half of them within {milliseconds(half)}"
    within += "" if most is None else f"{sheet.glyphs.sep}95 % within {milliseconds(most)}"
    lines = _titled(f"Requests {unit}", f"{count(chart.requests)} in all", sheet)
    lines += column_lines(requests, sheet, room, short, troubled=troubled)
    lines += _titled(f"Tokens {unit}", f"{short(chart.tokens)} in all", sheet)
    lines += column_lines(tokens, sheet, room, short)
    lines += _titled("First byte, median", within, sheet)
    lines += column_lines(firsts, sheet, room, milliseconds, highest=True)
    lines.append(_axis(chart, sheet))
    return sheet.fit([*lines, *shares])


def share_lines(chart: Chart, sheet: Sheet) -> list[Line]:
    """Return the accounts' shares of the requests, the largest first."""
    parts = sorted(chart.parts, key=lambda part: -part.requests)
    whole = sum(part.requests for part in parts)
    if not whole:
        return []
    room = max(6, min(40, sheet.width - (66 if sheet.width >= _WITH_TOKENS else 50)))
    rows: list[list[Line]] = [
        [
            (Span(clip(part.name or "(none)", _NAMES, sheet.glyphs), "strong"),),
            (Span(bar(part.requests / whole, room, sheet.glyphs), "good"),),
            (Span(f"{part.requests / whole * 100:.0f} %"),),
            (Span(many(part.requests, "request"), "faint"),),
            (Span(f"{short(part.tokens)} tokens" if sheet.width >= _WITH_TOKENS else "", "faint"),),
        ]
        for part in parts
    ]
    head = sheet.heading("Accounts", "their shares of the requests")
    return [*head, *((Span("  "), *line) for line in columns(rows, right=frozenset({2, 3, 4})))]


_WITH_TOKENS: Final = 70


def _titled(title: str, note: str, sheet: Sheet) -> list[Line]:
    spans = [
        Span(f"{title}  ", "strong"),
        Span(clip(note, max(8, sheet.width - len(title) - 2), sheet.glyphs), "faint"),
    ]
    return [tuple(spans)]


def column_lines(
    values: Sequence[float],
    sheet: Sheet,
    height: int,
    write: Callable[[float], str],
    *,
    troubled: Sequence[bool] = (),
    highest: bool = False,
) -> list[Line]:
    """Return columns of ``height`` lines with their greatest value at the left, and no line more.

    Where there are more values than cells, neighbours are put together: added up, or the ``highest`` of them counts.
    """
    room = max(4, sheet.width - _GUTTER - 1)
    each = max(1, math.ceil(len(values) / room))
    wide = max(1, min(_WIDEST_STEP, room // max(1, math.ceil(len(values) / each))))
    # From the end on, so that the latest column is as wide as the others.
    groups = [values[max(0, at - each) : at] for at in range(len(values), 0, -each)][::-1]
    marks = [troubled[max(0, at - each) : at] for at in range(len(troubled), 0, -each)][::-1]
    heights = [max(group) if highest else sum(group) for group in groups]
    top = max(heights, default=0.0)
    levels = sheet.glyphs.spark
    lines: list[Line] = []
    for row in range(height, 0, -1):
        label = write(top) if row == height and top else "0" if row == 1 and height > 1 else ""
        spans = [
            Span(f"{label:>{_GUTTER - 2}} ", "faint"),
            Span("│" if not sheet.glyphs.ascii_only else "|", "faint"),
        ]
        for place, value in enumerate(heights):
            filled = _filled(value, top, height * len(levels)) - (row - 1) * len(levels)
            letter = " " if filled <= 0 else levels[min(filled, len(levels)) - 1]
            style: Style = "warn" if marks and any(marks[place]) else "good"
            spans.append(Span(letter * wide, style if letter != " " else "plain"))
        lines.append(_merged(spans))
    return lines


def _filled(value: float, top: float, steps: int) -> int:
    """Return how many steps of a column are filled; only nothing is empty."""
    return 0 if value <= 0 or top <= 0 else max(1, round(value / top * steps))


def _merged(spans: Sequence[Span]) -> Line:
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].style == span.style:
            merged[-1] = Span(merged[-1].text + span.text, span.style)
        else:
            merged.append(span)
    return tuple(merged)


def _axis(chart: Chart, sheet: Sheet) -> Line:
    """Return the times of the first and the last column, and of one between."""
    room = max(4, sheet.width - _GUTTER - 1)
    each = max(1, math.ceil(len(chart.points) / room))
    shown = math.ceil(len(chart.points) / each)
    wide = max(1, min(_WIDEST_STEP, room // shown))
    cells = shown * wide
    end = chart.since + len(chart.points) * chart.step
    form = "%H:%M" if chart.step * len(chart.points) <= 86_400 * 1.1 else "%d.%m."
    texts = [_clock(moment, form, sheet) for moment in (chart.since, (chart.since + end) / 2, end)]
    text = f"{texts[0]:<{cells}}"
    middle = cells // 2 - len(texts[1]) // 2
    if middle > len(texts[0]) + 1:
        text = text[:middle] + texts[1] + text[middle + len(texts[1]) :]
    text = text[: max(0, cells - len(texts[2]))] + texts[2]
    return (Span(" " * _GUTTER + text, "faint"),)


def _clock(at: float, form: str, sheet: Sheet) -> str:
    try:
        return datetime.fromtimestamp(at, sheet.zone).strftime(form)
    except (OverflowError, OSError, ValueError):
        return ""
