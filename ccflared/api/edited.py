"""Making an edit for a call, and what is answered: it is in force, or why not, with the TOML to write by hand."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.config.editing import NotEdited
from ccflared.config.report import Mistake
from ccflared.daemon.answers import Reply
from ccflared.daemon.edits import Made, Preview, Wish
from ccflared.secret import Secret

_CODES: Final = {"mistakes": 400, "unknown": 404}
"""What else is in the way lies with the file as it stands, or with who may write it: 409."""


async def edited(
    call: Call,
    wish: Wish,
    said: str,
    more: Callable[[], Mapping[str, Any]] | None = None,
    *,
    new: tuple[Secret, str] | None = None,
) -> Reply:
    """Make an edit. ``said``: what has been done then; ``more``: what is answered besides, once it is in force.

    ``new``: a key that was made for it, with the digest that the file has of it. Wherever that digest has gone, into
    the file or into an answer, the key is told; after a preview nobody has either.
    With ``preview`` in the query: say what it would do, and do nothing.
    """
    if call.asked_for.get("preview"):
        return _previewed(wish, _without(new, await call.running.edits.preview(wish)))
    made = await call.running.edits.make(wish)
    if isinstance(made, NotEdited):
        return not_edited(made, new if new is not None and new[1] in made.paste else None)
    if not made.verdict.applied:
        return _not_in_force(made, new)
    message = said if made.files else "It is so already; nothing was written."
    message += _rests(wish, made.untrusted)
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


def _without(new: tuple[Secret, str] | None, found: Preview | NotEdited) -> Preview | NotEdited:
    """Take out of what a preview found the TOML with the digest of a key that is made anew for the edit itself."""
    if new is None:
        return found
    return replace(found, paste="") if isinstance(found, NotEdited) else replace(found, toml="")


def _previewed(wish: Wish, found: Preview | NotEdited) -> Reply:
    """Answer what an edit would do. What an edit answers besides is not there before it is made: no key, above all."""
    if isinstance(found, NotEdited):
        return not_edited(found)
    message = (
        "This is what would be written." if found.diffs else "It is so already; nothing would be written."
    )
    if found.obstacle is not None and found.diffs:
        message += f" But it cannot be: {found.obstacle}"
    return reply(
        200,
        {
            "success": True,
            "preview": True,
            "message": message + _rests(wish, found.untrusted),
            "changes": list(found.changes),
            "warnings": list(found.warnings),
            "diffs": [{"file": str(file), "diff": diff} for file, diff in found.diffs],
            "untrusted": found.untrusted,
            "writable": found.obstacle is None,
            "obstacle": found.obstacle,
            "toml": found.toml,
        },
    )


def _rests(wish: Wish, untrusted: str | None) -> str:
    if untrusted is None or wish.account is None:
        return ""
    return (
        f" Its credential was not given for {untrusted}: the account rests until "
        f"`ccflared account trust {wish.account}` on the machine itself. With apiKey in the body it would not."
    )


def not_edited(refused: NotEdited, new: tuple[Secret, str] | None = None) -> Reply:
    """Answer that nothing was written, and why; where it helps with the TOML to write by hand, and where to.

    ``new``: the key whose digest that TOML has.
    """
    code = 409 if refused.before else _CODES.get(refused.kind, 409)
    mistakes = [_told(each) for each in refused.mistakes]
    told = f"{refused.sentence} {' '.join(_sentence(each) for each in mistakes)}".strip()
    if refused.losses:
        told += ' If that is meant: "allowLess": true.'
    if new is not None:
        told += f" The key that belongs to the digest in the TOML is {new[0].reveal()}"
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
            **_key(new),
        },
    )


def _not_in_force(made: Made, new: tuple[Secret, str] | None) -> Reply:
    told = f"It is written, but not in force: {made.verdict.sentence}."
    if new is not None:
        told += f" The key, which is told this once, is {new[0].reveal()}"
    return reply(
        409,
        {
            "success": False,
            "message": told,
            "error": told,
            "kind": "refused",
            "verdict": made.verdict.document(),
            **_key(new),
        },
    )


def _key(new: tuple[Secret, str] | None) -> dict[str, str]:
    return {} if new is None else {"key": new[0].reveal()}


def _told(mistake: Mistake) -> str:
    """Return a mistake with the line that it is in, its secrets masked."""
    line = mistake.excerpt.strip()
    return f"{line}: {mistake.message}" if line else mistake.message


def _sentence(said: str) -> str:
    return said if said.endswith(".") else said + "."
