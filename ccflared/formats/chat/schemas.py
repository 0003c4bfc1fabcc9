"""JSON Schemas as OpenAI's API takes them. A schema is sent as it came wherever that is allowed."""

from collections.abc import Mapping
from typing import Any

from ccflared.errors import ClientError


def object_schema(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the schema of a tool's parameters, with ``type`` and ``properties``, without which it is refused.

    Raises ClientError (400) for a schema of something else than an object.
    """
    kind, properties = schema.get("type"), schema.get("properties")
    if kind not in (None, "object") or not isinstance(properties, dict | None):
        raise ClientError(
            400, "invalid_request_error", f"tools: the schema of {name} is not one of an object"
        )
    if kind is None or properties is None:
        return {**schema, "type": "object", "properties": properties or {}}
    return schema


def fits_strict(schema: Mapping[str, Any]) -> bool:
    """Say whether the strict mode takes a schema: every object in it closed, and all its properties required.

    Source: OpenAI's guide to structured outputs. A schema that may be refused is better not strict than not sent.
    """
    rest: list[Any] = [schema]
    while rest:
        match rest.pop():
            case Mapping() as inner if _is_open(inner):
                return False
            case Mapping() as inner:
                rest.extend(inner.values())
            case list(items):
                rest.extend(items)
            case _:
                pass
    return schema.get("type") == "object"


def _is_open(schema: Mapping[str, Any]) -> bool:
    """Say whether a schema is one of an object that may have members it does not name, or lack some it does."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict):
        return schema.get("type") == "object" and schema.get("additionalProperties") is not False
    listed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    return schema.get("additionalProperties") is not False or not listed >= properties.keys()
