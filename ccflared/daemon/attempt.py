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
from ccflared.daemon.answers import JSON
from ccflared.daemon.ear import PassedOn
from ccflared.daemon.house import House
from ccflared.daemon.journal import SERVED, UNTOLD, Journal
from ccflared.daemon.paths import generates, pooled
from ccflared.daemon.pour import begin_document, begin_stream
from ccflared.daemon.speaker import Begun, Speaker, cut_short, error_of_success, refusing
from ccflared.daemon.translating import begin_translated
from ccflared.daemon.upstream import Answer
from ccflared.daemon.wording import Put, Wording
from ccflared.daemon.world import World
from ccflared.errors import ClientError, ConnectFailed, UpstreamError
from ccflared.formats.dialect import dialect_of
from ccflared.formats.voices import VOICES
from ccflared.money.usage import Meter
from ccflared.pool.route import Choice
from ccflared.providers.observe import is_stream, observe_failure, quoted
from ccflared.providers.quota import read_quota
from ccflared.providers.resets import wait_fields
from ccflared.providers.target import Target
from ccflared.wire import Head, Inbound, Observation

_TOLD: Final = ("forbidden", "payment", "no such model", "out of credits")
_RENEWED: Final = "again, with a new token"
_LEFT: Final = "the client left, or the daemon was stopped, before it had answered"
_REFUSED: Final = Observation("request", "credential", "the credential is not accepted")
_CUT_SHORT: Final = Observation("account", "broken", "the answer ends before its end")
_STREAMS: Final = re.compile(rb'"stream"\s*+:\s*+true')
_END: Final = 2048
_HEAD_SECONDS: Final = 60.0
"""However many others there are, so long a head may take: a long prompt is no fault."""
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
    refusal: ClientError | None = None
    """Why the request cannot be put to this account at all; nothing was sent."""
    translated: bool = False
    """``head`` and ``body`` are in the client's dialect, and of the upstream's fields there is none."""
    amended: str = ""
    """In which other words the account will be asked once more, for the row."""

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
    wording: Wording

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
            self.house.live.tried(self.inbound.id, target.account, choice.model or self.journal.model)
            if choice.probes and generates(self.inbound.path):
                stack.enter_context(self.house.ledger.probing(target.account))
            while True:
                result = await self._once(target, choice, why, others)
                tries -= 1
                if isinstance(result, Begun):
                    return result
                if result.amended:
                    why, tries = f"again, {result.amended}", max(tries, 1)
                    continue
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
                with self.journal.stopwatch:
                    await trio.sleep(wait)

    async def _renewed(self, failure: Failure) -> bool:
        """Whether an account whose token was refused has another one now."""
        sent = failure.armed
        if failure.seen.kind != "credential" or sent is None or sent.grant is None:
            return False
        with self.journal.stopwatch:
            return await self.house.custody.renewed(sent, sent.credential)

    async def _once(self, target: Target, choice: Choice, why: str, others: int) -> Begun | Failure:
        """Send the request to an account once and note what came of it."""
        started, at = trio.current_time(), time()
        journal = self.journal
        journal.meter, journal.hidden, journal.changed = Meter(), target.without_secrets, ""
        journal.reported = ()
        note = partial(
            journal.attempted,
            account=target.account,
            provider=target.provider,
            started=started,
            model=choice.model,
        )
        try:
            status, result = await self._send(target, choice, others)
        except trio.Cancelled:
            note(why=why, now=trio.current_time(), status=None, kind="left", reason=_LEFT)
            raise
        if self.pooled and isinstance(result, Begun) and status is not None and status < 300:
            uses = generates(self.inbound.path)
            self.house.succeeded(target, at, time(), choice.model, uses=uses)
        seen = result.seen if isinstance(result, Failure) else None
        reason = result.seen.reason if isinstance(result, Failure) else result.remark
        if journal.changed and journal.changed not in why:
            why = f"{why}; {journal.changed}"
        note(
            why=why,
            now=trio.current_time(),
            status=status,
            kind=seen.kind if seen else SERVED,
            reason=reason,
        )
        return result

    async def _send(self, target: Target, choice: Choice, others: int) -> tuple[int | None, Begun | Failure]:
        """Return the status an account answers with, and the answer up to its commit point or how it failed."""
        with self.journal.stopwatch:
            armed = await self.house.custody.armed(target)
        if isinstance(armed, Observation):
            return None, Failure(armed)
        self.journal.hidden = armed.without_secrets
        try:
            put = await self.wording.put(armed, choice.model)
        except ClientError as error:
            return None, Failure(Observation("request", UNTOLD, str(error)), refusal=error)
        self.journal.changed = put.changed
        before, self.journal.sent = self.journal.sent, True
        try:
            # Of what is passed through nothing is concluded.
            body = put.outbound.body if generates(put.path) else b""
            with self.house.under_way.waits_for(armed, choice.model, body) as waiting:
                answer = await self.house.upstream.send(
                    put.outbound,
                    armed,
                    connect_seconds=self.routing.connect_timeout,
                    silent_seconds=self._patience(others),
                    stopwatch=self.journal.stopwatch,
                )
        except UpstreamError as error:
            if isinstance(error, ConnectFailed):
                self.journal.sent = before
            return None, Failure(observe_failure(error), noted=waiting.noted, armed=armed)
        answer.head = armed.without_echo(answer.head)
        self._read_along(armed, answer.head)
        result: Begun | Failure | None = None
        try:
            result = await self._begin(answer, Speaker(armed, choice.model), put)
        finally:
            if not isinstance(result, Begun):
                answer.abort()
        if isinstance(result, Failure):
            result = replace(result, armed=armed)
        return answer.head.status, result

    def _read_along(self, target: Target, head: Head) -> None:
        """Take in what the head of an answer tells besides: usage windows, and who pays."""
        self.journal.payer = target.account
        self.journal.billing, self.journal.reported = self.world.billing[target.account], head.headers
        if not generates(self.inbound.path):
            return
        quota = read_quota(head, time())
        if quota is not None:
            self.house.told(target, quota)
            if quota.overage == "in use":
                self.journal.billing = "overage"

    async def _begin(self, answer: Answer, speaker: Speaker, put: Put) -> Begun | Failure:
        head = answer.head
        if head.status >= 300:
            return await self._refused(answer, speaker, put)
        if seen := speaker.observe(put.path, head, b""):
            return Failure(seen)
        begun = Begun(answer, speaker)
        # In an encoding that was not asked for nothing can be read along, and no ping slipped in.
        streams = is_stream(head) and head.get(b"content-encoding") in (None, b"identity")
        if put.translation is not None:
            failed = await begin_translated(begun, put.translation, put.path, self.journal, self.routing)
            return begun if failed is None else Failure(failed)
        self.journal.stream = streams
        if streams:
            listener = self.house.provenance.listener(speaker.armed)
            voice = VOICES[dialect_of(put.path)]
            ear = PassedOn(voice, self.journal.meter, partial(speaker.classify, head), listener)
            failed = await begin_stream(begun, ear, self.routing)
            return begun if failed is None else Failure(failed)
        if (failed := await begin_document(begun, self.routing)) is not None:
            return Failure(failed)
        if self.pooled and cut_short(begun):
            return Failure(_CUT_SHORT)
        document = refusing(begun, put.path)
        seen = speaker.observe(put.path, head, document) if document else None
        if seen is not None:
            return Failure(seen, head, speaker.masked(document))
        if document:
            told = error_of_success(put.path, document)
            if told is not None and told.status >= 500:
                return Failure(
                    Observation("account", "broken", quoted(told.message)), head, speaker.masked(document)
                )
            if told is not None:
                # The request's own fault, told inside a success, is what it would be outside.
                begun.told = Head(told.status, (JSON,))
            begun.held[:] = [speaker.masked(document)]
            begun.remark = speaker.remark(put.path, head, document)
        if begun.ended:
            self.house.provenance.answered(speaker.armed, begun.held)
        return begun

    async def _refused(self, answer: Answer, speaker: Speaker, put: Put) -> Begun | Failure:
        """Say what an answer with an error is: the client's own, the account's, or one to be put in other words."""
        head = answer.head
        said = await answer.read(_ERROR_READ, _ERROR_SECONDS)
        if self._once_more and (
            how := await self.wording.amend(speaker.armed, speaker.model, put, head.status, said)
        ):
            said_of_it = speaker.remark(put.path, head, said)
            return Failure(Observation("request", "put otherwise", said_of_it), amended=how)
        # Gateways there are that repeat what they were sent, and the client may not know the account's key.
        told, own = speaker.masked(said), None
        if put.restate is not None:
            status, told = put.restate(head.status, told)
            own = Head(status, (JSON, *wait_fields(head, time())))
        seen = speaker.observe(put.path, head, said)
        if seen is None and head.status == 401:
            # Whatever was asked for: it is the account's, and the client would doubt its own.
            seen = _REFUSED
        if seen is not None:
            return Failure(seen, own or head, told, translated=own is not None)
        remark = speaker.remark(put.path, head, said)
        return Begun(answer, speaker, held=[told], remark=remark, told=own, ended=own is not None)

    def _patience(self, others: int) -> float:
        """Return how long the head of an answer is waited for, in seconds.

        That of a stream comes as soon as it is known that there will be an answer; while others could serve, one that
        does not come is given up early enough for them to be asked. A document has none before its end.
        """
        idle, within = self.routing.idle_timeout, self.routing.attempts_within
        if not others or not self._wants_stream:
            return idle
        left = self.journal.began + within - trio.current_time()
        return min(idle, max(left / (others + 1), min(_HEAD_SECONDS, within / 2)))

    @property
    def _wants_stream(self) -> bool:
        """Whether a stream is asked for, as far as the ends of the body tell, where clients say it."""
        body = self.inbound.body
        ends = body if len(body) <= 2 * _END else body[:_END] + body[-_END:]
        return _STREAMS.search(ends) is not None

    @property
    def _once_more(self) -> bool:
        """Whether a try is left, and time for it."""
        late = trio.current_time() > self.journal.began + self.routing.attempts_within
        return not late and self.left(0) > 1
