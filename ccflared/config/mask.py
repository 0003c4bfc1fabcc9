"""Keeps secrets out of excerpts: a line of the file with every value masked that is not known to be harmless.

Harmless is what the model says is no secret. A value below an unknown key is masked as well, because
``api_kye = "sk-…"`` is a mistake, too. In a text that is not valid TOML the name of the key on the line
decides.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ccflared.config.kinds import KeyPath, Kind
from ccflared.config.locate import Places
from ccflared.config.secret_kinds import SecretSource, Sha256
from ccflared.config.shapes import Many, MapOf, Short, Table

_USER = re.compile(r"://[^/\s]*@")
"""User and password in a URL."""
MASK = '"…"'
_PLAIN = r"(?:\"[^\"'=]*\"|'[^\"'=]*'|[A-Za-z0-9_.:+-]{1,20})"
_PLAIN_VALUE = re.compile(
    rf"(?:{_PLAIN}|\[\s*(?:{_PLAIN}(?:\s*,\s*{_PLAIN})*)?\s*,?\s*\]?)?(?:\s*[,}}\]])*(?:\s*#[^\"'=]*|\s*[\"'][^\"'=]*)?$"
    rf"|{_PLAIN}|"
)
"""What of a harmless value may be shown where the text is broken: what surely belongs to it."""
_PAIR = re.compile(r"(?:^|[{,])\s*(?P<key>[A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=\s*")
_SOURCES = frozenset({"env", "file", "credential", "stored"})
_STRING_OR_COMMENT = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|"(?:[^"\\\n]|\\.)*"'
    r"|'''.*?'''(?:'{0,2})|'[^'\n]*'|#[^\n]*",
    re.DOTALL,
)
_COMMENTED = re.compile(
    r"(?P<key>\"[^\"\n]*\"|'[^'\n]*'|(?<![A-Za-z0-9_.-])[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+)[ \t]*=[ \t]*"
    r"(?P<value>\[[^\]\n]*|\"[^\"\n]*\"?|'[^'\n]*'?|[^\s{}\[\],]+)"
)
_SAID = re.compile(r"(?i:key|token|secret|password)[ \t]*:[ \t]*(?P<value>(?=\S*\d)\S{6,})")
_LONG_WORD = re.compile(r"[A-Za-z0-9_+/-]{16,}=*")
_LOGIN = re.compile(r"(?<=://)[^/\s]*@")
_ALONE = re.compile(r"#[ \t#]*(?P<value>(?:\"[^\"\n]+\"|'[^'\n]+')[ \t]*(?:,[ \t]*)?)$", re.MULTILINE)
"""A comment that is nothing but a text: an item of a list of before, perhaps of keys."""
_BONES = re.compile(r"\s*(?:[{}()\[\],\s]*|\[{1,2}[A-Za-z0-9_.\s-]*\]{0,2}\s*)(?:#.*)?$")
"""A line that holds nothing: brackets, or the head of a table."""
_BARE_URL = re.compile(r"[\"']?https?://[A-Za-z0-9.:\[\]-]+/?[\"']?")
"""One that has no room for a secret."""


def masked_line(
    text: str, span: tuple[int, int], offset: int, places: Places | None, root: Table[Any]
) -> tuple[str, int]:
    """Return the line ``text[span]`` masked, and where ``offset`` (within the line) is then."""
    start, end = span
    line = text[start:end]
    hidden = list(_by_name(line, _names(root)) if places is None else _by_path(text, span, places, root))
    shown, moved, at = "", offset, 0
    for begin, stop in _merged(hidden):
        shown += line[at:begin] + MASK
        if offset >= stop:
            moved += len(MASK) - (stop - begin)
        elif offset > begin:
            moved -= offset - begin
        at = stop
    return shown + line[at:], moved


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, stop in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((begin, stop))
    return merged


def harmless(path: KeyPath, root: Table[Any]) -> bool:
    """Whether the model says that the value at ``path`` is neither a secret nor contains one."""
    kind: Kind[Any] | None = root
    for part in path:
        kind = _below(kind, part)
        if kind is None:
            return False
    return kind is not None and _is_plain(kind)


def takes_secret(path: KeyPath, root: Table[Any]) -> bool:
    """Whether the model says that the value at ``path`` is a secret."""
    kind: Kind[Any] | None = root
    for part in path:
        kind = _below(kind, part)
    return isinstance(kind.item if isinstance(kind, Many) else kind, SecretSource)


def known_keys(path: KeyPath, root: Table[Any]) -> Collection[str] | None:
    """Return the keys that the model has for the table at ``path``; None where names are free, or none is known."""
    kind: Kind[Any] | None = root
    for part in path:
        kind = _below(kind, part)
    match kind:
        case Table():
            return kind.fields
        case Short():
            return kind.table.fields
        case Many():
            return ()
        case _:
            return None


def _is_plain(kind: Kind[Any]) -> bool:
    return not isinstance(kind, SecretSource | Sha256 | Table | MapOf | Many | Short)


def _below(kind: Kind[Any] | None, part: str | int) -> Kind[Any] | None:
    """Return the kind of a member; a Many that may stand single is looked through."""
    match kind:
        case Short():
            return _below(kind.table, part) if isinstance(part, str) else None
        case Table():
            return kind.fields[part].key.kind if isinstance(part, str) and part in kind.fields else None
        case MapOf():
            return kind.item
        case Many():
            return kind.item if isinstance(part, int) else _below(kind.item, part)
        case _:
            return None


def masked_text(text: str, places: Places | None, root: Table[Any], *, valid: bool) -> str:
    """Return a whole text masked, with as many lines as before. ``places`` is None where it is no TOML.

    ``valid``: it was found to be a configuration, so that where a secret is read from is what it says it is, and may
    be seen. What is written in comments is masked where it stands by a key that is not known to be harmless, or looks
    like no word: there may be a key of before.
    """
    names = _names(root)
    if places is None:
        hidden = list(_line_by_line(text, names))
    else:
        hidden = list(_by_path(text, (0, len(text)), places, root, sources=valid))
        comments = [match.span() for match in _STRING_OR_COMMENT.finditer(text) if match[0][0] == "#"]
        hidden += [span for comment in comments for span in _in_comment(text, comment, names)]
    shown, at = "", 0
    for begin, stop in _merged(hidden):
        lines = text[begin:stop].split("\n")
        masked = "\n".join(line and MASK for line in lines)
        shown += text[at:begin] + masked
        at = stop
    return shown + text[at:]


def _line_by_line(text: str, names: tuple[set[str], set[str]]) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.split("\n"):
        for begin, stop in _by_name(line, names):
            yield at + begin, at + stop
        if not _PAIR.search(line) and not _BONES.match(line):
            # Nobody knows what it belongs to: a text of several lines, say, or a key without its sign.
            yield at + len(line) - len(line.lstrip()), at + len(line.rstrip())
        if (mark := line.find("#")) >= 0:
            yield from _in_comment(text, (at + mark, at + len(line)), names)
        at += len(line) + 1


def _in_comment(
    text: str, comment: tuple[int, int], names: tuple[set[str], set[str]]
) -> Iterator[tuple[int, int]]:
    """Yield what of a comment had better not be seen."""
    start, end = comment
    plain = names[0] | _SOURCES
    for pair in _COMMENTED.finditer(text, start, end):
        key = pair["key"].strip("\"'").split(".")[-1]
        harmless_here = key in plain and not _USER.search(pair["value"])
        if not harmless_here and not _BARE_URL.fullmatch(pair["value"]):
            yield pair.span("value")
    for said in _SAID.finditer(text, start, end):
        yield said.span("value")
    for login in _LOGIN.finditer(text, start, end):
        yield login.span()
    if alone := _ALONE.match(text, start, end):
        yield alone.span("value")
    for word in _LONG_WORD.finditer(text, start, end):
        if not all(_is_word(part) for part in re.split("[-_/]", word[0].rstrip("="))):
            yield word.span()


def _is_word(part: str) -> bool:
    """Whether a part of a name may be read: letters, or a version, or a date."""
    return len(part) <= (12 if part.isalpha() else 8 if part.isdigit() else 3)


def _by_path(
    text: str, line: tuple[int, int], places: Places, root: Table[Any], *, sources: bool = False
) -> Iterator[tuple[int, int]]:
    start, end = line
    containers = {path[:-1] for path in places.spots}
    for path, spot in places.spots.items():
        value = spot.value
        if path in containers or (value == spot.key and not isinstance(path[-1], int)):
            continue
        if value.start >= end or value.end <= start:
            continue
        if text[value.start] not in "\"'" and not takes_secret(path, root):
            continue  # numbers, dates and the like are no secrets, but by mistake
        if sources and path[-1] in _SOURCES and takes_secret(path[:-1], root):
            continue
        if not _shown(path, root) or _USER.search(text[value.start : value.end]):
            yield max(value.start, start) - start, min(value.end, end) - start


def _shown(path: KeyPath, root: Table[Any]) -> bool:
    """Whether the value at a path may be seen; a chain's inner values and single values of lists may."""
    if harmless(path, root):
        return True
    kind: Kind[Any] | None = root
    for part in path:
        before, kind = kind, _below(kind, part)
        if kind is None:
            return before is not None and _is_plain(before) and not isinstance(before, Table)
    while isinstance(kind, Many | Short):
        kind = kind.item if isinstance(kind, Many) else kind.table.fields[kind.important].key.kind
    return kind is not None and _is_plain(kind)


def _by_name(line: str, names: tuple[set[str], set[str]]) -> Iterator[tuple[int, int]]:
    """Mask by the names on a line of broken TOML: all that does not follow a key known to be harmless."""
    if re.match(r"\s*(\[[^\"'=#]*)?(#[^\"'=]*)?$", line):
        return
    plain, known = names
    end = len(line.rstrip())
    pairs = [pair for pair in _PAIR.finditer(line) if _is_key(pair["key"], known)]
    first = pairs[0].start("key") if pairs else end
    if re.search(r"[\"']|\S{12,}", line[:first]):
        yield len(line) - len(line.lstrip()), first
    for number, pair in enumerate(pairs):
        stop = pairs[number + 1].start("key") if number + 1 < len(pairs) else end
        value = line[pair.end() : stop]
        visible = 0
        if pair["key"].split(".")[-1] in plain and not _USER.search(value):
            visible = _PLAIN_VALUE.match(value).end()  # type: ignore[union-attr]  # it matches nothing, at least
        elif value.startswith(("{", "[")):
            visible = 1
        if value[visible:].strip():
            yield pair.end() + visible, stop


def _is_key(name: str, known: set[str]) -> bool:
    """Whether what stands before ``=`` may be shown: short, or like a key of the model.

    A pasted secret is not.
    """
    return all(len(part) <= 12 or difflib.get_close_matches(part, known, 1) for part in name.split("."))


def _names(root: Table[Any]) -> tuple[set[str], set[str]]:
    """Return the names of keys that are harmless wherever they stand in the file, and all names."""
    plain: set[str] = set()
    other: set[str] = set()
    pending: list[Kind[Any]] = [root]
    seen: set[int] = set()
    while pending:
        kind = pending.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        match kind:
            case Short():
                pending.append(kind.table)
            case Table():
                for name, field in kind.fields.items():
                    inner = field.key.kind
                    while isinstance(inner, Many):
                        inner = inner.item
                    bare = inner.table.fields[inner.important].key.kind if isinstance(inner, Short) else inner
                    (plain if _is_plain(bare) else other).add(name)
                    pending.append(inner)
            case MapOf() | Many():
                pending.append(kind.item)
            case _:
                pass
    return plain - other, plain | other
