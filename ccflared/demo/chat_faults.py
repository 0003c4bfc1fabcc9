"""How api.openai.com words what it refuses. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ccflared.demo.asked import Fault

NAME = re.compile(r"[a-zA-Z0-9_-]+")
LONGEST_NAME = 64


def named(name: Any, where: str) -> Iterator[Fault]:
    """Yield what is wrong with a name."""
    if not isinstance(name, str):
        yield missing(where)
    elif not NAME.fullmatch(name):
        pattern = (
            "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        yield Fault(f"Invalid '{where}': {pattern}", where, "invalid_value")
    elif len(name) > LONGEST_NAME:
        yield long(where, LONGEST_NAME, len(name))


def unknown(
    value: Mapping[str, Any], known: Collection[str], where: str, prefix: str, allows: Collection[str]
) -> Iterator[Fault]:
    """Yield the keys that are not known, nor allowed as ``prefix`` and key."""
    for key in value:
        if key not in known and f"{prefix}{key}" not in allows:
            yield Fault(f"Unknown parameter: '{where}.{key}'.", f"{where}.{key}", "unknown_parameter")


def whole(value: Any) -> bool:
    """Whether it is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def missing(where: str) -> Fault:
    """Return that a parameter is missing."""
    return Fault(f"Missing required parameter: '{where}'.", where, "missing_required_parameter")


def empty(where: str) -> Fault:
    """Return that a list is empty."""
    least = "Expected an array with minimum length 1, but got an empty array instead."
    return Fault(f"Invalid '{where}': empty array. {least}", where, "empty_array")


def long(where: str, most: int, length: int) -> Fault:
    """Return that a text is too long."""
    long = f"Expected a string with maximum length {most}, but got a string with length {length} instead."
    return Fault(f"Invalid '{where}': string too long. {long}", where, "string_above_max_length")


def not_one_of(where: str, value: Any, values: tuple[str, ...]) -> Fault:
    """Return that a value is none of these."""
    supported = ", ".join(f"'{each}'" for each in values)
    return Fault(f"Invalid value: {value!r}. Supported values are: {supported}.", where, "invalid_value")
