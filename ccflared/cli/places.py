"""Where things are looked for: the configuration file, and the control socket of the daemon."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = "ccflared.sock"
FILE_NAME = "ccflare.toml"


@dataclass(frozen=True, slots=True)
class Place:
    """A path where the control socket may be, and why. ``meant``: the user or the file named it."""

    path: Path
    why: str
    meant: bool = False


def config_places(environ: Mapping[str, str]) -> list[Path]:
    """Return where the configuration is looked for when no ``--config`` is given, in order."""
    if environ.get("CCFLARED_CONFIG"):
        return [Path(environ["CCFLARED_CONFIG"]).expanduser()]
    home = Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return [home / "ccflared" / FILE_NAME, Path("/etc/ccflared") / FILE_NAME]


def config_file(chosen: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the configuration file: the one chosen, else the first that exists; None where there is none."""
    if chosen is not None:
        return chosen.expanduser().absolute()
    for path in config_places(environ):
        if _exists(path):
            return path.absolute()
    return None


def socket_places(chosen: Path | None, config: Path | None, environ: Mapping[str, str]) -> list[Place]:
    """Return where the daemon is looked for, in order, each path once.

    ``chosen`` is ``--socket``; with it, or $CCFLARED_SOCKET, nothing else is tried: who names a daemon does
    not mean another one. ``config`` is the configuration file, if there is one.
    """
    if chosen is not None:
        return [Place(chosen.expanduser().absolute(), "--socket", meant=True)]
    if environ.get("CCFLARED_SOCKET"):
        return [
            Place(Path(environ["CCFLARED_SOCKET"]).expanduser().absolute(), "$CCFLARED_SOCKET", meant=True)
        ]
    places: dict[Path, Place] = {}
    for place in _places(config, environ):
        places.setdefault(place.path, place)
    return list(places.values())


def _places(config: Path | None, environ: Mapping[str, str]) -> Iterator[Place]:
    if config is not None:
        named = _socket_of_file(config)
        if named is not None:
            yield Place(named, f"[control] socket of {config}", meant=True)
        for directory in state_directories(environ):
            last = _last_applied(directory, config)
            if last is not None:
                yield Place(last, f"the socket last applied from {config}", meant=True)
    for directory in _several(environ.get("RUNTIME_DIRECTORY")):
        yield Place(directory / SOCKET_NAME, "$RUNTIME_DIRECTORY")
    if environ.get("XDG_RUNTIME_DIR"):
        yield Place(Path(environ["XDG_RUNTIME_DIR"]) / "ccflared" / SOCKET_NAME, "$XDG_RUNTIME_DIR")
    yield Place(Path("/run/ccflared") / SOCKET_NAME, "the system's daemon")
    for directory in state_directories(environ):
        yield Place(directory / SOCKET_NAME, "the state directory")


def state_directories(environ: Mapping[str, str]) -> list[Path]:
    """Return the default state directories: of this user, and of the system."""
    found = _several(environ.get("STATE_DIRECTORY"))
    if environ.get("XDG_STATE_HOME"):
        found.append(Path(environ["XDG_STATE_HOME"]) / "ccflared")
    found += [Path("~/.local/state/ccflared").expanduser(), Path("/var/lib/ccflared")]
    return list(dict.fromkeys(found))


def record_name(config: Path) -> str:
    """Return the name of the file in a state directory that holds the socket last applied from ``config``."""
    return f"control-socket-{hashlib.sha256(str(config.absolute()).encode()).hexdigest()[:16]}"


def _last_applied(directory: Path, config: Path) -> Path | None:
    try:
        text = (directory / record_name(config)).read_text()[:4096].strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(text) if text.startswith("/") else None


def _socket_of_file(config: Path) -> Path | None:
    try:
        named = tomllib.loads(config.read_text()).get("control", {}).get("socket")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    return config.parent / Path(named).expanduser() if isinstance(named, str) else None


def _several(value: str | None) -> list[Path]:
    """Split what systemd puts into the variables of its directories: paths with a colon between."""
    return [Path(part) for part in (value or "").split(":") if part.startswith("/")]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a directory that may not be entered
        return False
