"""A request as it came through the door, before its body is read, and what it was admitted by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ccflared.daemon.access import Door, Peer
from ccflared.daemon.exchange import RawHeaders

By = Literal["open", "token", "session", "ticket", "control"]
"""What admits to administration: nothing is asked for; the admin token; a cookie; a stream's ticket; the socket."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Why somebody may administer."""

    by: By
    lasts: Callable[[], bool]
    """Whether that still holds: an answer that goes on for hours has to ask."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came through the door. ``path`` is the one below base_path, ``target`` as it was sent."""

    id: str
    method: str
    path: str
    target: bytes
    query: bytes
    headers: RawHeaders
    fields: dict[bytes, bytes]
    peer: Peer
    named: str
    """The peer's address for the log."""
    host: str
    door: Door
    """The listener's settings as they were when it came."""
    admission: Admission | None = None
    """None where nothing was admitted to administration."""

    @property
    def trusted(self) -> bool:
        """Whether it came over the control socket."""
        return self.door.reach == "control"
