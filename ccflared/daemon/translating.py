"""Begins an answer that reaches the client in another dialect than its account's.

A stream for a client that wanted one is translated event by event. Every other answer is received whole first: then it
can still fail over, and becomes what the client asked for, a document or a stream.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import trio

from ccflared.config.model import Routing
from ccflared.daemon.ear import LONGEST_ANSWER, Translated
from ccflared.daemon.journal import Journal
from ccflared.daemon.pour import begin_stream, receive, take_whole
from ccflared.daemon.speaker import Begun
from ccflared.daemon.wording import PARSED_IN_PLACE, beside
from ccflared.errors import UpstreamBroken, UpstreamError
from ccflared.formats.anthropic import Mark
from ccflared.formats.events import Delta, Event, Failed
from ccflared.formats.sse import LONGEST_EVENT, Cutter
from ccflared.formats.translation import Translation
from ccflared.formats.voices import UPSTREAMS
from ccflared.providers.observe import STREAM, is_stream, observe_failure
from ccflared.wire import Head, Observation

_JSON: Final = b"application/json"


async def begin_translated(
    begun: Begun, translation: Translation, path: str, journal: Journal, routing: Routing
) -> Observation | None:
    """Receive an answer up to where the client may be told of it. An Observation: it failed before that.

    ``path`` is what the upstream was asked for.
    """
    head = begun.answer.head
    journal.stream = translation.request.stream
    kind = STREAM if translation.request.stream else _JSON
    begun.told = Head(head.status, ((b"content-type", kind),))
    if is_stream(head) and translation.request.stream:
        ear = Translated(translation, journal.meter, partial(_blame, begun, translation))
        seen = await begin_stream(begun, ear, routing)
        if seen is None and ear.failed is not None and ear.failure is not None:
            _refuse(begun, translation, ear.failure, ear.failed.reason)
        return seen
    try:
        if is_stream(head):
            return await _gather(begun, translation, journal, routing)
        document = await take_whole(begun, routing, LONGEST_EVENT)
    except UpstreamError as error:
        return observe_failure(error)
    if not begun.ended:
        return Observation("account", "broken", f"an answer of more than {LONGEST_EVENT} bytes")
    journal.meter.piece(document)
    journal.meter.end()
    events, whole = await beside(partial(_put, translation, document), len(document), PARSED_IN_PLACE)
    if (failed := _failure(events)) is None:
        begun.held[:] = [whole]
        return None
    if not (remark := begun.speaker.remark(path, head, document)):
        return begun.speaker.observe(path, head, document) or _broken(failed)
    _refuse(begun, translation, failed, remark)
    return None


async def _gather(
    begun: Begun, translation: Translation, journal: Journal, routing: Routing
) -> Observation | None:
    """Receive a stream to its end for a client that wanted a document. Raises UpstreamError."""
    reader, cutter = translation.reader(), Cutter()
    events: list[Event] = []
    length = 0
    meter = journal.meter
    while data := await receive(begun.answer, routing.idle_timeout):
        came = trio.current_time()
        length += len(data)
        if length > LONGEST_ANSWER:
            raise UpstreamBroken(f"an answer of more than {LONGEST_ANSWER} bytes")
        for raw in cutter.feed(data):
            meter.event(raw)
            told = reader.event(raw)
            meter.speaks = meter.speaks or any(isinstance(event, Delta) for event in told)
            events += told
            if (failed := _failure(events)) is not None:
                return _failed(begun, translation, raw, failed)
        meter.note(came)
    begun.ended = True
    rest = cutter.rest
    meter.event(rest)
    events += reader.event(rest)
    events += reader.end()
    if (failed := _failure(events)) is not None:
        return _failed(begun, translation, rest, failed)
    begun.held[:] = [await beside(partial(translation.whole, events), length, PARSED_IN_PLACE)]
    return None


def _put(translation: Translation, document: bytes) -> tuple[Sequence[Event], bytes]:
    """Return what a document says, and that in the client's dialect; nothing of one that failed."""
    events = translation.reader().document(document)
    return events, b"" if _failure(events) is not None else translation.whole(events)


def _failure(events: Sequence[Event]) -> Failed | None:
    """Return how an answer has failed; None: it has not."""
    last = events[-1] if events else None
    return last if isinstance(last, Failed) else None


def _failed(begun: Begun, translation: Translation, raw: bytes, failed: Failed) -> Observation | None:
    """Say of whom it speaks that a stream failed with an event; None where it is the client's, who is told so."""
    seen = _blame(begun, translation, raw, failed)
    if seen.scope != "request":
        return seen
    _refuse(begun, translation, failed, seen.reason)
    return None


def _blame(begun: Begun, translation: Translation, raw: bytes, failed: Failed) -> Observation:
    """Say what it means that an answer failed with a raw event: the upstream's word for it, or that it is none."""
    if UPSTREAMS[translation.upstream].mark(raw) is Mark.ERROR or b'"error"' in raw:
        return begun.speaker.classify(begun.answer.head, raw)
    return _broken(failed)


def _broken(failed: Failed) -> Observation:
    return Observation("account", "broken", failed.message)


def _refuse(begun: Begun, translation: Translation, failed: Failed, remark: str) -> None:
    """Make a failure inside a success the refusal that it is, as nothing of the answer was given out yet."""
    status, body = translation.refusal(failed)
    begun.told = Head(status, ((b"content-type", _JSON),))
    begun.held[:] = [begun.speaker.masked(body)]
    begun.ear, begun.ended, begun.remark = None, True, remark
