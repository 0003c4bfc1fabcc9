"""Why an account serves a request: for a model, as it would be now; for a request, as it was."""

from dataclasses import asdict
from time import time
from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.api.route import Route
from ccflared.api.schemas import TEXT, told
from ccflared.api.status_schemas import EXPLAINED
from ccflared.config.words import no_such
from ccflared.daemon.access import may_ask_for, may_use
from ccflared.daemon.answers import Reply
from ccflared.daemon.choosing import Wanted
from ccflared.daemon.house import House
from ccflared.daemon.listing import meant
from ccflared.errors import ClientError
from ccflared.pool.refusal import Refusal, refuse
from ccflared.wire import Entry


async def explain(call: Call) -> Reply:
    """Answer ``?model=M`` (with ``client=C``, ``conversation=K``, ``account=A`` for a pin) or ``?request=ID``.

    For a model: the candidates, ``until`` being the end of a doubt about one; those passed over; the refusal where
    nobody is left. For a request: its row's tries, and whom it passed over. Raises ClientError (400, 404).
    """
    query = call.query
    if request := query.get("request"):
        house = call.running.house
        await house.recorder.caught_up()
        entry = await house.archive.request(request)
        if entry is None:
            raise ClientError(404, "not_found_error", f"The history knows no request {request}.")
        return reply(200, _past(entry))
    if not query.get("model"):
        raise ClientError(400, "invalid_request_error", "Give model=NAME or request=ID.")
    return reply(200, _now(call.running.house, _wanted(call), time()))


def _wanted(call: Call) -> Wanted:
    query = call.query
    config = call.running.house.world.config
    client, pin = query.get("client"), query.get("account")
    if client is not None and client not in config.clients:
        raise ClientError(404, "not_found_error", no_such("client", client, config.clients))
    if pin is not None and pin not in config.accounts:
        raise ClientError(404, "not_found_error", no_such("account", pin, config.accounts))
    house = call.running.house
    return Wanted(meant(house, house.world, query["model"]), client, pin, query.get("conversation"))


def _now(house: House, wanted: Wanted, now: float) -> dict[str, Any]:
    plan = house.plan(house.world, wanted, now)
    denied = _denied(house, wanted) or _waits(house, wanted, now)
    choices = plan.choices if denied is None else ()
    known = bool(house.world.config.accounts)
    refusal = None if choices else denied or refuse(plan.blocks, (), now, any_account=known)
    return {
        "model": wanted.model,
        "client": wanted.client,
        "conversation": wanted.conversation,
        "strategy": house.world.config.routing.strategy,
        "chain": house.chain(house.world, wanted),
        "now": now,
        "candidates": [
            {
                "order": number,
                "account": choice.account,
                "model": choice.model,
                "why": choice.why,
                "until": choice.until,
            }
            for number, choice in enumerate(choices, 1)
        ],
        "passed": [asdict(passed) for passed in plan.passed + house.left_out(house.world, wanted)],
        "refusal": None
        if refusal is None
        else {"status": refusal.status, "message": refusal.message, "retry_after": refusal.wait},
    }


def _denied(house: House, wanted: Wanted) -> Refusal | None:
    """Return what a client is told that may not ask for this at all, whoever could serve it; None: it may."""
    client = house.world.config.clients.get(wanted.client or "")
    if client is None:
        return None
    if wanted.pin is not None and not client.pin:
        said = "This client may not choose an account (pin = true allows it)."
    elif wanted.pin is not None and not may_use(house.world.config, client.name, wanted.pin):
        said = "This client may not use that account."
    elif not may_ask_for(client, wanted.model or ""):
        said = f"This client may not use the model {wanted.model}."
    else:
        return None
    return Refusal(403, "permission_error", said, None)


def _waits(house: House, wanted: Wanted, now: float) -> Refusal | None:
    """Return what a client is told that has used up what it may; None: it may ask."""
    client = house.world.config.clients.get(wanted.client or "")
    return None if client is None else house.clients.refusal(client, now, house.world.zone)


def _past(entry: Entry) -> dict[str, Any]:
    return {
        "request": entry.id,
        "at": entry.at,
        "origin": entry.origin,
        "client": entry.client,
        "conversation": entry.conversation,
        "model": entry.model,
        "served_model": entry.served_model,
        "chain": entry.chain,
        "status": entry.status,
        "outcome": entry.outcome,
        "error": entry.error,
        "total_ms": entry.total_ms,
        "attempts": [asdict(attempt) for attempt in entry.attempts],
        "passed": [asdict(passed) for passed in entry.passed],
    }


ROUTES: Final = (
    Route(
        "GET",
        "/api/explain",
        explain,
        "Who would serve a model, for whom and why, as it would be now; or what was done for a request, and why.",
        query={
            "model": told(TEXT, "This, or request, must be given."),
            "client": told(TEXT, "For this client."),
            "conversation": told(TEXT, "Within this conversation."),
            "account": told(TEXT, "A pin."),
            "request": told(TEXT, "The id of a request."),
        },
        gives={200: EXPLAINED},
    ),
)
