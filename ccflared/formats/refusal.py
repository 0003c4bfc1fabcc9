"""What an upstream's refusal says, in whatever shape, and what is tried in place of what it refused."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ccflared.formats import json_text

_LONGEST_ERROR: Final = 64 * 1024
_DEEPEST: Final = 8
_QUOTES: Final = str.maketrans("", "", "`'\"\\")


@dataclass(frozen=True, slots=True)
class Amended:
    """Another body to send in place of the one that was refused."""

    reason: str
    """What is other about it, for the request log: ``without stream_options``."""
    body: bytes


def read(error: bytes) -> Any:
    """Return what an error says: its JSON, that in its texts opened as well, or else its text."""
    try:
        value = json_text.loads(error[:_LONGEST_ERROR])
    except ValueError:
        value = error[:_LONGEST_ERROR].decode(errors="replace")
    return _opened(value, _DEEPEST)


def strings(error: Any) -> Iterator[str]:
    """Yield the texts of an error."""
    if isinstance(error, str):
        yield error
    for value in inner(error):
        yield from strings(value)


def inner(value: Any) -> Iterable[Any]:
    """Return what is in an object or an array; nothing for anything else."""
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()


def plain(error: Any) -> str:
    """Return all that an error says in small letters, without quotes and backslashes, spaced by one space."""
    return " ".join(" ".join(strings(error)).translate(_QUOTES).lower().split())


def _opened(value: Any, deep: int) -> Any:
    """Return a value with the JSON in its texts opened: gateways pass on errors of others so."""
    if not deep:
        return None
    match value:
        case dict():
            return {key: _opened(within, deep - 1) for key, within in value.items()}
        case list():
            return [_opened(within, deep - 1) for within in value]
        case str() if value.startswith("{") and (members := json_text.members(value)):
            return _opened(members, deep - 1)
        case _:
            return value
