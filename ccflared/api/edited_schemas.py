"""The schemas of what an edit of the file is answered with: see edited.py."""

from typing import Final

from ccflared.api.schemas import (
    ANYTHING,
    FLAG,
    MAYBE_TEXT,
    TEXT,
    TEXTS,
    Schema,
    each,
    record,
    told,
)

NOT_EDITED: Final = record(
    {"success": FLAG, **each(TEXT, "message error kind")},
    mistakes=TEXTS,
    losses=TEXTS,
    toml=told(MAYBE_TEXT, "What to write into the file by hand."),
    file=MAYBE_TEXT,
    verdict=ANYTHING,
)
_PROBLEM: Final[Schema] = {"anyOf": [NOT_EDITED, {"$ref": "#/components/schemas/Error"}]}


def edited(**more: Schema) -> dict[int, Schema]:
    """Return the answers of an edit; ``more``: what stands beside, once it is in force."""
    made = record({"success": FLAG, "message": TEXT, "changes": TEXTS, "warnings": TEXTS, **more})
    return {200: made, 400: _PROBLEM, 404: _PROBLEM, 409: _PROBLEM}


EDITED: Final = edited()
