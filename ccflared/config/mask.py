"""Keeps secrets out of excerpts: a line of the file with every value masked that is not known to be harmless.

Harmless is what the model says is no secret. A value below an unknown key is masked as well, because
``api_kye = "sk-…"`` is a mistake, too. In a text that is not valid TOML the name of the key on the line
decides.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ccflared.config.kinds import KeyPath, Kind
from ccflared.config.locate import Places
from ccflared.config.secret_kinds import SecretSource, Sha256
from ccflared.config.shapes import Many, MapOf, Short, Table

_USER = re.compile(r"://[^/\s]*@")
"""User and password in a URL."""
MASK = '"…"'
_PAIR = re.compile(r"(?P<key>[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*=\s*")


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
    """Mask by the names on a line of broken TOML: everything that follows no key known to be harmless."""
    if re.match(r"\s*(\[[^\"'=]*\]*\s*(#.*)?$|#)", line):
        return
    names = _plain_names(root)
    pairs = list(_PAIR.finditer(line))
    bounds = [*(pair.start() for pair in pairs), len(line)]
    if not pairs:
        stripped = line.strip()
        if re.search(r"[\"']", stripped) or re.search(r"\S{12,}", stripped):
            yield len(line) - len(line.lstrip()), len(line.rstrip())
        return
    for pair, stop in zip(pairs, bounds[1:], strict=True):
        shown = pair["key"] in names and not _USER.search(line[pair.end() : stop])
        if not shown and pair.end() < stop and line[pair.end() : pair.end() + 1] not in "{[":
            yield pair.end(), stop
    if bounds[0] and re.search(r"[\"']|\S{12,}", line[: bounds[0]]):
        yield 0, bounds[0]


def _plain_names(root: Table[Any]) -> set[str]:
    """Return the names of keys that are harmless wherever they stand in the file."""
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
                    (plain if _is_plain(inner) else other).add(name)
                    pending.append(inner)
            case MapOf() | Many():
                pending.append(kind.item)
            case _:
                pass
    return plain - other
