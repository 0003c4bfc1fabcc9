"""Parameters of a query as their schemas say: checked, converted, with their defaults."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final
from urllib.parse import parse_qsl

from ccflared.config.words import quoted
from ccflared.errors import ClientError

LONGEST: Final = 500
"""Characters of a text whose schema does not say."""
LONGEST_LIST: Final = 4000
"""Characters of an array as it stands in a query."""
_FLAGS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read_query(
    raw: bytes, schemas: Mapping[str, Mapping[str, Any]], *, exactly: bool = False
) -> dict[str, Any]:
    """Return the parameters that have a schema; of one that is repeated, the last; others are left out.

    Known are the types integer, number, boolean, string and array (texts between commas), with ``enum``, ``minimum``,
    ``maximum``, ``maxLength``, ``pattern`` and ``default``; None for what has no default and was not given.

    ``exactly``: what has no schema, or comes twice, is a mistake. Raises ClientError (400) that tells all mistakes.
    """
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    given = dict(pairs)
    found: dict[str, Any] = {}
    wrong: list[str] = []
    if exactly:
        wrong += [f"{quoted(name)}: there is no such parameter" for name in given if name not in schemas]
        wrong += [f"{name}: it is given more than once" for name in schemas if _times(name, pairs) > 1]
    for name, schema in schemas.items():
        if name not in given:
            found[name] = schema.get("default")
            continue
        try:
            found[name] = _value(given[name], schema)
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    if wrong:
        raise ClientError(400, "invalid_request_error", f"{'; '.join(wrong)}.")
    return found


def _times(wanted: str, pairs: list[tuple[str, str]]) -> int:
    return sum(name == wanted for name, _ in pairs)


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    match schema["type"]:
        case "integer":
            return _bounded(_whole(text), schema)
        case "number":
            return _bounded(_number(text), schema)
        case "boolean":
            if text.lower() not in _FLAGS:
                raise ValueError("true or false is expected")
            return _FLAGS[text.lower()]
        case "array":
            if len(text) > LONGEST_LIST:
                raise ValueError("it is too long")
            return [
                _text(each, {"maxLength": LONGEST_LIST, **schema["items"]})
                for each in text.split(",")
                if each
            ]
        case _:
            return _text(text, schema)


def _whole(text: str) -> int:
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
        raise ValueError("a whole number is expected")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text) if len(text) < 40 else float("nan")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ValueError("a number is expected")
    return number


def _bounded(number: Any, schema: Mapping[str, Any]) -> Any:
    least, most = schema.get("minimum"), schema.get("maximum")
    if (least is not None and number < least) or (most is not None and number > most):
        raise ValueError(
            f"from {least} to {most} is expected" if None not in (least, most) else "it is out of bounds"
        )
    return number


def _text(text: str, schema: Mapping[str, Any]) -> str:
    if (choices := schema.get("enum")) is not None and text not in choices:
        raise ValueError(f"one of {', '.join(map(str, choices))} is expected")
    if len(text) > schema.get("maxLength", LONGEST):
        raise ValueError("it is too long")
    if (pattern := schema.get("pattern")) is not None and not re.fullmatch(pattern, text):
        raise ValueError(f"{schema.get('description', 'something else')} is expected")
    return text
