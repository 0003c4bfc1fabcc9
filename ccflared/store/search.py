"""Search by text, in errors and in payloads: which requests, the latest first.

What a person types is words: all have to be there. "Words in quotation marks" have to stand together, a * at the end
stands for any further letters; so does the end of the last word, which may be half typed, or one of two forms, from
BEGUN letters on. In quotation marks it is whole. Everything else, also what FTS5 would take for an operator, is text to
look for.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from ccflared.store.payload_reader import live, open_payload_reader
from ccflared.store.schema import storable

HITS: Final = 20_000
"""Requests of either kind that are looked at."""
BEGUN: Final = 4
"""Letters from which on the last word is taken for a beginning. What begins with fewer are too many words of too many
texts: of 20,000 payloads, three letters took half a second, and four some milliseconds."""
_WORDS: Final = 16
_LONGEST: Final = 200
_PART: Final = re.compile(r'"([^"]*)"?(\*?)|(\S+)')
_RUN: Final = re.compile(r"[^\W_]+")
"""What FTS5 takes for one word."""
_SLICE: Final = 1000


def expression(text: str) -> str | None:
    """Return what FTS5 is asked for a text that a person typed; None where nothing in it can be looked for."""
    terms, begun = [], False
    for match in islice(_PART.finditer(storable(text).replace("\0", " ")), _WORDS):
        quoted, star, word = match.groups()
        if word is not None:
            star = "*" if word.endswith("*") else ""
            # A quotation mark within a word is none that opens anything.
            quoted = word.rstrip("*").replace('"', " ")
        quoted = quoted[:_LONGEST]
        if any(letter.isalnum() for letter in quoted):
            terms.append(f'"{quoted}"{star and " *"}')
            begun = word is not None and not star and len(_RUN.findall(quoted)[-1]) >= BEGUN
    if begun:
        terms[-1] += " *"
    return " AND ".join(terms) or None


def matching(
    connection: sqlite3.Connection,
    payloads: Path | None,
    text: str,
    limit: int = HITS,
    *,
    now: float,
    before: float | None = None,
    seconds: float = 2.0,
) -> list[str]:
    """Return the ids of up to ``limit`` requests that say ``text`` in an error or their payload, the latest first.

    ``connection`` reads the history, ``payloads`` is the path of the payloads, which are left out where they cannot be
    read. Not more than HITS of either are looked at; ``before``: only requests that came earlier. Raises sqlite3.Error.
    """
    asked = expression(text)
    if asked is None:
        return []
    most, earlier = min(limit, HITS), float("inf") if before is None else before
    found = dict(
        connection.execute(
            "SELECT errors.id, errors.at FROM errors_said JOIN errors ON errors.number = errors_said.rowid "
            "WHERE errors_said MATCH ? AND errors.at < ? ORDER BY errors_said.rowid DESC LIMIT ?",
            (asked, earlier, most),
        )
    )
    if payloads is not None:
        found.update(_in_payloads(payloads, asked, most, now=now, seconds=seconds, earlier=earlier))
    return sorted(found, key=lambda each: (found[each], each), reverse=True)[:limit]


def _in_payloads(
    path: Path, asked: str, most: int, *, now: float, seconds: float, earlier: float
) -> dict[str, float]:
    found: dict[str, float] = {}
    try:
        connection = open_payload_reader(path, seconds=seconds)
        if connection is None:
            return found
        with closing(connection):
            for bucket in live(connection, now, earlier):
                found.update(_in_bucket(connection, bucket, asked, most - len(found), earlier))
                if len(found) >= most:
                    break
    except sqlite3.Error:
        # Damaged, or too slow: what was found is better than nothing.
        return found
    return found


def _in_bucket(
    connection: sqlite3.Connection, bucket: int, asked: str, most: int, earlier: float
) -> Iterator[tuple[str, float]]:
    yield from connection.execute(
        f"SELECT kept.id, kept.at FROM search_{bucket} AS said "  # noqa: S608 - a number
        f"JOIN payloads_{bucket} AS kept ON kept.number = said.rowid "
        f"WHERE said.search_{bucket} MATCH ? AND kept.at < ? ORDER BY said.rowid DESC LIMIT ?",
        (asked, earlier, most),
    )
