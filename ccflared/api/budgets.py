"""Every budget of the file as status shows it: what is spent of it, and what it blocks until when. Amounts in USD."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from ccflared.config.model import Budget
from ccflared.daemon.house import House
from ccflared.money.budgets import Period, Spent, added, millionths, period_end


def budgets(house: House, now: float) -> list[dict[str, Any]]:
    """Return a row for the day and one for the month of each budget: of all, of accounts, of clients."""
    config, zone = house.world.config, house.world.zone
    rows: list[dict[str, Any]] = []
    if config.budget is not None:
        who = {"of": "all", "name": None, "counts": config.budget.counts}
        rows += _rows(who, config.budget, added(house.whole.spent(config.budget), 0, now, zone), zone)
    for name, account in config.accounts.items():
        if account.budget is not None:
            who = {"of": "account", "name": name, "counts": "money"}
            rows += _rows(who, account.budget, added(house.purse.spent(name), 0, now, zone), zone)
    for client in config.clients.values():
        if client.budget is not None:
            who = {"of": "client", "name": client.name, "counts": client.budget.counts}
            rows += _rows(who, client.budget, added(house.clients.spent(client), 0, now, zone), zone)
    return rows


def _rows(
    who: dict[str, str | None], budget: Budget, spent: Spent, zone: dt.tzinfo | None
) -> Iterator[dict[str, Any]]:
    told: tuple[tuple[Period, float | None, int, float], ...] = (
        ("day", budget.daily, spent.day, spent.day_start),
        ("month", budget.monthly, spent.month, spent.month_start),
    )
    for period, limit, amount, start in told:
        if limit is not None:
            end = period_end(start, zone, period)
            yield who | {
                "period": period,
                "limit_usd": limit,
                "spent_usd": amount / 1e6,
                "share": amount / 1e6 / limit if limit else 1.0,
                "blocked_until": end if amount >= millionths(limit) else None,
                "resets_at": end,
            }
