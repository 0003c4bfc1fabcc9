"""The machine and the models: ``/api/system/info``, ``/api/models``, and which account a session is at."""

import os
import platform
import sqlite3
from time import time
from typing import Any, Final

from ccflared import __version__
from ccflared.api import reading
from ccflared.api.calls import Call, reply
from ccflared.api.legacy_usage import iso
from ccflared.api.route import Route
from ccflared.api.schemas import (
    MAYBE_TEXT,
    MAYBE_WHOLE,
    NUMBER,
    TEXT,
    WHOLE,
    each,
    many,
    maybe,
    one_of,
    record,
)
from ccflared.daemon.answers import Reply
from ccflared.daemon.books.archive import Unreadable
from ccflared.daemon.metrics.process import resident
from ccflared.errors import ClientError
from ccflared.formats.conversation import keys_of
from ccflared.store.listing import last_account


async def info(call: Call) -> Reply:
    """Answer what runs here: versions, the process, and for how long."""
    house, now = call.running.house, time()
    return reply(
        200,
        {
            "version": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "platform": platform.system().lower(),
            "arch": platform.machine(),
            "pid": os.getpid(),
            "startedAt": iso(house.started_at),
            "uptimeSeconds": round(max(0.0, now - house.started_at), 3),
            "memoryBytes": resident(),
        },
    )


async def models(call: Call) -> Reply:
    """Answer the models that are known of: those that providers have listed so far, and those that the file names."""
    house = call.running.house
    config = house.world.config
    wanted, provider = call.asked_for["accountId"], call.asked_for["provider"]
    if wanted is not None and wanted not in config.accounts:
        raise ClientError(404, "not_found_error", f"There is no account {wanted}.")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, account in config.accounts.items():
        if name != (wanted or name) or account.provider != (provider or account.provider):
            continue
        told = {model.id: model.display_name for model in house.catalog.known(name)}
        mapped = [model for chosen in account.models.values() for model in chosen if model != "="]
        for model in (*told, *mapped):
            entry = found.setdefault(
                (account.provider, model),
                {
                    "id": model,
                    "displayName": told.get(model),
                    "provider": account.provider,
                    "accounts": [],
                    "source": "provider" if model in told else "file",
                },
            )
            if name not in entry["accounts"]:
                entry["accounts"].append(name)
    return reply(200, {"models": list(found.values())})


async def refresh_models(call: Call) -> Reply:
    """Ask the providers of the accounts that can serve which models there are, and answer as ``models`` does."""
    house = call.running.house
    world = house.world
    able = [house.target(world, choice.account) for choice in house.preview(time()).choices]
    house.catalog.outdate()
    await house.catalog.listed(able, world.config.accounts, world.config.routing)
    return await models(call)


async def session(call: Call) -> Reply:
    """Answer which account served the last request of a client's session."""
    house = call.running.house
    await reading.caught_up(call)
    try:
        found = await house.archive.ask(lambda connection: last_account(connection, keys_of(call.parts[0])))
    except Unreadable as error:
        reading.unreadable(call, error)
    name = None if found is None else house.renames.current(found)
    account = None if name is None else house.world.config.accounts.get(name)
    if account is None:
        return reply(200, {"status": "unknown", "account": None})
    told = {"id": account.name, "name": account.name, "provider": account.provider}
    return reply(200, {"status": "known", "account": told})


_MODEL: Final = record(
    {
        **each(TEXT, "id provider"),
        "displayName": MAYBE_TEXT,
        "accounts": many(TEXT),
        "source": one_of("provider", "file"),
    }
)
_MODELS: Final = record({"models": many(_MODEL)})
_WHICH: Final = {"provider": TEXT, "accountId": TEXT}

ROUTES: Final = (
    Route(
        "GET",
        "/api/system/info",
        info,
        "Answer what runs here: versions, the process, and for how long.",
        gives={
            200: record(
                {
                    **each(TEXT, "version python sqlite platform arch"),
                    "pid": WHOLE,
                    "startedAt": MAYBE_TEXT,
                    "uptimeSeconds": NUMBER,
                    "memoryBytes": MAYBE_WHOLE,
                }
            )
        },
    ),
    Route(
        "GET",
        "/api/models",
        models,
        "Answer the models that are known of: those that providers have listed so far, and those that the file names.",
        query=_WHICH,
        gives={200: _MODELS},
    ),
    Route(
        "POST",
        "/api/models/refresh",
        refresh_models,
        "Ask the providers of the accounts that can serve which models there are, and answer all that are known of.",
        "state",
        query=_WHICH,
        gives={200: _MODELS},
    ),
    Route(
        "GET",
        "/api/sessions/{id}/account",
        session,
        "Answer which account served the last request of a client's session.",
        gives={
            200: record(
                {
                    "status": one_of("known", "unknown"),
                    "account": maybe(record(each(TEXT, "id name provider"))),
                }
            )
        },
    ),
)
