"""The listeners: bound before anything is promised, served each by a task of its own, changed while running.

A listener that leaves the file stops accepting at once; its running requests are let finish. Settings of a
listener that stays (base_path, serve, TLS) are looked up for each connection and request, so they change at once.
"""

import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time

import trio
from hypercorn.trio.worker_context import WorkerContext

from ccflared.config.model import Config, Listen, Server
from ccflared.config.protection import exposures
from ccflared.daemon.access import Door
from ccflared.daemon.certificates import Certificate, Certificates, Prepared
from ccflared.daemon.connection import Connection, guarded, hypercorn_settings, secured
from ccflared.daemon.http2 import connection as http2
from ccflared.daemon.protocol import Application
from ccflared.daemon.sockets import (
    Inherited,
    address_of,
    held_words,
    open_tcp,
    open_unix,
    reach_of,
    remove_unix,
    unclaimed_words,
    waiting_at,
)
from ccflared.errors import Refused

_UNIX_MODE = 0o666
"""A request listener asks for keys whoever connects, as a TCP port does; the directory may narrow it."""


MakeApp = Callable[[Callable[[], Door]], Application]
"""Makes the application of one listener, given how to ask for its settings."""


Serve = Callable[[trio.SocketStream], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Bound:
    """One entry of ``listen`` with its open sockets."""

    listen: Listen
    sockets: list[socket.socket]
    door: Door
    certificate: Certificate | None
    context: WorkerContext = field(default_factory=lambda: WorkerContext(None))
    accepting: trio.CancelScope = field(default_factory=trio.CancelScope)
    file: tuple[Path, int] | None = None
    """The socket's file and inode, to be removed at the end; None where it was handed in."""
    handed: bool = False
    """The service manager holds it, too, and keeps who waits there for the next process."""
    serve: Serve | None = None
    """Serves a connection, once it accepts."""
    addresses: list[str] = field(init=False)
    """The addresses that are really bound, ports included; known also when the sockets have been given back."""

    def __post_init__(self) -> None:
        self.addresses = [address_of(bound) for bound in self.sockets]

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How TLS is spoken with a connection that comes now; None: not at all."""
        return None if self.certificate is None else self.certificate.context

    def close(self) -> None:
        """Stop accepting and give the sockets back, at once. Connections that were accepted live on."""
        # A cancelled accept has let go of its descriptor by the time this returns, so closing is safe.
        self.accepting.cancel()
        for bound in self.sockets:
            bound.close()
        if self.file is not None:
            remove_unix(*self.file)


@dataclass(frozen=True, slots=True)
class Change:
    """What a new configuration means for the listeners: opened already, not yet in force."""

    kept: list[tuple[Bound, Listen, Door, Certificate | None]]
    added: list[Bound]
    removed: list[Bound]
    certificates: Prepared

    def undo(self) -> None:
        """Close what was opened for it."""
        for bound in self.added:
            bound.close()


class Listeners:
    """All listeners of the request and administration planes."""

    def __init__(self) -> None:
        self._make_app: MakeApp | None = None
        self._settings = hypercorn_settings()
        self._inherited: list[Inherited] = []
        self._handed: Sequence[Inherited] = ()
        self._connections: trio.Nursery | None = None
        self.bound: list[Bound] = []
        self.ended = trio.Event()
        """Set when all have retired and their connections have ended."""
        self.certificates = Certificates()

    @property
    def places(self) -> list[tuple[Door, str]]:
        """Each address that is really bound, with the settings of its listener."""
        return [(bound.door, address) for bound in self.bound for address in bound.addresses]

    def answer_with(self, make_app: MakeApp) -> None:
        """Say what answers requests; to be called before :meth:`run`."""
        self._make_app = make_app

    def inherit(self, handed: Sequence[Inherited], control: Inherited | None = None) -> None:
        """Take over sockets of the service manager, but for that of ``control``; entries of ``listen`` claim them."""
        self._handed = handed
        self._inherited = [item for item in handed if item is not control]

    def unclaimed(self, server: Server) -> tuple[str, ...]:
        """Say of which sockets that were handed in nobody makes use, and what to do."""
        wanted = self._wanted(server)
        return tuple(unclaimed_words(item) for item in self._inherited if item.address not in wanted)

    def prepare(self, config: Config) -> Change:
        """Open what a configuration asks for and is not open yet. Raises Refused, and has then changed nothing."""
        server = config.server
        wanted = self._wanted(server)
        # The file was judged by its own entries; what the service manager handed in is judged here.
        if exposed := exposures(config, [listen for listen in wanted.values() if not self._proven(listen)]):
            raise Refused(str(exposed[0]))
        current = {bound.listen.address: bound for bound in self.bound}
        pairs = {listen: tls for listen in wanted.values() if (tls := listen.tls or server.tls)}
        certificates = self.certificates.prepare(pairs.values(), time())
        leaving = [bound for address, bound in current.items() if address not in wanted]
        change = Change([], [], leaving, certificates)
        blocked: list[tuple[Listen, str, Certificate | None]] = []
        try:
            for listen in wanted.values():
                shown = certificates.all[pairs[listen]] if listen in pairs else None
                base_path = server.base_path if listen.base_path is None else listen.base_path
                if known := current.get(listen.address):
                    door = Door(listen.address, known.door.reach, listen.serve, base_path, shown is not None)
                    change.kept.append((known, listen, door, shown))
                elif _in_the_way(listen, change.removed):
                    blocked.append((listen, base_path, shown))
                else:
                    change.added.append(self._open(listen, base_path, shown))
            self._take_over(blocked, change)
        except BaseException:
            change.undo()
            raise
        return change

    def _take_over(self, blocked: list[tuple[Listen, str, Certificate | None]], change: Change) -> None:
        """Open what only our own, leaving listeners stand in the way of: 0.0.0.0:8080 after 127.0.0.1:8080, say.

        They have to be closed first; if it fails all the same, they are opened again. Done last, when nothing else
        can fail any more.
        """
        leaving = [old for old in change.removed if any(_in_the_way(listen, [old]) for listen, *_ in blocked)]
        for old in leaving:
            old.close()
        try:
            change.added.extend(self._open(*entry) for entry in blocked)
        except Refused:
            for old in leaving:
                again = self._open(old.listen, old.door.base_path, old.certificate)
                again.context = old.context
                self.bound[self.bound.index(old)] = again
                self._serve(again)
            raise

    def apply(self, change: Change) -> list[str]:
        """Put a prepared change in force: new listeners accept, removed ones stop.

        Return which certificates were renewed, in words.
        """
        for bound, listen, door, certificate in change.kept:
            bound.listen, bound.door, bound.certificate = listen, door, certificate
        self.bound = [bound for bound, *_ in change.kept] + change.added
        renewed = self._certify(change.certificates)
        for bound in change.added:
            self._serve(bound)
        for bound in change.removed:
            self._retire(bound)
        return renewed

    def renew(self) -> list[str]:
        """Take in certificates that were renewed, though nothing else changes; return which, in words."""
        return self._certify(self.certificates.prepare([each.tls for each in self.certificates], time()))

    def _certify(self, prepared: Prepared) -> list[str]:
        shown = [
            (bound.certificate.tls, address)
            for bound in self.bound
            if bound.certificate
            for address in bound.addresses
        ]
        return self.certificates.apply(prepared, shown)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled, or until all listeners were retired and their connections have ended."""
        async with trio.open_nursery() as connections:
            self._connections = connections
            for bound in self.bound:
                self._serve(bound)
            task_status.started()
        self.ended.set()

    def retire(self) -> None:
        """Stop accepting everywhere and let idle connections end; running requests are let finish."""
        for bound in self.bound:
            self._retire(bound)

    def close(self) -> None:
        """Give back every socket."""
        for bound in self.bound:
            bound.close()

    def _proven(self, listen: Listen) -> bool:
        """Whether an inherited socket is known to be bound to loopback alone, whatever its address looks like."""
        handed = next((item for item in self._inherited if item.address == listen.address), None)
        return handed is not None and reach_of(handed.socket) == "loopback"

    def _wanted(self, server: Server) -> dict[str, Listen]:
        if not server.listen_given and self._inherited:
            return {item.address: Listen(item.address) for item in self._inherited}
        wanted: dict[str, Listen] = {}
        named = {listen.address for listen in server.listen}
        for listen in server.listen:
            if listen.address != "systemd":
                wanted[listen.address] = listen
                continue
            for item in self._inherited:
                if item.address not in named:
                    wanted[item.address] = Listen(item.address, listen.tls, listen.base_path, listen.serve)
        return wanted

    def _open(self, listen: Listen, base_path: str, tls: Certificate | None) -> Bound:
        handed = next((item for item in self._inherited if item.address == listen.address), None)
        file = None
        if handed is not None:
            sockets = [handed.socket.dup()]
        elif listen.address.startswith("unix:"):
            path = Path(listen.address.removeprefix("unix:"))
            sockets = [open_unix(path, _UNIX_MODE)]
            file = (path, path.lstat().st_ino)
        else:
            sockets = self._bind(listen.address)
        reaches = {reach_of(bound) for bound in sockets}
        reach = reaches.pop() if len(reaches) == 1 else "network"
        door = Door(listen.address, reach, listen.serve, base_path, tls is not None)
        return Bound(listen, sockets, door, tls, file=file, handed=handed is not None)

    def _bind(self, address: str) -> list[socket.socket]:
        try:
            return open_tcp(address)
        except Refused as error:
            taken = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
            if not taken or (said := held_words(address, self._handed)) is None:
                raise
            raise Refused(said) from error

    def _serve(self, bound: Bound) -> None:
        if self._connections is not None and self._make_app is not None:
            app = self._make_app(lambda: bound.door)
            self._connections.start_soon(self._accept, bound, app, self._connections)

    def _retire(self, bound: Bound) -> None:
        # Private to Hypercorn's context, but the one way to set it without awaiting.
        bound.context.terminated._event.set()  # type: ignore[attr-defined]  # noqa: SLF001
        if not bound.handed and bound.serve is not None and self._connections is not None:
            # Who waits to be accepted would be reset; of a socket that was handed in, the next process finds them.
            for waiting in (one for listening in bound.sockets for one in waiting_at(listening)):
                self._connections.start_soon(bound.serve, trio.SocketStream(waiting))
        bound.close()

    async def _accept(self, bound: Bound, app: Application, connections: trio.Nursery) -> None:
        async def serve(plain: trio.SocketStream) -> None:
            if bound.tls is None:
                await Connection(app, self._settings, bound.context, plain).run()
            else:
                stream = trio.SSLStream(plain, bound.tls, server_side=True, https_compatible=True)
                await self._converse(app, bound.context, stream)

        bound.serve = serve
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(item)) for item in bound.sockets]
        with bound.accepting:
            await trio.serve_listeners(serve, listeners, handler_nursery=connections)

    async def _converse(
        self, app: Application, context: WorkerContext, stream: trio.SSLStream[trio.SocketStream]
    ) -> None:
        """Serve a connection over TLS in the protocol that both sides agree on."""
        agreed = False
        with guarded():
            agreed = await secured(stream)
        if not agreed:
            stream.transport_stream.socket.close()
        elif stream.selected_alpn_protocol() == "h2":
            await http2.Connection(app, context, stream).run()
        else:
            await Connection(app, self._settings, context, stream).run()


def _in_the_way(listen: Listen, leaving: list[Bound]) -> bool:
    """Whether one of the leaving listeners has the port that ``listen`` asks for."""
    port = listen.address.rpartition(":")[2]
    taken = {address.rpartition(":")[2] for old in leaving for address in old.addresses}
    return not listen.address.startswith("unix:") and port != "0" and port in taken
