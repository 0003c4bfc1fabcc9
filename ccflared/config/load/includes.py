"""Following ``include``: which files belong together, and which directories must not be open to everyone."""

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccflared.config.kinds import KeyPath
from ccflared.config.load.source import Source, read_source, writable_by_others
from ccflared.config.report import Mistake

NOTHING: Mapping[Path, str] = {}


@dataclass
class Together:
    """The main file with what it includes, in order."""

    sources: list[Source]
    watch: set[Path]
    """Paths whose change may change the set of files, or one of them."""
    home: Path | None
    texts: Mapping[Path, str]
    listed: dict[Path, KeyPath] = field(default_factory=dict)
    """Directories that a glob looks into, with the place of the glob in the main file."""


def with_includes(main: Source, home: Path | None, texts: Mapping[Path, str] = NOTHING) -> Together:
    """Read what the main file includes; ``home`` is what ``~/`` stands for.

    ``texts`` stand in for files: what they hold, or would hold if they were there.
    """
    together = Together([main], {main.path}, home, texts)
    given = (main.tables or {}).get("include", [])
    patterns: list[Any] = given if isinstance(given, list) else [given]
    seen = {os.path.realpath(main.path)}
    for index, pattern in enumerate(patterns):
        if not isinstance(pattern, str) or not pattern or "\0" in pattern:
            continue  # decoding says so
        spot: KeyPath = ("include", index) if isinstance(given, list) else ("include",)
        for path in _matches(together, pattern, spot):
            if os.path.realpath(path) in seen:
                continue
            seen.add(os.path.realpath(path))
            together.watch.add(path)
            together.sources.append(_included(path, texts.get(path)))
    return together


def _included(path: Path, text: str | None) -> Source:
    source = read_source(path, text)
    if source.tables is not None and "include" in source.tables:
        message = "an included file cannot include others; only the main file can"
        source.mistakes.append(source.mistake(("include",), message, "key"))
        del source.tables["include"]
    return source


def _matches(together: Together, pattern: str, spot: KeyPath) -> Iterator[Path]:
    """Yield the files of one entry of ``include``: a plain path's file, or what a glob matches, sorted."""
    main = together.sources[0]
    if pattern.startswith("~/") and together.home is not None:
        pattern = f"{together.home}/{pattern[2:]}"
    full = main.path.parent / pattern
    if not glob.has_magic(pattern):
        together.watch.add(full)
        if full in together.texts or os.path.exists(full):  # noqa: PTH110 - a name that is too long is no error there
            yield full
        else:
            main.mistakes.append(main.mistake(spot, f"there is no file {full}"))
        return
    fixed = full
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    there = {Path(match) for match in glob.glob(str(full))}  # noqa: PTH207 - also takes absolute patterns
    found = sorted(there | {path for path in together.texts if path.match(str(full))})
    directories = {fixed, *(path.parent for path in found)}
    together.watch |= directories
    for directory in directories:
        together.listed.setdefault(directory, spot)
    yield from (path for path in found if not os.path.isdir(path))  # noqa: PTH112 - as above


def open_directories(together: Together) -> Iterator[Mistake]:
    """Yield the directories that everyone may write: of names, of what links lead to, of globs."""
    main = together.sources[0]
    for directory, spot in together.listed.items():
        if objection := _objection(directory, listed=True):
            yield main.mistake(spot, objection)
    for source in together.sources:
        for directory in dict.fromkeys((source.path.parent, Path(os.path.realpath(source.path)).parent)):
            if directory not in together.listed and (objection := _objection(directory, listed=False)):
                yield Mistake(source.path, 1, 1, objection)


def _objection(directory: Path, *, listed: bool) -> str | None:
    try:
        return writable_by_others(directory, directory.stat(), listed=listed)
    except OSError:
        return None  # then its files cannot be read either, and that is said of them
