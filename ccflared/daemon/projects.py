"""Says which project a request belongs to: its client's word for it, else the directory its coding agent works in.

The owner of what is known of conversations: an agent tells its directory with its main requests, and not with those
that it makes besides (titles, counts of tokens, some sub-agents), which belong to the same project all the same.
"""

from typing import Final

from ccflared.formats.workspace import workspace
from ccflared.wire import Headers

_HEADERS: Final = (b"x-ccflared-project", b"x-better-ccflare-project")
"""What a client names its project with; the first counts. Scripts written for better-ccflare send the other one."""
_AGENTS: Final = ("claude-code:", "session:")
"""Conversations of coding agents, as formats/conversation.py names them."""
_LONGEST: Final = 200
_LOOKS: Final = 4
"""How many requests of a conversation are looked at before it is taken for one that tells no directory."""
_KEPT: Final = 4096
"""Conversations whose project is remembered; that which was first to be known is forgotten first."""


class Projects:
    """See the module. Called from Trio's thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str], str | int] = {}
        """By client and conversation; a number tells how often it was looked for in vain."""

    def of(self, body: bytes, client: str | None, conversation: str | None) -> str | None:
        """Return the directory that the coding agent of a client's conversation works in; None where it tells none."""
        if conversation is None or not conversation.startswith(_AGENTS):
            return None
        key = (client, conversation)
        found = self._known.get(key, 0)
        if isinstance(found, int) and found < _LOOKS:
            found = workspace(body) or found + 1
            if len(self._known) >= _KEPT and key not in self._known:
                del self._known[next(iter(self._known))]
            self._known[key] = found
        return None if isinstance(found, int) else found


def named_in(headers: Headers) -> str | None:
    """Return the project that the header fields name, printable and short; None where they name none."""
    for wanted in _HEADERS:
        for name, value in headers:
            if name == wanted and (text := _text(value)):
                return text
    return None


def _text(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable())
    return text.strip()[:_LONGEST]
