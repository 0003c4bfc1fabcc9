"""Finding and reading the file: the only part of this room, with save, that touches the disk."""

from ccflared.config.load.files import Loaded, Place, Rejected, load
from ccflared.config.load.paths import (
    candidates,
    control_socket,
    control_socket_of,
    find,
    home,
    state_directory,
)
from ccflared.config.load.secrets import Secrets, read_secrets, references

__all__ = [
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
    "read_secrets",
    "references",
    "state_directory",
]
