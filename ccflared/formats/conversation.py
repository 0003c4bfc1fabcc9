"""Tells which conversation a request belongs to, so that the next one can go to the same account.

Clients say it in different places, and some do not say it at all. A wrong answer costs a prompt cache, never a
request; so nothing here raises, and a body of 32 MB is searched, not parsed.
"""

import hashlib
import json
import re
from collections.abc import Iterator

from ccflared.wire import Headers

_UNQUOTED = re.compile(r"[!-~]{1,100}")
"""What stands in a key as the client wrote it; all else is hashed."""
_OLD_USER = re.compile(r"user_[0-9a-f]+_account_[0-9a-f-]*(?:_session_([0-9A-Za-z-]+))?")
_SPACE = " \t\r\n"
_COLON = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_NEXT = re.compile(r"[ \t\r\n,]*+(\{)")
_USER_ROLE = re.compile(r'"role"\s*+:\s*+"user"')
_TEXT_BEGINS = re.compile(r'"(?:content|text|data)"\s*+:\s*+"')

_LONGEST_METADATA = 16 * 1024
_LONGEST_TURN = 64 * 1024
"""Bytes behind the beginning of the messages that are read; of a longer first turn its beginning counts."""
_LONGEST_TEXT = _LONGEST_TURN // 2
_MOST_PLACES = 256
"""How often a name is looked for. It may stand in tools and tool calls as well; a hostile body, in millions."""

_DECODER = json.JSONDecoder()


def identity(headers: Headers, body: bytes, client: str | None) -> str | None:
    """Return a key of the request's conversation, or None if there is nothing to go by.

    ``client`` is the name of the [clients] entry. The key is short printable ASCII; its first word says where it
    is from, in this order:

    claude-code:ID
        the header ``x-claude-code-session-id`` or the session in ``metadata.user_id``. Sub-agents share it.
    session:ID
        Codex: the header ``session-id``, or ``prompt_cache_key`` in the body, which is the same.
    user:HASH
        any other ``metadata.user_id``.
    prompt:HASH
        the text of the first user turn. Its shape changes from turn to turn, and the system prompt is everybody's.

    The device in Claude Code's ``metadata.user_id`` is never a key: all conversations of a machine share it.
    """
    if session := _header(headers, b"x-claude-code-session-id"):
        return _key("claude-code", session)
    user = _user_id(body)
    session, user = _session_in(user) if user else (None, None)
    if session:
        return _key("claude-code", session)
    if session := _header(headers, b"session-id") or _cache_key(body):
        return _key("session", session)
    # Neither who somebody is nor what he says is for logs, and two clients may use the same words.
    if user:
        return f"user:{_hash(client or '', user)}"
    text = _first_turn(body)
    return f"prompt:{_hash(client or '', text)}" if text else None


def keys_of(session: str) -> tuple[str, ...]:
    """Return the keys that a client's session may have, given its id, or such a key already."""
    return (session, _key("claude-code", session), _key("session", session))


def _key(prefix: str, value: str) -> str:
    return f"{prefix}:{value if _UNQUOTED.fullmatch(value) else _hash(value)}"


def _hash(*parts: str) -> str:
    # JSON may hold halves of surrogate pairs.
    text = "\0".join(parts).encode(errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()[:16]


def _header(headers: Headers, name: bytes) -> str | None:
    """Return the first value of a field that has one."""
    for key, value in headers:
        if key == name and (value := value.strip()):
            return value.decode("latin-1")
    return None


def _session_in(user: str) -> tuple[str | None, str | None]:
    """Take a ``metadata.user_id`` apart: the session, where it is Claude Code's, or else the caller's own text.

    Neither, where it is Claude Code's and names no session: what is left is the device.
    """
    if match := _OLD_USER.fullmatch(user):
        return match[1], None
    if not user.lstrip(_SPACE).startswith("{"):
        return None, user
    members = _decoded(user.lstrip(_SPACE))
    if not isinstance(members, dict) or members.keys().isdisjoint({"session_id", "device_id"}):
        return None, user
    session = members.get("session_id")
    return (session if isinstance(session, str) else None), None


def _user_id(body: bytes) -> str | None:
    """Return ``metadata.user_id``, if it is a text that says something."""
    for value in _members(body, b'"metadata"', b"{"):
        metadata = _decoded(_text(body, value, _LONGEST_METADATA))
        user = metadata.get("user_id") if isinstance(metadata, dict) else None
        if isinstance(user, str) and user:
            return user
    return None


def _cache_key(body: bytes) -> str | None:
    for value in _members(body, b'"prompt_cache_key"', b'"'):
        key = _decoded(_text(body, value, _LONGEST_METADATA))
        if isinstance(key, str) and key:
            return key
    return None


def _members(body: bytes, name: bytes, begin: bytes) -> Iterator[int]:
    """Yield where the values of members of this name stand, in whatever object, that begin with ``begin``.

    ``name`` comes with its quotes, so what a text quotes is not found: there they are escaped. What stands before
    the messages comes first, then all from the end on: in the messages others' JSON stands, in tool calls.
    """
    messages = max(0, body.find(b'"messages"'))
    for start, end in ((0, messages), (messages, len(body))):
        place = end
        for _ in range(_MOST_PLACES):
            if (place := body.rfind(name, start, place)) < 0:
                break
            yield from _value(body, place + len(name), begin)


def _value(body: bytes, place: int, begin: bytes) -> Iterator[int]:
    colon = _COLON.match(body, place)
    if colon and body.startswith(begin, colon.end()):
        yield colon.end()


def _text(body: bytes, place: int, length: int) -> str:
    # The end may cut a character in two.
    return body[place : place + length].decode(errors="replace")


def _decoded(text: str) -> object:
    """Return the JSON value that ``text`` begins with; None if there is none, or its end is missing."""
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _first_turn(body: bytes) -> str | None:
    """Return the text of the first message that is the user's. OpenAI's Responses call the messages ``input``."""
    for name, begin in ((b'"messages"', b"["), (b'"input"', b"["), (b'"input"', b'"')):
        place = -1
        for _ in range(_MOST_PLACES):
            if (place := body.find(name, place + 1)) < 0:
                break
            for value in _value(body, place + len(name), begin):
                text = _text(body, value, _LONGEST_TURN)
                return _first_of(text[1:]) if begin == b"[" else _one_text(text)
    return None


def _first_of(messages: str) -> str | None:
    """Return the text of the first user turn in the elements of an array."""
    end = 0
    while match := _NEXT.match(messages, end):
        try:
            message, end = _DECODER.raw_decode(messages, match.start(1))
        except (ValueError, RecursionError):
            # Too long to be read whole. Without its role in sight it could be a system prompt.
            rest = messages[match.start(1) :]
            return _beginning(rest) if _USER_ROLE.search(rest) else None
        if message.get("role") == "user":
            return _said(message.get("content"))
    return None


def _one_text(text: str) -> str:
    said = _decoded(text)
    return said if isinstance(said, str) else _beginning(text[1:])


def _beginning(raw: str) -> str:
    """Return the beginning of a long message: from its first text on, as what is around that may change."""
    begins = _TEXT_BEGINS.search(raw)
    start = begins.end() if begins else 0
    return raw[start:].encode(errors="surrogatepass")[:_LONGEST_TEXT].decode(errors="replace")


def _said(content: object) -> str | None:
    """Return the text of a message's content, which is a text or a list of blocks."""
    if isinstance(content, str):
        return content or None
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "\n".join(text for text in texts if isinstance(text, str)) or None
