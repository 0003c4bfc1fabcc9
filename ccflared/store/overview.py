"""The overview: what went through in the last days, and the latest kinds of errors with how often they occurred."""

import datetime as dt
import sqlite3
from typing import Any, Final

from ccflared.store.listing import WHY
from ccflared.store.measures import SUCCEEDED
from ccflared.store.spans import DAY, Picked, by_name, span, values
from ccflared.store.sums import SUMMED, mean, named, share, speed, tokens, usd

_TOP: Final = 10
_ERRORS: Final = 20
"""Kinds of errors that are told of."""
_LOOKED_AT: Final = 200
"""Of each status, and of each outcome, the latest so many rows are looked at."""
_ALL: Final = ", ".join(f"sum({name})" for name in SUMMED)
# Steps from one status to the next in its index, and takes the latest of each: no more rows are read than that.
_RECENT: Final = f"""
    WITH RECURSIVE code (status) AS (
        SELECT min(status) FROM requests WHERE status >= 400
        UNION ALL
        SELECT (SELECT min(status) FROM requests WHERE status > code.status) FROM code WHERE code.status NOT NULL
    ),
    ended (outcome) AS (VALUES ('truncated'), ('error'), ('refused')),
    latest (number) AS (
        SELECT value FROM code, json_each((
            SELECT json_group_array(rowid) FROM (
                SELECT rowid FROM requests WHERE requests.status = code.status AND at >= :since
                ORDER BY at DESC LIMIT {_LOOKED_AT}
            )
        ))
        UNION
        SELECT value FROM ended, json_each((
            SELECT json_group_array(rowid) FROM (
                SELECT rowid FROM requests WHERE requests.outcome = ended.outcome AND at >= :since
                ORDER BY at DESC LIMIT {_LOOKED_AT}
            )
        ))
    )
    SELECT id, at, first, many, status, outcome, account, provider, model, client, error, path FROM (
        SELECT id, at, status, outcome, account, provider, model, client, {WHY} AS error, path,
            row_number() OVER (kind ORDER BY at DESC, id DESC) AS place,
            min(at) OVER kind AS first, count(*) OVER kind AS many
        FROM latest CROSS JOIN requests ON requests.rowid = latest.number
        WHERE origin = 'client' AND outcome != 'client_gone' AND NOT coalesce({SUCCEEDED}, false)
        WINDOW kind AS (PARTITION BY coalesce(status, 0), outcome, account, model)
    )
    WHERE place = 1 ORDER BY at DESC LIMIT {_ERRORS}
"""  # noqa: S608 - constants


def overview(
    connection: sqlite3.Connection, *, days: float, errors_since: float, now: float, zone: dt.tzinfo | None
) -> dict[str, Any]:
    """Return what went through in the last ``days``, from the beginning of the first; errors since a time.

    Raises sqlite3.Error.
    """
    over = span(days * DAY, DAY, now, zone)
    picked = Picked()
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("BEGIN")
    try:
        connection.execute(
            f"CREATE TEMP TABLE part AS {by_name(SUMMED, over, picked, ('account', 'model'))}",
            values(picked, over),
        )
        return _told(connection) | {"recentErrors": errors(connection, errors_since), "since": over.since}
    finally:
        connection.execute("ROLLBACK")


def _told(connection: sqlite3.Connection) -> dict[str, Any]:
    sums = named(connection.execute(f"SELECT {_ALL} FROM part").fetchone())  # noqa: S608 - constants
    accounts = _by(connection, "account")
    succeeded = share(sums["succeeded"], sums["requests"])
    return {
        "totalRequests": sums["requests"],
        "successRate": None if succeeded is None else round(succeeded),
        "activeAccounts": sum(name is not None for name, _ in accounts),
        "avgResponseTime": mean(sums["total_ms"], sums["requests"]),
        "totalTokens": tokens(sums),
        "totalCostUsd": usd(sums),
        "planCostUsd": usd(sums, "plan"),
        "apiCostUsd": usd(sums, "money"),
        "unpricedRequests": sums["unpriced"],
        "topModels": [
            {
                "model": model,
                "count": each["requests"],
                "percentage": share(each["requests"], sums["requests"]),
            }
            for model, each in _by(connection, "model")[:_TOP]
        ],
        "avgTokensPerSecond": speed(sums),
        "accounts": [
            {
                "name": name,
                "requestCount": each["requests"],
                "successRate": share(each["succeeded"], each["requests"]),
                "totalTokens": tokens(each),
                "costUsd": usd(each),
            }
            for name, each in accounts
        ],
    }


def _by(connection: sqlite3.Connection, column: str) -> list[tuple[str | None, dict[str, int]]]:
    found = connection.execute(
        f"SELECT {column}, {_ALL} FROM part GROUP BY {column} HAVING sum(requests) > 0 "  # noqa: S608
        f"ORDER BY sum(requests) DESC, {column} LIMIT 1000"
    )
    return [(name or None, dict(named(numbers))) for name, *numbers in found]


def errors(connection: sqlite3.Connection, since: float) -> list[dict[str, Any]]:
    """Return the latest kinds of errors since a time, each with its latest request. Raises sqlite3.Error."""
    names = (
        *("id", "at", "firstSeen", "occurrenceCount", "statusCode", "outcome", "account", "provider"),
        *("model", "client", "errorMessage", "path"),
    )
    found = []
    for row in connection.execute(_RECENT, {"since": since}):
        each = dict(zip(names, row, strict=True))
        code = each["statusCode"]
        found.append(each | {"errorCode": each["outcome"] if code is None or code < 400 else str(code)})
    return found
