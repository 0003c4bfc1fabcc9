"""Reading the credentials file of another program: its access token and when that ends. Never written.

The format is that of Claude Code: ``{"claudeAiOauth": {"accessToken": …, "expiresAt": milliseconds, …}}``. Its refresh
token is not even kept in memory: whoever owns the file rotates it, and two that do would lose the account.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccflared.config.load.reading import read_regular
from ccflared.secret import Secret

LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileToken:
    """The token of a credentials file. ``token`` None: ``problem`` says why there is none."""

    token: Secret | None
    expires_at: float | None = None
    """Wall-clock time; None: not told."""
    problem: str | None = None


def read_credentials(path: Path) -> FileToken:
    """Read a credentials file. What is wrong with it is told by ``problem``, which never repeats what it holds."""
    try:
        content, _ = read_regular(path, LARGEST)
    except FileNotFoundError:
        return FileToken(None, problem=f"{path} does not exist")
    except OSError as error:
        return FileToken(None, problem=f"{path} cannot be read: {error.strerror}")
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return FileToken(None, problem=f"{path} is not JSON")
    held = told.get("claudeAiOauth") if isinstance(told, dict) else None
    token = held.get("accessToken") if isinstance(held, dict) else None
    if not isinstance(token, str) or not token or not all("!" <= c <= "~" for c in token):
        return FileToken(None, problem=f"{path} holds no access token (claudeAiOauth.accessToken)")
    return FileToken(Secret(token), _seconds(held.get("expiresAt") if isinstance(held, dict) else None))


def _seconds(told: Any) -> float | None:
    """Return milliseconds as the seconds they are; None for what is no time."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < 1e15:
        return None
    return told / 1000 if told > 1e11 else float(told)
