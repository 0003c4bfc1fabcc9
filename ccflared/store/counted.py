"""What is told of each account and client in lists: how much it was used in all, and since its session began."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ccflared.store.clients import LAST_USED
from ccflared.store.schema import storable
from ccflared.store.sums import SUMMED, named, usd, written
from ccflared.store.totals import HOUR

_EVER: Final = """
    SELECT {column}, sum(requests) FROM roll_days CROSS JOIN rolls ON number = roll
    WHERE kind = '{kind}' AND origin = 'client' AND {column} != '' GROUP BY 1
"""
_SINCE: Final = f"""
    SELECT {", ".join(f"sum({name})" for name in SUMMED)} FROM roll_hours WHERE start >= ? AND roll IN (
        SELECT number FROM rolls WHERE kind = 'pair' AND account = ? AND origin = 'client'
    )
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Counted:
    """What is told of one account."""

    requests: int
    """Of clients, ever."""
    session: Mapping[str, Any] | None
    """Since the hour in which its session began; None: it has none."""


def accounts_counted(
    connection: sqlite3.Connection, sessions: Mapping[str, float | None]
) -> dict[str, Counted]:
    """Return it for each account; ``sessions``: when its session began, if it has one. Raises sqlite3.Error."""
    ever = dict(connection.execute(_EVER.format(column="account", kind="pair")))
    found = {}
    for account, since in sessions.items():
        session = None
        if since is not None:
            sums = named(connection.execute(_SINCE, (since // HOUR * HOUR, storable(account))).fetchone())
            session = {
                "requests": sums["requests"],
                "inputTokens": sums["input_tokens"],
                "cacheReadInputTokens": sums["cache_read_tokens"],
                "cacheCreationInputTokens": written(sums),
                "outputTokens": sums["output_tokens"],
                "planCostUsd": usd(sums, "plan"),
                "apiCostUsd": usd(sums, "money"),
                "unpricedRequests": sums["unpriced"],
            }
        found[account] = Counted(ever.get(account, 0), session)
    return found


def clients_counted(connection: sqlite3.Connection) -> dict[str, tuple[int, float | None]]:
    """Return of each client how many requests it made, and when the last; what never asked is left out."""
    last = dict(connection.execute(LAST_USED))
    ever = dict(connection.execute(_EVER.format(column="client", kind="client")))
    return {name: (ever.get(name, 0), last.get(name)) for name in {*last, *ever}}
