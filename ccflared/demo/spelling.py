"""What a dialect must be able to spell for the fake provider to speak it. Pure."""

from collections.abc import Iterator
from typing import Protocol

from ccflared.demo.said import Said
from ccflared.demo.script import Limited, Window
from ccflared.wire import Headers


class Spelling(Protocol):
    """A dialect: ``InMessages`` or ``InChat``."""

    def events(self, said: Said) -> Iterator[bytes]:
        """Yield the message's server-sent events, each complete with its blank line."""

    def document(self, said: Said) -> bytes:
        """Return the message as the JSON of an answer without streaming."""

    def error(
        self,
        request_id: str,
        status: int,
        kind: str | None = None,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
    ) -> bytes:
        """Return the body of an error answer; what is None is the official one of the status."""

    def broken(self, request_id: str, kind: str, message: str) -> bytes:
        """Return the event that says that a stream has failed. ``kind`` is a name of the Messages API."""

    def common(self, request_id: str, organization: str) -> Headers:
        """Return the header fields that every answer has."""

    def windows(self, now: float, five_hour: Window, seven_day: Window) -> Headers:
        """Return the header fields that tell of a plan's windows."""

    def refusal(self, now: float, limited: Limited) -> Headers:
        """Return the header fields of a 429 besides those that every answer has."""
