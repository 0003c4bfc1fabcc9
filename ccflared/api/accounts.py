"""The accounts as the status document shows them: in the order of routing, each with all that is said against it."""

from typing import Any

from ccflared.api.tokens import token
from ccflared.daemon.house import House
from ccflared.daemon.main import Running
from ccflared.money.budgets import added
from ccflared.pool import strategy
from ccflared.pool.candidates import Block, Candidate, blocks, coolings, view
from ccflared.providers.target import Target, Unfit
from ccflared.wire import Quota, Window


def accounts(running: Running, now: float) -> list[dict[str, Any]]:
    """Return the accounts in the order the router would choose, then those it would pass over."""
    house = running.house
    config = house.world.config
    order = [choice.account for choice in house.preview(now).choices]
    rest = [name for name in config.accounts if name not in order]
    rest.sort(key=lambda name: config.accounts[name].priority)
    listed = [_account(house, name, order, now) for name in order + rest]
    for item in listed:
        item["polling"] = _polling(running, item["name"], now)
    return _one_session(house, listed)


def _one_session(house: House, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave the word that it holds the session to one account of each priority: that whose session was begun last."""
    latest: dict[int, tuple[float, str]] = {}
    for item in listed:
        target = house.world.targets[item["name"]]
        if item.get("session") and isinstance(target, Target):
            began = (house.ledger.standing(target).session_since or 0.0, item["name"])
            latest[item["priority"]] = max(latest.get(item["priority"], began), began)
    holders = {name for _, name in latest.values()}
    return [item | {"session": item["name"] in holders} for item in listed]


def _account(house: House, name: str, order: list[str], now: float) -> dict[str, Any]:
    account = house.world.config.accounts[name]
    return {
        "name": name,
        "provider": account.provider,
        "priority": account.priority,
        "tier": account.tier,
        "order": order.index(name) + 1 if name in order else None,
        **_state(house, name, now),
        "token": token(house, name, now),
        "paused_since": house.ledger.paused_since(name),
        "budget": _budget(house, name, now),
        "running": house.under_way.running[name],
        "last_used": house.ledger.last_used.get(name),
    }


def _state(house: House, name: str, now: float) -> dict[str, Any]:
    """Return its state with reason and end, and everything else that is said against it."""
    target = house.world.targets[name]
    if isinstance(target, Unfit):
        by_hand = house.ledger.paused_since(name) is not None
        also = [_block(Block("paused", "paused by hand", by="hand"))] if by_hand else []
        return {"state": target.state, "reason": target.reason, "until": None, "also": also}
    candidate = house.candidate(name, now)
    seen = view(candidate, now)
    reason = seen.reason
    if not house.world.config.accounts[name].pool and seen.state == "ready":
        reason = "pool = false: only for chains and pins"
    return {
        "state": seen.state,
        "reason": reason,
        "until": seen.until,
        "also": _also(candidate, now),
        "by": next((block.by for block in blocks(candidate, now)[:1]), None),
        "session": seen.may_serve and strategy.holds_session(candidate, now),
        "usage": _usage(candidate.standing.quota, now),
    }


def _budget(house: House, name: str, now: float) -> dict[str, float | None] | None:
    """Return an account's budget and what is spent of it, in USD."""
    budget = house.world.config.accounts[name].budget
    if budget is None:
        return None
    spent = added(house.purse.spent(name), 0, now, house.world.zone)
    return {
        "daily": budget.daily,
        "monthly": budget.monthly,
        "spent_today": spent.day / 1e6,
        "spent_this_month": spent.month / 1e6,
    }


def _also(candidate: Candidate, now: float) -> list[dict[str, Any]]:
    """Return what is said against it besides the first, and against single models of it."""
    single = [_block(block, single=True) for block in coolings(candidate, now)]
    return [_block(block) for block in blocks(candidate, now)[1:]] + single


def _block(block: Block, *, single: bool = False) -> dict[str, Any]:
    """Tell a reason. ``single``: it concerns single models only."""
    return {
        "state": block.state,
        "reason": block.reason,
        "until": block.until,
        "by": block.by,
        "single": single,
    }


def _usage(quota: Quota | None, now: float) -> dict[str, Any] | None:
    """Return the usage windows as they were last told of, with the age of that in seconds, and by what."""
    if quota is None:
        return None
    return {
        "age": max(0.0, now - quota.at),
        "source": source(polled=quota.polled),
        "overage": quota.overage,
        "windows": [_window(window, quota, now) for window in quota.windows],
    }


def _window(window: Window, quota: Quota, now: float) -> dict[str, Any]:
    told_at = quota.at if window.told_at is None else window.told_at
    return {
        "name": window.name,
        "family": window.family,
        "utilization": window.utilization,
        "resets_at": window.resets_at,
        "spent": window.spent,
        "age": max(0.0, now - told_at),
        "source": source(polled=quota.polled if window.told_at is None else window.polled),
    }


def source(*, polled: bool) -> str:
    """Return by what usage was told: the answers to requests, or polls of the provider's usage endpoint."""
    return "poll" if polled else "traffic"


def _polling(running: Running, name: str, now: float) -> dict[str, Any] | None:
    """Return what came of asking for the usage of an account; None where there is nowhere to ask."""
    house = running.house
    target = house.world.targets[name]
    if not isinstance(target, Target) or target.usage is None:
        return None
    polled = house.ledger.polled(name)
    mine = polled is not None and polled.fingerprint == target.fingerprint
    return {
        "asked_at": polled.at if polled is not None else None,
        "problem": polled.problem if polled is not None and mine else None,
        "failures": polled.failures if polled is not None and mine else 0,
        "next_at": max(now, running.poller.next_at(target, now)),
    }
