"""Which dialect a client speaks, told by the path it asks for, and how the daemon's own errors are spelled in it."""

from functools import lru_cache
from typing import Final

from ccflared.formats import anthropic
from ccflared.formats.errors import ClientDialect, openai_body

__all__ = ["ClientDialect", "dialect_of", "error_body", "id_field"]

# /v1/models is everybody's; its errors are Anthropic's, whose ``error.message`` OpenAI's SDKs read as well.
_OPENAI_PATHS: Final[tuple[tuple[str, ClientDialect], ...]] = (
    ("/v1/responses", "responses"),
    ("/v1/chat", "chat"),
    ("/v1/completions", "chat"),
    ("/v1/embeddings", "chat"),
    # Where a base URL lacks its version.
    ("/responses", "responses"),
    ("/chat/completions", "chat"),
)


@lru_cache(maxsize=256)
def dialect_of(path: str) -> ClientDialect:
    """Return the dialect whose client would ask for ``path`` (below base_path)."""
    for prefix, dialect in _OPENAI_PATHS:
        if path == prefix or path.startswith(prefix + "/"):
            return dialect
    return "anthropic"


def id_field(path: str, request_id: str) -> tuple[bytes, bytes]:
    """Return the field by which whoever asked for ``path`` knows an answer again."""
    name = b"request-id" if dialect_of(path) == "anthropic" else b"x-request-id"
    return name, request_id.encode()


def error_body(path: str, kind: str, message: str, request_id: str | None = None) -> bytes:
    """Write an error for whoever asked for ``path``; ``kind`` is Anthropic's name of the error type."""
    if dialect_of(path) == "anthropic":
        return anthropic.error_body(kind, message, request_id)
    return openai_body(kind, message)
