"""Asks a token endpoint, once: what is spent there must not reach it twice."""

from collections.abc import Sequence
from time import time
from typing import Final

import trio

from ccflared.daemon.upstream import Upstream
from ccflared.errors import UpstreamError
from ccflared.providers.oauth import TokenFailure, TokenPair, read_answer
from ccflared.providers.target import Target
from ccflared.secret import Secret
from ccflared.wire import Outbound

WITHIN: Final = 30.0
"""Seconds that it may take."""
_CONNECT: Final = 10.0
_ANSWER_READ: Final = 256 * 1024


async def ask(
    upstream: Upstream,
    outbound: Outbound,
    target: Target,
    *,
    spent: Secret | None = None,
    sent: Sequence[Secret] = (),
) -> TokenPair | TokenFailure:
    """Send a request for tokens on a connection of its own and read the answer; whatever goes wrong is a value.

    ``spent``: the refresh token in it; ``sent``: its other secrets. The way there is that of the account's requests.
    """
    try:
        with trio.fail_after(WITHIN):
            answer = await upstream.send(
                outbound, target, connect_seconds=_CONNECT, silent_seconds=WITHIN, once=True
            )
            with answer:
                said = await answer.read(_ANSWER_READ, WITHIN)
                await answer.receive()  # raises where it broke off
    except UpstreamError as error:
        return TokenFailure("temporary", f"the token endpoint cannot be asked: {error}")
    except trio.TooSlowError:
        return TokenFailure("temporary", f"the token endpoint did not answer within {WITHIN:g} s")
    return read_answer(answer.head, said, time(), spent=spent, sent=sent)
