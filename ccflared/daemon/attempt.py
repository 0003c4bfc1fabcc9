"""Tries one account for one request, up to the commit point. What goes wrong here is a value, not an exception."""

import random
import re
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from time import time
from typing import Final

import trio

from ccflared.config.model import Routing
from ccflared.daemon.house import House
from ccflared.daemon.journal import Journal
from ccflared.daemon.paths import MESSAGES, pooled
from ccflared.daemon.pour import Begun, Speaker, begin_document, begin_stream, cut_short
from ccflared.daemon.upstream import Answer
from ccflared.daemon.world import World
from ccflared.errors import ConnectFailed, UpstreamError
from ccflared.formats.model_name import with_model
from ccflared.money.usage import Meter
from ccflared.pool.route import Choice
from ccflared.providers.observe import is_stream, observe, observe_failure, remark
from ccflared.providers.prepare import prepare
from ccflared.providers.quota import read_quota
from ccflared.providers.target import Target
from ccflared.wire import Head, Inbound, Observation

_TOLD: Final = ("forbidden", "payment", "no such model", "out of credits")
_LARGE: Final = 1024 * 1024
_RENEWED: Final = "again, with a new token"
_LEFT: Final = "the client left, or the daemon was stopped, before it had answered"
_REFUSED: Final = Observation("request", "credential", "the credential is not accepted")
_CUT_SHORT: Final = Observation("account", "broken", "the answer ends before its end")
_BEGINNING: Final = 512
_SIGNS: Final = (b'"error"', b'"base_resp"')
_A_MESSAGE: Final = re.compile(rb'"type"\s*:\s*"message"')
_ERROR_READ: Final = 64 * 1024
_ERROR_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that failed before anything of its answer was given out; ``head`` and ``body`` where it had an answer."""

    seen: Observation
    head: Head | None = None
    body: bytes = b""
    noted: bool = False
    """It was taken in already, while it was waited for."""
    armed: Target | None = None
    """The account with the credential that was sent."""

    @property
    def tells_more(self) -> bool:
        """Whether the upstream's own words help the client more than ours would, when nobody else can serve.

        Never those of a 401: clients would doubt their own credential, and Claude Code tries for minutes.
        """
        told = self.seen.scope == "request" or self.seen.kind in _TOLD
        return self.head is not None and told and self.seen.kind != "credential"


@dataclass(frozen=True, slots=True)
class Attempts:
    """The tries of one request, with the routing rules it began with."""

    house: House
    world: World
    inbound: Inbound
    journal: Journal

    @property
    def routing(self) -> Routing:
        """The rules for tries."""
        return self.world.config.routing

    @property
    def pooled(self) -> bool:
        """Whether what comes back says anything of an account; a path outside the pool is its client's own business."""
        return pooled(self.inbound.path)

    def left(self, others: int) -> int:
        """Return how many tries this account may take: what is left, but for one for each of the ``others``."""
        return self.routing.attempts - self.journal.tries - others

    async def at(self, target: Target, choice: Choice, others: int) -> Begun | Failure:
        """Try an account; an overloaded one again, after a moment, as often as the file says.

        One whose token is refused is tried again with a new one, once. ``others``: accounts that could serve, too. A
        try is kept back for each of them.
        """
        retry = self.routing.overload_retry
        tries = max(1, min(retry.attempts, self.left(others)))
        why = choice.why
        with ExitStack() as stack:
            stack.enter_context(self.house.under_way.trying(target.account))
            if choice.probes and self.inbound.path == MESSAGES:
                stack.enter_context(self.house.ledger.probing(target.account))
            while True:
                result = await self._once(target, choice, why)
                tries -= 1
                if isinstance(result, Begun):
                    return result
                if why != _RENEWED and await self._renewed(result):
                    # What was said of the old token says nothing of the new one, even if no try is left to show it.
                    result = replace(result, noted=True)
                    late = trio.current_time() > self.journal.began + self.routing.attempts_within
                    if not late and self.left(0) > 0:
                        why, tries = _RENEWED, max(tries, 1)
                        continue
                wait = retry.delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, hides nothing
                late = trio.current_time() + wait > self.journal.began + self.routing.attempts_within
                if result.seen.kind != "overloaded" or not tries or late:
                    if not result.noted and (self.pooled or result.seen.scope == "provider"):
                        self.house.failed(result.armed or target, result.seen, time(), choice.model)
                    return result
                why = "again, it was overloaded"
                await trio.sleep(wait)

    async def _renewed(self, failure: Failure) -> bool:
        """Whether an account whose token was refused has another one now."""
        sent = failure.armed
        if failure.seen.kind != "credential" or sent is None or sent.grant is None:
            return False
        return await self.house.custody.renewed(sent, sent.credential)

    async def _once(self, target: Target, choice: Choice, why: str) -> Begun | Failure:
        """Send the request to an account once and note what came of it."""
        started, at = trio.current_time(), time()
        self.journal.meter, self.journal.hidden = Meter(), target.without_secrets
        note = partial(
            self.journal.attempted,
            account=target.account,
            provider=target.provider,
            why=why,
            started=started,
            model=choice.model,
        )
        try:
            status, result = await self._send(target, choice)
        except trio.Cancelled:
            note(now=trio.current_time(), status=None, kind="left", reason=_LEFT)
            raise
        if self.pooled and isinstance(result, Begun) and status is not None and status < 300:
            uses = self.inbound.path == MESSAGES
            self.house.succeeded(target, at, time(), choice.model, uses=uses)
        seen = result.seen if isinstance(result, Failure) else None
        reason = result.seen.reason if isinstance(result, Failure) else result.remark
        kind = seen.kind if seen else "served"
        note(now=trio.current_time(), status=status, kind=kind, reason=reason)
        return result

    async def _send(self, target: Target, choice: Choice) -> tuple[int | None, Begun | Failure]:
        """Return the status an account answers with, and the answer up to its commit point or how it failed."""
        armed = await self.house.custody.armed(target)
        if isinstance(armed, Observation):
            return None, Failure(armed)
        target = armed
        self.journal.hidden = target.without_secrets
        outbound = prepare(await self._called(choice.model), target)
        before, self.journal.sent = self.journal.sent, True
        try:
            # Of what is passed through nothing is concluded.
            body = outbound.body if self.inbound.path == MESSAGES else b""
            with self.house.under_way.waits_for(target, choice.model, body) as waiting:
                answer = await self.house.upstream.send(
                    outbound,
                    target,
                    connect_seconds=self.routing.connect_timeout,
                    silent_seconds=self.routing.idle_timeout,
                )
        except UpstreamError as error:
            if isinstance(error, ConnectFailed):
                self.journal.sent = before
            return None, Failure(observe_failure(error), noted=waiting.noted, armed=target)
        answer.head = target.without_echo(answer.head)
        self._read_along(target, answer.head)
        result: Begun | Failure | None = None
        try:
            result = await self._begin(answer, target, choice.model)
        finally:
            if not isinstance(result, Begun):
                answer.abort()
        if isinstance(result, Failure):
            result = replace(result, armed=target)
        return answer.head.status, result

    async def _called(self, model: str | None) -> Inbound:
        """Return the request with what the account calls the model in it; its other bytes are the client's own."""
        inbound = self.inbound
        if model is None or model == self.journal.model:
            return inbound
        if len(inbound.body) > _LARGE:
            body = await trio.to_thread.run_sync(with_model, inbound.body, model)
        else:
            body = with_model(inbound.body, model)
        return replace(inbound, body=body)

    def _read_along(self, target: Target, head: Head) -> None:
        """Take in what the head of an answer tells besides: usage windows, and who pays."""
        self.journal.payer = target.account
        self.journal.billing, self.journal.reported = self.world.billing[target.account], head.headers
        if self.inbound.path != MESSAGES:
            return
        quota = read_quota(head, time())
        if quota is not None:
            self.house.told(target, quota)
            if quota.overage == "in use":
                self.journal.billing = "overage"

    async def _begin(self, answer: Answer, target: Target, model: str | None) -> Begun | Failure:
        head, path = answer.head, self.inbound.path
        if head.status >= 300:
            said = await answer.read(_ERROR_READ, _ERROR_SECONDS)
            # Gateways there are that repeat what they were sent, and the client may not know the account's key.
            told = target.masked(said)
            if seen := observe(path, head, said, time(), signs=target.signs, model=model):
                return Failure(seen, head, told)
            if (
                head.status == 401
            ):  # whatever was asked for: it is the account's, and the client would doubt its own
                return Failure(_REFUSED, head, told)
            said_of_it = remark(path, head, said, time(), signs=target.signs, model=model)
            return Begun(answer, stream=False, held=[told], remark=said_of_it)
        if seen := observe(path, head, b"", time(), signs=target.signs, model=model):
            return Failure(seen)
        # In an encoding that was not asked for nothing can be read along, and no ping slipped in.
        self.journal.stream = is_stream(head) and head.get(b"content-encoding") in (None, b"identity")
        begin = begin_stream if self.journal.stream else begin_document
        begun = await begin(answer, self.journal, self.routing, Speaker(target.signs, model, target))
        if isinstance(begun, Observation):
            return Failure(begun)
        if self.pooled and cut_short(begun):
            return Failure(_CUT_SHORT)
        document = _refusing(begun) if path == MESSAGES else b""
        seen = observe(path, head, document, time(), signs=target.signs, model=model) if document else None
        return begun if seen is None else Failure(seen, head, target.masked(document))


def _refusing(begun: Begun) -> bytes:
    """Return a whole document that may be a refusal although its status says success, as some providers answer."""
    document = b"".join(begun.held) if begun.ended and not begun.stream else b""
    beginning = document[:_BEGINNING]
    suspect = not _A_MESSAGE.search(document) or any(sign in beginning for sign in _SIGNS)
    return document if suspect else b""
