"""Makes a history of any size: rows as a busy team's agents leave them, made by SQLite itself, and their totals.

Six accounts, eight models, ten clients, thirty projects, origins, conversations of some two dozen requests each that
keep to a project, a client and an account; of a hundred requests three fail and two are refused with 429.
"""

import datetime as dt
import time
from contextlib import closing
from pathlib import Path

from ccflared.store import schema
from ccflared.store.rebuild import rebuild, stretches
from ccflared.store.requests import COLUMNS

DAY = 86_400
_PICKED = """
    WITH RECURSIVE n (i) AS MATERIALIZED (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count),
    dice AS MATERIALIZED (
        SELECT i, abs(random() % 1000) AS a, abs(random() % 1000) AS b, abs(random() % 1000) AS c,
            abs(random() % 1000000) AS d, random() AS e,
            :conversation + i * (:count / 24) / :count + abs(random() % 40) AS talk
        FROM n
    ),
    talks AS MATERIALIZED (
        SELECT *, (talk * 2654435761 % 4294967296) AS h FROM dice
    ),
    drawn AS MATERIALIZED (
        SELECT *, min(h % 37, h / 41 % 31) % 30 AS project,
            CASE WHEN a < 30 THEN 'error' WHEN a < 38 THEN 'client_gone' WHEN a < 42 THEN 'truncated'
                WHEN a < 62 THEN 'refused' ELSE 'complete' END AS outcome,
            CASE WHEN b < 850 THEN min(h / 97 % 5, h / 1009 % 5) ELSE 5 + b % 3 END AS model,
            (h / 13 % 6 + (c < 30)) % 6 AS account
        FROM talks
    )
    INSERT INTO requests ({columns})
    SELECT
        printf('req_%016x%08x', e, d), :since + (i + d / 1000000.0) * 86400.0 / :count, 'POST', '/v1/messages',
        printf('client%d', (project + (h / 7 % 3 = 0)) % 10), printf('project-%02d', project),
        printf('%08x-5c1f-4e2a-9d1f-%012x', h, talk), 'claude-cli/2.1.4 (external, cli)',
        printf('claude-model-%d', model), iif(outcome IN ('complete', 'truncated', 'client_gone'),
            printf('claude-model-%d-20260630', model), NULL),
        iif(outcome = 'refused' AND a % 4 = 0, NULL, printf('account%d', account)), 'anthropic',
        CASE outcome WHEN 'error' THEN 529 - 29 * (b % 2) WHEN 'refused' THEN 429 WHEN 'client_gone' THEN NULL
            ELSE 200 END,
        outcome, iif(outcome = 'complete', NULL, 'overloaded_error: the upstream is overloaded for now'), 1,
        iif(outcome = 'complete', iif(c < 700, 'tool_use', 'end_turn'), NULL),
        300 + c * 3, 1500 + c * c / 40 + b * 9,
        iif(outcome = 'complete', 4 + c % 50, NULL), iif(outcome = 'complete', 50 + c, NULL),
        iif(outcome = 'complete', 20000 + d / 10, NULL), iif(outcome = 'complete', c * 7, NULL),
        iif(outcome = 'complete', 0, NULL),
        iif(outcome = 'complete', printf('{{"input_tokens":%d,"cache_creation_input_tokens":%d,'
            || '"cache_read_input_tokens":%d,"output_tokens":%d,"service_tier":"standard"}}',
            4 + c % 50, c * 7, 20000 + d / 10, 50 + c), NULL),
        1 + (c < 30),
        '[' || iif(c < 30, printf('{{"account":"account%d","provider":"anthropic","why":"where its conversation is",'
            || '"started_ms":1,"took_ms":400,"status":429,"kind":"limited","reason":"five-hour window spent",'
            || '"model":"claude-model-%d"}},', h / 13 % 6, model), '')
        || printf('{{"account":"account%d","provider":"anthropic","why":"where its conversation is","started_ms":1,'
            || '"took_ms":%d,"status":%d,"kind":"%s","reason":"","model":"claude-model-%d"}}]',
            account, 1500 + b * 9, iif(outcome = 'complete', 200, 529),
            CASE outcome WHEN 'error' THEN 'overloaded' WHEN 'refused' THEN 'limited' ELSE 'served' END, model),
        '[]', NULL, CASE WHEN d < 2000 THEN 'refresh' WHEN d < 2200 THEN 'test' ELSE 'client' END,
        iif(outcome = 'complete', 3000 + c * 21 + d / 30, NULL), iif(outcome = 'complete', 'computed', NULL),
        iif(account < 4, 'plan', 'api'), iif(outcome = 'complete', 3000 + c * 21 + d / 30, NULL),
        600 + c * 3, 1400 + c * c / 40 + b * 9, 700 + b, 'shipped 2026-11-01', 'workspace'
    FROM drawn
"""


def make(path: Path, rows: int, days: int, until: float, *, told: bool = True) -> None:
    """Make a history of so many rows over the days before ``until``, with totals in UTC. ``told``: say how far it is."""
    begun = time.monotonic()
    with closing(schema.open_history(path)) as connection:
        for pragma in ("synchronous = OFF", "journal_mode = MEMORY", "cache_size = -1500000"):
            connection.execute(f"PRAGMA {pragma}")
        made = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
        indexes = [sql for (sql,) in made if " ON requests " in sql]
        for sql in indexes:
            connection.execute(f"DROP INDEX {sql.split()[2]}")
        first = int(until) // DAY * DAY - (days - 1) * DAY
        query = _PICKED.format(columns=", ".join(COLUMNS))
        for day in range(days):
            share = rows * (day + 1) // days - rows * day // days
            since = first + day * DAY
            connection.execute("BEGIN")
            connection.execute(query, {"count": share, "conversation": day * 100_000, "since": since})
            # Counted by the rebuilding below.
            connection.execute(
                "UPDATE requests SET series = 0 WHERE rowid > (SELECT max(rowid) FROM requests) - ?", (share,)
            )
            connection.execute("COMMIT")
            if told:
                print(f"day {day + 1} of {days}: {time.monotonic() - begun:.0f} s", flush=True)
        for sql in indexes:
            connection.execute(sql)
        if told:
            print(f"indexes: {time.monotonic() - begun:.0f} s", flush=True)
        for stretch in stretches(connection, dt.UTC):
            connection.execute("BEGIN")
            rebuild(connection, stretch)
            connection.execute("COMMIT")
        if told:
            print(f"totals: {time.monotonic() - begun:.0f} s", flush=True)
        connection.execute("PRAGMA journal_mode = WAL")
