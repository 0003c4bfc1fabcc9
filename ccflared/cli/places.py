"""Where the control socket of the daemon is looked for (contract, section 2).

Works with a file that is wrong, or may not be read: then the daemon's own note of the socket it last served
from this file helps, and the usual places.
"""

import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ccflared.config.load.paths import (
    candidates,
    control_socket_of,
    find,
    home,
    instance_of,
    state_directory,
    storage_directory_of,
)
from ccflared.errors import UsageError

if TYPE_CHECKING:
    from ccflared.config.model import Config

SOCKET_NAME = "ccflared.sock"
MOST_INCLUDES = 200
BY_OPTION, BY_VARIABLE = "--socket", "$CCFLARED_SOCKET"


class Place(NamedTuple):
    """A path where the control socket may be, and why. ``meant``: the user or the file named it."""

    path: Path
    why: str
    meant: bool = False


def config_file(chosen: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the configuration file: the one chosen, be it there or not, else the first found, else None."""
    if chosen is not None or environ.get("CCFLARED_CONFIG"):
        return candidates(chosen, environ)[0]
    try:
        return find(None, environ)
    except UsageError:
        return None


def for_init(chosen: Path | None, environ: Mapping[str, str]) -> Path:
    """Return where a first file is written: to ``chosen``, else /etc for root, else the user's own place."""
    places = candidates(chosen, environ)
    return places[-1] if os.geteuid() == 0 else places[0]


def socket_places(chosen: Path | None, config: Path | None, environ: Mapping[str, str]) -> list[Place]:
    """Return where the daemon is looked for, in order, each path once.

    ``chosen`` is ``--socket``; with it, or $CCFLARED_SOCKET, nothing else is tried: who names a daemon does
    not mean another one. ``config`` is the configuration file, if there is one.
    """
    if chosen is not None:
        return [Place(chosen.absolute(), BY_OPTION, meant=True)]
    if environ.get("CCFLARED_SOCKET"):
        return [Place(Path(environ["CCFLARED_SOCKET"]).absolute(), BY_VARIABLE, meant=True)]
    places: dict[Path, Place] = {}
    for place in _places(config, environ):
        places.setdefault(place.path, place)
    return list(places.values())


def _places(config: Path | None, environ: Mapping[str, str]) -> Iterator[Place]:
    states = [*state_directories(environ)]
    if config is not None:
        files = _files(config)
        named_states = (storage_directory_of(file, environ) for file in files)
        states = [*(state for state in named_states if state is not None), *states]
        for file in files:
            named = control_socket_of(file, environ)
            if named is not None:
                yield Place(named, f"[control] socket of {file}", meant=True)
        for directory in dict.fromkeys(states):
            last = _last_applied(directory, config)
            if last is not None:
                yield Place(last, f"last used with {config}", meant=True)
        if instance := instance_of(files[0]):
            # Who names an instance means no other daemon.
            for below in (instance, f"{instance}/daemon"):
                yield Place(
                    Path("/run/ccflared") / below / SOCKET_NAME,
                    f"the system's instance {instance}",
                    meant=True,
                )
            return
    for directory in _several(environ.get("RUNTIME_DIRECTORY")):
        yield Place(directory / SOCKET_NAME, "$RUNTIME_DIRECTORY")
    if environ.get("XDG_RUNTIME_DIR"):
        yield Place(Path(environ["XDG_RUNTIME_DIR"]) / "ccflared" / SOCKET_NAME, "$XDG_RUNTIME_DIR")
    yield Place(Path("/run/ccflared") / SOCKET_NAME, "the system's daemon")
    # Without ccflared.socket, the service's own RuntimeDirectory= is the inner one.
    yield Place(Path("/run/ccflared/daemon") / SOCKET_NAME, "the system's daemon, without ccflared.socket")
    for directory in states:
        yield Place(directory / SOCKET_NAME, "the state directory")


def state_for(config: "Config", file: Path, environ: Mapping[str, str]) -> Path:
    """Return the state directory of the daemon that runs with this file. Raises UsageError where none is known.

    The system's files belong to the system's services, whose state is not below the home directory of whoever types
    the command.
    """
    name = instance_of(file)
    if name is not None and config.storage.directory is None and not environ.get("STATE_DIRECTORY"):
        state = Path(f"/var/lib/ccflared-{name}" if name else "/var/lib/ccflared")
        if os.path.lexists(state):  # a link into what is root's alone
            return state
    return state_directory(config, environ)


def state_directories(environ: Mapping[str, str]) -> list[Path]:
    """Return the state directories used by default: of this user, and of the system."""
    found = _several(environ.get("STATE_DIRECTORY"))
    base = environ.get("XDG_STATE_HOME", "")
    if base.startswith("/"):
        found.append(Path(base) / "ccflared")
    mine = home(environ)
    if mine is not None:
        found.append(mine / ".local/state/ccflared")
    return list(dict.fromkeys([*found, Path("/var/lib/ccflared")]))


def record_name(config: Path) -> str:
    """Return the name of the file in a state directory that holds the socket last applied from ``config``."""
    return f"control-socket-{hashlib.sha256(str(config.absolute()).encode()).hexdigest()[:16]}"


def _last_applied(directory: Path, config: Path) -> Path | None:
    try:
        text = (directory / record_name(config)).read_text()[:4096].strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(text) if text.startswith("/") else None


def _files(config: Path) -> list[Path]:
    """Return the file and those that it includes. One that is missing or wrong is no matter here."""
    files = [config]
    patterns = _table(config).get("include")
    for pattern in patterns if isinstance(patterns, list) else [patterns]:
        if isinstance(pattern, str) and pattern and "\0" not in pattern:
            where = Path(pattern).expanduser()
            base, rest = (Path("/"), str(where)[1:]) if where.is_absolute() else (config.parent, str(where))
            try:
                files += sorted(base.glob(rest))[:MOST_INCLUDES]
            except (OSError, ValueError, NotImplementedError):  # the last: a pattern that glob cannot follow
                continue
    return files


def tables(config: Path) -> Iterator[Mapping[str, object]]:
    """Yield what stands in the file and in those that it includes; nothing of one that cannot be read."""
    return map(_table, _files(config))


def _table(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_bytes()[: 8 << 20].decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _several(value: str | None) -> list[Path]:
    """Split what systemd puts into the variables of its directories: paths with a colon between."""
    return [Path(part) for part in (value or "").split(":") if part.startswith("/")]
