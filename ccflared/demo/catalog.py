"""The models that the fake provider offers, as ``GET /v1/models`` lists them."""

MODELS = (
    ("claude-fable-5", "Claude Fable 5", "2026-09-10T00:00:00Z"),
    ("claude-opus-5-5", "Claude Opus 5.5", "2026-10-21T00:00:00Z"),
    ("claude-sonnet-5", "Claude Sonnet 5", "2026-06-30T00:00:00Z"),
    ("claude-sonnet-4-5", "Claude Sonnet 4.5", "2025-09-29T00:00:00Z"),
    ("claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15T00:00:00Z"),
)


def find(model: str) -> dict[str, object] | None:
    """Return the entry of one model, or None where it is not offered."""
    return next((entry for entry in _entries() if entry["id"] == model), None)


def listing() -> dict[str, object]:
    """Return the page that lists all of them."""
    entries = _entries()
    return {
        "data": entries,
        "has_more": False,
        "first_id": entries[0]["id"],
        "last_id": entries[-1]["id"],
    }


def _entries() -> list[dict[str, object]]:
    return [
        {"type": "model", "id": model, "display_name": title, "created_at": created}
        for model, title, created in MODELS
    ]
