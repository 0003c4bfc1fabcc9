"""Which dialect a client speaks, told by the path it asks for, and how the daemon's own errors are spelled in it."""

import json
from typing import Literal

from ccflared.formats import anthropic

Dialect = Literal["anthropic", "openai"]

_OPENAI_PATHS = ("/v1/chat/", "/v1/responses", "/v1/completions", "/v1/embeddings")

_OPENAI_KINDS = {
    "authentication_error": ("invalid_request_error", "invalid_api_key"),
    "rate_limit_error": ("rate_limit_error", "rate_limit_exceeded"),
    "overloaded_error": ("server_error", "overloaded"),
    "api_error": ("server_error", None),
    "timeout_error": ("server_error", "timeout"),
}


def dialect_of(path: str) -> Dialect:
    """Return the dialect whose client would ask for ``path`` (below base_path)."""
    return "openai" if path.startswith(_OPENAI_PATHS) else "anthropic"


def error_body(path: str, kind: str, message: str, request_id: str | None = None) -> bytes:
    """Write an error for whoever asked for ``path``; ``kind`` is Anthropic's name of the error type."""
    if dialect_of(path) == "anthropic":
        return anthropic.error_body(kind, message, request_id)
    openai_kind, code = _OPENAI_KINDS.get(kind, ("invalid_request_error", None))
    error = {"message": message, "type": openai_kind, "param": None, "code": code}
    return json.dumps({"error": error}, ensure_ascii=False).encode(errors="replace")
