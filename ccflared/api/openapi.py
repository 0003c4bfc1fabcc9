"""The OpenAPI 3.1 document, made from what the routes declare: there is no second place that could say otherwise."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ccflared import __version__
from ccflared.api.query import LONGEST, LONGEST_LIST
from ccflared.api.route import Right, Route
from ccflared.api.schemas import Schema

_JSON: Final = "application/json"
_RIGHTS: Final[Mapping[Right, str]] = {
    "open": " Asks for no credential.",
    "read": "",
    "state": ' Not where the file says [admin] edit = "none".',
    "credential": ' Only where the file says [admin] edit = "all".',
    "edit": ' Only where the file says [admin] edit = "all".',
    "control": " Over the control socket alone.",
}
_ERROR: Final = {
    "type": "object",
    "required": ["type", "error", "request_id"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"type": "string"},
                "message": {"type": "string", "description": "A sentence that says what to do."},
            },
        },
        "request_id": {"type": "string"},
    },
}
_TELLS: Final = {
    400: "What was sent is not understood; the message names every mistake.",
    401: "No credential of an administrator came with it.",
    403: "That credential, page or file does not allow it.",
    404: "There is nothing of that name.",
    409: "It does not go together with the file as it stands, or who may write that.",
    414: "The target is longer than 16 KiB.",
    415: "The body is not application/json.",
    429: "Too many wrong credentials, or it was asked a moment ago.",
    503: "The history cannot be read or written now; the message says why.",
}


def described(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ccflared",
            "version": __version__,
            "summary": "Administration of a ccflared daemon.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "../", "description": "Relative to this document: the daemon that gave it."}],
        "security": [{"bearer": []}, {"key": []}, {}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR},
            "responses": {
                str(code): {
                    "description": told,
                    "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for code, told in _TELLS.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The token of [admin]."},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same."},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", route.path)
    told: dict[str, Any] = {
        "operationId": _id(route),
        "summary": route.does,
        "tags": [route.path.split("/")[2]],
        "responses": _responses(route, named=bool(names)),
    }
    if note := _RIGHTS[route.right]:
        told["description"] = note.strip()
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in names
    ]
    parameters += [_parameter(name, schema) for name, schema in route.query.items()]
    if parameters:
        told["parameters"] = parameters
    if route.body is not None:
        needed = bool(route.body.get("required")) or bool(route.body.get("minProperties"))
        told["requestBody"] = {"required": needed, "content": {_JSON: {"schema": route.body}}}
    return told


def _parameter(name: str, schema: Schema) -> dict[str, Any]:
    """Return a parameter of a query, as query.py reads it."""
    own = dict(schema)
    description = own.pop("description", None)
    found: dict[str, Any] = {"name": name, "in": "query", "required": own.pop("x-required", False)}
    if description:
        found["description"] = description[:1].upper() + description[1:].rstrip(".") + "."
    if own["type"] == "boolean":
        # As it stands in a query; `true` of a schema would not say how.
        own = {"type": "string", "enum": ["true", "false", "1", "0"]}
        if "default" in schema:
            own["default"] = "true" if schema["default"] else "false"
    elif own["type"] == "array":
        own = {"type": "string", "maxLength": LONGEST_LIST}
        found["description"] = found.get("description", "Names between commas.")
    elif own["type"] == "string":
        own = dict(_text(own))
    return found | {"schema": own}


def _text(schema: Schema) -> Schema:
    return schema if "enum" in schema else {"maxLength": LONGEST, **schema}


def _responses(route: Route, *, named: bool) -> dict[str, Any]:
    codes = [401, 403, 429, 503]
    codes += [400] if route.query or route.body is not None or named else []
    codes += [414] if route.query or named else []
    codes += [404] if named or route.query else []
    codes += [409] if route.right != "read" or named else []
    codes += [415] if route.method != "GET" else []
    found: dict[str, Any] = {str(code): {"$ref": f"#/components/responses/{code}"} for code in sorted(codes)}
    for code, schema in route.gives.items():
        own = dict(schema)
        kind = own.pop("x-content", _JSON)
        said = own.pop("description", "Done." if route.method != "GET" else "The answer.")
        found[str(code)] = {
            "description": said if code < 300 else _TELLS.get(code, "Not done."),
            "content": {kind: {"schema": own}},
        }
    return dict(sorted(found.items()))


def _id(route: Route) -> str:
    words = re.findall(r"\w+", route.path.removeprefix("/api/"))
    return "_".join([route.method.lower(), *words]).replace("-", "_")
