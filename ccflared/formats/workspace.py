"""Tells in which directory a coding agent works, by what the agent itself says of it: the project of a request.

Only what the agent writes is looked at, never what a user, a file or a tool said: the system prompt and the messages of
the system (Claude Code), and the message in which Codex describes its environment, which begins with a mark of its
own. A body is searched within bounds, not parsed, and nothing here raises: a project that is not found costs a name.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

_MARK: Final = b"orking directory: "
_LINE: Final = re.compile(
    rb'(?:\\n|")(?: ?[-*] )?(?:Primary w|W)orking directory: ((?:[^"\\\x00-\x1f]|\\[^nrt]){1,1000})'
)
"""A line of its own in JSON's spelling: `` - Primary working directory: /path``; without the bullet, once."""
_BEFORE: Final = len(rb"\n - Primary w")
_SYSTEM_MESSAGE: Final = re.compile(rb'"role"\s*+:\s*+"system"\s*+,\s*+"content"\s*+:')
_SYSTEM_PROMPT: Final = re.compile(rb'"system"\s*+:\s*+["\[]')
_TURN: Final = re.compile(rb'"role"\s*+:\s*+"(?:user|assistant)"')
_CODEX: Final = b'"<environment_context>'
_CWD: Final = re.compile(rb'(?:[^"\\]|\\.){0,500}?<cwd>((?:[^"\\\x00-\x1f<]|\\[^nrt]){1,1000})</cwd>')
_TEXT: Final = re.compile(rb'"text"\s*+:\s*+\Z')
_SEARCHED: Final = 128 * 1024
"""Bytes in which a path is looked for: from the beginning of the messages on, and up to the end of the body."""
_PLACES: Final = 8
"""How many places that look like a path are looked at, in each of them."""
_LONGEST: Final = 100


def workspace(body: bytes) -> str | None:
    """Return the name of the directory that a request's agent works in, printable and short; None if it tells none.

    ``body``: a request in any dialect that clients speak. It takes a tenth of a millisecond at the most.
    """
    begins = body.find(b'"messages"', 0, _SEARCHED)
    if begins < 0:
        begins = body.find(b'"input"', 0, _SEARCHED)
        path = _in_environment(body, begins) if begins >= 0 else None
    else:
        path = _in_first_prompt(body, begins) or _in_message(body, begins) or _in_last_prompt(body, begins)
    return None if path is None else _last_part(path)


def _lines(body: bytes, start: int, end: int) -> Iterator[re.Match[bytes]]:
    """Yield the first lines that tell a path."""
    place = start
    for _ in range(_PLACES):
        if (place := body.find(_MARK, place, end)) < 0:
            return
        if line := _LINE.search(body, max(start, place - _BEFORE), min(end, place + 2000)):
            yield line
        place += len(_MARK)


def _in_first_prompt(body: bytes, end: int) -> bytes | None:
    """Return the path in a system prompt that stands before the messages."""
    place = body.find(b'"system"', 0, end)
    if place < 0 or not _SYSTEM_PROMPT.match(body, place):
        return None
    return next((line[1] for line in _lines(body, place, end)), None)


def _in_environment(body: bytes, begins: int) -> bytes | None:
    """Return the path in the first text that begins with Codex's mark."""
    place = body.find(_CODEX, begins, begins + _SEARCHED)
    if place < 0 or not _TEXT.search(body, max(begins, place - 20), place):
        return None
    found = _CWD.match(body, place + len(_CODEX))
    return found[1] if found else None


def _in_message(body: bytes, begins: int) -> bytes | None:
    """Return the path in a message of the system, among the first messages: no other message begins in between."""
    for line in _lines(body, begins, begins + _SEARCHED):
        place = body.rfind(b'"role"', begins, line.start())
        if place >= 0 and _SYSTEM_MESSAGE.match(body, place):
            return line[1]
    return None


def _in_last_prompt(body: bytes, begins: int) -> bytes | None:
    """Return the path in a system prompt that stands behind the messages.

    No turn may follow: what is called ``system`` in the arguments of a tool call is none.
    """
    start = max(begins, len(body) - _SEARCHED)
    if body.find(_MARK, start) < 0:
        return None
    place = len(body)
    for _ in range(_PLACES):
        if (place := body.rfind(b'"system"', start, place)) < 0:
            return None
        if _SYSTEM_PROMPT.match(body, place):
            if _TURN.search(body, place):
                return None
            return next((line[1] for line in _lines(body, place, len(body))), None)
    return None


def _last_part(raw: bytes) -> str | None:
    """Return the last part of a path as JSON spells it."""
    try:
        path = json.loads(b'"%b"' % raw)
    except ValueError:
        return None
    parts = [part for part in re.split(r"[/\\]" if _of_windows(path) else "/", path.strip()) if part]
    if not parts:
        return None
    name = "".join(character for character in parts[-1] if character.isprintable())
    return name.strip()[:_LONGEST] or None


def _of_windows(path: str) -> bool:
    return re.match(r"\s*(?:[A-Za-z]:)?\\", path) is not None or re.match(r"\s*[A-Za-z]:/", path) is not None
