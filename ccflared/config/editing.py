"""Making an edit: read, apply, judge the whole result as the daemon would, and only then write.

Commands and the REST API change settings by this and nothing else. It ends in what has changed, or in why nothing
has; a refusal brings the TOML to write by hand where that helps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ccflared.config.changes import Change, changes, losses
from ccflared.config.edit import Add, Edit, Unfit, apply, as_toml
from ccflared.config.load import Files, Loaded, Rejected, load, read_files
from ccflared.config.model import Provider
from ccflared.config.report import Mistake
from ccflared.config.save import replace_files

Refusal = Literal["mistakes", "conflict", "not writable", "not allowed", "unknown", "taken", "unclean"]


@dataclass(frozen=True, slots=True)
class NotEdited:
    """Nothing was written, and why.

    ``mistakes``: the files have some, or would (``before`` tells which). ``conflict``: changed by somebody else
    meanwhile. ``not writable``: whoever runs this may not write, or could not keep the owner. ``not allowed``: it
    would take away what nobody loses by accident (``losses``), or something else names it. ``unknown``, ``taken``:
    there is no such entry, or one already. ``unclean``: the text does not take the change cleanly.
    """

    kind: Refusal
    sentence: str
    mistakes: tuple[Mistake, ...] = ()
    before: bool = False
    """Whether the mistakes were there before, and made it impossible to begin."""
    losses: tuple[str, ...] = ()
    paste: str = ""
    """TOML to write by hand instead, into ``file``; empty if there is none."""
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An edit that has been judged and is good, but not written yet."""

    files: Files
    texts: Mapping[Path, str]
    """The files that become different, as they will be."""
    loaded: Loaded
    """The configuration as it will be."""
    changes: tuple[Change, ...]
    warnings: tuple[Mistake, ...]
    """What should be known and was not to be said before."""
    paste: str


@dataclass(frozen=True, slots=True)
class Edited:
    """What was written. ``files`` is empty where all was so already."""

    files: tuple[Path, ...]
    changes: tuple[Change, ...]
    """Empty as well where the files had mistakes before, so that there is nothing to compare with."""
    loaded: Loaded
    warnings: tuple[Mistake, ...]
    """What should be known and was not to be said before."""


def edit_files(
    path: Path,
    edits: Sequence[Edit],
    *,
    environ: Mapping[str, str],
    builtin: Mapping[str, Provider],
    allow_less: bool = False,
) -> Edited | NotEdited:
    """Edit the main file at ``path`` and its includes: all of ``edits``, or nothing.

    Touches the disk and may wait for a lock, five seconds at most: not for an event loop. ``allow_less`` lets
    it take away what a reload would refuse to lose.
    """
    files = read_files(path, environ)
    if isinstance(files, Rejected):
        return unreadable(files, as_toml(edits))
    prepared = prepare(files, edits, environ=environ, builtin=builtin, allow_less=allow_less)
    return prepared if isinstance(prepared, NotEdited) else commit(prepared)


def unreadable(rejected: Rejected, paste: str = "") -> NotEdited:
    """Return the refusal of an edit of files that cannot be read, or are no TOML."""
    return NotEdited(
        "mistakes",
        "The file cannot be edited before this is mended; nothing was written.",
        rejected.mistakes,
        before=True,
        paste=paste,
        file=rejected.files[0],
    )


def prepare(
    files: Files,
    edits: Sequence[Edit],
    *,
    environ: Mapping[str, str],
    builtin: Mapping[str, Provider],
    allow_less: bool = False,
) -> Prepared | NotEdited:
    """Apply edits to texts that were read, and judge the result. Writes nothing."""
    texts = apply(files.texts, edits)
    paste = as_toml(edits)
    if isinstance(texts, Unfit):
        return NotEdited(
            texts.kind, texts.sentence, paste=texts.paste, file=files.main if texts.paste else None
        )
    judged = judge(files, texts, environ=environ, builtin=builtin, allow_less=allow_less, paste=paste)
    if isinstance(judged, Prepared):
        for edit in edits:
            if isinstance(edit, Add) and edit.file is not None and edit.file not in judged.loaded.files:
                said = f"{edit.file} is not included by {files.main}; add it to include there first."
                return NotEdited("not allowed", said)
    return judged


def judge(
    files: Files,
    texts: Mapping[Path, str],
    *,
    environ: Mapping[str, str],
    builtin: Mapping[str, Provider],
    allow_less: bool = False,
    paste: str = "",
) -> Prepared | NotEdited:
    """Judge what the files would say with ``texts`` in place of theirs, as the daemon judges a reload."""
    before = load(files.main, environ=environ, builtin=builtin, texts=files.texts)
    after = load(files.main, environ=environ, builtin=builtin, texts={**files.texts, **texts})
    if isinstance(after, Rejected):
        said = "That would not be valid; nothing was written."
        was_so = isinstance(before, Rejected)
        if was_so:
            said = "The file has mistakes without it already; nothing was written."
        return NotEdited("mistakes", said, after.mistakes, before=was_so, file=files.main)
    found: tuple[Change, ...] = ()
    if isinstance(before, Loaded):
        found = changes(before.config, after.config, old_secrets=None, new_secrets=None)
        lost = losses(before.config, after.config)
        if lost and not allow_less:
            return NotEdited("not allowed", " ".join(lost), losses=lost)
    known = {each.message for each in before.warnings} if isinstance(before, Loaded) else set()
    news = tuple(each for each in after.warnings if each.message not in known)
    return Prepared(files, texts, after, found, news, paste)


def commit(prepared: Prepared) -> Edited | NotEdited:
    """Write what was prepared, unless a file has changed since it was read."""
    if prepared.texts:
        contents = {path: text.encode() for path, text in prepared.texts.items()}
        obstacle = replace_files(contents, prepared.files.digests, prepared.files.main)
        if obstacle is not None:
            return NotEdited(
                obstacle.kind,
                f"{obstacle.path} {obstacle.sentence}.",
                paste=prepared.paste if obstacle.kind == "not writable" else "",
                file=next(iter(prepared.texts)),
            )
    return Edited(tuple(prepared.texts), prepared.changes, prepared.loaded, prepared.warnings)
