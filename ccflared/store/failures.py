"""What went wrong in a span of time, by kind: the latest of each, how often, and since when.

Looked at are the latest requests of every status and every outcome that is no success, so many of each at most,
however long the span; a kind of which there may be more says so.
"""

import sqlite3
from dataclasses import replace
from typing import Any, Final

from ccflared.store.listing import ROW, WHY
from ccflared.store.measures import SUCCEEDED
from ccflared.store.spans import Picked, Span, of_rows, values

_KINDS: Final = 50
"""Kinds that are told of."""
LOOKED_AT: Final = 300
"""Of each status, and of each outcome, the latest so many rows are looked at."""
_NAMES: Final = (
    *("requestId", "last", "first", "count", "atLeast", "statusCode", "outcome"),
    *("account", "provider", "model", "errorMessage"),
)


def _of_each(names: str, column: str) -> str:
    """Return the query for the latest rows of each name, which an index of requests by ``column`` knows."""
    return f"""
        SELECT (
            SELECT json_group_array(rowid) FROM (
                SELECT rowid FROM requests
                WHERE requests.{column} = {names}.{column} AND at >= :since AND at < :until
                ORDER BY at DESC LIMIT {LOOKED_AT}
            )
        ) AS numbers FROM {names}
    """  # noqa: S608 - constants


# Steps from one status to the next in its index, so that no more rows are read than those that are looked at. Who is
# found by status and by outcome is of a kind that is known wholly where either of the two is.
_FAILED: Final = f"""
    WITH RECURSIVE code (status) AS (
        SELECT min(status) FROM requests WHERE status >= 400
        UNION ALL
        SELECT (SELECT min(status) FROM requests WHERE status > code.status) FROM code WHERE code.status NOT NULL
    ),
    ended (outcome) AS (VALUES ('truncated'), ('error'), ('refused')),
    looked_at AS MATERIALIZED ({_of_each("code", "status")} UNION ALL {_of_each("ended", "outcome")}),
    latest AS MATERIALIZED (
        SELECT value AS number, min(json_array_length(numbers) >= {LOOKED_AT}) AS more
        FROM looked_at, json_each(numbers) GROUP BY value
    ),
    grouped AS MATERIALIZED (
        SELECT number, row_number() OVER (kind ORDER BY at DESC, id DESC) AS place,
            min(at) OVER kind AS first, count(*) OVER kind AS many, min(more) OVER kind AS more
        FROM latest CROSS JOIN requests ON requests.rowid = latest.number
        WHERE outcome != 'client_gone' AND NOT coalesce({SUCCEEDED}, false) AND {{those}}
        WINDOW kind AS (PARTITION BY coalesce(status, 0), outcome, account, {ROW["model"]})
    )
    SELECT id, at, first, many, more, status, outcome, account, provider, {ROW["model"]}, {WHY}
    FROM grouped CROSS JOIN requests ON requests.rowid = grouped.number
    WHERE place = 1 ORDER BY at DESC, id DESC LIMIT {_KINDS}
"""  # noqa: S608 - constants


def failures(connection: sqlite3.Connection, over: Span, picked: Picked) -> list[dict[str, Any]]:
    """Return the latest kinds of failures of a span, each with its latest request. Raises sqlite3.Error."""
    those = of_rows(replace(picked, status="all"))
    found = []
    for row in connection.execute(_FAILED.format(those=those), values(picked, over)):
        each = dict(zip(_NAMES, row, strict=True))
        code = each["statusCode"]
        each["atLeast"] = bool(each["atLeast"])
        found.append(each | {"errorCode": each["outcome"] if code is None or code < 400 else str(code)})
    return found
