"""Sessions of the dashboard: whether one is admitted; log in by the admin token or a link, log out; and the links."""

from typing import Any, Final

from ccflared.api.bodies import text, wrong
from ccflared.api.calls import Call, done, reply
from ccflared.api.route import Route
from ccflared.api.schemas import (
    DONE,
    FLAG,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    TEXT,
    TEXTS,
    maybe,
    one_of,
    record,
    told,
)
from ccflared.daemon import access, gate
from ccflared.daemon.access import Denied
from ccflared.daemon.answers import JSON, Reply
from ccflared.daemon.page.addresses import Address, addresses_of
from ccflared.daemon.page.cookie import set_cookie, take_back
from ccflared.daemon.page.entrance import LINK_SECONDS
from ccflared.daemon.paths import SESSION
from ccflared.errors import ClientError

_NO_STORE: Final = (b"cache-control", b"no-store")
_CLOSED: Final = """\
Nobody may administer over TCP as the file stands: without [admin] only this machine may, over a loopback listener, \
and only while base_path, allowed_hosts, trusted_proxies and [clients] are empty. Add to the file:
  [admin]
  token = { file = "admin.token" }
(admin.token beside the file has the token, and nobody else may read it.)"""
_NO_LISTENER: Final = """\
No listener over TCP serves administration, and a browser needs one. Add to [server] of the file, beside those there \
are:
  listen = [{ address = "127.0.0.1:8081", serve = ["admin"] }]"""
_UNREADABLE: Final = (
    "The token of [admin] cannot be read, so nobody is let in over TCP; ccflared check --secrets says why."
)


async def session(call: Call) -> Reply:
    """Answer whether who asks may administer, and by what; or what would be asked for."""
    house = call.running.house
    try:
        admission = gate.admit(house, call.asked)
    except Denied as denied:
        asks = "token" if house.world.rights.admin_configured else None
        return _told(admitted=False, asks=asks, message=str(denied))
    return _told(by=admission.by)


async def log_in(call: Call) -> Reply:
    """Begin a session. Where nothing is asked for, none is needed and none begun."""
    house, asked = call.running.house, call.asked
    given = _credential(call)
    rights = house.world.rights
    if asked.trusted:
        return _told(by="control")
    if not rights.admin_configured:
        gate.counted(house, asked, access.admit_admin)
        return _told(by="open")
    token = gate.log_in(house, asked, **given)
    return _told(set_cookie(rights, asked, house.entrance.sessions.cookie, token), by="session")


async def log_out(call: Call) -> Reply:
    """End the session and what streams it has."""
    house, asked = call.running.house, call.asked
    gate.log_out(house, asked)
    gone = take_back(house.world.rights, asked, house.entrance.sessions.cookie)
    answer = done("Logged out.")
    return Reply(answer.status, answer.body, (*answer.headers, _NO_STORE, gone))


async def link(call: Call) -> Reply:
    """Answer an address that lets one browser into the dashboard, once. Raises ClientError (409) where none can."""
    house = call.running.house
    rights = house.world.rights
    found = addresses_of(call.running.listeners.places)
    if not found:
        raise ClientError(409, "invalid_request_error", _NO_LISTENER)
    if not rights.admin_configured:
        found = [address for address in found if address.reach == "loopback" and rights.open_admin]
        if not found:
            raise ClientError(409, "invalid_request_error", _CLOSED)
    elif rights.admin is None:
        raise ClientError(409, "invalid_request_error", _UNREADABLE)
    best = found[0]
    return reply(
        200,
        {
            "link": f"{best.url}#link={gate.link(house)}" if rights.admin_configured else best.url,
            "urls": [address.url for address in found],
            "seconds": LINK_SECONDS if rights.admin_configured else None,
            "message": _from_elsewhere(best),
        },
    )


def _from_elsewhere(address: Address) -> str | None:
    """Say how another machine comes there; None where the address is good as it is."""
    if not address.here:
        return None
    if address.reach != "loopback":
        return (
            f"From another machine: with a name or address of this one in place of {address.host}. "
            "A name has to be among [server] allowed_hosts."
        )
    place = f"{address.port}:{address.host}:{address.port}"
    return f"From another machine: ssh -L {place} there, then the same address in a browser here."


def _credential(call: Call) -> dict[str, str]:
    """Return what somebody wants to be let in by. Raises ClientError (400)."""
    names = list(call.body)
    if names not in (["token"], ["link"]):
        wrong("token or link is expected, and nothing else")
    value = text(call.body, names[0])
    try:
        value.encode()
    except UnicodeEncodeError:
        wrong(f"{names[0]}: half a letter is no text")
    return {names[0]: value}


def _told(
    *fields: tuple[bytes, bytes],
    admitted: bool = True,
    by: str | None = None,
    asks: str | None = None,
    message: str | None = None,
) -> Reply:
    answer = reply(200, {"admitted": admitted, "by": by, "asks": asks, "message": message})
    return Reply(200, answer.body, (JSON, _NO_STORE, *fields))


_SESSION: Final = record(
    {
        "admitted": FLAG,
        "by": told(
            maybe(one_of("open", "token", "session", "control")),
            "open: nothing is asked for on this machine; control: over the control socket.",
        ),
        "asks": told(maybe(one_of("token")), "What would let somebody in."),
        "message": MAYBE_TEXT,
    }
)
_CREDENTIAL: Final[dict[str, Any]] = {
    **record(
        {}, token=TEXT, link=told(TEXT, "What stands behind #link= in an address of ccflared dashboard.")
    ),
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}

ROUTES: Final = (
    Route(
        "GET",
        SESSION,
        session,
        "Whether who asks may administer, and by what; or what would be asked for.",
        "open",
        gives={200: _SESSION},
    ),
    Route(
        "POST",
        SESSION,
        log_in,
        "Begin a session by the admin token, or by a link: the answer sets its cookie.",
        "open",
        body=_CREDENTIAL,
        gives={200: _SESSION},
    ),
    Route("DELETE", SESSION, log_out, "End the session, and what streams it has.", "open", gives={200: DONE}),
    Route(
        "POST",
        f"{SESSION}/link",
        link,
        "An address that lets one browser into the dashboard, once.",
        "control",
        gives={
            200: record({"link": TEXT, "urls": TEXTS, "seconds": MAYBE_NUMBER, "message": MAYBE_TEXT}),
        },
    ),
)
