"""Every command as it is typed when something is wrong, and what holds of whatever it then says."""

from collections.abc import Sequence
from pathlib import Path

from terminals import on_a_terminal

ASKING: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("status", "--json"),
    ("reload",),
    ("reload", "--log"),
    ("account", "pause", "work"),
    ("account", "resume", "work"),
    ("account", "reset", "work"),
    ("account", "trust", "work"),
    ("account", "test", "work"),
    ("requests",),
    ("requests", "-f"),
    ("request", "req_0123456789abcdef01234567"),
    ("logs",),
    ("logs", "-f"),
    ("usage",),
    ("explain", "claude-sonnet-4-5"),
    ("models",),
    ("dashboard",),
    ("alert", "list"),
    ("alert", "test"),
    ("payloads", "purge", "--yes"),
)
"""Commands that a daemon has to answer."""


def typed(
    *words: object, columns: int = 80, home: Path, more: dict[str, str] | None = None
) -> tuple[int, list[str]]:
    """Type a command at a terminal; return its exit code and the lines that it has written.

    Whatever it was: there is no traceback, and nothing is wider than the terminal.
    """
    plain = {"NO_COLOR": "1", "HOME": str(home), "XDG_STATE_HOME": "", "XDG_RUNTIME_DIR": ""}
    with on_a_terminal(*words, columns=columns, more=plain | (more or {})) as screen:
        code = screen.ended()
    text = screen.written.decode().replace("\r\n", "\n")
    assert "Traceback" not in text, text
    lines = text.split("\n")
    assert max(map(len, lines)) <= columns, text
    return code, lines[:-1] if lines[-1] == "" else lines


def said(lines: Sequence[str]) -> str:
    """Return lines as the running text that they were wrapped from."""
    return " ".join(line.strip() for line in lines)
