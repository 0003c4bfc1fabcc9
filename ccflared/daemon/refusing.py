"""How a client is told that nobody serves it now: in its own dialect, with the time to ask again."""

from collections.abc import Sequence
from typing import Final

from ccflared.daemon.answers import JSON
from ccflared.daemon.exchange import Exchange, RawHeaders
from ccflared.daemon.journal import Journal
from ccflared.formats import dialect
from ccflared.pool.refusal import Refusal
from ccflared.wire import Inbound

WORTH_WAITING: Final = 60
"""Seconds. Claude Code waits that long and no longer; an SDK would sleep through any time it is told."""
_NOT_SOON: Final = 300
"""Seconds, told where no recovery is in sight: a person must act. Claude Code tries a 503 ``overloaded_error`` again
and hides what it says, even with ``x-should-retry: false``, unless ``retry-after`` is longer than it waits."""


async def tell_refusal(
    refusal: Refusal,
    inbound: Inbound,
    exchange: Exchange,
    journal: Journal,
    own: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Tell the client in its own dialect that it is not served now, and when to ask again."""
    journal.ended("refused", refusal.message)
    named = own or ((b"x-ccflared-request-id", inbound.id.encode()),)
    body = dialect.error_body(inbound.path, refusal.kind, refusal.message, inbound.id)
    headers = [*named, dialect.id_field(inbound.path, inbound.id), *_waiting(refusal)]
    await exchange.reply(refusal.status, headers, body)


def _waiting(refusal: Refusal) -> RawHeaders:
    """``retry-after``, and for a wait that nobody should sleep through the word not to retry."""
    wait = _NOT_SOON if refusal.wait is None else refusal.wait
    headers = [JSON, (b"retry-after", str(wait).encode())]
    if wait > WORTH_WAITING:
        headers.append((b"x-should-retry", b"false"))
    return headers
