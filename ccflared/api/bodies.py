"""Bodies of edits: what they may hold, and what of it goes into the file.

A secret arrives as a literal and under a name of its own (``apiKey``); whatever would be read from elsewhere (a
variable, a file, a secret that is stored already) is refused: over the network nobody may say what the daemon reads.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NoReturn

from ccflared.config.load import secret_of
from ccflared.config.words import did_you_mean, quoted
from ccflared.errors import ClientError
from ccflared.secret import Secret

SOURCES: Final = ("env", "file", "credential", "stored")
_DEEPEST: Final = 6
_PATHS: Final = ("credentials_file",)


def wrong(message: str) -> NoReturn:
    """Refuse a body: 400."""
    raise ClientError(400, "invalid_request_error", message)


def text(body: Mapping[str, Any], key: str) -> str:
    """Return a text that must be given and not be empty. Raises ClientError (400)."""
    value = body.get(key)
    if not isinstance(value, str) or not value:
        wrong(f"{key}: a text is expected")
    return value


def maybe_text(body: Mapping[str, Any], key: str) -> str | None:
    """Return a text; None where it is empty, null or not given. Raises ClientError (400)."""
    return text(body, key) if body.get(key) not in (None, "") else None


def flag(body: Mapping[str, Any], key: str) -> bool:
    """Return yes or no, which that other API writes 1 and 0. Raises ClientError (400)."""
    value = body.get(key)
    if value not in (0, 1):  # true and false are these, too
        wrong(f"{key}: 1 or 0, or true or false, is expected")
    return bool(value)


def secret(body: Mapping[str, Any], key: str) -> Secret | None:
    """Return a secret that comes as a text; None where it is not given. Raises ClientError (400)."""
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, Mapping):
        wrong(
            f"{key}: the secret itself is expected; where it is read from can only be written into the file"
        )
    if not isinstance(value, str):
        wrong(f"{key}: a text is expected")
    found, problem = secret_of(value, key)
    if found is None:
        wrong(f"{problem}.")
    return found


def settings(
    body: Mapping[str, Any], allowed: tuple[str, ...], known: tuple[str, ...], of: str
) -> dict[str, Any]:
    """Return the keys of an entry of the file that a body sets. Raises ClientError (400, 403).

    ``allowed``: those that REST may write, ``known``: all there are, ``of``: what they are keys of.
    """
    found = {}
    for key, value in body.items():
        if key in _PATHS:
            wrong(f"{key} is a path, which can only be written into the file.")
        if key in allowed:
            found[key] = plain(value, key)
        elif key in known:
            raise ClientError(403, "permission_error", f"{key} of {of} can only be edited in the file.")
        else:
            wrong(f"{of} has no key {quoted(key)}{did_you_mean(key, allowed) or '.'}")
    if not found:
        wrong(f"What is to be set? One or more of: {', '.join(allowed)}.")
    return found


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """Return a JSON value as it can stand in the file; None, at the top, lets a key go. Raises ClientError (400)."""
    if depth > _DEEPEST:
        wrong(f"{where} is nested too deeply.")
    match value:
        case None if depth == 0:
            return None
        case bool() | int():
            return value
        case float() if isfinite(value):
            return value
        case str() if not any("\ud800" <= c <= "\udfff" for c in value):
            return value
        case list():
            return [plain(each, where, depth + 1) for each in value]
        case dict():
            for key in value:
                if key in SOURCES:
                    wrong(f"{where}: secrets that are read from elsewhere can only be written into the file.")
                plain(key, where, depth + 1)
            return {key: plain(each, where, depth + 1) for key, each in value.items()}
        case _:
            wrong(f"{where}: this cannot stand in the file.")
