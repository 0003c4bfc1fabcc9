"""Makes the schema of a tool one without unions at its top, which more than one API refuses there."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccflared.formats import json_text


def without_unions(schema: Mapping[str, Any], unions: Sequence[str]) -> tuple[Mapping[str, Any], str | None]:
    """Return a schema of an object without the keywords of ``unions``, and what must be said of the tool then.

    The properties of all variants are put together, so that whatever fits a variant fits; the words quote the whole.
    None where there was nothing to leave out. Raises ClientError (400) for a schema that is nested too deeply.
    """
    found = [name for name in unions if name in schema]
    if not found:
        return schema, None
    # The schema's own come first to their names, then those of the first variant, and so on.
    properties: dict[str, Any] = {}
    for variant in reversed([schema, *(variant for name in found for variant in _variants(schema[name]))]):
        properties.update(_properties(variant))
    plain = {name: value for name, value in schema.items() if name not in found}
    remark = f"The input must be valid by this JSON Schema:\n{json_text.body_of(schema).decode()}"
    return plain | {"properties": properties}, remark


def _variants(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _properties(schema: Any) -> Mapping[str, Any]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return properties if isinstance(properties, dict) else {}
