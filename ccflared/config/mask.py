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


def masked_line(
    text: str, span: tuple[int, int], offset: int, places: Places | None, root: Table[Any]
) -> tuple[str, int]:
    """Return the line ``text[span]`` masked, and where ``offset`` (within the line) is then."""
    start, end = span
    line = text[start:end]
    hidden = list(_by_name(line, root) if places is None else _by_path(text, span, places, root))
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


def _by_path(text: str, line: tuple[int, int], places: Places, root: Table[Any]) -> Iterator[tuple[int, int]]:
    start, end = line
    containers = {path[:-1] for path in places.spots}
    for path, spot in places.spots.items():
        value = spot.value
        if path in containers or (value == spot.key and not isinstance(path[-1], int)):
            continue
        if value.start >= end or value.end <= start:
            continue
        if text[value.start] not in "\"'":
            continue  # numbers, dates and the like are no secrets
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


def _by_name(line: str, root: Table[Any]) -> Iterator[tuple[int, int]]:
    """Mask by the names on a line of broken TOML: all that does not follow a key known to be harmless."""
    if re.match(r"\s*(\[[^\"'=#]*)?(#[^\"'=]*)?$", line):
        return
    plain, known = _names(root)
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
