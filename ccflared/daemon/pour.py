"""Gives an upstream's answer to the client: holds back its beginning, then passes the bytes on untouched.

The commit point: of a stream nothing goes out before its first content event (or ``hold_first_event``), so that an
overload told inside a 200 can still fail over. After the first byte nothing is ever begun anew: a break is passed
on so that no client takes it for an end, as an error event between two events, else by a cut connection.
"""

from dataclasses import dataclass, field
from time import time
from typing import Final

import trio

from ccflared.config.model import Routing
from ccflared.daemon.exchange import Exchange
from ccflared.daemon.journal import Journal
from ccflared.daemon.upstream import Answer
from ccflared.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from ccflared.formats import anthropic
from ccflared.formats.anthropic import Mark
from ccflared.formats.sse import LONGEST_EVENT, Cutter
from ccflared.money.usage import FRAMING
from ccflared.providers.facts import is_json
from ccflared.providers.observe import observe_event, observe_failure
from ccflared.providers.signs import NO_SIGNS, Signs
from ccflared.providers.target import Target
from ccflared.wire import Observation

_DOCUMENT_HELD: Final = 256 * 1024
_BLOCK_EVENT: Final = b"event: content_block_"
_OPENING: Final = frozenset({Mark.OPENING, Mark.EMPTY})


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who answers: what its provider's codes mean, and by which model it was asked."""

    signs: Signs = NO_SIGNS
    model: str | None = None
    armed: Target | None = None
    """The account with the credential that was sent, which errors of some gateways repeat."""

    def masked(self, data: bytes) -> bytes:
        """Return bytes of the answer with the account's credentials starred out."""
        return data if self.armed is None else self.armed.masked(data)


@dataclass(slots=True)
class Begun:
    """An answer that is the client's: what was received of it already, and the rest still to come."""

    answer: Answer
    stream: bool
    speaker: Speaker = Speaker()
    held: list[bytes] = field(default_factory=list)
    cutter: Cutter = field(default_factory=Cutter)
    whole: bool = False
    """The stream's last event was seen."""
    ended: bool = False
    """The upstream's body has ended."""
    failed: Observation | None = None
    """An error event was passed on, or will be."""
    remark: str = ""
    """What it is, where it is a refusal that is the client's own business."""


async def begin_stream(
    answer: Answer, journal: Journal, routing: Routing, speaker: Speaker
) -> Begun | Observation:
    """Receive a stream up to its commit point. An Observation: it failed before, and may be tried elsewhere."""
    begun = Begun(answer, stream=True, speaker=speaker)
    commit_at = trio.current_time() + routing.hold_first_event
    held = 0
    try:
        while True:
            with trio.move_on_at(commit_at) as scope:
                data = await receive(answer, routing.idle_timeout)
            if scope.cancelled_caught:
                return begun
            if not data:
                return Observation("account", "broken", "the stream ended before any content")
            begun.held.append(data)
            held += len(data)
            marks = [_read_along(raw, begun, journal) for raw in begun.cutter.feed(data)]
            if begun.failed is not None and begun.failed.scope != "request":
                return begun.failed
            if held > LONGEST_EVENT or not _OPENING.issuperset(marks):
                return begun
    except UpstreamError as error:
        return observe_failure(error)


async def begin_document(
    answer: Answer, _journal: Journal, routing: Routing, speaker: Speaker
) -> Begun | Observation:
    """Receive an answer that is no stream, whole if it is short, so that a break can still fail over."""
    begun = Begun(answer, stream=False, speaker=speaker)
    length = 0
    try:
        while not begun.ended and length < _DOCUMENT_HELD:
            data = await receive(answer, routing.idle_timeout)
            begun.held.append(data)
            begun.ended = not data or answer.ended
            length += len(data)
    except UpstreamError as error:
        return observe_failure(error)
    return begun


async def take_whole(begun: Begun, routing: Routing, most: int) -> bytes:
    """Receive the rest of a document, up to ``most`` bytes or so, and return all of it. Raises UpstreamError."""
    length = sum(map(len, begun.held))
    while not begun.ended and length < most:
        data = await receive(begun.answer, routing.idle_timeout)
        begun.held.append(data)
        begun.ended = not data or begun.answer.ended
        length += len(data)
    return b"".join(begun.held)


def cut_short(begun: Begun) -> bool:
    """Whether what is there of a document is all, and JSON that ends before its end; its framing may be sound."""
    head = begun.answer.head
    if not begun.ended or begun.stream or head.get(b"content-encoding") not in (None, b"identity"):
        return False
    return is_json(head) and not b"".join(begun.held).rstrip().endswith((b"}", b"]"))


async def pour(begun: Begun, exchange: Exchange, journal: Journal, routing: Routing) -> Observation | None:
    """Give the rest of a begun answer to the client and note how it ended. Returns what it says of the account.

    The exchange is left without an end where the connection has to be cut.
    """
    pouring = _pour_stream if begun.stream else _pour_document
    try:
        last = await pouring(begun, exchange, journal, routing)
    except UpstreamError as error:
        seen = observe_failure(error)
        if begun.whole:
            await exchange.end()  # nothing was missing but the end of the transfer
            journal.ended("complete")
            return None
        if begun.failed is not None:
            # It has said itself that it failed, and the client was told; what breaks after that is no news.
            journal.ended("error", begun.failed.reason)
            await exchange.end()
            return begun.failed
        journal.ended("truncated", f"the answer broke off: {seen.reason}")
        if begun.stream and begun.cutter.between:
            await exchange.write(anthropic.error_event("api_error", "The answer broke off upstream."))
            await exchange.end()
        return seen
    await exchange.end(last)
    if begun.failed is not None:
        journal.ended("error", begun.failed.reason)
    journal.ended("complete")
    return begun.failed


async def receive(answer: Answer, silent_seconds: float) -> bytes:
    """Receive with a bound on silence. Raises UpstreamTimeout, UpstreamBroken."""
    with trio.move_on_after(silent_seconds):
        return await answer.receive()
    raise UpstreamTimeout(f"silent for {silent_seconds:g} s")


async def _pour_document(begun: Begun, exchange: Exchange, journal: Journal, routing: Routing) -> bytes:
    """Give out a document but for its last piece, which is returned: it goes with the end."""
    data = b"".join(begun.held)
    begun.held.clear()
    while True:
        journal.meter.piece(data)
        if begun.ended:
            journal.meter.end()
            return data
        await exchange.write(data)
        data = await receive(begun.answer, routing.idle_timeout)
        begun.ended = not data or begun.answer.ended


async def _pour_stream(begun: Begun, exchange: Exchange, journal: Journal, routing: Routing) -> bytes:
    """Give out a stream but for its last piece, which is returned: it goes with the end."""
    answer = begun.answer
    data = b"".join(begun.held)
    begun.held.clear()
    if begun.failed is not None:
        data = begun.speaker.masked(data)
    meter = journal.meter
    heard = sent = trio.current_time()
    if not data:
        await exchange.flush()
    while True:
        if data:
            if begun.whole and answer.ended:
                return data
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
            if begun.cutter.between:
                await exchange.write(anthropic.PING)
            continue
        if not data:
            break
        for raw in begun.cutter.feed(data):
            if not raw.startswith(_BLOCK_EVENT):
                _read_along(raw, begun, journal)
            elif (length := len(raw)) > FRAMING:
                meter.shown += length - FRAMING
        if begun.failed is not None:
            data = begun.speaker.masked(data)
    if not begun.whole and begun.failed is None:
        raise UpstreamBroken("the stream ended without message_stop")
    return b""


def _read_along(raw: bytes, begun: Begun, journal: Journal) -> Mark:
    if raw.isspace():
        return Mark.EMPTY
    mark = anthropic.mark(raw)
    if mark is Mark.CONTENT and len(raw) > FRAMING:
        journal.meter.shown += len(raw) - FRAMING
    journal.meter.event(raw)
    if mark is Mark.END:
        begun.whole = True
    elif mark is Mark.ERROR and begun.failed is None:
        speaker = begun.speaker
        begun.failed = observe_event(raw, begun.answer.head, time(), signs=speaker.signs, model=speaker.model)
    return mark
