"""Makes a JSON Schema one that Anthropic can hold an answer to, as far as that goes.

Source: platform.claude.com, page on structured outputs, "JSON Schema limitations". What is not enforced there, such as
bounds of numbers and lengths of texts, is a 400; it moves into the description, where the model reads it. A schema
whose meaning would change has no such form: the answer is asked for in words then.
"""

from collections.abc import Mapping
from typing import Any, Final

from ccflared.formats import json_text

_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_STRINGS: Final = (
    *("date-time", "time", "date", "duration", "email"),
    *("hostname", "uri", "ipv4", "ipv6", "uuid"),
)
_VARIANTS: Final = frozenset({"anyOf", "oneOf", "allOf"})
_DEEPEST: Final = 32
_PLACE: Final = "#/$defs/"
_SILENT: Final = ("$schema", "$id", "$comment", "title", "examples", "readOnly", "writeOnly", "deprecated")


_JSON: Final = "Answer with one JSON object and nothing else: no code fence, no word before it or behind it."


def in_words(schema: str | None) -> str:
    """Return the words that ask for an answer in JSON, by a schema (its text) if there is one."""
    return f"{_JSON} It must be valid by this JSON Schema:\n{schema}" if schema is not None else _JSON


class _Unfit(Exception):  # noqa: N818 - reads as the fact it states
    """The schema says what cannot be enforced."""


def fitted(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a schema that means the same and is taken; None where there is none."""
    try:
        definitions = schema.get("$defs", schema.get("definitions", {}))
        if not isinstance(definitions, dict):
            return None
        known = {name: _fit(definition, definitions.keys(), 1) for name, definition in definitions.items()}
        if _in_circles(known):
            return None
        whole = {name: value for name, value in schema.items() if name not in ("$defs", "definitions")}
        return _fit(whole, definitions.keys(), 0) | ({"$defs": known} if known else {})
    except _Unfit:
        return None


def _fit(schema: Any, known: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        raise _Unfit
    if "$ref" in schema:
        return _reference(schema["$ref"], known)
    rest = {name: value for name, value in schema.items() if name not in _SILENT}
    fit: dict[str, Any] = {}
    if isinstance(description := rest.pop("description", None), str):
        fit["description"] = description
    for name in _VARIANTS & rest.keys():
        variants = rest.pop(name)
        # Closed objects can be one of several, but not several at once.
        if (
            not isinstance(variants, list)
            or not variants
            or "anyOf" in fit
            or (name == "allOf" and variants[1:])
        ):
            raise _Unfit
        fit["anyOf"] = [_fit(variant, known, depth + 1) for variant in variants]
    for name in ("enum", "const"):
        if name in rest:
            fit[name] = _plain(rest.pop(name))
    kinds = rest.pop("type", None)
    if kinds is not None:
        fit |= _typed(kinds, rest, known, depth)
    elif not fit.keys() & {"anyOf", "enum", "const"}:
        raise _Unfit
    if rest:
        told = json_text.body_of(rest).decode()
        fit["description"] = f"{fit['description']}\n\n{told}" if "description" in fit else told
    return fit


def _reference(place: Any, known: Any) -> dict[str, Any]:
    if not isinstance(place, str):
        raise _Unfit
    name = place.replace("#/definitions/", _PLACE, 1).removeprefix(_PLACE)
    if not place.startswith("#/") or name not in known:
        raise _Unfit
    return {"$ref": _PLACE + name}


def _plain(value: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    if not all(member is None or isinstance(member, str | int | float | bool) for member in values):
        raise _Unfit
    return value


def _typed(kinds: Any, rest: dict[str, Any], known: Any, depth: int) -> dict[str, Any]:
    """Return what belongs to a type, or to several, and take it out of ``rest``."""
    types = kinds if isinstance(kinds, list) else [kinds]
    if not types or not all(isinstance(kind, str) and kind in _TYPES for kind in types):
        raise _Unfit
    fit: dict[str, Any] = {"type": kinds}
    if "object" in types:
        properties, required = rest.pop("properties", {}), rest.pop("required", [])
        # An object is closed there. One that is open on purpose would lose what it is for.
        open_ = rest.pop("additionalProperties", None)
        if not isinstance(properties, dict) or not isinstance(required, list) or "patternProperties" in rest:
            raise _Unfit
        if open_ not in (None, False) or (open_ is None and not properties):
            raise _Unfit
        if not all(isinstance(name, str) and name in properties for name in required):
            raise _Unfit
        fit["properties"] = {name: _fit(value, known, depth + 1) for name, value in properties.items()}
        fit |= {"required": required, "additionalProperties": False}
    if "array" in types:
        if "items" in rest:
            fit["items"] = _fit(rest.pop("items"), known, depth + 1)
        if rest.get("minItems") in (0, 1):  # higher bounds are not enforced
            fit["minItems"] = rest.pop("minItems")
    if "string" in types and rest.get("format") in _STRINGS:
        fit["format"] = rest.pop("format")
    return fit


def _in_circles(definitions: Mapping[str, Any]) -> bool:
    """Return whether a definition is part of itself, by however many others."""
    leads = {name: _references(definition) for name, definition in definitions.items()}
    while ended := [name for name, names in leads.items() if not names & leads.keys()]:
        for name in ended:
            del leads[name]
    return bool(leads)


def _references(schema: Any) -> set[str]:
    """Return the names of the definitions that a fitted schema speaks of."""
    match schema:
        case {"$ref": str(place)}:
            return {place.removeprefix(_PLACE)}
        case dict():
            return set().union(*map(_references, schema.values()))
        case list():
            return set().union(*map(_references, schema))
        case _:
            return set()
