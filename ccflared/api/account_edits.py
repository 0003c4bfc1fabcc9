"""Calls that edit the accounts of the file, in the shapes of better-ccflare's REST API where it has them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from time import time
from typing import Any, Final

from ccflared.api import account_schemas as schemas
from ccflared.api import legacy
from ccflared.api.bodies import flag, maybe_text, plain, secret, settings, text, wrong
from ccflared.api.calls import Call
from ccflared.api.edited import edited
from ccflared.api.edited_schemas import EDITED, PREVIEW
from ccflared.api.route import Route
from ccflared.config.edit import Add, Edit, Put, Remove, Rename, Unset
from ccflared.config.load import Files
from ccflared.config.model import Account
from ccflared.config.modes import MODES, mode_hint, provider_of
from ccflared.config.words import did_you_mean, quoted
from ccflared.daemon.answers import Reply
from ccflared.daemon.edits import Deposits, Wish
from ccflared.secret import Secret

WRITABLE: Final = (
    *("enabled", "priority", "tier", "auto_fallback", "auto_refresh", "overage", "models", "budget"),
    *("pause_schedule", "max_concurrency", "billing", "base_url"),
)
"""Keys of an account that REST may write; all others only who can edit the file."""
_KNOWN: Final = tuple(field.name for field in fields(Account) if field.name != "name")
_TOKENS: Final = (("accessToken", "access_token"), ("refreshToken", "refresh_token"))
_PEAK_HOURS: Final = {"from": "14:00", "to": "18:00", "timezone": "Asia/Singapore"}
"""Of z.ai's plans, in which a request counts more; no other provider is known to have any."""
_LEGACY: Final = (
    "name",
    "provider",
    "mode",
    "apiKey",
    "accessToken",
    "refreshToken",
    "customEndpoint",
    "modelMappings",
)


async def add(call: Call) -> Reply:
    """Add an account: ``{name, provider?, apiKey? | accessToken?, refreshToken?, ...}``, by default by OAuth tokens."""
    given = maybe_text(call.body, "provider") or maybe_text(call.body, "mode") or "claude-oauth"
    return await _add(call, given)


async def add_at(call: Call) -> Reply:
    """Add an account at the provider that the path names: ``{name, apiKey, priority?, customEndpoint?, …}``."""
    return await _add(call, call.parts[0])


async def _add(call: Call, mode: str) -> Reply:
    body = call.body
    known = call.running.house.world.config.providers
    provider = provider_of(mode, known)
    if provider is None:
        hint = mode_hint(mode) or did_you_mean(mode, [*known, *MODES]) or f". There are: {', '.join(known)}."
        wrong(f"There is no provider {quoted(mode)}{hint}")
    name = text(body, "name")
    key = secret(body, "apiKey")
    tokens = {there: token for here, there in _TOKENS if (token := secret(body, here)) is not None}
    values: dict[str, Any] = {"provider": provider, "base_url": maybe_text(body, "customEndpoint")}
    further = {word: value for word, value in body.items() if word not in _LEGACY}
    values |= settings(further, WRITABLE, _KNOWN, "an account") if further else {}
    values |= {"models": models} if (models := _mappings(body)) else {}

    def plan(files: Files, deposits: Deposits) -> Sequence[Edit]:
        del files
        own: dict[str, Any] = {"provider": provider}
        if key is not None:
            own["api_key"] = deposits.reference(name, key)
        if tokens:
            own["oauth"] = {
                there: deposits.reference(f"{name}.{there}", token) for there, token in tokens.items()
            }
        given = {word: value for word, value in values.items() if value is not None}
        return [Add("accounts", name, own | given)]

    wish = Wish(plan, call.asked.trusted, name, brings=key is not None or bool(tokens), adds=True)
    return await edited(call, wish, f"Account {name} ({provider}) is added.", lambda: _account(call, name))


async def remove(call: Call) -> Reply:
    """Remove an account, with its tokens and stored secrets: ``{confirm: NAME}``; ``force`` where chains name it."""
    name = _name(call)
    if call.body.get("confirm") != name:
        wrong("confirm: the name of the account is expected")
    forced = flag(call.body, "force") if "force" in call.body else False
    edits = [Remove("accounts", name, forced=forced)]
    wish = Wish(
        lambda _files, _deposits: edits,
        call.asked.trusted,
        name,
        removes=True,
        allow_less="allowLess" in call.body and flag(call.body, "allowLess"),
    )
    return await edited(call, wish, f"Account {name} is removed, with its tokens and stored secrets.")


async def rename(call: Call) -> Reply:
    """Give an account another name, wherever it is named: ``{name}``. State, tokens and history follow."""
    old, new = _name(call), text(call.body, "name")
    wish = Wish(
        lambda _files, _deposits: [Rename("accounts", old, new)], call.asked.trusted, new, renamed_from=old
    )
    said = f"Account {old} is called {new} now."
    return await edited(call, wish, said, lambda: {"newName": new, "account": _account(call, new)["account"]})


async def patch(call: Call) -> Reply:
    """Set keys of an account as the file has them; null takes one out. ``apiKey`` replaces its key."""
    body = dict(call.body)
    key = secret(body, "apiKey")
    body.pop("apiKey", None)
    values = settings(body, WRITABLE, _KNOWN, "an account") if body or key is None else {}
    return await _set(call, values, key)


async def priority(call: Call) -> Reply:
    """Take ``{priority}``; lower is preferred."""
    return await _set(call, {"priority": plain(call.body.get("priority"), "priority", 1)})


async def auto_fallback(call: Call) -> Reply:
    """Take ``{enabled}``, 1 or 0."""
    return await _set(call, {"auto_fallback": flag(call.body, "enabled")})


async def auto_refresh(call: Call) -> Reply:
    """Take ``{enabled}``, 1 or 0."""
    return await _set(call, {"auto_refresh": flag(call.body, "enabled")})


async def auto_pause_on_overage(call: Call) -> Reply:
    """Take ``{enabled}``: whether the account pauses rather than begin paid extra usage."""
    return await _set(call, {"overage": "never" if flag(call.body, "enabled") else "allow"})


async def peak_hours_pause(call: Call) -> Reply:
    """Take ``{enabled}``: whether an account pauses in peak hours: those that the file names, else those of z.ai."""
    account = call.running.house.world.config.accounts[_name(call)]
    if not flag(call.body, "enabled"):
        return await _set(call, {"pause_schedule": None})
    return await _set(call, {} if account.pause_schedule else {"pause_schedule": [dict(_PEAK_HOURS)]})


async def billing_type(call: Call) -> Reply:
    """Take ``{billingType: plan | api | auto}``; auto: as the provider has it."""
    given = text(call.body, "billingType")
    return await _set(call, {"billing": None if given == "auto" else given})


async def custom_endpoint(call: Call) -> Reply:
    """Take ``{customEndpoint, apiKey?}``; an empty one is the provider's own. Its credential is bound to its origin."""
    if "customEndpoint" not in call.body:
        wrong("customEndpoint: a URL is expected, or an empty text for the provider's own")
    return await _set(
        call, {"base_url": maybe_text(call.body, "customEndpoint")}, secret(call.body, "apiKey")
    )


async def model_mappings(call: Call) -> Reply:
    """Take ``{modelMappings}``: all of them; an empty object takes them out."""
    if "modelMappings" not in call.body:
        wrong("modelMappings: an object is expected")
    return await _set(call, {"models": _mappings(call.body)})


async def model_fallbacks(call: Call) -> Reply:
    """Take ``{modelFallbacks}``: models that are asked for after those that ``models`` names, each at most once."""
    models = call.running.house.world.config.accounts[_name(call)].models
    given = plain(call.body.get("modelFallbacks"), "modelFallbacks")
    if not isinstance(given, dict):
        wrong("modelFallbacks: an object of names of models is expected")
    merged: dict[str, Any] = {name: list(chosen) for name, chosen in models.items()}
    for name, more in given.items():
        further = more if isinstance(more, list) else [more]
        merged[name] = [*dict.fromkeys([*merged.get(name, ["="]), *further])] if _texts(further) else further
    return await _set(call, {"models": merged} if given else {})


def _texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


async def _set(call: Call, values: Mapping[str, Any], key: Secret | None = None) -> Reply:
    name = _name(call)

    def plan(files: Files, deposits: Deposits) -> Sequence[Edit]:
        del files
        edits: list[Edit] = [
            Unset(("accounts", name, word)) if value is None else Put(("accounts", name, word), value)
            for word, value in values.items()
        ]
        if key is not None:
            edits.append(Put(("accounts", name, "api_key"), deposits.reference(name, key)))
        return edits

    wish = Wish(plan, call.asked.trusted, name, brings=key is not None)
    return await edited(call, wish, f"Account {name} is changed.", lambda: _account(call, name))


def _name(call: Call) -> str:
    """Return the account that the path names. Raises ClientError (404) where there is none in force."""
    return call.account


def _mappings(body: Mapping[str, Any]) -> dict[str, Any] | None:
    given = plain(body.get("modelMappings"), "modelMappings")
    if given is not None and not isinstance(given, dict):
        wrong("modelMappings: an object of names of models is expected")
    return given or None


def _account(call: Call, name: str) -> dict[str, Any]:
    """Return the account as ``GET /api/accounts`` lists it."""
    listed = legacy.accounts(call.running, time())
    return {"account": next((item for item in listed if item["id"] == name), None)}


ROUTES: Final = (
    Route(
        "POST",
        "/api/accounts",
        add,
        "Add an account: provider or mode says where, apiKey or the two tokens by what.",
        "edit",
        query=PREVIEW,
        body=schemas.ADD,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{mode}",
        add_at,
        "Add an account at the provider that the path names, as it is called here or in better-ccflare.",
        "edit",
        query=PREVIEW,
        body=schemas.ADD_AT,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "PATCH",
        "/api/accounts/{name}",
        patch,
        "Set keys of an account as the file has them; null takes one out. apiKey replaces its key.",
        "edit",
        query=PREVIEW,
        body=schemas.PATCH,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "DELETE",
        "/api/accounts/{name}",
        remove,
        "Remove an account, with its tokens and stored secrets. confirm repeats its name; force where chains name it.",
        "edit",
        query=PREVIEW,
        body=schemas.REMOVE,
        gives=EDITED,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/rename",
        rename,
        "Give an account another name, wherever it is named. State, tokens and history follow.",
        "edit",
        query=PREVIEW,
        body=schemas.RENAME,
        gives=schemas.RENAMED,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/priority",
        priority,
        "Set the priority; lower is preferred.",
        "edit",
        query=PREVIEW,
        body=schemas.PRIORITY,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/auto-fallback",
        auto_fallback,
        "Set auto_fallback.",
        "edit",
        query=PREVIEW,
        body=schemas.ENABLED,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/auto-refresh",
        auto_refresh,
        "Set auto_refresh.",
        "edit",
        query=PREVIEW,
        body=schemas.ENABLED,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/auto-pause-on-overage",
        auto_pause_on_overage,
        "Set overage: whether the account pauses rather than begin paid extra usage.",
        "edit",
        query=PREVIEW,
        body=schemas.ENABLED,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/peak-hours-pause",
        peak_hours_pause,
        "Set pause_schedule: whether the account pauses in peak hours, those of the file or else z.ai's.",
        "edit",
        query=PREVIEW,
        body=schemas.ENABLED,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/billing-type",
        billing_type,
        "Set billing; auto: as the provider has it.",
        "edit",
        query=PREVIEW,
        body=schemas.BILLING,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/custom-endpoint",
        custom_endpoint,
        "Set base_url; an empty one is the provider's own.",
        "edit",
        query=PREVIEW,
        body=schemas.ENDPOINT,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/model-mappings",
        model_mappings,
        "Set models, all of them; an empty object takes them out.",
        "edit",
        query=PREVIEW,
        body=schemas.MAPPINGS,
        gives=schemas.EDITED_ACCOUNT,
    ),
    Route(
        "POST",
        "/api/accounts/{name}/model-fallbacks",
        model_fallbacks,
        "Set the models that are asked for where those of the mappings cannot be had.",
        "edit",
        query=PREVIEW,
        body=schemas.FALLBACKS,
        gives=schemas.EDITED_ACCOUNT,
    ),
)
