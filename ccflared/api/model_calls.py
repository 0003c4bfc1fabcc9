"""The models: ``/api/models``, which of them are known, and ``/api/models/offered``, who would serve each."""

import json
from collections.abc import Sequence
from time import time
from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    TEXTS,
    WHOLE,
    each,
    many,
    maybe,
    one_of,
    record,
    told,
)
from ccflared.config.model import Price
from ccflared.config.words import no_such
from ccflared.daemon.answers import Reply
from ccflared.daemon.choosing import Wanted
from ccflared.daemon.listing import ask_providers
from ccflared.daemon.offers import Asker, Offer, Offers, Server, offers
from ccflared.daemon.turns import others_turn
from ccflared.errors import ClientError


async def models(call: Call) -> Reply:
    """Answer the models that are known of: those that providers have listed so far, and those that the file names."""
    house = call.running.house
    config = house.world.config
    wanted, provider = call.asked_for["accountId"], call.asked_for["provider"]
    if wanted is not None and wanted not in config.accounts:
        raise ClientError(404, "not_found_error", no_such("account", wanted, config.accounts))
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


async def offered(call: Call) -> Reply:
    """Answer the models that ``client`` may ask for (or anybody), each with who would serve it now, or why nobody.

    ``ask``: providers that can serve are asked for their lists before, each once an hour at most; it may take two
    seconds. ``names``: who would serve them is left open. Raises ClientError (404).
    """
    house, now = call.running.house, time()
    world = house.world
    name = call.asked_for["client"]
    client = world.config.clients.get(name) if name is not None else None
    if name is not None and client is None:
        raise ClientError(404, "not_found_error", no_such("client", name, world.config.clients))
    if call.asked_for["ask"]:
        listed = await ask_providers(house, world, Wanted(None, name, uses=False))
    else:
        listed = {account: house.catalog.known(account) for account in world.config.accounts}
    found = await offers(Asker(house, world, client, now, listed), names_only=call.asked_for["names"])
    refusal = None if client is None else house.clients.refusal(client, now, world.zone)
    answer = {
        "now": now,
        "client": name,
        "refusal": None if refusal is None else refusal.message,
        "allowed": ["*"] if client is None else list(client.models),
    }
    return Reply(200, await _encoded(answer | _besides(found), found.offers))


async def _encoded(besides: dict[str, Any], offered: Sequence[Offer]) -> bytes:
    """Return the answer as JSON. It may be a megabyte: between two models others get their turn."""
    pieces: list[str] = []
    for offer in offered:
        await others_turn()
        pieces.append(json.dumps(_offer(offer), ensure_ascii=False))
    begun = json.dumps(besides, ensure_ascii=False).removesuffix("}")
    return f'{begun}, "offered": [{", ".join(pieces)}]}}'.encode()


def _besides(found: Offers) -> dict[str, Any]:
    return {
        "more": found.more,
        "patterns": [
            {
                "pattern": each.pattern,
                "chain": each.chained,
                "accounts": [{"account": account, "models": list(names)} for account, names in each.called],
            }
            for each in found.patterns
        ],
        "unchanged": {"claude": list(found.unchanged_claude), "other": list(found.unchanged_other)},
        "unlisted": list(found.unlisted),
    }


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.model.name,
        "alias": offer.model.alias,
        "display_name": offer.model.title,
        "source": offer.model.source,
        "chain": offer.chain,
        "price": _price(offer.price),
        "accounts": [_server(each) | {"until": each.until} for each in offer.servers],
        "passed": [_server(each) | _why(each) for each in offer.others],
    }


def _server(server: Server) -> dict[str, Any]:
    return {
        "account": server.account,
        "model": server.model,
        "listed": server.listed,
        "price": _price(server.price),
    }


def _why(server: Server) -> dict[str, Any]:
    passed = server.passed
    if passed is None:  # its state has changed since the plan was made
        return {"state": "unknown", "reason": None, "until": None}
    return {"state": passed.state, "reason": passed.reason, "until": passed.until}


def _price(price: Price) -> dict[str, float | None]:
    return {"input": price.input, "output": price.output}


_MODEL: Final = record(
    {
        **each(TEXT, "id provider"),
        "displayName": MAYBE_TEXT,
        "accounts": many(TEXT),
        "source": one_of("provider", "file"),
    }
)
_MODELS: Final = record({"models": many(_MODEL)})
_WHICH: Final = {
    "provider": told(TEXT, "At accounts of this provider."),
    "accountId": told(TEXT, "At this account."),
}

_PRICE: Final = told(
    record(each(MAYBE_NUMBER, "input output")), "USD per million tokens by list price; null: unknown."
)
_SERVER: Final = {
    **each(TEXT, "account model"),
    "listed": told(maybe(FLAG), "Whether its provider lists that model; null: it has told no list."),
    "price": _PRICE,
}
_OFFERED: Final = record(
    {
        "now": NUMBER,
        "client": MAYBE_TEXT,
        "refusal": told(
            MAYBE_TEXT, "What the client would be told now, whatever it asks for; null: it may ask."
        ),
        "allowed": told(TEXTS, "Names and globs that the client may ask for; no other is told of."),
        "offered": many(
            record(
                {
                    "id": TEXT,
                    "alias": told(MAYBE_TEXT, "Another name for it, which Claude Code shows."),
                    "display_name": MAYBE_TEXT,
                    "source": told(
                        one_of("provider", "file", "prices"),
                        "Who names it: a provider's list, the file, or only the tables of prices.",
                    ),
                    "chain": told(MAYBE_TEXT, "The models of the [[fallback]] that it goes by."),
                    "price": _PRICE,
                    "accounts": told(
                        many(
                            record({**_SERVER, "until": told(MAYBE_NUMBER, "When the doubt about it ends.")})
                        ),
                        "Who would serve it now, the next first; model is its name there.",
                    ),
                    "passed": told(
                        many(record({**_SERVER, "state": TEXT, "reason": MAYBE_TEXT, "until": MAYBE_NUMBER})),
                        "Who is for it but cannot serve now.",
                    ),
                }
            )
        ),
        "more": told(WHOLE, "How many models there are beyond these."),
        "patterns": told(
            many(
                record(
                    {
                        "pattern": TEXT,
                        "chain": FLAG,
                        "accounts": many(record({"account": TEXT, "models": TEXTS})),
                    }
                )
            ),
            'Families, globs and "*" of the file: what a name that they mean is called by account; "=" keeps it.',
        ),
        "unchanged": told(
            record(each(TEXTS, "claude other")),
            "The accounts to which any other name of Claude's, or of somebody else's, goes as it is.",
        ),
        "unlisted": told(TEXTS, "The accounts whose providers have told no list."),
    }
)

ROUTES: Final = (
    Route(
        "GET",
        "/api/models",
        models,
        "The models that are known of: those that providers have listed so far, and those that the file names.",
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
        "/api/models/offered",
        offered,
        "The models that a client may ask for, each with who would serve it now, or why nobody would.",
        query={
            "client": told(TEXT, "For this client."),
            "ask": {
                **told(
                    FLAG, "Whether providers are asked for their lists before, each once an hour at most."
                ),
                "default": False,
            },
            "names": {
                **told(
                    FLAG, "Whether names are enough: chain, price, accounts and passed have nothing in them."
                ),
                "default": False,
            },
        },
        gives={200: _OFFERED},
    ),
)
