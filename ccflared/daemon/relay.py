"""The life of one request: read, plan, try one account after the other, pour, record.

Whatever happens, the request's row is offered to the recorder, in a ``finally`` without a checkpoint. A failure of
an account is a value here; only the client's own mistakes and bugs are exceptions.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from time import time
from typing import Final

import trio

from ccflared.config.model import Client
from ccflared.daemon import asides
from ccflared.daemon.access import may_ask_for
from ccflared.daemon.alarms.noticed import tell_of_accounts
from ccflared.daemon.answers import Reply, give_error
from ccflared.daemon.attempt import Attempts, Failure
from ccflared.daemon.books.booking import book
from ccflared.daemon.choosing import Wanted
from ccflared.daemon.exchange import ClientGone, Exchange, RawHeaders
from ccflared.daemon.house import House
from ccflared.daemon.journal import UNTOLD, Journal
from ccflared.daemon.listing import meant
from ccflared.daemon.paths import COUNT, MODELS, generates, is_about_models, model_in, names_model, pooled
from ccflared.daemon.pour import pour
from ccflared.daemon.projects import named_in
from ccflared.daemon.refusing import WORTH_WAITING, tell_refusal
from ccflared.daemon.speaker import Begun
from ccflared.daemon.wording import PARSED_IN_PLACE, Wording, beside
from ccflared.daemon.world import World
from ccflared.errors import ClientError
from ccflared.formats import dialect
from ccflared.formats.conversation import identity
from ccflared.formats.encodings import decoded
from ccflared.formats.model_name import further_models, model_of
from ccflared.pool.refusal import refuse
from ccflared.pool.route import Choice, Plan
from ccflared.providers.observe import is_stream
from ccflared.providers.prepare import returned
from ccflared.providers.quota import PREFIX as UNIFIED
from ccflared.providers.target import Target
from ccflared.wire import Head, Inbound

_LARGE: Final = 1024 * 1024
_OF_A_STREAM: Final = frozenset({b"x-accel-buffering", b"cache-control", b"content-length"})
"""Fields that are set anew. Of a stream with pings or an error event slipped in, the length is another."""
_OF_A_REFUSAL: Final = frozenset({b"content-length", b"x-should-retry"})
_NAMES_MORE: Final = re.compile(rb'"(?:models|fallbacks|route)"|\\u00[67]')
"""Stands in a request that may name more models than one; a key may be written with escapes."""
_PASSED_KEPT: Final = 20
"""Of the accounts that were not asked, how many a row tells of; those that could serve otherwise come first."""
_LACKING: Final = frozenset({"no such model", "payment", "forbidden", "extra usage", UNTOLD})
"""Kinds of failures that no waiting changes: an account that has just failed so is no recovery to wait for."""


async def relay(house: House, inbound: Inbound, exchange: Exchange) -> None:
    """Serve one admitted request of any dialect, whose body is still to be read, and record it."""
    journal = Journal(inbound, trio.current_time())
    exchange.capture = house.payloads.capture()
    house.live.began(inbound)
    journal.belongs(named_in(inbound.headers), "header")
    try:
        with house.under_way.counted(inbound.id):
            await _live(house, inbound, exchange, journal)
    except ClientGone:
        journal.ended("client_gone", "left before its request was whole")
    except Exception as error:
        journal.ended("error", f"a fault of ccflared: {type(error).__name__}")
        raise
    finally:
        entry = journal.entry(
            trio.current_time(),
            status=exchange.status,
            first_byte_at=exchange.first_byte_at,
            left=exchange.client_left,
            waited=exchange.waited,
            bill=house.settled(journal),
        )
        book(house, inbound, exchange, entry)


async def _live(house: House, inbound: Inbound, exchange: Exchange, journal: Journal) -> None:
    world = house.world
    client = world.config.clients.get(inbound.client or "")
    if client is None:
        await _read_and_serve(house, world, inbound, exchange, journal)
        return
    # Before the body is read: who has used up what it may shall cost nothing.
    spends = generates(inbound.path)
    refusal = house.clients.admit(client, inbound.at, world.zone, spends=spends)
    if refusal is not None:
        await tell_refusal(refusal, inbound, exchange, journal)
        return
    try:
        await _read_and_serve(house, world, inbound, exchange, journal)
    finally:
        # No checkpoint lies between this and the settling of what it cost: nobody is admitted between the two.
        house.clients.ended(client.name, inbound.at, spends=spends, sent=journal.sent)


async def _read_and_serve(
    house: House, world: World, inbound: Inbound, exchange: Exchange, journal: Journal
) -> None:
    server = world.config.server
    declared = next((value for name, value in inbound.headers if name == b"content-length"), None)
    try:
        body = await exchange.read_body(server.max_body, server.body_timeout, declared)
        inbound = await _decoded(inbound, body, server.max_body)
    except ClientError as error:
        journal.ended("refused", str(error))
        await give_error(exchange, inbound.path, inbound.id, error)
        return
    if exchange.capture is not None:
        exchange.capture.request(inbound)
    request = _Request(house, world, inbound, exchange, journal)
    # An answer that is left without an end is cut off: that closes the connection.
    with exchange.attended():
        try:
            await request.serve()
        except ClientError as error:
            journal.ended("refused", str(error))
            await give_error(exchange, inbound.path, inbound.id, error)


async def _decoded(inbound: Inbound, body: bytes, limit: int) -> Inbound:
    """Return the request with its body as it was before the client compressed it. Raises ClientError."""
    encodings = [value for name, value in inbound.headers if name == b"content-encoding"]
    if not encodings or not names_model(inbound.path):
        return replace(inbound, body=body)
    body = await trio.to_thread.run_sync(decoded, body, b",".join(encodings), limit)
    headers = tuple(field for field in inbound.headers if field[0] != b"content-encoding")
    return replace(inbound, headers=headers, body=body)


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
        wanted = await self._wanted()
        if is_about_models(self.inbound.path):
            with self.journal.stopwatch:
                document = await asides.models(self.house, self.world, self.inbound)
            if document is not None:
                self.journal.sent = True
                self.journal.ended("complete")
                await self._reply(Reply(200, document))
                return
        wording = Wording(self.inbound, self.house.provenance, self.journal.model, wanted.conversation)
        attempts = Attempts(self.house, self.world, self.inbound, self.journal, wording)
        failures: list[Failure] = []
        tried: set[tuple[str, str | None]] = set()
        while self._may_try():
            # Planned anew for each try: others have learnt something meanwhile, and so has this one.
            plan = self._plan(wanted, tried)
            if not plan.choices:
                break
            choice = plan.choices[0]
            target = self.house.target(self.world, choice.account)
            if not tried and (thread := self.house.thread(self.world, wanted)) is not None:
                self.house.bindings.offered(thread, self.house.renames.current(choice.account), time())
            if self.inbound.path == COUNT and target.dialect != "anthropic":
                await self._reply(await asides.estimate(self.house, self.journal, target, choice, wording))
                return
            others = len({each.account for each in plan.choices}) - 1
            result = await attempts.at(target, choice, others)
            if isinstance(result, Begun):
                if all(failure.refusal is None for failure in failures):
                    # One for which the conversation's own account had no words leads it nowhere else.
                    self._settle(wanted, plan, choice, target, result)
                try:
                    with result.answer, self.house.under_way.trying(target.account):
                        await self._give(result)
                finally:
                    await asides.reckon(self.house, self.journal, target, result, wording)
                if result.told is not None:
                    await asides.learn(self.house, self.journal, target, result, wording)
                return
            failures.append(result)
            tried |= _done(choice, plan, None if attempts.left(others) <= 0 else result)
        await self._nobody(wanted, failures, {account for account, _ in tried})

    async def _wanted(self) -> Wanted:
        """Return what is asked for, by whom and in which conversation. Raises ClientError."""
        inbound, journal = self.inbound, self.journal
        model = None
        if names_model(inbound.path):
            journal.model, model = await self._model()
            journal.conversation = identity(inbound.headers, inbound.body, inbound.client)
            if self.world.config.storage.projects == "workspace":
                project = self.house.projects.of(inbound.body, inbound.client, journal.conversation)
                journal.belongs(project, "workspace")
        elif (named := model_in(inbound.path)) is not None:
            self._check_model(meant(self.house, self.world, named))
        uses = generates(inbound.path)
        wanted = Wanted(model, inbound.client, inbound.pin, journal.conversation, uses=uses)
        journal.chain = self.house.chain(self.world, wanted)
        return wanted

    async def _model(self) -> tuple[str, str]:
        """Return the model asked for, as the client names it and as it is called, if the client may use it."""
        body = self.inbound.body
        if len(body) > _LARGE:
            model = await trio.to_thread.run_sync(model_of, body)
        else:
            model = model_of(body)
        means = meant(self.house, self.world, model)
        self._check_model(means)
        client = self._client
        if client is not None and "*" not in client.models and _NAMES_MORE.search(body):
            for other in await beside(partial(further_models, body), len(body), PARSED_IN_PLACE):
                self._check_model(meant(self.house, self.world, other))
        return model, means

    def _check_model(self, model: str) -> None:
        """Raise ClientError (403) where the client may not use the model."""
        if not may_ask_for(self._client, model):
            raise ClientError(403, "permission_error", f"This client may not use the model {model}.")

    @property
    def _client(self) -> Client | None:
        """What the file says of the client; None where it has no entry."""
        return self.world.config.clients.get(self.inbound.client or "")

    def _may_try(self) -> bool:
        """Whether tries and time are left."""
        routing = self.world.config.routing
        last_start = self.journal.began + routing.attempts_within
        return self.journal.tries < routing.attempts and trio.current_time() <= last_start

    def _plan(self, wanted: Wanted, tried: AbstractSet[tuple[str, str | None]]) -> Plan:
        world = self.house.as_known(self.world)
        plan = self.house.plan(world, wanted, time(), tried, words=False)
        if not tried:
            passed = plan.passed + self.house.left_out(world, wanted)
            self.journal.passed = passed[:_PASSED_KEPT]
        return plan

    def _settle(self, wanted: Wanted, plan: Plan, choice: Choice, target: Target, begun: Begun) -> None:
        """Take in that an account serves: where the conversation is from now on, and whose session it is."""
        if not generates(self.inbound.path) or wanted.pin is not None or begun.head.status >= 300:
            return
        now = time()
        if (thread := self.house.thread(self.world, wanted)) is not None:
            self.house.bindings.expire(now, self.world.config.routing.session_length)
            began = self.inbound.at
            account = self.house.renames.current(choice.account)
            self.house.bindings.served(thread, account, began, now, borrows=plan.borrows)
        if choice.begins:
            self.house.begin_session(target, now)

    async def _reply(self, reply: Reply) -> None:
        """Give an answer of the daemon itself."""
        own = [*self._own_headers(), self._id_field]
        await self.exchange.reply(reply.status, [*reply.headers, *own], reply.body)

    async def _give(self, begun: Begun) -> None:
        """Give out an answer that has begun, to its end or its break."""
        head, routing = begun.head, self.world.config.routing
        headers = self._returned(head) + self._own_headers()
        lists = self.inbound.path == MODELS and head.status < 300
        if lists and await asides.leave_out_models(begun, self._client, routing, self.journal):
            headers = [field for field in headers if field[0] != b"content-length"]
        if begun.told is not None:
            headers.append(self._id_field)
        if begun.ear is not None or is_stream(head):
            # Tells nginx and its kin to pass events on as they come.
            headers = [field for field in headers if field[0] not in _OF_A_STREAM]
            headers += [(b"x-accel-buffering", b"no"), (b"cache-control", b"no-cache")]
        await self.exchange.begin(head.status, headers)
        seen = await pour(begun, self.exchange, self.journal, routing)
        if seen is not None and pooled(self.inbound.path):
            self.house.failed(begun.speaker.armed, seen, time(), begun.speaker.model)

    async def _nobody(self, wanted: Wanted, failures: Sequence[Failure], asked: AbstractSet[str]) -> None:
        """Say that nobody can serve: in an upstream's own words where they tell the client more, else in ours."""
        now = time()
        plan = self.house.plan(self.house.as_known(self.world), wanted, now)
        untold = [failure.refusal for failure in failures if failure.refusal is not None]
        if untold and len(untold) == len(failures) and not plan.blocks:
            raise untold[0]  # no account has words for it
        could = {choice.account: choice.until for choice in reversed(plan.choices)}
        unasked = could.keys() - asked
        answered = [failure for failure in failures if failure.refusal is None]
        last = answered[-1] if answered else None
        tells = last is not None and not unasked and all(failure.tells_more for failure in answered)
        if tells and last and last.head and (last.seen.scope == "request" or not plan.blocks):
            if last.seen.scope in ("account", "provider"):
                self._noticed(last.seen.reason)
            await self._pass_on(last, last.head)
            return
        hopeful = {each.account for each in self.journal.attempts if each.kind not in _LACKING}
        failing = [until for account, until in could.items() if account in asked & hopeful]
        lacking = len(could.keys() & asked - hopeful)
        refusal = refuse(
            plan.blocks,
            failing,
            now,
            unasked=len(unasked),
            lacking=lacking,
            any_account=bool(self.world.config.accounts),
        )
        if tell_of_accounts(self.journal.attempts, plan.blocks) or not self.house.preview(now).choices:
            self._noticed(refusal.message)
        await tell_refusal(refusal, self.inbound, self.exchange, self.journal, self._own_headers())

    def _noticed(self, message: str) -> None:
        """Let it be known that no account could serve; of a pin it is no word about the others."""
        if self.inbound.pin is None and generates(self.inbound.path) and self.world.config.accounts:
            self.house.noticed.nobody(self.inbound, self.journal.hidden(message), time())

    async def _pass_on(self, failure: Failure, head: Head) -> None:
        """Give the client an upstream's own refusal, which is a whole answer."""
        if head.status < 300:
            self.journal.ended("error", failure.seen.reason)  # its status says otherwise
        self.journal.ended("complete")
        headers = [field for field in self._returned(head) if field[0] not in _OF_A_REFUSAL]
        if failure.translated:
            headers.append(self._id_field)
        after = head.get(b"retry-after") or b""
        if after and not (after.isdigit() and int(after) <= WORTH_WAITING):
            headers.append((b"x-should-retry", b"false"))
        elif (retry := head.get(b"x-should-retry")) is not None:
            headers.append((b"x-should-retry", retry))
        await self.exchange.reply(head.status, headers + self._own_headers(), failure.body)

    def _returned(self, head: Head) -> RawHeaders:
        """Return an answer's fields for the client: of one account's usage nothing, where others can serve as well."""
        headers = returned(head.headers)
        able = sum(isinstance(target, Target) for target in self.world.targets.values())
        if self.inbound.pin is not None or able == 1:
            return headers
        return [field for field in headers if not field[0].startswith(UNIFIED)]

    @property
    def _id_field(self) -> tuple[bytes, bytes]:
        """What names the request where no upstream's own answer does."""
        return dialect.id_field(self.inbound.path, self.inbound.id)

    def _own_headers(self) -> RawHeaders:
        """Return the fields that ccflared adds to an answer; the account only for those who may know it."""
        inbound, attempts = self.inbound, self.journal.attempts
        headers = [
            (b"x-ccflared-request-id", inbound.id.encode()),
            (b"x-ccflared-attempts", str(self.journal.tries).encode()),
        ]
        if attempts and (inbound.administers or inbound.client in self.world.rights.pins):
            headers.append((b"x-ccflared-account", attempts[-1].account.encode()))
        if self.journal.changed:
            headers.append((b"x-ccflared-changed", self.journal.changed.encode("ascii", "replace")))
        asked = attempts[-1].model if attempts else None
        if asked is not None and asked != self.journal.model:
            headers.append((b"x-ccflared-model", asked.encode("ascii", "backslashreplace")))
        return headers


def _done(choice: Choice, plan: Plan, failure: Failure | None) -> set[tuple[str, str | None]]:
    """Return what a request need not ask again: the model that is not to be had there, or the whole account.

    ``failure`` None: no try is left for another model of this account.
    """
    if failure is not None and failure.seen.scope == "model":
        return {(choice.account, choice.model)}
    return {(each.account, each.model) for each in plan.choices if each.account == choice.account}
