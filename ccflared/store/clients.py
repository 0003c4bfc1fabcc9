"""What the history says of clients: what each has used since a time, and what counts for it after a start.

All of it is read over one index that begins with the client and holds every column of the sums: no row is read but
those of the last hour.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from ccflared.store.traffic import NOTHING
from ccflared.wire import Tokens

# Steps from one client's name to the next in the index, instead of reading all of it.
NAMES = """
    WITH RECURSIVE name (client) AS (
        SELECT min(client) FROM requests WHERE client IS NOT NULL
        UNION ALL
        SELECT (SELECT min(client) FROM requests WHERE client > name.client)
        FROM name WHERE name.client IS NOT NULL
    )
"""
OF_EACH = """
    FROM name CROSS JOIN requests INDEXED BY requests_client
    ON requests.client = name.client AND at >= ? AND at < ? WHERE name.client IS NOT NULL
"""
COSTS = "total(charged_microusd), total(iif(billing IN ('api', 'overage'), charged_microusd, 0))"
SPENT = f"{NAMES} SELECT name.client, {COSTS} {OF_EACH} GROUP BY 1"
# As the daemon counts: in bunches of a minute, and only what may have been sent upstream. A try that found no
# connection, or no token, sent nothing.
ASKED = f"""
    {NAMES} SELECT name.client, min(at), max(at), count(*) {OF_EACH}
    AND tries > 0 AND (NOT json_valid(attempts) OR EXISTS (
        SELECT 1 FROM json_each(attempts) WHERE value ->> 'kind' NOT IN ('connect', 'token')
    ))
    GROUP BY 1, cast(at / 60 AS INTEGER)
"""  # noqa: S608 - constants
USED = f"""
    {NAMES} SELECT name.client, count(*), sum(outcome = 'refused'),
    sum(charged_microusd IS NULL AND output_tokens IS NOT NULL), {COSTS},
    coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
    coalesce(sum(cache_write_5m_tokens), 0), coalesce(sum(cache_write_1h_tokens), 0)
    {OF_EACH} GROUP BY 1
"""
LAST_USED = f"""
    {NAMES} SELECT client, (SELECT max(at) FROM requests WHERE requests.client = name.client)
    FROM name WHERE client IS NOT NULL
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Before:
    """What counts of the time before a start. Sums are of value and of money, in millionths of a USD."""

    day: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    month: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    asked: tuple[tuple[str, float, float, int], ...] = ()
    """Client, time of the first and of the last, and how many: requests of one minute of the last hour."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a client has used since a time. Costs are in millionths of a USD."""

    requests: int = 0
    refused: int = 0
    unknown: int = 0
    """Requests of which nobody knows what they cost."""
    value: int = 0
    money: int = 0
    tokens: Tokens = NOTHING


@dataclass(frozen=True, slots=True)
class ClientTraffic:
    """What each client that the history knows has used today and this month, and when it asked last."""

    today: Mapping[str, Used]
    month: Mapping[str, Used]
    last_used: Mapping[str, float]


def before(connection: sqlite3.Connection, *, day: float, month: float, hour: float, until: float) -> Before:
    """Return what counts of the day, the month and the hour that began at these times. Raises sqlite3.Error."""
    asked = connection.execute(ASKED, (hour, until))
    return Before(
        day=_spent(connection, day, until), month=_spent(connection, month, until), asked=tuple(asked)
    )


def used(connection: sqlite3.Connection, *, day: float, month: float) -> ClientTraffic:
    """Return what clients have used since the day and the month began. Raises sqlite3.Error."""
    # One transaction, so that the numbers agree with each other.
    connection.execute("BEGIN")
    try:
        return ClientTraffic(
            _used(connection, day), _used(connection, month), dict(connection.execute(LAST_USED))
        )
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _spent(connection: sqlite3.Connection, since: float, until: float) -> dict[str, tuple[int, int]]:
    found = connection.execute(SPENT, (since, until))
    return {name: (round(value), round(money)) for name, value, money in found}


def _used(connection: sqlite3.Connection, since: float) -> dict[str, Used]:
    return {
        name: Used(requests, refused, unknown, round(value), round(money), Tokens(*tokens))
        for name, requests, refused, unknown, value, money, *tokens in connection.execute(
            USED, (since, 1e300)
        )
    }
