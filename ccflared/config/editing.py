"""Making an edit: read, apply, judge the whole result as the daemon would, and only then write.

Commands and the REST API change settings by this and nothing else. It ends in what has changed, or in why nothing
has; a refusal brings the TOML to write by hand where that helps.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ccflared.config.changes import Change, changes, losses
from ccflared.config.edit import NAMED, Add, Edit, Remove, Unfit, apply, as_toml
from ccflared.config.load import Files, Loaded, Rejected, load, read_files, references
from ccflared.config.load.certificates import tls_of
from ccflared.config.mentions import refusing_chains
from ccflared.config.merge import merge
from ccflared.config.model import Config, Provider
from ccflared.config.report import Mistake
from ccflared.config.save import replace_files

Refusal = Literal["mistakes", "conflict", "not writable", "not allowed", "unknown", "taken", "unclean"]
TRIES: Final = 3
"""How often an edit begins anew with files that somebody else has changed meanwhile."""


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
    released: tuple[str, ...] = ()
    """Stored secrets that the files name and will not name any more. Whoever has written them may erase those."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What was written. ``files`` is empty where all was so already."""

    files: tuple[Path, ...]
    changes: tuple[Change, ...]
    """Empty as well where the files had mistakes before, so that there is nothing to compare with."""
    loaded: Loaded
    warnings: tuple[Mistake, ...]
    """What should be known and was not to be said before."""
    released: tuple[str, ...] = ()
    """Stored secrets that the files named and do not name any more; none where they had mistakes before."""


def edit_files(
    path: Path,
    edits: Sequence[Edit],
    *,
    environ: Mapping[str, str],
    builtin: Mapping[str, Provider],
    allow_less: bool = False,
) -> Edited | NotEdited:
    """Edit the main file at ``path`` and its includes: all of ``edits``, or nothing.

    Touches the disk and may wait for a lock, five seconds at each try: not for an event loop. ``allow_less`` lets
    it take away what a reload would refuse to lose.
    """
    for _ in range(TRIES):
        files = read_files(path, environ)
        if isinstance(files, Rejected):
            return unreadable(files, as_toml(edits))
        prepared = misshapen(files, environ=environ, builtin=builtin) or prepare(
            files, edits, environ=environ, builtin=builtin, allow_less=allow_less
        )
        done = prepared if isinstance(prepared, NotEdited) else commit(prepared)
        if not (isinstance(done, NotEdited) and done.kind == "conflict"):
            break
    return done


def misshapen(
    files: Files, *, environ: Mapping[str, str], builtin: Mapping[str, Provider]
) -> NotEdited | None:
    """Return the refusal of every edit where a section that holds entries is none, such as ``accounts = 3``."""
    for text in files.texts.values():
        tables = tomllib.loads(text)
        shaped = all(isinstance(tables.get(section, {}), dict) for section in NAMED)
        if not (shaped and isinstance(tables.get("fallback", []), list)):
            judged = judge(files, {}, environ=environ, builtin=builtin)
            return judged if isinstance(judged, NotEdited) else None
    return None


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
    if refused := misshapen(files, environ=environ, builtin=builtin):
        return refused
    texts = apply(files.texts, edits)
    if isinstance(texts, Unfit):
        return NotEdited(
            texts.kind, texts.sentence, paste=texts.paste, file=files.main if texts.paste else None
        )
    paste = as_toml(edits)
    judged = judge(files, texts, environ=environ, builtin=builtin, allow_less=allow_less, paste=paste)
    if isinstance(judged, Prepared):
        for edit in edits:
            if isinstance(edit, Add) and edit.file is not None and edit.file not in judged.loaded.files:
                said = f"{edit.file} is not included by {files.main}; add it to include there first."
                return NotEdited("not allowed", said)
        if not allow_less and (lost := _chains_lost(files, texts, edits)):
            return NotEdited("not allowed", " ".join(lost), losses=lost)
    return judged


def _chains_lost(files: Files, texts: Mapping[Path, str], edits: Sequence[Edit]) -> tuple[str, ...]:
    """Return, in sentences, the chains with a refusal at their end that go with an account that is removed.

    Other requests than before would then be served by accounts that these models were kept from. Who takes such a
    chain out by itself means it.
    """
    if not any(isinstance(edit, Remove) and edit.section == "accounts" for edit in edits):
        return ()
    after = merge([tomllib.loads(text) for text in {**files.texts, **texts}.values()]).tables
    gone = Counter(refusing_chains(files.tables)) - Counter(refusing_chains(after))
    said = 'The chain for {} would be gone, and with it its then = "fail": every account could be asked for that.'
    return tuple(said.format(models) for models in gone.elements())


def released(before: Config, after: Config) -> tuple[str, ...]:
    """Return the names of the stored secrets that one configuration refers to, and the next one does not."""
    named = [
        {str(ref.value): None for _, ref in references(each) if ref.kind == "stored"}
        for each in (before, after)
    ]
    return tuple(name for name in named[0] if name not in named[1])


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
        said = "That is not valid; nothing was written."
        was_so = isinstance(before, Rejected)
        if was_so:
            said = "The file already has errors; fix them first. Nothing was written."
        return NotEdited("mistakes", said, after.mistakes, before=was_so, file=files.main)
    # One that is named already may be half renewed just now; that is not what is judged here.
    named = {tls for _, tls in tls_of(before.config)} if isinstance(before, Loaded) else set()
    if bad := tuple(mistake for tls, mistake in after.unusable.items() if tls not in named):
        return NotEdited("mistakes", "That is not valid; nothing was written.", bad, file=files.main)
    found: tuple[Change, ...] = ()
    let_go: tuple[str, ...] = ()
    if isinstance(before, Loaded):
        found = changes(before.config, after.config, old_secrets=None, new_secrets=None)
        let_go = released(before.config, after.config)
        lost = losses(before.config, after.config)
        if lost and not allow_less:
            return NotEdited("not allowed", " ".join(lost), losses=lost)
    known = {each.message for each in before.warnings} if isinstance(before, Loaded) else set()
    news = tuple(each for each in after.warnings if each.message not in known)
    return Prepared(files, texts, after, found, news, paste, let_go)


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
    return Edited(
        tuple(prepared.texts), prepared.changes, prepared.loaded, prepared.warnings, prepared.released
    )
