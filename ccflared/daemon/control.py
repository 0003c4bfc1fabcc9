"""The control socket: the REST API for whoever can open it. Bound once; a change of it needs a restart."""

import logging
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import trio

from ccflared.config.model import Config, Listen
from ccflared.daemon.about import about
from ccflared.daemon.access import Door
from ccflared.daemon.connection import Connection, hypercorn_settings
from ccflared.daemon.protocol import Application
from ccflared.daemon.server import Bound
from ccflared.daemon.sockets import Inherited, open_unix

log = logging.getLogger("ccflared.control")

DOOR = Door("control", "control", frozenset({"admin"}))


@dataclass(frozen=True, slots=True)
class Control:
    """The bound control socket and where it lies."""

    path: Path
    bound: Bound

    async def run(self, app: Application) -> None:
        """Serve until cancelled. A client's connection ends with the daemon: nobody drains the control socket."""
        settings = hypercorn_settings()

        async def serve(stream: trio.SocketStream) -> None:
            await Connection(app, settings, self.bound.context, stream).run()

        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self.bound.sockets[0]))
        try:
            await trio.serve_listeners(serve, [listener])
        finally:
            self.bound.close()


def open_control(config: Config, path: Path, handed: Inherited | None) -> Control:
    """Bind the control socket, or take the one handed in. Raises Refused."""
    listen = Listen("control", serve=frozenset({"admin"}))
    if handed is not None:
        name = handed.socket.getsockname()
        return Control(
            Path(name if isinstance(name, str) else path), Bound(listen, [handed.socket], DOOR, None)
        )
    bound = open_unix(path, config.control.mode, config.control.group)
    return Control(path, Bound(listen, [bound], DOOR, None, file=(path, path.lstat().st_ino)))


def leave_word(state_directory: Path, config_file: Path, socket: Path) -> None:
    """Write down which control socket was last applied from this file, for commands that cannot read the file.

    A disk that is full is no reason not to serve: then the commands have to find the socket without it.
    """
    name = "control-socket-" + sha256(str(config_file.absolute()).encode()).hexdigest()[:16]
    written = state_directory / (name + ".new")
    try:
        written.write_text(str(socket) + "\n")
        written.replace(state_directory / name)
    except OSError as error:
        log.warning("cannot write %s: %s", written, error.strerror, extra=about("start"))
