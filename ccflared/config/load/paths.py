"""Where things are on this system: the file, the state directory, the control socket.

Contract sections 1 and 2.
"""

import os
import pwd
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ccflared.config.load.reading import read_regular
from ccflared.config.load.rights import contained, mount_lines
from ccflared.errors import UsageError

if TYPE_CHECKING:
    from ccflared.config.model import Config

SYSTEM_FILE = Path("/etc/ccflared/ccflare.toml")


def instance_of(file: Path) -> str | None:
    """Return the instance of the shipped units that a file is for: "" for the one without a name, None for none."""
    if file == SYSTEM_FILE:
        return ""
    directory = file.parent
    ours = file.name == SYSTEM_FILE.name and directory.parent == SYSTEM_FILE.parent
    return directory.name if ours and directory.name not in {"credentials", "daemon"} else None


def home(environ: Mapping[str, str]) -> Path | None:
    """Return the home directory: ``$HOME``, else the user's from the password database."""
    if given := environ.get("HOME"):
        return Path(given)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def candidates(explicit: Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the places where the file may be.

    The first two are orders: where one is given, no other place counts.
    """
    if explicit is not None:
        return (explicit.absolute(),)
    if given := environ.get("CCFLARED_CONFIG"):
        return (Path(given).absolute(),)
    user = _below(environ, "XDG_CONFIG_HOME", ".config")
    return (*((user / "ccflared" / "ccflare.toml",) if user else ()), SYSTEM_FILE)


def find(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the path of the file. Raises UsageError, naming the places, if there is none."""
    places = candidates(explicit, environ)
    for place in places:
        if _is_there(place):
            return place
    if explicit is not None or environ.get("CCFLARED_CONFIG"):
        named = "--config" if explicit is not None else "$CCFLARED_CONFIG"
        if explicit is None and contained(environ):
            raise UsageError(f"There is no file {places[0]} (named by {named}).\n{mount_lines(places[0])}")
        raise UsageError(
            f"There is no file {places[0]} (named by {named}).\n`ccflared init --config "
            f"{places[0]}` writes a first one."
        )
    looked = "\n".join(f"  {place}" for place in places)
    raise UsageError(
        "There is no configuration. Looked for it at --config, $CCFLARED_CONFIG, and\n"
        f"{looked}\n`ccflared init` writes a first one."
    )


def _is_there(path: Path) -> bool:
    """Whether a file is there. What may not be looked at counts: reported is better than passed over."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return path.is_symlink()
    return True


def state_directory(config: "Config", environ: Mapping[str, str]) -> Path:
    """Return the state directory.

    [storage] directory, else $STATE_DIRECTORY, else $XDG_STATE_HOME/ccflared (~/.local/state). Raises
    UsageError where none of them, and no home directory, is known.
    """
    if config.storage.directory is not None:
        return config.storage.directory
    if given := _first(environ, "STATE_DIRECTORY"):
        return given
    base = _below(environ, "XDG_STATE_HOME", ".local/state")
    if base is None:
        raise UsageError("No state directory: set [storage] directory, or $HOME.")
    return base / "ccflared"


def control_socket(config: "Config", environ: Mapping[str, str]) -> Path:
    """Return the control socket: [control] socket, else ccflared.sock in the runtime or state directory."""
    if config.control.socket is not None:
        return config.control.socket
    if given := _first(environ, "RUNTIME_DIRECTORY"):
        return given / "ccflared.sock"
    if user := environ.get("XDG_RUNTIME_DIR"):
        return Path(user) / "ccflared" / "ccflared.sock"
    return state_directory(config, environ) / "ccflared.sock"


def control_socket_of(path: Path, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return ``[control] socket`` of a file, however broken the rest of it is; None if it cannot be told."""
    return _path_in(path, "control", "socket", environ)


def storage_directory_of(path: Path, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return ``[storage] directory`` of a file, however broken the rest of it is; None as above."""
    return _path_in(path, "storage", "directory", environ)


def _path_in(path: Path, table: str, key: str, environ: Mapping[str, str] | None) -> Path | None:
    try:
        text = read_regular(path, 8 * 1024 * 1024)[0].decode(errors="replace")
    except OSError:
        return None
    try:
        found = tomllib.loads(text).get(table)
        given = found.get(key) if isinstance(found, dict) else None
    except (tomllib.TOMLDecodeError, RecursionError):
        given = _scanned(text, table, key)
    if not isinstance(given, str) or not given or "\0" in given:
        return None
    if given.startswith("~/"):
        base = home(os.environ if environ is None else environ)
        return base / given[2:] if base else None
    return path.absolute().parent / given


def _scanned(text: str, table: str, key: str) -> str | None:
    """Find the value of a key in a text that is not valid TOML, line by line."""
    section = ""
    for line in text.splitlines():
        if match := re.match(r"\s*\[+\s*([^\]]*?)\s*\]", line):
            section = match[1]
        name = key if section == table else rf"{table}\s*\.\s*{key}" if not section else None
        if name and (match := re.match(rf"\s*{name}\s*=\s*(?:\"([^\"\\]*)\"|'([^']*)')", line)):
            return match[1] if match[1] is not None else match[2]
        if not section and (
            match := re.match(rf"\s*{table}\s*=\s*\{{.*?\b{key}\s*=\s*[\"']([^\"'\\]*)[\"']", line)
        ):
            return match[1]
    return None


def _below(environ: Mapping[str, str], variable: str, fallback: str) -> Path | None:
    """Return an XDG base directory; a relative one is ignored, as its specification says."""
    if (given := environ.get(variable)) and Path(given).is_absolute():
        return Path(given)
    base = home(environ)
    return base / fallback if base else None


def _first(environ: Mapping[str, str], variable: str) -> Path | None:
    """Return the first directory of a variable that systemd fills with several, separated by colons."""
    given = environ.get(variable, "").split(":", 1)[0]
    return Path(given) if given else None
