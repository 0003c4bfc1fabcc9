"""Takes the free text of a custom tool's call out of the JSON that it travels in, as it comes.

Custom tools of OpenAI's clients take text where all other tools take an object, so upstreams see them as tools with one
text, ``input``. Their calls come back as ``{"input": "…"}`` in fragments that may be cut anywhere, within an escape
too; the client is to have the text without waiting for the end.
"""

import re
from typing import Final

from ccflared.formats import json_text

_OPENING: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_LONGEST_OPENING: Final = 64
"""Characters within which the text begins, however widely the JSON is set."""

# Whole characters of a JSON string. Half a surrogate pair is whole only once it is clear that no other half follows.
_WHOLE: Final = re.compile(
    r"""(?:
      [^"\\]++
    | \\[^u]
    | \\u(?![dD][89abAB])[0-9a-fA-F]{4}
    | \\u[dD][89abAB][0-9a-fA-F]{2} (?: \\u[dD][c-fC-F][0-9a-fA-F]{2} | (?=[^\\]|\\[^u]|\\u[0-9a-fA-F]{4}) )
    )*+""",
    re.VERBOSE | re.DOTALL,
)
_HALF_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,4}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?\Z")
_ESCAPE: Final = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\"\\/bfnrt]))"
)
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class FreeText:
    """The text of one call. What ``feed`` and ``end`` return, joined, is the text.

    Arguments of another form are not lost: where they are an object with a text ``input`` it is that one, else they
    are the text as they stand.
    """

    __slots__ = ("_aside", "_ended", "_held", "_opened")

    def __init__(self) -> None:
        self._held = ""
        self._aside: list[str] = []
        self._opened = False
        self._ended = False

    def feed(self, fragment: str) -> str:
        """Take the next characters of the arguments and return the text that is certain now."""
        if self._ended:
            return ""
        if self._aside:
            self._aside.append(fragment)
            return ""
        self._held += fragment
        if not self._opened and not self._open():
            return ""
        return self._taken()

    def end(self) -> str:
        """Return what is left once all arguments have come."""
        if self._opened:
            # An escape that was cut off says nothing; the answer was cut off with it.
            return ""
        arguments = "".join(self._aside) or self._held
        told = json_text.members(arguments).get("input")
        if isinstance(told, str):
            return told
        return "" if arguments.strip() in ("", "{}") else arguments

    def _open(self) -> bool:
        opening = _OPENING.match(self._held)
        if opening is None:
            if len(self._held) > _LONGEST_OPENING:
                self._aside.append(self._held)
            return False
        self._held = self._held[opening.end() :]
        self._opened = True
        return True

    def _taken(self) -> str:
        held, at, pieces = self._held, 0, []
        while True:
            whole = _WHOLE.match(held, at)
            end = whole.end() if whole else at
            pieces.append(held[at:end])
            if end == len(held) or _HALF_ESCAPE.match(held, end):
                self._held = held[end:]
                break
            if held[end] == '"':
                self._held, self._ended = "", True
                break
            pieces.append(held[end])  # a backslash that begins no escape stands for itself
            at = end + 1
        return _ESCAPE.sub(_meaning, "".join(pieces))


def free_text(arguments: str) -> str:
    """Return the text of a whole call."""
    text = FreeText()
    return text.feed(arguments) + text.end()


def _meaning(escape: re.Match[str]) -> str:
    high, low, code, short = escape.groups()
    if high is not None:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00))
    return chr(int(code, 16)) if code is not None else _SHORT.get(short, short)
