"""One task for each account that has auto_refresh: waits for its usage window to end, and starts the next one.

Off by default. What is sent is one honest request (probe.py), in the log and in the history, and nothing to bench by.
"""

import logging
import random
from time import time
from typing import Final

import trio

from ccflared.daemon.house import House
from ccflared.daemon.probe import probe, probe_model
from ccflared.pool.candidates import blocks, model_blocks
from ccflared.pool.refresh import BETWEEN, backoff, due
from ccflared.providers.target import Target

log = logging.getLogger("ccflared.refresh")

_LOOK: Final = 30.0
"""Seconds between looks: the wall clock may be set, or the machine may sleep, while a timer runs on."""
_SPREAD: Final = 20.0
"""Seconds over which windows that end at one moment are spread."""


class Keepers:
    """The keyed tasks. A reload starts and ends them as the file says."""

    def __init__(
        self, house: House, *, look: float = _LOOK, spread: float = _SPREAD, between: float = BETWEEN
    ) -> None:
        self._house = house
        self._look = look
        self._spread = spread
        self._between = between
        self._running: dict[str, trio.CancelScope] = {}

    async def run(self) -> None:
        """Keep the tasks as the world in force has them, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                changed = self._house.moved
                wanted = self._wanted()
                for name in self._running.keys() - wanted:
                    self._running.pop(name).cancel()
                for name in sorted(wanted - self._running.keys()):
                    scope = self._running[name] = trio.CancelScope()
                    nursery.start_soon(self._keep, name, scope)
                await changed.wait()

    def _wanted(self) -> set[str]:
        world = self._house.world
        return {
            name
            for name, account in world.config.accounts.items()
            if account.auto_refresh and isinstance(world.targets[name], Target)
        }

    async def _keep(self, name: str, scope: trio.CancelScope) -> None:
        with scope:
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
                        )
                    else:
                        refusals += 1
                        not_before = trio.current_time() + backoff(refusals)
                        log.info(
                            "account %s: no new usage window was begun: %s (again in %.0f s)",
                            name,
                            done.reason,
                            backoff(refusals),
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
