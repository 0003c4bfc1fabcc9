"""Calls about logins: begin one, bring its code, log out, and how all tokens are."""

from shlex import quote
from time import time
from typing import Any, Final

from ccflared.api.calls import Call, done, reply
from ccflared.api.legacy_usage import iso
from ccflared.api.route import Route
from ccflared.api.schemas import DONE, FLAG, TEXT, many, record
from ccflared.api.status_schemas import BEGUN, FINISHED, TOKEN_HEALTH
from ccflared.api.tokens import token
from ccflared.config.words import no_such
from ccflared.daemon.answers import Reply
from ccflared.daemon.login import LASTS
from ccflared.errors import ClientError, NotTheCode, Refused


async def begin(call: Call) -> Reply:
    """Begin the login of an account that the file has: ``name``, or ``accountId``. Returns the page's address."""
    name = _text(call, "name", "accountId")
    known = call.running.house.world.config.accounts
    if name not in known:
        raise ClientError(
            404, "not_found_error", f"{no_such('account', name, known)} ccflared account add adds one."
        )
    try:
        begun = call.running.house.logins.begin(name)
    except Refused as error:
        raise ClientError(409, "invalid_request_error", str(error)) from error
    return reply(
        200,
        {
            "success": True,
            "authUrl": begun.url,
            "sessionId": begun.session,
            "step": "authorize",
            "name": name,
            "expiresIn": int(LASTS),
        },
    )


async def finish(call: Call) -> Reply:
    """Take what was pasted: ``sessionId`` and ``code``. The tokens are in force, and durable, when this returns."""
    session, code = _text(call, "sessionId"), _text(call, "code")
    house = call.running.house
    try:
        name = await house.logins.finish(session, code)
    except Refused as error:
        status = 400 if isinstance(error, NotTheCode) else 409
        raise ClientError(status, "invalid_request_error", str(error)) from error
    told = token(house, name, time()) or {}
    mode = house.world.config.accounts[name].provider
    answer = {"success": True, "message": f"{name} is logged in", "mode": mode, "name": name}
    return reply(200, answer | {"validUntil": iso(told.get("valid_until"))})


async def log_out(call: Call) -> Reply:
    """Forget the tokens of an account; they are erased when this returns."""
    try:
        await call.running.house.logins.log_out(call.account)
    except Refused as error:
        raise ClientError(409, "invalid_request_error", str(error)) from error
    return done(f"{call.account} is logged out. `ccflared login {quote(call.account)}` logs it in again.")


async def health(call: Call) -> Reply:
    """Tell how the tokens of all OAuth accounts are."""
    return reply(200, {"success": True, "data": _health(call)})


async def needing_login(call: Call) -> Reply:
    """Tell of those that a person has to log in."""
    return reply(200, {"success": True, "data": [each for each in _health(call) if each["requiresReauth"]]})


async def health_of(call: Call) -> Reply:
    """Tell how the tokens of one account are."""
    found = next((each for each in _health(call) if each["name"] == call.account), None)
    if found is None:
        raise ClientError(404, "not_found_error", f"{call.account} has no OAuth tokens.")
    return reply(200, {"success": True, "data": found})


def _health(call: Call) -> list[dict[str, Any]]:
    house, now = call.running.house, time()
    found = []
    for name, target in house.world.targets.items():
        told = token(house, name, now)
        if told is None:
            continue
        problem = told["problem"]
        found.append(
            {
                "id": name,
                "name": name,
                "kind": told["kind"],
                "status": _word(told, now),
                "requiresReauth": getattr(target, "state", None) == "needs login",
                "tokenExpiresAt": iso(told["valid_until"]),
                "refreshedAt": iso(told["refreshed_at"]),
                "message": problem["reason"] if problem else None,
                "since": iso(problem["since"]) if problem else None,
                "todo": told["todo"],
            }
        )
    return found


def _word(told: dict[str, Any], now: float) -> str:
    """Return one of that API's words for a token's health."""
    if told["kind"] == "none":
        return "no-refresh-token"
    if told["valid_until"] is not None and told["valid_until"] <= now:
        return "expired"
    return "critical" if told["problem"] else "healthy"


def _text(call: Call, *names: str) -> str:
    """Return the first of the fields that is given. Raises ClientError (400) where none is a text."""
    value = next((call.body[name] for name in names if name in call.body), None)
    if not isinstance(value, str) or not value:
        raise ClientError(400, "invalid_request_error", f"{names[0]}: a text is expected")
    return value


ROUTES: Final = (
    Route(
        "POST",
        "/api/oauth/init",
        begin,
        "Begin the login of an account that the file has, by its name or id. The page's address is the answer.",
        "credential",
        body=record({}, name=TEXT, accountId=TEXT),
        gives={200: BEGUN},
    ),
    Route(
        "POST",
        "/api/oauth/callback",
        finish,
        "Take the code that was pasted. The tokens are in force, and durable, when this returns.",
        "credential",
        body=record({"sessionId": TEXT, "code": TEXT}),
        gives={200: FINISHED},
    ),
    Route(
        "POST",
        "/api/oauth/anthropic/reauth/init",
        begin,
        "Begin the login of an account that the file has, by its name or id. The page's address is the answer.",
        "credential",
        body=record({}, name=TEXT, accountId=TEXT),
        gives={200: BEGUN},
    ),
    Route(
        "POST",
        "/api/oauth/anthropic/reauth/callback",
        finish,
        "Take the code that was pasted. The tokens are in force, and durable, when this returns.",
        "credential",
        body=record({"sessionId": TEXT, "code": TEXT}),
        gives={200: FINISHED},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/logout",
        log_out,
        "Forget the tokens of an account; they are erased when this returns.",
        "credential",
        gives={200: DONE},
    ),
    Route(
        "GET",
        "/api/token-health",
        health,
        "How the tokens of all OAuth accounts are.",
        gives={200: record({"success": FLAG, "data": many(TOKEN_HEALTH)})},
    ),
    Route(
        "GET",
        "/api/token-health/reauth-needed",
        needing_login,
        "Those that a person has to log in.",
        gives={200: record({"success": FLAG, "data": many(TOKEN_HEALTH)})},
    ),
    Route(
        "GET",
        "/api/token-health/account/{name}",
        health_of,
        "How the tokens of one account are.",
        gives={200: record({"success": FLAG, "data": TOKEN_HEALTH})},
    ),
)
