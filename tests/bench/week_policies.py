"""Who is asked, in a simulated week: the daemon's own decisions, and the two simple ways they are compared with.

``Routed`` follows serve() and _settle() of daemon/relay.py and daemon/attempt.py step by step, with everything that
decides or remembers taken from the daemon itself; what it leaves out is bytes.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final, Protocol

import trio
from week_load import START, Ask
from week_tally import Ended, Tally
from week_world import MODEL, Providers, Sent

from ccflared.daemon.choosing import Wanted
from ccflared.daemon.house import House
from ccflared.pool.refusal import refuse
from ccflared.pool.route import Choice, Plan
from ccflared.providers.observe import observe
from ccflared.providers.quota import read_quota
from ccflared.providers.target import Target
from ccflared.wire import Observation

_PATH: Final = "/v1/messages"


class Policy(Protocol):
    """A way to serve requests."""

    async def serve(self, ask: Ask) -> None:
        """Serve one request to the end of its answer, and note how it ended."""


def wall() -> float:
    """Return the wall-clock time that belongs to the virtual one."""
    return START + trio.current_time()


@dataclass(slots=True)
class Routed:
    """ccflared: plans anew for each try, from all that was learnt."""

    house: House
    providers: Providers
    tally: Tally
    dice: Random = field(default_factory=lambda: Random("retries"))

    async def serve(self, ask: Ask) -> None:
        house, world = self.house, self.house.world
        routing = world.config.routing
        wanted = Wanted(MODEL, None, None, ask.conversation)
        began, tries = trio.current_time(), 0
        sent: Sent | None = None
        tried: set[tuple[str, str | None]] = set()
        while tries < routing.attempts and trio.current_time() <= began + routing.attempts_within:
            plan = house.plan(world, wanted, wall(), tried)
            if not plan.choices:
                break
            choice = plan.choices[0]
            target = self._target(choice.account)
            if not tried:
                house.bindings.offered(ask.conversation, choice.account, wall())
            against = self.providers.against()
            sent, seen, made = await self._at(target, choice, ask, began, tries)
            tries += made
            if seen is None:
                self._settle(ask, plan, choice, target, START + began)
                self.tally.ended.append(served(ask, sent, against, choice.why))
                with house.under_way.trying(target.account):
                    await self.providers.stream(sent, ask)
                return
            tried |= _done(choice, plan, seen)
        self._nobody(ask, wanted, sent)

    async def _at(
        self, target: Target, choice: Choice, ask: Ask, began: float, before: int
    ) -> tuple[Sent, Observation | None, int]:
        """Try an account, an overloaded one again after a moment; return also what is wrong, and how many tries."""
        house, routing = self.house, self.house.world.config.routing
        retry = routing.overload_retry
        left = max(1, min(retry.attempts, routing.attempts - before))
        with ExitStack() as stack:
            stack.enter_context(house.under_way.trying(target.account))
            if choice.probes:
                stack.enter_context(house.ledger.probing(target.account))
            for made in count(1):
                sent, seen = await self._once(target, choice, ask)
                left -= 1
                if seen is None:
                    return sent, None, made
                wait = retry.delay * self.dice.uniform(0.5, 1.0)
                late = trio.current_time() + wait > began + routing.attempts_within
                if seen.kind != "overloaded" or not left or late:
                    house.failed(target, seen, wall(), choice.model)
                    return sent, seen, made
                await trio.sleep(wait)
        raise AssertionError("unreachable")

    async def _once(self, target: Target, choice: Choice, ask: Ask) -> tuple[Sent, Observation | None]:
        at = wall()
        sent = await self.providers.send(target.account, ask)
        if (quota := read_quota(sent.head, wall())) is not None:
            self.house.told(target, quota)
        seen = observe(_PATH, sent.head, sent.body, wall(), signs=target.signs, model=choice.model)
        if seen is None:
            self.house.succeeded(target, at, wall(), choice.model)
        return sent, seen

    def _settle(self, ask: Ask, plan: Plan, choice: Choice, target: Target, began: float) -> None:
        self.house.bindings.served(ask.conversation, choice.account, began, wall(), borrows=plan.borrows)
        if choice.begins:
            self.house.begin_session(target, wall())

    def _nobody(self, ask: Ask, wanted: Wanted, sent: Sent | None) -> None:
        plan = self.house.plan(self.house.world, wanted, wall())
        refusal = refuse(plan.blocks, [choice.until for choice in plan.choices], wall())
        self.tally.ended.append(
            failed(ask, sent, refusal.status, self.providers, f"{refusal.message} {plan}")
        )

    def _target(self, account: str) -> Target:
        target = self.house.world.targets[account]
        assert isinstance(target, Target)
        return target


@dataclass(slots=True)
class Fixed:
    """No memory: the first account, or each in turn; what that one says is what the client sees.

    ``in_turn``: begin with the next account each time. ``failover``: on a refusal ask the one after it.
    """

    providers: Providers
    tally: Tally
    in_turn: bool = False
    failover: bool = False
    turn: int = 0

    async def serve(self, ask: Ask) -> None:
        names = self.providers.accounts
        first = self.turn % len(names) if self.in_turn else 0
        self.turn += 1
        asked = names[first:] + names[:first]
        sent: Sent | None = None
        for name in asked if self.failover else asked[:1]:
            against = self.providers.against()
            sent = await self.providers.send(name, ask)
            if sent.served:
                self.tally.ended.append(served(ask, sent, against))
                await self.providers.stream(sent, ask)
                return
        self.tally.ended.append(failed(ask, sent, sent.head.status if sent else 503, self.providers, ""))


def served(ask: Ask, sent: Sent, against: Mapping[str, str], why: str = "") -> Ended:
    """Return how a request ended that an account has answered."""
    return Ended(ask.conversation, sent.at, sent.account, 200, against, frozenset(sent.held), why=why)


def failed(ask: Ask, sent: Sent | None, status: int, providers: Providers, why: str) -> Ended:
    """Return how a request ended that nobody served, with whether some account would have served it now."""
    against = providers.against()
    room = any(name not in against for name in providers.accounts)
    at = trio.current_time() if sent is None else sent.at
    return Ended(ask.conversation, at, None, status, against, room=room, why=why)


def _done(choice: Choice, plan: Plan, seen: Observation) -> set[tuple[str, str | None]]:
    """Return what a request need not ask again, as daemon/relay.py has it."""
    if seen.scope == "model":
        return {(choice.account, choice.model)}
    return {(each.account, each.model) for each in plan.choices if each.account == choice.account}
