"""The machine: ``/api/system/info``; and which account a session is at."""

import os
import platform
import sqlite3
from time import time
from typing import Final

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
    maybe,
    one_of,
    record,
)
from ccflared.daemon.answers import Reply
from ccflared.daemon.books.archive import Unreadable
from ccflared.daemon.metrics.process import resident
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


ROUTES: Final = (
    Route(
        "GET",
        "/api/system/info",
        info,
        "What runs here: versions, the process, and for how long.",
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
        "/api/sessions/{id}/account",
        session,
        "Which account served the last request of a client's session.",
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
