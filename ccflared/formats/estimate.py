"""How many tokens a request has, where nobody can be asked: high rather than low, and fast.

Clients compact a conversation by such figures, so one that is too low breaks them, and one that is a third too high
costs little. What an account reports afterwards corrects it: see calibration.py.

How it was judged: the weights below were fitted, as upper bounds, against the vocabularies cl100k and o200k (OpenAI),
DeepSeek V3's, and the one that Anthropic once published (of Claude 2), over Python, C, JavaScript, CSS, HTML,
Markdown, JSON, shell, logs, manual pages in twenty languages, base64, hex, and the samples that the tests hold with
their counts. English prose, code and JSON come out at 1.1 to 1.5 times the highest of the four. Against today's
vocabularies (o200k) Cyrillic, Arabic, Thai and Hindi come out at twice and more: models with older ones are in use.
"""

from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from math import ceil
from typing import Any, Final

from ccflared.formats import json_text
from ccflared.formats.request import (
    Call,
    Document,
    Image,
    Part,
    Request,
    Result,
    Text,
    Thinking,
    Tool,
)

_PICTURE: Final = 1_600
"""Anthropic's most for an image. For a small one it is too high, which is the better mistake: vendors differ."""

_PAGE: Final = 3_000
"""A page of a PDF: Anthropic's guide says 1,500 to 3,000 for its text, and its picture is looked at, too."""
_BYTES_OF_A_PAGE: Final = 50_000
_MOST_PAGES: Final = 600
"""Anthropic's limit."""

_REQUEST: Final = 16
_TURN: Final = 6
_PART: Final = 3
_CALL: Final = 12
"""Around each: the markup of chat templates, ids, roles."""
_TOOLS: Final = 120
_TOOL: Final = 16
"""The instructions that go with tools; Anthropic's are some 300, those of open models shorter."""
_TOO_DEEP: Final = 2_000
"""A schema that is nested too deeply to be written."""

# Text. All sums are in 50ths of a token; each is no less for a longer text, so that the whole is no less, either.
_UNIT: Final = 50
_DIGITS: Final = b"0123456789"
_SMALL: Final = b"abcdefghijklmnopqrstuvwxyz"
_LARGE: Final = _SMALL.upper()
_SIGNS: Final = bytes(sign for sign in range(33, 127) if sign not in _DIGITS + _SMALL + _LARGE)

# A vocabulary of its own for digits would be unfair to none: some models have one token for three of them, Qwen's,
# Gemma's and Mistral's one for each.
_WEIGHTS: Final[tuple[tuple[Iterable[int], int], ...]] = (
    (_SMALL, 4),
    (_LARGE, 22),
    (_DIGITS, 45),
    (_SIGNS, 21),
    (b"\n\r", 45),
    (b"\t", 15),
    ((*range(9), 11, 12, *range(14, 32), 127), 50),
    # Characters beyond ASCII weigh by the first of their bytes in UTF-8.
    (range(0xC2, 0xCA), 125),  # Latin with marks: they break words, which cost more than the character
    (range(0xCA, 0xD0), 55),  # Greek
    (range(0xD0, 0xD5), 38),  # Cyrillic
    (range(0xD5, 0xE0), 65),  # Hebrew, Arabic
    (range(0xE0, 0xE1), 80),  # Devanagari, Thai
    (range(0xE1, 0xE2), 110),  # Georgian, Vietnamese, Khmer
    (range(0xE2, 0xE3), 125),  # typographic signs, arrows, boxes
    (range(0xE3, 0xE4), 60),  # kana
    (
        range(0xE4, 0xEA),
        90,
    ),  # Chinese characters: 0.6 of a token for today's, 1.3 for older vocabularies, rare ones 3
    (range(0xEA, 0xEE), 70),  # Hangul
    (range(0xEE, 0xF0), 100),  # full width signs
    (range(0xF0, 0xF5), 200),  # emoji
)
_WORD: Final = 42
"""A word begins. Four letters and the space before them are then 1.2 tokens, eight of them 1.5."""
_LARGE_WORD: Final = 20
"""With its capital no less than a small word, so that none is less for a capital put before it."""
_HUMP: Final = 40
"""A capital within a word, as in camelCase and base64."""
_LONG_WORD: Final = 115
"""Eight letters in a row: rare words, compounds, hashes. English is the only language whose long words are few."""
_NUMBER: Final = 55
_SIGNS_BEGIN: Final = 21
"""Signs that follow each other are often one token."""
_SPACES: Final = 7
"""Two spaces: indentation is one token, whatever its depth, but in some vocabularies one for each eight or so."""


def _table(*marks: tuple[Iterable[int], int]) -> bytes:
    table = bytearray(256)
    for signs, mark in marks:
        for sign in signs:
            table[sign] = mark
    return bytes(table)


_WEIGHT: Final = _table(*_WEIGHTS)
_AS_WORDS: Final = _table((_SMALL, 0x61), (_LARGE, 0x41))
_AS_NUMBERS: Final = _table((_DIGITS, 0x39))
_AS_SIGNS: Final = _table((_SIGNS, 0x2E))


def estimate(request: Request) -> int:
    """Return about how many input tokens a request has, and at least one.

    No less for a request that has more: a longer text, another part, turn or tool.
    """
    texts = list(_texts(request))
    tokens = (
        _REQUEST + _TURN * len(request.turns) + (_TOOLS + _TOOL * len(request.tools) if request.tools else 0)
    )
    for turn in request.turns:
        tokens += sum(map(_beside_text, turn.parts))
    return tokens + tokens_of("\n".join(texts))


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has; 0 for the empty one."""
    if not text:
        return 0
    # A line end before it, so that what begins the text begins behind something.
    data = b"\n" + text.encode(errors="replace")
    words = data.translate(_AS_WORDS)
    units = (
        sum(data.translate(_WEIGHT))
        + _WORD * words.count(b"\0a")
        + _LARGE_WORD * words.count(b"\0A")
        + _HUMP * words.count(b"aA")
        + _LONG_WORD * words.count(b"aaaaaaaa")
        + _NUMBER * data.translate(_AS_NUMBERS).count(b"\x009")
        + _SIGNS_BEGIN * data.translate(_AS_SIGNS).count(b"\0.")
        + _SPACES * data.count(b"  ")
    )
    return ceil(units / _UNIT)


def _texts(request: Request) -> Iterator[str]:
    """Yield all that is read as text."""
    for text in request.system:
        yield text.text
    for tool in request.tools:
        yield from _tool_texts(tool)
    if request.format is not None and request.format.schema is not None:
        yield _json(request.format.schema)
    for turn in request.turns:
        for part in turn.parts:
            yield from _part_texts(part)


def _tool_texts(tool: Tool) -> Iterator[str]:
    yield tool.name
    yield tool.description or ""
    yield tool.grammar or ""
    yield _json(tool.parameters)


def _json(value: Any) -> str:
    try:
        return json_text.text_of(value)
    except (ValueError, TypeError, RecursionError):
        return "x " * _TOO_DEEP


def _part_texts(part: Part) -> Iterator[str]:
    match part:
        case Text():
            yield part.text
        case Document():
            yield part.title or ""
            yield part.context or ""
            yield part.text or ""
        case Thinking():
            yield part.text
        case Call():
            yield part.name
            yield part.arguments
        case Result():
            for inner in part.parts:
                yield from _part_texts(inner)
        case Image():
            pass


def _beside_text(part: Part) -> int:
    """Return the tokens of a part that are not those of its text."""
    match part:
        case Image():
            return _PART + _PICTURE
        case Document():
            return _PART + _document(part)
        case Result():
            return _CALL + sum(map(_beside_text, part.parts))
        case Call():
            return _CALL
        case _:
            return _PART


def _document(document: Document) -> int:
    if document.text is not None:
        return 0
    length = len(document.data or "") * 3 // 4
    if document.media_type is not None and document.media_type.startswith("text/"):
        return _encoded_text(document.data or "")
    return _PAGE * min(_MOST_PAGES, 1 + length // _BYTES_OF_A_PAGE)


def _encoded_text(data: str) -> int:
    try:
        return tokens_of(a2b_base64(data).decode(errors="replace"))
    except (NotBase64, ValueError):
        return len(data) // 4
