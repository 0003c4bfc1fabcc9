"""What an event of a Chat Completions stream means where the stream is passed on untouched.

Nearly all events carry a piece of text, and those are told without parsing. A quote within a JSON string is always
escaped, so what is searched for here is found in keys and at the end of strings alone; a key that a text imitates is
none. Whatever is not plain is parsed.
"""

import re
from typing import Any, Final

from ccflared.formats import sse
from ccflared.formats.anthropic import Mark
from ccflared.formats.chat.reasons import BREAKS
from ccflared.formats.errors import error_inside
from ccflared.formats.json_text import loads

_SAYS: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|refusal)"\s*+:\s*+"(?!")'
    rb'|"tool_calls"\s*+:\s*+\[\s*+\{'
    rb'|"function_call"\s*+:\s*+\{'
)
_CONTENT: Final = b'"content":"'
"""As nearly all events have it: a search for it costs a fifth of a regular expression's."""
_REASON: Final = b'"finish_reason"'
_NO_REASON: Final = b'"finish_reason":null'
_FINISHES: Final = re.compile(
    rb'"finish_reason"\s*+:\s*+"(?!"|(?:%b)")' % b"|".join(re.escape(reason.encode()) for reason in BREAKS)
)
_SPOKEN: Final = (
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "refusal",
    "tool_calls",
    "function_call",
)


def mark(raw: bytes) -> Mark:
    """Say what a raw event means.

    OPENING is what another account may begin anew: chunks that only name a role, or nothing. An error is told by the
    event's name, by a member ``error``, or by finish_reason.
    """
    if _is_plain(raw) and says(raw):
        return Mark.CONTENT
    return _mark(raw)


def finishes(raw: bytes) -> bool:
    """Whether a raw event tells why the answer ended: a stream that ends after it is whole, even without [DONE]."""
    return (at := raw.find(_REASON)) >= 0 and _FINISHES.search(raw, at) is not None


def _is_plain(raw: bytes) -> bool:
    """Whether it is one line of data in which nothing ends and no error is told, nor a text that ends in that word."""
    return (
        raw.startswith(b"data: {")
        and raw.count(b"\n") == 2
        and b'"error"' not in raw
        and raw.count(_REASON) == raw.count(_NO_REASON)
    )


def says(raw: bytes) -> bool:
    """Whether there is content in a raw event, or something that looks like it in its text."""
    at = raw.find(_CONTENT)
    return (at >= 0 and raw[at + len(_CONTENT) :][:1] != b'"') or _SAYS.search(raw) is not None


def _mark(raw: bytes) -> Mark:
    event = sse.parse(raw)
    data = event.data.strip()
    if not data:
        return Mark.EMPTY
    if event.name == b"error":
        return Mark.ERROR
    if data == b"[DONE]":
        return Mark.END
    try:
        chunk = loads(data.decode("utf-8", "replace"))
    except ValueError:
        return Mark.CONTENT
    if not isinstance(chunk, dict):
        return Mark.CONTENT
    if error_inside(chunk) is not None:
        return Mark.ERROR
    choices = chunk.get("choices")
    told = [_choice(choice) for choice in choices] if isinstance(choices, list) else []
    return next((mark for mark in (Mark.ERROR, Mark.CONTENT) if mark in told), Mark.OPENING)


def _choice(choice: Any) -> Mark:
    if not isinstance(choice, dict):
        return Mark.OPENING
    reason = choice.get("finish_reason")
    if choice.get("error") or (isinstance(reason, str) and reason in BREAKS):
        return Mark.ERROR
    deltas = [delta for delta in (choice.get("delta"), choice.get("message")) if isinstance(delta, dict)]
    said = any(delta.get(member) for delta in deltas for member in _SPOKEN)
    return Mark.CONTENT if said or reason else Mark.OPENING
