"""Where the members of JSON objects and the elements of arrays stand in a text, so that some can be cut out of it.

What is not cut stays as it was written, byte for byte: numbers, escapes, spaces, the order of keys. Values are parsed
by the standard library at C speed; nothing is walked character by character.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

_SPACE: Final = re.compile(r"[ \t\r\n]*+")
# Numbers are nobody's business here, and Python refuses to read integers of many digits.
_SCAN: Final = json.JSONDecoder(parse_int=float).raw_decode


@dataclass(frozen=True, slots=True)
class Element:
    """An element of an array, or a member of an object: its value, and where it stands."""

    value: Any
    start: int
    """Where it begins: the key, if it has one."""
    end: int
    key: str = ""
    at: int = 0
    """Where the value begins."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What stands from ``start`` to ``end`` is replaced by ``text``."""

    start: int
    end: int
    text: str = ""


def text_of(body: bytes) -> str:
    """Return a body as the text that edited() is for. Raises ValueError where it is not UTF-8."""
    # JSON may hold halves of surrogate pairs, and its reader lets them pass.
    return body.decode("utf-8", "surrogatepass")


def edited(text: str, edits: Iterable[Edit]) -> bytes:
    """Return the text with edits made, which do not overlap, as bytes."""
    pieces: list[str] = []
    place = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += (text[place : edit.start], edit.text)
        place = edit.end
    pieces.append(text[place:])
    return "".join(pieces).encode("utf-8", "surrogatepass")


def outermost(text: str) -> list[Element]:
    """Return the members of the object that a whole text is. Raises ValueError for what is no JSON, or no object."""
    start = _skip(text, int(text.startswith("\ufeff")))
    found = members(text, start)
    last = found[-1].end if found else _skip(text, start, "{")
    if _skip(text, last, "}") != len(text):
        raise ValueError("something follows the end")
    return found


def members(text: str, at: int) -> list[Element]:
    """Return the members of the object that begins at ``at``; none where no object does.

    Raises ValueError where it is no JSON.
    """
    found: list[Element] = []
    place = _begin(text, at, "{")
    while place >= 0:
        key, colon = _scan(text, place)
        value_at = _skip(text, _skip(text, colon, ":"))
        value, end = _scan(text, value_at)
        if not isinstance(key, str):
            raise ValueError("a key is no text")  # noqa: TRY004 - it is the JSON that is wrong
        found.append(Element(value, place, end, key, value_at))
        place = _next(text, end, "}")
    return found


def elements(text: str, at: int) -> list[Element]:
    """Return the elements of the array that begins at ``at``; none where no array does.

    Raises ValueError where it is no JSON.
    """
    found: list[Element] = []
    place = _begin(text, at, "[")
    while place >= 0:
        value, end = _scan(text, place)
        found.append(Element(value, place, end, at=place))
        place = _next(text, end, "]")
    return found


def only(found: Sequence[Element], key: str) -> Element | None:
    """Return the member of this key; None where there is none, or more than one.

    Which of two counts could differ between us and whoever reads it next, so that neither is touched.
    """
    named = [member for member in found if member.key == key]
    return named[0] if len(named) == 1 else None


def without(found: Sequence[Element], gone: Sequence[Element]) -> list[Edit]:
    """Return the edits that take some of an object's members, or an array's elements, out, with their commas.

    ``gone`` is a part of ``found``, in the same order; what is left of the text is JSON as before.
    """
    starts = {element.start for element in gone}
    kept = [element for element in found if element.start not in starts]
    if not kept:
        return [Edit(found[0].start, found[-1].end)] if found else []
    last = kept[-1]
    edits = [
        Edit(element.start, following.start)
        for element, following in pairwise(found)
        if element.start in starts and element.start < last.start
    ]
    if found[-1].end > last.end:
        edits.append(Edit(last.end, found[-1].end))
    return edits


def _begin(text: str, at: int, bracket: str) -> int:
    """Return where the first member or element begins; -1 where there is none."""
    if not text.startswith(bracket, at):
        return -1
    place = _skip(text, at + 1)
    return -1 if text.startswith("}" if bracket == "{" else "]", place) else place


def _next(text: str, end: int, bracket: str) -> int:
    """Return where the next one begins; -1 where the end stands instead."""
    place = _skip(text, end)
    return -1 if text.startswith(bracket, place) else _skip(text, place, ",")


def _skip(text: str, place: int, sign: str = "") -> int:
    """Return the place behind white space, and behind a sign and white space where one is asked for."""
    place = _SPACE.match(text, place).end()  # type: ignore[union-attr]  # matches anything
    if not sign:
        return place
    if not text.startswith(sign, place):
        raise ValueError(f"{sign} is missing at {place}")
    return _skip(text, place + 1)


def _scan(text: str, place: int) -> tuple[Any, int]:
    try:
        return _SCAN(text, place)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
