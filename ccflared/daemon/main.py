"""The nursery tree, and nothing else. Nesting is lifetime: what ends last is opened first.

signals, then the state directory's lock, then BOOKS (the recorder: ends when everything is written), then SERVICES
(signals obeyed, control socket, reload watch, tokens renewed, watchdog), then FRONT (the listeners, and each request
below them).
"""

import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time

import trio

from ccflared import __version__
from ccflared.config.load import (
    Loaded,
    Rejected,
    control_socket,
    load,
    read_secrets,
    startable,
    state_directory,
)
from ccflared.config.report import Mistake
from ccflared.daemon import control, expiry, logs, pricing, silence, watchdog
from ccflared.daemon.about import about
from ccflared.daemon.alarms import lookout
from ccflared.daemon.app import Administration, App, Health
from ccflared.daemon.books.archive import Archive
from ccflared.daemon.books.payloads import Payloads
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.books.upkeep import Upkeep
from ccflared.daemon.connection import LINGER
from ccflared.daemon.control import Control
from ccflared.daemon.custody import Custody
from ccflared.daemon.directory import held
from ccflared.daemon.edits import Edits
from ccflared.daemon.feeds.live import Live
from ccflared.daemon.herald import Herald, starting
from ccflared.daemon.house import House
from ccflared.daemon.notify import Notifier
from ccflared.daemon.orders import Orders
from ccflared.daemon.page.addresses import addresses_of
from ccflared.daemon.page.cookie import cookie_name
from ccflared.daemon.page.files import dashboard
from ccflared.daemon.poller import Poller
from ccflared.daemon.price_list import KEPT, PriceLists
from ccflared.daemon.refresher import Refresher
from ccflared.daemon.reload import Reloads, Sources, warnings
from ccflared.daemon.renewing import Renewing
from ccflared.daemon.server import Listeners
from ccflared.daemon.sockets import Inherited, control_among, inherited
from ccflared.daemon.stopwatch import LOOP
from ccflared.daemon.surroundings import remarks
from ccflared.daemon.trust import UNTRUSTED, Trust
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.verdicts import Verdict
from ccflared.daemon.world import build
from ccflared.errors import CcflaredError
from ccflared.providers.presets import builtin
from ccflared.store.newer import refuse_newer
from ccflared.store.upgrade import Upgrade
from ccflared.store.vault import Vault

log = logging.getLogger("ccflared.daemon")

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_BOOKS_SECONDS = 10.0
"""How long a stop waits for rows to be written, beyond what the recorder allows itself."""
_CLOSING = 0.2
"""Seconds for which a stop waits for connections that are being closed."""


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
    manager, orders = Notifier(environ), Orders()
    with ExitStack() as stack:
        if signals is None:
            signals = stack.enter_context(trio.open_signal_receiver(*_SIGNALS))
        loaded = _loaded(path, environ)
        logs.set_up(loaded.config.log, environ)
        live = Live()
        stack.enter_context(live.log.kept())
        directory = state_directory(loaded.config, environ)
        refuse_newer(directory, __version__)
        stack.enter_context(held(directory))
        sources = Sources(path, environ, builtin(), directory)
        recorder = Recorder(directory / "ccflared.db")
        payloads = Payloads(directory / "payloads.db")
        upgrade = Upgrade(partial(log.info, "%s", extra=about("start")))
        custody = Custody(Vault(directory / "tokens.db", upgrade=upgrade))
        trust = Trust(directory / UNTRUSTED)
        trust.read()
        async with trio.open_nursery() as books:
            books.start_soon(orders.obey, signals)
            try:
                if not await _opened(books, recorder, custody, orders, manager):
                    return
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
                with starting(manager, books, lambda: "reading what was learnt before"):
                    await books.start(payloads.run)
                    await running.house.recall()
                await _services(running, manager, make_api, orders, task_status)
            finally:
                orders.enough()
                recorder.close()
                payloads.close()
                if orders.stop.is_set():
                    manager.patience(3 * _BOOKS_SECONDS, "Stopping: writing the rest of the history")
                books.cancel_scope.deadline = trio.current_time() + _BOOKS_SECONDS


def _loaded(path: Path, environ: MutableMapping[str, str]) -> Loaded:
    loaded = startable(load(path, environ=environ, builtin=builtin()))
    if isinstance(loaded, Rejected):
        raise InvalidConfiguration(loaded.mistakes)
    return loaded


async def _opened(
    books: trio.Nursery, recorder: Recorder, custody: Custody, orders: Orders, manager: Notifier
) -> bool:
    """Open tokens and history, however long that takes. False: told to stop meanwhile."""
    async with trio.open_nursery() as early:
        early.start_soon(orders.break_off, early.cancel_scope, recorder.pen)
        with starting(manager, early, lambda: "opening the tokens"):
            await custody.open()
        with starting(manager, early, lambda: recorder.upgrade.under_way or "opening the history"):
            await books.start(recorder.run)
        early.cancel_scope.cancel()
    if orders.stop.is_set():
        log.info("stopping: told so during the start", extra=about("stop"))
        return False
    return True


async def _services(
    running: Running,
    manager: Notifier,
    make_api: MakeApi,
    orders: Orders,
    task_status: trio.TaskStatus[Running],
) -> None:
    administration, health = make_api(running)
    files = dashboard()
    running.listeners.answer_with(lambda door: App(running.house, door, administration, health, files))
    herald = Herald(manager, running.house, running.reloads, running.listeners)
    try:
        async with trio.open_nursery() as services:
            own = App(running.house, lambda: control.DOOR, administration, health, files)
            services.start_soon(running.control.run, own)
            services.start_soon(_reload_for, orders.hangups, running, herald)
            services.start_soon(running.reloads.watch)
            services.start_soon(Refresher(running.house).run)
            services.start_soon(Renewing(running.house).run)
            services.start_soon(running.poller.run)
            services.start_soon(running.upkeep.run)
            services.start_soon(silence.watch, running.house)
            services.start_soon(expiry.watch, running.listeners)
            services.start_soon(pricing.keep, running.house)
            services.start_soon(lookout.watch, running.house)
            services.start_soon(running.house.webhook.run)
            services.start_soon(running.house.metrics.watch_loop)
            if not running.house.recalled:
                services.start_soon(running.house.recall_later)
            services.start_soon(watchdog.watch, manager, running.house.recorder)
            try:
                async with trio.open_nursery() as front:
                    await front.start(running.listeners.run)
                    sources = running.sources
                    control.leave_word(sources.state_directory, sources.path, running.control.path)
                    _announce(running)
                    herald.ready()
                    services.start_soon(herald.keep_told)
                    task_status.started(running)
                    await orders.stop.wait()
                    await _drain(running, front, orders, herald)
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
    path = control_socket(loaded.config, environ)
    control_fd = control_among(handed, path)
    listeners.inherit(handed, control_fd)
    listeners.apply(listeners.prepare(loaded.config))
    try:
        socket = control.open_control(loaded.config, path, control_fd)
    except BaseException:
        listeners.close()
        raise
    known = (*warnings(loaded, secrets, listed), *listeners.unclaimed(loaded.config.server))
    first = Verdict(1, time(), "start", applied=True, warnings=known)
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


async def _reload_for(signals: trio.MemoryReceiveChannel[None], running: Running, herald: Herald) -> None:
    """Reload beside the signals: a disk that does not answer must not keep a stop from being heard.

    Only for a signal the manager is told of a reload: with `ccflared reload` as ExecReload= it waits for that anyway.
    """
    async for _ in signals:
        herald.manager.reloading()
        try:
            await running.reloads.reload("signal")
        finally:
            herald.ready()


async def _drain(running: Running, front: trio.Nursery, orders: Orders, herald: Herald) -> None:
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
    herald.stopping(seconds)
    running.listeners.retire()
    deadline = front.cancel_scope.deadline = trio.current_time() + seconds
    front.start_soon(herald.ask_for_patience, deadline)
    front.start_soon(_end_at_once, front.cancel_scope, orders)
    with trio.move_on_after(LINGER + _CLOSING):
        await running.listeners.ended.wait()
    if house.under_way.requests:
        await house.under_way.emptied()
        # Everything was answered; connections that are just being closed get a moment for it.
        with trio.move_on_after(_CLOSING):
            await running.listeners.ended.wait()
    front.cancel_scope.cancel()


async def _end_at_once(scope: trio.CancelScope, orders: Orders) -> None:
    await orders.at_once.wait()
    log.warning("told to stop a second time: ending at once", extra=about("stop"))
    scope.cancel()


def _announce(running: Running) -> None:
    for bound in running.listeners.bound:
        for address in bound.addresses:
            log.info("listening on %s%s", address, " (TLS)" if bound.door.tls else "", extra=about("start"))
    for nearest in addresses_of(running.listeners.places)[:1]:
        log.info("the dashboard is at %s", nearest.url, extra=about("start"))
    for warning in running.reloads.applied.warnings:
        log.warning("%s", warning, extra=about("configuration"))
    for remark in remarks(
        running.house.world.config, running.sources.state_directory, running.sources.environ
    ):
        log.warning("%s", remark, extra=about("start"))
    log.info("ready: process %d, configuration %s", os.getpid(), running.sources.path, extra=about("start"))
