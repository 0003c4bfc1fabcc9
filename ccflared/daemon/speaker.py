"""An answer that has begun: who speaks, what was heard of it, and what its provider's words mean."""

import re
from dataclasses import dataclass, field
from time import time
from typing import Final

from ccflared.daemon.ear import Ear
from ccflared.daemon.paths import CHAT, MESSAGES
from ccflared.daemon.upstream import Answer
from ccflared.formats.errors import Told, error_inside
from ccflared.formats.json_text import members
from ccflared.providers.facts import is_json
from ccflared.providers.observe import observe, observe_event, remark
from ccflared.providers.target import Target
from ccflared.wire import Head, Observation

_BEGINNING: Final = 512
_SIGNS: Final = (b'"error"', b'"base_resp"')
_WHOLE: Final = {
    MESSAGES: re.compile(rb'"type"\s*:\s*"message"'),
    CHAT: re.compile(rb'"choices"\s*:\s*\['),
}
"""What stands in every answer that is one, by what was asked for."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who answers: an account, with the credential that was sent, and what it calls the model it was asked for."""

    armed: Target
    model: str | None = None

    def masked(self, data: bytes) -> bytes:
        """Return bytes of the answer without the account's credentials, which errors of some gateways repeat."""
        return self.armed.masked(data)

    def observe(self, path: str, head: Head, body: bytes) -> Observation | None:
        """Say what an answer says of whom; None where it is the client's."""
        return observe(path, head, body, time(), signs=self.armed.signs, model=self.model)

    def remark(self, path: str, head: Head, body: bytes) -> str:
        """Return in few words what an answer is that is the client's own."""
        return remark(path, head, body, time(), signs=self.armed.signs, model=self.model)

    def classify(self, head: Head, raw: bytes) -> Observation:
        """Say what an error event of a stream says of whom."""
        return observe_event(raw, head, time(), signs=self.armed.signs, model=self.model)


@dataclass(slots=True)
class Begun:
    """An answer that is the client's: what was received of it already, and the rest still to come."""

    answer: Answer
    speaker: Speaker
    ear: Ear | None = None
    """Follows the stream; None: it is no stream, or one that is there to its end."""
    held: list[bytes] = field(default_factory=list)
    """What the client gets first."""
    ended: bool = False
    """The upstream's body has ended."""
    remark: str = ""
    """What it is, where it is a refusal that is the client's own business."""
    told: Head | None = None
    """Status and fields for the client, where they are not the upstream's own: the answer was translated."""

    @property
    def head(self) -> Head:
        """Status and fields of the answer."""
        return self.told or self.answer.head


def cut_short(begun: Begun) -> bool:
    """Whether what is there of a document is all, and JSON that ends before its end; its framing may be sound."""
    head = begun.answer.head
    if not begun.ended or begun.ear is not None or head.get(b"content-encoding") not in (None, b"identity"):
        return False
    return is_json(head) and not b"".join(begun.held).rstrip().endswith((b"}", b"]"))


def error_of_success(path: str, document: bytes) -> Told | None:
    """Return the error that is told in place of an answer, in a document whose status says success."""
    if path not in _WHOLE or _WHOLE[path].search(document):
        return None
    return error_inside(members(document))


def refusing(begun: Begun, path: str) -> bytes:
    """Return a whole document that may be a refusal although its status says success, as some providers answer."""
    document = b"".join(begun.held) if begun.ended and begun.ear is None and path in _WHOLE else b""
    beginning = document[:_BEGINNING]
    suspect = not (path in _WHOLE and _WHOLE[path].search(document)) or any(
        sign in beginning for sign in _SIGNS
    )
    return document if suspect else b""
