"""Values as TOML spells them, on one line."""

import datetime as dt
from collections.abc import Mapping

from ccflared.config.words import dotted, toml_string

_DEEPEST = 16


def toml_value(value: object) -> str:
    """Return a value (text, number, boolean, date, list, table) as TOML on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return toml_string(value)
        case int() | float():
            return repr(value)
        case dt.date():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case dict():
            inner = ", ".join(f"{dotted((name,))} = {toml_value(item)}" for name, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            raise TypeError(f"{type(value).__name__} has no TOML form")


def too_deep(value: object) -> bool:
    """Whether a value goes deeper than any key takes it: what is much deeper cannot even be compared."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, Mapping | list | tuple)
            for inner in (each.values() if isinstance(each, Mapping) else each)
        ]
    return bool(level)
