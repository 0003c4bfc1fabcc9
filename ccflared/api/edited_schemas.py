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
    many,
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
    key=told(TEXT, "A new key whose digest the TOML, or the file, has: told this once."),
)
_PROBLEM: Final[Schema] = {"anyOf": [NOT_EDITED, {"$ref": "#/components/schemas/Error"}]}


_PREVIEWED: Final = record(
    {
        "success": FLAG,
        "preview": {"const": True},
        "message": TEXT,
        **each(TEXTS, "changes warnings"),
        "diffs": told(
            many(record(each(TEXT, "file diff"))),
            "Unified, of each file that would change; secrets are masked.",
        ),
        "untrusted": told(MAYBE_TEXT, "The origin that the account's credential was not given for."),
        "writable": FLAG,
        "obstacle": told(MAYBE_TEXT, "Why it could not be written."),
        "toml": told(
            TEXT,
            "What to write into the file by hand instead. Empty where it would have the digest of a new key: "
            "the edit itself answers both.",
        ),
    }
)
PREVIEW: Final = {
    "preview": {
        "type": "boolean",
        "default": False,
        "description": "Say what the edit would do, as a diff of each file, and do nothing",
    }
}
"""The query of every edit."""


def edited(**more: Schema) -> dict[int, Schema]:
    """Return the answers of an edit; ``more``: what stands beside, once it is in force."""
    made = record({"success": FLAG, "message": TEXT, "changes": TEXTS, "warnings": TEXTS, **more})
    return {200: {"anyOf": [made, _PREVIEWED]}, 400: _PROBLEM, 404: _PROBLEM, 409: _PROBLEM}


EDITED: Final = edited()
