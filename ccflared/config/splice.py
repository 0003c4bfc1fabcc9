"""One change of one TOML text, made by cutting and pasting at the places that the scanner found.

Changes made with tomlkit take the comment above the next table away with a table, and put interleaved tables into
another order; a splice leaves every other character where it is by construction. Whoever calls these functions has
tomllib and tomlkit read the result and compares: a text that a splice cannot change cleanly is then refused, never
written.
"""

import re
from collections.abc import Iterable, Mapping

from ccflared.config.kinds import KeyPath
from ccflared.config.locate import Member, Places, Statement, locate
from ccflared.config.toml_text import toml_value
from ccflared.config.words import dotted

_BLANK = re.compile(r"[ \t]*")
_COMMENT_BEHIND = re.compile(r"([ \t]{2,})#")
_COMMENT_LINE = re.compile(r"[ \t]*#[^\n]*(?:\n|$)")
_EMPTY_LINE = re.compile(r"[ \t]*\r?\n")
_EMPTY_LINES = re.compile(r"(?:[ \t]*\r?\n)+")


def holds_value(text: str, path: KeyPath) -> bool:
    """Whether a value stands at ``path`` that can be replaced: not a table made of headers or dotted keys."""
    places = locate(text)
    members = (member.path for found in places.members.values() for member in found)
    pairs = (each.path for each in places.statements if not each.header)
    return path in {*members, *pairs}


def replaced(text: str, path: KeyPath, value: object) -> str:
    """Put a value in the place of the one at ``path``, which is no table of its own; a comment stays in its column.

    Where the scanner does not find it, the text stays as it is.
    """
    spot = locate(text).spots.get(path)
    if spot is None:
        return text
    span = spot.value
    new = _like(text[span.start : span.end], value)
    behind = text[span.end :]
    if comment := _COMMENT_BEHIND.match(behind):
        blanks = max(1, len(comment[1]) + (span.end - span.start) - len(new))
        behind = " " * blanks + behind[len(comment[1]) :]
    return text[: span.start] + new + behind


def renamed(text: str, path: KeyPath, name: str) -> str:
    """Give the key at ``path`` another name, wherever the text names it."""
    for found, span in reversed(locate(text).names):
        if found == path:
            text = text[: span.start] + _key_like(text[span.start : span.end], name) + text[span.end :]
    return text


def removed(text: str, path: KeyPath) -> str:
    """Take out what is at ``path``: a member of a list or inline table, or every line and table of it."""
    places = locate(text)
    for container, members in places.members.items():
        ours = [number for number, each in enumerate(members) if each.path[: len(path)] == path]
        if len(container) < len(path) and ours:
            left = list(members)
            for number in reversed(ours):
                text = _without_member(text, left, number)
                del left[number]
            return text
    for start, end in reversed(list(_lines_of(text, places, path))):
        text = text[:start] + text[end:]
    return text


def added(text: str, path: KeyPath, value: object, table: KeyPath) -> str:
    """Put a new key into the table nearest to it, in the style that is found there.

    ``table``: the table that gets a header where nothing of it is there yet.
    """
    places = locate(text)
    for length in range(len(path) - 1, 0, -1):
        prefix, rest = path[:length], path[length:]
        if isinstance(rest[0], int) and prefix in places.members:
            return _into_list(text, places, prefix, toml_value(value))
        if prefix in places.inline:
            return _into_inline(text, places, prefix, f"{dotted(rest)} = {toml_value(value)}")
        headers = [each for each in places.statements if each.header and each.path == prefix]
        if headers:
            own = [each for each in places.statements if not each.header and each.table == prefix]
            return _line_after(text, [headers[0], *own][-1], dotted(rest), value)
        if pairs := [each for each in places.statements if _is_dotted(each, prefix)]:
            end = next(
                span.end for found, span in places.names if found == prefix and span.end > pairs[-1].start
            )
            key = f"{text[pairs[-1].start : end]}.{dotted(rest)}"
            return _line_after(text, pairs[-1], key, value)
        deeper = [each for each in places.statements if each.header and each.path[:length] == prefix]
        if deeper and length >= len(table):
            block = [f"[{dotted(prefix)}]", f"{dotted(rest)} = {toml_value(value)}", ""]
            return _before(text, places, deeper[0], block)
    if table:
        return with_table(text, table, {path[len(table) :]: value})
    return _at_the_top(text, places, f"{dotted(path)} = {toml_value(value)}")


def with_table(text: str, table: KeyPath, pairs: Mapping[KeyPath, object], *, element: bool = False) -> str:
    """Append a table: behind the last of its section, else at the end. ``element``: of an array of tables."""
    header = f"[[{dotted(table)}]]" if element else f"[{dotted(table)}]"
    block = [header, *(f"{dotted(key)} = {toml_value(value)}" for key, value in pairs.items())]
    places = locate(text)
    if len(table) > 1 and table[:1] in places.inline:
        inner = ", ".join(f"{dotted(key)} = {toml_value(value)}" for key, value in pairs.items())
        return _into_inline(text, places, table[:1], f"{dotted(table[1:])} = {{ {inner} }}")
    siblings = [
        each
        for each in places.statements
        if each.path[:1] == table[:1] and (each.header or len(each.table) > 0)
    ]
    at = _glued_below(text, _line_end(text, siblings[-1].end)) if siblings else len(text)
    newline = _newline(text)
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += newline
    if before and not re.search(r"\n[ \t]*\r?\n$", before):
        before += newline
    if after and not _EMPTY_LINE.match(after):
        after = newline + after
    return before + newline.join([*block, ""]) + after


def _is_dotted(statement: Statement, prefix: KeyPath) -> bool:
    """Whether a pair reaches into the table ``prefix`` by a dotted key, from outside of it."""
    return (
        not statement.header
        and statement.path[: len(prefix)] == prefix
        and len(statement.table) < len(prefix) < len(statement.path)
    )


def _like(old: str, value: object) -> str:
    """Return the TOML of a value, in single quotes where the old one has them."""
    if isinstance(value, str) and re.fullmatch(r"'[^']*'", old) and "'" not in value and value.isprintable():
        return f"'{value}'"
    return toml_value(value)


def _key_like(old: str, name: str) -> str:
    """Return the TOML of a key, in quotes where the old one has them."""
    bare = dotted((name,))
    if bare.startswith('"') or not old.startswith(('"', "'")):
        return bare
    return f"{old[0]}{name}{old[0]}"


def _without_member(text: str, members: list[Member], number: int) -> str:
    """Take one member out of a list or inline table, with its comma, and with its line if that is its own."""
    one = members[number]
    line_start = text.rfind("\n", 0, one.start) + 1
    alone = re.compile(r"[ \t]*,?[ \t]*(?:#[^\n]*|\r)?\n").match(text, one.end)
    if alone and not text[line_start : one.start].strip():
        return text[:line_start] + text[alone.end() :]
    if number + 1 < len(members):
        following = members[number + 1].start
        if not re.search(r"[\n#]", text[one.end : following]):
            return text[: one.start] + text[following:]
    elif number > 0:
        before = members[number - 1].end
        if not re.search(r"[\n#]", text[before : one.start]):
            return text[:before] + text[one.end :]
    comma = re.compile(r"[ \t]*(?:,[ \t]*)?").match(text, one.end)
    end = comma.end() if comma else one.end
    before = len(text[: one.start].rstrip(" \t")) if len(members) == 1 else one.start
    return text[:before] + text[end:]


def _lines_of(text: str, places: Places, path: KeyPath) -> Iterable[tuple[int, int]]:
    """Yield the stretches that hold what is at ``path``: whole lines, in order."""
    ours = [each for each in places.statements if each.path[: len(path)] == path]
    below_header = False
    runs: list[list[Statement]] = []
    for each in places.statements:
        if each not in ours:
            below_header = False
            continue
        if each.header and below_header:
            runs[-1].append(each)
        elif each.header:
            below_header = True
            runs.append([each])
        elif below_header:
            runs[-1].append(each)
        else:
            runs.append([each])
    for run in runs:
        start, end = text.rfind("\n", 0, run[0].start) + 1, _line_end(text, run[-1].end)
        if run[0].header:
            start, end = _with_surroundings(text, start, end, _floor(text, places, run[0]))
        yield start, end


def _floor(text: str, places: Places, statement: Statement) -> int:
    """Return where the line behind the statement before begins: above that, nothing is what it looks like."""
    before = [each for each in places.statements if each.end <= statement.start]
    return _line_end(text, before[-1].end) if before else 0


def _top_of_comments(text: str, at: int, floor: int) -> int:
    """Return the beginning of the comment lines that end where the line at ``at`` begins."""
    while at > floor and _COMMENT_LINE.match(text, above := text.rfind("\n", 0, at - 1) + 1):
        at = above
    return at


def _with_surroundings(text: str, start: int, end: int, floor: int) -> tuple[int, int]:
    """Widen the stretch of a table by the comments that touch it, and by the empty lines on one side.

    A comment at the very start of the file is about the file, and one that touches what follows is about that.
    """
    top = _top_of_comments(text, start, floor)
    touched = top == start or (top > 0 and _EMPTY_LINE.match(text, text.rfind("\n", 0, top - 1) + 1))
    start = top if touched else start
    end = _glued_below(text, end)
    set_off = start == 0 or _EMPTY_LINE.match(text, text.rfind("\n", 0, start - 1) + 1)
    if set_off and (gap := _EMPTY_LINES.match(text, end)):
        return start, gap.end()
    while end >= len(text) and start > floor:
        above = text.rfind("\n", 0, start - 1) + 1
        if not _EMPTY_LINE.match(text, above):
            break
        start = above
    return start, end


def _glued_below(text: str, end: int) -> int:
    """Return the end of the comments that follow without an empty line, if an empty line or the end follows them."""
    at = end
    while at < len(text) and (comment := _COMMENT_LINE.match(text, at)):
        at = comment.end()
    return at if at >= len(text) or _EMPTY_LINE.match(text, at) else end


def _line_end(text: str, at: int) -> int:
    """Return where the next line begins."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _newline(text: str) -> str:
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _into_inline(text: str, places: Places, table: KeyPath, pair: str) -> str:
    members = places.members[table]
    if members:
        return f"{text[: members[-1].end]}, {pair}{text[members[-1].end :]}"
    span = places.spots[table].value
    return f"{text[: span.start]}{{ {pair} }}{text[span.end :]}"


def _into_list(text: str, places: Places, path: KeyPath, literal: str) -> str:
    """Put an element at the end of a list, on a line of its own where the last one has one."""
    members = places.members[path]
    if not members:
        span = places.spots[path].value
        return f"{text[: span.start]}[{literal}]{text[span.end :]}"
    last = members[-1]
    line_start = text.rfind("\n", 0, last.start) + 1
    behind = re.compile(r"[ \t]*(,?)[^\n\]]*(?:\n|$)").match(text, last.end)
    if text[line_start : last.start].strip() or behind is None:
        return f"{text[: last.end]}, {literal}{text[last.end :]}"
    line = f"{text[line_start : last.start]}{literal},{_newline(text)}"
    comma = "" if behind[1] else ","
    return f"{text[: last.end]}{comma}{text[last.end : behind.end()]}{line}{text[behind.end() :]}"


def _line_after(text: str, statement: Statement, key: str, value: object) -> str:
    """Put a line behind a statement, indented as it is, and with the equals sign where it has it."""
    start = text.rfind("\n", 0, statement.start) + 1
    indent = text[start : statement.start]
    equals = "" if statement.header else _equals(text, statement, key)
    line = f"{indent}{key}{equals or ' = '}{toml_value(value)}"
    at, newline = _line_end(text, statement.end), _newline(text)
    before = text[:at] if text[:at].endswith("\n") else text[:at] + newline
    return before + line + newline + text[at:]


def _equals(text: str, statement: Statement, key: str) -> str:
    """Return the equals sign as the pair has it; where it is set off by several spaces, in the same column."""
    names = locate(text).names
    name_end = next(
        span.end for path, span in names if path == statement.path and span.start >= statement.start
    )
    found = re.compile(r"([ \t]*)=([ \t]*)").match(text, name_end)
    if found is None:
        return ""
    before = found[1]
    if len(before) > 1:
        before = " " * max(1, name_end - statement.start + len(before) - len(key))
    return f"{before}={found[2]}"


def _before(text: str, places: Places, statement: Statement, lines: list[str]) -> str:
    """Put lines before a header and the comments that touch it."""
    at = _top_of_comments(text, text.rfind("\n", 0, statement.start) + 1, _floor(text, places, statement))
    newline = _newline(text)
    return text[:at] + newline.join([*lines, ""]) + text[at:]


def _at_the_top(text: str, places: Places, line: str) -> str:
    """Put a pair of no table behind the others, else before the first header."""
    newline = _newline(text)
    own = [each for each in places.statements if not each.header and not each.table]
    if own:
        at = _line_end(text, own[-1].end)
        before = text[:at] if text[:at].endswith("\n") else text[:at] + newline
        return before + line + newline + text[at:]
    headers = [each for each in places.statements if each.header]
    if headers:
        return _before(text, places, headers[0], [line, ""])
    before = text if not text or text.endswith("\n") else text + newline
    return before + line + newline
