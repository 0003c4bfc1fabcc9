"""The traffic of the last hour: how much, how it ended, how quick it was, who did it. Pure."""

from collections.abc import Sequence

from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Traffic
from ccflared.cli.render.today import hidden, token_facts
from ccflared.cli.render.words import clock, count, many, milliseconds, short

MOST = 6
"""Accounts that are compared."""


def traffic_lines(traffic: Traffic, now: float, sheet: Sheet, *, tokens: bool = True) -> list[Line]:
    """Return the section below the heading; ``tokens``: nothing else tells how many there were."""
    if not traffic.known:
        return sheet.text(Span("The numbers of the last hour are not known.", "faint"))
    since = _since(traffic, now, sheet)
    if not traffic.requests and not any(traffic.minutes):
        return sheet.text(Span(f"No requests{since}.", "faint"))
    lines = spark_lines(traffic.minutes, traffic.troubled, sheet)
    requests = many(traffic.requests, "request") + since
    lines += sheet.facts(
        (Span(requests, "strong"),), *_outcomes(traffic), *hidden(traffic.failovers, traffic.limits)
    )
    if tokens:
        told = token_facts(traffic.input, traffic.output, traffic.cache_read, traffic.cache_write)
        lines += sheet.facts(*told, label="tokens  ") if told else []
    if traffic.p50 is not None:
        first = [f"{milliseconds(traffic.p50)} for half"]
        if traffic.p95 is not None:
            first.append(f"{milliseconds(traffic.p95)} for 95 %")
        lines += sheet.facts(*first, label="first byte within  ")
    return lines + share_lines(traffic, sheet)


def spark_lines(minutes: Sequence[int], troubled: Sequence[int], sheet: Sheet) -> list[Line]:
    """Return a line of bars, one a minute (or several minutes where it is narrow), and the highest minute.

    A bar with trouble in it has another colour.
    """
    if not any(minutes):
        return []
    peak = f"  peak {count(max(minutes))} a minute"
    step = next((step for step in (1, 2, 3, 4, 6) if len(minutes) / step + 2 + len(peak) <= sheet.width), 10)
    sums = [sum(minutes[at : at + step]) for at in range(0, len(minutes), step)]
    trouble = [sum(troubled[at : at + step]) for at in range(0, len(minutes), step)]
    levels = sheet.glyphs.spark
    bars: list[Span] = []
    for value, bad in zip(sums, trouble, strict=True):
        level = max(1, round(value / max(sums) * (len(levels) - 1))) if value else 0
        style: Style = "warn" if bad else "good" if value else "faint"
        if bars and bars[-1].style == style:
            bars[-1] = Span(bars[-1].text + levels[level], style)
        else:
            bars.append(Span(levels[level], style))
    return [(Span("  "), *bars, Span(peak, "faint"))]


def share_lines(traffic: Traffic, sheet: Sheet) -> list[Line]:
    """Return who served how much, where there is more than one account to compare."""
    every = [share for share in traffic.accounts if share.requests or share.failed_attempts]
    if len(every) < 2:
        return []
    busiest = sorted(every, key=lambda share: (-share.requests, -share.failed_attempts))[:MOST]
    shares = [share for share in every if any(share is each for each in busiest)]
    most = max(share.requests for share in shares) or 1
    room = max(0, min(24, sheet.width - 60))
    rows: list[list[Line]] = []
    for share in shares:
        bar = max(1 if share.requests else 0, round(share.requests / most * room)) if room else 0
        failed = _failed(share.failed_attempts, sheet)
        rows.append(
            [
                (Span(clip(share.name, min(24, sheet.width // 3), sheet.glyphs)),),
                (Span(sheet.glyphs.block * bar, "good"),),
                (Span(count(share.requests)),),
                (Span(f"{short(share.output_tokens)} out" if share.output_tokens else "", "faint"),),
                (Span(failed, "warn"),),
            ]
        )
    lines: list[Line] = [(Span("  "), *line) for line in columns(rows, right=frozenset({2, 3}))]
    if more := len(every) - len(shares):
        lines += sheet.text(Span(f"and {many(more, 'more account')}: ccflared usage", "faint"))
    return lines


def _failed(tries: int, sheet: Sheet) -> str:
    if not tries:
        return ""
    return many(tries, "failed try", "failed tries") if sheet.width >= 60 else f"{count(tries)} failed"


def _outcomes(traffic: Traffic) -> list[Span]:
    named: list[tuple[int, str, Style]] = [
        (traffic.complete, "complete", "plain"),
        (traffic.truncated, "cut short", "warn"),
        (traffic.error, "failed", "bad"),
        (traffic.refused, "refused", "warn"),
        (traffic.client_gone, "left by the client", "plain"),
    ]
    return [Span(f"{count(number)} {word}", style) for number, word, style in named if number]


def _since(traffic: Traffic, now: float, sheet: Sheet) -> str:
    if traffic.since is None or now - traffic.since > 3540:
        return ""
    return f" since {clock(traffic.since, now, sheet.zone)}"
