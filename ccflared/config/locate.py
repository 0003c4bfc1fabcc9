"""Where things stand in a TOML text: from key path to the place of the key and of its value.

tomllib gives values without places. This scanner gives places without values: it knows just enough of the
grammar to walk a text that tomllib has accepted. In a text that is not valid it stops at the first thing it
does not understand and keeps what it has seen (``Places.twice`` names keys that a text sets twice).
"""

import re
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass, field

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\n]|\r\n|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)
_BARE_VALUE = re.compile(r"[^\s,\]}#=\[{\"']+(?: \d\d:\d\d[^\s,\]}#]*)?")
_ESCAPE = re.compile(r'\\(?:([btnfre"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2}))')
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text.

    ``line`` and ``column`` count from 1, in characters; ``start``, ``end`` are offsets.
    """

    line: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a key stands, and its value.

    Elements of lists have their value's place as key, tables their header.
    """

    key: Span
    value: Span


@dataclass(frozen=True, slots=True)
class Statement:
    """A header (``header``) or a pair: from its first character to its last, without the comment behind it.

    ``table`` is the path of the header that it stands below; of a header its own.
    """

    path: KeyPath
    table: KeyPath
    start: int
    end: int
    header: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """An element of a list, or a pair of an inline table: from its first character to its last."""

    path: KeyPath
    start: int
    end: int


@dataclass(slots=True)
class Places:
    """What was located."""

    spots: dict[KeyPath, Spot] = field(default_factory=dict)
    twice: dict[KeyPath, Span] = field(default_factory=dict)
    """Keys set a second time (invalid TOML), with the second place."""
    statements: list[Statement] = field(default_factory=list)
    """In the order of the text."""
    members: dict[KeyPath, list[Member]] = field(default_factory=dict)
    """What stands in each list and inline table, by the path of that; not in arrays of tables."""
    inline: set[KeyPath] = field(default_factory=set)
    """The paths of inline tables."""
    names: list[tuple[KeyPath, Span]] = field(default_factory=list)
    """Every time that a key is named, with the path up to it."""

    def spot(self, path: KeyPath) -> Spot | None:
        """Return where ``path`` stands, or the nearest table or list around it; None for the root."""
        while path:
            if path in self.spots:
                return self.spots[path]
            path = path[:-1]
        return None


def locate(text: str) -> Places:
    """Return the places of every key and list element of a TOML text. Raises nothing."""
    scanner = _Scanner(text)
    with suppress(_Lost):
        scanner.document()
    return scanner.places


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line begins."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


class _Lost(Exception):  # noqa: N818 - not an error: the text is one that tomllib refuses
    """The scanner does not understand the text from here on."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places = Places()
        self.starts = line_starts(text)
        self.declared: set[KeyPath] = set()
        """Tables that have had their header."""
        self.lists: dict[KeyPath, int] = {}
        """Arrays of tables, with the index of their last element."""

    def document(self) -> None:
        table: KeyPath = ()
        while True:
            self.skip(_GAP)
            if self.at >= len(self.text):
                return
            if self.peek("["):
                table = self.header()
            else:
                pair = self.pair(table)
                self.places.statements.append(Statement(pair.path, table, pair.start, pair.end))
            self.skip(_BLANK)
            if self.at < len(self.text) and not self.peek("#", "\n", "\r\n"):
                raise _Lost

    def header(self) -> KeyPath:
        """Read ``[a.b]`` or ``[[a.b]]``; return the path under which the following pairs stand."""
        many = self.peek("[[")
        start = self.at
        self.at += 2 if many else 1
        names = self.dotted()
        self.expect("]]" if many else "]")
        path: KeyPath = ()
        for index, (name, span) in enumerate(names):
            path = (*path, name)
            self.places.names.append((path, span))
            last = index == len(names) - 1
            if last and many:
                if path not in self.lists and path in self.places.spots:
                    self.places.twice.setdefault(path, span)
                self.note(path, Spot(span, span))
                self.lists[path] = self.lists.get(path, -1) + 1
                path = (*path, self.lists[path])
                self.places.spots[path] = Spot(span, span)
                continue
            self.note(path, Spot(span, span))
            if path in self.lists:
                path = (*path, self.lists[path])
            elif last:
                if path in self.declared:
                    self.places.twice.setdefault(path, span)
                else:
                    self.places.spots[path] = Spot(span, span)
                self.declared.add(path)
        self.places.statements.append(Statement(path, path, start, self.at, header=True))
        return path

    def pair(self, table: KeyPath) -> Member:
        """Read ``a.b = value``."""
        begin = self.at
        names = self.dotted()
        self.expect("=")
        self.skip(_BLANK)
        path = table
        for name, span in names[:-1]:
            path = (*path, name)
            self.places.names.append((path, span))
            self.note(path, Spot(span, span))
        name, span = names[-1]
        path = (*path, name)
        self.places.names.append((path, span))
        if path in self.places.spots:
            self.places.twice.setdefault(path, span)
        start = self.at
        self.note(path, Spot(span, span))
        self.value(path)
        if path not in self.places.twice:
            self.places.spots[path] = Spot(span, self.span(start, self.at))
        return Member(path, begin, self.at)

    def value(self, path: KeyPath) -> None:
        if self.peek("["):
            self.array(path)
        elif self.peek("{"):
            self.inline_table(path)
        else:
            self.scalar()

    def array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        members = self.places.members.setdefault(path, [])
        while True:
            self.skip(_GAP)
            if self.peek("]"):
                self.at += 1
                return
            start = self.at
            inner = (*path, index)
            self.value(inner)
            span = self.span(start, self.at)
            self.places.spots[inner] = Spot(span, span)
            members.append(Member(inner, start, self.at))
            index += 1
            self.skip(_GAP)
            if self.peek(","):
                self.at += 1
            elif not self.peek("]"):
                raise _Lost

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        members = self.places.members.setdefault(path, [])
        self.places.inline.add(path)
        while True:
            self.skip(_GAP)
            if self.peek("}"):
                self.at += 1
                return
            members.append(self.pair(path))
            self.skip(_GAP)
            if self.peek(","):
                self.at += 1
            elif not self.peek("}"):
                raise _Lost

    def scalar(self) -> None:
        for long, pattern in (('"""', _LONG_BASIC), ("'''", _LONG_LITERAL), ('"', _BASIC), ("'", _LITERAL)):
            if self.peek(long):
                return self.skip_over(pattern)
        return self.skip_over(_BARE_VALUE)

    def dotted(self) -> list[tuple[str, Span]]:
        names = []
        while True:
            self.skip(_BLANK)
            start = self.at
            names.append((self.simple_key(), self.span(start, self.at)))
            self.skip(_BLANK)
            if not self.peek("."):
                return names
            self.at += 1

    def simple_key(self) -> str:
        start = self.at
        if self.peek('"'):
            self.skip_over(_BASIC)
            return _ESCAPE.sub(_unescape, self.text[start + 1 : self.at - 1])
        if self.peek("'"):
            self.skip_over(_LITERAL)
            return self.text[start + 1 : self.at - 1]
        self.skip_over(_BARE_KEY)
        return self.text[start : self.at]

    def note(self, path: KeyPath, spot: Spot) -> None:
        """Keep the first place of a table that is mentioned several times."""
        self.places.spots.setdefault(path, spot)

    def peek(self, *texts: str) -> bool:
        return self.text.startswith(texts, self.at)

    def expect(self, text: str) -> None:
        if not self.peek(text):
            raise _Lost
        self.at += len(text)

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def skip_over(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is None or match.end() == self.at:
            raise _Lost
        self.at = match.end()

    def span(self, start: int, end: int) -> Span:
        line = bisect_right(self.starts, start)
        return Span(line, start - self.starts[line - 1] + 1, start, end)


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return _ESCAPED[match[1]]
    return chr(int(match[2] or match[3] or match[4], 16))
