"""What a key of the file takes and does, for whoever shows a form of it: said once, in config/model.py."""

from typing import Any, Final

from ccflared.api.schemas import FLAG, MAYBE_TEXT, TEXT, TEXTS, each, maybe, one_of, record, told
from ccflared.config.effective import word_of
from ccflared.config.kinds import Choice
from ccflared.config.shapes import Field


def key(name: str, field: Field, *, editable: bool) -> dict[str, Any]:
    """Return it. ``editable``: REST may write it."""
    kind = field.key.kind
    return {
        "name": name,
        "describes": field.key.doc,
        "kind": word_of(kind),
        "expects": kind.expects,
        "absent": field.key.absent,
        "choices": list(kind.words) if isinstance(kind, Choice) else None,
        "editable": editable,
    }


KEY: Final = record(
    {
        **each(TEXT, "name describes expects"),
        "kind": one_of(
            *("flag", "whole", "number", "choice", "text", "url", "secret", "models", "duration", "path"),
            *("size", "table", "list"),
        ),
        "absent": told(MAYBE_TEXT, "What counts where the key is not set, in words."),
        "choices": maybe(TEXTS),
        "editable": told(FLAG, "Whether REST may write it; all others stand in the file alone."),
    }
)
