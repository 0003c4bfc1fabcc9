"""Opening, inheriting and giving back the sockets that the daemon listens on. Nothing here is awaited."""

import errno
import os
import socket
import stat
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

import trio

from ccflared.config.load.reading import user_of
from ccflared.errors import Refused

BACKLOG: Final = 2048
CONTROL: Final = "control"
"""The FileDescriptorName= of the control socket."""
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
                _give_to(path, group)
            path.chmod(mode)
            bound.listen(BACKLOG)
        except BaseException:
            bound.close()
            raise
    except OSError as error:
        raise Refused(f"cannot listen on {path}: {error.strerror or error}") from error
    return bound


def waiting_at(listening: socket.socket) -> Iterator[trio.socket.SocketType]:
    """Yield those who have connected and were not accepted yet."""
    for _ in range(BACKLOG):
        try:
            accepted, _ = listening.accept()
        except OSError:
            return
        yield trio.socket.from_stdlib_socket(accepted)


def remove_unix(path: Path, inode: int) -> None:
    """Remove a socket's file, if it is still the one that was bound."""
    try:
        if path.lstat().st_ino == inode:
            path.unlink()
    except OSError:
        pass  # gone already, or in a directory that is no longer ours


def control_among(handed: Sequence[Inherited], path: Path) -> Inherited | None:
    """Return the control socket, if it was handed in: the Unix one named ``control``, else one at ``path``.

    FileDescriptorName= holds for all sockets of a unit, so that TCP ones of that name are no more than neighbours.
    """
    local = [item for item in handed if item.socket.family == socket.AF_UNIX]
    named = [item for item in local if item.name == CONTROL]
    return next(iter(named + [item for item in local if item.address == f"unix:{path}"]), None)


def unit_of(handed: Inherited) -> str:
    """Return the name of the socket unit that a socket is of, as far as that can be told."""
    if handed.name.endswith(".socket"):
        return handed.name
    try:
        # "0::/system.slice/ccflared.service": a socket unit has the name of its service unless it says otherwise.
        own = Path("/proc/self/cgroup").read_text().rstrip().rpartition("/")[2]
    except OSError:
        own = ""
    return f"{own.removesuffix('.service')}.socket" if own.endswith(".service") else "ccflared.socket"


def unclaimed_words(handed: Inherited) -> str:
    """Return what is to be said of a socket that no entry of ``listen`` is for."""
    unit = unit_of(handed)
    said = (
        f"nobody answers on {handed.address}, which the service manager holds open for ccflared ({unit}): no entry "
        f'of [server] listen is for it. Add "{handed.address}" there, or "systemd" for every such socket; or take it '
        f"out of the socket unit: `systemctl edit {unit}`"
    )
    if handed.socket.family == socket.AF_UNIX:
        said += f". Is it meant for the commands? Then the unit says FileDescriptorName={CONTROL}"
    return said


def held_words(address: str, handed: Sequence[Inherited]) -> str | None:
    """Return why an address that is taken may be so and what to do, if the service manager itself holds the port."""
    port = address.rpartition(":")[2]
    tcp = [item for item in handed if item.socket.family != socket.AF_UNIX]
    holder = next((item for item in tcp if item.address.rpartition(":")[2] == port), None)
    if holder is None:
        return None
    unit = unit_of(holder)
    beside = [item.address for item in handed if item.name == holder.name and item is not holder]
    places = [address, *(place.removeprefix("unix:") for place in beside)]
    lines = ["[Socket]", "ListenStream=", *(f"ListenStream={place}" for place in places)]
    return (
        f"cannot listen on {address}: the service manager holds {holder.address} for ccflared ({unit}). Name "
        f'"{holder.address}" in [server] listen; or have it hold the other address, by `systemctl edit {unit}` with '
        f"the lines {', '.join(f'`{line}`' for line in lines)}, and then "
        f"`systemctl stop {unit} {unit.removesuffix('.socket')}.service && "
        f"systemctl start {unit.removesuffix('.socket')}.service`"
    )


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


def _give_to(path: Path, group: str) -> None:
    import grp  # noqa: PLC0415 - not on every system

    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        raise Refused(f"[control] group: there is no group {group!r} on this system") from None
    try:
        os.chown(path, -1, number)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EINVAL):
            raise
        # EINVAL: PrivateUsers= knows no group but its own and root's.
        raise Refused(
            f"[control] group: ccflared may not give {path} to the group {group}: it runs as "
            f"{user_of(os.geteuid())}, which is not in that group, or under PrivateUsers=. Have the service manager "
            f"make the socket: ccflared.socket with SocketGroup={group}, and take the key out of the file"
        ) from error


def _advice(error: OSError, address: str) -> str:
    match error.errno:
        case 98:  # EADDRINUSE on Linux
            return f". Another program has it: see `ss -ltnp 'sport = :{address.rpartition(':')[2]}'`"
        case 48:  # the same on macOS, which has no ss
            return f". Another program has it: see `lsof -nP -sTCP:LISTEN -iTCP:{address.rpartition(':')[2]}`"
        case 99 | 49:  # EADDRNOTAVAIL
            return ". No network interface of this machine has that address"
        case 97 | 47:  # EAFNOSUPPORT
            return (
                ". This system has no IPv6: leave that entry out of [server] listen"
                if address.startswith("[")
                else ""
            )
        case 13:
            return ". Ports below 1024 need a privilege: use a higher one, or socket activation"
        case _:
            return ""
