"""The life of one request: read, plan, try one account after the other, pour, record.

Whatever happens, the request's row is offered to the recorder, in a ``finally`` without a checkpoint. A failure of
an account is a value here; only the client's own mistakes and bugs are exceptions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from time import time
from typing import Final

import trio

from ccflared.daemon.answers import JSON, give_error
from ccflared.daemon.attempt import Attempts, Failure
from ccflared.daemon.exchange import ClientGone, Exchange, RawHeaders
from ccflared.daemon.house import House
from ccflared.daemon.journal import Journal
from ccflared.daemon.pour import Begun, pour
from ccflared.daemon.world import World
from ccflared.errors import ClientError
from ccflared.formats import anthropic, dialect
from ccflared.pool.route import Choice, Refusal, refuse
from ccflared.providers.prepare import returned
from ccflared.providers.target import Target
from ccflared.wire import Head, Inbound

_PARSED_IN_PLACE: Final = 1024 * 1024
_OF_A_STREAM: Final = frozenset({b"x-accel-buffering", b"cache-control", b"content-length"})
"""Fields that are set anew. Of a stream with pings or an error event slipped in, the length is another."""
_WORTH_WAITING: Final = 60
"""Seconds. Claude Code waits that long and no longer; an SDK would sleep through any time it is told."""
_NOT_SOON: Final = 300
"""Seconds, told where no recovery is in sight: a person must act. Claude Code tries a 503 ``overloaded_error`` again
and hides what it says, even with ``x-should-retry: false``, unless ``retry-after`` is longer than it waits."""


async def relay(house: House, inbound: Inbound, exchange: Exchange) -> None:
    """Serve one admitted request of the Anthropic dialect, whose body is still to be read, and record it."""
    journal = Journal(inbound, trio.current_time())
    try:
        with house.counted(inbound.id):
            await _live(house, inbound, exchange, journal)
    except ClientGone:
        journal.ended("client_gone", "left before its request was whole")
    except Exception as error:
        journal.ended("error", f"a fault of ccflared: {type(error).__name__}")
        raise
    finally:
        house.recorder.offer(
            journal.entry(
                trio.current_time(),
                status=exchange.status,
                first_byte_at=exchange.first_byte_at,
                left=exchange.client_left,
            )
        )


async def _live(house: House, inbound: Inbound, exchange: Exchange, journal: Journal) -> None:
    world = house.world
    server = world.config.server
    declared = next((value for name, value in inbound.headers if name == b"content-length"), None)
    try:
        body = await exchange.read_body(server.max_body, server.body_timeout, declared)
    except ClientError as error:
        journal.ended("refused", str(error))
        await give_error(exchange, inbound.path, inbound.id, error)
        return
    request = _Request(house, world, replace(inbound, body=body), exchange, journal)
    # An answer that is left without an end is cut off: that closes the connection.
    with exchange.attended():
        try:
            await request.serve()
        except ClientError as error:
            journal.ended("refused", str(error))
            await give_error(exchange, inbound.path, inbound.id, error)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that was read, in the world it began with."""

    house: House
    world: World
    inbound: Inbound
    exchange: Exchange
    journal: Journal

    async def serve(self) -> None:
        """Give the client an answer: an account's, or the reason why there is none. Raises ClientError."""
        if self.inbound.method == "POST":
            self.journal.model = await self._model()
        attempts = Attempts(self.house, self.world.config.routing, self.inbound, self.journal)
        failure: Failure | None = None
        for choice, target in self._tries():
            result = await attempts.at(target, choice.why)
            if isinstance(result, Begun):
                with result.answer, self.house.trying(target.account):
                    await self._give(target, result)
                return
            failure = result
        if failure is not None and failure.head is not None and failure.tells_more:
            await self._pass_on(failure, failure.head)
        else:
            await self._refuse()

    async def _model(self) -> str:
        """Return the model asked for, if the client may use it."""
        body = self.inbound.body
        if len(body) > _PARSED_IN_PLACE:
            model = (await trio.to_thread.run_sync(anthropic.read, body)).model
        else:
            model = anthropic.read(body).model
        client = self.world.config.clients.get(self.inbound.client or "")
        if client is not None and not any(fnmatchcase(model, pattern) for pattern in client.models):
            raise ClientError(403, "permission_error", f"This client may not use the model {model}.")
        return model

    def _tries(self) -> Iterator[tuple[Choice, Target]]:
        """Yield the accounts to try, while tries and time are left and the account is not known to be out."""
        routing = self.world.config.routing
        last_start = self.journal.began + routing.attempts_within
        for choice in self.house.plan(self.world, self.inbound, time()).choices:
            if len(self.journal.attempts) >= routing.attempts or trio.current_time() > last_start:
                return
            target = self.world.targets[choice.account]
            if isinstance(target, Target) and self.house.view(target, time()).may_serve:
                yield choice, target

    async def _give(self, target: Target, begun: Begun) -> None:
        """Give out an answer that has begun, to its end or its break."""
        head = begun.answer.head
        headers = returned(head.headers) + self._own_headers()
        if begun.stream:
            # Tells nginx and its kin to pass events on as they come.
            headers = [field for field in headers if field[0] not in _OF_A_STREAM]
            headers += [(b"x-accel-buffering", b"no"), (b"cache-control", b"no-cache")]
        await self.exchange.begin(head.status, headers)
        seen = await pour(begun, self.exchange, self.journal, self.world.config.routing)
        if seen is not None:
            self.house.failed(target, seen, time())

    async def _pass_on(self, failure: Failure, head: Head) -> None:
        """Give the client an upstream's own refusal."""
        self.journal.ended("error", failure.seen.reason)
        headers = [field for field in returned(head.headers) if field[0] != b"content-length"]
        await self.exchange.reply(head.status, headers + self._own_headers(), failure.body)

    async def _refuse(self) -> None:
        """Say that nobody can serve, why, and when to come back."""
        now = time()
        fitting = self.house.fitting(self.world, self.inbound)
        refusal = refuse([self.house.view(target, now) for target in fitting], now)
        self.journal.ended("refused", refusal.message)
        body = dialect.error_body(self.inbound.path, refusal.kind, refusal.message, self.inbound.id)
        headers = [*self._own_headers(), (b"request-id", self.inbound.id.encode()), *_waiting(refusal)]
        await self.exchange.reply(refusal.status, headers, body)

    def _own_headers(self) -> RawHeaders:
        """Return the fields that ccflared adds to an answer; the account only for those who may know it."""
        inbound, attempts = self.inbound, self.journal.attempts
        headers = [
            (b"x-ccflared-request-id", inbound.id.encode()),
            (b"x-ccflared-attempts", str(len(attempts)).encode()),
        ]
        if attempts and (inbound.administers or inbound.client in self.world.rights.pins):
            headers.append((b"x-ccflared-account", attempts[-1].account.encode()))
        return headers


def _waiting(refusal: Refusal) -> RawHeaders:
    """``retry-after``, and for a wait that nobody should sleep through the word not to retry."""
    wait = _NOT_SOON if refusal.wait is None else refusal.wait
    headers = [JSON, (b"retry-after", str(wait).encode())]
    if wait > _WORTH_WAITING:
        headers.append((b"x-should-retry", b"false"))
    return headers
