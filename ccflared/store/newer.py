"""What an older ccflared says to databases that a newer one has written: it touches none, and tells the ways out."""

from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from shlex import quote
from typing import Final

from ccflared.errors import Refused
from ccflared.store import buckets, schema, vault
from ccflared.store.versions import fitting_copy, version_of

_HISTORY: Final = "ccflared.db"
_TOKENS: Final = "tokens.db"


@dataclass(frozen=True, slots=True)
class Newer:
    """A database that this version does not know how to read."""

    name: str
    version: int
    known: int
    """Up to which this program knows it."""


def newer_databases(directory: Path) -> list[Newer]:
    """Return those in a state directory that are newer than this program. Nothing is touched."""
    kinds = (
        (_HISTORY, schema.APPLICATION_ID, len(schema.STEPS)),
        ("payloads.db", buckets.APPLICATION_ID, buckets.VERSION),
        (_TOKENS, vault.APPLICATION_ID, len(vault.STEPS)),
    )
    found = []
    for name, application, known in kinds:
        standing = version_of(directory / name)
        if standing is not None and standing[0] == application and standing[1] > known:
            found.append(Newer(name, standing[1], known))
    return found


def refuse_newer(directory: Path, program: str) -> None:
    """Raise Refused where a newer version has written one of the databases; nothing has been changed then.

    ``program``: this version, for people.
    """
    if newer := newer_databases(directory):
        raise Refused(_said(directory, newer, program))


def _said(directory: Path, newer: list[Newer], program: str) -> str:
    them = "; ".join(
        f"{directory / each.name} has schema {each.version}, and ccflared {program} knows it up to {each.known}"
        for each in newer
    )
    return (
        f"A newer ccflared has written what is in the state directory: {them}. Nothing was touched.\n"
        f"Install the newer version again. {way_back(directory, newer)}"
    )


def way_back(directory: Path, newer: list[Newer]) -> str:
    """Return how the databases of before the upgrade are put back, or why they cannot be."""
    copies = {each.name: fitting_copy(directory / each.name, each.known) for each in newer}
    if _HISTORY in copies and copies[_HISTORY] is None:
        return (
            f"There is no copy here of {_HISTORY} from before the upgrade: put back one of your own, see "
            "ccflared-backup(1), or name another [storage] directory."
        )
    aside = _aside(directory)
    commands = [f"cd {quote(str(directory))}", f"mkdir -m 700 {aside}"]
    for name, copy in copies.items():
        commands.append(f"mv {name}* {aside}/")
        if copy is not None:
            commands.append(f"cp -p {aside}/{copy.name} {name}")
    lost = _TOKENS in copies and copies[_TOKENS] is None
    return (
        f"Or go back to the copy of before the upgrade; what came since stays in the directory {aside}"
        f"{', tokens too: accounts that log in need `ccflared login` then' if lost else ''}. "
        f"With the daemon stopped, as its user or root:\n  {' && '.join(commands)}"
    )


def _aside(directory: Path) -> str:
    """Return the name of a directory that is not there yet: who has gone back before has the first of them."""
    names = chain(["newer"], (f"newer-{number}" for number in count(2)))
    return next(name for name in names if not (directory / name).exists())
