"""What a dialect offers for translating: how an answer is read from an upstream, and written for a client."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ccflared.formats.events import Event


class AnswerReader(Protocol):
    """Reads one answer of an upstream, a stream or a document. What it returns keeps the order of events.py."""

    def event(self, raw: bytes) -> Sequence[Event]:
        """Take one raw event of a stream, as sse.Cutter cuts them, and return what it says."""

    def end(self) -> Sequence[Event]:
        """Take the clean end of the stream's body: what is still to be said, Failed where the end is missing."""

    def document(self, body: bytes) -> Sequence[Event]:
        """Return all that a JSON answer says, from Began to Finished; or Failed alone."""


class AnswerWriter(Protocol):
    """Writes one answer for a client. Raises OutOfOrder for events that break the order."""

    def stream(self, events: Iterable[Event]) -> bytes:
        """Write the next events of a stream; b"" where the dialect has nothing to say of them."""

    def document(self, events: Iterable[Event]) -> bytes:
        """Write all events of an answer, which end with Finished, as one JSON document."""

    @property
    def ping(self) -> bytes:
        """What may be sent between two events to say that one is still there."""
