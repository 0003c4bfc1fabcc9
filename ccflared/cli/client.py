"""The client of the control socket: finds the daemon, asks it one thing, says what is wrong where it cannot.

HTTP/1.1 over a Unix socket by the standard library, so that a command is quick. Bounded in time and size.
"""

import grp
import http.client
import json
import os
import pwd
import socket
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from ccflared import __version__
from ccflared.cli.places import BY_OPTION, BY_VARIABLE, Place
from ccflared.cli.render.foreign import bare
from ccflared.errors import NotRunning, Refused

CONNECT_TIMEOUT = 3.0
LARGEST = 32 * 1024 * 1024
_SYSTEM = Path("/run/ccflared")
_LONGEST_PATH = 107
"""Bytes, as unix(7) has it."""


class Answer(NamedTuple):
    """What the daemon answered. ``value`` is the JSON of ``text``; ``place`` where the daemon is."""

    status: int
    value: Any
    text: str
    place: Place

    def complaint(self) -> str:
        """Return the sentence of an error answer, in whichever of the usual shapes it comes."""
        value = self.value
        if isinstance(value, dict):
            error = value.get("error", value.get("message"))
            if isinstance(error, dict):
                error = error.get("message")
            if isinstance(error, str) and error:
                return bare(error)
        if self.status == 200:
            return "it answered something else than was expected"
        return f"it answered with HTTP status {self.status}"

    def unexpected(self, command: str) -> Refused:
        """Return the failure of a command that this answer does not fit."""
        if self.status in (404, 405):
            return Refused(
                f"The daemon at {self.place.path} does not know {command}: it must be older than this command, which "
                f"is version {__version__}. Restart it, and what is installed now runs."
            )
        if self.status == 200:
            return Refused(
                f"The daemon at {self.place.path} answers {command} otherwise than this command expects: "
                "is it of another version?"
            )
        return Refused(f"The daemon refused: {self.complaint()}")


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a socket that is already connected."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__("localhost")
        self.sock = connected


class Daemon(NamedTuple):
    """The daemon that is asked: the first of ``places`` that answers."""

    places: Sequence[Place]
    start_hint: str = "ccflared run"
    remark: str = ""
    """What is wrong with the configuration file that was named, in a sentence."""

    def get(self, path: str, *, timeout: float = 10.0) -> Answer:
        """Ask for ``path``. Raises NotRunning or Refused with the sentence for the user."""
        return self._ask("GET", path, None, timeout)

    def post(self, path: str, body: object = None, *, timeout: float = 60.0) -> Answer:
        """Ask the daemon to do something; ``body`` goes as JSON. Raises as ``get``."""
        return self.send("POST", path, body, timeout=timeout)

    def send(self, method: str, path: str, body: object = None, *, timeout: float = 60.0) -> Answer:
        """Ask by any method: DELETE, PATCH, …; ``body`` goes as JSON. Raises as ``get``."""
        return self._ask(method, path, None if body is None else json.dumps(body).encode(), timeout)

    def _ask(self, method: str, path: str, body: bytes | None, timeout: float) -> Answer:
        connected, place = self.connect()
        with connected:
            try:
                status, raw = _exchange(connected, method, path, body, timeout)
            except TimeoutError:
                raise Refused(
                    f"ccflared at {place.path} did not answer within {timeout:g} seconds. It may be stuck: "
                    f"its log says more, and a restart helps.{_held(place)}"
                ) from None
            except (ConnectionError, BrokenPipeError):
                raise Refused(
                    f"The daemon at {place.path} closed the connection without an answer. It may be stopping; "
                    "try again in a moment."
                ) from None
            except http.client.HTTPException:
                raise Refused(something_else(place)) from None
        try:
            text = raw.decode()
            value = json.loads(text) if text.strip() else None
        except (UnicodeDecodeError, ValueError, RecursionError):
            raise Refused(something_else(place)) from None
        return Answer(status, value, text, place)

    def connect(self) -> tuple[socket.socket, Place]:
        """Return a connection to the first place that takes one. Raises NotRunning or Refused."""
        seen: list[tuple[Place, str]] = []
        forbidden: Place | None = None
        for place in self.places:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(CONNECT_TIMEOUT)
            try:
                connection.connect(str(place.path))
            except PermissionError:
                forbidden = forbidden or place
                seen.append((place, "no permission"))
            except FileNotFoundError:
                seen.append((place, "nothing there"))
            except ConnectionRefusedError:
                seen.append((place, "nobody listens" if _is_socket(place.path) else "not a socket"))
            except (TimeoutError, BlockingIOError):
                connection.close()
                raise Refused(
                    f"ccflared at {place.path} takes no connection. It may be stuck: its log says more, and a "
                    "restart helps."
                ) from None
            except (OSError, ValueError) as error:
                seen.append((place, _unreachable(place.path, error)))
            else:
                return connection, place
            connection.close()
        if forbidden is not None:
            raise Refused(_no_permission(forbidden.path))
        raise NotRunning(_not_running(seen, self.start_hint, self.remark))


def account_path(name: str, action: str) -> str:
    """Return the path of an action on an account, its name quoted."""
    return f"/api/accounts/{quote(name, safe='')}/{action}"


def _exchange(
    connected: socket.socket, method: str, path: str, body: bytes | None, timeout: float
) -> tuple[int, bytes]:
    """Send one request and read its answer. Raises TimeoutError, ConnectionError, HTTPException."""
    deadline = time.monotonic() + timeout
    connected.settimeout(timeout)
    http_connection = _UnixConnection(connected)
    headers = {"Accept": "application/json", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    http_connection.request(method, path, body, headers)
    response = http_connection.getresponse()
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(1 << 16):
        pieces.append(piece)
        size += len(piece)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if size > LARGEST:
            raise http.client.HTTPException("too large")
        if response.isclosed():  # since Python 3.12.2 as soon as all is read, and the socket with it
            break
        connected.settimeout(left)
    if response.length:  # framed by a length, and shorter than it
        raise http.client.IncompleteRead(b"")
    return response.status, b"".join(pieces)


def _unreachable(path: Path, error: OSError | ValueError) -> str:
    """Say why there can be no socket at a path."""
    if isinstance(error, NotADirectoryError):
        return "no directory on the way to it"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        return f"longer than the path of a socket may be, {_LONGEST_PATH} bytes"
    return bare(getattr(error, "strerror", None) or str(error))


def _held(place: Place) -> str:
    """Return what else may be where the service manager holds the socket: no daemon behind it, which waits for one."""
    if _SYSTEM not in place.path.parents:
        return ""
    name = place.path.relative_to(_SYSTEM).parts[0]
    unit = "ccflared" if name in {place.path.name, "daemon"} else f"ccflared@{name}"
    return f" Or it cannot start: `systemctl status {unit}` says why."


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def something_else(place: Place) -> str:
    """Return the sentence for a place where another program answers."""
    return f"Something answers at {place.path} ({place.why}), but it is not ccflared. --socket PATH asks elsewhere."


def _no_permission(path: Path) -> str:
    """Say whose socket it is, and what to do to be let in."""
    me = _user(os.geteuid())
    for nearest in (path, *path.parents):
        try:
            facts = nearest.stat()
        except OSError:
            continue
        break  # whatever is below it cannot be seen: this is what is closed
    else:
        return f"The {_as_subject(me)} may not open ccflared's control socket {path}."
    owner, group = _user(facts.st_uid), _group(facts.st_gid)
    what = "the socket" if nearest == path else f"the directory {nearest} on the way to it"
    closed = (
        f"The {_as_subject(me)} may not open ccflared's control socket {path}: {what} belongs to {owner}:{group}, "
        f"mode {stat.S_IMODE(facts.st_mode):04o}.\n"
    )
    if nearest == path and facts.st_mode & stat.S_IWGRP and facts.st_gid and " " not in group:
        return (
            f"{closed}Members of the group {group} may: `sudo usermod -aG {group} {me}`, then log in again. "
            "Or run the command as root (sudo)."
        )
    # The mode of the socket alone would not let anybody in where a directory is closed.
    move = "" if nearest == path else '  socket = "/PATH/THAT/ALL/MAY/ENTER/ccflared.sock"\n'
    return (
        f"{closed}Run the command as {owner if owner == 'root' else f'{owner} or root'} (sudo), or open the socket to "
        f"a group that {me} is in:\n"
        f'  [control]\n{move}  mode = "0660"\n  group = "GROUP"'
    )


def _not_running(seen: list[tuple[Place, str]], start_hint: str, remark: str) -> str:
    looked = [f"  {place.path}: {what} ({place.why})" for place, what in seen]
    lines = ["ccflared is not running. Looked for it at:", *looked]
    lines += [remark] if remark else []
    lines.append(f"Start it: {start_hint}")
    if named := next((place.why for place, _ in seen if place.why in (BY_OPTION, BY_VARIABLE)), None):
        lines.append(f"Or let it be looked for at its usual places: without {named}.")
    return "\n".join(lines)


def _as_subject(name: str) -> str:
    return name if name.startswith("user ") else f"user {name}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return f"group {number}"
