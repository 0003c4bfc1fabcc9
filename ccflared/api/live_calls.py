"""Streams of what goes on: requests, log lines, changes of accounts, alerts; and the log's lines so far.

Each is a stream of server-sent events. A client that comes again gives the id of the last event it has seen, as
EventSource does by itself, and gets what it has missed, or is told that some of it is gone.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Final, TypeVar, assert_never

from ccflared.api.calls import Call, reply
from ccflared.api.request_row import row_of
from ccflared.api.route import Route, Schema
from ccflared.api.schemas import STREAM
from ccflared.daemon.about import EVENTS
from ccflared.daemon.alarms.alert import Alert
from ccflared.daemon.answers import Reply, Stream
from ccflared.daemon.feeds.live import LISTENERS, AccountChange, Ended, Started, Tried
from ccflared.daemon.feeds.rings import Ring
from ccflared.daemon.logs import Line
from ccflared.errors import ClientError

T = TypeVar("T")

_CONNECTED: Final = b"event: connected\ndata: {}\n\n"
_LOG_CONNECTED: Final = b'data: {"connected":true}\n\n'
_LEVELS: Final = {"WARNING": "WARN", "CRITICAL": "ERROR"}


async def requests_stream(call: Call) -> Stream:
    """Tell of each request when it begins, when it is tried at an account, and when it has ended."""
    return _stream(call, call.running.house.live.requests, _request, _CONNECTED)


async def log_stream(call: Call) -> Stream:
    """Tell of each line of the log."""
    return _stream(call, call.running.house.live.lines, _line, _LOG_CONNECTED)


async def accounts_stream(call: Call) -> Stream:
    """Tell of each change of an account's state."""
    return _stream(call, call.running.house.live.accounts, _change, _CONNECTED)


async def alerts_stream(call: Call) -> Stream:
    """Tell of each alert that begins, ends or is acknowledged."""
    return _stream(call, call.running.house.live.alerts, _alert, _CONNECTED)


async def log_history(call: Call) -> Reply:
    """Answer the lines of the log that are kept, each with the id that it has in the stream."""
    ring = call.running.house.live.lines
    return reply(200, [_line(line) | {"id": ring.id(number)} for number, line in ring.last()])


async def stream_token(call: Call) -> Reply:
    """Answer a token that opens one stream, once, within a minute."""
    return reply(200, {"token": call.running.house.live.ticket(call.lasts)})


def _stream(call: Call, ring: Ring[T], spell: Callable[[T], object], hello: bytes) -> Stream:
    """Begin a stream. Raises ClientError (503) where as many listen as may."""
    house = call.running.house
    live = house.live
    if not live.take_seat():
        said = f"{LISTENERS} streams are open, as many as may be; close one."
        raise ClientError(503, "overloaded_error", said)
    house.noticed.stir()  # from now on it is looked at more often what has changed
    field = call.asked.fields.get(b"last-event-id")
    last_id = call.asked_for.get("lastEventId") if field is None else field.decode("latin-1")
    return Stream(
        partial(
            live.tell,
            ring=ring,
            spell=spell,
            last_id=last_id,
            hello=hello,
            # Who was let in by a token of before, or has logged out, shall not listen on for ever.
            allowed=call.lasts,
        ),
        over=live.leave_seat,
    )


def _request(thing: Started | Tried | Ended) -> dict[str, Any]:
    match thing:
        case Started():
            return {"type": "start", **thing._asdict()}
        case Tried():
            return {"type": "try", **thing._asdict()}
        case Ended():
            return {"type": "summary", "payload": row_of(thing.entry, has_payload=thing.has_payload)}
        case _:
            assert_never(thing)


def _line(line: Line) -> dict[str, Any]:
    """Write a line of the log as better-ccflare's API does; ``ts`` in milliseconds."""
    return {
        "ts": round(line.at * 1000),
        "level": _LEVELS.get(line.level, line.level),
        "msg": line.message,
        "data": {"logger": line.logger} | line.about.fields,
    }


def _change(change: AccountChange) -> dict[str, Any]:
    return asdict(change)


def _alert(alert: Alert) -> dict[str, Any]:
    return alert.document()


_QUERY: Final[dict[str, Schema]] = {
    "lastEventId": {
        "type": "string",
        "maxLength": 64,
        "description": "The id of the last event that was seen, where the header field Last-Event-ID cannot be sent.",
    },
    "stream_token": {
        "type": "string",
        "maxLength": 64,
        "description": "A token of POST /api/logs/stream/token, in place of a credential.",
    },
}
_LINE: Final[Schema] = {
    "type": "object",
    "required": ["id", "ts", "level", "msg", "data"],
    "properties": {
        "id": {"type": "string"},
        "ts": {"type": "integer", "description": "Milliseconds since 1970."},
        "level": {"enum": ["DEBUG", "INFO", "WARN", "ERROR"]},
        "msg": {"type": "string"},
        "data": {
            "type": "object",
            "required": ["logger"],
            "properties": {
                "logger": {"type": "string"},
                "event": {"enum": list(EVENTS), "description": "What kind of thing has happened."},
                "request": {"type": "string", "description": "The id of the request it is about."},
                "account": {"type": "string", "description": "The account it is about."},
                "client": {"type": "string", "description": "The client it is about."},
            },
        },
    },
}

ROUTES: Final = (
    Route(
        "GET",
        "/api/requests/stream",
        requests_stream,
        "A stream of server-sent events: requests, when they begin, are tried at an account, and have ended.",
        query=_QUERY,
        gives={200: STREAM},
    ),
    Route(
        "GET",
        "/api/logs/stream",
        log_stream,
        "A stream of server-sent events: the lines of the log.",
        query=_QUERY,
        gives={200: STREAM},
    ),
    Route(
        "GET",
        "/api/accounts/stream",
        accounts_stream,
        "A stream of server-sent events: the changes of the accounts' states.",
        query=_QUERY,
        gives={200: STREAM},
    ),
    Route(
        "GET",
        "/api/insights/alerts/stream",
        alerts_stream,
        "A stream of server-sent events: alerts that begin, end or are acknowledged.",
        query=_QUERY,
        gives={200: STREAM},
    ),
    Route(
        "POST",
        "/api/logs/stream/token",
        stream_token,
        "A token that opens one stream (?stream_token=), once, within a minute.",
        gives={200: {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}}},
    ),
    Route(
        "GET",
        "/api/logs/history",
        log_history,
        "The last 1000 lines of the log, the oldest first.",
        gives={200: {"type": "array", "items": _LINE}},
    ),
)
