"""The arguments of a tool call: where their JSON object ends, what it lacks, and an object in any case.

Models write arguments, and servers cut them into fragments that may end anywhere, within an escape too. A fragment is
never changed; what stands behind the end of the object is no part of it.
"""

import re
from typing import Any, Final

from ccflared.formats.json_text import loads, text_of

_OUTSIDE: Final = re.compile(r'["{}\[\]]')
_INSIDE: Final = re.compile(r'["\\]')
_CLOSER: Final = {"{": "}", "[": "]"}


class Arguments:
    """Follows the fragments of one call as they come, without keeping them."""

    __slots__ = ("_closers", "_escaped", "_last", "_quoted", "odd", "whole")

    def __init__(self) -> None:
        self._closers: list[str] = []
        self._quoted = False
        self._escaped = False
        self._last = ""
        self.whole = False
        """The object has ended."""
        self.odd = False
        """What came begins like no object: only all of it together may still make sense."""

    @property
    def begun(self) -> bool:
        """Whether anything but blanks has come."""
        return bool(self._last)

    def take(self, fragment: str) -> str:
        """Take the next fragment and return as much of it as belongs to the object."""
        if self.whole:
            return ""
        text = fragment.rstrip()
        if not self._last and text:
            self.odd = text.lstrip()[0] != "{"
        self._last = text[-1:] or self._last
        if self.odd:
            return fragment
        end = self._walk(fragment)
        return fragment if end is None else fragment[:end]

    def _walk(self, text: str) -> int | None:
        """Follow quotes and brackets; return the place behind the object's end, None while it has not come."""
        closers = self._closers
        at = 0
        if self._escaped and text:
            at, self._escaped = 1, False
        while found := (_INSIDE if self._quoted else _OUTSIDE).search(text, at):
            at = found.end()
            match found[0]:
                case '"':
                    self._quoted = not self._quoted
                case "\\":
                    self._escaped = at == len(text)
                    at += 1
                case "{" | "[" as opener:
                    closers.append(_CLOSER[opener])
                case _:
                    closers.pop()
                    if not closers:
                        self.whole = True
                        return at
        return None

    @property
    def missing(self) -> str | None:
        """What is to be added so that the object ends: "" where nothing is, or nothing has come at all.

        None where it was cut within a value, or before one. Half a command must not become a whole one.
        """
        if self.whole or not self.begun:
            return ""
        if self.odd or self._quoted or self._last not in ("}", "]", '"'):
            return None
        return "".join(reversed(self._closers))


def object_text(arguments: Any) -> str:
    """Return a JSON object's text for the arguments of a whole call, whatever they are: ``{}`` where none is in them.

    An object's text stays as it is. Mended are an object in place of its text, a text within a text, brackets that are
    missing at the end, and anything behind the end.
    """
    if isinstance(arguments, str):
        value = _value(arguments)
        if isinstance(value, str):
            arguments, value = value, _value(value)
        return arguments if isinstance(value, dict) else _mended(arguments)
    return _written(arguments) if isinstance(arguments, dict) else "{}"


def kept_object(text: str) -> dict[str, Any] | None:
    """Return the object that a call of the past is told with where its arguments are none; None where they are one.

    What the model wrote is kept in it, so that it sees its mistake.
    """
    if not text.strip():
        return {}
    try:
        value = loads(text)
    except ValueError:
        value = text
    return None if isinstance(value, dict) else {"arguments": value}


def object_of(text: str) -> dict[str, Any]:
    """Return the object that the text of a call's arguments tells; an empty one where none is in it."""
    value = _value(text)
    if not isinstance(value, dict):
        value = _value(object_text(text))
    return value if isinstance(value, dict) else {}


def _mended(text: str) -> str:
    arguments = Arguments()
    mended = arguments.take(text) + (arguments.missing or "")
    return mended if isinstance(_value(mended), dict) else "{}"


def _written(value: dict[str, Any]) -> str:
    try:
        return text_of(value)
    except ValueError:
        return "{}"


def _value(text: str) -> Any:
    """Return the value of a JSON text; None for anything else, and for null."""
    try:
        return loads(text)
    except ValueError:
        return None
