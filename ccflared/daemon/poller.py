"""Asks providers for the usage of accounts that no answer has told of for a while: one task for each such account.

It learns usage windows and nothing else: an endpoint that refuses to tell puts nobody out, and what was told before
stays, with its age. One account's failures are its own.
"""

import logging
import random
from dataclasses import dataclass, field
from time import time
from typing import Final

import trio

from ccflared.daemon.about import about
from ccflared.daemon.house import House
from ccflared.daemon.keepers import Keepers
from ccflared.daemon.world import World
from ccflared.errors import UpstreamError
from ccflared.pool import polling
from ccflared.pool.polling import INTERVAL, next_poll
from ccflared.providers.target import Target, UsageAt
from ccflared.providers.usage import Untold, read_usage, usage_request
from ccflared.wire import Headers, Observation, Quota

log = logging.getLogger("ccflared.usage")

BY_HAND: Final = 60.0
"""Seconds that lie between any poll of an account and one that a person asks for."""
_FIRST: Final = 20.0
"""Seconds after a start, or after the file has changed, in which nobody is polled: real requests may tell."""
_APART: Final = 5.0
"""Seconds from the first poll of one account to that of the next."""
_LOOK: Final = 30.0
"""Seconds between looks: the wall clock may be set, or the machine may sleep, while a timer runs on."""
_JITTER: Final = 0.2
"""Share of the interval that an account waits longer, each by a dice of its own."""
_WITHIN: Final = 20.0
_LONGEST_ANSWER: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Waits:
    """It was asked a moment ago, and may be asked again in so many seconds."""

    seconds: float


@dataclass(slots=True)
class _Flight:
    """A poll under way."""

    done: trio.Event = field(default_factory=trio.Event)
    outcome: Quota | Untold | None = None


class Poller:
    """Polls usage, by itself and when a person asks for it; never twice at once for one account."""

    def __init__(
        self,
        house: House,
        *,
        interval: float = INTERVAL,
        first: float = _FIRST,
        apart: float = _APART,
        look: float = _LOOK,
        jitter: float = _JITTER,
        by_hand: float = BY_HAND,
    ) -> None:
        self._house = house
        self._interval = interval
        self._first = first
        self._apart = apart
        self._look = look
        self._jitter = jitter
        self._by_hand = by_hand
        self._flights: dict[str, _Flight] = {}
        self._asked: dict[str, float] = {}
        """Trio's time of the last poll of an account, whatever the wall clock says."""

    async def run(self) -> None:
        """Keep a task for each account whose usage can be asked for, until cancelled."""
        await Keepers(self._house, _wanted, self._keep).run()

    def next_at(self, target: Target, now: float, jitter: float = 0.0) -> float:
        """Return when an account is polled next if nothing tells of it before: a wall-clock time, maybe a past one."""
        ledger = self._house.ledger
        quota = ledger.standing(target).quota
        told_at = None if quota is None else quota.at
        polled = ledger.polled(target.account)
        if polled is not None and polled.fingerprint != target.fingerprint:
            # Another credential or place: the failures were not its own. The pace is kept.
            polled = polling.asked(None, target.fingerprint, polled.at)
        return next_poll(polled, told_at, now, interval=self._interval, jitter=jitter)

    async def ask_now(self, target: Target, at: UsageAt) -> Quota | Untold | Waits:
        """Poll an account because a person wants it, once a minute at most; join a poll that is under way."""
        left = self._asked.get(target.account, -self._by_hand) + self._by_hand - trio.current_time()
        polled = self._house.ledger.polled(target.account)
        if polled is not None and polled.at <= (now := time()):
            left = max(left, polled.at + self._by_hand - now)
        if left > 0 and target.account not in self._flights:
            return Waits(left)
        return await self._poll(target, at) or Untold("the poll was given up")

    async def _keep(self, name: str) -> None:
        """Poll one account whenever that is due."""
        dice = random.uniform(0, self._jitter)  # noqa: S311 - spreads, hides nothing
        rank = sorted(_wanted(self._house.world)).index(name) if name in _wanted(self._house.world) else 0
        await trio.sleep(self._first + rank * self._apart + dice * self._apart)
        while True:
            target = self._house.world.targets.get(name)
            if isinstance(target, Target) and target.usage is not None and self._is_due(target, dice):
                await self._poll(target, target.usage)
            await trio.sleep(self._look)

    def _is_due(self, target: Target, dice: float) -> bool:
        if self._house.ledger.paused_since(target.account) is not None:
            return False
        last = self._asked.get(target.account)
        if last is not None and trio.current_time() < last + self._interval:
            return False
        return self.next_at(target, now := time(), dice * self._interval) <= now

    async def _poll(self, target: Target, at: UsageAt) -> Quota | Untold | None:
        """Ask, and take in what is told; who comes while somebody asks waits for the same answer. None: given up."""
        flight = self._flights.get(target.account)
        if flight is not None:
            await flight.done.wait()
            return flight.outcome
        flight = self._flights[target.account] = _Flight()
        try:
            flight.outcome = await self._ask(target, at)
            return flight.outcome
        finally:
            del self._flights[target.account]
            flight.done.set()

    async def _ask(self, target: Target, at: UsageAt) -> Quota | Untold:
        ledger, name = self._house.ledger, target.account
        self._asked[name] = trio.current_time()
        before = ledger.polled(name)
        polled = polling.asked(before, target.fingerprint, time())
        ledger.set_polled(name, polled, time())
        outcome = await self._answer(target, at)
        now = time()
        if isinstance(outcome, Quota):
            self._house.told(target, outcome)
            ledger.set_polled(name, polling.told(polled), now)
            if polled.failures:
                log.info("account %s: its usage is told again", name, extra=about("usage", account=name))
            return outcome
        outcome = Untold(self._house.custody.hidden(target)(outcome.reason), outcome.again_at)
        polled = polling.failed(
            polled, outcome.reason, now, again_at=outcome.again_at, interval=self._interval
        )
        ledger.set_polled(name, polled, now)
        level = logging.INFO if polled.failures == 1 else logging.DEBUG
        wait = polled.not_before - now
        log.log(
            level,
            "account %s: its usage is unknown: %s (again in %.0f s)",
            name,
            outcome.reason,
            wait,
            extra=about("usage", account=name),
        )
        return outcome

    async def _answer(self, target: Target, at: UsageAt) -> Quota | Untold:
        routing = self._house.world.config.routing
        armed = await self._house.custody.armed(target)
        if isinstance(armed, Observation):
            return Untold(armed.reason)
        extra: Headers = ((b"anthropic-beta", b",".join(armed.betas)),) if armed.betas else ()
        with trio.move_on_after(_WITHIN):
            try:
                answer = await self._house.upstream.send(
                    usage_request(at, armed, armed.credential, extra),
                    armed,
                    connect_seconds=routing.connect_timeout,
                    silent_seconds=_WITHIN,
                )
            except UpstreamError as error:
                return Untold(str(error))
            with answer:
                body = await answer.read(_LONGEST_ANSWER, _WITHIN)
            return read_usage(at.reads, answer.head, body, time())
        return Untold(f"no answer within {_WITHIN:g} s")


def _wanted(world: World) -> frozenset[str]:
    targets = world.targets.items()
    return frozenset(name for name, target in targets if isinstance(target, Target) and target.usage)
