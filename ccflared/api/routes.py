"""The REST routes. Who may ask was decided before; here a request is only understood and answered."""

import json
from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Any, Final
from urllib.parse import unquote

from ccflared import __version__
from ccflared.api import legacy
from ccflared.api.status import status
from ccflared.daemon.answers import Reply
from ccflared.daemon.app import Administration, Asked, Health
from ccflared.daemon.main import Running
from ccflared.errors import ClientError

Route = Callable[[Running, Mapping[str, Any], tuple[str, ...]], Awaitable[Reply]]

HEALTHY: Final = 200
UNHEALTHY: Final = 503


def make_api(running: Running) -> tuple[Administration, Health]:
    """Return the REST API of a running daemon, and its answer to /health."""

    async def administration(asked: Asked, body: bytes) -> Reply:
        route, parts = _find(asked)
        admin = running.house.world.config.admin
        if route is _reset and not asked.trusted and admin is not None and admin.edit == "none":
            raise ClientError(403, "permission_error", 'The file says [admin] edit = "none".')
        return await route(running, _document(body), parts)

    return administration, lambda details: health(running, details=details)


def health(running: Running, *, details: bool) -> Reply:
    """Answer /health: ok if some account can serve, degraded if one will, unhealthy if none is expected to."""
    now = time()
    plan = running.house.preview(now)
    recovery = [passed.until for passed in plan.passed if passed.until is not None]
    word = "ok" if plan.choices else "degraded" if recovery else "unhealthy"
    config = running.house.world.config
    document: dict[str, Any] = {
        "status": word,
        "accounts": len(config.accounts),
        "timestamp": legacy.iso(now),
        "pool": {
            "configured": len(config.accounts),
            "routable": len(plan.choices),
            "rate_limited": sum(passed.state == "resting" for passed in plan.passed),
            "next_available_at": legacy.iso(min(recovery)) if recovery and not plan.choices else None,
        },
    }
    if details:
        document |= {"version": __version__, "strategy": config.routing.strategy}
        document["accounts_detail"] = legacy.accounts(running, now)
    return _json(HEALTHY if word == "ok" else UNHEALTHY, document)


async def _status(running: Running, _body: Mapping[str, Any], _parts: tuple[str, ...]) -> Reply:
    now = time()
    return _json(200, status(running, await running.house.recorder.traffic(now), now))


async def _accounts(running: Running, _body: Mapping[str, Any], _parts: tuple[str, ...]) -> Reply:
    return _json(200, legacy.accounts(running, time()))


async def _version(_running: Running, _body: Mapping[str, Any], _parts: tuple[str, ...]) -> Reply:
    return _json(200, {"current": __version__, "latest": None, "updateAvailable": False})


async def _reset(running: Running, _body: Mapping[str, Any], parts: tuple[str, ...]) -> Reply:
    name = parts[0]
    if name not in running.house.world.config.accounts:
        raise ClientError(404, "not_found_error", f"There is no account {name}.")
    running.house.reset(name)
    said = f"Everything learnt about {name} is forgotten; it is asked again from now on."
    return _json(200, {"success": True, "message": said})


async def _reload(running: Running, body: Mapping[str, Any], _parts: tuple[str, ...]) -> Reply:
    allow_less = body.get("allowLess", False)
    if not isinstance(allow_less, bool):
        raise ClientError(400, "invalid_request_error", "allowLess: true or false is expected")
    verdict = await running.reloads.reload("command", allow_less=allow_less)
    code = 200 if verdict.applied else 409 if verdict.losses else 422
    return _json(code, verdict.document())


async def _verdicts(running: Running, _body: Mapping[str, Any], _parts: tuple[str, ...]) -> Reply:
    return _json(200, [verdict.document() for verdict in running.reloads.log])


_ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/api/status"): _status,
    ("GET", "/api/accounts"): _accounts,
    ("POST", "/api/accounts/*/force-reset-rate-limit"): _reset,
    ("GET", "/api/reload"): _verdicts,
    ("POST", "/api/reload"): _reload,
    ("GET", "/api/version/check"): _version,
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


def _document(body: bytes) -> Mapping[str, Any]:
    if not body:
        return {}
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ClientError(400, "invalid_request_error", "The body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise ClientError(400, "invalid_request_error", "The body must be a JSON object.")
    return document


def _json(code: int, document: object) -> Reply:
    return Reply(code, json.dumps(document, ensure_ascii=False).encode())
