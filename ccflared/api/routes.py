"""The REST routes. Who may ask was decided before; here a request is only understood and answered."""

from functools import cache
from time import time
from typing import Any, Final
from urllib.parse import unquote

from ccflared import __version__
from ccflared.api import (
    account_calls,
    account_edits,
    account_settings,
    alert_calls,
    api_keys,
    client_edits,
    clients,
    config_edits,
    config_file,
    config_settings,
    conversation_calls,
    conversations,
    explain,
    legacy,
    live_calls,
    login_calls,
    model_calls,
    numbers,
    payload_calls,
    requests,
    session_calls,
    settings,
    storage_calls,
    system,
    usage_history,
)
from ccflared.api.account_schemas import ACCOUNTS
from ccflared.api.calls import Call, document, reply
from ccflared.api.legacy_usage import iso
from ccflared.api.openapi import described
from ccflared.api.query import read_query
from ccflared.api.route import Route
from ccflared.api.schemas import FLAG, TEXT, many, record
from ccflared.api.status import status
from ccflared.api.status_schemas import STATUS, VERDICT
from ccflared.daemon.access import Denied
from ccflared.daemon.answers import Reply, Stream
from ccflared.daemon.app import Administration, Health
from ccflared.daemon.asked import Asked
from ccflared.daemon.main import Running
from ccflared.errors import ClientError

HEALTHY: Final = 200
UNHEALTHY: Final = 503


def make_api(running: Running) -> tuple[Administration, Health]:
    """Return the REST API of a running daemon, and its answer to /health."""

    async def administration(asked: Asked, body: bytes) -> Reply | Stream:
        route, parts = _find(asked)
        # Of an edit nobody shall be taken to mean it who has only misspelt preview.
        query = read_query(asked.query, route.query, exactly=route.right == "edit")
        call = Call(running, asked, document(body), parts, query)
        if not asked.trusted:
            _check_rights(running, route, call)
        return await route.answer(call)

    return administration, lambda details: health(running, details=details)


def health(running: Running, *, details: bool) -> Reply:
    """Answer /health: ok if some account can serve, degraded if one will, unhealthy if none is expected to."""
    now = time()
    plan = running.house.preview(now)
    recovery = [passed.until for passed in plan.passed if passed.until is not None]
    word = "ok" if plan.choices else "degraded" if recovery else "unhealthy"
    config = running.house.world.config
    told: dict[str, Any] = {
        "status": word,
        "accounts": len(config.accounts),
        "timestamp": iso(now),
        "pool": {
            "configured": len(config.accounts),
            "routable": len(plan.choices),
            "rate_limited": sum(passed.state == "resting" for passed in plan.passed),
            "next_available_at": iso(min(recovery)) if recovery and not plan.choices else None,
        },
    }
    if details:
        told |= {"version": __version__, "strategy": config.routing.strategy}
        told["accounts_detail"] = legacy.accounts(running, now)
    return reply(HEALTHY if word == "ok" else UNHEALTHY, told)


async def _status(call: Call) -> Reply:
    now, house = time(), call.running.house
    traffic, today = await house.archive.lately(now, house.world.zone)
    return reply(200, await status(call.running, traffic, today, now))


async def _accounts(call: Call) -> Reply:
    return reply(200, legacy.accounts(call.running, time(), await legacy.counted(call)))


async def _version(_call: Call) -> Reply:
    return reply(200, {"current": __version__, "latest": None, "updateAvailable": False})


async def _openapi(_call: Call) -> Reply:
    return _document()


async def _reload(call: Call) -> Reply:
    allow_less = call.body.get("allowLess", False)
    if not isinstance(allow_less, bool):
        raise ClientError(400, "invalid_request_error", "allowLess: true or false is expected")
    verdict = await call.running.reloads.reload("command", allow_less=allow_less)
    code = 200 if verdict.applied else 409 if verdict.losses else 422
    return reply(code, verdict.document())


async def _verdicts(call: Call) -> Reply:
    return reply(200, [verdict.document() for verdict in call.running.reloads.log])


def _check_rights(running: Running, route: Route, call: Call) -> None:
    """See that the file lets REST over the network do this. Raises ClientError (403)."""
    if route.right == "control":
        raise ClientError(403, "permission_error", "This is for the control socket alone.")
    admin = running.house.world.config.admin
    edit = admin.edit if admin is not None else "all"
    takes_away = route.answer is _reload and call.body.get("allowLess") is True
    forbidden = {
        "all": False,
        "state": route.right in ("edit", "credential") or takes_away,
        "none": route.right not in ("open", "read"),
    }
    if forbidden[edit]:
        raise ClientError(403, "permission_error", f'The file says [admin] edit = "{edit}".')


_OWN: Final = (
    Route(
        "GET",
        "/api/status",
        _status,
        "What ccflared status shows: accounts, chains, clients, listeners, the last hour and the day.",
        gives={200: STATUS},
    ),
    Route("GET", "/api/accounts", _accounts, "The accounts in the order of routing.", gives={200: ACCOUNTS}),
    Route(
        "GET",
        "/api/openapi.json",
        _openapi,
        "The OpenAPI document: what every route takes and gives.",
        gives={200: record({"openapi": TEXT, "info": {"type": "object"}, "paths": {"type": "object"}})},
    ),
    Route("GET", "/api/reload", _verdicts, "The verdicts on the file so far.", gives={200: many(VERDICT)}),
    Route(
        "POST",
        "/api/reload",
        _reload,
        "Read the file anew, and answer with the verdict.",
        "state",
        body=record({}, allowLess=FLAG),
        gives={200: VERDICT, 409: VERDICT, 422: VERDICT},
    ),
    Route(
        "GET",
        "/api/version/check",
        _version,
        "The version that runs; none is looked for elsewhere.",
        gives={200: record({"current": TEXT, "latest": {"type": "null"}, "updateAvailable": FLAG})},
    ),
)

ROUTES: Final[tuple[Route, ...]] = (
    *_OWN,
    # Before those that have a name where these have a word: /api/requests/{id}.
    *live_calls.ROUTES,
    *alert_calls.ROUTES,
    *account_calls.ROUTES,
    *account_edits.ROUTES,
    *account_settings.ROUTES,
    *api_keys.ROUTES,
    *client_edits.ROUTES,
    *clients.ROUTES,
    *config_edits.ROUTES,
    *config_file.ROUTES,
    *config_settings.ROUTES,
    *explain.ROUTES,
    *login_calls.ROUTES,
    *numbers.ROUTES,
    *payload_calls.ROUTES,
    *conversation_calls.ROUTES,
    *conversations.ROUTES,
    *requests.ROUTES,
    *session_calls.ROUTES,
    *settings.ROUTES,
    *system.ROUTES,
    *model_calls.ROUTES,
    *usage_history.ROUTES,
    *storage_calls.ROUTES,
)
"""All there are. Of two that fit, the first counts."""


@cache
def _document() -> Reply:
    return reply(200, described(ROUTES))


def _find(asked: Asked) -> tuple[Route, tuple[str, ...]]:
    """Return the route of a request and the parts of its path that stand for a name. Raises ClientError (404, 405)."""
    given = asked.path.split("/")
    methods = []
    for route in ROUTES:
        wanted = route.path.split("/")
        if len(wanted) != len(given):
            continue
        pairs = list(zip(wanted, given, strict=True))
        if any(not (w.startswith("{") or w == g) for w, g in pairs):
            continue
        if route.method == asked.method:
            return route, tuple(unquote(g) for w, g in pairs if w.startswith("{"))
        methods.append(route.method)
    if methods:
        words = ", ".join(dict.fromkeys(methods))
        allow = ((b"allow", words.encode()), (b"x-should-retry", b"false"))
        raise Denied(405, "invalid_request_error", f"{asked.path} takes {words}.", allow)
    raise ClientError(404, "not_found_error", f"There is nothing at {asked.path}.")
