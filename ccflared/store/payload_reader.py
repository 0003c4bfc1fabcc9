"""Reads payloads beside their writing, on connections of their own. What is too old is not read, deleted or not."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ccflared.store.buckets import APPLICATION_ID, LIVE
from ccflared.store.packing import Unpacked, unpack
from ccflared.store.schema import open_reader, storable


@dataclass(frozen=True, slots=True)
class Kept:
    """A payload as it was kept."""

    id: str
    at: float
    request: Unpacked
    response: Unpacked


def open_payload_reader(path: Path, *, seconds: float = 2.0) -> sqlite3.Connection | None:
    """Open the payloads for reading, for ``seconds`` at the most; None where there are none. Raises sqlite3.Error."""
    if not path.exists():
        return None
    connection = open_reader(path, seconds=seconds)
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    except BaseException:
        connection.close()
        raise
    if application != APPLICATION_ID:
        connection.close()
        return None
    return connection


def live(connection: sqlite3.Connection, now: float, before: float = float("inf")) -> list[int]:
    """Return the numbers of the buckets that may be read, the latest first; those with requests before a time."""
    found = connection.execute(
        f"SELECT number FROM buckets WHERE {LIVE} AND since < ? ORDER BY since DESC, number DESC",  # noqa: S608 - a constant
        (now, before),
    )
    return [int(number) for (number,) in found]


def one(connection: sqlite3.Connection, request_id: str, now: float) -> Kept | None:
    """Return the payload of a request; None where none is kept. Raises ValueError where it is damaged."""
    for bucket in live(connection, now):
        found = connection.execute(
            f"SELECT id, at, request, response FROM payloads_{bucket} "  # noqa: S608 - a number
            f"JOIN bodies_{bucket} USING (number) WHERE id = ?",
            (storable(request_id),),
        ).fetchone()
        if found is not None:
            return Kept(found[0], found[1], unpack(found[2]), unpack(found[3]))
    return None


def latest(connection: sqlite3.Connection, limit: int, now: float) -> list[str]:
    """Return the requests of up to ``limit`` payloads, the latest first."""
    found: list[tuple[float, str]] = []
    for bucket in live(connection, now):
        found += connection.execute(
            f"SELECT at, id FROM payloads_{bucket} ORDER BY number DESC LIMIT ?",  # noqa: S608 - a number
            (limit - len(found),),
        )
        if len(found) >= limit:
            break
    return [request_id for _, request_id in sorted(found, reverse=True)]


def which(connection: sqlite3.Connection, ids: Iterable[str], now: float) -> set[str]:
    """Return those of the requests whose payload is kept."""
    asked = json.dumps([storable(each) for each in ids])
    kept: set[str] = set()
    for bucket in live(connection, now):
        found = connection.execute(
            f"SELECT id FROM payloads_{bucket} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - a number
            (asked,),
        )
        kept.update(each for (each,) in found)
    return kept


@contextmanager
def has_payloads(
    connection: sqlite3.Connection, path: Path | None, now: float, *, seconds: float = 2.0
) -> Iterator[None]:
    """Give a reader of the history the SQL function ``has_payload(id)``, 1 or 0, as long as the context lasts.

    ``path``: of the payloads. Where they cannot be read it is always 0.
    """
    try:
        payloads = None if path is None else open_payload_reader(path, seconds=seconds)
    except sqlite3.Error:
        payloads = None
    if payloads is None:
        connection.create_function("has_payload", 1, lambda _: 0)
        yield
        return
    with closing(payloads):
        connection.create_function("has_payload", 1, _looking(payloads, now))
        yield


def _looking(payloads: sqlite3.Connection, now: float) -> Callable[[str], int]:
    try:
        buckets = live(payloads, now)
    except sqlite3.Error:
        buckets = []
    queries = [f"SELECT 1 FROM payloads_{bucket} WHERE id = ?" for bucket in buckets]  # noqa: S608 - numbers

    def look(request_id: str) -> int:
        try:
            return int(any(payloads.execute(query, (request_id,)).fetchone() for query in queries))
        except sqlite3.Error:
            return 0

    return look
