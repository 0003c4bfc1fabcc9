"""The nursery tree, and nothing else. Nesting is lifetime: what ends last is opened first.

signals, then the state directory's lock, then BOOKS (the recorder: ends when everything is written), then SERVICES
(signals obeyed, control socket, reload watch, tokens renewed, watchdog), then FRONT (the listeners, and each request
below them).
"""

import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

import trio

from ccflared.config.load import Loaded, Rejected, control_socket, load, read_secrets, state_directory
from ccflared.config.report import Mistake
from ccflared.daemon import control, logs, pricing, silence
from ccflared.daemon.about import about
from ccflared.daemon.alarms import lookout
from ccflared.daemon.app import Administration, App, Health
from ccflared.daemon.books.archive import Archive
from ccflared.daemon.books.payloads import Payloads
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.books.upkeep import Upkeep
from ccflared.daemon.control import Control
from ccflared.daemon.custody import Custody
from ccflared.daemon.directory import held
from ccflared.daemon.edits import Edits
from ccflared.daemon.feeds.live import Live
from ccflared.daemon.house import House
from ccflared.daemon.notify import Notifier
from ccflared.daemon.page.addresses import addresses_of
from ccflared.daemon.page.cookie import cookie_name
from ccflared.daemon.page.files import dashboard
from ccflared.daemon.poller import Poller
from ccflared.daemon.price_list import KEPT, PriceLists
from ccflared.daemon.refresher import Refresher
from ccflared.daemon.reload import Reloads, Sources, warnings
from ccflared.daemon.renewing import Renewing
from ccflared.daemon.server import Listeners
from ccflared.daemon.sockets import Inherited, inherited, pick
from ccflared.daemon.stopwatch import LOOP
from ccflared.daemon.trust import UNTRUSTED, Trust
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.verdicts import Verdict
from ccflared.daemon.world import build
from ccflared.errors import CcflaredError
from ccflared.providers.presets import builtin
from ccflared.store.vault import Vault

log = logging.getLogger("ccflared.daemon")

_BOOKS_SECONDS = 10.0
"""How long a stop waits for rows to be written, beyond what the recorder allows itself."""


class InvalidConfiguration(CcflaredError):  # noqa: N818 - reads as the fact it states
    """The file the daemon was to start with has mistakes."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(f"{len(mistakes)} mistakes")
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that is up: what its API shows and what its tests look at."""

    house: House
    listeners: Listeners
    reloads: Reloads
    control: Control
    sources: Sources
    poller: Poller
    edits: Edits
    upkeep: Upkeep


MakeApi = Callable[[Running], tuple[Administration, Health]]


async def run(
    path: Path,
    environ: MutableMapping[str, str],
    make_api: MakeApi,
    *,
    signals: AsyncIterator[int] | None = None,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the daemon with the file at ``path`` until it is told to stop.

    ``signals`` are the numbers of signals received, the process's own by default. Started once every listener is
    bound. Raises InvalidConfiguration, Refused, UsageError before that.
    """
    LOOP.watch()
    with ExitStack() as stack:
        if signals is None:
            signals = stack.enter_context(
                trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
            )
        loaded = load(path, environ=environ, builtin=builtin())
        if isinstance(loaded, Rejected):
            raise InvalidConfiguration(loaded.mistakes)
        logs.set_up(loaded.config.log, environ)
        live = Live()
        stack.enter_context(live.log.kept())
        directory = state_directory(loaded.config, environ)
        stack.enter_context(held(directory))
        sources = Sources(path, environ, builtin(), directory)
        recorder = Recorder(directory / "ccflared.db")
        payloads = Payloads(directory / "payloads.db")
        custody = Custody(Vault(directory / "tokens.db"))
        await custody.open()
        trust = Trust(directory / UNTRUSTED)
        trust.read()
        async with trio.open_nursery() as books:
            await books.start(recorder.run)
            try:
                running = _assemble(
                    loaded,
                    sources,
                    recorder,
                    custody,
                    payloads=payloads,
                    trust=trust,
                    live=live,
                    handed=inherited(environ),
                )
                await books.start(payloads.run)
                await running.house.recall()
                await _services(running, make_api, signals, task_status)
            finally:
                recorder.close()
                payloads.close()
                books.cancel_scope.deadline = trio.current_time() + _BOOKS_SECONDS


async def _services(
    running: Running,
    make_api: MakeApi,
    signals: AsyncIterator[int],
    task_status: trio.TaskStatus[Running],
) -> None:
    administration, health = make_api(running)
    files = dashboard()
    running.listeners.answer_with(lambda door: App(running.house, door, administration, health, files))
    manager = Notifier(running.sources.environ)
    stop = _Stop()
    try:
        async with trio.open_nursery() as services:
            own = App(running.house, lambda: control.DOOR, administration, health, files)
            services.start_soon(running.control.run, own)
            services.start_soon(_obey, signals, running, stop, manager)
            services.start_soon(running.reloads.watch)
            services.start_soon(Refresher(running.house).run)
            services.start_soon(Renewing(running.house).run)
            services.start_soon(running.poller.run)
            services.start_soon(running.upkeep.run)
            services.start_soon(silence.watch, running.house)
            services.start_soon(pricing.keep, running.house)
            services.start_soon(lookout.watch, running.house)
            services.start_soon(running.house.webhook.run)
            services.start_soon(running.house.metrics.watch_loop)
            if not running.house.recalled:
                services.start_soon(running.house.recall_later)
            services.start_soon(_watchdog, manager)
            try:
                async with trio.open_nursery() as front:
                    await front.start(running.listeners.run)
                    sources = running.sources
                    control.leave_word(sources.state_directory, sources.path, running.control.path)
                    _announce(running, manager)
                    task_status.started(running)
                    await stop.asked.wait()
                    await _drain(running, front, stop, manager)
            finally:
                running.listeners.close()
            services.cancel_scope.cancel()
    finally:
        # Only now: a token's renewal that was under way has been finished.
        running.house.upstream.close_idle()


def _assemble(
    loaded: Loaded,
    sources: Sources,
    recorder: Recorder,
    custody: Custody,
    *,
    payloads: Payloads,
    trust: Trust,
    live: Live,
    handed: Sequence[Inherited],
) -> Running:
    """Build everything and open every socket. Raises Refused, and has then left nothing open."""
    environ = sources.environ
    secrets = read_secrets(loaded.config, environ=environ, state_directory=sources.state_directory)
    price_lists = PriceLists(sources.state_directory / KEPT)
    price_lists.read()
    listed = price_lists.table(loaded.config.price_list, time())
    world = build(loaded, secrets, custody.grant, trust.distrusted, listed)
    house = House(
        world,
        recorder,
        Archive(sources.state_directory / "ccflared.db"),
        Upstream(),
        custody,
        payloads=payloads,
        trust=trust,
        price_lists=price_lists,
        started_at=time(),
        live=live,
    )
    house.entrance.sessions.cookie = cookie_name(sources.state_directory)
    listeners = Listeners()
    control_fd = pick(handed, "control")
    listeners.inherit([item for item in handed if item is not control_fd])
    listeners.apply(listeners.prepare(loaded.config))
    try:
        socket = control.open_control(loaded.config, control_socket(loaded.config, environ), control_fd)
    except BaseException:
        listeners.close()
        raise
    first = Verdict(1, time(), "start", applied=True, warnings=warnings(loaded, secrets, listed))
    reloads = Reloads(sources, house, listeners, first)
    return Running(
        house,
        listeners,
        reloads,
        socket,
        sources,
        Poller(house),
        Edits(sources, house, reloads),
        Upkeep(house, sources.state_directory),
    )


class _Stop:
    """The wish to stop, said once or twice."""

    def __init__(self) -> None:
        self.asked = trio.Event()
        self.at_once = trio.Event()

    def ask(self) -> None:
        """Take in one more wish."""
        if self.asked.is_set():
            self.at_once.set()
        self.asked.set()


async def _obey(signals: AsyncIterator[int], running: Running, stop: _Stop, manager: Notifier) -> None:
    send, receive = trio.open_memory_channel[None](1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_reload_for, receive, running, manager)
        async for number in signals:
            if number == signal.SIGHUP:
                # Many at once mean one reload, begun after the last of them.
                with suppress(trio.WouldBlock):
                    send.send_nowait(None)
            else:
                stop.ask()
        nursery.cancel_scope.cancel()


async def _reload_for(signals: trio.MemoryReceiveChannel[None], running: Running, manager: Notifier) -> None:
    """Reload beside the signals: a disk that does not answer must not keep a stop from being heard."""
    async for _ in signals:
        await running.reloads.reload("signal")
        manager.status(_status(running))


async def _watchdog(manager: Notifier) -> None:
    """Show that the loop turns, twice as often as the service manager asks for."""
    if manager.watchdog_seconds is None:
        return
    while True:
        manager.alive()
        await trio.sleep(manager.watchdog_seconds / 2)


async def _drain(running: Running, front: trio.Nursery, stop: _Stop, manager: Notifier) -> None:
    """Let running requests finish, for as long as the file says or until told a second time."""
    house = running.house
    seconds = house.world.config.server.drain
    house.draining = True
    house.live.close()
    running_now = "1 request" if house.under_way.requests == 1 else f"{house.under_way.requests} requests"
    if house.under_way.requests:
        log.info("stopping: %s running; waiting up to %g s", running_now, seconds, extra=about("stop"))
    else:
        log.info("stopping: nothing is running", extra=about("stop"))
    manager.stopping(f"Draining: {running_now} still running")
    running.listeners.retire()
    front.cancel_scope.deadline = trio.current_time() + seconds
    front.start_soon(_end_at_once, front.cancel_scope, stop)
    await house.under_way.emptied()
    # Everything was answered; connections that are just being closed get a moment for it.
    front.cancel_scope.deadline = min(front.cancel_scope.deadline, trio.current_time() + 0.2)


async def _end_at_once(scope: trio.CancelScope, stop: _Stop) -> None:
    await stop.at_once.wait()
    log.warning("told to stop a second time: ending at once", extra=about("stop"))
    scope.cancel()


def _announce(running: Running, manager: Notifier) -> None:
    for bound in running.listeners.bound:
        for address in bound.addresses:
            log.info("listening on %s%s", address, " (TLS)" if bound.door.tls else "", extra=about("start"))
    for nearest in addresses_of(running.listeners.places)[:1]:
        log.info("the dashboard is at %s", nearest.url, extra=about("start"))
    for warning in running.reloads.applied.warnings:
        log.warning("%s", warning, extra=about("configuration"))
    log.info("ready: process %d, configuration %s", os.getpid(), running.sources.path, extra=about("start"))
    manager.ready(_status(running))


def _status(running: Running) -> str:
    count = len(running.house.world.config.accounts)
    accounts = "1 account" if count == 1 else f"{count} accounts"
    if refused := running.reloads.refused:
        return f"Serving {accounts}; {refused.sentence}"
    return f"Serving {accounts}"
