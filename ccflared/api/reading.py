"""Reading the history for a call: equal calls are asked once, and what cannot be read is said, never 0."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any, Final, NoReturn

from ccflared.api.calls import Call
from ccflared.daemon.answers import Reply
from ccflared.daemon.books.archive import Unreadable
from ccflared.errors import ClientError

SECONDS: Final = 5.0
"""That an answer may take; a longer one is given up."""

Question = Callable[[sqlite3.Connection], Any]


async def read(call: Call, question: Question, *, totals: bool = True) -> Reply:
    """Answer with what a question finds, as JSON. ``totals``: what is counted already does not suffice.

    Raises ClientError (503) where the history cannot be read.
    """
    return Reply(200, await text(call, lambda connection: _bytes(question(connection)), totals=totals))


async def text(call: Call, question: Callable[[sqlite3.Connection], bytes], *, totals: bool = False) -> bytes:
    """Return what a question finds, which is JSON already. Raises ClientError (503)."""
    house = call.running.house
    await caught_up(call, totals=totals)
    asked = {
        name: tuple(value) if isinstance(value, list) else value for name, value in call.asked_for.items()
    }
    same = (call.asked.method, call.asked.path, tuple(sorted(asked.items(), key=lambda item: item[0])))
    try:
        return await house.archive.ask(question, seconds=SECONDS, same=same)
    except Unreadable as error:
        unreadable(call, error)


async def caught_up(call: Call, *, totals: bool = False) -> None:
    """Wait a moment for what has just ended to be in the history; not where nothing is written now."""
    recorder = call.running.house.recorder
    if recorder.state.error is None:
        await recorder.caught_up(totals=totals)


async def find(call: Call, question: Question, *, seconds: float = 2.0) -> Any:
    """Return what a question finds; None where the history cannot be read."""
    try:
        return await call.running.house.archive.ask(question, seconds=seconds)
    except Unreadable:
        return None


def unreadable(call: Call, error: sqlite3.Error | OSError) -> NoReturn:
    """Say that there is no history to read, and why. Raises ClientError (503)."""
    words = call.running.house.archive.words(error)
    raise ClientError(503, "api_error", f"The history cannot be read now: {words}.") from error


def _bytes(found: object) -> bytes:
    return json.dumps(found, ensure_ascii=False).encode()
