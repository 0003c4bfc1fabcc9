"""The steps of a chain: ``try = [["primary", "work"], { account = "router", model = "…" }, "last"]``."""

# ruff: noqa: D102 - the methods of a kind are documented once, in Kind
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ccflared.config.kinds import Json, KeyPath, Kind, Reading, Text
from ccflared.config.words import did_you_mean, found_type, quoted

STEP_KEYS: Final[Mapping[str, str]] = {
    "account": "An account, or a list of several as one step. Must be given.",
    "model": "The upstream's name of the model, not mapped again. Default: the requested one, mapped as ever.",
}
"""The keys of a step that is a table, with what each says."""
_NAME = Text("the name of an account")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain: accounts shared by the strategy, and the upstream's model name if one is given.

    The accounts are as the file has them; decoding replaces globs by the names they match.
    """

    accounts: tuple[str, ...]
    model: str | None = None


class Steps(Kind[tuple[Step, ...]]):
    """The list of steps."""

    expects = 'a list such as [["primary", "work"], { account = "router", model = "vendor/big" }]'

    def read(self, value: object, path: KeyPath, reading: Reading) -> tuple[Step, ...] | None:
        if not isinstance(value, list) or not value:
            return self.reject(value, path, reading)
        steps = [self._step(item, (*path, index), reading) for index, item in enumerate(value)]
        return tuple(step for step in steps if step is not None)

    def _step(self, value: object, path: KeyPath, reading: Reading) -> Step | None:
        match value:
            case str():
                return _made(((value, path),), None, reading)
            case [_, *_]:
                return _made(((item, (*path, index)) for index, item in enumerate(value)), None, reading)
            case dict():
                return self._table(value, path, reading)
            case _:
                expects = "an account, a list of accounts, or a table with account and model"
                reading.wrong(path, f"expected {expects}, found {found_type(value)}")
                return None

    def _table(self, value: dict[str, object], path: KeyPath, reading: Reading) -> Step | None:
        for name in value.keys() - {"account", "model"}:
            hint = did_you_mean(name, ("account", "model"))
            reading.wrong((*path, name), f"a step has no key {quoted(name)}{hint}", "key")
        if "account" not in value:
            if reading.clean(path):
                reading.wrong(path, 'a step needs the key "account"')
            return None
        model = None
        if "model" in value:
            model = Text("the upstream's name of a model").read(value["model"], (*path, "model"), reading)
        given, where = value["account"], (*path, "account")
        if isinstance(given, list) and given:
            return _made(((item, (*where, index)) for index, item in enumerate(given)), model, reading)
        return _made(((given, where),), model, reading)

    def schema(self) -> Json:
        names: Json = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        table: Json = {
            "type": "object",
            "properties": {
                "account": {"anyOf": [{"type": "string"}, names], "description": STEP_KEYS["account"]},
                "model": {"type": "string", "description": STEP_KEYS["model"]},
            },
            "required": ["account"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": {"anyOf": [{"type": "string"}, names, table]}, "minItems": 1}

    def write(self, value: tuple[Step, ...]) -> object:
        return [_written(step) for step in value]


def _made(given: Iterable[tuple[object, KeyPath]], model: str | None, reading: Reading) -> Step | None:
    names = [_NAME.read(item, path, reading) for item, path in given]
    kept = tuple(name for name in names if name is not None)
    return Step(kept, model) if kept else None


def _written(step: Step) -> object:
    accounts: object = step.accounts[0] if len(step.accounts) == 1 else list(step.accounts)
    return accounts if step.model is None else {"account": accounts, "model": step.model}
