"""The files of the dashboard, read once and held ready: joined, plain and compressed, named by a digest of them all.

Below ``dashboard/VERSION/`` a file never changes, so that whoever has it need not ask again. The shell alone,
index.html, is at an address that stays; in it ``{version}`` stands for the version.

What is written as a hundred small files is served as few: modules.py joins the scripts, and what style.css imports is
put into it.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from ccflared.daemon.page.lean import lean_script, lean_style
from ccflared.daemon.page.modules import joined

SHELL: Final = "index.html"
STYLE: Final = "style.css"
FIRST: Final = ("main.js", "pages/overview.js")
"""What the page begins with: itself, and the page that most people see first."""
_IMPORT: Final = re.compile(r'@import "([^"]+)";')
PLACEHOLDER: Final = b"{version}"
TYPES: Final[Mapping[str, bytes]] = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "json": b"application/json",
    "svg": b"image/svg+xml",
    "png": b"image/png",
    "ico": b"image/x-icon",
    "webmanifest": b"application/manifest+json",
    "woff2": b"font/woff2",
    "txt": b"text/plain; charset=utf-8",
}
"""By the end of a file's name. One with another end is not served."""


@dataclass(frozen=True, slots=True)
class File:
    """One file. ``zipped``: compressed with gzip; None where that saves nothing."""

    kind: bytes
    plain: bytes
    zipped: bytes | None
    tag: str
    """A digest of its content."""


@dataclass(frozen=True, slots=True)
class Files:
    """All of them. ``by_name``: below the version, by their paths."""

    version: str
    shell: File
    by_name: Mapping[str, File]


@cache
def dashboard() -> Files:
    """Return the files of the dashboard."""
    return read(files("ccflared") / "dashboard")


def read(directory: Traversable) -> Files:
    """Return what is served of a directory. Raises OSError."""
    contents = _fewer(dict(sorted(_below(directory, ""))))
    version = sha256()
    for name, content in contents.items():
        version.update(f"{name}\0{len(content)}\0".encode() + content)
    word = version.hexdigest()[:16]
    shell = contents.pop(SHELL).replace(PLACEHOLDER, word.encode())
    return Files(
        word, _file(SHELL, shell), {name: _file(name, content) for name, content in contents.items()}
    )


def _fewer(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Return what is served of the files as they are written: scripts and styles joined, and lean."""
    scripts = {name: lean_script(text.decode()) for name, text in contents.items() if name.endswith(".js")}
    styles = {name: text.decode() for name, text in contents.items() if name.endswith(".css")}
    rest = {name: text for name, text in contents.items() if name not in scripts and name not in styles}
    if scripts:
        rest |= {name: text.encode() for name, text in joined(scripts, FIRST).items()}
    if styles:
        rest[STYLE] = "".join(lean_style(styles[name]) for name in _IMPORT.findall(styles[STYLE])).encode()
    return rest


def _below(directory: Traversable, before: str) -> Iterator[tuple[str, bytes]]:
    for item in directory.iterdir():
        if item.name.startswith(("_", ".")):
            continue
        if item.is_dir():
            yield from _below(item, f"{before}{item.name}/")
        elif _end(item.name) in TYPES:
            yield before + item.name, item.read_bytes()


def _file(name: str, content: bytes) -> File:
    zipped = gzip.compress(content, 9, mtime=0)
    smaller = zipped if len(zipped) < len(content) else None
    return File(TYPES[_end(name)], content, smaller, sha256(content).hexdigest()[:24])


def _end(name: str) -> str:
    return name.rpartition(".")[2]
