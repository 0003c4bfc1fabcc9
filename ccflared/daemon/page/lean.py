"""The dashboard's scripts and styles without what only their readers need: comments and indentation. Pure.

A third of what would go over the wire are types and reasons, written for people.

This is no parser. It goes by how the files are laid out: a comment begins a line, or is a cast in the middle of one,
and no text goes over several lines. Tests hold every file against that, and what is left against what a parser makes of
it.
"""

import re
from typing import Final

_BLOCK: Final = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*", re.MULTILINE | re.DOTALL)
_LINE: Final = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
_CAST: Final = re.compile(r"/\*\* @(?:type|param|returns) [^\n]*?\*/[ \t]*")
_SPACE: Final = re.compile(r"\n\s*")


def lean_script(text: str) -> str:
    """Return a script as it is served."""
    return _lean(_CAST.sub("", _LINE.sub("", _BLOCK.sub("", text))))


def lean_style(text: str) -> str:
    """Return a style sheet as it is served."""
    return _lean(_BLOCK.sub("", text))


def _lean(text: str) -> str:
    return _SPACE.sub("\n", text).lstrip()
