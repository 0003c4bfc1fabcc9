"""From the world in force and what was learnt to a plan: who is asked for a request, and what is said against whom."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from ccflared.config.model import Account, Budget, PauseWindow
from ccflared.daemon.bindings import Bindings
from ccflared.daemon.custody import ENDED
from ccflared.daemon.ledger import Ledger
from ccflared.daemon.purse import Purse
from ccflared.daemon.whole import Whole
from ccflared.daemon.world import World
from ccflared.money.budgets import exhausted
from ccflared.money.pricing import is_priced
from ccflared.pool.candidates import Block, Candidate, on_overage
from ccflared.pool.route import Plan, Question, plan
from ccflared.pool.schedule import Pause, scheduled
from ccflared.pool.slots import Asking, Slot, Slots, left_out, slots
from ccflared.providers.target import Target, Unfit
from ccflared.wire import Passed

_SLOTS_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class Wanted:
    """What choosing needs to know of a request."""

    model: str | None = None
    """As the client names it; None where it asks for no model."""
    client: str | None = None
    pin: str | None = None
    conversation: str | None = None
    uses: bool = True
    """Whether it counts against the limits of whoever serves it."""


def thread_of(conversation: str, client: str | None, chain: str | None) -> str:
    """Return the key of a conversation's binding, by whose it is, and for what its chain is."""
    parts = (conversation, client and f"of {client}", chain and f"for {chain}")
    return " ".join(part for part in parts if part)


class Chooser:
    """Makes plans. Keeps what the file alone decides, until the file changes: places for a model, scheduled pauses."""

    def __init__(
        self,
        ledger: Ledger,
        bindings: Bindings,
        purse: Purse,
        whole: Whole,
        running: Mapping[str, int],
    ) -> None:
        self._ledger = ledger
        self._bindings = bindings
        self._purse = purse
        self._whole = whole
        self._running = running
        self._slots: dict[tuple[str | None, str | None, str | None], tuple[Slots, tuple[Passed, ...]]] = {}
        self._world: World | None = None
        self._schedules: dict[str, tuple[float, tuple[tuple[PauseWindow, ...], str | None], Pause]] = {}

    def slots(self, world: World, wanted: Wanted) -> tuple[Slots, tuple[Passed, ...]]:
        """Return the places that the file has for a request, and the accounts it has none for."""
        if world is not self._world:
            self._world = world
            self._slots.clear()
        key = (wanted.model, wanted.client, wanted.pin)
        found = self._slots.get(key)
        if found is None:
            client = world.config.clients.get(wanted.client) if wanted.client is not None else None
            able = [name for name, target in world.targets.items() if isinstance(target, Target)]
            places = slots(world.config, able, wanted.model, client, wanted.pin)
            out = left_out(world.config, able, places, Asking(wanted.model, client, wanted.pin))
            found = places, _in_order(world, (*out, *_unfit(world)))
            if len(self._slots) >= _SLOTS_KEPT:
                self._slots.clear()
            self._slots[key] = found
        return found

    def thread(self, world: World, wanted: Wanted) -> str | None:
        """Return the key of a conversation's binding; None where there is no conversation, or it is pinned.

        Each client has conversations of its own, and in each of them a chain has accounts of its own.
        """
        if wanted.conversation is None or wanted.pin is not None:
            return None
        return thread_of(wanted.conversation, wanted.client, self.slots(world, wanted)[0].chain)

    def plan(
        self,
        world: World,
        wanted: Wanted,
        now: float,
        tried: AbstractSet[tuple[str, str | None]] = frozenset(),
        *,
        words: bool = True,
    ) -> Plan:
        """Choose the accounts for a request, best first. ``words``: each choice says why it stands where it stands."""
        routing = world.config.routing
        found, _ = self.slots(world, wanted)
        length = routing.session_length
        asked = Question(
            now=now,
            strategy=routing.strategy,
            cache_cold=routing.cache_cold,
            patience=length if routing.strategy == "affinity" else routing.cache_cold,
            uses=wanted.uses,
            words=words,
            binding=self._bindings.of(self.thread(world, wanted), now, length),
        )
        client = (
            world.config.clients.get(wanted.client) if wanted.client is not None and wanted.uses else None
        )
        budget = client.budget if client is not None else None
        uses = wanted.uses
        candidates = [self.candidate(world, slot, now, budget, uses=uses) for slot in found.slots]
        return plan(asked, candidates, tried)

    def candidate(
        self, world: World, slot: Slot, now: float, of_client: Budget | None = None, *, uses: bool = True
    ) -> Candidate:
        """Return one account as a request finds it now. ``of_client``: the budget that the request counts for.

        ``uses``: it costs something, so that the budget of all is for it.
        """
        config = world.config
        account = config.accounts[slot.account]
        target = world.targets[slot.account]
        if not isinstance(target, Target):
            raise TypeError("an account that cannot be addressed has no place")
        found = Candidate(
            account=slot.account,
            standing=self._ledger.standing(target),
            models=slot.models,
            step=slot.step,
            chained=slot.chained,
            priority=0 if slot.chained else account.priority,
            tier=account.tier,
            overage=account.overage,
            auto_fallback=account.auto_fallback,
            session_length=account.session_length or config.routing.session_length,
            place=self._ledger.place(target),
            rules=self._rules(world, account, target, now),
            unpriced=_unpriced(world, account, slot.models, of_client, uses=uses),
            running=self._running[slot.account],
            max_concurrency=account.max_concurrency,
            conversations=self._bindings.homes[slot.account],
            last_used=self._ledger.last_used.get(slot.account, 0.0),
            probed=self._ledger.probed(slot.account),
        )
        if config.budget is None or not uses:
            return found  # the common case, on the hot path
        spent = self._whole.exhausted(config.budget, now, world.zone)
        if spent is None or not _counts(world, found, now):
            return found
        return replace(
            found, rules=(*found.rules, Block("paused", spent[0], spent[1], limit=True, by="budget"))
        )

    def _rules(self, world: World, account: Account, target: Target, now: float) -> tuple[Block, ...]:
        """Return what a person, the schedule, the budget and the end of its token say against an account now."""
        found: list[Block] = []
        if target.ends_at is not None and target.ends_at <= now:
            found.append(Block("expired", ENDED))
        if self._ledger.paused_since(account.name) is not None:
            found.append(Block("paused", "paused by hand", by="hand"))
        if account.pause_schedule:
            pause = self._schedule(world, account, now)
            if pause.paused:
                found.append(Block("paused", "its pause_schedule says so", pause.until, by="schedule"))
        if account.budget is not None:
            spent = exhausted(account.budget, self._purse.spent(account.name), now, world.zone)
            if spent is not None:
                found.append(Block("paused", spent[0], spent[1], limit=True, by="budget"))
        return tuple(found)

    def _schedule(self, world: World, account: Account, now: float) -> Pause:
        """Return what the schedule says, reckoned anew only when it can say something else."""
        known = self._schedules.get(account.name)
        if known is not None and known[1] == (account.pause_schedule, world.config.timezone):
            since, _, pause = known
            if since <= now and (pause.until is None or now < pause.until):
                return pause
        pause = scheduled(account.pause_schedule, now, lambda name: ZoneInfo(name) if name else world.zone)
        self._schedules[account.name] = (now, (account.pause_schedule, world.config.timezone), pause)
        return pause


def _counts(world: World, candidate: Candidate, now: float) -> bool:
    """Whether the budget of all counts what an account would cost now: money, or with value everything."""
    budget = world.config.budget
    if budget is None or budget.counts == "value" or world.billing[candidate.account] != "plan":
        return budget is not None
    return any(on_overage(candidate, model, now) for model in candidate.models)


def _in_order(world: World, out: Sequence[Passed]) -> tuple[Passed, ...]:
    """Return the accounts in the order of the file."""
    named = {passed.account: passed for passed in out}
    return tuple(named[name] for name in world.targets if name in named)


def _unfit(world: World) -> list[Passed]:
    """Return the accounts that cannot be addressed at all, and why."""
    return [
        Passed(name, target.state, target.reason)
        for name, target in world.targets.items()
        if isinstance(target, Unfit)
    ]


def _unpriced(
    world: World, account: Account, models: Sequence[str | None], of_client: Budget | None, *, uses: bool
) -> frozenset[str]:
    """Return the models that an account is not asked for, as a budget counts them and nobody knows their price.

    Of a plan an account's own budget counts nothing; a client's, and that of all, its value, unless they count money.
    """
    whole = world.config.budget if uses else None
    if account.budget is None and of_client is None and whole is None:
        return frozenset()  # the common case, on the hot path
    plan_pays = world.billing[account.name] == "plan"
    counted = account.budget is not None and not plan_pays
    counted = counted or (whole is not None and not (plan_pays and whole.counts == "money"))
    if not counted and (of_client is None or (plan_pays and of_client.counts == "money")):
        return frozenset()
    return frozenset(model for model in models if model is not None and not is_priced(model, world.prices))
