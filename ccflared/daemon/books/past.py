"""What a start reads of the history: what was learnt, and what was spent before it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ccflared.daemon.books.archive import Archive
from ccflared.daemon.hour import HOUR
from ccflared.money.budgets import period_start
from ccflared.store.clients import Before
from ccflared.store.memories import Memory
from ccflared.store.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Past:
    """All of it. Sums are in millionths of a USD, of the day and of the month."""

    memories: list[Memory]
    accounts: tuple[Mapping[str, int], Mapping[str, int]]
    """By account, in money."""
    whole: tuple[tuple[int, int], tuple[int, int]]
    """Of everybody: by list price, and in money."""
    clients: Before
    traffic: Traffic


async def read_past(archive: Archive, now: float, zone: dt.tzinfo | None, until: float) -> Past | None:
    """Return the past up to ``until``, the time of the start; None: it cannot be read now.

    Also where nobody has a budget: a reload may set one, for what was spent already.
    """
    memories = await archive.recall()
    if memories is None:
        return None
    day, month = period_start(now, zone, "day"), period_start(now, zone, "month")
    of_day = await archive.spent(day, until, zone=zone)
    of_month = await archive.spent(month, until, zone=zone)
    all_day = await archive.spent_in_all(day, until, zone=zone)
    all_month = await archive.spent_in_all(month, until, zone=zone)
    clients = await archive.clients_before(day=day, month=month, hour=now - HOUR, until=until, zone=zone)
    if of_day is None or of_month is None or all_day is None or all_month is None or clients is None:
        return None
    traffic = await archive.traffic(now)
    return Past(memories, (of_day, of_month), (all_day, all_month), clients, traffic)
