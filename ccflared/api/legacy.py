"""Answers in the shapes of better-ccflare's REST API, so that scripts written for it go on working."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ccflared.api.accounts import accounts as listed
from ccflared.api.calls import Call
from ccflared.api.legacy_usage import iso, usage_fields
from ccflared.api.reading import caught_up, find
from ccflared.daemon.main import Running
from ccflared.providers.target import Target
from ccflared.store.counted import Counted, accounts_counted


async def counted(call: Call) -> Mapping[str, Counted] | None:
    """Return how much each account was used; None where the history cannot be read."""
    house = call.running.house
    targets = house.world.targets.items()
    sessions = {
        name: house.ledger.standing(target).session_since if isinstance(target, Target) else None
        for name, target in targets
    }
    await caught_up(call, totals=True)
    used: Mapping[str, Counted] | None = await find(call, partial(accounts_counted, sessions=sessions))
    return used


def accounts(running: Running, now: float, used: Mapping[str, Counted] | None = None) -> list[dict[str, Any]]:
    """Return the accounts in the order of routing, each with the keys of that API that mean something here.

    ``used``: how much each was used, where that was read.
    """
    config = running.house.world.config
    answer = []
    for item in listed(running, now):
        account = config.accounts[item["name"]]
        limited = item["until"] if item["state"] == "resting" else None
        answer.append(
            {
                "id": item["name"],
                "name": item["name"],
                "provider": item["provider"],
                "priority": item["priority"],
                "tier": item["tier"],
                "state": item["state"],
                "reason": item["reason"],
                "paused": item["state"] == "paused" or item["paused_since"] is not None,
                "pauseReason": _pause_reason(item),
                "requiresReauth": item["state"] == "needs login",
                "hasRefreshToken": item["token"] is not None and item["token"]["kind"] in ("login", "seed"),
                "tokenStatus": "expired"
                if item["state"] == "no credential"
                else _token_status(item["token"], now),
                "tokenExpiresAt": iso(item["token"]["valid_until"]) if item["token"] else None,
                "lastUsed": iso(item["last_used"]),
                "rateLimitStatus": _limit_text(limited, now),
                "rateLimitedUntil": iso(limited),
                **usage_fields(item.get("usage"), now),
                "autoFallbackEnabled": account.auto_fallback,
                "autoRefreshEnabled": account.auto_refresh,
                "customEndpoint": account.base_url,
                "modelMappings": {name: list(models) for name, models in account.models.items()},
                "isPrimary": item["order"] == 1,
                "created": None,
                "rateLimitedReason": item["reason"] if limited is not None else None,
                "rateLimitReset": iso(limited),
                "autoPauseOnOverageEnabled": account.overage == "never",
                "peakHoursPauseEnabled": bool(account.pause_schedule),
                "billingType": running.house.world.billing[item["name"]],
                **_counted(item, None if used is None else used.get(item["name"])),
            }
        )
    return answer


def _counted(item: Mapping[str, Any], used: Counted | None) -> dict[str, Any]:
    """Return how much an account was used, in all and in its session; null: not read."""
    session = used.session if used is not None and item.get("session") else None
    return {
        "requestCount": None if used is None else used.requests,
        "totalRequests": None if used is None else used.requests,
        "sessionInfo": "-" if session is None else f"Active: {session['requests']} reqs",
        "sessionStats": session,
    }


def _token_status(token: Mapping[str, Any] | None, now: float) -> str:
    """Return whether a token holds; a key never ends."""
    if token is None:
        return "valid"
    ended = token["kind"] == "none" or (token["valid_until"] is not None and token["valid_until"] <= now)
    return "expired" if ended else "valid"


def _pause_reason(item: Mapping[str, Any]) -> str | None:
    """Return whose pause it is in that API's words, as far as it has one."""
    if item["paused_since"] is not None:
        return "manual"
    by = item.get("by")
    return {"schedule": "peak_hours", "overage": "overage"}.get(by, by) if by is not None else None


def _limit_text(until: float | None, now: float) -> str:
    return "OK" if until is None else f"Rate limited ({max(1, round((until - now) / 60))}m)"
