"""``GET /api/requests``: the rows of the history, filtered and paged; ``/api/requests/{id}``: one, with its tries."""

import json
from functools import partial
from time import time
from typing import Any, Final, get_args

from ccflared.api import reading
from ccflared.api.calls import Call, reply
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_NUMBER,
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
    told,
)
from ccflared.daemon.answers import Reply
from ccflared.errors import ClientError
from ccflared.money.pricing import Prices, by_kind
from ccflared.store import listing
from ccflared.store.listing import Wanted
from ccflared.wire import Origin, Outcome, Tokens

_LATEST: Final = 253_402_300_799.0
_MILLIONTH: Final = 1e-6
_KINDS: Final = ("input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h")
_TIME: Final = {"type": "number", "minimum": 0, "maximum": _LATEST}


async def requests(call: Call) -> Reply:
    """Answer an array of requests, the newest first."""
    asked: dict[str, Any] = dict(call.asked_for)
    asked["before_id"] = asked.pop("beforeId")
    asked["search"] = asked["search"] or None
    payloads = call.running.house.payloads.path
    question = partial(listing.listed, wanted=Wanted(**asked), payloads=payloads, now=time())
    return Reply(200, await reading.text(call, question))


async def request(call: Call) -> Reply:
    """Answer one request: its row, usage as reported, tries, whom it passed over, and its conversation."""
    name = call.parts[0]
    payloads = call.running.house.payloads.path
    found = await reading.text(
        call,
        lambda connection: listing.detail(connection, name, payloads, time()) or b"",
    )
    if not found:
        raise ClientError(404, "not_found_error", f"The history knows no request {name}.")
    row: dict[str, Any] = json.loads(found)
    return reply(200, {**row, "costByKind": _by_kind(row, call.running.house.world.prices)})


def _by_kind(row: dict[str, Any], prices: Prices) -> dict[str, float] | None:
    """Return what each kind of tokens cost; None where the prices are no more those that it was reckoned by."""
    if row["costSource"] != "computed" or row["costUsd"] is None:
        return None
    tokens = Tokens(
        input=row["inputTokens"],
        output=row["outputTokens"],
        cache_read=row["cacheReadInputTokens"],
        cache_write_5m=row["cacheCreation5mInputTokens"],
        cache_write_1h=row["cacheCreation1hInputTokens"],
    )
    for model in dict.fromkeys((row["model"], row["appliedModel"], row["originalModel"])):
        costs = by_kind(model, tokens, prices)
        if costs is not None and abs(sum(costs) - row["costUsd"]) < _MILLIONTH:
            return dict(zip(_KINDS, costs, strict=True))
    return None


ROW: Final = record(
    {
        **each(TEXT, "id method path"),
        **each(MAYBE_TEXT, "timestamp accountUsed provider errorMessage model originalModel appliedModel"),
        "at": NUMBER,
        "statusCode": MAYBE_WHOLE,
        **each(FLAG, "success stream rateLimited hasPayload"),
        "outcome": one_of(*get_args(Outcome)),
        **each(WHOLE, "responseTimeMs failoverAttempts tries"),
        **each(MAYBE_WHOLE, "firstByteMs firstTokenMs lastTokenMs overheadUs"),
        **each(MAYBE_WHOLE, "promptTokens completionTokens totalTokens inputTokens outputTokens"),
        **each(MAYBE_WHOLE, "cacheReadInputTokens cacheCreationInputTokens"),
        **each(MAYBE_WHOLE, "cacheCreation5mInputTokens cacheCreation1hInputTokens"),
        "tokensPerSecond": MAYBE_NUMBER,
        "costUsd": told(MAYBE_NUMBER, "Null: unknown."),
        "costSource": {"type": ["string", "null"], "enum": ["reported", "computed", None]},
        "priceSource": MAYBE_TEXT,
        "billingType": {"type": ["string", "null"], "enum": ["plan", "api", "overage", None]},
        **each(MAYBE_TEXT, "project projectSource clientSessionId apiKeyId apiKeyName client userAgent"),
        **each(MAYBE_TEXT, "comboName stopReason"),
        "origin": TEXT,
        "streamTerminalState": {
            "type": ["string", "null"],
            "enum": ["complete", "truncated", "error", "client_cancelled", None],
        },
    }
)
_DETAIL_MORE: Final[dict[str, Any]] = {
    "usage": told({"type": ["object", "null"]}, "As the upstream reported it."),
    "attempts": many(
        record(
            {
                **each(TEXT, "account provider why kind reason"),
                **each(WHOLE, "startedMs tookMs"),
                "status": MAYBE_WHOLE,
                "model": MAYBE_TEXT,
            }
        )
    ),
    "passed": many(record({**each(TEXT, "account state"), "reason": MAYBE_TEXT, "until": MAYBE_NUMBER})),
    "costByKind": told(
        maybe(record(each(NUMBER, " ".join(_KINDS)))),
        "USD. Null: unknown, reported as a whole, or reckoned by prices that have changed since.",
    ),
    "conversation_requests": many(
        record(
            {
                **each(TEXT, "id outcome"),
                "at": NUMBER,
                "model": MAYBE_TEXT,
                "outputTokens": MAYBE_WHOLE,
                "costUsd": MAYBE_NUMBER,
            }
        )
    ),
}
DETAIL: Final = record({**ROW["properties"], **_DETAIL_MORE})

ROUTES: Final = (
    Route(
        "GET",
        "/api/requests",
        requests,
        "Requests, the newest first.",
        query={
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50},
            "id": told(TEXT, "Only this one: none, where it is not, or not yet, in the history."),
            "before": told(
                _TIME, "Only those that arrived before: the at of the last row goes on behind it."
            ),
            "beforeId": told(TEXT, "The id of that row, as others may have arrived at the same time."),
            "since": told(_TIME, "Only those that arrived then or later."),
            "until": told(_TIME, "Only those that arrived before, on whatever page."),
            "account": told(TEXT, "The account that answered."),
            "model": told(TEXT, "As it was requested."),
            "client": told(TEXT, "Of this client."),
            "project": told(TEXT, "Of this project."),
            "conversation": told(TEXT, "Of this conversation: clientSessionId of a row."),
            "status": {
                "type": "string",
                "pattern": "^(all|success|error|[1-5][0-9][0-9])$",
                "description": "a status code, or success, error or all",
                "default": "all",
            },
            "outcome": one_of(*get_args(Outcome)),
            "origin": one_of(*get_args(Origin)),
            "search": told(
                TEXT,
                "Words of an error or a payload: all of them; the last, of four letters or more, may be the "
                'beginning of one; "in quotation marks" they stand together, and are whole.',
            ),
        },
        gives={200: many(ROW)},
    ),
    Route(
        "GET",
        "/api/requests/{id}",
        request,
        "One request: its row, usage as reported, tries, whom it passed over, and its conversation.",
        gives={200: DETAIL},
    ),
)
