"""Which prices costs are reckoned by, besides those of the file, as status tells it."""

from typing import Any

from ccflared.daemon.house import House
from ccflared.money.pricing import shipped


def prices(house: House, now: float) -> dict[str, Any]:
    """Return whether a price list counts or the shipped table, of which day it is, and why a list does not."""
    given = house.world.config.price_list
    listed = house.price_lists.table(given, now)
    source, _, date = (listed or shipped()).source.partition(" ")
    return {
        "source": source,
        "date": date,
        "models": len((listed or shipped()).prices),
        "looked_at": house.price_lists.looked_at if given.url is not None else None,
        "error": house.price_lists.error if given.url is not None else None,
    }
