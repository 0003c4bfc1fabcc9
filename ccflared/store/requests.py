"""Rows of the table ``requests``: from an Entry and back."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from ccflared.store.schema import storable
from ccflared.wire import Attempt, Entry, Origin, Outcome, Passed, Tokens

COLUMNS = (
    "id",
    "at",
    "method",
    "path",
    "client",
    "project",
    "conversation",
    "user_agent",
    "model",
    "served_model",
    "account",
    "provider",
    "status",
    "outcome",
    "error",
    "stream",
    "stop_reason",
    "first_byte_ms",
    "total_ms",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "usage",
    "tries",
    "attempts",
    "passed",
    "chain",
    "origin",
    "cost_microusd",
    "cost_source",
    "billing",
    "charged_microusd",
    "first_token_ms",
    "last_token_ms",
    "overhead_us",
    "price_source",
    "project_source",
)
# The statements are put together from the constants above; values are always parameters.
# A row that is offered again, because it was not certain that it had been committed, stays as it is.
INSERT = (
    f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - constants
    "ON CONFLICT (id) DO NOTHING"
)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM requests"  # noqa: S608 - constants

SEARCHED_MOST = 4000
"""Characters of a request's errors that are searched."""
LARGEST = 10**10
"""Of any number in a row, so that sums over hundreds of millions of rows stay within 64 bits."""


def insert(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Write the entries in the caller's transaction. Raises sqlite3.Error."""
    entries = list(entries)
    connection.executemany(INSERT, [_values(entry) for entry in entries])
    noted = [(storable(entry.id), float(entry.at), text) for entry in entries if (text := _searched(entry))]
    if noted:
        connection.executemany(
            "INSERT INTO errors (id, at, text) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", noted
        )


def row(connection: sqlite3.Connection, request_id: str) -> Entry | None:
    """Return one request, or None where no such id is known."""
    found = connection.execute(f"{SELECT} WHERE id = ?", (storable(request_id),)).fetchone()
    return None if found is None else _entry(found)


def recent(
    connection: sqlite3.Connection,
    limit: int,
    *,
    before: float | None = None,
    since: float | None = None,
    account: str | None = None,
    status: int | None = None,
    outcome: Outcome | None = None,
    conversation: str | None = None,
    origin: Origin | None = None,
) -> list[Entry]:
    """Return up to ``limit`` requests, the latest first, that arrived in [since, before) and are as given."""
    conditions: list[tuple[str, object]] = [
        ("at < ?", before),
        ("at >= ?", since),
        ("account = ?", storable(account)),
        ("status = ?", status),
        ("outcome = ?", outcome),
        ("conversation = ?", storable(conversation)),
        # SQLite knows neither that nearly all requests come from clients, nor that an index holds the few others.
        ("likely(origin = ?)" if origin == "client" else "origin = ? AND origin != 'client'", origin),
    ]
    given = [(clause, value) for clause, value in conditions if value is not None]
    where = f" WHERE {' AND '.join(clause for clause, _ in given)}" if given else ""
    values = [value for _, value in given]
    query = f"{SELECT}{where} ORDER BY at DESC, id DESC LIMIT ?"
    return [_entry(found) for found in connection.execute(query, (*values, max(0, limit)))]


def _values(entry: Entry) -> tuple[object, ...]:
    tokens = entry.tokens
    return (
        storable(entry.id),
        float(entry.at),
        storable(entry.method),
        storable(entry.path),
        storable(entry.client),
        storable(entry.project),
        storable(entry.conversation),
        storable(entry.user_agent),
        storable(entry.model),
        storable(entry.served_model),
        storable(entry.account),
        storable(entry.provider),
        _whole(entry.status),
        entry.outcome,
        storable(entry.error),
        int(entry.stream),
        storable(entry.stop_reason),
        _whole(entry.first_byte_ms),
        _whole(entry.total_ms),
        _whole(tokens.input),
        _whole(tokens.output),
        _whole(tokens.cache_read),
        _whole(tokens.cache_write_5m),
        _whole(tokens.cache_write_1h),
        storable(entry.usage),
        len(entry.attempts),
        _json(entry.attempts, _OF_ATTEMPT),
        _json(entry.passed, _OF_PASSED),
        storable(entry.chain),
        entry.origin,
        _whole(entry.cost),
        entry.cost_source,
        entry.billing,
        _whole(entry.charged),
        _whole(entry.first_token_ms),
        _whole(entry.last_token_ms),
        _whole(entry.overhead_us),
        storable(entry.price_source),
        entry.project_source,
    )


def _searched(entry: Entry) -> str:
    """Return what is searched of a request: its error, and why tries failed. Most have none."""
    reasons = [attempt.reason for attempt in entry.attempts if attempt.kind != "served"]
    said = dict.fromkeys(part for part in (entry.error, *reasons) if part)
    return storable("\n".join(said)[:SEARCHED_MOST])


_OF_ATTEMPT = tuple(field.name for field in fields(Attempt))
_OF_PASSED = tuple(field.name for field in fields(Passed))


def _json(many: Sequence[Attempt] | Sequence[Passed], names: Sequence[str]) -> str:
    # asdict() copies deeply, which took longer than all the rest of a row.
    return _ENCODER.encode([{name: getattr(one, name) for name in names} for one in many]) if many else "[]"


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def _whole(value: int | None) -> int | None:
    """Return the number within bounds: an upstream may claim any count of tokens."""
    return None if value is None else max(-LARGEST, min(LARGEST, int(value)))


def _entry(found: Sequence[Any]) -> Entry:
    named = dict(zip(COLUMNS, found, strict=True))
    return Entry(
        id=named["id"],
        at=named["at"],
        method=named["method"],
        path=named["path"],
        client=named["client"],
        project=named["project"],
        conversation=named["conversation"],
        user_agent=named["user_agent"],
        model=named["model"],
        served_model=named["served_model"],
        account=named["account"],
        provider=named["provider"],
        status=named["status"],
        outcome=named["outcome"],
        error=named["error"],
        stream=bool(named["stream"]),
        stop_reason=named["stop_reason"],
        first_byte_ms=named["first_byte_ms"],
        total_ms=named["total_ms"],
        tokens=Tokens(
            named["input_tokens"],
            named["output_tokens"],
            named["cache_read_tokens"],
            named["cache_write_5m_tokens"],
            named["cache_write_1h_tokens"],
        ),
        usage=named["usage"],
        # Rows of an earlier version lack the later fields, which have defaults.
        attempts=tuple(Attempt(**attempt) for attempt in json.loads(named["attempts"])),
        passed=tuple(Passed(**passed) for passed in json.loads(named["passed"])),
        chain=named["chain"],
        origin=named["origin"],
        cost=named["cost_microusd"],
        cost_source=named["cost_source"],
        charged=named["charged_microusd"],
        billing=named["billing"],
        first_token_ms=named["first_token_ms"],
        last_token_ms=named["last_token_ms"],
        overhead_us=named["overhead_us"],
        price_source=named["price_source"],
        project_source=named["project_source"],
    )
