"""How the recorder does, for those who tell of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecorderState:
    """How the history does, at one moment."""

    queued: int
    """Entries that wait to be written."""
    written: int
    dropped: int
    """Entries lost, because too many waited or the daemon ended in trouble."""
    error: str | None
    """What keeps the history from being written; None: nothing."""
    since: float | None
    """Wall-clock time since when."""
    remembering: int = 0
    """Memories that wait to be written."""
    forgotten: int = 0
    """Memories lost, because too many waited or the daemon ended in trouble."""
