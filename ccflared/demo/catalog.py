"""The models that the fake provider offers, as ``GET /v1/models`` lists them: Anthropic's form and OpenAI's."""

from datetime import datetime
from typing import Any

MODELS = (
    ("claude-fable-5", "Claude Fable 5", "2026-09-10T00:00:00Z"),
    ("claude-opus-5-5", "Claude Opus 5.5", "2026-10-21T00:00:00Z"),
    ("claude-sonnet-5", "Claude Sonnet 5", "2026-06-30T00:00:00Z"),
    ("claude-sonnet-4-5", "Claude Sonnet 4.5", "2025-09-29T00:00:00Z"),
    ("claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15T00:00:00Z"),
)
CHAT_MODELS = (
    ("gpt-5.5", "2026-08-20T00:00:00Z"),
    ("gpt-4.1", "2025-04-14T00:00:00Z"),
    ("moonshot/kimi-k3", "2026-07-11T00:00:00Z"),
)


def find(model: str, *, chat: bool = False) -> dict[str, Any] | None:
    """Return the entry of one model, or None where it is not offered. ``chat``: of OpenAI's form."""
    return next((entry for entry in _entries(chat) if entry["id"] == model), None)


def listing(*, chat: bool = False) -> dict[str, Any]:
    """Return the page that lists all of them."""
    entries = _entries(chat)
    if chat:
        return {"object": "list", "data": entries}
    return {
        "data": entries,
        "has_more": False,
        "first_id": entries[0]["id"],
        "last_id": entries[-1]["id"],
    }


def _entries(chat: bool) -> list[dict[str, Any]]:
    if chat:
        return [
            {
                "id": model,
                "object": "model",
                "created": int(datetime.fromisoformat(created).timestamp()),
                "owned_by": "system",
            }
            for model, created in CHAT_MODELS
        ]
    return [
        {"type": "model", "id": model, "display_name": title, "created_at": created}
        for model, title, created in MODELS
    ]
