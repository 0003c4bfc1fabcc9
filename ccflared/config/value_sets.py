"""Kinds that read a list into a set or a map of lists: the planes of a listener, the models of an account."""

# ruff: noqa: D102 - the methods of a kind are documented once, in Kind
from collections.abc import Mapping
from typing import Literal, cast

from ccflared.config.kinds import Json, KeyPath, Kind, Reading, Text
from ccflared.config.shapes import Many, MapOf
from ccflared.config.words import did_you_mean, found, found_type, listed

PlaneName = Literal["requests", "admin", "metrics"]
_PLANES = ("requests", "admin", "metrics")


class Planes(Kind[frozenset[PlaneName]]):
    """What a listener serves."""

    expects = 'a list of "requests", "admin" and "metrics"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> frozenset[PlaneName] | None:
        if not isinstance(value, list) or not value:
            reading.wrong(path, f"expected {self.expects}, found {found_type(value)}")
            return None
        for index, plane in enumerate(value):
            if plane not in _PLANES:
                hint = did_you_mean(plane, _PLANES) if isinstance(plane, str) else ""
                reading.wrong((*path, index), f"expected {listed(_PLANES)}, found {found(plane)}{hint}")
        return cast("frozenset[PlaneName]", frozenset(plane for plane in value if plane in _PLANES))

    def schema(self) -> Json:
        return {"type": "array", "items": {"enum": list(_PLANES)}, "minItems": 1}

    def write(self, value: frozenset[PlaneName]) -> object:
        return [plane for plane in _PLANES if plane in value]


class Models(MapOf[tuple[str, ...]]):
    """A model map: from a family, exact id or glob to the upstream's name, or to a list tried in order."""

    def __init__(self) -> None:
        name = Text("a family (opus, sonnet, …), a model id or a glob", r"[^\x00-\x20\x7f]+")
        upstream = Text('the upstream\'s name of a model, or "="', r"[^\x00-\x1f\x7f]+")
        names = Many(upstream, "the name of a model or a list of names", single=True, least=1)
        super().__init__(name, names, "a table from families, ids or globs to the upstream's names")

    def read(self, value: object, path: KeyPath, reading: Reading) -> Mapping[str, tuple[str, ...]] | None:
        models = super().read(value, path, reading)
        return None if models is None else {_family(name): names for name, names in models.items()}

    def schema(self) -> Json:
        return {"$ref": "#/$defs/models"}


MODELS_SCHEMA: Json = {
    "description": 'Requested models (families, ids, globs, "*") and the upstream\'s names for them.',
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        ]
    },
}


def _family(name: str) -> str:
    """Families are case-insensitive: keep one spelling."""
    return name.lower() if name.lower() in {"fable", "opus", "sonnet", "haiku"} else name
