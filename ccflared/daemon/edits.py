"""Edits of the file by REST: one at a time, in a thread, and in force when they are answered.

What must be known whatever happens is durable before the file is written: a secret before the file names it, that a
credential must not go to a new origin, that an account gets another name.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time
from typing import Final

import trio

from ccflared.config.edit import Edit
from ccflared.config.editing import NotEdited, Prepared, commit, prepare, unreadable
from ccflared.config.load import Files, Rejected, load, read_files, references
from ccflared.config.model import Config
from ccflared.config.save import hindrance
from ccflared.config.stored import forget_secret, free_name, store_secret
from ccflared.config.toml_text import toml_value
from ccflared.daemon.about import about
from ccflared.daemon.house import House
from ccflared.daemon.reload import Reloads, Sources
from ccflared.daemon.shown import difference, shown
from ccflared.daemon.verdicts import Verdict
from ccflared.errors import Refused
from ccflared.formats.redaction import Redaction
from ccflared.providers.origin import strays, vouches
from ccflared.secret import Secret
from ccflared.store.renaming import Renaming

log = logging.getLogger("ccflared.edits")

_DURABLE_WITHIN: Final = 5.0
"""Seconds that the history may take to keep what must be kept before the file is written."""
_RENAME_UNKEPT: Final = (
    "The history cannot be written, so nobody could remember that the account gets another name."
)
_NOTHING: Final = "Nothing was written."


class Deposits:
    """Secrets that come with an edit, and the names under which they are going to be stored."""

    def __init__(self, state: Path, named: AbstractSet[str] = frozenset()) -> None:
        """``named``: stored secrets that the file names already, whether they are there or not."""
        self._state = state
        self._named = named
        self.given: dict[str, Secret] = {}

    def reference(self, wanted: str, secret: Secret) -> Mapping[str, str]:
        """Take a secret, to be stored by about this name. Returns what the file says of it."""
        name = free_name(self._state, wanted)
        number = 1
        while name in self.given or name in self._named:
            number += 1
            name = free_name(self._state, f"{wanted}-{number}")
        self.given[name] = secret
        return {"stored": name}

    def store(self) -> None:
        """Write them all, durably. Raises OSError, and has then left none."""
        done = []
        try:
            for name, secret in self.given.items():
                store_secret(self._state, name, secret)
                done.append(name)
        except OSError:
            for name in done:
                forget_secret(self._state, name)
            raise

    def by_hand(self, refused: NotEdited) -> NotEdited:
        """Return a refusal whose words for the file do not name what was not stored."""
        return replace(refused, paste=self.spoken(refused.paste))

    def spoken(self, paste: str) -> str:
        """Return TOML to write by hand that does not name what was not stored."""
        for name in self.given:
            paste = paste.replace(toml_value({"stored": name}), toml_value("the key that was sent"))
        return paste

    def take_back(self) -> None:
        """Erase them. Raises OSError."""
        for name in self.given:
            forget_secret(self._state, name)


Plan = Callable[[Files, Deposits], Sequence[Edit]]
"""Makes the edits for the files as they are when their turn has come. Runs in a thread; may raise ClientError."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An edit that is wanted, and by whom."""

    plan: Plan
    trusted: bool
    """It comes over the control socket."""
    account: str | None = None
    """The account that is edited, by the name it has in the file then."""
    brings: bool = False
    """Whether that account's credential comes with it."""
    adds: bool = False
    removes: bool = False
    renamed_from: str | None = None
    allow_less: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """An edit that was written, if there was anything to write, and the verdict on the files with it."""

    verdict: Verdict
    changes: tuple[str, ...]
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    untrusted: str | None = None
    """The origin that the account's credential does not go to before somebody trusts it."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an edit would do, and what would be in its way."""

    changes: tuple[str, ...]
    warnings: tuple[str, ...]
    diffs: tuple[tuple[Path, str], ...]
    """The files that would become different, each with its unified diff, in which no secret can be read."""
    untrusted: str | None
    obstacle: str | None
    """Why it could not be written, in a sentence."""
    toml: str
    """What to write by hand instead."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An edit that was judged, with the configuration before it, if the files had a valid one."""

    prepared: Prepared
    before: Config | None
    deposits: Deposits = field(repr=False)

    @property
    def changes(self) -> tuple[str, ...]:
        return tuple(str(change) for change in self.prepared.changes)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(warning.message for warning in self.prepared.warnings)


class Edits:
    """Makes edits. Called from Trio's thread."""

    def __init__(self, sources: Sources, house: House, reloads: Reloads) -> None:
        self._sources = sources
        self._house = house
        self._reloads = reloads
        self._one_at_a_time = trio.Lock()

    async def make(self, wish: Wish) -> Made | NotEdited:
        """Make an edit, and have it put in force; or say why nothing was written. Raises ClientError of the plan."""
        async with self._one_at_a_time:
            ready = await trio.to_thread.run_sync(self._ready, wish)
            if isinstance(ready, NotEdited):
                return ready
            return await self._make(wish, ready)

    async def preview(self, wish: Wish) -> Preview | NotEdited:
        """Say what an edit would do, or why it would be refused. Nothing is written, kept or noted.

        Raises ClientError of the plan.
        """
        ready = await trio.to_thread.run_sync(self._ready, wish)
        if isinstance(ready, NotEdited):
            return ready
        if (taken := self._taken(wish)) is not None:
            return taken
        stray = None if wish.trusted else self._stray(wish, ready)
        unkept = wish.renamed_from is not None and self._house.recorder.state.error is not None
        keeps = self._sources.state_directory if stray or ready.deposits.given else None
        redaction = self._house.redaction()

        def preview() -> Preview:
            return Preview(
                ready.changes,
                ready.warnings,
                tuple(_differences(ready, redaction)),
                stray,
                _RENAME_UNKEPT if unkept else _obstacle(ready.prepared, keeps),
                ready.deposits.spoken(shown(ready.prepared.paste, redaction, valid=True)),
            )

        return await trio.to_thread.run_sync(preview)

    async def expect(self, renaming: Renaming) -> bool:
        """Have a renaming that somebody else writes into the file followed; durable when this returns True."""
        await self._reloads.expect(renaming)
        if await self._durable():
            return True
        self._house.renames.withdraw(renaming, time())
        return False

    def not_written(self, old: str, new: str) -> None:
        """Take in that a renaming that was expected has not come into the file."""
        self._house.renames.give_up(old, new, time())

    def renaming(self, old: str, new: str) -> Renaming:
        """Return the renaming that begins now."""
        custody = self._house.custody
        return Renaming(old, new, time(), grant=custody.id_of(old), replaces=custody.id_of(new))

    async def gone(self, account: str) -> None:
        """Erase the tokens of an account that was removed, and what is noted of its endpoint. Raises Refused."""
        await self._house.custody.forget(account)
        self._house.trust.trust(account)
        await self._durable()

    async def _make(self, wish: Wish, ready: _Ready) -> Made | NotEdited:
        house = self._house
        if (taken := self._taken(wish)) is not None:
            return taken
        stray = None if wish.trusted else self._stray(wish, ready)
        with house.trust.editing(wish.account or ""):
            if (refused := await self._write(wish, ready, stray)) is not None:
                return refused
            verdict = await self._reloads.reload("edit", allow_less=wish.allow_less)
        if verdict.applied:
            await self._settle(wish, ready, stray)
        return Made(verdict, ready.changes, ready.warnings, tuple(ready.prepared.texts), stray)

    def _taken(self, wish: Wish) -> NotEdited | None:
        """Refuse a new account under a name that something is known under which belongs to another one."""
        house, name = self._house, wish.account or ""
        if not wish.adds or wish.trusted:
            return None
        if name not in house.renames.names and name not in house.world.config.accounts:
            return None
        said = f"{name} is the name of an account that is in force, or about to get another name. {_NOTHING}"
        return NotEdited("taken", said)

    async def _write(self, wish: Wish, ready: _Ready, stray: str | None) -> NotEdited | None:
        """Keep what must be known, then write the files; or say why nothing was written."""
        house, account = self._house, wish.account or ""
        try:
            noted = house.trust.doubt(account, stray) if stray is not None else ()
        except Refused as error:
            return NotEdited("not writable", f"{error}. {_NOTHING}")
        renaming = None if wish.renamed_from is None else self.renaming(wish.renamed_from, account)
        refused = await self._keep(renaming)
        if refused is None:
            refused = await trio.to_thread.run_sync(_written, ready)
        if refused is None:
            if renaming is not None:
                house.renames.written(renaming, time())
            return None
        if stray is not None:
            house.trust.take_back(account, noted)
        if renaming is not None:
            house.renames.withdraw(renaming, time())
        return refused

    async def _keep(self, renaming: Renaming | None) -> NotEdited | None:
        """Make durable what must be known before the files are written."""
        if renaming is not None and not await self.expect(renaming):
            return NotEdited("not writable", f"{_RENAME_UNKEPT} {_NOTHING}")
        return None

    async def _settle(self, wish: Wish, ready: _Ready, stray: str | None) -> None:
        """Forget what an edit that is in force has made useless."""
        house = self._house
        house.settle_trust()
        if wish.account is not None and wish.brings and stray is None and house.trust.any_of(wish.account):
            account = ready.prepared.loaded.config.accounts.get(wish.account)
            if account is not None and vouches(
                account, ready.prepared.loaded.config.providers[account.provider]
            ):
                # A new credential came for the origin that stands there.
                house.trust.trust(wish.account)
                house.retarget(wish.account)
        if wish.removes and wish.account is not None:
            await self.gone(wish.account)
        for name in ready.prepared.released:
            try:
                await trio.to_thread.run_sync(forget_secret, self._sources.state_directory, name)
            except OSError as error:
                log.warning(
                    "the stored secret %s cannot be erased: %s", name, error.strerror, extra=about("edit")
                )

    def _stray(self, wish: Wish, ready: _Ready) -> str | None:
        """Return the origin that the edited account's credential was not given for, if the edit sends it there."""
        after = ready.prepared.loaded.config
        account = after.accounts.get(wish.account or "")
        if account is None:
            return None
        before = ready.before or self._house.world.config
        old = before.accounts.get(wish.renamed_from or account.name)
        return strays(
            None if old is None or wish.adds else (old, before.providers[old.provider]),
            (account, after.providers[account.provider]),
            brought=wish.brings,
        )

    async def _durable(self) -> bool:
        """Wait until what was remembered is on the disk. False: it is not, as there is trouble."""
        with trio.move_on_after(_DURABLE_WITHIN):
            await self._house.recorder.settled()
            return self._house.recorder.state.error is None
        return False

    def _ready(self, wish: Wish) -> _Ready | NotEdited:
        """Read the files, plan the edit and judge it. Writes nothing."""
        sources = self._sources
        files = read_files(sources.path, sources.environ)
        if isinstance(files, Rejected):
            return unreadable(files)
        before = load(sources.path, environ=sources.environ, builtin=sources.builtin, texts=files.texts)
        config = None if isinstance(before, Rejected) else before.config
        stored = references(config) if config is not None else ()
        named = {str(ref.value) for _, ref in stored if ref.kind == "stored"}
        deposits = Deposits(sources.state_directory, named)
        edits = wish.plan(files, deposits)
        prepared = prepare(
            files,
            edits,
            environ=sources.environ,
            builtin=sources.builtin,
            allow_less=wish.allow_less,
        )
        if isinstance(prepared, NotEdited):
            return deposits.by_hand(prepared)
        return _Ready(prepared, config, deposits)


def _differences(ready: _Ready, redaction: Redaction) -> Iterator[tuple[Path, str]]:
    """Yield the files that an edit changes with what becomes different in them."""
    before, was_valid = ready.prepared.files.texts, ready.before is not None
    for path, text in ready.prepared.texts.items():
        yield path, difference(before.get(path, ""), text, redaction, was_valid=was_valid)


def _obstacle(prepared: Prepared, keeps: Path | None) -> str | None:
    """Return why the files of an edit could not be written. ``keeps``: a directory that something is to be kept in."""
    if keeps is not None and not os.access(keeps, os.W_OK | os.X_OK):
        return f"{keeps} may not be written."
    for path in prepared.texts:
        if (found := hindrance(path, prepared.files.main)) is not None:
            return f"{found.path} {found.sentence}."
    return None


def _written(ready: _Ready) -> NotEdited | None:
    """Store the secrets, then write the files; or say why nothing was written."""
    try:
        ready.deposits.store()
    except OSError as error:
        said = f"The secret cannot be stored: {error.strerror}. {_NOTHING}"
        prepared = ready.prepared
        return ready.deposits.by_hand(
            NotEdited("not writable", said, paste=prepared.paste, file=prepared.files.main)
        )
    done = commit(ready.prepared)
    if isinstance(done, NotEdited):
        with suppress(OSError):
            ready.deposits.take_back()
        return ready.deposits.by_hand(done)
    return None
