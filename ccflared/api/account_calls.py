"""Calls that act on what is known of an account: pause, reset, test, trust and their like. None changes the file."""

import json
import math
from time import time
from typing import Final

from ccflared.api.account_schemas import PROBED, REFRESHED, RENAME
from ccflared.api.bodies import text
from ccflared.api.calls import Call, done, reply
from ccflared.api.route import Route
from ccflared.api.schemas import DONE
from ccflared.daemon.answers import JSON, Reply
from ccflared.daemon.house import House
from ccflared.daemon.poller import Waits
from ccflared.daemon.probe import probe
from ccflared.errors import ClientError, Refused
from ccflared.pool.candidates import view
from ccflared.providers.origin import origin
from ccflared.providers.target import Unfit
from ccflared.providers.usage import Untold
from ccflared.wire import Quota, Window


async def _remembered(house: House) -> str:
    """Wait until what was changed outlasts a restart; return what is to be said where it does not."""
    if await house.recorder.remembered():
        return ""
    return " It holds until the daemon ends, longer only if the history can be written before: see `ccflared status`."


async def pause(call: Call) -> Reply:
    """Take an account out until it is resumed; remembered when this returns, else the answer says so."""
    house, name = call.running.house, call.account
    house.ledger.pause(name, time())
    said = f"{name} is paused; running requests go on. `ccflared account resume {name}` ends it."
    return done(said + await _remembered(house))


async def resume(call: Call) -> Reply:
    """End a pause by hand, and only that; what else keeps the account from serving is told."""
    house, name = call.running.house, call.account
    was = house.ledger.resume(name, time())
    noted = await _remembered(house)
    said = f"{name} is resumed" if was else f"{name} was not paused by hand"
    return done(said + _left(house, name) + noted)


async def reset(call: Call) -> Reply:
    """Forget cooldowns, doubts and rejections; in effect when this returns."""
    house, name = call.running.house, call.account
    house.reset(name, time())
    noted = await _remembered(house)
    said = f"Everything learnt about {name} is forgotten"
    left = _left(house, name)
    return done(said + (left if left != "." else "; it is asked again from now on.") + noted)


async def test(call: Call) -> Reply:
    """Send one minimal request to the account, whatever its state; a success counts, a failure does not."""
    house, target = call.running.house, call.target
    probed = await probe(house, target, "test")
    if probed.served:
        said = f"{target.account} answered in {probed.took_ms} ms (asked for {probed.model}, one token)."
    else:
        said = f"{target.account} did not serve (asked for {probed.model}): {probed.reason.rstrip('.')}."
    return reply(
        200,
        {
            "success": probed.served,
            "message": said,
            "request": probed.request,
            "model": probed.model,
            "status": probed.status,
            "kind": probed.kind,
            "reason": probed.reason,
            "took_ms": probed.took_ms,
        },
    )


async def trust(call: Call) -> Reply:
    """Let an account's credential go where the file says. Over the control socket only, whose user owns the file."""
    house, name = call.running.house, call.account
    config = house.world.config
    account = config.accounts[name]
    there = origin(account, config.providers[account.provider])
    if there is None or not house.trust.distrusted(name, there):
        return done(f"{name} was trusted already.")
    try:
        house.trust.trust(name)
    except Refused as error:
        raise ClientError(503, "api_error", f"{error}.") from error
    house.retarget(name)
    return done(f"{name} may send its credential to {there}" + _left(house, name))


async def expect_rename(call: Call) -> Reply:
    """Let state, tokens and history follow to the name that somebody is about to write into the file: ``{name}``.

    With ``over`` it was not written after all.
    """
    edits = call.running.edits
    if call.body.get("over") is True:
        edits.not_written(call.parts[0], text(call.body, "name"))
        return done("Nothing will follow.")
    if not await edits.expect(edits.renaming(call.account, text(call.body, "name"))):
        raise ClientError(
            503, "api_error", "The history cannot be written, so what is known could not follow."
        )
    return done("The next reload that finds the new name lets what is known follow it.")


async def erase(call: Call) -> Reply:
    """Erase the tokens of an account that has left the file."""
    name, running = call.parts[0], call.running
    if name in running.house.world.config.accounts:
        raise ClientError(409, "invalid_request_error", f"{name} is still an account.")
    try:
        await running.edits.gone(name)
    except Refused as error:
        raise ClientError(503, "api_error", f"{error}.") from error
    return done(f"The tokens of {name} are erased.")


async def refresh_usage(call: Call) -> Reply:
    """Ask the provider now what is used of the account; once a minute at most."""
    target = call.target
    if target.usage is None:
        raise ClientError(
            400,
            "invalid_request_error",
            f"{target.account} is at a provider whose usage cannot be asked for: [providers.{target.provider}] "
            "has no usage, or it is switched off, or on another host than the account.",
        )
    outcome = await call.running.poller.ask_now(target, target.usage)
    match outcome:
        case Waits(seconds):
            wait = max(1, math.ceil(seconds))
            said = f"{target.account} was asked a moment ago; it can be asked again in {wait} s."
            body = json.dumps(_refreshed(said, success=False, polled=False, told=False))
            return Reply(429, body.encode(), (JSON, (b"retry-after", str(wait).encode())))
        case Untold(reason):
            said = f"The usage of {target.account} is unknown: {reason}."
            return reply(200, _refreshed(said, success=False, polled=True, told=False))
        case Quota():
            shares = ", ".join(_share(window) for window in outcome.windows)
            said = f"Used of {target.account}: {shares}."
            return reply(200, _refreshed(said, success=True, polled=True, told=True))


def _share(window: Window) -> str:
    if window.utilization is None:
        return f"{window.name} unknown"
    return f"{window.name} {int(window.utilization * 100)} %"


def _refreshed(said: str, *, success: bool, polled: bool, told: bool) -> dict[str, object]:
    """Return the answer in better-ccflare's words: each poll begins polling anew, and our windows are its cache."""
    return {"success": success, "message": said, "pollingRestarted": polled, "cacheRefreshed": told}


def _left(house: House, name: str) -> str:
    """Say what still keeps an account from serving, as the end of a sentence."""
    now = time()
    target = house.world.targets.get(name)
    if target is None:  # a reload has removed it meanwhile
        return ", and it has left the file."
    if isinstance(target, Unfit):
        return f", but it is {target.state}" + (f": {target.reason}." if target.reason else ".")
    seen = view(house.candidate(name, now), now)
    if seen.may_serve:
        return "."
    reasons = "; ".join(reason for reason in (seen.reason, *seen.also) if reason)
    return f", but it still does not serve: {reasons}."


ROUTES: Final = (
    Route(
        "POST",
        "/api/accounts/{name}/trust",
        trust,
        "Let an account's credential go where the file says.",
        "control",
        gives={200: DONE},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/expect-rename",
        expect_rename,
        "Let state, tokens and history follow to the name that somebody is about to write into the file.",
        "control",
        body=RENAME,
        gives={200: DONE},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/erase",
        erase,
        "Erase the tokens of an account that has left the file.",
        "control",
        gives={200: DONE},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/pause",
        pause,
        "Take an account out until it is resumed; remembered when this returns, else the answer says so.",
        "state",
        gives={200: DONE},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/resume",
        resume,
        "End a pause by hand, and only that; what else keeps the account from serving is told.",
        "state",
        gives={200: DONE},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/force-reset-rate-limit",
        reset,
        "Forget cooldowns, doubts and rejections; in effect when this returns.",
        "state",
        gives={200: DONE},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/test",
        test,
        "Send one minimal request to the account, whatever its state; a success counts, a failure does not.",
        "state",
        gives={200: PROBED},
    ),
    Route(
        "POST",
        "/api/accounts/{name}/refresh-usage",
        refresh_usage,
        "Ask the provider now what is used of the account; once a minute at most.",
        "state",
        gives={200: REFRESHED, 429: REFRESHED},
    ),
)
