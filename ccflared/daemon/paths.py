"""What a request's target may look like, and which plane it belongs to. Pure."""

import re
from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import unquote, unquote_to_bytes

Place = Literal["pooled", "other v1", "api", "open", "health", "metrics", "dashboard", "unknown"]

# Control characters, backslashes, and what decodes to them, to a slash or to a dot; and #, where a path would be cut.
_FORBIDDEN: Final = re.compile(rb"[\x00-\x20\x7f-\xff\\#]|%(?:[01][0-9a-f]|7f|2f|5c|2e)", re.IGNORECASE)
_SLASH_IN_MODEL: Final = re.compile(
    rb"(?<=/v1/models/)[A-Za-z0-9._:@-]+(?:%2f[A-Za-z0-9._:@-]+)+\Z", re.IGNORECASE
)
_DOT_SEGMENT: Final = re.compile(rb"/\.{1,2}(?:[/;]|$)")  # some servers cut a segment at its semicolon

MESSAGES: Final = "/v1/messages"
COUNT: Final = "/v1/messages/count_tokens"
CHAT: Final = "/v1/chat/completions"
RESPONSES: Final = "/v1/responses"
MODELS: Final = "/v1/models"
SESSION: Final = "/api/session"
"""Where one logs in: it asks for no credential."""
STREAMS: Final = frozenset(
    {
        "/api/requests/stream",
        "/api/logs/stream",
        "/api/accounts/stream",
        "/api/insights/alerts/stream",
    }
)
"""Those that a ticket admits to, once; see tickets.py."""
_ONE_MODEL: Final = re.compile(r"/v1/models/([^/]+(?:/[^/]+)*)")
"""Names of models may have slashes in them; the SDKs escape those."""
_GENERATES: Final = frozenset({MESSAGES, CHAT, RESPONSES})
_NAME_MODEL: Final = _GENERATES | {COUNT}
_POOLED: Final = {*(("POST", path) for path in _NAME_MODEL), ("GET", MODELS)}
_OPEN: Final = {
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("HEAD", "/livez"),
    ("HEAD", "/readyz"),
    ("HEAD", "/"),
    ("HEAD", "/api/hello"),
    ("POST", "/api/event_logging/batch"),
}


def pooled(path: str) -> bool:
    """Whether a path is served from the pool, by whatever method."""
    return path in _NAME_MODEL or is_about_models(path)


def generates(path: str) -> bool:
    """Whether a request to a path asks a model for an answer, in whatever dialect."""
    return path in _GENERATES


def names_model(path: str) -> bool:
    """Whether the body of a request to a path names a model."""
    return path in _NAME_MODEL


def is_about_models(path: str) -> bool:
    """Whether a path asks which models there are, or what one of them is."""
    return path.startswith(MODELS) and (path == MODELS or model_in(path) is not None)


def model_in(path: str) -> str | None:
    """Return the model that a path itself names; None where it names none."""
    found = _ONE_MODEL.fullmatch(path)
    return unquote(found[1]) if found else None


def passes(path: str, prefixes: Iterable[str]) -> bool:
    """Whether a path lies below one of an account's ``passthrough`` prefixes."""
    return any(path == prefix.rstrip("/") or path.startswith(prefix.rstrip("/") + "/") for prefix in prefixes)


def well_formed(raw_path: bytes) -> bool:
    """Whether a request target's path can mean only one thing to everybody on the way."""
    raw_path = _SLASH_IN_MODEL.sub(lambda name: unquote_to_bytes(name[0]), raw_path)
    return (
        raw_path.startswith(b"/")
        and not raw_path.startswith(b"//")
        and _FORBIDDEN.search(raw_path) is None
        and _DOT_SEGMENT.search(raw_path) is None
    )


def below(base_path: str, path: str) -> str | None:
    """Return the path below ``base_path``, or None where it does not lie there."""
    if not base_path:
        return path
    if path == base_path:
        return "/"
    return path.removeprefix(base_path) if path.startswith(base_path + "/") else None


def place_of(method: str, path: str) -> Place:
    """Say what a path (below base_path) belongs to."""
    if (method, path) in _OPEN:
        return "open"
    if (method, path) in _POOLED or (method == "GET" and _ONE_MODEL.fullmatch(path)):
        return "pooled"
    if path == "/v1" or path.startswith("/v1/"):
        return "other v1"
    if path == "/api" or path.startswith("/api/"):
        return "api"
    if path == "/health":
        return "health"
    if path == "/metrics":
        return "metrics"
    return "dashboard" if path in ("/", "/dashboard") or path.startswith("/dashboard/") else "unknown"


def methods_of(path: str) -> list[str]:
    """Return the methods with which a path is served from the pool; none where it is not."""
    return [method for method in ("GET", "POST") if place_of(method, path) == "pooled"]
