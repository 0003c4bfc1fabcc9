"""Tries one account for one request, up to the commit point. What goes wrong here is a value, not an exception."""

import random
from dataclasses import dataclass
from time import time
from typing import Final

import trio

from ccflared.config.model import Routing
from ccflared.daemon.house import House
from ccflared.daemon.journal import Journal
from ccflared.daemon.pour import Begun, begin_document, begin_stream
from ccflared.daemon.upstream import Answer
from ccflared.errors import UpstreamError
from ccflared.money.usage import Meter
from ccflared.providers.observe import is_stream, observe, observe_failure
from ccflared.providers.prepare import prepare
from ccflared.providers.target import Target
from ccflared.wire import Head, Inbound, Observation

_ERROR_READ: Final = 64 * 1024
_ERROR_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that failed before anything of its answer was given out; ``head`` and ``body`` where it had an answer."""

    seen: Observation
    head: Head | None = None
    body: bytes = b""

    @property
    def tells_more(self) -> bool:
        """Whether the upstream's own words help the client more than ours would, when nobody else can serve.

        Never those of a 401: clients would doubt their own credential, and Claude Code tries for minutes.
        """
        return self.head is not None and (
            self.seen.scope == "request" or self.seen.kind in ("forbidden", "payment")
        )


@dataclass(frozen=True, slots=True)
class Attempts:
    """The tries of one request, with the routing rules it began with."""

    house: House
    routing: Routing
    inbound: Inbound
    journal: Journal

    async def at(self, target: Target, why: str) -> Begun | Failure:
        """Try an account; an overloaded one again, after a moment, as often as the file says."""
        retry = self.routing.overload_retry
        tries = max(1, min(retry.attempts, self.routing.attempts - len(self.journal.attempts)))
        with self.house.trying(target.account):
            while True:
                result = await self._once(target, why)
                tries -= 1
                if isinstance(result, Begun):
                    return result
                wait = retry.delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, hides nothing
                late = trio.current_time() + wait > self.journal.began + self.routing.attempts_within
                if result.seen.kind != "overloaded" or not tries or late:
                    self.house.failed(target, result.seen, time())
                    return result
                why = "again, it was overloaded"
                await trio.sleep(wait)

    async def _once(self, target: Target, why: str) -> Begun | Failure:
        """Send the request to an account once and note what came of it."""
        started, at = trio.current_time(), time()
        self.journal.meter, self.journal.hidden = Meter(), target.without_secrets
        status, result = await self._send(target)
        if isinstance(result, Begun) and status is not None and status < 300:
            self.house.succeeded(target, at)
        seen = result.seen if isinstance(result, Failure) else None
        self.journal.attempted(
            account=target.account,
            provider=target.provider,
            why=why,
            started=started,
            now=trio.current_time(),
            status=status,
            kind=seen.kind if seen else "served",
            reason=seen.reason if seen else "",
        )
        return result

    async def _send(self, target: Target) -> tuple[int | None, Begun | Failure]:
        """Return the status an account answers with, and the answer up to its commit point or how it failed."""
        try:
            answer = await self.house.upstream.send(
                prepare(self.inbound, target),
                target,
                connect_seconds=self.routing.connect_timeout,
                silent_seconds=self.routing.idle_timeout,
            )
        except UpstreamError as error:
            return None, Failure(observe_failure(error))
        result: Begun | Failure | None = None
        try:
            result = await self._begin(answer, target)
        finally:
            if not isinstance(result, Begun):
                answer.abort()
        return answer.head.status, result

    async def _begin(self, answer: Answer, target: Target) -> Begun | Failure:
        head, path = answer.head, self.inbound.path
        if head.status >= 300:
            said = await answer.read(_ERROR_READ, _ERROR_SECONDS)
            # Gateways there are that repeat what they were sent, and the client may not know the account's key.
            told = target.masked(said)
            if seen := observe(path, head, said, time()):
                return Failure(seen, head, told)
            return Begun(answer, stream=False, held=[told])
        if seen := observe(path, head, b"", time()):
            return Failure(seen)
        # In an encoding that was not asked for nothing can be read along, and no ping slipped in.
        self.journal.stream = is_stream(head) and head.get(b"content-encoding") in (None, b"identity")
        begin = begin_stream if self.journal.stream else begin_document
        begun = await begin(answer, self.journal, self.routing)
        return Failure(begun) if isinstance(begun, Observation) else begun
