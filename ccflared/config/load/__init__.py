"""Finding and reading the file: the only part of this room, with save, that touches the disk.

What decodes is imported when it is first asked for: a command that only looks for the file, to find the
daemon's socket, would wait for it five times as long as it runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ccflared.config.load.paths import (
    candidates,
    control_socket,
    control_socket_of,
    find,
    home,
    state_directory,
    storage_directory_of,
)

if TYPE_CHECKING:
    from ccflared.config.load.files import Loaded, Place, Rejected, load, startable
    from ccflared.config.load.secrets import Secrets, read_secrets, references, secret_of
    from ccflared.config.load.texts import Files, read_files
else:
    _LATER = {
        "Loaded": "files",
        "Place": "files",
        "Rejected": "files",
        "load": "files",
        "startable": "files",
        "Files": "texts",
        "read_files": "texts",
        "Secrets": "secrets",
        "read_secrets": "secrets",
        "references": "secrets",
        "secret_of": "secrets",
    }

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "Files",
    "Loaded",
    "Place",
    "Rejected",
    "Secrets",
    "candidates",
    "control_socket",
    "control_socket_of",
    "find",
    "home",
    "load",
    "read_files",
    "read_secrets",
    "references",
    "secret_of",
    "startable",
    "state_directory",
    "storage_directory_of",
]
