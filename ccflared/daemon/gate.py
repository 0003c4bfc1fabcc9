"""The gate: who may administer, and by what; who may send requests; and wrong credentials of either, counted.

Of administration a session or a ticket is looked for first: both are random numbers of 256 bits which nobody guesses,
so that the wrong guesses of somebody else at the same address do not lock out whoever has one. So is a link.
"""

import logging
from collections.abc import Callable
from hmac import compare_digest
from time import time
from urllib.parse import parse_qsl

import trio

from ccflared.daemon import access
from ccflared.daemon.about import about
from ccflared.daemon.access import Denied, Door, Fields, Peer, Rights, digest
from ccflared.daemon.asked import Admission, Asked
from ccflared.daemon.house import House
from ccflared.daemon.page.cookie import given_in
from ccflared.daemon.page.sessions import Session
from ccflared.daemon.paths import STREAMS

log = logging.getLogger("ccflared.request")

Admit = Callable[[Rights, Door, Peer, str, Fields], None]
"""A rule of trust: returns if the peer may, or raises Denied."""


def admit(house: House, asked: Asked) -> Admission:
    """Return what a request is admitted to administration by. Raises Denied, and counts wrong credentials."""
    access.admit_page(asked.door, asked.peer, asked.host, asked.fields)
    if asked.trusted:
        return Admission("control", lambda: True)
    if (session := session_of(house, asked)) is not None:
        house.entrance.sessions.use(session, time())
        return Admission(
            "session", lambda: house.entrance.sessions.lives(session, time(), house.world.rights.admin)
        )
    if (lasts := _by_ticket(house, asked)) is not None:
        return Admission("ticket", lasts)
    counted(house, asked, access.admit_admin)
    if house.world.rights.admin_configured:
        return Admission("token", token_in_force(house))
    return Admission("open", lambda: house.world.rights.open_admin)


def token_in_force(house: House) -> Callable[[], bool]:
    """Return whether the admin token that is in force now still is, as a question for later."""
    admin = house.world.rights.admin
    return lambda: admin is not None and house.world.rights.admin == admin


def log_in(house: House, asked: Asked, *, token: str | None = None, link: str | None = None) -> str:
    """Begin a session by the admin token or by a link, and return what its cookie holds. Raises Denied (401, 429).

    A link is asked for before the lock-out, and one that is spent or too old is no guess: it was right once.
    """
    admin = house.world.rights.admin
    if token is not None:
        refuse_blocked(house, asked)
        said = "That is not the admin token."
        right = admin is not None and compare_digest(digest(token), admin)
    else:
        said = "That link was used already, or is too old: ccflared dashboard prints a new one."
        right = house.entrance.links.take(link or "", trio.current_time()) is not None
    if admin is None or not right:
        bearer = ((b"www-authenticate", b"Bearer"),)
        denied = Denied(401, "authentication_error", said, bearer, guess=token is not None)
        note(house, asked, denied)
        raise denied
    log_out(house, asked)  # the one of before, if this browser has one
    return house.entrance.sessions.begin(time(), admin)


def log_out(house: House, asked: Asked) -> None:
    """End the session that a request belongs to, and what streams it has."""
    if (session := session_of(house, asked)) is not None:
        house.entrance.sessions.end(session)
        house.live.stir()


def link(house: House) -> str:
    """Return what a link to the dashboard lets somebody in by, once."""
    return house.entrance.links.mint(trio.current_time(), token_in_force(house))


def session_of(house: House, asked: Asked) -> Session | None:
    """Return the session whose cookie a request brings; None where it brings none that counts."""
    sessions = house.entrance.sessions
    for token in given_in(asked.headers, sessions.cookie):
        if (found := sessions.find(token, time(), house.world.rights.admin)) is not None:
            return found
    return None


def counted(house: House, asked: Asked, rule: Admit) -> None:
    """Return if ``rule`` lets the peer in. Raises Denied, and counts wrong credentials."""
    refuse_blocked(house, asked)
    try:
        rule(house.world.rights, asked.door, asked.peer, asked.host, asked.fields)
    except Denied as denied:
        note(house, asked, denied)
        raise


def refuse_blocked(house: House, asked: Asked) -> None:
    """Raise Denied (429) where too many wrong credentials came from there."""
    if (seconds := blocked(house, asked)) is not None:
        said = f"Too many wrong credentials from this address; try again in {seconds} s."
        raise Denied(429, "rate_limit_error", said, ((b"retry-after", str(seconds).encode()),))


def blocked(house: House, asked: Asked) -> int | None:
    """Return for how many seconds too many wrong credentials came from there. The control socket asks for none."""
    return None if asked.trusted else house.entrance.guesses.wait(asked.named, trio.current_time())


def note(house: House, asked: Asked, denied: Denied) -> None:
    """Count a wrong credential, and log it so that fail2ban can read it."""
    if denied.guess:
        house.entrance.guesses.wrong(asked.named, trio.current_time())
        log.warning(
            "authentication failure for administration from %s",
            asked.named,
            extra=about("authentication-failure", request=asked.id),
        )


def client(house: House, asked: Asked) -> str | None:
    """Return which client sends a request, None where there are none. Raises Denied, and logs wrong keys.

    Nobody is locked out: behind one address there may be many programs, and one of them may have an old key.
    """
    world = house.world
    try:
        name = access.admit_request(world.rights, asked.door, asked.peer, asked.host, asked.fields)
    except Denied as denied:
        if denied.guess:
            _stranger(house, asked, f"authentication failure for requests from {asked.named}")
        raise
    try:
        access.check_expiry(world.config, name, time())
    except Denied:
        _stranger(house, asked, f"the key of client {name} has expired; it was used from {asked.named}")
        raise
    return name


def _stranger(house: House, asked: Asked, line: str) -> None:
    """Log, for people and fail2ban, whose key does not count; never the key."""
    untold = house.entrance.strangers.wrong(asked.named, trio.current_time())
    if untold is not None:
        log.warning(
            "%s%s",
            line,
            f" ({untold} more without a line)" if untold else "",
            extra=about("authentication-failure", request=asked.id),
        )


def _by_ticket(house: House, asked: Asked) -> Callable[[], bool] | None:
    """Redeem the ticket that a request for a stream brings; None where it brings none that counts."""
    if asked.method != "GET" or asked.path not in STREAMS or b"stream_token=" not in asked.query:
        return None
    token = dict(parse_qsl(asked.query.decode("latin-1"))).get("stream_token", "")
    return house.live.redeem(token)
