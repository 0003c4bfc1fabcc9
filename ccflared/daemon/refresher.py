"""auto_refresh: one task for each account that has it waits for its usage window to end, and starts the next one.

Off by default. What is sent is one honest request (probe.py), in the log and in the history, and nothing to bench by.
"""

import logging
import random
from time import time
from typing import Final

import trio

from ccflared.daemon.about import about
from ccflared.daemon.house import House
from ccflared.daemon.keepers import Keepers
from ccflared.daemon.probe import probe, probe_model
from ccflared.daemon.world import World
from ccflared.pool.candidates import blocks, model_blocks
from ccflared.pool.refresh import BETWEEN, backoff, due
from ccflared.providers.target import Target

log = logging.getLogger("ccflared.refresh")

_LOOK: Final = 30.0
"""Seconds between looks: the wall clock may be set, or the machine may sleep, while a timer runs on."""
_SPREAD: Final = 20.0
"""Seconds over which windows that end at one moment are spread."""


class Refresher:
    """Starts the usage windows of the accounts that have auto_refresh."""

    def __init__(
        self, house: House, *, look: float = _LOOK, spread: float = _SPREAD, between: float = BETWEEN
    ) -> None:
        self._house = house
        self._look = look
        self._spread = spread
        self._between = between

    async def run(self) -> None:
        """Keep a task for each account that has auto_refresh, until cancelled."""
        await Keepers(self._house, _wanted, self._keep).run()

    async def _keep(self, name: str) -> None:
        refusals, not_before = 0, 0.0
        spread = random.uniform(0, self._spread)  # noqa: S311 - spreads, hides nothing
        while True:
            target = self._house.world.targets.get(name)
            now = time()
            waited = trio.current_time() >= not_before
            if waited and isinstance(target, Target) and self._is_due(target, now, spread):
                done = await probe(self._house, target, "refresh")
                if done.served:
                    self._house.ledger.refreshed(name, now)
                    refusals = 0
                    log.info(
                        "account %s: its usage window had ended; a new one was begun (%s)",
                        name,
                        done.request,
                        extra=about("window", account=name, request=done.request),
                    )
                else:
                    refusals += 1
                    not_before = trio.current_time() + backoff(refusals)
                    log.info(
                        "account %s: no new usage window was begun: %s (again in %.0f s)",
                        name,
                        done.reason,
                        backoff(refusals),
                        extra=about("window", account=name, request=done.request),
                    )
            await trio.sleep(self._look)

    def _is_due(self, target: Target, now: float, spread: float) -> bool:
        """Whether a window has ended that nobody's request has followed, and nothing keeps the account from serving."""
        ledger = self._house.ledger
        last = ledger.refreshed_at(target.account)
        end = due(ledger.standing(target), last, now, between=self._between)
        if end is None or now < end + spread:
            return False
        model = probe_model(self._house, target)
        candidate = self._house.candidate(target.account, time(), model)
        return not blocks(candidate, time()) and not model_blocks(candidate, model, time())


def _wanted(world: World) -> frozenset[str]:
    accounts = world.config.accounts.items()
    return frozenset(
        name for name, account in accounts if account.auto_refresh and isinstance(world.targets[name], Target)
    )
