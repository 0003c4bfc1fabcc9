"""The ASGI door: one App a listener. Everything that may be refused is refused here, before a body is read.

The order is that of the trust rules: the form of the target, the host, the plane, the credential; only then the
body, with its limits.
"""

import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import time
from typing import Any, Final
from urllib.parse import parse_qsl

import trio

from ccflared.daemon import access, cors
from ccflared.daemon.access import Denied, Door, Fields, Peer, Rights
from ccflared.daemon.answers import Reply, Stream, give, give_error
from ccflared.daemon.exchange import ClientGone, Exchange, RawHeaders, Receive, Send
from ccflared.daemon.house import House
from ccflared.daemon.metrics.access import admit_metrics
from ccflared.daemon.metrics.exposition import CONTENT_TYPE
from ccflared.daemon.metrics.scrape import scrape
from ccflared.daemon.paths import STREAMS, below, generates, methods_of, passes, place_of, well_formed
from ccflared.daemon.relay import relay
from ccflared.errors import ClientError
from ccflared.wire import Inbound

log = logging.getLogger("ccflared.request")

_API_BODY_LIMIT: Final = 1024 * 1024
_LONGEST_TARGET: Final = 16 * 1024
_GUESSES: Final = 5
_GUESS_WINDOW: Final = 60.0
_GUESSERS_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came through the door, before its body is read."""

    id: str
    method: str
    path: str
    query: bytes
    headers: RawHeaders
    fields: dict[bytes, bytes]
    peer: Peer
    named: str
    """The peer's address for the log."""
    host: str
    trusted: bool
    """It came over the control socket."""


Administration = Callable[[Asked, bytes], Awaitable[Reply | Stream]]
"""The REST API: answers a request that was admitted to administration, given its body."""

Admit = Callable[[Rights, Door, Peer, str, Fields], None]
"""A rule of trust: returns if the peer may, or raises Denied."""

Health = Callable[[bool], Reply]
"""The answer of /health; with details if the argument is true."""


class Guesses:
    """Counts wrong admin credentials by address, bounded; after five a minute nobody there may try."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def blocked(self, address: str, now: float) -> bool:
        """Whether an address has used up its tries for now."""
        times = self._times.get(address)
        while times and times[0] < now - _GUESS_WINDOW:
            times.popleft()
        if not times:
            self._times.pop(address, None)
        return times is not None and len(times) >= _GUESSES

    def wrong(self, address: str, now: float) -> None:
        """Take in a wrong credential."""
        while len(self._times) >= _GUESSERS_KEPT and address not in self._times:
            self._times.pop(next(iter(self._times)))
        self._times.setdefault(address, deque(maxlen=_GUESSES)).append(now)


class App:
    """Serves the requests of one listener. ``door`` is asked anew for each: a reload may have changed it."""

    def __init__(
        self,
        house: House,
        door: Callable[[], Door],
        administration: Administration,
        health: Health,
        guesses: Guesses,
    ) -> None:
        self._house = house
        self._door = door
        self._administration = administration
        self._health = health
        self._guesses = guesses

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request. A bug in here ends this request with a 500 and a traceback in the log."""
        extensions = scope["extensions"]
        exchange = Exchange(receive, send, extensions["ccflared.when_over"], extensions["ccflared.waits"])
        request_id = "req_" + secrets.token_hex(12)
        path = below(self._door().base_path, scope["path"]) or scope["path"]
        try:
            await self._answer(scope, request_id, exchange)
        except ClientGone:
            pass  # before its request was whole; there is nobody to tell, and nothing was begun
        except ClientError as error:
            await give_error(exchange, path, request_id, error)
        except Exception:
            log.exception("%s: a fault of ccflared", request_id)
            if not exchange.begun:
                sentence = f"A fault of ccflared; its log says more under {request_id}."
                await give_error(exchange, path, request_id, ClientError(500, "api_error", sentence))

    async def _answer(self, scope: dict[str, Any], request_id: str, exchange: Exchange) -> None:
        door = self._door()
        asked = self._asked(scope, request_id, door)
        has_body = b"content-length" in asked.fields or b"transfer-encoding" in asked.fields
        if not has_body:
            await exchange.read_body(0, 5.0, None)
        if asked.fields.get(b"upgrade", b"").strip().lower() == b"websocket":
            # Codex then falls back to plain HTTP at once, while any other answer costs it seconds.
            raise ClientError(426, "invalid_request_error", "WebSocket is not offered; use HTTP.")
        match place_of(asked.method, asked.path):
            case "open":
                await self._open(asked, exchange)
            case "health":
                await give(exchange, self._health(self._may_have_details(asked, door)))
            case "metrics":
                await self._metrics(asked, door, exchange)
            case "pooled":
                await self._pooled(asked, door, exchange)
            case "other v1":
                await self._other_v1(asked, door, exchange)
            case "api":
                await self._api(asked, door, exchange)
            case _:
                hint = (
                    " A base URL that ends in /v1 may be what is wanted."
                    if generates(f"/v1{asked.path}")
                    else ""
                )
                raise ClientError(404, "not_found_error", f"There is nothing at {asked.path}.{hint}")

    def _asked(self, scope: dict[str, Any], request_id: str, door: Door) -> Asked:
        """Look at target and host. Raises ClientError."""
        raw_path: bytes = scope["raw_path"]
        path = below(door.base_path, raw_path.decode("ascii", "replace")) if well_formed(raw_path) else None
        if path is None:
            if well_formed(raw_path):
                raise ClientError(404, "not_found_error", f"There is nothing outside {door.base_path}.")
            raise ClientError(400, "invalid_request_error", "The request's target is not a plain path.")
        if len(raw_path) + len(scope["query_string"]) > _LONGEST_TARGET:
            raise ClientError(414, "invalid_request_error", "The request's target is too long.")
        headers: RawHeaders = scope["headers"]
        fields = access.fields_of(headers)
        if b"content-length" in fields and b"transfer-encoding" in fields:
            # A proxy in front may go by the one where we go by the other (RFC 9112 section 6.1).
            raise ClientError(400, "invalid_request_error", "The request has two lengths.")
        rights = self._house.world.rights
        client = scope["client"]
        peer, named = access.peer_of(rights, client[0] if client else None, fields)
        exempt = path in ("/livez", "/readyz")
        host = "" if exempt else access.check_host(rights, door, peer, fields)
        return Asked(
            request_id,
            scope["method"],
            path,
            scope["query_string"],
            headers,
            fields,
            peer,
            named,
            host,
            door.reach == "control",
        )

    async def _open(self, asked: Asked, exchange: Exchange) -> None:
        if asked.path == "/readyz" and self._house.draining:
            await give(exchange, Reply(503, b'{"status":"draining"}'))
        else:
            await give(exchange, Reply(200, b'{"status":"ok"}'))

    async def _pooled(self, asked: Asked, door: Door, exchange: Exchange) -> None:
        client = self._admitted(asked, door)
        administers = self._administers(asked, door)
        await self._relay(
            asked,
            client,
            self._pin(asked, client, administers=administers),
            exchange,
            administers=administers,
        )

    def _admitted(self, asked: Asked, door: Door) -> str | None:
        """Return the client's name, None where no clients are configured. Raises Denied."""
        world = self._house.world
        client = access.admit_request(world.rights, door, asked.peer, asked.host, asked.fields)
        access.check_expiry(world.config, client, time())
        return client

    def _administers(self, asked: Asked, door: Door) -> bool:
        return access.administers(self._house.world.rights, door, asked.peer, asked.host, asked.fields)

    def _pin(self, asked: Asked, client: str | None, *, administers: bool) -> str | None:
        """Return the account that the request asks for, None if it asks for none. Raises Denied."""
        world = self._house.world
        pin = access.pinned(world.rights, client, administers=administers, fields=asked.fields)
        # Whether there is such an account is not for a client to find out that may not use it.
        if pin is not None and not access.may_use(world.config, client, pin):
            raise Denied(403, "permission_error", "This client may not use that account.")
        return pin

    async def _relay(
        self, asked: Asked, client: str | None, pin: str | None, exchange: Exchange, *, administers: bool
    ) -> None:
        """Have an admitted request served. Raises ClientError."""
        house = self._house
        config = house.world.config
        if house.under_way.requests >= config.server.max_concurrency:
            raise Denied(
                529, "overloaded_error", "As many requests are running as may be.", ((b"retry-after", b"1"),)
            )
        if pin is not None and pin not in config.accounts:
            raise ClientError(400, "invalid_request_error", "x-ccflared-account names no account.")
        exchange.add_headers(cors.answer_fields(house.world.rights, asked.fields))
        inbound = Inbound(
            id=asked.id,
            at=time(),
            method=asked.method,
            path=asked.path,
            query=asked.query,
            headers=tuple(asked.headers),
            body=b"",
            client=client,
            administers=administers,
            pin=pin,
        )
        await relay(house, inbound, exchange)

    async def _other_v1(self, asked: Asked, door: Door, exchange: Exchange) -> None:
        rights = self._house.world.rights
        if asked.method == "OPTIONS" and (fields := cors.preflight_fields(rights, asked.fields)):
            await give(exchange, Reply(204, b"", tuple(fields)))
            return
        client = self._admitted(asked, door)
        if methods := methods_of(asked.path):
            allow = ((b"allow", ", ".join(methods).encode()),)
            raise Denied(405, "invalid_request_error", f"{asked.path} takes {' or '.join(methods)}.", allow)
        administers = self._administers(asked, door)
        pin = self._pin(asked, client, administers=administers)
        config = self._house.world.config
        account = config.accounts.get(pin) if pin is not None else None
        if account is not None and passes(asked.path, account.passthrough):
            access.check_passing(config.clients.get(client or ""), asked.method)
            await self._relay(asked, client, pin, exchange, administers=administers)
            return
        said = f"{asked.path} is not served from a pool of accounts."
        if place_of(asked.method, below("/v1", asked.path) or "") == "pooled":
            said += " The base URL may have a /v1 too many."
        if pin is not None:
            said += " An account that it is pinned to serves it where passthrough names it."
        raise ClientError(404, "not_found_error", said)

    def _blocked(self, asked: Asked) -> bool:
        """Whether too many wrong credentials came from there. Of the control socket none is asked for."""
        return not asked.trusted and self._guesses.blocked(asked.named, trio.current_time())

    def _note(self, asked: Asked, denied: Denied) -> None:
        """Count a wrong credential, and log it so that fail2ban can read it."""
        if denied.guess:
            self._guesses.wrong(asked.named, trio.current_time())
            log.warning("authentication failure for administration from %s", asked.named)

    def _may_have_details(self, asked: Asked, door: Door) -> bool:
        """Whether /health may tell more than numbers. It must not be a place to try tokens at without being counted."""
        rights = self._house.world.rights
        if self._blocked(asked):
            return False
        try:
            access.admit_admin(rights, door, asked.peer, asked.host, asked.fields)
        except Denied as denied:
            if not access.knows_client(rights, asked.fields):
                self._note(asked, denied)
            return False
        return True

    def _ticket(self, asked: Asked) -> Callable[[], bool] | None:
        """Return what redeems the ticket that a request for a stream brings; None where it brings none."""
        if asked.method != "GET" or asked.path not in STREAMS or b"stream_token=" not in asked.query:
            return None
        token = dict(parse_qsl(asked.query.decode("latin-1"))).get("stream_token", "")
        house = self._house
        return lambda: house.live.admits(token, house.world.rights.admin)

    def _admit(self, admit: Admit, asked: Asked, door: Door) -> None:
        """Return if ``admit`` lets the peer in. Raises Denied, and counts wrong credentials."""
        if self._blocked(asked):
            raise Denied(
                429,
                "rate_limit_error",
                "Too many wrong credentials; wait a minute.",
                ((b"retry-after", b"60"),),
            )
        rights = self._house.world.rights
        try:
            admit(rights, door, asked.peer, asked.host, asked.fields)
        except Denied as denied:
            self._note(asked, denied)
            raise

    async def _metrics(self, asked: Asked, door: Door, exchange: Exchange) -> None:
        if asked.method not in ("GET", "HEAD"):
            raise Denied(405, "invalid_request_error", "/metrics takes GET.", ((b"allow", b"GET, HEAD"),))
        self._admit(admit_metrics, asked, door)
        await give(exchange, Reply(200, await scrape(self._house), ((b"content-type", CONTENT_TYPE),)))

    async def _api(self, asked: Asked, door: Door, exchange: Exchange) -> None:
        self._admit(partial(access.admit_admin, ticket=self._ticket(asked)), asked, door)
        body = await exchange.read_body(_API_BODY_LIMIT, 10.0, asked.fields.get(b"content-length"))
        kind = asked.fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if body and kind != b"application/json":
            raise ClientError(415, "invalid_request_error", "The body must be application/json.")
        await give(exchange, await self._administration(asked, body))
