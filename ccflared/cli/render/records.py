"""Requests as the history tells of them, from the JSON of ``/api/requests`` and ``/api/requests/{id}``. Pure.

As in snapshot.py, what is missing is unknown, and named tuples are quicker to make than dataclasses.
"""

from typing import NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.explanation import NotAsked, Try


class Counted(NamedTuple):
    """Tokens by kind; None: not reported."""

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write_5m: int | None
    cache_write_1h: int | None

    @property
    def sent(self) -> int | None:
        """All that was sent, from the cache or not."""
        known = [kind for kind in (self.input, *self[2:]) if kind is not None]
        return sum(known) if known else None


class Record(NamedTuple):
    """One request of the past. Times in milliseconds, costs in USD; None is unknown."""

    id: str
    at: float | None
    method: str
    path: str
    account: str | None
    provider: str | None
    status: int | None
    outcome: str
    error: str | None
    total_ms: float | None
    first_byte_ms: float | None
    first_token_ms: float | None
    last_token_ms: float | None
    overhead_us: float | None
    tries: int
    model: str | None
    requested: str | None
    applied: str | None
    tokens: Counted
    tokens_per_second: float | None
    cost: float | None
    cost_source: str | None
    price_source: str | None
    billing: str | None
    project: str | None
    project_source: str | None
    conversation: str | None
    client: str | None
    user_agent: str | None
    chain: str | None
    origin: str
    stream: bool
    stop_reason: str | None
    payload: bool


class Neighbour(NamedTuple):
    """Another request of the same conversation."""

    id: str
    at: float | None
    model: str | None
    outcome: str
    output: int | None
    cost: float | None


class Page(NamedTuple):
    """All that is known of one request."""

    record: Record
    attempts: tuple[Try, ...]
    passed: tuple[NotAsked, ...]
    neighbours: tuple[Neighbour, ...]


def is_record(value: object) -> bool:
    """Tell whether a JSON value looks like a request."""
    return isinstance(value, dict) and isinstance(value.get("id"), str)


def read_records(value: object) -> list[Record]:
    """Return the requests that ``/api/requests`` gave, in its order."""
    given = value if isinstance(value, list) else []
    return [read_record(item) for item in given if is_record(item)]


def read_record(value: object) -> Record:
    """Return one request."""
    row = Json(value)
    return Record(
        id=row.text("id"),
        at=row.number("at"),
        method=row.text("method"),
        path=row.text("path"),
        account=row.maybe("accountUsed"),
        provider=row.maybe("provider"),
        status=row.whole("statusCode"),
        outcome=row.text("outcome") or "unknown",
        error=row.maybe("errorMessage"),
        total_ms=row.number("responseTimeMs"),
        first_byte_ms=row.number("firstByteMs"),
        first_token_ms=row.number("firstTokenMs"),
        last_token_ms=row.number("lastTokenMs"),
        overhead_us=row.number("overheadUs"),
        tries=row.count("tries"),
        model=row.maybe("model"),
        requested=row.maybe("originalModel"),
        applied=row.maybe("appliedModel"),
        tokens=Counted(
            row.whole("inputTokens"),
            row.whole("outputTokens"),
            row.whole("cacheReadInputTokens"),
            row.whole("cacheCreation5mInputTokens"),
            row.whole("cacheCreation1hInputTokens"),
        ),
        tokens_per_second=row.number("tokensPerSecond"),
        cost=row.number("costUsd"),
        cost_source=row.maybe("costSource"),
        price_source=row.maybe("priceSource"),
        billing=row.maybe("billingType"),
        project=row.maybe("project"),
        project_source=row.maybe("projectSource"),
        conversation=row.maybe("clientSessionId"),
        client=row.maybe("apiKeyName") or row.maybe("client"),
        user_agent=row.maybe("userAgent"),
        chain=row.maybe("comboName"),
        origin=row.text("origin") or "client",
        stream=row.flag("stream", default=False),
        stop_reason=row.maybe("stopReason"),
        payload=row.flag("hasPayload", default=False),
    )


def read_page(value: object) -> Page:
    """Return what ``/api/requests/{id}`` gave."""
    top = Json(value)
    return Page(
        record=read_record(value),
        attempts=tuple(
            Try(
                account=item.text("account"),
                model=item.maybe("model"),
                why=item.text("why"),
                started_ms=item.count("startedMs"),
                took_ms=item.count("tookMs"),
                status=item.whole("status"),
                kind=item.text("kind") or "unknown",
                reason=item.text("reason"),
            )
            for item in top.parts("attempts")
        ),
        passed=tuple(
            NotAsked(
                item.text("account"),
                item.text("state") or "unknown",
                item.maybe("reason"),
                item.number("until"),
            )
            for item in top.parts("passed")
        ),
        neighbours=tuple(
            Neighbour(
                item.text("id"),
                item.number("at"),
                item.maybe("model"),
                item.text("outcome") or "unknown",
                item.whole("outputTokens"),
                item.number("costUsd"),
            )
            for item in top.parts("conversation_requests")
        ),
    )
