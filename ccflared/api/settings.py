"""``GET /api/config`` and its parts: what of the file is in force, in better-ccflare's words, and retention."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, get_args

from ccflared.api.bodies import wrong
from ccflared.api.calls import Call, reply
from ccflared.api.edited import edited
from ccflared.api.edited_schemas import EDITED, PREVIEW
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    NUMBER,
    TEXTS,
    WHOLE,
    closed,
    each,
    many,
    one_of,
    record,
    told,
)
from ccflared.config.edit import Edit, Put
from ccflared.config.load import Files
from ccflared.config.settings import Strategy
from ccflared.daemon.answers import Reply
from ccflared.daemon.edits import Deposits, Wish

_DAY: Final = 86_400.0
_STRATEGIES: Final[tuple[str, ...]] = get_args(Strategy)


async def config(call: Call) -> Reply:
    """Answer the settings in force that are no secrets: routing, retention, the first port, the time zone."""
    running = call.running
    world = running.house.world
    routing = world.config.routing
    ports = [
        int(port)
        for bound in running.listeners.bound
        for address in bound.addresses
        if (port := address.rpartition(":")[2]).isdigit() and not address.startswith("unix:")
    ]
    return reply(
        200,
        {
            "lb_strategy": routing.strategy,
            "port": ports[0] if ports else None,
            "sessionDurationMs": round(routing.session_length * 1000),
            "timezone": world.config.timezone,
            "accounts": list(world.config.accounts),
            "clients": list(world.config.clients),
            "routing": asdict(routing),
            "fallback": [asdict(chain) for chain in world.config.fallback],
            "pricing": {model: asdict(price) for model, price in world.config.pricing.items()},
            "storage": {
                "keep_requests": world.config.storage.keep_requests,
                "keep_payloads": world.config.storage.keep_payloads,
                "max_size": world.config.storage.max_size,
            },
            **_retention(call),
            "edit": world.config.admin.edit if world.config.admin is not None else "all",
        },
    )


async def strategy(call: Call) -> Reply:
    """Answer the strategy in force, and whether it stands in the file."""
    loaded = call.running.house.world.loaded
    source = "file" if ("routing", "strategy") in loaded.places else "default"
    return reply(200, {"strategy": loaded.config.routing.strategy, "source": source})


async def strategies(_call: Call) -> Reply:
    """Answer the strategies there are."""
    return reply(200, list(_STRATEGIES))


async def retention(call: Call) -> Reply:
    """Answer for how many days payloads and requests are kept; 0: no payloads are."""
    return reply(200, _retention(call))


async def set_retention(call: Call) -> Reply:
    """Take ``{payloadDays?, requestDays?, storePayloads?}`` into ``[storage]`` of the file."""
    body = call.body
    for name in body:
        if name not in ("payloadDays", "requestDays", "storePayloads"):
            wrong(f"There is no setting {name}: payloadDays, requestDays or storePayloads is expected.")
    edits: list[Edit] = []
    if "requestDays" in body:
        edits.append(Put(("storage", "keep_requests"), f"{_days(body, 'requestDays', 3650)}d"))
    keep = body.get("storePayloads")
    if "storePayloads" in body and not isinstance(keep, bool):
        wrong("storePayloads: true or false is expected")
    days = _days(body, "payloadDays", 365) if "payloadDays" in body else None
    kept = call.running.house.world.config.storage.keep_payloads
    if keep is False:
        edits.append(Put(("storage", "keep_payloads"), "off"))
    elif days is not None and (keep or kept):
        edits.append(Put(("storage", "keep_payloads"), f"{days}d"))
    elif keep and not kept:
        edits.append(Put(("storage", "keep_payloads"), "1d"))
    if not edits:
        wrong("What is to be set? requestDays, storePayloads, or payloadDays where payloads are kept.")

    def plan(files: Files, deposits: Deposits) -> Sequence[Edit]:
        del files, deposits
        return edits

    return await edited(call, Wish(plan, call.asked.trusted), "The retention is changed.")


def _days(body: Any, name: str, most: int) -> int:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        wrong(f"{name}: whole days from 1 to {most} are expected")
    return int(value)


def _retention(call: Call) -> dict[str, Any]:
    storage = call.running.house.world.config.storage
    return {
        "payloadDays": round(storage.keep_payloads / _DAY, 3),
        "requestDays": round(storage.keep_requests / _DAY, 3),
        "storePayloads": storage.keep_payloads > 0,
    }


_RETENTION: Final = {**each(NUMBER, "payloadDays requestDays"), "storePayloads": FLAG}

ROUTES: Final = (
    Route(
        "GET",
        "/api/config",
        config,
        "The settings in force that are no secrets: routing, retention, the first port, the time zone.",
        gives={
            200: record(
                {
                    "lb_strategy": one_of(*_STRATEGIES),
                    "port": MAYBE_WHOLE,
                    "sessionDurationMs": WHOLE,
                    "timezone": told(MAYBE_TEXT, "Null: the system's."),
                    **each(TEXTS, "accounts clients"),
                    "routing": {"type": "object"},
                    "fallback": many({"type": "object"}),
                    "pricing": {"type": "object"},
                    "storage": record(
                        {**each(NUMBER, "keep_requests keep_payloads"), "max_size": told(WHOLE, "Bytes.")}
                    ),
                    **_RETENTION,
                    "edit": one_of("all", "state", "none"),
                }
            )
        },
    ),
    Route(
        "GET",
        "/api/config/strategy",
        strategy,
        "The strategy in force, and whether it stands in the file.",
        gives={200: record({"strategy": one_of(*_STRATEGIES), "source": one_of("file", "default")})},
    ),
    Route(
        "GET",
        "/api/strategies",
        strategies,
        "The strategies there are.",
        gives={200: many(one_of(*_STRATEGIES))},
    ),
    Route(
        "GET",
        "/api/config/retention",
        retention,
        "For how many days payloads and requests are kept; 0: no payloads are.",
        gives={200: record(_RETENTION)},
    ),
    Route(
        "POST",
        "/api/config/retention",
        set_retention,
        "Set for how many days requests and payloads are kept, in [storage] of the file.",
        "edit",
        query=PREVIEW,
        body=closed(
            {},
            {
                "payloadDays": {"type": "integer", "minimum": 1, "maximum": 365},
                "requestDays": {"type": "integer", "minimum": 1, "maximum": 3650},
                "storePayloads": FLAG,
            },
        ),
        gives=EDITED,
    ),
)
