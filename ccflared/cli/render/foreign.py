"""Text from elsewhere, made fit for a terminal: upstreams, clients and files are strangers to it. Pure."""

import re
import unicodedata

_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor, screen
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC and its kind
    r"|\x1b[ -/]*[0-~]?"
)
_STYLES = (
    "bold|dim|italic|underline|blink2?|reverse|conceal|strike|overline|frame|encircle|not|on|none|default|"
    "(?:bright_)?(?:black|red|green|yellow|blue|magenta|cyan|white)|#[0-9a-f]{6}|link=[^\\]\\s]*|link"
)
_MARKUP = re.compile(
    rf"\[/(?:\s*(?:{_STYLES}))*\s*\]|\[\s*(?:{_STYLES})(?:\s+(?:{_STYLES}))*\s*\]", re.IGNORECASE
)
_SPACE = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
_C1 = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000))}


def bare(text: str, *, limit: int = 2000) -> str:
    """Return ``text`` as one line without escape sequences, style markup, control and direction characters.

    Line breaks and tabs become single spaces; what is longer than ``limit`` letters is cut.
    """
    text = _MARKUP.sub("", _ESCAPE.sub("", text[: limit * 4]))
    kept = "".join(_letter(letter) for letter in text)
    kept = re.sub(" {2,}", " ", kept).strip()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def bare_lines(text: str, *, limit: int = 50) -> tuple[str, ...]:
    """Return the lines of an excerpt, each letter in its column, ``?`` for what may not be shown."""
    lines = text.split("\n")[:limit]
    return tuple("".join(_letter(letter, hidden="?") for letter in line[:4000]).rstrip() for line in lines)


def bare_text(text: str) -> str:
    """Return a text of any length with its lines and their indentation, and nothing else that a terminal would obey."""
    lines = _ESCAPE.sub("", text.expandtabs(4)).replace("\r\n", "\n").split("\n")
    return "\n".join("".join(_letter(letter) for letter in line).rstrip() for line in lines)


def bare_json(text: str) -> str:
    """Return JSON that means the same and holds nothing that a terminal would obey."""
    return text.translate(_C1)


def _letter(letter: str, hidden: str = "") -> str:
    if letter in _SPACE:
        return " "
    if (
        "\ufe00" <= letter <= "\ufe0f"
    ):  # asks for another form of the letter before, which may be wider than told
        return ""
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"):
        return hidden
    return " " if letter != " " and letter.isspace() else letter
