"""Which request is meant: the id of one, or the beginning of the id of one of the latest."""

import re
from typing import Final

from ccflared.cli.render.foreign import bare_text
from ccflared.cli.render.records import is_record
from ccflared.cli.render.requests import PREFIX
from ccflared.cli.requests import MOST
from ccflared.cli.status import Question
from ccflared.errors import Refused, UsageError

LEAST: Final = 4
"""Letters that the beginning of an id has at least."""
_WHOLE: Final = 24
_DIGITS: Final = re.compile(r"[0-9a-f]*")


def like_an_id(text: str) -> bool:
    """Whether a text may be an id, or the beginning of one, of enough letters."""
    digits = text.removeprefix(PREFIX)
    return bool(_DIGITS.fullmatch(digits)) and LEAST <= len(digits) <= _WHOLE


def whole_id(question: Question, name: str, command: str) -> str:
    """Return the id that begins with ``name``; what cannot be the beginning of one stays as it is.

    Raises UsageError where it is too short, Refused where none of the latest requests, or several, begin so.
    """
    found = look_up(question, name, command)
    if found is None:
        raise unknown(name, f" among the latest {MOST:,}")
    return found


def look_up(question: Question, name: str, command: str) -> str | None:
    """Return the id that begins with ``name``, None where no request among the latest does. Raises as ``whole_id``."""
    digits = name.removeprefix(PREFIX)
    if _DIGITS.fullmatch(digits) and len(digits) < LEAST:
        raise UsageError(
            f"ccflared {command}: {name!r} is too short for the beginning of an id: at least {LEAST} letters"
        )
    if not like_an_id(name):
        return name
    if len(digits) == _WHOLE:
        return PREFIX + digits
    answer = question.daemon.get(f"/api/requests?limit={MOST}", timeout=30.0)
    if answer.status != 200 or not isinstance(answer.value, list):
        raise answer.unexpected(command)
    ids = [str(row["id"]) for row in answer.value if is_record(row)]
    found = [each for each in ids if each.removeprefix(PREFIX).startswith(digits)]
    if len(found) > 1:
        raise Refused(f"The ids of {len(found)} requests begin with {digits}; give more of it.")
    return found[0] if found else None


def unknown(name: str, where: str = "") -> Refused:
    """Return the sentence for a request that is not there."""
    return Refused(f"There is no request {bare_text(name)}{where}; `ccflared requests` lists the latest.")
