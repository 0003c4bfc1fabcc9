"""What may be told of a conversation: bounds for texts, values, pictures and parts, so that no answer is endless."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ccflared.formats.json_text import sound, text_of

Part = dict[str, Any]
"""A part as REST shows it; its ``kind`` says which other members it has."""

LONGEST: Final = 200_000
"""Characters of one text."""
ALL: Final = 4_000_000
"""Characters of all texts."""
LARGEST: Final = 2_000_000
"""Characters of one picture in base64."""
PICTURES: Final = 6_000_000
"""Characters of all pictures."""
PARTS: Final = 20_000
_DEEPEST: Final = 60
_NESTED: Final = 8
_EXACT: Final = 2**53
"""Beyond it a browser's numbers are not the ones that were sent."""
_NODES: Final = 50_000
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,80}")


@dataclass(slots=True)
class Room:
    """What is left to be told, and words for what could not be."""

    text: int = ALL
    pictures: int = PICTURES
    parts: int = PARTS
    depth: int = 0
    untold: int = 0
    """Parts that were left out."""
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, words: str) -> None:
        """Say what is missing, once."""
        self.notes[sound(words)[:500]] = None

    def admits(self) -> bool:
        """Take a part, if there is room for one more."""
        if self.parts <= 0 or self.text <= 0:
            self.untold += 1
            return False
        self.parts -= 1
        return True

    @contextmanager
    def deeper(self) -> Iterator[bool]:
        """Go one level down, as results and documents hold parts of their own; False where it is too deep."""
        self.depth += 1
        try:
            yield self.depth <= _NESTED
        finally:
            self.depth -= 1

    def cut(self, text: str, most: int = LONGEST) -> Part:
        """Return ``text`` as it is told, with ``cut``: how many characters of it are not."""
        kept = sound(text[: max(0, min(most, self.text))])
        self.text -= len(kept)
        return {"text": kept} if len(kept) == len(text) else {"text": kept, "cut": len(text) - len(kept)}

    def line(self, value: object, most: int = 1000) -> str | None:
        """Return a name, an id or the like; None for what is no text."""
        if not isinstance(value, str) or not value:
            return None
        return str(self.cut(value, most)["text"])

    def value(self, name: str, value: Any) -> Part:
        """Return a JSON value under its name; as text, perhaps cut, where it is too long or too deep."""
        try:
            text = text_of(value)
        except ValueError:
            return {name: "", "broken": "nested too deeply"}
        if len(text) <= min(LONGEST, self.text) and _is_plain(value):
            self.text -= len(text)
            # By way of the text, which has no half of a surrogate pair.
            return {name: value} if text.isascii() else {name: _sound_value(value)}
        return self.as_text(name, text)

    def as_text(self, name: str, text: str, broken: str | None = None) -> Part:
        """Return a value as the text it was written in."""
        told = self.cut(text)
        part = {name: told["text"], **({"cut": told["cut"]} if "cut" in told else {})}
        return part if broken is None else {**part, "broken": broken}

    def picture(self, media_type: object, data: object) -> Part:
        """Return a picture: its data if they are sound and there is room for them, else its size alone."""
        data = data if isinstance(data, str) else ""
        kind = media_type.lower() if isinstance(media_type, str) else ""
        part: Part = {
            "kind": "image",
            "mediaType": kind if _MEDIA_TYPE.fullmatch(kind) else None,
            "bytes": len(data) * 3 // 4,
        }
        if len(data) <= min(LARGEST, self.pictures) and part["mediaType"] and _BASE64.fullmatch(data):
            self.pictures -= len(data)
            part["data"] = data
        return part


def _is_plain(value: Any) -> bool:
    """Whether a value is as deep, and its numbers as large, as every reader takes them."""
    level, nodes = [value], 0
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int) and abs(each) > _EXACT:
                return False
        nodes += len(below)
        if nodes > _NODES:
            return False
        if not below:
            return True
        level = below
    return False


def _sound_value(value: Any) -> Any:
    match value:
        case str():
            return sound(value)
        case list():
            return [_sound_value(each) for each in value]
        case dict():
            return {sound(name): _sound_value(each) for name, each in value.items()}
        case _:
            return value
