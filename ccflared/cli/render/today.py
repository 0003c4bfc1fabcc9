"""The day so far: how much was asked for, what it came to, and what the clients were spared. Pure.

What plans cover has a value by list price, what accounts are paid for by use is money. The two are never added up.
"""

from typing import NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import count, many, short, usd


class Today(NamedTuple):
    """The day since it began, by the time zone of the file. ``known`` false: nobody can say."""

    known: bool
    requests: int
    failed: int
    refused: int
    failovers: int
    limits: int | None
    """Failovers that hid a limit; None: not told apart from faults."""
    input: int
    output: int
    cache_read: int
    cache_write: int
    plan: float | None
    """USD by list price; None: there was something, and its price is unknown."""
    money: float | None
    """USD."""
    unpriced: int


def read_today(item: Json) -> Today:
    """Return the document's ``today``; a daemon that does not tell it does not know it."""
    tokens = item.part("tokens")
    return Today(
        known=item.flag("known", default=False),
        requests=item.count("requests"),
        failed=item.count("error") + item.count("truncated"),
        refused=item.count("refused"),
        failovers=item.count("failovers"),
        limits=item.whole("failovers_limit"),
        input=tokens.count("input"),
        output=tokens.count("output"),
        cache_read=tokens.count("cache_read"),
        cache_write=tokens.count("cache_write_5m") + tokens.count("cache_write_1h"),
        plan=item.number("plan_usd"),
        money=item.number("money_usd"),
        unpriced=item.count("unpriced"),
    )


def today_lines(today: Today, sheet: Sheet) -> list[Line]:
    """Return the section below the heading."""
    if not today.known:
        return sheet.text(Span("The numbers of the day are not known.", "faint"))
    if not today.requests:
        return sheet.text(Span("No requests yet.", "faint"))
    failed = [Span(f"{count(today.failed)} failed", "bad")] if today.failed else []
    refused = [Span(f"{count(today.refused)} refused", "warn")] if today.refused else []
    lines = sheet.facts(
        (Span(many(today.requests, "request"), "strong"),),
        *failed,
        *refused,
        *hidden(today.failovers, today.limits),
    )
    tokens = token_facts(today.input, today.output, today.cache_read, today.cache_write)
    if tokens:
        lines += sheet.facts(*tokens, label="tokens  ")
    return lines + sheet.facts(*_costs(today), label="cost    ")


def hidden(failovers: int, limits: int | None) -> list[Span]:
    """Say what the clients did not notice: another account served what a limit, or a fault, had kept from serving."""
    if not failovers:
        return []
    if limits is None:
        return [Span(f"{many(failovers, 'failover')} hid a limit or a fault", "good")]
    faults = max(0, failovers - limits)
    told = [f"{many(limits, 'failover')} hid a limit"] if limits else []
    if faults:
        told.append(f"{many(faults, 'failover')} hid a fault" if not limits else f"{count(faults)} a fault")
    return [Span(" and ".join(told), "good")]


def token_facts(given: int, written: int, cache_read: int, cache_write: int) -> list[str]:
    """Return how many tokens of each kind there were; kinds without any are left out."""
    named = (
        (given, "in"),
        (written, "out"),
        (cache_read, "read from cache"),
        (cache_write, "written to cache"),
    )
    return [f"{short(number)} {word}" for number, word in named if number]


def _costs(today: Today) -> list[Span]:
    """Return the value of what plans covered, and beside it what was paid."""
    facts = [
        Span("plan value unknown" if today.plan is None else f"plan value {usd(today.plan)} USD"),
        Span("money unknown" if today.money is None else f"money {usd(today.money)} USD"),
    ]
    if today.unpriced:
        facts.append(Span(f"{many(today.unpriced, 'request')} unpriced", "warn"))
    return facts
