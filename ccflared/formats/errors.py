"""What an upstream's error tells, in whatever shape, and how it is spelled for a client of another dialect.

Kinds are Anthropic's names of error types, as everywhere. Nothing here waits or retries; nothing shows a page of HTML.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from ccflared.formats import anthropic
from ccflared.formats.events import Failed
from ccflared.formats.json_text import dumps, loads, members, sound

ClientDialect = Literal["anthropic", "chat", "responses"]

STATUS_OF: Final[Mapping[str, int]] = {
    # Source: the errors page of Anthropic's API documentation.
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
    # Source: the error codes page of OpenAI's API documentation.
    "invalid_api_key": 401,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
}
"""The status that an error has by its type or code, where it is told without one."""

OVERFLOW: Final = "context_length_exceeded"

_BAD_GATEWAY: Final = 502
_LONGEST: Final = 4000
_LONGEST_PLAIN: Final = 300
_LONGEST_CODE: Final = 80

# What a client is told for an upstream's status: its own status, and the kind. Other statuses below.
_ANSWERS: Final[Mapping[int, tuple[int, str]]] = {
    400: (400, "invalid_request_error"),
    401: (401, "authentication_error"),
    402: (402, "billing_error"),
    403: (403, "permission_error"),
    404: (404, "not_found_error"),
    408: (408, "timeout_error"),
    # The SDKs try a 409 again, and some clients take a 422 for a fault of the proxy.
    409: (400, "invalid_request_error"),
    413: (413, "request_too_large"),
    422: (400, "invalid_request_error"),
    429: (429, "rate_limit_error"),
    503: (503, "overloaded_error"),
    529: (529, "overloaded_error"),
}

# Codes and types that say more than the status beside them.
_BY_WORD: Final[Mapping[str, tuple[int, str]]] = {
    "insufficient_quota": (402, "billing_error"),
    "model_not_found": (404, "not_found_error"),
    "overloaded_error": (529, "overloaded_error"),
}

_MAY_OVERFLOW: Final = frozenset({400, 413, 422, 500, 502})
_OVERFLOWS: Final = re.compile(
    r"context[ _](?:length|window|size)|prompt is too long|input is too long|too many input tokens"
    r"|exceeds? the (?:model's )?max(?:imum)? (?:input|context|prompt)",
    re.IGNORECASE,
)
_TOO_LONG: Final = "prompt is too long"
"""The words by which Claude Code knows that it must compact the conversation."""

_SOURCES: Final = ("error", "message", "detail", "msg", "errors")
_FIELD: Final = re.compile(r"([a-z_]+(?:\.[a-z0-9_]+)*): ")
"""Begins a message that is about a field of the request."""
_PAGE: Final = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
_ALL_IS_WELL: Final = (0, 200, "0", "200")

# OpenAI's type and code for each kind; invalid_request_error without a code for all others.
_OPENAI: Final[Mapping[str, tuple[str, str | None]]] = {
    "authentication_error": ("invalid_request_error", "invalid_api_key"),
    "billing_error": ("insufficient_quota", "insufficient_quota"),
    "rate_limit_error": ("rate_limit_error", "rate_limit_exceeded"),
    "overloaded_error": ("server_error", "overloaded"),
    "api_error": ("server_error", None),
    "timeout_error": ("server_error", "timeout"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An error, read: what a client is to be told of it, and with which status."""

    kind: str
    message: str
    code: str | None = None
    """The upstream's own word for it."""
    status: int = _BAD_GATEWAY

    @property
    def failed(self) -> Failed:
        """The same as the end of an answer."""
        return Failed(self.kind, self.message, self.status)


def read_error(status: int, body: bytes) -> Told:
    """Read an upstream's error answer: the sentence in it, or the name of its status for pages and empty bodies."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    try:
        document = loads(text)
    except ValueError:
        document = text if _is_sentence(text) else None
    return _told(status, _words(document), _message(document))


def error_inside(document: Mapping[str, Any]) -> Told | None:
    """Return the error that a document tells inside a success, be it an answer or a chunk of a stream; None: none.

    Its status is the one that its code, or its type, has outside; 502 where neither says it.
    """
    error: Any = document.get("error")
    if not error:
        error = _unnamed(document)
    elif error is True:
        error = document
    if error is None:
        return None
    words = _words(error)
    status = next((STATUS_OF[word] for word in words if word in STATUS_OF), None)
    if status is None:
        status = next((int(word) for word in words if re.fullmatch("[45][0-9]{2}", word)), _BAD_GATEWAY)
    return _told(status, words, _message(error))


def _unnamed(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the error that is told without a member ``error``; None: none is."""
    if document.get("object") == "error" or document.get("type") == "error":
        return document
    base = document.get("base_resp")  # MiniMax
    if isinstance(base, dict) and base.get("status_code"):
        return {"code": base.get("status_code"), "message": base.get("status_msg")}
    # Nothing but a message: an error of FastAPI's or of a gateway. Some say code 0 with it, and mean that all is well.
    if "choices" not in document and document.get("code") not in _ALL_IS_WELL:
        said = (document.get("detail"), document.get("message"), document.get("msg"), document.get("errors"))
        if any(text and isinstance(text, str | list) for text in said):
            return document
    return None


def of_failed(failed: Failed) -> Told:
    """Return the error that an answer is when it fails before it began."""
    status = failed.status or STATUS_OF.get(failed.kind, _BAD_GATEWAY)
    code = OVERFLOW if failed.kind == "invalid_request_error" and _TOO_LONG in failed.message else None
    return Told(failed.kind, failed.message, code, status)


def write_error(dialect: ClientDialect, told: Told, request_id: str | None = None) -> tuple[int, bytes]:
    """Return status and body of an error for a client of a dialect."""
    if dialect == "anthropic":
        return told.status, anthropic.error_body(told.kind, told.message, request_id)
    # 529 is Anthropic's own invention; OpenAI's clients know 503.
    status = 503 if told.status == 529 else told.status
    return status, openai_body(told.kind, told.message, told.code)


def openai_body(kind: str, message: str, code: str | None = None) -> bytes:
    """Write an error as OpenAI's APIs do; ``code`` is the upstream's own where it had one."""
    spelled, usual = _OPENAI.get(kind, ("invalid_request_error", None))
    field = _FIELD.match(message) if kind == "invalid_request_error" else None
    param = field[1] if field else None
    return dumps({"error": {"message": message, "type": spelled, "param": param, "code": code or usual}})


def _told(status: int, words: Sequence[str], message: str) -> Told:
    message = message or f"The upstream answered with {_name(status)}."
    code = next((word for word in words[:1] if word and not word.isdecimal()), None)
    if status in _MAY_OVERFLOW and (OVERFLOW in words or _OVERFLOWS.search(message)):
        if _TOO_LONG not in message.lower():
            message = f"{_TOO_LONG}: {message}"
        return Told("invalid_request_error", message, OVERFLOW, 400)
    answer = next((_BY_WORD[word] for word in words if word in _BY_WORD), None) or _ANSWERS.get(status)
    if answer is None:
        known = status if 400 <= status < 600 else _BAD_GATEWAY
        answer = (known, "invalid_request_error" if known < 500 else "api_error")
    return Told(answer[1], message, code, answer[0])


def _name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"


def _words(document: Any) -> tuple[str, ...]:
    """Return the upstream's code and type of an error, "" for a code that is missing; numbers as text."""
    if isinstance(document, list):
        document = document[0] if document else None  # Google's gateways
    if not isinstance(document, dict):
        return ()
    error = document.get("error")
    source = error if isinstance(error, dict) else document
    return tuple(_word(source.get(key)) for key in ("code", "type"))


def _word(value: object) -> str:
    if isinstance(value, str):
        return sound(value[:_LONGEST_CODE])
    return str(value) if isinstance(value, int) and abs(value) < 10**9 else ""


def _message(document: Any, depth: int = 4) -> str:
    """Find the sentence in an error of any of the shapes that are in use; "" where there is none."""
    match document:
        case str():
            return "" if _PAGE.match(document) else sound(document.strip()[:_LONGEST])
        case dict() if depth:
            found = (_message(document.get(key), depth - 1) for key in _SOURCES)
            message = next((text for text in found if text), "")
            return _with_place(_with_origin(message, document, depth), document.get("loc"))
        case list() if depth:
            return "; ".join(text for part in document[:3] if (text := _message(part, depth - 1)))
        case _:
            return ""


def _is_sentence(text: str) -> bool:
    """Whether a body that is no JSON may be shown: gateways say in a line what is wrong; the rest are pages."""
    return 0 < len(text) <= _LONGEST_PLAIN and "<" not in text and text.isprintable()


def _with_place(message: str, place: Any) -> str:
    """Put before a message which field it is about, as FastAPI tells it."""
    if not message or not isinstance(place, list):
        return message
    words = [_word(step) for step in place[:8]]
    return f"{'.'.join(word for word in words if word)}: {message}"


def _with_origin(message: str, error: Mapping[str, Any], depth: int) -> str:
    """Add what the origin said where a gateway says only that it said something (OpenRouter: ``metadata.raw``)."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not isinstance(raw, str):
        return message
    origin = _message(members(raw), depth - 1) or (raw.strip() if _is_sentence(raw.strip()) else "")
    return f"{message}: {origin}"[:_LONGEST] if origin and origin not in message else message
