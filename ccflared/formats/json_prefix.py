"""Reads as much of a JSON text as there is: one that was cut, or is broken from some place on."""

import json
import re
from math import isfinite
from typing import Any, Final

from ccflared.formats.json_text import loads

_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[{}\[\],:]', re.DOTALL)
_HALF_CODE: Final = re.compile(r"(?:u[0-9a-fA-F]{0,3})?\Z")
_HALF_PAIR: Final = re.compile(r"u[dD][89abAB][0-9a-fA-F]{2}\Z")
_CLOSER: Final = {"{": "}", "[": "]"}
_DEEPEST: Final = 200


def value_of(text: str) -> tuple[Any, str | None]:
    """Return the value of a JSON text and None; of a broken one what stands before the break, and what is wrong.

    Members and items that were begun are kept as far as they go; what cannot be told of one is left out. The value is
    None where nothing can be told.
    """
    try:
        return loads(text), None
    except ValueError as error:
        wrong = _reason(error)
        place = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
    for end in (len(text), place):
        closed = _closed(text[:end])
        if closed is None:
            continue
        try:
            return _LAX.decode(closed), wrong
        except (ValueError, RecursionError):
            continue
    return None, wrong


def _finite(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text


_LAX: Final = json.JSONDecoder(parse_constant=str, parse_float=_finite)
"""Tells what are no numbers of JSON as text."""


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return str(error)


def _closed(text: str) -> str | None:
    """Return a text with its brackets closed, without the member or item that has not begun in earnest."""
    # Of each bracket that is open: itself, and where the item began that it stands in.
    opened: list[tuple[str, int]] = []
    mark, after, end, item = "", "", 0, 0
    for match in _TOKEN.finditer(text):
        sign, end = match[0], match.end()
        if sign[0] == '"':
            if not match[1]:
                return _within_string(text, opened, mark, item)
            after = mark
            mark = "text"
            continue
        mark = sign
        if sign in _CLOSER:
            opened.append((sign, item))
            item = end
            if len(opened) > _DEEPEST:
                return None
        elif sign in "}]":
            if not opened or _CLOSER[opened[-1][0]] != sign:
                return None
            item = opened.pop()[1]
        elif sign == ",":
            item = match.start()
    if not opened:
        return text[:end] if end else None
    # Behind a comma or a colon half a number may stand, or a word that was cut; and a name alone is no member.
    whole = mark in ("}", "]") or (mark == "text" and (after == ":" or opened[-1][0] == "["))
    return text[: end if whole else item] + _closers(opened)


def _within_string(text: str, opened: list[tuple[str, int]], mark: str, item: int) -> str | None:
    """Close a text that ends within a string: in its value, or before its name."""
    if not opened:
        return None
    if opened[-1][0] == "{" and mark != ":":
        return text[:item] + _closers(opened)
    return _whole_letters(text) + '"' + _closers(opened)


def _whole_letters(text: str) -> str:
    """Return a text that ends within a string without the escape that is cut at its end, and half a pair of them."""
    return _without(_HALF_PAIR, _without(_HALF_CODE, text))


def _without(code: re.Pattern[str], text: str) -> str:
    """Return a text without an escape at its end, whose code is told; an escaped backslash is none."""
    found = code.search(text, max(0, len(text) - 5))
    head = text if found is None else text[: found.start()]
    backslashes = len(head) - len(head.rstrip("\\"))
    return head[:-1] if backslashes % 2 else text


def _closers(opened: list[tuple[str, int]]) -> str:
    return "".join(_CLOSER[bracket] for bracket, _ in reversed(opened))
