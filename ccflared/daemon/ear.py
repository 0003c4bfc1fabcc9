"""Follows a stream on its way from the upstream to the client: has it begun, has it failed, is it whole.

One ear passes the bytes on untouched, the other translates them; whoever pours need not know which it is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from ccflared.errors import UpstreamBroken
from ccflared.formats.anthropic import Mark
from ccflared.formats.events import Began, Delta, Event, Failed, Finished
from ccflared.formats.sse import LONGEST_EVENT, Cutter
from ccflared.formats.translation import Translation
from ccflared.formats.voices import Voice
from ccflared.money.usage import Meter
from ccflared.wire import Observation

Classify = Callable[[bytes], Observation]
"""Says what a raw event with an error in it means."""
Blame = Callable[[bytes, Failed], Observation]
"""Says what it means that an answer failed with a raw event, which need not tell of an error itself."""

_BLANK_LINE: Final = b"\n\n"
_OPENING: Final = frozenset({Mark.OPENING, Mark.EMPTY})
BROKE_OFF: Final = "The answer broke off upstream."
LONGEST_ANSWER: Final = 8 * LONGEST_EVENT
"""Bytes of a stream that is translated. Some clients are told all of it again at its end, so that it is kept; a long
answer in chunks of one token each has some 40 MB."""


class Ear(Protocol):
    """What a stream has said so far, and what of it the client gets."""

    opened: bool
    """Something came that the client would miss if another account began anew."""
    whole: bool
    """The stream's last event was seen."""
    failed: Observation | None
    """The upstream has said that it failed, and the client was told so, or will be."""

    @property
    def between(self) -> bool:
        """Whether the client stands between two events, so that a ping or an error may be slipped in."""

    @property
    def ping(self) -> bytes:
        """What tells the client that one is still there."""

    def hear(self, data: bytes, at: float) -> bytes:
        """Take the next bytes of the upstream, which came ``at``, and return those for the client.

        Raises UpstreamBroken.
        """

    def close(self) -> bytes:
        """Take the clean end of the upstream's body; return what is left to be sent.

        Raises UpstreamBroken where the answer is not whole.
        """

    def broke(self) -> bytes:
        """Return what tells the client, between two events, that the answer broke off."""


class PassedOn:
    """Follows a stream whose bytes are the client's own dialect.

    ``signed`` is given the raw events in which a signature may stand.
    """

    __slots__ = (
        "_classify",
        "_cutter",
        "_finishing",
        "_meter",
        "_signed",
        "_voice",
        "failed",
        "opened",
        "whole",
    )

    def __init__(
        self,
        voice: Voice,
        meter: Meter,
        classify: Classify,
        signed: Callable[[bytes], object] | None = None,
    ) -> None:
        self._voice = voice
        self._meter = meter
        self._classify = classify
        self._signed = signed
        self._cutter = Cutter()
        self._finishing = False
        self.opened = False
        self.whole = False
        self.failed: Observation | None = None

    @property
    def between(self) -> bool:
        """Whether the stream stands between two events."""
        return self._cutter.between

    @property
    def ping(self) -> bytes:
        """What the dialect has for it."""
        return self._voice.ping

    def hear(self, data: bytes, at: float) -> bytes:
        """Read along, and return the bytes as they are."""
        voice, meter = self._voice, self._meter
        content, framing = voice.content, voice.framing
        spoke = False
        for raw in self._cutter.feed(data):
            if not (self.opened and content and raw.startswith(content)):
                self._follow(raw)
                continue
            if (length := len(raw)) > framing:
                meter.shown += length - framing
            # Once for a piece is enough, and this is the hot path.
            spoke = spoke or voice.says(raw)
            if self._signed is not None and b"signature" in raw:
                self._signed(raw)
        if spoke or meter.speaks:
            meter.speaks = True
            meter.note(at)
        # The LF of the last CRLF may be on its way still, and nobody waits for it.
        return data + b"\n" if self.whole and data.endswith(b"\r") else data

    def close(self) -> bytes:
        """See that nothing was missing but the blank line behind the last event, which is added."""
        rest, missing = self._cutter.rest, b""
        if rest.strip() and (self._voice.mark(rest) is Mark.END or self._voice.finishes(rest)):
            self._follow(rest)
            missing = _BLANK_LINE
        if not self.whole and self.failed is None:
            if not self._finishing:
                raise UpstreamBroken(self._voice.unended)
            self.whole = True
        return missing

    def broke(self) -> bytes:
        """Return the dialect's error event."""
        return self._voice.error_event("api_error", BROKE_OFF)

    def _follow(self, raw: bytes) -> None:
        if raw.isspace():
            return
        voice = self._voice
        mark = voice.mark(raw)
        if mark not in _OPENING:
            self.opened = True
        if mark is Mark.CONTENT and len(raw) > voice.framing:
            self._meter.shown += len(raw) - voice.framing
        if not self._meter.speaks:
            self._meter.speaks = voice.says(raw)
        self._meter.event(raw)
        if mark is Mark.END:
            self.whole = True
        elif mark is Mark.ERROR and self.failed is None:
            self.failed = self._classify(raw)
        elif not self._finishing:
            self._finishing = voice.finishes(raw)


class Translated:
    """Follows a stream that reaches the client in another dialect than the upstream's."""

    __slots__ = (
        "_blame",
        "_cutter",
        "_left",
        "_meter",
        "_reader",
        "_translation",
        "_unsaid",
        "_writer",
        "failed",
        "failure",
        "opened",
        "whole",
    )

    def __init__(self, translation: Translation, meter: Meter, blame: Blame) -> None:
        self._translation = translation
        self._reader = translation.reader()
        self._writer = translation.writer()
        self._meter = meter
        self._blame = blame
        self._cutter = Cutter()
        self._left = LONGEST_ANSWER
        self._unsaid = b""
        self.opened = False
        self.whole = False
        self.failed: Observation | None = None
        self.failure: Failed | None = None
        """The same as the client is told it."""

    @property
    def between(self) -> bool:
        """The client gets whole events alone."""
        return True

    @property
    def ping(self) -> bytes:
        """What the client's dialect has for it."""
        return self._writer.ping

    def hear(self, data: bytes, at: float) -> bytes:
        """Return what the client's dialect says for the events that are complete now."""
        self._left -= len(data)
        if self._left < 0:
            raise UpstreamBroken(f"an answer of more than {LONGEST_ANSWER} bytes")
        said = self._said(self._cutter.feed(data))
        self._meter.note(at)
        return said

    def close(self) -> bytes:
        """Return the end of the answer, once the upstream's is there."""
        last = self._said(self._cutter.close())
        if self.whole or self.failed is not None:
            return last
        events = self._reader.end()
        for event in events:
            if isinstance(event, Failed):
                self._unsaid = last
                raise UpstreamBroken(event.message)
        return last + self._written(events, b"")

    def broke(self) -> bytes:
        """Return how the client's dialect says that the answer broke off; nothing where it has ended already."""
        if self.whole or self.failed is not None:
            return b""
        return self._unsaid + self._writer.stream((Failed("api_error", BROKE_OFF),))

    def _said(self, raws: Iterable[bytes]) -> bytes:
        pieces = []
        for raw in raws:
            self._meter.event(raw)
            if events := self._reader.event(raw):
                pieces.append(self._written(events, raw))
        return b"".join(pieces)

    def _written(self, events: Sequence[Event], raw: bytes) -> bytes:
        for event in events:
            match event:
                case Delta():
                    self.opened = True
                    self._meter.shown += len(event.text)
                    self._meter.speaks = True
                case Began():
                    pass
                case Finished():
                    self.whole = self.opened = True
                case Failed():
                    self.opened = True
                    self.failed, self.failure = self._blame(raw, event), event
                case _:
                    self.opened = True
        return self._writer.stream(self._translation.restored(events))
