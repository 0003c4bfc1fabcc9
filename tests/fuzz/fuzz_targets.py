"""What is fuzzed, as a table of dotted names, and the laws that hold for any bytes.

A target takes bytes and raises where a law is broken; whatever a client or an upstream may send is no reason to. A
dialect's part that does not exist makes no target.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

from ccflared.config.quirks import Quirks
from ccflared.errors import ClientError
from ccflared.formats import amend, crossing, sse
from ccflared.formats.conversation import identity
from ccflared.formats.errors import ClientDialect
from ccflared.formats.estimate import estimate
from ccflared.formats.events import Began, Failed, Finished, state_after
from ccflared.formats.model_name import model_of, with_model
from ccflared.formats.request import Request, Turn
from ccflared.formats.transcript.answered import Answer
from ccflared.formats.transcript.telling import Asked, conversation

Target = Callable[[bytes], None]

ID: Final = "req_0123456789abcdef01234567"
QUIRKS: Final = (Quirks(), Quirks(reasoning_content=True, files=True, cache_control=True, structured=False))
MODELS: Final = {
    "messages": ("claude-sonnet-4-5", "claude-opus-4-8", "claude-sonnet-5-5"),
    "chat": ("gpt-5-mini", "llama-3.3-70b"),
}

REQUEST_READERS: Final = {
    "messages": "ccflared.formats.messages.read_request.read",
    "chat": "ccflared.formats.chat.read_request.read",
    "responses": "ccflared.formats.responses.read_request.read",
}
REQUEST_WRITERS: Final = {
    "messages": "ccflared.formats.messages.write_request.write",
    "chat": "ccflared.formats.chat.write_request.write",
}
ANSWER_READERS: Final = {
    "messages": "ccflared.formats.messages.read_answer.Reader",
    "chat": "ccflared.formats.chat.read_answer.Reader",
}
ANSWER_WRITERS: Final = {
    "messages": "ccflared.formats.messages.write_answer.Writer",
    "chat": "ccflared.formats.chat.write_answer.Writer",
    "responses": "ccflared.formats.responses.write_answer.Writer",
}
# Tests have them: what an API takes, as strictly as it does.
CHECKS: Final = {"messages": "strict_messages.accepted", "chat": "strict_chat.check_chat_request"}


@dataclass(frozen=True, slots=True)
class Named:
    """One target, and of what kind its input is: ``request``, ``stream``, ``document`` or ``bytes``, and its dialect."""

    name: str
    run: Target
    kind: str
    dialect: str = ""


def targets() -> list[Named]:
    """Return all targets whose parts exist."""
    return [
        Named("sse", cut, "stream"),
        Named("around", around, "request", "messages"),
        Named("amend", amended, "bytes"),
        *_request_targets(),
        *_answer_targets(),
        *_shown_targets(),
    ]


def _request_targets() -> Iterator[Named]:
    writers = {dialect: found for dialect, name in REQUEST_WRITERS.items() if (found := part(name))}
    for dialect, name in REQUEST_READERS.items():
        if read := part(name):
            yield Named(f"{dialect}-request", partial(asked, read, writers), "request", dialect)


def _answer_targets() -> Iterator[Named]:
    writers = {dialect: found for dialect, name in ANSWER_WRITERS.items() if (found := part(name))}
    for dialect, name in ANSWER_READERS.items():
        if reader := part(name):
            yield Named(f"{dialect}-stream", partial(streamed, reader, writers), "stream", dialect)
            yield Named(f"{dialect}-document", partial(told_at_once, reader, writers), "document", dialect)


def _shown_targets() -> Iterator[Named]:
    for dialect in get_args(ClientDialect):
        kind = "messages" if dialect == "anthropic" else dialect
        yield Named(f"{kind}-request-shown", partial(shown, dialect), "request", kind)
        if dialect != "responses":
            yield Named(f"{kind}-stream-shown", partial(shown, dialect), "stream", kind)
            yield Named(f"{kind}-document-shown", partial(shown, dialect), "document", kind)


def shown(dialect: ClientDialect, data: bytes) -> None:
    """Whatever was kept of a request and its answer can be shown."""
    found = conversation(dialect, Asked(data, False), Answer(data, 200, False, True))
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode()


def part(name: str) -> Any:
    """Return what a dotted name names; None where it does not exist."""
    folder = str(Path(__file__).parent.parent / "formats")
    if folder not in sys.path:
        sys.path.append(folder)
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is not None and module.startswith(error.name):
            return None
        raise


def cut(data: bytes) -> None:
    """The law of the cutter, the pieces being of as many bytes as the first byte says, and the whole."""
    size, data = (data[0] % 7 + 1, data[1:]) if data else (1, data)
    cutter, whole = sse.Cutter(), sse.Cutter()
    events = [
        raw for place in range(0, len(data), size) for raw in cutter.feed(data[place : place + size])
    ] + cutter.close()
    at_once = [*whole.feed(data), *whole.close()]
    assert b"".join(events) == data == b"".join(at_once)
    assert _said(events) == _said(at_once)


def _said(raws: Sequence[bytes]) -> list[sse.Event]:
    return [event for event in map(sse.parse, raws) if event != sse.Event(b"", b"")]


def around(body: bytes) -> None:
    """What is done to a request that is passed on."""
    identity((), body, None)
    for taken in (crossing.without_thinking(body), crossing.without_thinking(body, bool)):
        if taken is not None:
            json.loads(taken, parse_int=float)
    crossing.without_billing_block(body)
    list(crossing.signatures(body))
    crossing.signature_in(body)
    try:
        model_of(body)
        assert model_of(with_model(body, "other")) == "other"
    except ClientError:
        pass


def amended(data: bytes) -> None:
    """Any error about any body."""
    error, _, body = data.partition(b"\n\n")
    for dialect in ("anthropic", "openai-chat"):
        found = amend.amendment(400, error, dialect, body or error, translated=True)
        assert found is None or found.body != (body or error)


def asked(read: Callable[[bytes], Request], writers: dict[str, Any], body: bytes) -> None:
    """A request is refused with a ClientError, or written so that the API takes it."""
    try:
        request = read(body)
    except ClientError:
        return
    assert estimate(request) > 0
    # Schemas are passed on unchanged: whether they are any is between the client and the API.
    sound = all(isinstance(tool.parameters.get("properties", {}), Mapping) for tool in request.tools)
    for (dialect, write), quirks in ((writer, quirks) for writer in writers.items() for quirks in QUIRKS):
        for model in MODELS[dialect]:
            try:
                written = write(request, model, quirks)
            except ClientError:
                continue
            document = json.loads(written.body.decode())
            assert isinstance(document, dict)
            if quirks == Quirks() and sound and (check := part(CHECKS[dialect])):
                check(document if dialect == "chat" else written.body)


def streamed(reader: Callable[[str], Any], writers: dict[str, Any], data: bytes) -> None:
    """A stream makes a legal sequence of events, and each writer a stream and a document out of that."""
    cutter, reading = sse.Cutter(), reader(ID)
    batches = [list(reading.event(raw)) for raw in cutter.feed(data) + cutter.close()]
    batches.append(list(reading.end()))
    _write(batches, writers)


def told_at_once(reader: Callable[[str], Any], writers: dict[str, Any], body: bytes) -> None:
    """A document does as well, and is whole."""
    events = list(reader(ID).document(body))
    assert isinstance(events[0], Began | Failed)
    _write([events], writers)


def _write(batches: list[list[Any]], writers: dict[str, Any]) -> None:
    events = [event for batch in batches for event in batch]
    assert state_after(events) == "over"
    for dialect, writer in writers.items():
        writing = writer(Request("m", (Turn("user", ()),)), ID, 0.0)
        stream = b"".join(writing.stream(batch) for batch in batches)
        cutter = sse.Cutter()
        for raw in cutter.feed(stream):
            event = sse.parse(raw)
            if event.data != b"[DONE]":
                assert isinstance(json.loads(event.data.decode()), dict), dialect
        assert cutter.rest == b""
        if isinstance(events[-1], Finished):
            document = writer(Request("m", ()), ID, 0.0).document(events)
            assert isinstance(json.loads(document.decode()), dict)
