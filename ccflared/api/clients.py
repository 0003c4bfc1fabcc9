"""The clients as status and ``GET /api/clients`` show them: what the file allows each, and what it has used of it."""

from dataclasses import asdict
from time import time
from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.api.route import Route
from ccflared.api.status_schemas import CLIENTS
from ccflared.config.model import Client
from ccflared.daemon.access import has_expired
from ccflared.daemon.answers import Reply
from ccflared.daemon.house import House
from ccflared.money.budgets import added, period_start
from ccflared.store.clients import Used


async def clients(call: Call) -> Reply:
    """Answer an array with every client: its rights, and what it has used today and this month.

    ``today`` and ``this_month`` are null where the history cannot be read in time.
    """
    house, now = call.running.house, time()
    zone = house.world.zone
    used = await house.archive.clients(
        day=period_start(now, zone, "day"), month=period_start(now, zone, "month"), zone=zone
    )
    listed = []
    for name, client in house.world.config.clients.items():
        rights = {
            "id": name,
            "keys": len(client.key) + len(client.key_sha256),
            "accounts": list(client.accounts),
            "models": list(client.models),
            "pin": client.pin,
        }
        numbers = {
            "today": _used(used.today.get(name, _NOTHING)) if used else None,
            "this_month": _used(used.month.get(name, _NOTHING)) if used else None,
            "last_used": used.last_used.get(name) if used else None,
        }
        listed.append(rights | in_short(house, client, now) | numbers)
    return reply(200, listed)


def in_short(house: House, client: Client, now: float) -> dict[str, Any]:
    """Return what status tells of a client: whether it may ask now, and what it has used of its limits."""
    return {
        "name": client.name,
        **_state(house, client, now),
        "expires": client.expires.isoformat() if client.expires else None,
        "expired": has_expired(house.world.config, client, now),
        "budget": _budget(house, client, now),
        "requests_per_hour": client.requests_per_hour,
        "requests_last_hour": house.clients.asked(client.name, now),
        "refused_last_hour": house.clients.refused(client.name, now),
    }


def _state(house: House, client: Client, now: float) -> dict[str, Any]:
    """Return its state: ready, spent (with reason and end), expired or no key."""
    world = house.world
    reason: str | None = None
    until: float | None = None
    if has_expired(world.config, client, now):
        state = "expired"
    elif client.name not in world.rights.reachable:
        state, reason = "no key", _unreadable(house, client)
    elif (wait := house.clients.waits(client, now, world.zone)) is not None:
        state, reason, until = "spent", wait.reason, wait.until
    else:
        state = "ready"
    return {"state": state, "reason": reason, "until": until}


def _unreadable(house: House, client: Client) -> str:
    problems = (house.world.secrets.problem(reference) for reference in client.key)
    return next((problem for problem in problems if problem), "its key cannot be read")


def _budget(house: House, client: Client, now: float) -> dict[str, Any] | None:
    """Return a client's budget and what is spent of it, in USD."""
    budget = client.budget
    if budget is None:
        return None
    spent = added(house.clients.spent(client), 0, now, house.world.zone)
    return {
        "daily": budget.daily,
        "monthly": budget.monthly,
        "counts": budget.counts,
        "spent_today": spent.day / 1e6,
        "spent_this_month": spent.month / 1e6,
    }


_NOTHING = Used()


def _used(used: Used) -> dict[str, Any]:
    return {
        "requests": used.requests,
        "refused": used.refused,
        "tokens": asdict(used.tokens),
        "value": used.value / 1e6,
        "money": used.money / 1e6,
        "of_unknown_cost": used.unknown,
    }


ROUTES: Final = (
    Route(
        "GET",
        "/api/clients",
        clients,
        "Every client: its rights, and what it has used today and this month.",
        gives={200: CLIENTS},
    ),
)
