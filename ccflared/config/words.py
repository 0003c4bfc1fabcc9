"""How values are named in mistakes, and how durations and sizes are spelled.

Pure text in, text or numbers out.
"""

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]i?B|B)")
_BYTES = {
    "B": 1,
    **{f"{letter}iB": 1024**n for n, letter in enumerate("KMGT", 1)},
    **{f"{letter}B": 1000**n for n, letter in enumerate("KMGT", 1)},
    "kB": 1000,
}

_FEW: Final = 12
"""Names that are listed where none is like the one that was given."""


def duration_seconds(text: str) -> float | None:
    """Return the seconds of ``"90s"``, ``"1h30m"``, ``"750ms"``; None if it is not a duration."""
    text = text.strip()
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text))


def duration_text(seconds: float) -> str:
    """Return the shortest single-unit spelling of a duration: ``5m``, ``90s``, ``750ms``."""
    milliseconds = round(seconds * 1000)
    for unit in ("d", "h", "m", "s"):
        size = round(_SECONDS[unit] * 1000)
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def size_bytes(text: str) -> int | None:
    """Return the bytes of ``"64MiB"`` or ``"2GB"``; None if it is not a size."""
    match = _SIZE.fullmatch(text.strip())
    return int(Decimal(match[1]) * _BYTES[match[2]]) if match else None


def size_text(size: int) -> str:
    """Return a size in the largest binary unit that divides it: ``64MiB``."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


def quoted(text: str, longest: int = 60) -> str:
    """Return the text in double quotes, escaped and cut to about ``longest`` characters."""
    return toml_string(text if len(text) <= longest else text[: longest - 1] + "…")


def toml_string(text: str) -> str:
    """Return a basic string: quoted, with everything escaped that would not be printed."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c) or (c if c.isprintable() else _escaped(c)) for c in text) + '"'


def _escaped(c: str) -> str:
    return f"\\u{ord(c):04X}" if ord(c) < 0x10000 else f"\\U{ord(c):08X}"


def found(value: Any) -> str:
    """Return a TOML value in words: ``the text "abc"``, ``a list of integers``."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {quoted(value)}"
        case int():
            return f"the integer {value}" if abs(value) < 10**20 else "a huge integer"
        case float():
            return f"the number {value}"
        case _:
            return found_type(value)


def found_type(value: Any) -> str:
    """Return the type of a TOML value in words, without the value: fit for secrets."""
    match value:
        case []:
            return "an empty list"
        case list():
            kinds = {found_type(item) for item in value}
            plural = {"a table": "tables", "a text": "texts", "an integer": "integers", "a number": "numbers"}
            return (
                f"a list of {plural[kinds.pop()]}" if len(kinds) == 1 and kinds <= plural.keys() else "a list"
            )
        case dict():
            return "a table"
        case bool():
            return "true or false"
        case int():
            return "an integer"
        case float():
            return "a number"
        case str():
            return "a text"
        case dt.datetime():
            return "a date with time"
        case dt.date():
            return "a date"
        case dt.time():
            return "a time of day"
        case _:
            return "something else"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean "…"?`` for the closest of the known names, or nothing."""
    names = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.6)
    return f"; did you mean {quoted(names[close[0]])}?" if close else ""


def no_such(what: str, name: str, known: Iterable[str], spell: Callable[[str], str] = str) -> str:
    """Return the sentence that there is no such thing, with the one that may be meant, or with those that there are.

    ``spell``: makes names fit to be shown.
    """
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"There is no {what} {spell(name)}; did you mean {spell(folded[close[0]])}?"
    if len(names) <= 1:
        return f"There is no {what} {spell(name)}; there is {f'only {spell(names[0])}' if names else 'none at all'}."
    there = f" There are: {', '.join(map(spell, names))}." if len(names) <= _FEW else ""
    return f"There is no {what} {spell(name)}.{there}"


def listed(names: Iterable[str], last: str = "or") -> str:
    """Return ``"a", "b" or "c"``."""
    items = [quoted(name) for name in names]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def dotted(path: Iterable[str | int]) -> str:
    """Return a key path as TOML spells it: ``accounts."my work".models``; list places as ``[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (
                part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else toml_string(part)
            )
    return text


def shell_word(text: str) -> str:
    """Return a name as it is typed in a shell: in quotes, where it has spaces."""
    return text if re.fullmatch(r"[A-Za-z0-9._-]+", text) else f"'{text}'"
