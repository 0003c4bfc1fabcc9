"""The members of a client's JSON objects, taken by their type, each mistake told by the place it was made at.

Places are written as Anthropic's API writes them: ``messages.0.content.1.source.type``. A member that is null counts
as one that is not there; members nobody asks for are passed over.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ccflared.errors import ClientError
from ccflared.formats.json_text import sound


class Fields:
    """One JSON object and its place. What has the wrong type raises ClientError (400)."""

    __slots__ = ("members", "place")

    def __init__(self, value: Any, place: str = "") -> None:
        self.place = place
        if not isinstance(value, dict):
            raise self.wrong("", "must be an object")
        self.members: Mapping[str, Any] = value

    def wrong(self, name: str, what: str) -> ClientError:
        """Return the error that says what is wrong with a member, "" being the object itself."""
        return ClientError(400, "invalid_request_error", f"{self.at(name) or 'request'}: {what}")

    def at(self, name: str) -> str:
        """Return the place of a member."""
        return f"{self.place}.{name}" if self.place and name else self.place or name

    def has(self, name: str) -> bool:
        """Say whether there is such a member."""
        return self.members.get(name) is not None

    def text(self, name: str) -> str | None:
        """Return a text, which may be empty."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, str):
            raise self.wrong(name, "must be a string")
        return value

    def needed(self, name: str) -> str:
        """Return a text that must be there, and say something."""
        if not (value := self.text(name)):
            raise self.wrong(name, "must be a string that is not empty")
        return value

    def name(self, name: str) -> str:
        """Return a name or an id: a text as with ``needed``, and one that UTF-8 can write."""
        return sound(self.needed(name))

    def flag(self, name: str) -> bool | None:
        """Return a truth value."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def whole(self, name: str, least: int = 0) -> int | None:
        """Return an integer that is at least ``least``."""
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(name, f"must be an integer, at least {least}")
        return value

    def number(self, name: str) -> float | None:
        """Return a number. One that was written as an integer stays one."""
        value = self.members.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.wrong(name, "must be a number")
        return value

    def members_of(self, name: str) -> dict[str, Any] | None:
        """Return an object as it is."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "must be an object")
        return value

    def within(self, name: str) -> "Fields | None":
        """Return an object, to be taken apart."""
        value = self.members.get(name)
        return None if value is None else Fields(value, self.at(name))

    def items(self, name: str) -> list[Any]:
        """Return an array; an empty one where there is none."""
        value = self.members.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "must be an array")
        return value

    def each(self, name: str) -> Iterator["Fields"]:
        """Yield the objects of an array."""
        for index, item in enumerate(self.items(name)):
            yield Fields(item, f"{self.at(name)}.{index}")
