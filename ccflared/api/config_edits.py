"""``PATCH /api/config``: chains, prices, budget, routing and retention, all that REST may write of the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from ccflared.api.bodies import plain, settings, text, wrong
from ccflared.api.calls import Call
from ccflared.api.edited import edited
from ccflared.api.edited_schemas import EDITED, PREVIEW
from ccflared.api.route import Route
from ccflared.api.schemas import TEXT, record
from ccflared.api.status_schemas import CONFIG_PATCH
from ccflared.config.edit import AddChain, Edit, Put, Unset
from ccflared.config.load import Files
from ccflared.config.model import Config, Price, Routing, Storage, WholeBudget
from ccflared.config.words import did_you_mean, quoted
from ccflared.daemon.answers import Reply
from ccflared.daemon.edits import Deposits, Wish
from ccflared.errors import ClientError

SECTIONS: Final = ("routing", "storage", "pricing", "budget", "fallback")
RETENTION: Final = ("keep_requests", "keep_payloads", "max_size")
"""Keys of storage that REST may write."""
_ROUTING: Final = tuple(field.name for field in fields(Routing))
_PRICE: Final = tuple(field.name for field in fields(Price))
_BUDGET: Final = tuple(field.name for field in fields(WholeBudget))


async def patch(call: Call) -> Reply:
    """Set keys of routing, storage (retention), pricing and budget; replace fallback. Null takes out."""
    for section in call.body:
        if section not in SECTIONS and section in {field.name for field in fields(Config)}:
            raise ClientError(403, "permission_error", f"{section} can only be edited in the file.")
        if section not in SECTIONS:
            wrong(f"There is no section {quoted(section)}{did_you_mean(section, SECTIONS) or '.'}")
    if not call.body:
        wrong(f"What is to be set? One or more of: {', '.join(SECTIONS)}.")
    body = call.body
    edits: list[Edit] = []
    if "routing" in body:
        edits += _keys(("routing",), settings(_table(body, "routing"), _ROUTING, (), "routing"))
    if "storage" in body:
        known = tuple(field.name for field in fields(Storage))
        edits += _keys(("storage",), settings(_table(body, "storage"), RETENTION, known, "storage"))
    if "budget" in body and body["budget"] is None:
        edits.append(Unset(("budget",)))
    elif "budget" in body:
        edits += _keys(("budget",), settings(_table(body, "budget"), _BUDGET, (), "budget"))
    for model, price in _table(body, "pricing").items() if "pricing" in body else ():
        plain(model, "pricing", 1)
        if price is None:
            edits.append(Unset(("pricing", model)))
        elif isinstance(price, Mapping):
            edits += _keys(("pricing", model), settings(price, _PRICE, (), f"pricing of {quoted(model)}"))
        else:
            wrong(f"pricing of {quoted(model)}: an object is expected")
    chains = _chains(body) if "fallback" in body else None

    def plan(files: Files, deposits: Deposits) -> Sequence[Edit]:
        del deposits
        before = files.tables.get("fallback", [])
        if chains is None or chains == before:
            return edits
        gone = [Unset(("fallback", number)) for number in reversed(range(len(before)))]
        return [*edits, *gone, *(AddChain(chain) for chain in chains)]

    return await edited(call, Wish(plan, call.asked.trusted), "The configuration is changed.")


async def strategy(call: Call) -> Reply:
    """Take ``{strategy}``, as that other API has it."""
    edits = [Put(("routing", "strategy"), text(call.body, "strategy"))]
    wish = Wish(lambda _files, _deposits: edits, call.asked.trusted)
    return await edited(call, wish, "The strategy is changed.")


def _keys(path: tuple[str, ...], values: Mapping[str, Any]) -> list[Edit]:
    return [
        Unset((*path, key)) if value is None else Put((*path, key), value) for key, value in values.items()
    ]


def _table(body: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    given = body[section]
    if not isinstance(given, Mapping):
        wrong(f"{section}: an object is expected")
    return given


def _chains(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = plain(body["fallback"], "fallback")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        wrong("fallback: a list of objects with models, try and then is expected")
    return given


ROUTES: Final = (
    Route(
        "PATCH",
        "/api/config",
        patch,
        "Set keys of routing, storage (retention), pricing and budget; replace fallback. Null takes out.",
        "edit",
        query=PREVIEW,
        body=CONFIG_PATCH,
        gives=EDITED,
    ),
    Route(
        "POST",
        "/api/config/strategy",
        strategy,
        "Set routing.strategy; better-ccflare's names are understood, too.",
        "edit",
        query=PREVIEW,
        body=record({"strategy": TEXT}),
        gives=EDITED,
    ),
)
