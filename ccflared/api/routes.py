"""The REST routes. Who may ask was decided before; here a request is only understood and answered."""

from collections.abc import Awaitable, Callable
from time import time
from typing import Any, Final
from urllib.parse import unquote

from ccflared import __version__
from ccflared.api import account_calls, account_edits, client_edits, config_edits, legacy, login_calls
from ccflared.api.calls import Call, document, reply
from ccflared.api.clients import clients
from ccflared.api.explain import explain
from ccflared.api.legacy_usage import iso
from ccflared.api.status import status
from ccflared.daemon.answers import Reply
from ccflared.daemon.app import Administration, Asked, Health
from ccflared.daemon.main import Running
from ccflared.errors import ClientError

Route = Callable[[Call], Awaitable[Reply]]

HEALTHY: Final = 200
UNHEALTHY: Final = 503


def make_api(running: Running) -> tuple[Administration, Health]:
    """Return the REST API of a running daemon, and its answer to /health."""

    async def administration(asked: Asked, body: bytes) -> Reply:
        route, parts = _find(asked)
        call = Call(running, asked, document(body), parts)
        if not asked.trusted:
            _check_rights(running, route, call)
        return await route(call)

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
    now = time()
    return reply(200, status(call.running, await call.running.house.recorder.traffic(now), now))


async def _accounts(call: Call) -> Reply:
    return reply(200, legacy.accounts(call.running, time()))


async def _version(_call: Call) -> Reply:
    return reply(200, {"current": __version__, "latest": None, "updateAvailable": False})


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
    if route in _HOME.values():
        raise ClientError(403, "permission_error", "This is for the control socket alone.")
    admin = running.house.world.config.admin
    edit = admin.edit if admin is not None else "all"
    takes_away = route is _reload and call.body.get("allowLess") is True
    forbidden = {
        "all": False,
        "state": route in (*_EDITS.values(), *_LOGIN.values()) or takes_away,
        "none": route in (*_EDITS.values(), *_LOGIN.values(), *_STATE.values(), _reload),
    }
    if forbidden[edit]:
        raise ClientError(403, "permission_error", f'The file says [admin] edit = "{edit}".')


_HOME: Final[dict[tuple[str, str], Route]] = {
    ("POST", "/api/accounts/*/trust"): account_calls.trust,
    ("POST", "/api/accounts/*/expect-rename"): account_calls.expect_rename,
    ("POST", "/api/accounts/*/erase"): account_calls.erase,
}
"""What only the control socket may do."""

_EDITS: Final[dict[tuple[str, str], Route]] = {
    ("POST", "/api/accounts"): account_edits.add,
    ("POST", "/api/accounts/*"): account_edits.add_at,
    ("PATCH", "/api/accounts/*"): account_edits.patch,
    ("DELETE", "/api/accounts/*"): account_edits.remove,
    ("POST", "/api/accounts/*/rename"): account_edits.rename,
    ("POST", "/api/accounts/*/priority"): account_edits.priority,
    ("POST", "/api/accounts/*/auto-fallback"): account_edits.auto_fallback,
    ("POST", "/api/accounts/*/auto-refresh"): account_edits.auto_refresh,
    ("POST", "/api/accounts/*/auto-pause-on-overage"): account_edits.auto_pause_on_overage,
    ("POST", "/api/accounts/*/billing-type"): account_edits.billing_type,
    ("POST", "/api/accounts/*/custom-endpoint"): account_edits.custom_endpoint,
    ("POST", "/api/accounts/*/model-mappings"): account_edits.model_mappings,
    ("POST", "/api/clients"): client_edits.add,
    ("PATCH", "/api/clients/*"): client_edits.patch,
    ("DELETE", "/api/clients/*"): client_edits.remove,
    ("POST", "/api/clients/*/rotate"): client_edits.rotate,
    ("PATCH", "/api/config"): config_edits.patch,
    ("POST", "/api/config/strategy"): config_edits.strategy,
}
"""What changes the file: only where it does not say otherwise by [admin] edit."""

_STATE: Final[dict[tuple[str, str], Route]] = {
    ("POST", "/api/accounts/*/pause"): account_calls.pause,
    ("POST", "/api/accounts/*/resume"): account_calls.resume,
    ("POST", "/api/accounts/*/force-reset-rate-limit"): account_calls.reset,
    ("POST", "/api/accounts/*/test"): account_calls.test,
    ("POST", "/api/accounts/*/refresh-usage"): account_calls.refresh_usage,
}
"""What changes the state of accounts: not for everyone where the file says [admin] edit = "none"."""

_LOGIN: Final[dict[tuple[str, str], Route]] = {
    ("POST", "/api/oauth/init"): login_calls.begin,
    ("POST", "/api/oauth/callback"): login_calls.finish,
    ("POST", "/api/oauth/anthropic/reauth/init"): login_calls.begin,
    ("POST", "/api/oauth/anthropic/reauth/callback"): login_calls.finish,
    ("POST", "/api/accounts/*/logout"): login_calls.log_out,
}
"""What changes credentials: only where the file says [admin] edit = "all"."""

_ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/api/status"): _status,
    ("GET", "/api/accounts"): _accounts,
    ("GET", "/api/clients"): clients,
    ("GET", "/api/explain"): explain,
    ("GET", "/api/reload"): _verdicts,
    ("POST", "/api/reload"): _reload,
    ("GET", "/api/version/check"): _version,
    ("GET", "/api/token-health"): login_calls.health,
    ("GET", "/api/token-health/reauth-needed"): login_calls.needing_login,
    ("GET", "/api/token-health/account/*"): login_calls.health_of,
    **_STATE,
    **_EDITS,
    **_HOME,
    **_LOGIN,
}


def _find(asked: Asked) -> tuple[Route, tuple[str, ...]]:
    """Return the route of a request and the parts of its path that stand for a ``*``."""
    given = asked.path.split("/")
    methods = []
    for (method, pattern), route in _ROUTES.items():
        wanted = pattern.split("/")
        if len(wanted) != len(given) or any(w not in ("*", g) for w, g in zip(wanted, given, strict=True)):
            continue
        if method == asked.method:
            return route, tuple(unquote(g) for w, g in zip(wanted, given, strict=True) if w == "*")
        methods.append(method)
    if methods:
        raise ClientError(405, "invalid_request_error", f"{asked.path} takes {', '.join(methods)}.")
    raise ClientError(404, "not_found_error", f"There is nothing at {asked.path}.")
