"""Puts a request into another dialect and its answer back into the client's. The only place that knows all dialects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

from ccflared.config.quirks import Quirks
from ccflared.formats.chat import read_answer as chat_reader
from ccflared.formats.chat import read_request as chat_request
from ccflared.formats.chat import write_answer as chat_writer
from ccflared.formats.chat import write_request as chat_written
from ccflared.formats.dialect import ClientDialect
from ccflared.formats.errors import of_failed, read_error, write_error
from ccflared.formats.events import BlockBegan, Event, Failed
from ccflared.formats.messages import read_answer as messages_reader
from ccflared.formats.messages import read_request as messages_request
from ccflared.formats.messages import write_answer as messages_writer
from ccflared.formats.messages import write_request as messages_written
from ccflared.formats.request import Request, Written
from ccflared.formats.responses import read_request as responses_request
from ccflared.formats.responses import write_answer as responses_writer
from ccflared.formats.spelling import AnswerReader, AnswerWriter

UpstreamDialect = Literal["anthropic", "openai-chat"]

PATHS: Final[Mapping[UpstreamDialect, str]] = {
    "anthropic": "/v1/messages",
    "openai-chat": "/v1/chat/completions",
}
"""Where each dialect of upstreams is asked, below its version."""
_NATIVE: Final[Mapping[ClientDialect, UpstreamDialect | None]] = {
    "anthropic": "anthropic",
    "chat": "openai-chat",
    "responses": None,
}
_READ: Final[Mapping[ClientDialect, Callable[[bytes], Request]]] = {
    "anthropic": messages_request.read,
    "chat": chat_request.read,
    "responses": responses_request.read,
}
_ANSWERS_READ: Final[Mapping[UpstreamDialect, Callable[[str], AnswerReader]]] = {
    "anthropic": messages_reader.Reader,
    "openai-chat": chat_reader.Reader,
}
_ANSWERS_WRITTEN: Final[Mapping[ClientDialect, Callable[[Request, str, float], AnswerWriter]]] = {
    "anthropic": messages_writer.Writer,
    "chat": chat_writer.Writer,
    "responses": responses_writer.Writer,
}


def is_native(client: ClientDialect, upstream: str) -> bool:
    """Whether a client's request can be passed on to an upstream as it is."""
    return _NATIVE[client] == upstream


def read(client: ClientDialect, body: bytes) -> Request:
    """Read a client's request in full. Raises ClientError (400)."""
    return _READ[client](body)


def write(
    upstream: UpstreamDialect, request: Request, model: str, quirks: Quirks, cache_key: str | None
) -> Written:
    """Write a request for an upstream that calls the model ``model``. Raises ClientError for what it cannot be told.

    ``cache_key`` keeps a conversation at one prompt cache, where the provider has a field for that.
    """
    match upstream:
        case "anthropic":
            return messages_written.write(request, model, quirks)
        case "openai-chat":
            return chat_written.write(request, model, quirks, cache_key=cache_key)
        case _:
            assert_never(upstream)


@dataclass(frozen=True, slots=True)
class Translation:
    """How the answer to a translated request gets back to the client."""

    client: ClientDialect
    upstream: UpstreamDialect
    request: Request
    names: Mapping[str, str]
    """The client's names of tools, by those that the upstream knows."""
    answer_id: str
    at: float

    def reader(self) -> AnswerReader:
        """Return a reader for one answer of the upstream."""
        return _ANSWERS_READ[self.upstream](self.answer_id)

    def writer(self) -> AnswerWriter:
        """Return a writer for one answer to the client."""
        return _ANSWERS_WRITTEN[self.client](self.request, self.answer_id, self.at)

    def restored(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return the events with the client's own names of tools."""
        names = self.names
        if not names:
            return events
        return [
            replace(event, name=names.get(event.name, event.name)) if isinstance(event, BlockBegan) else event
            for event in events
        ]

    def whole(self, events: Sequence[Event]) -> bytes:
        """Write all events of an answer in the form that the client asked for: a document, or a stream at once."""
        writer = self.writer()
        events = self.restored(events)
        return writer.stream(events) if self.request.stream else writer.document(events)

    def refusal(self, failed: Failed) -> tuple[int, bytes]:
        """Say that an answer failed before anything of it was given out: status and body."""
        return write_error(self.client, of_failed(failed), self.answer_id)

    def error(self, status: int, body: bytes) -> tuple[int, bytes]:
        """Put an upstream's refusal into the client's dialect: status and body."""
        return write_error(self.client, read_error(status, body), self.answer_id)
