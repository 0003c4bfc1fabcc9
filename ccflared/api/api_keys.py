"""``/api/api-keys``: the clients, as better-ccflare's API has its keys. Each is a client of one name, with its keys."""

from collections.abc import Sequence
from time import time
from typing import Any, Final

from ccflared.api import reading
from ccflared.api.bodies import flag, text, wrong
from ccflared.api.calls import Call, reply
from ccflared.api.edited import edited
from ccflared.api.edited_schemas import PREVIEW
from ccflared.api.edited_schemas import edited as edited_schema
from ccflared.api.legacy_usage import iso
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    SWITCH,
    TEXT,
    WHOLE,
    closed,
    each,
    many,
    one_of,
    record,
    told,
)
from ccflared.config.edit import Add, Edit, Remove
from ccflared.config.load import Files
from ccflared.daemon.access import has_expired
from ccflared.daemon.answers import Reply
from ccflared.daemon.edits import Deposits, Wish
from ccflared.errors import ClientError
from ccflared.store.counted import clients_counted
from ccflared.store.keys import new_key


async def keys(call: Call) -> Reply:
    """Answer every client. When a key was made is not known, nor how it ends: only its digest is kept."""
    listed = await _keys(call)
    return reply(200, {"success": True, "data": listed, "count": len(listed)})


async def numbers(call: Call) -> Reply:
    """Answer how many there are."""
    listed = await _keys(call)
    active = sum(key["isActive"] for key in listed)
    data = {"total": len(listed), "active": active, "inactive": len(listed) - active}
    return reply(200, {"success": True, "data": data})


async def add(call: Call) -> Reply:
    """Add a client that may ask for everything, with a new key, which is answered this once: ``{name}``."""
    if call.body.get("role", "api-only") != "api-only":
        wrong("role: a client never administers, so only api-only is possible.")
    for name in call.body:
        if name not in ("name", "role"):
            wrong(f"There is no setting {name}: POST /api/clients has them all.")
    name = text(call.body, "name")
    key, digest = new_key()

    def plan(files: Files, deposits: Deposits) -> Sequence[Edit]:
        del files, deposits
        return [Add("clients", name, {"key_sha256": digest})]

    data = {**_key(name, used=(0, None)), "apiKey": key.reveal()}
    return await edited(
        call,
        Wish(plan, call.asked.trusted),
        f"Client {name} is added; its key is told this once.",
        lambda: {"data": data},
        new=(key, digest),
    )


async def remove(call: Call) -> Reply:
    """Remove a client; ``allowLess`` where it is the last one."""
    name = call.parts[0]
    if name not in call.running.house.world.config.clients:
        raise ClientError(404, "not_found_error", f"There is no client {name}.")
    less = "allowLess" in call.body and flag(call.body, "allowLess")
    wish = Wish(lambda _files, _deposits: [Remove("clients", name)], call.asked.trusted, allow_less=less)
    return await edited(call, wish, f"Client {name} is removed; its key counts no more.")


async def _keys(call: Call) -> list[dict[str, Any]]:
    house, now = call.running.house, time()
    await reading.caught_up(call, totals=True)
    used = await reading.find(call, clients_counted)
    config = house.world.config
    return [
        _key(
            name,
            used=None if used is None else used.get(name, (0, None)),
            active=not has_expired(config, client, now) and name in house.world.rights.reachable,
        )
        for name, client in config.clients.items()
    ]


def _key(name: str, *, used: tuple[int, float | None] | None, active: bool = True) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "prefixLast8": None,
        "createdAt": None,
        "lastUsed": None if used is None else iso(used[1]),
        "usageCount": None if used is None else used[0],
        "isActive": active,
        "role": "api-only",
    }


_KEY: Final = {
    **each(TEXT, "id name"),
    **each(told(MAYBE_TEXT, "Not known: null."), "prefixLast8 createdAt"),
    "lastUsed": MAYBE_TEXT,
    "usageCount": told(MAYBE_WHOLE, "Null: the history cannot be read."),
    "isActive": FLAG,
    "role": one_of("api-only"),
}

ROUTES: Final = (
    Route(
        "GET",
        "/api/api-keys",
        keys,
        "Every client. When a key was made is not known, nor how it ends: only its digest is kept.",
        gives={200: record({"success": FLAG, "data": many(record(_KEY)), "count": WHOLE})},
    ),
    Route(
        "GET",
        "/api/api-keys/stats",
        numbers,
        "How many clients there are.",
        gives={200: record({"success": FLAG, "data": record(each(WHOLE, "total active inactive"))})},
    ),
    Route(
        "POST",
        "/api/api-keys",
        add,
        "Add a client that may ask for everything, with a new key, which is answered this once.",
        "edit",
        query=PREVIEW,
        body=closed({"name": {"type": "string", "minLength": 1}}, {"role": one_of("api-only")}),
        gives=edited_schema(data=record({**_KEY, "apiKey": TEXT})),
    ),
    Route(
        "DELETE",
        "/api/api-keys/{name}",
        remove,
        "Remove a client; allowLess where it is the last one.",
        "edit",
        query=PREVIEW,
        body=closed({}, {"allowLess": SWITCH}),
        gives=edited_schema(),
    ),
)
