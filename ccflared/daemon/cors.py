"""Cross-origin requests of web pages named in allowed_origins. Pure. Without that setting there is no CORS at all."""

from typing import Final

from ccflared.daemon.access import Fields, Rights

_ALLOWED: Final = (
    "x-api-key, authorization, anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access, "
    "content-type, openai-beta, openai-organization, openai-project, session-id, x-ccflared-project, "
    "x-claude-code-session-id, x-stainless-arch, x-stainless-helper-method, x-stainless-lang, x-stainless-os, "
    "x-stainless-package-version, x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version, "
    "x-stainless-timeout"
)

Lines = list[tuple[bytes, bytes]]


def preflight_fields(rights: Rights, fields: Fields) -> Lines:
    """Return the fields that answer a preflight of an allowed page; none for others."""
    origin = answer_fields(rights, fields)
    if not origin or b"access-control-request-method" not in fields:
        return []
    return [
        *origin,
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", _ALLOWED.encode()),
        (b"access-control-max-age", b"600"),
    ]


def answer_fields(rights: Rights, fields: Fields) -> Lines:
    """Return the fields that let an allowed page read an answer; none for others."""
    origin = fields.get(b"origin", b"")
    if not origin or origin.decode("latin-1").lower() not in rights.origins:
        return []
    return [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
