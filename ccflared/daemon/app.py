"""The ASGI door: one App a listener. Everything that may be refused is refused here, before a body is read.

The order is that of the trust rules: the form of the target, the host, the plane, the credential; only then the
body, with its limits.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from math import inf
from time import time
from typing import Any, Final

import trio

from ccflared.daemon import access, cors, gate
from ccflared.daemon.about import about, caused_by
from ccflared.daemon.access import Denied, Door
from ccflared.daemon.answers import Reply, Stream, give, give_error
from ccflared.daemon.asked import Asked
from ccflared.daemon.exchange import ClientGone, Exchange, RawHeaders, Receive, Send
from ccflared.daemon.faults import FAULTS
from ccflared.daemon.house import House
from ccflared.daemon.metrics.access import admit_metrics
from ccflared.daemon.metrics.exposition import CONTENT_TYPE
from ccflared.daemon.metrics.scrape import scrape
from ccflared.daemon.page.entry import page_answer
from ccflared.daemon.page.files import Files
from ccflared.daemon.paths import SESSION, below, generates, methods_of, passes, place_of, well_formed
from ccflared.daemon.relay import relay
from ccflared.errors import ClientError
from ccflared.wire import Inbound

log = logging.getLogger("ccflared.request")

_API_BODY_LIMIT: Final = 1024 * 1024
_LONGEST_TARGET: Final = 16 * 1024
_LOGIN_BODY_LIMIT: Final = 16 * 1024
"""What somebody may send who has shown nothing yet: a connection costs no more by it than by its header fields. Who
has a longer token logs in by a link."""
_LOGIN_SECONDS: Final = 15.0
"""And for how long. Of all others each piece is waited for."""
_LOGGED: Final = 200
"""Letters of a path in the log."""


Administration = Callable[[Asked, bytes], Awaitable[Reply | Stream]]
"""The REST API: answers a request that was admitted to administration, given its body."""

Health = Callable[[bool], Reply]
"""The answer of /health; with details if the argument is true."""


class App:
    """Serves the requests of one listener. ``door`` is asked anew for each: a reload may have changed it."""

    def __init__(
        self,
        house: House,
        door: Callable[[], Door],
        administration: Administration,
        health: Health,
        files: Files,
    ) -> None:
        self._house = house
        self._door = door
        self._administration = administration
        self._health = health
        self._files = files

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
            log.debug(
                "%s %s is refused with %d: %s",
                *(scope["method"], path[:_LOGGED], error.status, error),
                extra=about("request", request=request_id),
            )
            await give_error(exchange, path, request_id, error)
        except Exception:
            fault = FAULTS.handled()
            log.exception(
                "a fault of ccflared: %s",
                fault.name,
                exc_info=fault.new,
                extra=about("fault", request=request_id),
            )
            if not exchange.begun:
                sentence = f"A fault of ccflared; its log says more under {request_id}."
                await give_error(exchange, path, request_id, ClientError(500, "api_error", sentence))

    async def _answer(self, scope: dict[str, Any], request_id: str, exchange: Exchange) -> None:
        door = self._door()
        asked = self._asked(scope, request_id, door)
        framed = b"content-length" in asked.fields or b"transfer-encoding" in asked.fields
        has_body = framed or "ccflared.body_follows" in scope["extensions"]
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
                await self._metrics(asked, exchange)
            case "pooled":
                await self._pooled(asked, door, exchange)
            case "other v1":
                await self._other_v1(asked, door, exchange)
            case "api":
                await self._api(asked, exchange)
            case "dashboard":
                await self._dashboard(asked, exchange)
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
            raw_path,
            scope["query_string"],
            headers,
            fields,
            peer,
            named,
            host,
            door,
        )

    async def _open(self, asked: Asked, exchange: Exchange) -> None:
        if asked.path == "/readyz" and self._house.draining:
            await give(exchange, Reply(503, b'{"status":"draining"}'))
        else:
            await give(exchange, Reply(200, b'{"status":"ok"}'))

    async def _pooled(self, asked: Asked, door: Door, exchange: Exchange) -> None:
        client = gate.client(self._house, asked)
        administers = self._administers(asked, door)
        await self._relay(
            asked,
            client,
            self._pin(asked, client, administers=administers),
            exchange,
            administers=administers,
        )

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
        with caused_by(asked.id, client):
            await relay(house, inbound, exchange)

    async def _other_v1(self, asked: Asked, door: Door, exchange: Exchange) -> None:
        rights = self._house.world.rights
        if asked.method == "OPTIONS" and (fields := cors.preflight_fields(rights, asked.fields)):
            await give(exchange, Reply(204, b"", tuple(fields)))
            return
        client = gate.client(self._house, asked)
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

    def _may_have_details(self, asked: Asked, door: Door) -> bool:
        """Whether /health may tell more than numbers. It must not be a place to try tokens at without being counted."""
        rights = self._house.world.rights
        if gate.blocked(self._house, asked) is not None:
            return False
        try:
            access.admit_admin(rights, door, asked.peer, asked.host, asked.fields)
        except Denied as denied:
            if not access.knows_client(rights, asked.fields):
                gate.note(self._house, asked, denied)
            return False
        return True

    async def _metrics(self, asked: Asked, exchange: Exchange) -> None:
        if asked.method not in ("GET", "HEAD"):
            raise Denied(405, "invalid_request_error", "/metrics takes GET.", ((b"allow", b"GET, HEAD"),))
        gate.counted(self._house, asked, admit_metrics)
        await give(exchange, Reply(200, await scrape(self._house), ((b"content-type", CONTENT_TYPE),)))

    async def _api(self, asked: Asked, exchange: Exchange) -> None:
        limit, seconds = _API_BODY_LIMIT, inf
        if asked.path == SESSION:
            # Who logs in has nothing to show yet; what comes with it is judged where it is understood.
            access.admit_page(asked.door, asked.peer, asked.host, asked.fields)
            limit, seconds = _LOGIN_BODY_LIMIT, _LOGIN_SECONDS
        else:
            asked = replace(asked, admission=gate.admit(self._house, asked))
        with trio.move_on_after(seconds) as patience:
            body = await exchange.read_body(limit, 10.0, asked.fields.get(b"content-length"))
        if patience.cancelled_caught:
            raise ClientError(408, "timeout_error", f"The request did not come within {seconds:g} s.")
        kind = asked.fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if body and kind != b"application/json":
            raise ClientError(415, "invalid_request_error", "The body must be application/json.")
        await give(exchange, await self._administration(asked, body))

    async def _dashboard(self, asked: Asked, exchange: Exchange) -> None:
        if "admin" not in asked.door.serve:
            access.not_here()
        await give(exchange, page_answer(self._files, asked))
