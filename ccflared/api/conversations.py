"""``GET /api/conversations``: who talks now, and which account holds each: the history's sums, the pool's bindings."""

from functools import partial
from time import time
from typing import Any, Final

from ccflared.api import reading
from ccflared.api.calls import Call, reply
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    WHOLE,
    each,
    many,
    record,
    told,
)
from ccflared.daemon.answers import Reply
from ccflared.daemon.books.archive import Unreadable
from ccflared.daemon.choosing import thread_of
from ccflared.store.conversations import MOST_ROWS, latest_conversations

_HOUR: Final = 3600


async def conversations(call: Call) -> Reply:
    """Answer the conversations that asked for something lately, the latest first."""
    house, now = call.running.house, time()
    since, limit = now - call.asked_for["hours"] * _HOUR, call.asked_for["limit"]
    await reading.caught_up(call)
    try:
        found = await house.archive.ask(
            partial(latest_conversations, since=since, limit=limit),
            seconds=reading.SECONDS,
            same=(call.asked.path, call.asked_for["hours"], limit),
        )
    except Unreadable as error:
        reading.unreadable(call, error)
    return reply(200, {**found, "conversations": [_held(call, row, now) for row in found["conversations"]]})


def _held(call: Call, row: dict[str, Any], now: float) -> dict[str, Any]:
    """Return a row with who holds the conversation; null where nothing binds it: it is too long ago, or was pinned."""
    house = call.running.house
    length = house.world.config.routing.session_length
    binding = house.bindings.of(thread_of(row["conversation"], row["client"], row["chain"]), now, length)
    account = row["account"]
    return {
        **row,
        "account": None if account is None else house.renames.current(account),
        "heldBy": None if binding is None else binding.at,
        "home": None if binding is None else binding.home,
        "warm": binding is not None and now - binding.used < house.world.config.routing.cache_cold,
    }


_CONVERSATION: Final = record(
    {
        "conversation": TEXT,
        **each(MAYBE_TEXT, "client"),
        "chain": told(MAYBE_TEXT, "For which models the chain is that it goes by."),
        **each(NUMBER, "firstAt lastAt"),
        "project": told(MAYBE_TEXT, "Of its latest request."),
        "account": told(MAYBE_TEXT, "Of its latest request."),
        "heldBy": told(MAYBE_TEXT, "The account that the next request goes to, if it can; null: any."),
        "home": told(MAYBE_TEXT, "Where it belongs: another one than heldBy where that one is borrowed."),
        "warm": told(FLAG, "Its prompt cache is taken to be still there ([routing] cache_cold)."),
        "model": MAYBE_TEXT,
        "requests": WHOLE,
        "failed": told(WHOLE, "Those that did not end well."),
        **each(WHOLE, "sentTokens outputTokens"),
        "planCostUsd": told(NUMBER, "Value by list price of what a plan paid for: no money."),
        "apiCostUsd": NUMBER,
        "unpricedRequests": WHOLE,
    }
)

ROUTES: Final = (
    Route(
        "GET",
        "/api/conversations",
        conversations,
        "The conversations that asked for something lately, the latest first, and which account holds each.",
        query={
            "hours": told(
                {"type": "number", "minimum": 0, "maximum": 168, "default": 5}, "How far back is looked."
            ),
            "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        },
        gives={
            200: record(
                {
                    "since": told(
                        NUMBER,
                        f"From when on all is counted: later where there were more than {MOST_ROWS} requests.",
                    ),
                    "conversations": many(_CONVERSATION),
                }
            )
        },
    ),
)
