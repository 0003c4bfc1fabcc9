"""The life of one request: read, plan, try one account after the other, pour, record.

Whatever happens, the request's row is offered to the recorder, in a ``finally`` without a checkpoint. A failure of
an account is a value here; only the client's own mistakes and bugs are exceptions.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from time import time
from typing import Final

import trio

from ccflared.daemon.answers import give_error
from ccflared.daemon.exchange import ClientGone, Exchange, RawHeaders
from ccflared.daemon.house import House
from ccflared.daemon.journal import Journal
from ccflared.daemon.pour import Begun, begin_document, begin_stream, pour
from ccflared.daemon.world import World
from ccflared.errors import ClientError, UpstreamError
from ccflared.formats import anthropic, dialect
from ccflared.money.usage import Meter
from ccflared.pool.route import Choice, Refusal, refuse
from ccflared.providers.observe import is_stream, observe, observe_failure
from ccflared.providers.prepare import prepare, returned
from ccflared.providers.target import Target
from ccflared.wire import Inbound, Observation

_ERROR_READ: Final = 64 * 1024
_ERROR_SECONDS: Final = 2.0
_WORTH_WAITING: Final = 60
"""Seconds. Claude Code waits that long and no longer; an SDK would sleep through any time it is told."""


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
    inbound = replace(inbound, body=body)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exchange.watch, nursery.cancel_scope)
        try:
            await _serve(house, world, inbound, exchange, journal)
        except ClientError as error:
            journal.ended("refused", str(error))
            await give_error(exchange, inbound.path, inbound.id, error)
        # An answer without an end is one to be cut off: leaving without it closes the connection.
        if not exchange.ended:
            nursery.cancel_scope.cancel()


async def _serve(
    house: House, world: World, inbound: Inbound, exchange: Exchange, journal: Journal
) -> None:
    if inbound.method == "POST":
        journal.model = (await _reading(inbound.body)).model
        _check_model(world, inbound, journal.model)
    for choice, target in _tries(house, world, inbound, journal):
        house.running[choice.account] += 1
        try:
            result = await _attempt(house, world, inbound, journal, choice, target)
            if isinstance(result, Begun):
                with result.answer:
                    await _give(house, world, inbound, exchange, journal, target, result)
                return
        finally:
            house.running[choice.account] -= 1
    await _refuse(house, world, inbound, exchange, journal)


async def _reading(body: bytes) -> anthropic.Reading:
    if len(body) > 1024 * 1024:
        return await trio.to_thread.run_sync(anthropic.read, body)
    return anthropic.read(body)


def _check_model(world: World, inbound: Inbound, model: str) -> None:
    client = world.config.clients.get(inbound.client) if inbound.client is not None else None
    if client is not None and not any(fnmatchcase(model, pattern) for pattern in client.models):
        raise ClientError(403, "permission_error", f"This client may not use the model {model}.")


def _tries(
    house: House, world: World, inbound: Inbound, journal: Journal
) -> Iterator[tuple[Choice, Target]]:
    """Yield the accounts to try, as long as tries and time are left and the account is not known to be out."""
    routing = world.config.routing
    for choice in house.plan(world, inbound, time()).choices:
        if (
            len(journal.attempts) >= routing.attempts
            or trio.current_time() > journal.began + routing.attempts_within
        ):
            return
        target = world.targets[choice.account]
        if isinstance(target, Target) and house.view(target, time()).may_serve:
            yield choice, target


async def _attempt(
    house: House, world: World, inbound: Inbound, journal: Journal, choice: Choice, target: Target
) -> Begun | Observation:
    """Try one account; an overloaded one again, after a moment, as often as the file says."""
    routing = world.config.routing
    retry = routing.overload_retry
    for again in range(max(1, retry.attempts)):
        if again:
            await trio.sleep(retry.delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads, hides nothing
        started = trio.current_time()
        journal.meter = Meter()
        status, result = await _send(house, world, inbound, journal, target)
        failed = isinstance(result, Observation)
        journal.attempted(
            account=choice.account,
            provider=target.provider,
            why=choice.why if not again else "again, it was overloaded",
            started=started,
            now=trio.current_time(),
            status=status,
            kind=result.kind if isinstance(result, Observation) else "served",
            reason=result.reason if isinstance(result, Observation) else "",
        )
        if not isinstance(result, Observation):
            if status is not None and status < 300:
                house.succeeded(target, time() - (trio.current_time() - started))
            break
        last = again + 1 >= retry.attempts or len(journal.attempts) >= routing.attempts
        if not failed or result.kind != "overloaded" or last:
            house.failed(target, result, time())
            break
    return result


async def _send(
    house: House, world: World, inbound: Inbound, journal: Journal, target: Target
) -> tuple[int | None, Begun | Observation]:
    """Send the request to one account; return its status and what came of it, up to the commit point."""
    routing = world.config.routing
    try:
        answer = await house.upstream.send(
            prepare(inbound, target),
            target,
            connect_seconds=routing.connect_timeout,
            silent_seconds=routing.idle_timeout,
        )
    except UpstreamError as error:
        return None, observe_failure(error)
    status = answer.head.status
    result: Begun | Observation | None = None
    try:
        if status >= 300:
            said = await answer.read(_ERROR_READ, _ERROR_SECONDS)
            result = observe(inbound.path, answer.head, said, time()) or Begun(answer, stream=False, held=[said])
        elif seen := observe(inbound.path, answer.head, b"", time()):
            result = seen
        elif is_stream(answer.head):
            journal.stream = True
            result = await begin_stream(answer, journal, routing)
        else:
            result = await begin_document(answer, routing)
    finally:
        if not isinstance(result, Begun):
            answer.abort()
    return status, result


async def _give(
    house: House,
    world: World,
    inbound: Inbound,
    exchange: Exchange,
    journal: Journal,
    target: Target,
    begun: Begun,
) -> None:
    headers = returned(begun.answer.head.headers) + own_headers(house, world, inbound, journal)
    if begun.stream:
        # Tells nginx and its kin to pass events on as they come.
        headers = [field for field in headers if field[0] not in (b"x-accel-buffering", b"cache-control")]
        headers += [(b"x-accel-buffering", b"no"), (b"cache-control", b"no-cache")]
    await exchange.begin(begun.answer.head.status, headers)
    seen = await pour(begun, exchange, journal, world.config.routing)
    if seen is not None:
        house.failed(target, seen, time())


def own_headers(house: House, world: World, inbound: Inbound, journal: Journal) -> RawHeaders:
    """Return the fields that ccflared adds to an answer; the account only for those who may know it."""
    headers = [
        (b"x-ccflared-request-id", inbound.id.encode()),
        (b"x-ccflared-attempts", str(len(journal.attempts)).encode()),
    ]
    if journal.attempts and (inbound.administers or inbound.client in world.rights.pins):
        headers.append((b"x-ccflared-account", journal.attempts[-1].account.encode()))
    return headers


async def _refuse(
    house: House, world: World, inbound: Inbound, exchange: Exchange, journal: Journal
) -> None:
    now = time()
    views = [house.view(target, now) for target in house.fitting(world, inbound)]
    refusal = refuse(views, now)
    journal.ended("refused", refusal.message)
    headers = own_headers(house, world, inbound, journal) + _waiting(refusal)
    body = dialect.error_body(inbound.path, refusal.kind, refusal.message, inbound.id)
    await exchange.reply(refusal.status, headers, body)


def _waiting(refusal: Refusal) -> RawHeaders:
    """``retry-after``, and for a wait that nobody should sleep through the word not to retry."""
    headers = [(b"content-type", b"application/json")]
    if refusal.wait is not None:
        headers.append((b"retry-after", str(refusal.wait).encode()))
    if refusal.wait is None or refusal.wait > _WORTH_WAITING:
        headers.append((b"x-should-retry", b"false"))
    return headers
