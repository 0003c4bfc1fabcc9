"""What is added up of requests, and the tables that keep it for ever: one row for each hour, or day, and series.

A series is a combination of account, model, client, project and origin, '' where there was none; ``model`` is the one
that served, as the upstream names it, else the one that was asked of it. Hours are those of UTC, ``start`` in seconds
since 1970; days are those of the configured time zone, as a number, 20261126, and made anew where it is another one
now.

``hours`` and ``days`` hold the measures, ``hour_times`` and ``day_times`` for the same keys how many requests took how
long: ``total_n`` and ``first_byte_n`` count those that took more than the bound before and no more than the n-th of
BOUNDS, in milliseconds; the last one counts those beyond all bounds.

A busy team has thousands of series a day, and most questions are about a few of their names. So the same is kept of
rolls, in ``roll_hours``, ``roll_days`` and their times: a roll takes together all series that have some names in
common, which its ``kind`` says (ROLLS); its other names are ''. ``rolled`` says which rolls a series is in: one of
each kind.
"""

from typing import Final

SUCCEEDED: Final = "(outcome = 'client_gone' OR outcome = 'complete' AND status < 400)"
"""A client that leaves is no failure of anybody's: it has seen enough."""
NO_FAULT: Final = "('served', 'left', 'estimated', 'cannot be told', 'put otherwise')"
"""Kinds of tries that say nothing against an account: an answer, a client that left, an estimate made here, a request
for which there were no words or that was put in other ones."""
LIMITS: Final = "('limit', 'windowless limit', 'out of credits', 'extra usage', 'concurrency')"
"""Kinds of tries that met a limit of an account: what another account could hide. The others are faults."""
_TRIES: Final = "json_each(iif(json_valid(requests.attempts), requests.attempts, '[]'))"
_FAILED_TRIES: Final = f"(SELECT count(*) FROM {_TRIES} WHERE value ->> 'kind' NOT IN {NO_FAULT})"  # noqa: S608
_MET_A_LIMIT: Final = f"EXISTS (SELECT 1 FROM {_TRIES} WHERE value ->> 'kind' IN {LIMITS})"  # noqa: S608
_MONEY: Final = "billing IN ('api', 'overage')"
_TOLD: Final = "coalesce(input_tokens, output_tokens, cache_read_tokens) IS NOT NULL"
_SPEED: Final = "output_tokens > 0 AND last_token_ms > first_token_ms"

MEASURES: Final = {
    "requests": "1",
    "succeeded": SUCCEEDED,
    "complete": "outcome = 'complete'",
    "truncated": "outcome = 'truncated'",
    "error": "outcome = 'error'",
    "client_gone": "outcome = 'client_gone'",
    "refused": "outcome = 'refused'",
    "limited": "status = 429",
    "tries": "tries",
    # A try can only have failed in a row that tried twice or did not end well; most rows are neither.
    "failed_tries": f"iif(tries > 1 OR outcome != 'complete' OR status >= 400, {_FAILED_TRIES}, 0)",
    "failovers": f"outcome = 'complete' AND tries > 1 AND {_FAILED_TRIES} > 0",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_5m_tokens": "cache_write_5m_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    # Millionths of a USD, of those whose cost is known; how many are unknown is told beside.
    "cost": "cost_microusd",
    "cost_money": f"iif({_MONEY}, cost_microusd, 0)",
    "unpriced": f"cost_microusd IS NULL AND {_TOLD}",
    "unpriced_money": f"cost_microusd IS NULL AND {_TOLD} AND coalesce({_MONEY}, false)",
    "charged": "charged_microusd",
    "charged_money": f"iif({_MONEY}, charged_microusd, 0)",
    "total_ms": "total_ms",
    "first_byte_ms": "first_byte_ms",
    "first_bytes": "first_byte_ms IS NOT NULL",
    # Of those whose speed is known: output tokens, and the milliseconds from the first to the last.
    "speed_tokens": f"iif({_SPEED}, output_tokens, 0)",
    "speed_ms": f"iif({_SPEED}, last_token_ms - first_token_ms, 0)",
    # Of the failovers those that hid a limit, not a fault alone.
    "failovers_limit": f"outcome = 'complete' AND tries > 1 AND {_MET_A_LIMIT}",
}
"""Each measure, and what a row of ``requests`` adds to it."""
LATER: Final = ("failovers_limit",)
"""Those that came after the tables, and so stand last: what was counted before them has 0."""

BOUNDS: Final = (
    *(25, 50, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000),
    *(30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000),
)


def _counts(column: str) -> dict[str, str]:
    lower = (None, *BOUNDS)
    upper = (*BOUNDS, None)
    named = {}
    for number, (above, up_to) in enumerate(zip(lower, upper, strict=True)):
        sides = [f"{column} > {above}"] * (above is not None) + [f"{column} <= {up_to}"] * (up_to is not None)
        named[f"{column.removesuffix('_ms')}_{number}"] = " AND ".join(sides)
    return named


TIMES: Final = _counts("total_ms") | _counts("first_byte_ms")
"""Each count of ``hour_times`` and ``day_times``, and which rows it counts."""


def _table(name: str, key: str, columns: dict[str, str], of: str = "series") -> str:
    numbers = ",\n".join(f"{column} INTEGER NOT NULL" for column in columns)
    return f"""CREATE TABLE {name} (
        {key} INTEGER NOT NULL,
        {of} INTEGER NOT NULL,
        {numbers},
        PRIMARY KEY ({key}, {of})
    ) STRICT, WITHOUT ROWID"""


ROLLS: Final = {
    "origin": ("origin",),
    "pair": ("account", "model", "origin"),
    "model": ("model", "origin"),
    "client": ("client", "origin"),
    "project": ("project", "origin"),
}
"""The kinds of rolls, and the names that tell those of one kind apart."""
_FIRST: Final = {name: what for name, what in MEASURES.items() if name not in LATER}

TOTALS: Final = (
    """
    CREATE TABLE series (
        number INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        model TEXT NOT NULL,
        client TEXT NOT NULL,
        project TEXT NOT NULL,
        origin TEXT NOT NULL
    ) STRICT
    """,
    # Not unique: of two accounts that come to have one name, each keeps its series.
    "CREATE INDEX series_named ON series (account, model, client, project, origin)",
    """
    CREATE TABLE rolls (
        number INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        account TEXT NOT NULL,
        model TEXT NOT NULL,
        client TEXT NOT NULL,
        project TEXT NOT NULL,
        origin TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX rolls_named ON rolls (kind, account, model, client, project, origin)",
    """
    CREATE TABLE rolled (
        series INTEGER NOT NULL,
        roll INTEGER NOT NULL,
        PRIMARY KEY (series, roll)
    ) STRICT, WITHOUT ROWID
    """,
    _table("hours", "start", _FIRST),
    _table("days", "day", _FIRST),
    _table("hour_times", "start", TIMES),
    _table("day_times", "day", TIMES),
    _table("roll_hours", "start", _FIRST, "roll"),
    _table("roll_days", "day", _FIRST, "roll"),
    _table("roll_hour_times", "start", TIMES, "roll"),
    _table("roll_day_times", "day", TIMES, "roll"),
    # What is known of the history itself, by name: up to when rows were deleted, and the like.
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT, WITHOUT ROWID",
)
"""The statements that make the tables."""
ADDED: Final = tuple(
    f"ALTER TABLE {table} ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
    for name in LATER
    for table in ("hours", "days", "roll_hours", "roll_days")
)
"""The statements that add to the tables what came later."""
