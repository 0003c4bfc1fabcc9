"""Gives the tool calls of a Messages request ids that Anthropic takes. Bytes in, bytes out.

Other providers make ids of their own (``functions.read:0``), and a conversation takes them with it when it changes to
another account. They are replaced on both sides of each pair; everything else stays as it was written, byte for byte.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from ccflared.formats.distinct import Distinct
from ccflared.formats.spans import Edit, Element, edited, elements, members, only, outermost, text_of

_FIT: Final = re.compile(r"[a-zA-Z0-9_-]+")
_NAMED: Final = {"tool_use": "id", "tool_result": "tool_use_id"}


def with_fit_ids(body: bytes) -> bytes | None:
    """Return a request whose ids are of letters, digits, ``_`` and ``-``. None: they are, or it is no request."""
    try:
        text = text_of(body)
        found = [*_ids(text)]
    except ValueError:
        return None
    distinct = Distinct()
    # Ids that are fit keep themselves, so they are given out first.
    fit = {name: distinct.like(name) for name in _values(found) if _FIT.fullmatch(name)}
    made = {name: distinct.like(name) for name in _values(found) if name not in fit}
    edits = [
        Edit(member.at, member.end, json.dumps(made[member.value]))
        for member in found
        if member.value in made
    ]
    return edited(text, edits) if edits else None


def _values(found: list[Element]) -> list[str]:
    return [*dict.fromkeys(member.value for member in found)]


def _ids(text: str) -> Iterator[Element]:
    """Yield the members that are ids. Raises ValueError for what is no JSON."""
    messages = only(outermost(text), "messages")
    for turn in elements(text, messages.at) if messages is not None else ():
        content = only(members(text, turn.at), "content")
        for block in elements(text, content.at) if content is not None else ():
            kind = block.value.get("type") if isinstance(block.value, dict) else None
            name = _NAMED.get(kind) if isinstance(kind, str) else None
            member = only(members(text, block.at), name) if name is not None else None
            if member is not None and isinstance(member.value, str):
                yield member
