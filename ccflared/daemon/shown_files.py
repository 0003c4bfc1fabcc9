"""Reading the configuration's files to show them: as they are now, whatever is wrong with them, without a secret."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from ccflared.config.load import Loaded, load
from ccflared.config.load.texts import sources_of
from ccflared.config.merge import merge
from ccflared.config.save import hindrance
from ccflared.daemon.reload import Sources
from ccflared.daemon.shown import LONGEST, shown
from ccflared.formats.redaction import Redaction


@dataclass(frozen=True, slots=True)
class ShownFile:
    """One file. ``text`` is None where it cannot be read, and ``problem`` says why; ``cut``: there is more of it."""

    path: Path
    digest: str | None
    text: str | None
    modified_at: float | None
    problem: str | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The files, the main one first. ``obstacle``: why they could not be written, in a sentence; None if they could."""

    files: list[ShownFile]
    obstacle: str | None
    chains: list[Any] | None
    """The chains as they stand there, with globs; None where the files have mistakes."""


async def shown_files(sources: Sources, redaction: Redaction) -> Shown:
    """Read the files to show them."""
    return await trio.to_thread.run_sync(_read, sources, redaction)


def _read(sources: Sources, redaction: Redaction) -> Shown:
    together = sources_of(sources.path, sources.environ)
    texts = {source.path: source.text for source in together if source.tables is not None}
    valid = isinstance(
        load(sources.path, environ=sources.environ, builtin=sources.builtin, texts=texts), Loaded
    )
    found = []
    for source in together:
        there = source.digest is not None and (source.tables is not None or bool(source.text))
        text, cut = _beginning(source.text)
        found.append(
            ShownFile(
                source.path,
                source.digest,
                shown(text, redaction, valid=valid and not cut) if there else None,
                _modified(source.path),
                None if there or not source.mistakes else source.mistakes[0].message,
                there and cut,
            )
        )
    main = together[0].path
    hindered = [why for each in together if (why := hindrance(each.path, main)) is not None]
    return Shown(
        found,
        f"{hindered[0].path} {hindered[0].sentence}." if hindered else None,
        merge([source.tables or {} for source in together]).tables.get("fallback", []) if valid else None,
    )


def _beginning(text: str) -> tuple[str, bool]:
    """Return as many whole lines of a text as are shown, and whether there are more.

    Cut before it is masked, which would take seconds for megabytes. Where the beginning alone is no TOML any more, it
    is masked by its lines, and rather too much of it.
    """
    if len(text) <= LONGEST:
        return text, False
    return text[: text.rfind("\n", 0, LONGEST) + 1], True


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
