"""Making an edit for a call, and what is answered: it is in force, or why not, with the TOML to write by hand."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.config.editing import NotEdited
from ccflared.config.report import Mistake
from ccflared.daemon.answers import Reply
from ccflared.daemon.edits import Made, Wish

_CODES: Final = {"mistakes": 400, "unknown": 404}
"""What else is in the way lies with the file as it stands, or with who may write it: 409."""


async def edited(
    call: Call, wish: Wish, said: str, more: Callable[[], Mapping[str, Any]] | None = None
) -> Reply:
    """Make an edit. ``said``: what has been done then; ``more``: what is answered besides, once it is in force."""
    made = await call.running.edits.make(wish)
    if isinstance(made, NotEdited):
        return not_edited(made)
    if not made.verdict.applied:
        return _not_in_force(made)
    message = said if made.files else "It is so already; nothing was written."
    if made.untrusted is not None and wish.account is not None:
        message += (
            f" Its credential was not given for {made.untrusted}: the account rests until "
            f"`ccflared account trust {wish.account}` on the machine itself. With apiKey in the body it would not."
        )
    return reply(
        200,
        {
            "success": True,
            "message": message,
            "changes": list(made.changes),
            "warnings": list(made.warnings),
            **(more() if more else {}),
        },
    )


def not_edited(refused: NotEdited) -> Reply:
    """Answer that nothing was written, and why; where it helps with the TOML to write by hand, and where to."""
    code = 409 if refused.before else _CODES.get(refused.kind, 409)
    mistakes = [_told(each) for each in refused.mistakes]
    told = f"{refused.sentence} {' '.join(_sentence(each) for each in mistakes)}".strip()
    if refused.losses:
        told += ' If that is meant: "allowLess": true.'
    return reply(
        code,
        {
            "success": False,
            "message": told,
            "error": told,
            "kind": refused.kind,
            "mistakes": mistakes,
            "losses": list(refused.losses),
            "toml": refused.paste or None,
            "file": str(refused.file) if refused.file else None,
        },
    )


def _not_in_force(made: Made) -> Reply:
    told = f"It is written, but not in force: {made.verdict.sentence}."
    return reply(
        409,
        {
            "success": False,
            "message": told,
            "error": told,
            "kind": "refused",
            "verdict": made.verdict.document(),
        },
    )


def _told(mistake: Mistake) -> str:
    """Return a mistake with the line that it is in, its secrets masked."""
    line = mistake.excerpt.strip()
    return f"{line}: {mistake.message}" if line else mistake.message


def _sentence(said: str) -> str:
    return said if said.endswith(".") else said + "."
