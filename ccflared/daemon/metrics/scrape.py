"""The page at /metrics: what was counted since the start, and how everything stands at this moment.

Labels are names of the file or words of the program: no request can make a series, and none shows a secret. Every
account and client of the file has its series from the start, so that a rate is right from the first request on.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, product
from time import time
from typing import Final, get_args

import trio

from ccflared import __version__
from ccflared.config.model import Budget
from ccflared.daemon.alarms.alert import SEVERITIES
from ccflared.daemon.house import House
from ccflared.daemon.metrics.counters import SECONDS, Sums
from ccflared.daemon.metrics.exposition import Histogram, Page, Sample
from ccflared.daemon.metrics.process import describe_process
from ccflared.formats.families import FAMILIES
from ccflared.money.budgets import Spent, added
from ccflared.pool.candidates import view
from ccflared.pool.states import STATES
from ccflared.providers.target import Target, Unfit
from ccflared.wire import Outcome, Window

_STATES: Final = tuple(dict.fromkeys(row.state for row in STATES))
_BILLINGS: Final = ("plan", "api", "overage")
_TOKENS: Final = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
_WINDOW: Final = re.compile(rf"([1-9][0-9]{{0,2}}(s|m|h|d|w|mo)|credit)( ({'|'.join(FAMILIES)}))?")
_PAIRS: Final = 128
"""Pairs of an account and a client that begin at 0; of more, those have series that have had requests."""
_AT_ONCE: Final = 200
"""Lines that are written before others have their turn: about a millisecond."""


async def scrape(house: House) -> bytes:
    """Return the page. It takes some microseconds for each series, and others have their turn between its parts."""
    config = house.world.config
    house.metrics.keep(config.accounts, config.clients)
    page = Page()
    page.gauge("ccflared_build_info", "The version that runs.", [({"version": __version__}, 1)])
    for wide in (_requests, _tokens, _money):
        await wide(page, house)
    for part in _PARTS:
        part(page, house)
        await trio.lowlevel.checkpoint()
    describe_process(page, house.started_at)
    return page.text()


async def _counter(page: Page, name: str, told: str, samples: Iterator[Sample]) -> None:
    """Add a family that may be of any size: many accounts with many clients are tens of thousands of lines."""
    page.counter(name, told, ())
    while some := list(islice(samples, _AT_ONCE)):
        page.more(name, some)
        await trio.lowlevel.checkpoint()


def _pairs(house: House) -> list[tuple[dict[str, str], Sums]]:
    """Return the labels of each account with each client, and what was counted of them."""
    config, counted = house.world.config, house.metrics.sums
    accounts, clients = [*config.accounts, ""], list(config.clients) or [""]
    named = [*counted]
    if len(accounts) * len(clients) <= _PAIRS:
        named = list(dict.fromkeys([*product(accounts, clients), *counted]))
    none = Sums()
    return [({"account": a, "client": c}, counted.get((a, c), none)) for a, c in named]


async def _requests(page: Page, house: House) -> None:
    pairs = _pairs(house)

    def outcomes() -> Iterator[Sample]:
        for labels, sums in pairs:
            told = dict.fromkeys((("client", outcome) for outcome in get_args(Outcome)), 0)
            for (origin, outcome), count in (told | sums.outcomes).items():
                yield {**labels, "origin": origin, "outcome": outcome}, count

    await _counter(
        page,
        "ccflared_requests_total",
        "Requests that have ended, by the account that served or was tried last; origin tells who asked.",
        outcomes(),
    )
    kinds = dict.fromkeys(((account, "served") for account in house.world.config.accounts), 0)
    page.counter(
        "ccflared_attempts_total",
        "Tries at accounts: served, or the kind of what ended them.",
        [({"account": a, "kind": k}, n) for (a, k), n in (kinds | house.metrics.attempts).items()],
    )


async def _tokens(page: Page, house: House) -> None:
    await _counter(
        page,
        "ccflared_tokens_total",
        "Tokens as the providers reported them, in the kinds that are billed apart.",
        (
            ({**labels, "type": kind}, getattr(sums, kind))
            for labels, sums in _pairs(house)
            if labels["account"]
            for kind in _TOKENS
        ),
    )


async def _money(page: Page, house: House) -> None:
    pairs = [(labels, sums) for labels, sums in _pairs(house) if labels["account"]]
    await _counter(
        page,
        "ccflared_cost_usd_total",
        "What requests cost, in USD: at list price where a plan has paid, else money.",
        (
            ({**labels, "billing": billing}, cost / 1e6)
            for labels, sums in pairs
            for billing, cost in (dict.fromkeys(_BILLINGS, 0) | sums.cost).items()
        ),
    )
    await _counter(
        page,
        "ccflared_unpriced_requests_total",
        "Requests that used tokens and whose cost nobody knows.",
        ((labels, sums.unpriced) for labels, sums in pairs),
    )


def _times(page: Page, house: House) -> None:
    metrics, none = house.metrics, Histogram(SECONDS)
    accounts = dict.fromkeys(house.world.config.accounts, none)
    for name, told, by_account in (
        ("request_duration", "How long requests of clients took, to their end.", metrics.duration),
        ("first_byte", "How long it took to the first byte of the answer's body.", metrics.first_byte),
    ):
        page.histogram(
            f"ccflared_{name}_seconds",
            told,
            [({"account": account}, times) for account, times in (accounts | by_account).items()],
        )
    page.histogram(
        "ccflared_overhead_seconds",
        "What ccflared itself took of a request: neither an upstream nor the client was waited for.",
        [({}, metrics.overhead)],
    )
    page.histogram(
        "ccflared_loop_lag_seconds",
        "How much later than it was due a task had its turn, looked at every second.",
        [({}, metrics.lag)],
    )


def _accounts(page: Page, house: House) -> None:
    now = time()
    states, ready, until, used, ages, running = [], [], [], [], [], []
    for name, target in house.world.targets.items():
        labels = {"account": name}
        seen = None if isinstance(target, Unfit) else view(house.candidate(name, now), now)
        state = target.state if isinstance(target, Unfit) else seen.state if seen else ""
        states += [({**labels, "state": each}, int(each == state)) for each in _STATES]
        ready.append((labels, int(seen is not None and seen.may_serve)))
        if seen is not None and seen.until is not None:
            until.append((labels, seen.until))
        for window, told_at in _windows(house, target):
            named = {**labels, "window": window.name}
            used.append((named, window.utilization or 0.0))
            ages.append((named, max(0.0, now - told_at)))
        running.append((labels, house.under_way.running[name]))
    page.gauge("ccflared_account_state", "1 for the state that an account is in.", states)
    page.gauge("ccflared_account_ready", "Whether an account may be asked now.", ready)
    page.gauge(
        "ccflared_account_recovers_timestamp_seconds",
        "When what keeps an account from serving ends, as far as that is known.",
        until,
    )
    page.gauge(
        "ccflared_account_window_utilization_ratio",
        "How much of a usage window is used up; above 1 it is overdrawn.",
        used,
    )
    page.gauge("ccflared_account_window_age_seconds", "How long ago that was told.", ages)
    page.gauge(
        "ccflared_requests_running", "Requests that are being served.", [({}, house.under_way.requests)]
    )
    page.gauge("ccflared_tries_running", "Tries that are under way.", running)


def _windows(house: House, target: Target | Unfit) -> Iterator[tuple[Window, float]]:
    """Yield the usage windows of which it is known how far they are used up, and when that was told.

    Their names come from the provider: such as are not of the usual form are left out.
    """
    quota = house.ledger.standing(target).quota if isinstance(target, Target) else None
    if quota is None:
        return
    for window in quota.windows:
        if window.utilization is not None and _WINDOW.fullmatch(window.name):
            yield window, quota.at if window.told_at is None else window.told_at


def _budgets(page: Page, house: House) -> None:
    now = time()
    config, zone = house.world.config, house.world.zone
    spent: list[Sample] = []
    limits: list[Sample] = []

    def tell(scope: str, name: str, budget: Budget | None, known: Spent) -> None:
        if budget is None:
            return
        current = added(known, 0, now, zone)
        for period, cost, limit in (
            ("day", current.day, budget.daily),
            ("month", current.month, budget.monthly),
        ):
            if limit is not None:
                labels = {"scope": scope, "name": name, "period": period}
                spent.append((labels, cost / 1e6))
                limits.append((labels, float(limit)))

    if config.budget is not None:
        tell("all", "", config.budget, house.whole.spent(config.budget))
    for account in config.accounts.values():
        tell("account", account.name, account.budget, house.purse.spent(account.name))
    for client in config.clients.values():
        tell("client", client.name, client.budget, house.clients.spent(client))
    page.gauge("ccflared_budget_spent_usd", "What is spent of a budget in this day or month, in USD.", spent)
    page.gauge("ccflared_budget_limit_usd", "What may be spent, in USD.", limits)


def _configuration(page: Page, house: House) -> None:
    metrics, last = house.metrics, house.metrics.last_verdict
    reloads = {"applied": 0, "refused": 0} | metrics.reloads
    page.counter(
        "ccflared_config_reloads_total",
        "Reloads of the configuration, by what came of them.",
        [({"verdict": verdict}, count) for verdict, count in reloads.items()],
    )
    page.gauge(
        "ccflared_config_last_reload_successful",
        "Whether the file as it was last read is in force.",
        [({}, int(last is None or last.applied))],
    )
    page.gauge(
        "ccflared_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was applied.",
        [({}, metrics.last_applied_at)],
    )


def _certificates(page: Page, house: House) -> None:
    certificates = list(house.metrics.certificates)
    labels = [({"certificate": str(each.tls.cert)}, each) for each in certificates]
    page.gauge(
        "ccflared_certificate_expires_timestamp_seconds",
        "When the certificate of a listener that is shown now ends, or the first of its chain.",
        [(named, each.read.ends) for named, each in labels],
    )
    page.gauge(
        "ccflared_certificate_up",
        "Whether the certificate that is shown is the one that lies in its file; 0: that one cannot be used.",
        [(named, int(each.problem is None)) for named, each in labels],
    )


def _history(page: Page, house: House) -> None:
    state = house.recorder.state
    for name, told, value in (
        ("up", "Whether the history can be written.", int(state.error is None)),
        ("queue_entries", "Requests that wait to be written into the history.", state.queued),
        ("queue_memories", "Changes of what is known that wait to be written.", state.remembering),
    ):
        page.gauge(f"ccflared_history_{name}", told, [({}, value)])
    for name, told, value in (
        ("written", "Requests that were written into the history.", state.written),
        ("dropped", "Requests that are missing in the history.", state.dropped),
        ("forgotten", "Changes of what is known that are lost.", state.forgotten),
    ):
        page.counter(f"ccflared_history_{name}_total", told, [({}, value)])


def _payloads(page: Page, house: House) -> None:
    state = house.payloads.state
    page.gauge(
        "ccflared_payloads_up",
        "Whether payloads can be written; also 1 where none are kept.",
        [({}, int(state.error is None))],
    )
    page.gauge("ccflared_payloads_queue_bytes", "Bytes that wait to be written.", [({}, state.waiting)])
    page.counter(
        "ccflared_payloads_dropped_total",
        "Payloads of requests that were not kept, because too much waited or they cannot be written.",
        [({}, state.dropped)],
    )


def _alerts(page: Page, house: House) -> None:
    open_ = dict.fromkeys(SEVERITIES, 0) | Counter(alert.alarm.type for alert in house.alerts.open)
    page.gauge(
        "ccflared_alerts_open",
        "Alerts whose cause still holds.",
        [({"type": kind, "severity": SEVERITIES[kind]}, count) for kind, count in open_.items()],
    )
    page.gauge(
        "ccflared_webhook_queue_entries", "Alerts that wait to be posted.", [({}, house.webhook.waiting)]
    )
    page.counter(
        "ccflared_webhook_lost_total",
        "Alerts that were not posted, because too many waited or no try has helped.",
        [({}, house.webhook.lost)],
    )


_PARTS: Final = (
    *(_times, _accounts, _budgets),
    *(_configuration, _certificates, _history, _payloads, _alerts),
)
"""In the order of the page; between two of them others have their turn."""
