"""What a behaviour does with a request, as a series of acts. Pure: the connection performs them."""

import json
import random
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import assert_never

from ccflared.demo import limits
from ccflared.demo.acts import Act, Await, Data, Finish, Fuse, Hang, HangUp, Pause, Status, Unframed
from ccflared.demo.asked import Asked, Fault
from ccflared.demo.said import compose
from ccflared.demo.script import (
    Answer,
    Behaviour,
    Cut,
    Cycle,
    Dropped,
    ErrorEvent,
    Failing,
    Held,
    Limited,
    Metered,
    Raw,
    Reset,
    Silent,
    Slow,
    Spending,
    Steps,
    Window,
)
from ccflared.demo.spelling import Spelling
from ccflared.demo.stream import KINDS, MESSAGES
from ccflared.wire import Headers


@dataclass(frozen=True, slots=True)
class Scene:
    """What the acts of one request may depend on besides the behaviour."""

    asked: Asked | Fault
    now: float
    dice: random.Random
    request_id: str
    organization: str
    warm: bool
    """The request's marked prefix was sent before with this credential."""
    gzip: bool
    """The request accepts gzip."""
    meter: limits.Meter | None
    """Of this credential, if its behaviour is metered."""
    spelling: Spelling
    """The dialect that the request is in."""


def acts(behaviour: Behaviour, scene: Scene) -> Iterator[Act]:
    """Yield what ``behaviour`` does with the request of ``scene``."""
    match behaviour:
        case Answer():
            yield from _answer(behaviour, scene)
        case Limited():
            fields = scene.spelling.refusal(scene.now, behaviour)
            yield from _error(scene, 429, "rate_limit_error", behaviour.message, fields)
        case Steps():
            yield from _answer(_step(behaviour, scene.asked), scene)
        case Failing():
            yield from _failing(behaviour, scene)
        case ErrorEvent():
            yield from _error_event(behaviour, scene)
        case Reset():
            if behaviour.after_events is None:
                yield Fuse(behaviour.after_bytes)
                yield from _answer(behaviour.answer, scene)
            else:
                yield from _part(behaviour.answer, scene, behaviour.after_events)
            yield HangUp(rst=True)
        case Silent():
            if behaviour.after_events is not None:
                yield from _part(behaviour.answer, scene, behaviour.after_events)
            yield Hang()
        case Cut():
            yield from _part(behaviour.answer, scene, behaviour.after_events)
            yield Finish()
        case Dropped():
            if behaviour.after_events is not None:
                yield from _part(behaviour.answer, scene, behaviour.after_events)
                yield Unframed(b": this event never arrives whole\n\n", half=True)
            yield HangUp()
        case Held():
            yield from _held(behaviour, scene)
        case Raw():
            yield Unframed(behaviour.data)
            yield HangUp()
        case Metered():
            yield from acts(_metered(behaviour, scene), scene)
        case Slow():
            yield Pause(behaviour.before)
            yield from acts(behaviour.behaviour, scene)
        case Cycle() | Spending():
            raise AssertionError(
                "the provider resolves a Cycle, and the forms of usage, before it asks for acts"
            )
        case _:
            assert_never(behaviour)


def problem(
    request_id: str, status: int, message: str, *, organization: str, spelling: Spelling
) -> Iterator[Act]:
    """Yield an error answer in the API's shape for a request that no behaviour was asked about."""
    body = spelling.error(request_id, status, message=message)
    yield from _document(status, body, spelling.common(request_id, organization))


def document(body: object, request_id: str, organization: str, spelling: Spelling) -> Iterator[Act]:
    """Yield a 200 with this JSON."""
    yield from _document(200, json.dumps(body).encode(), spelling.common(request_id, organization))


def _step(steps: Steps, asked: Asked | Fault) -> Answer:
    """Return the answer that is due."""
    last = len(steps.answers) - 1
    return steps.answers[min(asked.turns, last) if isinstance(asked, Asked) and asked.offered else last]


def _answer(answer: Answer, scene: Scene) -> Iterator[Act]:
    if isinstance(scene.asked, Fault):
        fault = scene.asked
        body = scene.spelling.error(
            scene.request_id, 400, "invalid_request_error", fault.message, param=fault.param, code=fault.code
        )
        yield from _document(400, body, _common(scene))
        return
    if scene.asked.stream:
        yield from _opening(answer, scene)
        yield from _spaced(answer, _pieces(answer, scene))
        yield Finish()
        return
    yield Pause(answer.headers_after + answer.delay_first)
    fields = _own_fields(answer, scene)
    whole = b"".join(_pieces(answer, scene))
    yield from _document(200, whole, _common(scene) + fields)


def _part(answer: Answer, scene: Scene, count: int) -> Iterator[Act]:
    """Yield the beginning of a healthy answer: its headers and ``count`` events."""
    yield from _opening(answer, scene)
    if isinstance(scene.asked, Asked):
        yield from _spaced(answer, islice(_pieces(answer, scene), count))


def _held(held: Held, scene: Scene) -> Iterator[Act]:
    if held.after_events is None or not isinstance(scene.asked, Asked):
        yield Await(held.release)
        yield from _answer(held.answer, scene)
        return
    yield from _opening(held.answer, scene)
    rest = _pieces(held.answer, scene)
    yield from _spaced(held.answer, islice(rest, held.after_events))
    yield Await(held.release)
    yield from _spaced(held.answer, rest)
    yield Finish()


def _opening(answer: Answer, scene: Scene) -> Iterator[Act]:
    streaming = isinstance(scene.asked, Asked) and scene.asked.stream
    kind = b"text/event-stream; charset=utf-8" if streaming else b"application/json"
    if answer.headers_after:
        yield Pause(answer.headers_after)
    yield Status(
        200,
        (
            (b"content-type", kind),
            (b"cache-control", b"no-cache"),
            *_common(scene),
            *_own_fields(answer, scene),
        ),
    )
    if answer.delay_first:
        yield Pause(answer.delay_first)


def _own_fields(answer: Answer, scene: Scene) -> Headers:
    fields: Headers = answer.headers
    if answer.five_hour is not None or answer.seven_day is not None:
        fields += scene.spelling.windows(
            scene.now,
            answer.five_hour or Window(0.1, 3600.0),
            answer.seven_day or Window(0.2, limits.WEEK / 2),
        )
    if answer.gzip and scene.gzip:
        fields += ((b"content-encoding", b"gzip"),)
    return fields


def _pieces(answer: Answer, scene: Scene) -> Iterator[bytes]:
    """Yield the body in the pieces that count as events, compressed where that was agreed."""
    if isinstance(scene.asked, Fault):
        return
    said = compose(answer, scene.asked, warm=scene.warm, dice=scene.dice, at=scene.now)
    if scene.asked.stream:
        plain = scene.spelling.events(said)
    else:
        text = scene.spelling.document(said)
        step = max(1, -(-len(text) // 8))
        plain = (text[at : at + step] for at in range(0, len(text), step))
    yield from _gzipped(plain) if answer.gzip and scene.gzip else plain


def _gzipped(plain: Iterable[bytes]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(wbits=31)
    for piece in plain:
        # Flushed at each event, as a server must that streams compressed.
        yield squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    yield squeeze.flush(zlib.Z_FINISH)


def _spaced(answer: Answer, bodies: Iterable[bytes]) -> Iterator[Act]:
    for place, body in enumerate(bodies):
        if place and answer.interval:
            yield Pause(answer.interval)
        yield Data(body)


def _error_event(error: ErrorEvent, scene: Scene) -> Iterator[Act]:
    message = error.message or MESSAGES.get(error.kind, "Something went wrong")
    if isinstance(scene.asked, Fault) or not scene.asked.stream:
        status = next((code for code, kind in KINDS.items() if kind == error.kind), 500)
        yield from _error(scene, status, error.kind, message, ())
        return
    yield from _part(error.answer, scene, max(error.after_events, 1 if error.also_start else 0))
    yield Data(scene.spelling.broken(scene.request_id, error.kind, message))
    yield Finish()


def _failing(failing: Failing, scene: Scene) -> Iterator[Act]:
    body = failing.body
    if body is None:
        body = scene.spelling.error(
            scene.request_id, failing.status, failing.kind, failing.message, code=failing.code
        )
    yield Status(
        failing.status,
        (
            (b"content-type", failing.content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            *_common(scene),
            *failing.headers,
        ),
    )
    yield Data(body)
    yield Finish()


def _metered(plan: Metered, scene: Scene) -> Answer | Limited:
    if scene.meter is None:
        raise AssertionError("a metered behaviour needs the meter of its credential")
    standing = scene.meter.take(scene.now)
    if isinstance(standing, Limited):
        return standing
    week = Window(min(0.9, 0.2 + scene.meter.week / 1000), limits.WEEK / 2)
    return replace(plan.answer, five_hour=standing, seven_day=week)


def _error(scene: Scene, status: int, kind: str, message: str, fields: Headers) -> Iterator[Act]:
    body = scene.spelling.error(scene.request_id, status, kind, message)
    yield from _document(status, body, _common(scene) + fields)


def _document(status: int, body: bytes, fields: Headers) -> Iterator[Act]:
    yield Status(
        status,
        (
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *fields,
        ),
    )
    yield Data(body)
    yield Finish()


def _common(scene: Scene) -> Headers:
    return scene.spelling.common(scene.request_id, scene.organization)
