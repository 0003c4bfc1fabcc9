"""Answers of the daemon itself: in the client's dialect where there was a mistake, as JSON elsewhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ccflared.daemon.access import Denied
from ccflared.daemon.exchange import Exchange
from ccflared.errors import ClientError
from ccflared.formats import dialect

JSON: Final = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (JSON,)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on until its client leaves, or ``write`` has nothing more to say."""

    write: Callable[[Exchange], Awaitable[None]]
    """Gives out piece after piece by ``exchange.write``; it is cancelled when the client leaves."""
    headers: tuple[tuple[bytes, bytes], ...] = (
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache"),
        (b"x-accel-buffering", b"no"),
    )
    over: Callable[[], object] = lambda: None
    """Called once when it has ended, however it did, or could not even begin."""


def id_fields(path: str, request_id: str) -> list[tuple[bytes, bytes]]:
    """Return the fields that name a request: ours, and the one that the SDKs of its dialect show with an error."""
    return [(b"x-ccflared-request-id", request_id.encode()), dialect.id_field(path, request_id)]


async def give(exchange: Exchange, reply: Reply | Stream) -> None:
    """Give out an answer."""
    if isinstance(reply, Stream):
        try:
            with exchange.attended():
                await exchange.begin(200, list(reply.headers))
                await exchange.flush()
                await reply.write(exchange)
                await exchange.end()
        finally:
            reply.over()
        return
    await exchange.reply(reply.status, list(reply.headers), reply.body)


async def give_error(exchange: Exchange, path: str, request_id: str, error: ClientError) -> None:
    """Tell a client what is wrong, in the dialect of the path it asked for."""
    headers = [JSON, *id_fields(path, request_id)]
    if isinstance(error, Denied):
        headers += error.extra
    elif error.status < 500:
        # The SDKs would try a 408 or 409 again; what is wrong with the request stays wrong.
        headers.append((b"x-should-retry", b"false"))
    await exchange.reply(error.status, headers, dialect.error_body(path, error.kind, str(error), request_id))
