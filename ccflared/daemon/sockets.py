"""Opening, inheriting and giving back the sockets that the daemon listens on. Nothing here is awaited."""

import os
import socket
import stat
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from ccflared.errors import Refused

BACKLOG: Final = 2048
_FIRST_FD: Final = 3

Reach = Literal["loopback", "network", "unix"]


@dataclass(frozen=True, slots=True)
class Inherited:
    """A listening socket handed in by the service manager (sd_listen_fds(3))."""

    name: str
    address: str
    socket: socket.socket


def inherited(environ: MutableMapping[str, str]) -> list[Inherited]:
    """Take over the sockets of LISTEN_FDS, if they are meant for this process; the variables are removed."""
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    taken = []
    for position in range(int(count)):
        fd = _FIRST_FD + position
        os.set_inheritable(fd, False)
        try:
            handed = socket.socket(fileno=fd)
        except OSError:
            continue  # a pipe or file, not ours to use
        if handed.type != socket.SOCK_STREAM:
            handed.close()
            continue
        handed.setblocking(False)
        # Sockets handed in by others than systemd may not listen yet; listening twice does no harm.
        handed.listen(BACKLOG)
        name = names[position] if position < len(names) else ""
        taken.append(Inherited(name, address_of(handed), handed))
    return taken


def address_of(bound: socket.socket) -> str:
    """Write a bound socket's address as ``listen`` does."""
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if bound.family == socket.AF_INET6 else name[0]
    return f"{host}:{name[1]}"


def reach_of(bound: socket.socket) -> Reach:
    """Say who can reach a bound socket: only a loopback address is loopback."""
    if bound.family == socket.AF_UNIX:
        return "unix"
    return "loopback" if ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback else "network"


def open_tcp(address: str) -> list[socket.socket]:
    """Bind ``HOST:PORT`` or ``[HOST]:PORT``; a name may stand for several addresses. Raises Refused."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    opened: list[socket.socket] = []
    try:
        infos = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
        # Several addresses of one name share the port that the first was given, if it was to be any.
        chosen = int(port)
        for family, kind, protocol, _, target in dict.fromkeys(infos):
            bound = socket.socket(family, kind, protocol)
            opened.append(bound)
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind((target[0], chosen, *target[2:]))
            chosen = bound.getsockname()[1]
            bound.listen(BACKLOG)
    except OSError as error:
        for bound in opened:
            bound.close()
        raise Refused(
            f"cannot listen on {address}: {error.strerror or error}{_advice(error, address)}"
        ) from error
    return opened


def open_unix(path: Path, mode: int, group: str = "") -> socket.socket:
    """Bind a Unix socket, replacing one that nobody serves any more. Raises Refused."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_stale(path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bound.setblocking(False)
            before = os.umask(0o177)
            try:
                bound.bind(str(path))
            finally:
                os.umask(before)
            if group:
                # Before the mode is widened, so that the wrong group never has access.
                os.chown(path, -1, _group_id(group))
            path.chmod(mode)
            bound.listen(BACKLOG)
        except BaseException:
            bound.close()
            raise
    except OSError as error:
        raise Refused(f"cannot listen on {path}: {error.strerror or error}") from error
    return bound


def remove_unix(path: Path, inode: int) -> None:
    """Remove a socket's file, if it is still the one that was bound."""
    try:
        if path.lstat().st_ino == inode:
            path.unlink()
    except OSError:
        pass  # gone already, or in a directory that is no longer ours


def pick(handed: Sequence[Inherited], name: str) -> Inherited | None:
    """Return the inherited socket of that FileDescriptorName=."""
    return next((item for item in handed if item.name == name), None)


def _clear_stale(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Refused(
            f"cannot listen on {path}: there is a file of that name that is no socket; move it away, or name "
            "another path"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise Refused(
        f"cannot listen on {path}: another program serves it, perhaps another ccflared: "
        f"`ccflared status --socket {path}` asks it. Stop that one, or name another path."
    )


def _group_id(group: str) -> int:
    import grp  # noqa: PLC0415 - not on every system

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise Refused(f"[control] group: there is no group {group!r} on this system") from None


def _advice(error: OSError, address: str) -> str:
    match error.errno:
        case 98 | 48:  # EADDRINUSE on Linux and macOS
            return f". Another program has it: see `ss -ltnp 'sport = :{address.rpartition(':')[2]}'`"
        case 99 | 49:  # EADDRNOTAVAIL
            return ". No network interface of this machine has that address"
        case 13:
            return ". Ports below 1024 need a privilege: use a higher one, or socket activation"
        case _:
            return ""
