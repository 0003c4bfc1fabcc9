"""Signed thinking as a client of Responses keeps it: in ``encrypted_content`` of a reasoning item.

Clients carry that field from turn to turn without looking into it, so the thoughts and whoever's signature travel in
it and need no memory here. It is wrapped, not encrypted: the client was shown the thoughts anyway, and what is forged
has no valid signature, which the upstream finds out. Our own are told from OpenAI's by how they begin.
"""

import base64
from typing import Any, Final

from ccflared.formats import json_text
from ccflared.formats.request import Thinking

_MARK: Final = "ccflared.thinking.1."
"""The number is that of this form; another one must get another number, as clients keep conversations for months."""


def seal(thinking: Thinking) -> str:
    """Wrap thinking, signed or redacted, for ``encrypted_content``."""
    members = {"redacted": thinking.redacted} if thinking.redacted is not None else _open(thinking)
    return _MARK + base64.urlsafe_b64encode(json_text.dumps(members)).decode("ascii")


def unseal(content: str) -> Thinking | None:
    """Return the thinking that was wrapped; None for anything that ``seal`` has not made."""
    if not content.startswith(_MARK):
        return None
    try:
        members = json_text.members(base64.b64decode(content.removeprefix(_MARK), b"-_", validate=True))
    except ValueError:
        return None
    match members:
        case {"redacted": str(redacted)}:
            return Thinking(redacted=redacted)
        case {"text": str(text), "signature": str(signature)}:
            return Thinking(text=text, signature=signature)
        case _:
            return None


def _open(thinking: Thinking) -> dict[str, Any]:
    return {"text": thinking.text, "signature": thinking.signature}
