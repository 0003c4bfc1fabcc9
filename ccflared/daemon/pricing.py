"""The task that looks at the price list whenever that is due, and at once where the file names another one."""

from time import time
from typing import Final

import trio

from ccflared.daemon.house import House

_LOOK: Final = 3600.0
"""Seconds between looks at the clock: it may be set, and a list may have become too old to be reckoned by."""


async def keep(house: House) -> None:
    """Keep the prices in force as new as the file wants them."""
    lists = house.price_lists
    while True:
        changed, given = house.moved, house.world.config.price_list
        if lists.due(given, time()) <= 0:
            await lists.look(given, house.upstream)
        house.reprice(time())
        with trio.move_on_after(min(lists.due(given, time()), _LOOK)):
            while house.world.config.price_list == given:
                await changed.wait()
                changed = house.moved
