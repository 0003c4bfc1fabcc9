"""Answers of the daemon itself: in the client's dialect where there was a mistake, as JSON elsewhere."""

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


def id_fields(path: str, request_id: str) -> list[tuple[bytes, bytes]]:
    """Return the fields that name a request: ours, and the one that the SDKs of its dialect show with an error."""
    return [(b"x-ccflared-request-id", request_id.encode()), dialect.id_field(path, request_id)]


async def give(exchange: Exchange, reply: Reply) -> None:
    """Give out an answer."""
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
