"""What the history adds up to: ``GET /api/stats``, ``analytics``, ``errors``, ``usage`` and ``insights/cache``."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from time import time
from typing import Any, Final, get_args

from ccflared.api import reading
from ccflared.api.calls import Call
from ccflared.api.number_schemas import ANALYTICS, CACHE, ERRORS, STATS, USAGE
from ccflared.api.route import Route
from ccflared.api.schemas import TEXT, many, one_of, told
from ccflared.config.words import duration_seconds
from ccflared.daemon.answers import Reply
from ccflared.money.pricing import Prices, priced
from ccflared.store.analytics import PARTS, RANGES, Asked, analytics
from ccflared.store.caching import caching
from ccflared.store.failures import failures
from ccflared.store.overview import overview
from ccflared.store.spans import DAY, Picked, span
from ccflared.store.usage import By, usage
from ccflared.wire import Tokens

_SPAN: Final = "^([0-9]{1,5}[hdw]|[0-9]{1,11}([.][0-9]{1,6})?)$"


async def stats(call: Call) -> Reply:
    """Answer the overview: what went through in the last days, and the latest errors."""
    now = time()
    days, hours = call.asked_for["since"], call.asked_for["errorsSinceHours"]
    zone = call.running.house.world.zone
    return await reading.read(
        call, partial(overview, days=days, errors_since=now - hours * 3600, now=now, zone=zone)
    )


async def charts(call: Call) -> Reply:
    """Answer all charts of a range of time. Costs are in USD; of how many requests none is known stands beside."""
    wanted = call.asked_for
    asked = Asked(
        range=wanted["range"],
        now=time(),
        zone=call.running.house.world.zone,
        picked=replace(_picked(call), status=wanted["status"]),
        cumulative=wanted["mode"] == "cumulative",
        by_model=wanted["modelBreakdown"],
        parts=frozenset(wanted["parts"] or PARTS),
    )
    timezone = call.running.house.world.config.timezone

    def question(connection: sqlite3.Connection) -> dict[str, Any]:
        found = analytics(connection, asked)
        return {**found, "meta": {**found["meta"], "timezone": timezone}}

    return await reading.read(call, question)


async def errors(call: Call) -> Reply:
    """Answer the kinds of failures of a range of time, each with its latest request."""
    now, name = time(), call.asked_for["range"]
    seconds, step, _ = RANGES[name]
    over = span(seconds, step, now, call.running.house.world.zone)
    picked = _picked(call)
    told = {"range": name, "since": over.since, "until": now}
    return await reading.read(call, lambda connection: {**told, "groups": failures(connection, over, picked)})


def _picked(call: Call) -> Picked:
    """Return whose requests a call asks for."""
    wanted = call.asked_for
    return Picked(
        accounts=_names(wanted["accounts"], "no_account"),
        models=_names(wanted["models"], "no_model"),
        clients=_names(wanted["apiKeys"], "no_api_key"),
        projects=_names(wanted["projects"], "no_project"),
    )


async def used(call: Call) -> Reply:
    """Answer what was used in a span of time, by account, model, client, project, day or hour."""
    now, house = time(), call.running.house
    since, until = _moment(call.asked_for["since"], now), _moment(call.asked_for["until"], now)
    origin = None if call.asked_for["origin"] == "all" else "client"
    question = partial(
        usage,
        by=call.asked_for["by"],
        since=now - 7 * DAY if since is None else since,
        until=now if until is None else until,
        zone=house.world.zone,
        origin=origin,
    )
    told = {"timezone": house.world.config.timezone, "historyError": house.recorder.state.error}
    return await reading.read(call, lambda connection: question(connection) | told)


async def cache(call: Call) -> Reply:
    """Answer how much is read from prompt caches, what that saved, and where little is."""
    seconds, step, _ = RANGES[call.asked_for["range"]]
    house = call.running.house
    over = span(max(seconds, DAY), max(step, 3600), time(), house.world.zone)
    question = partial(caching, over=over, saving=_saving(house.world.prices))
    return await reading.read(
        call, lambda connection: {"range": call.asked_for["range"], **question(connection)}
    )


def _saving(prices: Prices) -> Callable[[str, Mapping[str, int]], float | None]:
    def saving(model: str, sums: Mapping[str, int]) -> float | None:
        read, short, long = (sums[f"cache_{kind}_tokens"] for kind in ("read", "write_5m", "write_1h"))
        without = priced(model, Tokens(input=read + short + long), prices)
        paid = priced(model, Tokens(cache_read=read, cache_write_5m=short, cache_write_1h=long), prices)
        return None if without is None or paid is None else (without - paid) / 1e6

    return saving


def _names(given: list[str] | None, none: str) -> tuple[str, ...]:
    """Return names of a filter; ``none`` stands for what has none, as what better-ccflare calls it does everywhere."""
    return tuple("" if name in (none, "no_account") else name for name in given or ())


def _moment(text: str | None, now: float) -> float | None:
    """Return the moment that ``7d`` (ago) or Unix seconds stand for."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]+[hdw]", text):
        return now - (duration_seconds(text) or 0.0)
    return float(text)


_RANGE: Final = {**one_of(*RANGES), "default": "24h"}
_MOMENT: Final = {
    "type": "string",
    "pattern": _SPAN,
    "description": "hours, days or weeks before now such as 7d, or Unix seconds",
}
_NAMES: Final = many(TEXT)
_PICKED: Final = {
    "accounts": told(_NAMES, "no_account: what has none."),
    "models": told(_NAMES, "no_model: what has none."),
    "apiKeys": told(_NAMES, "Names of clients; no_api_key: what has none."),
    "projects": told(_NAMES, "no_project: what has none."),
}

ROUTES: Final = (
    Route(
        "GET",
        "/api/stats",
        stats,
        "The overview: what went through in the last days, and the latest errors.",
        query={
            "since": told({"type": "number", "minimum": 0, "maximum": 3650, "default": 30}, "Days."),
            "errorsSinceHours": {"type": "number", "minimum": 0, "maximum": 87_600, "default": 24},
        },
        gives={200: STATS},
    ),
    Route(
        "GET",
        "/api/analytics",
        charts,
        "All charts of a range of time. Costs are in USD; of how many requests none is known stands beside.",
        query={
            "range": _RANGE,
            "mode": {**one_of("normal", "cumulative"), "default": "normal"},
            **_PICKED,
            "status": {**one_of("all", "success", "error"), "default": "all"},
            "modelBreakdown": {"type": "boolean", "default": False},
            "parts": told(
                many(one_of(*PARTS)), "What is wanted beside meta and totals; without it, everything."
            ),
        },
        gives={200: ANALYTICS},
    ),
    Route(
        "GET",
        "/api/errors",
        errors,
        "The kinds of failures of a range of time, each with its latest request.",
        query={"range": _RANGE, **_PICKED},
        gives={200: ERRORS},
    ),
    Route(
        "GET",
        "/api/usage",
        used,
        "What was used in a span of time, by account, model, client, project, day or hour.",
        query={
            "by": {**one_of(*get_args(By)), "default": "account"},
            "since": {**_MOMENT, "default": "7d"},
            "until": _MOMENT,
            "origin": {**one_of("client", "all"), "default": "client"},
        },
        gives={200: USAGE},
    ),
    Route(
        "GET",
        "/api/insights/cache",
        cache,
        "How much is read from prompt caches, what that saved, and where little is.",
        query={"range": {**_RANGE, "default": "7d"}},
        gives={200: CACHE},
    ),
)
