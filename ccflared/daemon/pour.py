"""Gives an upstream's answer to the client: holds back its beginning, then passes the bytes on untouched.

The commit point: of a stream nothing goes out before its first content event (or ``hold_first_event``), so that an
overload told inside a 200 can still fail over. After the first byte nothing is ever begun anew: a break is passed
on so that no client takes it for an end, as an error event between two events, else by a cut connection.
"""

from contextlib import suppress
from typing import Final

import trio

from ccflared.config.model import Routing
from ccflared.daemon.ear import Ear
from ccflared.daemon.exchange import Exchange
from ccflared.daemon.journal import Journal
from ccflared.daemon.speaker import Begun
from ccflared.daemon.upstream import Answer
from ccflared.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from ccflared.formats.sse import LONGEST_EVENT
from ccflared.providers.observe import observe_failure
from ccflared.wire import Observation

_DOCUMENT_HELD: Final = 256 * 1024
_LINGERS: Final = 0.5
"""Seconds that the end of a transfer is waited for, once its client has all there is."""


async def begin_stream(begun: Begun, ear: Ear, routing: Routing) -> Observation | None:
    """Receive a stream up to its commit point. An Observation: it failed before, and may be tried elsewhere."""
    begun.ear = ear
    commit_at = trio.current_time() + routing.hold_first_event
    held = 0
    try:
        while True:
            with trio.move_on_at(commit_at) as scope:
                data = await receive(begun.answer, routing.idle_timeout)
            if scope.cancelled_caught:
                return None
            if data:
                begun.held.append(ear.hear(data, trio.current_time()))
                held += len(data)
            else:
                begun.ended = True
                try:
                    begun.held.append(ear.close())
                except UpstreamBroken:
                    return Observation("account", "broken", "the stream ended before any content")
            if ear.failed is not None and ear.failed.scope != "request":
                return ear.failed
            if held > LONGEST_EVENT or ear.opened or begun.ended:
                return None
    except UpstreamError as error:
        return observe_failure(error)


async def begin_document(begun: Begun, routing: Routing) -> Observation | None:
    """Receive an answer that is no stream, whole if it is short, so that a break can still fail over."""
    length = 0
    try:
        while not begun.ended and length < _DOCUMENT_HELD:
            data = await receive(begun.answer, routing.idle_timeout)
            begun.held.append(data)
            begun.ended = not data or begun.answer.ended
            length += len(data)
    except UpstreamError as error:
        return observe_failure(error)
    return None


async def take_whole(begun: Begun, routing: Routing, most: int) -> bytes:
    """Receive the rest of a document, up to ``most`` bytes or so, and return all of it. Raises UpstreamError."""
    length = sum(map(len, begun.held))
    while not begun.ended and length < most:
        data = await receive(begun.answer, routing.idle_timeout)
        begun.held.append(data)
        begun.ended = not data or begun.answer.ended
        length += len(data)
    return b"".join(begun.held)


async def pour(begun: Begun, exchange: Exchange, journal: Journal, routing: Routing) -> Observation | None:
    """Give the rest of a begun answer to the client and note how it ended. Returns what it says of the account.

    The exchange is left without an end where the connection has to be cut.
    """
    ear = begun.ear
    try:
        if ear is None:
            last = await _pour_document(begun, exchange, journal, routing)
        else:
            last = await _pour_stream(begun, ear, exchange, routing)
    except UpstreamError as error:
        return await _broken(observe_failure(error), ear, exchange, journal)
    await exchange.end(last)
    failed = ear.failed if ear is not None else None
    if failed is not None:
        journal.ended("error", failed.reason)
    journal.ended("complete")
    if not begun.ended:
        await _see_end(begun.answer)
    return failed


def _is_over(ear: Ear) -> bool:
    """Whether the stream has told its end, or that it failed: of what follows the client needs nothing."""
    return ear.whole or ear.failed is not None


async def _see_end(answer: Answer) -> None:
    """Wait a moment for the end of a transfer that has nothing more to say: then its connection can be used again."""
    with suppress(UpstreamError), trio.move_on_after(_LINGERS):
        while not answer.ended and await answer.receive():
            pass


async def _broken(
    seen: Observation, ear: Ear | None, exchange: Exchange, journal: Journal
) -> Observation | None:
    """End an answer whose upstream broke off, so that nobody takes it for whole unless it was."""
    if ear is not None and ear.whole:
        await exchange.end()  # nothing was missing but the end of the transfer
        journal.ended("complete")
        return None
    if ear is not None and ear.failed is not None:
        # It has said itself that it failed, and the client was told; what breaks after that is no news.
        journal.ended("error", ear.failed.reason)
        await exchange.end()
        return ear.failed
    journal.ended("truncated", f"the answer broke off: {seen.reason}")
    if ear is not None and ear.between:
        await exchange.write(ear.broke())
        await exchange.end()
    return seen


async def receive(answer: Answer, silent_seconds: float) -> bytes:
    """Receive with a bound on silence. Raises UpstreamTimeout, UpstreamBroken."""
    with trio.move_on_after(silent_seconds):
        return await answer.receive()
    raise UpstreamTimeout(f"silent for {silent_seconds:g} s")


async def _pour_document(begun: Begun, exchange: Exchange, journal: Journal, routing: Routing) -> bytes:
    """Give out a document but for its last piece, which is returned: it goes with the end."""
    data = b"".join(begun.held)
    begun.held.clear()
    # What was translated was read along already.
    meter = journal.meter if begun.told is None else None
    while True:
        if meter is not None:
            meter.piece(data)
        if begun.ended:
            if meter is not None:
                meter.end()
            return data
        await exchange.write(data)
        data = await receive(begun.answer, routing.idle_timeout)
        begun.ended = not data or begun.answer.ended


async def _pour_stream(begun: Begun, ear: Ear, exchange: Exchange, routing: Routing) -> bytes:
    """Give out a stream but for its last piece, which is returned: it goes with the end."""
    answer = begun.answer
    data = b"".join(begun.held)
    begun.held.clear()
    if ear.failed is not None:
        data = begun.speaker.masked(data)
    heard = sent = trio.current_time()
    if not data:
        await exchange.flush()
    while not begun.ended:
        if _is_over(ear):
            return data
        if data:
            await exchange.write(data)
            # Only now: while a client reads slowly, the upstream is not silent but not listened to.
            heard = sent = trio.current_time()
        with trio.CancelScope(deadline=min(sent + routing.ping_after, heard + routing.idle_timeout)) as scope:
            data = await answer.receive()
        if scope.cancelled_caught:
            data = b""
            sent = trio.current_time()
            if sent >= heard + routing.idle_timeout:
                raise UpstreamTimeout(f"silent for {routing.idle_timeout:g} s")
            if ear.between:
                await exchange.write(ear.ping)
            continue
        if data:
            heard = trio.current_time()
            data = ear.hear(data, heard)
        else:
            begun.ended = True
            data = ear.close()
        if data and ear.failed is not None:
            data = begun.speaker.masked(data)
    return data
