"""The status document: one structure for status page, JSON and dashboard. Times are Unix seconds; null is unknown."""

import os
from dataclasses import asdict
from typing import Any, get_args

from ccflared import __version__
from ccflared.api.accounts import accounts
from ccflared.api.budgets import budgets
from ccflared.api.chains import chains
from ccflared.api.clients import in_short
from ccflared.api.payload_calls import payloads_state
from ccflared.api.prices import prices
from ccflared.daemon.main import Running
from ccflared.daemon.metrics.process import resident
from ccflared.store.sums import named, usd
from ccflared.store.today import Today
from ccflared.store.traffic import Traffic
from ccflared.wire import Outcome


async def status(running: Running, traffic: Traffic, today: Today, now: float) -> dict[str, Any]:
    """Return everything that ``ccflared status`` shows."""
    house = running.house
    return {
        "version": __version__,
        "pid": os.getpid(),
        "started_at": house.started_at,
        "now": now,
        "state": "draining" if house.draining else "running",
        "memory_bytes": resident(),
        "config": _config(running, now),
        "listeners": _listeners(running, now),
        "control": {"socket": str(running.control.path)},
        "storage": _storage(running),
        "accounts": accounts(running, now),
        "chains": await chains(house, now),
        "clients": [in_short(house, client, now) for client in house.world.config.clients.values()],
        "budgets": budgets(house, now),
        "prices": prices(house, now),
        "running": house.under_way.requests,
        "traffic": _traffic(traffic),
        "today": _today(today, house.world.config.timezone),
        "history": _history(running),
        "payloads": payloads_state(running),
        "alerts": [alert.document() for alert in house.alerts.open],
    }


def _config(running: Running, now: float) -> dict[str, Any]:
    reloads = running.reloads
    loaded = running.house.world.loaded
    refused = reloads.refused
    return {
        "file": str(running.sources.path),
        "files": [str(file) for file in loaded.files],
        "serial": reloads.applied.number,
        "applied_at": reloads.applied.at,
        "cause": reloads.applied.cause,
        "pending_restart": list(reloads.pending_restart),
        "warnings": [*reloads.applied.warnings, *running.listeners.certificates.warnings(now)],
        "refused": refused.document() if refused else None,
    }


def _listeners(running: Running, now: float) -> list[dict[str, Any]]:
    return [
        {
            "address": address,
            "url": None
            if address.startswith("unix:")
            else f"{'https' if bound.door.tls else 'http'}://{address}{bound.door.base_path}",
            "serve": sorted(bound.door.serve),
            "tls": bound.door.tls,
            "reach": bound.door.reach,
            "certificate": None if bound.certificate is None else bound.certificate.document(now),
            "error": None,
        }
        for bound in running.listeners.bound
        for address in bound.addresses
    ]


def _history(running: Running) -> dict[str, Any]:
    state = running.house.recorder.state
    return {
        "ok": state.error is None,
        "error": state.error,
        "queued": state.queued,
        "written": state.written,
        "dropped": state.dropped,
    }


def _storage(running: Running) -> dict[str, Any]:
    """Return where the history is, and what it took at the last look."""
    sweeper, kept = running.upkeep.sweeper, running.house.world.config.storage
    return {
        "directory": str(running.sources.state_directory),
        "bytes": sweeper.known.total if sweeper.known else None,
        "max_size": kept.max_size,
        "error": sweeper.error,
    }


def _traffic(traffic: Traffic) -> dict[str, Any]:
    outcomes = {outcome: traffic.outcomes.get(outcome, 0) for outcome in get_args(Outcome)}
    return {
        "known": traffic.known,
        "since": traffic.since,
        "requests": traffic.requests,
        **outcomes,
        "failovers": traffic.failovers,
        "failovers_limit": traffic.failovers_limit,
        "tokens": {kind: count or 0 for kind, count in asdict(traffic.tokens).items()},
        "first_byte_ms": {"p50": traffic.first_byte_p50_ms, "p95": traffic.first_byte_p95_ms},
        "minutes": list(traffic.minutes),
        "troubled": list(traffic.troubled),
        "accounts": [
            {
                "name": name,
                "requests": part.requests,
                "failed_attempts": part.failed_attempts,
                "output_tokens": part.tokens.output or 0,
            }
            for name, part in traffic.accounts.items()
        ],
    }


def _today(today: Today, timezone: str | None) -> dict[str, Any]:
    """Return the day's sums. Value and money are told apart, and null is what nobody knows."""
    sums = today.sums
    counts = ("requests", *get_args(Outcome), "failovers", "failovers_limit", "unpriced", "unpriced_money")
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    costs = named(list(sums.values()), list(sums))
    return {
        "known": today.known,
        "since": today.since,
        "timezone": timezone,
        **{name: sums[name] for name in counts},
        "tokens": {kind: sums[f"{kind}_tokens"] for kind in kinds},
        "plan_usd": usd(costs, "plan") if today.known else None,
        "money_usd": usd(costs, "money") if today.known else None,
    }
