"""Hot reload: watches the files, builds the new world whole, swaps it in, or says why not.

A bad file never replaces a good one, and a running request never notices. Nothing is in force before everything
that could fail has been done: reading, checking, reading secrets, opening listeners, loading certificates.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Final, TypeVar

import trio
from watchfiles import awatch
from watchfiles._rust_notify import WatchfilesRustInternalError

from ccflared.config.changes import changes, losses
from ccflared.config.load import Loaded, Rejected, Secrets, load, read_secrets, references
from ccflared.config.load.reading import read_regular
from ccflared.config.model import Provider
from ccflared.config.words import dotted
from ccflared.daemon import logs
from ccflared.daemon.about import about
from ccflared.daemon.faults import FAULTS
from ccflared.daemon.house import House
from ccflared.daemon.server import Listeners
from ccflared.daemon.surroundings import single_files
from ccflared.daemon.verdicts import Cause, Verdict
from ccflared.daemon.world import World, shared_keys
from ccflared.errors import Refused
from ccflared.money.pricing import PriceTable
from ccflared.money.unpriced import unpriced
from ccflared.store.renaming import Renaming

log = logging.getLogger("ccflared.reload")

T = TypeVar("T")

_STABLE_SECONDS: Final = 0.5
_POLL_MS: Final = 4000
_ARMED_AFTER: Final = 0.2
_KEPT: Final = 100
_LISTED: Final = 8
"""Changes that the log names; ``ccflared reload --log`` names all."""
_LARGEST_WATCHED: Final = 8 * 1024 * 1024

Sights = dict[Path, str]
"""What the watched paths look like: each with a digest of its content."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where configurations come from; fixed for the daemon's life."""

    path: Path
    environ: Mapping[str, str]
    builtin: Mapping[str, Provider]
    state_directory: Path


class Reloads:
    """Applies configurations, one at a time, and remembers what came of them."""

    def __init__(self, sources: Sources, house: House, listeners: Listeners, first: Verdict) -> None:
        self._sources = sources
        self._house = house
        self._listeners = listeners
        self._one_at_a_time = trio.Lock()
        self._watched: frozenset[Path] = house.world.loaded.watch | house.world.secrets.files
        self._rearm = trio.CancelScope()
        self._judged: Sights = {}
        self._read: Sights = dict(house.world.loaded.digests)
        house.metrics.judged(first)
        house.metrics.certificates = listeners.certificates
        self.applied = first
        """The verdict in force."""
        self.pending_restart: tuple[str, ...] = ()
        """Keys whose change waits for a restart."""
        self.log: deque[Verdict] = deque([first], maxlen=_KEPT)
        """Newest first."""
        self.judged_at_last: Callable[[], object] = lambda: None
        """Called after each verdict."""

    @property
    def refused(self) -> Verdict | None:
        """The verdict on the file as it stands now, if it was refused."""
        return None if self.log[0].applied else self.log[0]

    def judged(self, file: Path) -> str | None:
        """Return what a watched file looked like when it was judged: the SHA-256 of its content, hexadecimal."""
        return self._judged.get(file) or self._read.get(file)

    async def reload(self, cause: Cause, *, allow_less: bool = False) -> Verdict:
        """Read the files and apply them, or refuse them; returns the verdict.

        What was judged already is not judged again because it is seen to have changed, only when asked for.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._one_at_a_time)
            for name in sorted(self._house.renames.names):
                # Nobody renews the tokens of an account while they get another name.
                await stack.enter_async_context(self._house.custody.lock(name))
            seen = await self._look()
            if cause == "file" and not _differ(seen, self._judged):
                return self.log[0]
            number = self.log[0].number + 1
            try:
                world = await self._build(cause, number, allow_less=allow_less)
            except Exception:
                # What is in force stays in force, and running answers go on, even if checking a file fails.
                fault = FAULTS.handled()
                log.exception(
                    "a fault of ccflared while it read the configuration: %s",
                    fault.name,
                    exc_info=fault.new,
                    extra=about("fault"),
                )
                problem = "a fault of ccflared while it read the files; its log says more"
                world = Verdict(number, time(), cause, applied=False, problem=problem)
            verdict = world if isinstance(world, Verdict) else self._put_in_force(world, number, cause)
            if not verdict.applied:
                await self._reread_secrets()
                for renewed in self._listeners.renew():
                    log.info("%s", renewed, extra=about("certificate"))
            # What is to be watched besides is known from now on; the rest as it was before, or as it was read: a
            # change that came meanwhile must not be taken for old.
            self._judged = await self._look() | seen | self._read
            self.log.appendleft(verdict)
            self._house.metrics.judged(verdict)
            self.judged_at_last()
            self._listeners.certificates.tell(time())
            if verdict.applied:
                await self._house.carry()
                known, self.applied = self.applied.warnings, verdict
                log.info("%s%s", verdict.sentence, _listed(verdict.changes), extra=about("configuration"))
                for warning in verdict.warnings:
                    if warning not in known:
                        log.warning("%s", warning, extra=about("configuration"))
            else:
                log.error("%s", verdict.sentence, extra=about("configuration"))
            return verdict

    async def expect(self, renaming: Renaming) -> None:
        """Let the next reload that finds a new name in the file know whose it is. Durable once the recorder settled.

        Between two reloads: one that is reading the file would see the name and not know it.
        """
        async with self._one_at_a_time:
            self._house.renames.begin(renaming)

    async def watch(self) -> None:
        """Reload whenever what the configuration was read from has changed and has been stable for a while."""
        self._judged = await self._look() | self._read
        while True:
            with trio.CancelScope() as self._rearm:
                await self._wait_for_change()
            seen = await self._look()
            while True:
                await trio.sleep(_STABLE_SECONDS)
                again = await self._look()
                if not _differ(again, seen):
                    break
                seen = again
            if _differ(seen, self._judged):
                await self.reload("file")

    async def _build(self, cause: Cause, number: int, *, allow_less: bool) -> World | Verdict:
        """Return the world that the files describe, or why it may not be."""
        at = time()
        sources, house = self._sources, self._house
        loaded = await _aside(lambda: load(sources.path, environ=sources.environ, builtin=sources.builtin))
        self._read = dict(loaded.digests)
        if isinstance(loaded, Rejected):
            self._watch(house.world.loaded.watch | house.world.secrets.files | loaded.watch)
            return Verdict(number, at, cause, applied=False, mistakes=loaded.mistakes)
        serving = {each.tls for each in self._listeners.certificates}
        if bad := tuple(mistake for tls, mistake in loaded.unusable.items() if tls not in serving):
            self._watch(house.world.loaded.watch | house.world.secrets.files | loaded.watch)
            return Verdict(number, at, cause, applied=False, mistakes=bad)
        lost = losses(house.world.config, loaded.config)
        if lost and not allow_less:
            return Verdict(number, at, cause, applied=False, losses=lost)
        secrets = await _aside(
            lambda: read_secrets(
                loaded.config,
                environ=sources.environ,
                state_directory=sources.state_directory,
                previous=house.world.secrets,
            )
        )
        if house.custody.trouble is not None:
            await house.custody.open()
        return house.prospect(loaded, secrets)

    async def _reread_secrets(self) -> None:
        """Take in credentials that were renewed, though the file that names them is not taken over as it stands now."""
        house, sources = self._house, self._sources
        world = house.world
        secrets = await _aside(
            lambda: read_secrets(
                world.config,
                environ=sources.environ,
                state_directory=sources.state_directory,
                previous=world.secrets,
            )
        )
        if secrets != world.secrets:
            house.move(house.prospect(world.loaded, secrets), as_it_stands=False)

    def _put_in_force(self, world: World, number: int, cause: Cause) -> Verdict:
        at = time()
        try:
            return self._apply(world, number, at, cause)
        except Refused as error:
            return Verdict(number, at, cause, applied=False, problem=str(error))

    def _apply(self, world: World, number: int, at: float, cause: Cause) -> Verdict:
        """Put a world in force. Raises Refused, and has then changed nothing. No checkpoint lies in between."""
        before = self._house.world
        found = changes(before.config, world.config, old_secrets=before.secrets, new_secrets=world.secrets)
        prepared = self._listeners.prepare(world.config)
        renewed = self._listeners.apply(prepared)
        self._house.move(world)
        logs.set_up(world.config.log, self._sources.environ)
        self._watch(world.loaded.watch | world.secrets.files)
        restart = tuple(change.key for change in found if change.needs_restart)
        self.pending_restart = tuple(dict.fromkeys([*self.pending_restart, *restart]))
        return Verdict(
            number,
            at,
            cause,
            applied=True,
            changes=(*(str(change) for change in found), *renewed),
            needs_restart=restart,
            warnings=(
                *warnings(
                    world.loaded, world.secrets, self._house.price_lists.table(world.config.price_list, at)
                ),
                *self._listeners.unclaimed(world.config.server),
            ),
            certificates=self._listeners.certificates.warnings(at),
        )

    def _watch(self, paths: frozenset[Path]) -> None:
        if paths != self._watched:
            self._watched = paths
            self._rearm.cancel()

    async def _look(self) -> Sights:
        watched = self._watched
        return await _aside(lambda: _sights(watched))

    async def _wait_for_change(self) -> None:
        """Return when something may have changed: the system says so, or a slow look tells."""
        watched = self._watched
        directories = await _aside(lambda: _directories(watched))
        stop = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_set_when_cancelled, stop)
                nursery.start_soon(self._look_again, nursery.cancel_scope)
                events = awatch(
                    *directories,
                    recursive=False,
                    debounce=50,
                    step=20,
                    rust_timeout=_POLL_MS,
                    yield_on_timeout=True,
                    stop_event=stop,
                )
                async with aclosing(events):
                    async for _ in events:
                        if _differ(await self._look(), self._judged):
                            nursery.cancel_scope.cancel()
                            return
        except* (OSError, WatchfilesRustInternalError) as error:
            log.warning(
                "cannot watch the directories (%s); looking at them now and then",
                error.exceptions[0],
                extra=about("configuration"),
            )
            while not _differ(await self._look(), self._judged):  # noqa: ASYNC110 - no event tells of a file
                await trio.sleep(_POLL_MS / 1000)

    async def _look_again(self, waiting: trio.CancelScope) -> None:
        """Catch what changed after the last look and before the system began to watch."""
        await trio.sleep(_ARMED_AFTER)
        if _differ(await self._look(), self._judged):
            waiting.cancel()


def _listed(changes: Sequence[str]) -> str:
    """Return what has changed as the end of a line; of many the first."""
    if not changes:
        return ""
    more = f"; and {len(changes) - _LISTED} more (ccflared reload --log)" if len(changes) > _LISTED else ""
    return f" ({'; '.join(changes[:_LISTED])}{more})"


def warnings(loaded: Loaded, secrets: Secrets, listed: PriceTable | None) -> tuple[str, ...]:
    """Return what is not wrong with a configuration but should be known: secrets that cannot be read, say.

    ``listed``: the price list that counts, if one does.
    """
    told = [*map(str, loaded.warnings), *single_files(loaded.files)]
    for path, ref in references(loaded.config):
        if problem := secrets.problem(ref):
            told.append(f"{dotted(path)}: {problem}")
    return (*told, *shared_keys(loaded.config, secrets), *unpriced(loaded.config, listed))


async def _set_when_cancelled(stop: trio.Event) -> None:
    """Stop the watching thread, which looks at ``stop`` alone; else a cancelled wait would last until its time-out."""
    try:
        await trio.sleep_forever()
    finally:
        stop.set()


async def _aside(read: Callable[[], T]) -> T:
    """Read files in a thread. A disk that does not answer must not keep the daemon from ending."""
    return await trio.to_thread.run_sync(read, abandon_on_cancel=True)


def _sights(paths: frozenset[Path]) -> Sights:
    return {path: _sight(path) for path in paths}


def _differ(one: Sights, other: Sights) -> bool:
    """Whether a path that is in both looks different."""
    return any(path in other and other[path] != sight for path, sight in one.items())


def _sight(path: Path) -> str:
    try:
        if _is_directory(path):
            return " ".join(sorted(entry.name for entry in path.iterdir()))
        content, _ = read_regular(path, _LARGEST_WATCHED)
        return sha256(content).hexdigest()
    except OSError as error:
        return f"error {error.errno}"


def _directories(paths: frozenset[Path]) -> list[Path]:
    """Return the directories to watch: editors replace files, and ConfigMaps swap a link beside them."""
    wanted = set()
    for path in paths:
        for place in (path, Path(os.path.realpath(path))):
            wanted.add(place if _is_directory(place) else place.parent)
    return sorted(directory for directory in wanted if _is_directory(directory))


def _is_directory(path: Path) -> bool:
    """Say whether it is one; what cannot be asked is none, such as a link in a circle or a name that is too long."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir() raises then
