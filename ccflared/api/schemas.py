"""Small words for JSON Schemas, in which routes say what they take and give."""

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

TEXT: Final[Schema] = {"type": "string"}
MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
WHOLE: Final[Schema] = {"type": "integer"}
MAYBE_WHOLE: Final[Schema] = {"type": ["integer", "null"]}
NUMBER: Final[Schema] = {"type": "number"}
MAYBE_NUMBER: Final[Schema] = {"type": ["number", "null"]}
FLAG: Final[Schema] = {"type": "boolean"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
ANYTHING: Final[Schema] = {}
SWITCH: Final[Schema] = {"anyOf": [{"type": "boolean"}, {"type": "integer", "enum": [0, 1]}]}
"""Yes or no, which better-ccflare writes 1 and 0."""
STREAM: Final[Schema] = {
    "type": "string",
    "description": "Server-sent events.",
    "x-content": "text/event-stream",
}
"""Of a route that answers events."""
_PLURAL: Final = {"string": TEXT, "integer": WHOLE, "number": NUMBER, "boolean": FLAG}


def record(properties: Mapping[str, Schema], **optional: Schema) -> Schema:
    """Return the schema of an object: ``properties`` are always there, ``optional`` ones may be."""
    every = {**properties, **optional}
    found: dict[str, Any] = {"type": "object", "properties": every}
    return found | {"required": list(properties)} if properties else found


def closed(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of a body: what must be given, what may be, and nothing else."""
    return {**record(required, **(optional or {})), "additionalProperties": False}


def many(item: Schema, **more: Any) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": item, **more}


def maybe(schema: Schema) -> Schema:
    """Return the schema of something that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def told(schema: Schema, description: str) -> Schema:
    """Return a schema with words for people."""
    return {**schema, "description": description}


def one_of(*words: str) -> Schema:
    """Return the schema of one of some words."""
    return {"type": "string", "enum": list(words)}


def each(schema: Schema, names: str) -> dict[str, Schema]:
    """Return properties of one kind: their names, with spaces between."""
    return dict.fromkeys(names.split(), schema)


DONE: Final = record({"success": FLAG, "message": TEXT})
"""Of a call that has taken effect."""
