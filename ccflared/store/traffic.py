"""What went through lately, for status.

Only requests of clients are traffic. All is read over indexes that hold the time: the size of the history does not
matter.
"""

import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from ccflared.store.measures import LIMITS, NO_FAULT
from ccflared.wire import Outcome, Tokens

MINUTES = 60
NOTHING = Tokens(0, 0, 0, 0, 0)

SUMS = """
    count(*),
    coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
    coalesce(sum(cache_write_5m_tokens), 0), coalesce(sum(cache_write_1h_tokens), 0)
"""
CLIENTS = "FROM requests WHERE at >= ? AND at <= ? AND origin = 'client'"
# The statements are put together from the constants above; values are always parameters.
BY_OUTCOME = f"SELECT outcome, count(*) {CLIENTS} GROUP BY outcome"
FAILOVERS = f"""
    SELECT count(*), coalesce(sum(EXISTS (
        SELECT 1 FROM json_each(requests.attempts) AS attempt
        WHERE json_extract(attempt.value, '$.kind') IN {LIMITS}
    )), 0)
    {CLIENTS} AND tries > 1 AND outcome = 'complete' AND EXISTS (
        SELECT 1 FROM json_each(requests.attempts) AS attempt
        WHERE json_extract(attempt.value, '$.kind') NOT IN {NO_FAULT}
    )
"""  # noqa: S608 - put together from constants
BY_ACCOUNT = f"SELECT account, {SUMS} {CLIENTS} GROUP BY account"
# An attempt can only have failed in a row that tried twice or did not end well; most rows are neither.
FAILED = f"""
    SELECT json_extract(attempt.value, '$.account'), count(*)
    FROM requests, json_each(requests.attempts) AS attempt
    WHERE at >= ? AND at <= ? AND origin = 'client' AND (tries > 1 OR outcome != 'complete' OR status >= 400)
      AND json_extract(attempt.value, '$.kind') NOT IN {NO_FAULT}
    GROUP BY 1
"""  # noqa: S608 - put together from constants
# Steps from one account's name to the next in the index, instead of reading all of it.
LAST_USED = """
    WITH RECURSIVE name (account) AS (
        SELECT min(account) FROM requests
        UNION ALL
        SELECT (SELECT min(account) FROM requests WHERE account > name.account)
        FROM name WHERE name.account IS NOT NULL
    )
    SELECT account, (SELECT max(at) FROM requests WHERE requests.account = name.account AND origin = 'client')
    FROM name WHERE account IS NOT NULL
"""
FIRST_BYTES = f"SELECT first_byte_ms {CLIENTS} AND first_byte_ms IS NOT NULL ORDER BY 1"
BY_MINUTE = f"""
    SELECT min(59, cast((at - ?) / 60 AS INTEGER)), count(*), sum(outcome NOT IN ('complete', 'client_gone'))
    {CLIENTS} GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class AccountTraffic:
    """One account's part."""

    requests: int = 0
    """Requests it served, or was the last to be tried for."""
    failed_attempts: int = 0
    tokens: Tokens = NOTHING
    last_used: float | None = None
    """When the latest such request arrived, however long ago; None: never."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests that arrived from ``since`` to ``until``, both in seconds since 1970."""

    since: float
    until: float
    known: bool = True
    """False: the history could not be read, and the numbers say nothing."""
    requests: int = 0
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    """Only those that occurred."""
    failovers: int = 0
    """Requests that were complete although an attempt had failed."""
    failovers_limit: int = 0
    """Those of them of which an attempt had met a limit; what the others met was a fault."""
    tokens: Tokens = NOTHING
    first_byte_p50_ms: int | None = None
    first_byte_p95_ms: int | None = None
    accounts: Mapping[str, AccountTraffic] = field(default_factory=dict)
    """Every account that the history knows from clients' requests, also those without any in this time."""
    minutes: tuple[int, ...] = (0,) * MINUTES
    """Requests in each of the sixty minutes up to ``until``, the latest last."""
    troubled: tuple[int, ...] = (0,) * MINUTES
    """How many of those ended badly: neither complete nor left by the client."""


def traffic(connection: sqlite3.Connection, *, since: float, now: float) -> Traffic:
    """Return what the history says about the time from ``since`` to ``now``. Raises sqlite3.Error."""
    # One transaction, so that the numbers agree with each other.
    connection.execute("BEGIN")
    try:
        return _traffic(connection, since, now)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _traffic(connection: sqlite3.Connection, since: float, now: float) -> Traffic:
    span = (since, now)
    outcomes: dict[Outcome, int] = dict(connection.execute(BY_OUTCOME, span))
    failovers, limits = connection.execute(FAILOVERS, span).fetchone()
    p50, p95 = _percentiles([milliseconds for (milliseconds,) in connection.execute(FIRST_BYTES, span)])
    sums = {name: (count, Tokens(*tokens)) for name, count, *tokens in connection.execute(BY_ACCOUNT, span)}
    minutes, troubled = [0] * MINUTES, [0] * MINUTES
    start = now - MINUTES * 60
    for minute, count, bad in connection.execute(BY_MINUTE, (start, start, now)):
        minutes[minute], troubled[minute] = count, bad
    return Traffic(
        since=since,
        until=now,
        requests=sum(outcomes.values()),
        outcomes=outcomes,
        failovers=failovers,
        failovers_limit=limits,
        tokens=_sum([tokens for _, tokens in sums.values()]),
        first_byte_p50_ms=p50,
        first_byte_p95_ms=p95,
        accounts=_accounts(connection, span, sums),
        minutes=tuple(minutes),
        troubled=tuple(troubled),
    )


def _accounts(
    connection: sqlite3.Connection, span: tuple[float, float], sums: dict[str | None, tuple[int, Tokens]]
) -> dict[str, AccountTraffic]:
    failed: dict[str, int] = dict(connection.execute(FAILED, span))
    last_used: dict[str, float] = {name: at for name, at in connection.execute(LAST_USED) if at is not None}
    names = sorted({name for name in (*sums, *failed, *last_used) if name is not None})
    nothing = (0, NOTHING)
    return {
        name: AccountTraffic(
            requests=sums.get(name, nothing)[0],
            failed_attempts=failed.get(name, 0),
            tokens=sums.get(name, nothing)[1],
            last_used=last_used.get(name),
        )
        for name in names
    }


def _sum(many: list[Tokens]) -> Tokens:
    return Tokens(
        sum(tokens.input or 0 for tokens in many),
        sum(tokens.output or 0 for tokens in many),
        sum(tokens.cache_read or 0 for tokens in many),
        sum(tokens.cache_write_5m or 0 for tokens in many),
        sum(tokens.cache_write_1h or 0 for tokens in many),
    )


def _percentiles(rising: list[int]) -> tuple[int | None, int | None]:
    """Return median and 95th percentile (nearest rank) of numbers in rising order."""
    if not rising:
        return None, None
    return rising[math.ceil(0.5 * len(rising)) - 1], rising[math.ceil(0.95 * len(rising)) - 1]
