"""What lives as long as the daemon: the world in force, what was learnt of accounts, and who is running.

One owner per mutable thing, and this is the owner, or knows it; everything else asks here. All of it is called from
Trio's thread, and no change here awaits, so each call sees and leaves a whole state.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from time import time
from typing import Final

import trio

from ccflared.config.load import Loaded, Secrets
from ccflared.daemon.alarms.alerts import Alerts
from ccflared.daemon.alarms.noticed import Noticed
from ccflared.daemon.alarms.webhook import Webhook
from ccflared.daemon.bindings import Bindings
from ccflared.daemon.books.archive import Archive
from ccflared.daemon.books.known import Known
from ccflared.daemon.books.past import read_past
from ccflared.daemon.books.payloads import Payloads
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.books.sampling import Sampling
from ccflared.daemon.catalog import Catalog
from ccflared.daemon.choosing import Chooser, Wanted
from ccflared.daemon.clients import Clients
from ccflared.daemon.counting import Counting
from ccflared.daemon.custody import Custody
from ccflared.daemon.feeds.live import Live
from ccflared.daemon.following import Following
from ccflared.daemon.journal import Bill, Journal
from ccflared.daemon.ledger import Ledger
from ccflared.daemon.login import Logins
from ccflared.daemon.metrics.counters import Metrics
from ccflared.daemon.page.entrance import Entrance
from ccflared.daemon.price_list import PriceLists
from ccflared.daemon.projects import Projects
from ccflared.daemon.provenance import Provenance
from ccflared.daemon.purse import Purse
from ccflared.daemon.renames import formerly
from ccflared.daemon.trust import Trust
from ccflared.daemon.under_way import UnderWay
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.whole import Whole
from ccflared.daemon.world import World, build, with_target
from ccflared.formats.redaction import Redaction
from ccflared.money.pricing import prices_of
from ccflared.pool.candidates import Candidate
from ccflared.pool.route import Plan
from ccflared.pool.slots import Slot
from ccflared.providers.origin import origin
from ccflared.providers.target import Target
from ccflared.wire import Observation, Passed, Quota

RECALL_AGAIN: Final = 10.0


class House:
    """The daemon's state in memory."""

    def __init__(
        self,
        world: World,
        recorder: Recorder,
        archive: Archive,
        upstream: Upstream,
        custody: Custody,
        *,
        payloads: Payloads,
        trust: Trust,
        price_lists: PriceLists,
        started_at: float,
        live: Live | None = None,
    ) -> None:
        self.world = world
        self.recorder = recorder
        recorder.zone = world.zone
        self.archive = archive
        self.custody = custody
        self.payloads = payloads
        self._known = Known()
        payloads.redaction = self.redaction
        custody.adopt(world.targets)
        custody.changed = self.retarget
        self.logins = Logins(lambda: self.world, custody, upstream)
        self.upstream = upstream
        self.started_at = started_at
        self.draining = False
        self.under_way = UnderWay()
        self.recalled = False
        """Whether what was learnt before the start was taken in."""
        self.ledger = Ledger(recorder.remember)
        self.bindings = Bindings(recorder.remember)
        self._sampling = Sampling(recorder.remember)
        self.purse = Purse()
        self.whole = Whole()
        self.price_lists = price_lists
        self.trust = trust
        self.counting = Counting()
        self.catalog = Catalog(upstream, custody)
        self.provenance = Provenance()
        self.provenance.consider(world.targets)
        self._note_world()
        self._following = Following(
            recorder, custody, self.ledger, self.bindings, self.purse, self.trust, self.counting
        )
        self.renames = self._following.renames
        self.clients = Clients()
        self._chooser = Chooser(self.ledger, self.bindings, self.purse, self.whole, self.under_way.running)
        self.projects = Projects()
        self.moved = trio.Event()
        """Set at the next swap of the world."""
        self._tell(live or Live())

    def _tell(self, live: Live) -> None:
        """Set up what tells others of what happens."""
        self.live = live
        self.entrance = Entrance()
        self.metrics = Metrics()
        self.webhook = Webhook(lambda: self.world, self.upstream)
        self.alerts = Alerts(self.recorder.remember, self.live.alerts.add, self.webhook.offer)
        self.webhook.done = self.alerts.posted
        self.noticed = Noticed()
        self.ledger.changed = self.noticed.stir

    def prospect(self, loaded: Loaded, secrets: Secrets) -> World:
        """Build the world of another configuration, with the tokens and the trust that its accounts have.

        Those of accounts that have got another name are still kept under the one before.
        """
        was = formerly(self.renames.due(loaded.config.accounts, time()))
        return build(
            loaded,
            secrets,
            lambda account, provider, seed, known: self.custody.grant(
                account, provider, seed, known, was.get(account)
            ),
            lambda account, there: any(
                self.trust.distrusted(name, there) for name in {account, was.get(account, account)}
            ),
            self.price_lists.table(loaded.config.price_list, time()),
        )

    def reprice(self, now: float) -> None:
        """Reckon by the price list that counts now: another one may have been accepted, or this one become too old."""
        config = self.world.config
        prices = prices_of(config.pricing, self.price_lists.table(config.price_list, now))
        if prices != self.world.prices:
            self.world = replace(self.world, prices=prices)

    def move(self, world: World, *, as_it_stands: bool = True) -> None:
        """Swap in a new world. What was learnt counts while provider, place and credential are the same.

        ``as_it_stands``: it is that of the file as it stands now.
        """
        now = time()
        if world.config.timezone != self.world.config.timezone:
            self.purse.move(now, self.world.zone, world.zone)
            self.whole.move(now, self.world.zone, world.zone)
            self.clients.move(now, self.world.zone, world.zone)
        before, self.world = self.world, world
        self.recorder.zone = world.zone
        self._note_world()
        self._following.follow(before.config.accounts, world.config.accounts, now, world.zone, again=False)
        if as_it_stands:
            self.settle_trust()
        self.upstream.close_idle()
        self._take_over(before)

    def settle_trust(self) -> None:
        """Forget whom not to trust where the file, which is in force as it stands, names other origins by now."""
        config = self.world.config
        for account in config.accounts.values():
            self.trust.at(account.name, origin(account, config.providers[account.provider]))

    async def carry(self) -> None:
        """Let what is on disk follow the accounts that have got another name."""
        await self._following.carry(time())

    def retarget(self, account: str) -> None:
        """Make an account ready anew, after its tokens have changed."""
        if account in self.world.config.accounts:
            before = self.world
            self.world = with_target(before, account, self.custody.grant, self.trust.distrusted)
            self._take_over(before)

    def as_known(self, world: World) -> World:
        """Return the world of a request as it is known now: the configuration it began with, with today's tokens."""
        return self.world if self.world.loaded is world.loaded else world

    def _note_world(self) -> None:
        self.payloads.keep_for(self.world.config.storage.keep_payloads)
        self._known.learn(self.world, self.custody)

    def redaction(self) -> Redaction:
        """Return what takes all secrets out that the daemon has, or had."""
        self._known.learn(self.world, self.custody)
        return self._known.redaction()

    def _take_over(self, before: World) -> None:
        self.custody.adopt(self.world.targets)
        self._known.learn(self.world, self.custody)
        self.provenance.consider(self.world.targets)
        for name, target in self.world.targets.items():
            old = before.targets.get(name)
            if isinstance(target, Target) and isinstance(old, Target) and old.credential != target.credential:
                self.ledger.renewed(target, time())
        if before.rights.admin != self.world.rights.admin:
            self.entrance.sessions.end_all()
            self.live.stir()
        self.moved.set()
        self.moved = trio.Event()
        self.noticed.stir()

    async def recall(self) -> bool:
        """Take in what was learnt and spent before this start. False: it cannot be read now."""
        now, zone = time(), self.world.zone
        past = await read_past(self.archive, now, zone, self.started_at)
        if past is None:
            return False
        if self.recalled:  # by somebody else meanwhile; once more, and what was spent would count twice
            return True
        # All at once: nobody shall see a half of it.
        known = self._following.recall(past.memories, self.world.config.accounts, now)
        self.ledger.recall(past.memories, now, known)
        self.bindings.recall(past.memories)
        self.alerts.recall(past.memories, now)
        self.purse.restore(*past.accounts, now, zone)
        self.whole.restore(*past.whole, now, zone)
        self.clients.restore(past.clients, now, zone)
        for account, part in past.traffic.accounts.items():
            if part.last_used is not None:
                self.ledger.last_used.setdefault(account, part.last_used)
        self._go_on(now)
        self.recalled = True
        await self.carry()
        return True

    def _go_on(self, now: float) -> None:
        """Go on with the renamings of the last run, and with the distrust."""
        names = self.world.config.accounts
        due = self._following.follow(names, names, now, self.world.zone, again=True)
        self.settle_trust()
        for name in self.world.config.accounts:
            if self.trust.any_of(name) or any(renaming.new == name for renaming in due):
                self.retarget(name)

    async def recall_later(self, *, again: float = RECALL_AGAIN) -> None:
        """Try every ``again`` seconds to take in what could not be read at the start; end when it was."""
        while True:
            await trio.sleep(again)
            # What a person said meanwhile counts, not what it took the place of.
            await self.recorder.settled()
            if await self.recall():
                return

    def plan(
        self,
        world: World,
        wanted: Wanted,
        now: float,
        tried: AbstractSet[tuple[str, str | None]] = frozenset(),
        *,
        words: bool = True,
    ) -> Plan:
        """Choose the accounts for a request, best first, without those it has tried already.

        ``words``: each choice says why it stands where it stands; else only the first.
        """
        return self._chooser.plan(world, wanted, now, tried, words=words)

    def thread(self, world: World, wanted: Wanted) -> str | None:
        """Return the key of the binding of a request's conversation; None where it has none."""
        return self._chooser.thread(world, wanted)

    def chain(self, world: World, wanted: Wanted) -> str | None:
        """Return the ``models`` of the [[fallback]] that a request goes by, if one is for it."""
        return self._chooser.slots(world, wanted)[0].chain

    def left_out(self, world: World, wanted: Wanted) -> tuple[Passed, ...]:
        """Return the accounts that the file has no place for in this request, and by which rule."""
        return self._chooser.slots(world, wanted)[1]

    def slots(self, world: World, wanted: Wanted) -> tuple[Slot, ...]:
        """Return the places that the file has for a request, whatever the state of the accounts."""
        return self._chooser.slots(world, wanted)[0].slots

    def target(self, world: World, account: str) -> Target:
        """Return an account that a plan has named, as it can be addressed now."""
        target = self.as_known(world).targets[account]
        if not isinstance(target, Target):
            raise TypeError("a plan names accounts that can be addressed")
        return target

    def preview(self, now: float) -> Plan:
        """Say how the router would choose for a new conversation that any account may serve."""
        return self.plan(self.world, Wanted(), now)

    def candidate(self, account: str, now: float, model: str | None = None) -> Candidate:
        """Return an account of the world in force as a request would find it, for an upstream's model or any."""
        return self._chooser.candidate(self.world, Slot(account, (model,)), now)

    def failed(self, target: Target, seen: Observation, now: float, model: str | None = None) -> None:
        """Take in that an account failed, asked for the upstream's ``model``."""
        if self._outdated(target):
            return
        if seen.kind == "credential" and not self._is_current(target):
            return  # it was said of a token that has been replaced since
        seen = replace(seen, reason=self.custody.hidden(target)(seen.reason))
        self.ledger.failed(target, model, seen, now, self.world.config.routing)

    def _is_current(self, target: Target) -> bool:
        """Whether the credential that was sent is the one in force."""
        if target.grant is not None:
            return self.custody.is_current(target)
        current = self.world.targets.get(target.account)
        return isinstance(current, Target) and current.credential == target.credential

    def succeeded(
        self,
        target: Target,
        began: float,
        now: float,
        model: str | None = None,
        *,
        uses: bool = True,
        own: bool = False,
    ) -> None:
        """Take in that an account answered a try begun at ``began``. ``uses``: it counted against usage windows.

        ``own``: the daemon itself had asked, not a client.
        """
        if not self._outdated(target):
            self.ledger.succeeded(target, model, began, now, uses=uses, own=own)
            self.custody.served(target.account)

    def doubted_since(self, target: Target, at: float) -> bool:
        """Whether a doubt about the account was learnt after ``at``."""
        return self.ledger.standing(target).account.doubt.since >= at

    def told(self, target: Target, quota: Quota) -> None:
        """Take in what an answer told of an account's usage windows."""
        if not self._outdated(target):
            self.ledger.told(target, quota, self.world.config.routing.trust_reset_up_to)
            self._sampling.told(target.account, quota)

    def begin_session(self, target: Target, began: float) -> None:
        """Take in that a session begins with an account."""
        if not self._outdated(target):
            self.ledger.begin_session(target, began)

    def settled(self, journal: Journal) -> Bill:
        """Return what a request has cost, and take it out of the budgets: of the client, of all, and of the account.

        The account's counts what is money.
        """
        bill, zone = journal.bill(self.world.prices), self.world.zone
        if bill.charged and journal.payer is not None:
            billed = journal.billing in ("api", "overage")
            self.whole.pay(bill.charged, time(), zone, billed=billed)
            if billed:
                self.purse.pay(self.renames.current(journal.payer), bill.charged, time(), zone)
            if journal.inbound.client is not None:
                self.clients.pay(journal.inbound.client, bill.charged, time(), zone, billed=billed)
        return bill

    def renewed(self, account: str, now: float) -> None:
        """Take in that an account has a new token: what was said of the old one counts no more."""
        target = self.world.targets.get(account)
        if isinstance(target, Target):
            self.ledger.renewed(target, now)

    def reset(self, account: str, now: float) -> None:
        """Forget what was learnt of an account, but its usage. No checkpoint lies between this and the next plan."""
        self.ledger.reset(account, now)
        if (held := self.custody.held(account)) is not None:
            held.forget_failures()
        target = self.world.targets.get(account)
        if isinstance(target, Target):
            self.ledger.reset_place(target, now)

    def _outdated(self, target: Target) -> bool:
        """Whether a reload has changed the account since: what an old request learns no longer concerns it."""
        current = self.world.targets.get(target.account)
        return not isinstance(current, Target) or current.fingerprint != target.fingerprint
