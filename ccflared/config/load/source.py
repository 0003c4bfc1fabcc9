"""Reading one configuration file: its bytes, who could have written it, its tables and their places."""

import contextlib
import errno
import hashlib
import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccflared.config.decode import ROOT
from ccflared.config.kinds import KeyPath
from ccflared.config.load.reading import read_regular
from ccflared.config.load.rights import unreadable
from ccflared.config.locate import Places, line_starts, locate
from ccflared.config.mask import MASK, masked_line
from ccflared.config.report import Mistake

LARGEST = 8 * 1024 * 1024
"""Bytes that a configuration file may have."""
_WORDS = {
    "Illegal character '\\n'": "the closing quote of a text is missing on this line",
    "Expected newline or end of document after a statement": "expected the end of the line here",
    "Invalid value": "no value begins like this; texts stand in quotes",
    "Unclosed array": 'expected a comma or the closing "]" of the list',
    "Unclosed inline table": 'expected a comma or the closing "}" of the table',
    "Expected '=' after a key in a key/value pair": 'expected "=" after the key',
    "Expected ']' at the end of a table declaration": 'expected the closing "]" of the table\'s name',
    "Expected ']]' at the end of an array declaration": 'expected the closing "]]" of the table\'s name',
    "Invalid statement": "expected a key, a [table] or a comment",
    "Invalid initial character for a key part": "expected a key; special characters need quotes",
    "Unterminated string": "the closing quotes of a text are missing",
}
"""What tomllib says most often, in plainer words. What is missing here is passed on as it is."""
_TYPOGRAPHIC = frozenset("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb")
"""Quotes that word processors and web pages put where straight ones were typed."""
_WHERE = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)


@dataclass
class Source:
    """One file as it was read. ``tables`` is None where that failed; then ``mistakes`` say why."""

    path: Path
    text: str = ""
    digest: str | None = None
    tables: dict[str, Any] | None = None
    places: Places | None = None
    mistakes: list[Mistake] = field(default_factory=list)
    open_to_all: bool = False
    """Whether everyone may read it."""

    def mistake(self, path: KeyPath, message: str, at: str = "value") -> Mistake:
        """Return a mistake at the key or the value of ``path``, or at the nearest place that has one."""
        spot = self.places.spot(path) if self.places else None
        if spot is None:
            return Mistake(self.path, 1, 1, message)
        exact = self.places is not None and path in self.places.spots
        span = spot.value if at == "value" and exact else spot.key
        return self.mistake_at(span.start, message, span.end - span.start)

    def mistake_at(self, offset: int, message: str, length: int = 1) -> Mistake:
        """Return a mistake at an offset of the text."""
        starts = line_starts(self.text)
        line = self.text.count("\n", 0, offset)
        start = starts[line]
        end = starts[line + 1] - 1 if line + 1 < len(starts) else len(self.text)
        excerpt, shown = masked_line(self.text, (start, end), offset - start, self.places, ROOT)
        hidden = excerpt.startswith(MASK, shown)
        length = len(MASK) if hidden else max(1, min(length, end - offset))
        return Mistake(self.path, line + 1, offset - start + 1, message, excerpt, length, shown)


def read_source(path: Path, text: str | None = None) -> Source:
    """Read, decode and locate one file. Everything that can be wrong with it ends in ``mistakes``.

    ``text`` stands in for what is in the file, which need not be there then.
    """
    source = Source(path)
    try:
        content = _bytes(source)
    except OSError as error:
        if text is None or error.errno != errno.ENOENT:
            source.mistakes.append(Mistake(path, 1, 1, unreadable(path, error)))
            return source
        content = b""
    if content is not None and text is not None:
        content = text.encode()
    if content is None:
        return source
    source.digest = hashlib.sha256(content).hexdigest()
    try:
        source.text = content.decode()
    except UnicodeDecodeError as error:
        good = content[: error.start].decode()
        column = len(good) - good.rfind("\n")
        message = f"this is not UTF-8 text (the byte 0x{content[error.start]:02x})"
        source.mistakes.append(Mistake(path, good.count("\n") + 1, column, message))
        return source
    _parse(source)
    return source


def _bytes(source: Source) -> bytes | None:
    content, status = read_regular(source.path, LARGEST + 1)
    if len(content) > LARGEST:
        source.mistakes.append(Mistake(source.path, 1, 1, f"the file is larger than {LARGEST >> 20} MiB"))
        return None
    if objection := writable_by_others(source.path, status):
        source.mistakes.append(Mistake(source.path, 1, 1, objection))
    source.open_to_all = bool(status.st_mode & stat.S_IROTH)
    return content


def _parse(source: Source) -> None:
    if source.text.startswith("\ufeff"):
        message = "the file begins with a byte order mark; save it as UTF-8 without one"
        source.mistakes.append(Mistake(source.path, 1, 1, message))
        return
    try:
        source.tables = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        source.mistakes.append(_syntax_mistake(source, str(error)))
        return
    except ValueError:
        # Python's own bound (int_max_str_digits), which says nothing of the place.
        source.mistakes.append(Mistake(source.path, 1, 1, "a number in this file has thousands of digits"))
        return
    except RecursionError:
        source.mistakes.append(Mistake(source.path, 1, 1, "lists or tables are nested too deeply"))
        return
    source.places = locate(source.text)


def _syntax_mistake(source: Source, error: str) -> Mistake:
    """Return tomllib's complaint with its place; of a key set twice, also where it was set before."""
    places = locate(source.text)
    match = _WHERE.match(error)
    what = match["what"] if match else error
    if what.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate")):
        for path, second in places.twice.items():
            first = places.spots[path].key.line
            name = path[-1] if isinstance(path[-1], str) else path[-2]
            message = f'"{name}" is already set in line {first}'
            return source.mistake_at(second.start, message, second.end - second.start)
    what = _WORDS.get(what, what[:1].lower() + what[1:])
    if match is None or match["line"] is None:
        end = len(source.text.rstrip("\n"))
        return source.mistake_at(end, f"this is not TOML: {what}; the file ends here")
    # tomllib counts lines and columns after it has turned "\r\n" into "\n"; both count the same here.
    offset = line_starts(source.text)[int(match["line"]) - 1] + int(match["column"]) - 1
    offset = min(offset, len(source.text))
    if source.text[offset : offset + 1] in _TYPOGRAPHIC:
        what = 'this quote is a typographic one; write " instead'
    return source.mistake_at(offset, f"this is not TOML: {what}")


def writable_by_others(path: Path, status: os.stat_result, *, listed: bool = False) -> str | None:
    """Return why a configuration file or directory is refused, or None.

    Refused is what everyone may write (mode o+w), unless it lies on a read-only file system, as the 0777
    directories of Kubernetes' volumes do. A group is trusted: user-private groups and deployment groups are
    common. A directory with the sticky bit (/tmp) is let pass, because others cannot replace in it what is
    not theirs, but not if every file in it counts (``listed``: a glob looks there). Access control lists and
    directories further up are not looked at.
    """
    if not status.st_mode & stat.S_IWOTH:
        return None
    directory = stat.S_ISDIR(status.st_mode)
    if directory and status.st_mode & stat.S_ISVTX and not listed:
        return None
    with contextlib.suppress(OSError):
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return None
    what = (
        "add files to the directory" if listed else "write the directory" if directory else "write the file"
    )
    return (
        f"everyone may {what} {path} (mode {status.st_mode & 0o7777:04o}); `chmod o-w {path}` puts that right"
    )
