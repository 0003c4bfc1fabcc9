"""The kinds of single values: each reads a TOML value, gives its JSON Schema and writes itself back.

A kind never raises on a wrong value: it tells the Reading, which gathers, and returns None. What consists of
other kinds (lists, tables) is in shapes.py; what is about time, secrets and networks in files of their own.
"""

# ruff: noqa: D102 - the methods of a kind are documented once, in Kind
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from ccflared.config.words import did_you_mean, found, listed, size_bytes, size_text

KeyPath = tuple[str | int, ...]
Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake before it has a place. ``at``: whether the key or the value of ``path`` is pointed at."""

    path: KeyPath
    message: str
    at: Literal["key", "value"] = "value"
    add: str = ""
    """TOML which the file lacks, if that is the mistake."""


@dataclass
class Reading:
    """What decoding needs to know of the world, and what it gathers on the way."""

    directory: Callable[[KeyPath], Path]
    """The directory of the file in which the value at a path stands."""
    home: Path | None
    zone_exists: Callable[[str], bool]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Keys of the fixed sections, each with its section's title: for a key that stands in the wrong one."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def wrong(
        self, path: KeyPath, message: str, at: Literal["key", "value"] = "value", *, add: str = ""
    ) -> None:
        """Note a mistake."""
        self.problems.append(Problem(path, message, at, add))

    def warn(self, path: KeyPath, message: str, at: Literal["key", "value"] = "value") -> None:
        """Note what is allowed but probably not meant."""
        self.warnings.append(Problem(path, message, at))

    def clean(self, *prefixes: KeyPath) -> bool:
        """Whether nothing is wrong at or below any of the paths: rules are not applied to what is broken."""
        return not any(p.path[: len(prefix)] == prefix for p in self.problems for prefix in prefixes)


class Kind(ABC, Generic[T]):
    """One kind of value."""

    expects: str
    """What it takes, in words that follow "expected"."""

    @abstractmethod
    def read(self, value: object, path: KeyPath, reading: Reading) -> T | None:
        """Return the Python value of a TOML value, or None after telling ``reading`` what is wrong."""

    @abstractmethod
    def schema(self) -> Json:
        """Return the JSON Schema of what it takes."""

    def write(self, value: T) -> object:
        """Return the TOML value that reads as ``value`` (secrets apart, which never come out)."""
        return value

    def reject(self, value: object, path: KeyPath, reading: Reading) -> T | None:
        """Note that ``value`` is not of this kind."""
        reading.wrong(path, f"expected {self.expects}, found {found(value)}")
        return None


class Flag(Kind[bool]):
    """true or false."""

    expects = "true or false"

    def read(self, value: object, path: KeyPath, reading: Reading) -> bool | None:
        return value if isinstance(value, bool) else self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"type": "boolean"}


class Whole(Kind[int]):
    """An integer within bounds."""

    def __init__(self, least: int | None = None, most: int = 2**53) -> None:
        self.least, self.most = least, most
        self.expects = "an integer" if least is None else f"an integer of at least {least}"

    def read(self, value: object, path: KeyPath, reading: Reading) -> int | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return self.reject(value, path, reading)
        least = -self.most if self.least is None else self.least
        return value if least <= value <= self.most else self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"type": "integer"} | ({} if self.least is None else {"minimum": self.least})


class Number(Kind[float]):
    """A finite number; ``above`` excludes the bound itself, ``least`` includes it."""

    def __init__(self, expects: str, *, least: float | None = None, above: float | None = None) -> None:
        self.expects, self.least, self.above = expects, least, above

    def read(self, value: object, path: KeyPath, reading: Reading) -> float | None:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or abs(value) > 1e15
            or math.isnan(value)
        ):
            return self.reject(value, path, reading)
        if (self.least is not None and value < self.least) or (
            self.above is not None and value <= self.above
        ):
            return self.reject(value, path, reading)
        return float(value)

    def schema(self) -> Json:
        schema: Json = {"type": "number"}
        if self.least is not None:
            schema["minimum"] = self.least
        if self.above is not None:
            schema["exclusiveMinimum"] = self.above
        return schema

    def write(self, value: float) -> object:
        return int(value) if value == int(value) and abs(value) < 1e15 else value


class Size(Kind[int]):
    """Bytes, spelled ``"32MiB"`` or as an integer."""

    expects = 'a size such as "32MiB"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> int | None:
        size: int | None = None
        if isinstance(value, str):
            size = size_bytes(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            size = value
        if size is None or not 0 < size <= 2**60:
            return self.reject(value, path, reading)
        return size

    def schema(self) -> Json:
        text = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([kKMGT]i?B|B)\s*$"}
        return {"anyOf": [text, {"type": "integer", "exclusiveMinimum": 0}]}

    def write(self, value: int) -> object:
        return size_text(value)


class Text(Kind[str]):
    """A text; ``pattern`` must match all of it. ``lower`` folds it, where case means nothing."""

    def __init__(
        self, expects: str = "a text", pattern: str = r"[^\x00-\x1f\x7f]+", *, lower: bool = False
    ) -> None:
        self.expects, self.pattern, self.lower = expects, pattern, lower

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            return self.reject(value, path, reading)
        return value.lower() if self.lower else value

    def schema(self) -> Json:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


class Choice(Kind[str]):
    """One of a few words. ``also`` maps other accepted spellings to them."""

    def __init__(self, *words: str, also: Mapping[str, str] | None = None) -> None:
        self.words, self.also = words, dict(also or {})
        self.expects = listed(words)

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if isinstance(value, str) and (word := self.also.get(value, value)) in self.words:
            return word
        hint = did_you_mean(value, (*self.words, *self.also)) if isinstance(value, str) else ""
        reading.wrong(path, f"expected {self.expects}, found {found(value)}{hint}")
        return None

    def schema(self) -> Json:
        return {"enum": [*self.words, *self.also]}


class FilePath(Kind[Path]):
    """A path: ``~/`` is the home directory, anything else is relative to the file it stands in."""

    expects = "a path"

    def read(self, value: object, path: KeyPath, reading: Reading) -> Path | None:
        if not isinstance(value, str) or not value or "\0" in value:
            return self.reject(value, path, reading)
        if value == "~" or value.startswith("~/"):
            if reading.home is None:
                reading.wrong(path, "~ stands for the home directory, and none is known here")
                return None
            return reading.home / value[2:]
        if value.startswith("~"):
            reading.wrong(path, 'only "~/" is understood, not another user\'s home directory')
            return None
        return reading.directory(path) / value

    def schema(self) -> Json:
        return {"type": "string", "minLength": 1}

    def write(self, value: Path) -> object:
        return str(value)


class Mode(Kind[int]):
    """Permission bits, spelled ``"0600"``."""

    expects = 'permissions such as "0600"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> int | None:
        if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3}", value):
            return int(value, 8)
        return self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"type": "string", "pattern": "^0?[0-7]{3}$"}

    def write(self, value: int) -> object:
        return f"{value:04o}"
