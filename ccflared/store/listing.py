"""Rows of ``requests`` as the REST API shows them, written as JSON by SQLite itself: neither loop nor GIL waits for it.

Lists are read along an index, the newest first, and are bounded; ``before`` (and ``before_id``, of those that arrived
at the same time) goes on behind the last row of a page.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccflared.store.measures import SUCCEEDED
from ccflared.store.payload_reader import has_payloads
from ccflared.store.schema import storable
from ccflared.store.search import HITS, matching

NEIGHBOURS: Final = 50
"""Requests of the same conversation that are told of with one."""
ABOUT: Final = 86_400
"""Seconds before and behind it in which they are looked for."""
_NUMBER: Final = "json(printf('%!.17g', {}))"
"""All digits of a time: what is read from a page must find its next one."""


def _is(condition: str) -> str:
    return f"json(iif({condition}, 'true', 'false'))"


def _usd(column: str) -> str:
    return f"{column} / 1e6"


_WRITTEN: Final = (
    "coalesce(cache_write_5m_tokens + cache_write_1h_tokens, cache_write_5m_tokens, cache_write_1h_tokens)"
)
_PROMPT: Final = (
    "iif(coalesce(input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens) IS NULL, NULL, "
    "coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0) "
    "+ coalesce(cache_write_1h_tokens, 0))"
)
_TOTAL: Final = (
    f"iif({_PROMPT} IS NULL AND output_tokens IS NULL, NULL, "
    f"coalesce({_PROMPT}, 0) + coalesce(output_tokens, 0))"
)
_SPEED: Final = (
    "iif(output_tokens > 0 AND last_token_ms > first_token_ms, "
    "round(output_tokens * 1000.0 / (last_token_ms - first_token_ms), 2), NULL)"
)
# A row that somebody has damaged must not stop a whole page.
_ASKED: Final = "iif(json_valid(attempts), attempts ->> '$[#-1].model', NULL)"
# What an upstream said of a request that was given on to the client is the reason of the last try alone.
_TOLD: Final = "nullif(attempts ->> '$[#-1].reason', '')"
WHY: Final = f"coalesce(error, iif(status >= 400 AND json_valid(attempts), {_TOLD}, NULL))"
"""Why a request has failed, where anybody said so."""
_STREAM_STATE: Final = (
    "iif(NOT stream, NULL, CASE outcome WHEN 'client_gone' THEN 'client_cancelled' WHEN 'refused' THEN 'error' "
    "ELSE outcome END)"
)
# SQLite's own %f rounds otherwise than anybody else does.
_MS: Final = "cast(at * 1000 + 0.5 AS INTEGER)"
ROW: Final[dict[str, str]] = {
    "id": "id",
    "timestamp": f"strftime('%Y-%m-%dT%H:%M:%S', {_MS} / 1000, 'unixepoch') || printf('.%03dZ', {_MS} % 1000)",
    "at": _NUMBER.format("at"),
    "method": "method",
    "path": "path",
    "accountUsed": "account",
    "provider": "provider",
    "statusCode": "status",
    "success": _is(SUCCEEDED),
    "outcome": "outcome",
    "errorMessage": WHY,
    "responseTimeMs": "total_ms",
    "firstByteMs": "first_byte_ms",
    "firstTokenMs": "first_token_ms",
    "lastTokenMs": "last_token_ms",
    "overheadUs": "overhead_us",
    "failoverAttempts": "max(tries - 1, 0)",
    "tries": "tries",
    "model": f"coalesce(served_model, {_ASKED}, model)",
    "originalModel": "model",
    "appliedModel": _ASKED,
    "promptTokens": _PROMPT,
    "completionTokens": "output_tokens",
    "totalTokens": _TOTAL,
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadInputTokens": "cache_read_tokens",
    "cacheCreationInputTokens": _WRITTEN,
    "cacheCreation5mInputTokens": "cache_write_5m_tokens",
    "cacheCreation1hInputTokens": "cache_write_1h_tokens",
    "tokensPerSecond": _SPEED,
    "costUsd": _usd("cost_microusd"),
    "costSource": "cost_source",
    "priceSource": "price_source",
    "billingType": "billing",
    "project": "project",
    "projectSource": "project_source",
    "clientSessionId": "conversation",
    "apiKeyId": "client",
    "apiKeyName": "client",
    "client": "client",
    "userAgent": "user_agent",
    "comboName": "chain",
    "origin": "origin",
    "stream": _is("stream"),
    "stopReason": "stop_reason",
    "streamTerminalState": _STREAM_STATE,
    "rateLimited": _is("status = 429"),
    "hasPayload": _is("has_payload(id)"),
}
"""Each key of a row, and what it is."""
# A function of SQLite takes a hundred arguments at least, and these are 98.
_ROW_TEXT: Final = "json_object(" + ", ".join(f"'{key}', {what}" for key, what in ROW.items()) + ")"
_TRY: Final = (
    "json_object('account', value ->> 'account', 'provider', value ->> 'provider', 'why', value ->> 'why', "
    "'startedMs', value ->> 'started_ms', 'tookMs', value ->> 'took_ms', 'status', value ->> 'status', "
    "'kind', value ->> 'kind', 'reason', value ->> 'reason', 'model', value ->> 'model')"
)
_PASSED: Final = (
    "json_object('account', value ->> 'account', 'state', value ->> 'state', 'reason', value ->> 'reason', "
    "'until', value ->> 'until')"
)
_NEIGHBOUR: Final = (
    f"json_object('id', id, 'at', {_NUMBER.format('at')}, 'model', {ROW['model']}, 'outcome', outcome, "
    f"'outputTokens', output_tokens, 'costUsd', {_usd('cost_microusd')})"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are wanted; None: any. ``search``: the ids that a text was found in, the newest first."""

    limit: int = 50
    id: str | None = None
    before: float | None = None
    before_id: str | None = None
    since: float | None = None
    until: float | None = None
    account: str | None = None
    model: str | None = None
    client: str | None = None
    project: str | None = None
    conversation: str | None = None
    status: str = "all"
    outcome: str | None = None
    origin: str | None = None
    search: str | None = None


def listed(connection: sqlite3.Connection, wanted: Wanted, payloads: Path, now: float) -> bytes:
    """Return an array of rows as JSON. ``payloads``: the file of the payloads. Raises sqlite3.Error."""
    if wanted.search is None:
        text, _ = _listed(connection, wanted, None, payloads, now)
        return text
    earlier = min(filter(None, (wanted.before, wanted.until)), default=None)
    for most in (4 * wanted.limit, HITS):
        # A page is mostly full with the latest of what was found: then the rest need not even be counted.
        found = matching(connection, payloads, wanted.search, most, now=now, before=earlier)
        text, rows = _listed(connection, wanted, found, payloads, now)
        if len(found) < most or rows >= wanted.limit:
            break
    return text


def _listed(
    connection: sqlite3.Connection, wanted: Wanted, found: list[str] | None, payloads: Path, now: float
) -> tuple[bytes, int]:
    """Return the rows as JSON, of ``found`` those that are wanted, and how many they are."""
    where, values = _where(wanted, found)
    with has_payloads(connection, payloads, now):
        text, rows = connection.execute(
            # First which rows: of those that have to be sorted, only a page's worth is written out.
            "WITH page (number, place) AS MATERIALIZED (SELECT rowid, row_number() OVER () FROM (SELECT rowid "  # noqa: S608
            f"FROM requests WHERE {where} ORDER BY at DESC, id DESC LIMIT :limit)) "
            "SELECT cast('[' || coalesce(group_concat(row, ','), '') || ']' AS BLOB), count(*) FROM (SELECT "
            f"{_ROW_TEXT} AS row FROM page CROSS JOIN requests ON requests.rowid = number ORDER BY place)",
            {**values, "limit": wanted.limit},
        ).fetchone()
    return _utf8(text), int(rows)


def detail(connection: sqlite3.Connection, request_id: str, payloads: Path, now: float) -> bytes | None:
    """Return one row with its tries and neighbours as JSON; None where no such id is known. Raises sqlite3.Error."""
    with has_payloads(connection, payloads, now):
        found = connection.execute(_DETAIL, {"id": storable(request_id)}).fetchone()
    return None if found is None else _utf8(found[0])


def _utf8(text: bytes) -> bytes:
    """Return JSON as UTF-8: SQLite makes no such thing of half of a surrogate pair, which JSON can say."""
    return text.decode("utf-8", "replace").encode()


def last_account(connection: sqlite3.Connection, conversations: Iterable[str]) -> str | None:
    """Return the account of the latest request of conversations; None where there is none. Raises sqlite3.Error."""
    found = [
        connection.execute(
            "SELECT at, account FROM requests WHERE conversation = ? AND account IS NOT NULL "
            "ORDER BY at DESC LIMIT 1",
            (storable(conversation),),
        ).fetchone()
        for conversation in conversations
    ]
    return max((each for each in found if each is not None), default=(0.0, None))[1]


def _where(wanted: Wanted, found: list[str] | None) -> tuple[str, dict[str, object]]:
    """Return the condition on rows, and its values."""
    before, exactly = wanted.before, wanted.before_id is not None and wanted.before is not None
    conditions: list[tuple[str, str, object]] = [
        ("(at, id) < (:before, :before_id)" if exactly else "at < :before", "before", before),
        ("true", "before_id", storable(wanted.before_id) if exactly else None),
        ("id = :id", "id", storable(wanted.id)),
        ("at >= :since", "since", wanted.since),
        ("at < :until", "until", wanted.until),
        ("account = :account", "account", storable(wanted.account)),
        ("model = :model", "model", storable(wanted.model)),
        ("client = :client", "client", storable(wanted.client)),
        ("project = :project", "project", storable(wanted.project)),
        ("conversation = :conversation", "conversation", storable(wanted.conversation)),
        ("outcome = :outcome", "outcome", wanted.outcome),
        # SQLite knows neither that nearly all requests come from clients, nor that an index holds the few others.
        (
            "likely(origin = :origin)"
            if wanted.origin == "client"
            else "origin = :origin AND origin != 'client'",
            "origin",
            wanted.origin,
        ),
        (
            "id IN (SELECT value FROM json_each(:found))",
            "found",
            None if found is None else json.dumps(found),
        ),
    ]
    match wanted.status:
        case "all":
            pass
        case "success":
            conditions.append((f"likely({SUCCEEDED})", "success", 1))
        case "error":
            conditions.append((f"NOT coalesce({SUCCEEDED}, false)", "success", 0))
        case code:
            conditions.append(("status = :status", "status", int(code)))
    given = [(clause, name, value) for clause, name, value in conditions if value is not None]
    clauses = " AND ".join(clause for clause, _, _ in given) or "true"
    values = {name: value for _, name, value in given}
    if wanted.status == "error" and not values.keys() - {
        "before",
        "before_id",
        "since",
        "until",
        "origin",
        "success",
    }:
        # Nothing else narrows it down, and where little goes wrong it would be looked for in all that went well.
        clauses = _LATEST_BAD.replace("CLAUSES", clauses)
    return clauses, values


_OF_EACH: Final = """
    SELECT value FROM {names}, json_each((
        SELECT json_group_array(number) FROM (
            SELECT rowid AS number FROM requests WHERE requests.{column} = {names}.{column} AND CLAUSES
            ORDER BY at DESC, id DESC LIMIT :limit
        )
    ))
"""
_LATEST_BAD: Final = f"""requests.rowid IN (
    WITH RECURSIVE code (status) AS (
        SELECT min(status) FROM requests WHERE status >= 400
        UNION ALL
        SELECT (SELECT min(status) FROM requests WHERE status > code.status) FROM code WHERE code.status NOT NULL
    ),
    ended (outcome) AS (VALUES ('truncated'), ('error'), ('refused'))
    {_OF_EACH.format(names="code", column="status")} UNION {_OF_EACH.format(names="ended", column="outcome")}
)"""  # noqa: S608 - constants
"""Of every way to end badly, which an index knows, the latest."""
_DETAIL: Final = f"""
    WITH this AS MATERIALIZED (SELECT * FROM requests WHERE id = :id),
    neighbour AS MATERIALIZED (
        SELECT r.* FROM this CROSS JOIN requests AS r ON r.conversation = this.conversation AND r.id != this.id
        AND r.at >= this.at - {ABOUT} AND r.at <= this.at + {ABOUT}
        ORDER BY abs(r.at - this.at) LIMIT {NEIGHBOURS}
    )
    SELECT cast(substr({_ROW_TEXT}, 1, length({_ROW_TEXT}) - 1)
        || ',"usage":' || CASE
            WHEN NOT json_valid(usage) THEN 'null' WHEN json_type(usage) = 'object' THEN json(usage) ELSE 'null'
        END
        || ',"attempts":' || (SELECT json_group_array({_TRY}) FROM json_each(iif(json_valid(attempts), attempts, '[]')))
        || ',"passed":' || (SELECT json_group_array({_PASSED}) FROM json_each(iif(json_valid(passed), passed, '[]')))
        || ',"conversation_requests":' || (
            SELECT '[' || coalesce(group_concat(told, ','), '') || ']'
            FROM (SELECT {_NEIGHBOUR} AS told FROM neighbour ORDER BY at)
        )
        || '}}' AS BLOB)
    FROM this
"""  # noqa: S608 - constants
