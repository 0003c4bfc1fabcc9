"""What the history says of clients: what each has used since a time, and what counts for it after a start.

What adds up over days is read from the totals; rows are read of the last hour alone, and where they are not counted.
"""

import datetime as dt
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ccflared.store.measures import MEASURES
from ccflared.store.spending import spent
from ccflared.store.totals import calendar
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
    FROM name CROSS JOIN requests INDEXED BY requests_client_at
    ON requests.client = name.client AND at >= ? AND at < ? WHERE name.client IS NOT NULL
"""
# As the daemon counts: in bunches of a minute, and only what may have been sent upstream. A try that found no
# connection, or no token, sent nothing.
ASKED = f"""
    {NAMES} SELECT name.client, min(at), max(at), count(*) {OF_EACH}
    AND tries > 0 AND (NOT json_valid(attempts) OR EXISTS (
        SELECT 1 FROM json_each(attempts) WHERE value ->> 'kind' NOT IN ('connect', 'token')
    ))
    GROUP BY 1, cast(at / 60 AS INTEGER)
"""  # noqa: S608 - constants
_SUMS: Final = (
    *("requests", "refused", "unpriced", "charged", "charged_money"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
)
_OF_TOTALS: Final = ", ".join(f"sum({name}) AS {name}" for name in _SUMS)
_OF_ROWS: Final = ", ".join(f"coalesce(sum({MEASURES[name]}), 0)" for name in _SUMS)
USED: Final = f"""
    SELECT client, {", ".join(f"sum({name})" for name in _SUMS)} FROM (
        SELECT client, {_OF_TOTALS} FROM roll_days CROSS JOIN rolls ON rolls.number = roll_days.roll
        WHERE day >= ? AND kind = 'client' GROUP BY client
        UNION ALL
        SELECT client, {_OF_ROWS} FROM requests INDEXED BY requests_uncounted
        WHERE series IS NULL AND at >= ? GROUP BY client
    ) WHERE client IS NOT NULL AND client != '' GROUP BY client
"""  # noqa: S608 - constants
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


def before(
    connection: sqlite3.Connection,
    *,
    day: float,
    month: float,
    hour: float,
    until: float,
    zone: dt.tzinfo | None,
) -> Before:
    """Return what counts of the day, the month and the hour that began at these times. Raises sqlite3.Error.

    Day and month are those of ``zone``; None: the system's.
    """
    return Before(
        day=spent(connection, "client", since=day, before=until, zone=zone),
        month=spent(connection, "client", since=month, before=until, zone=zone),
        asked=tuple(connection.execute(ASKED, (hour, until))),
    )


def used(
    connection: sqlite3.Connection, *, day: float, month: float, zone: dt.tzinfo | None
) -> ClientTraffic:
    """Return what clients have used since the day and the month of the zone began. Raises sqlite3.Error."""
    # One transaction, so that the numbers agree with each other.
    connection.execute("BEGIN")
    try:
        return ClientTraffic(
            _used(connection, day, zone),
            _used(connection, month, zone),
            dict(connection.execute(LAST_USED)),
        )
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _used(connection: sqlite3.Connection, since: float, zone: dt.tzinfo | None) -> dict[str, Used]:
    return {
        name: Used(requests, refused, unknown, value, money, Tokens(*tokens))
        for name, requests, refused, unknown, value, money, *tokens in connection.execute(
            USED, (calendar(zone)(since), since)
        )
    }
