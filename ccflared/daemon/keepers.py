"""Keyed tasks: one for each account that wants something done for it, begun and ended as the file changes."""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

import trio

from ccflared.daemon.house import House
from ccflared.daemon.world import World

Wanted = Callable[[World], AbstractSet[str]]
"""Which accounts of a world want a task."""
Keep = Callable[[str], Awaitable[None]]
"""The task of one account, which looks into the world in force whenever it needs it."""


class Keepers:
    """One task for each wanted key. A reload begins and ends them; those that are wanted on go on."""

    def __init__(self, house: House, wanted: Wanted, keep: Keep) -> None:
        self._house = house
        self._wanted = wanted
        self._keep = keep
        self._running: dict[str, trio.CancelScope] = {}

    async def run(self) -> None:
        """Keep the tasks as the world in force has them, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                changed = self._house.moved
                wanted = self._wanted(self._house.world)
                for name in self._running.keys() - wanted:
                    self._running.pop(name).cancel()
                for name in sorted(wanted - self._running.keys()):
                    scope = self._running[name] = trio.CancelScope()
                    nursery.start_soon(self._scoped, name, scope)
                await changed.wait()

    async def _scoped(self, name: str, scope: trio.CancelScope) -> None:
        with scope:
            await self._keep(name)
