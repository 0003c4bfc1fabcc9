"""What should be known of mounts: a file mounted by itself, and a container that forgets, or that nobody reaches."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ccflared.config.load.rights import contained, mounted
from ccflared.config.model import Config
from ccflared.config.protection import only_loopback


def single_files(files: Iterable[Path]) -> Iterator[str]:
    """Yield what does not work with configuration files that are mounted by themselves."""
    for file in files:
        if mounted(file):
            yield (
                f"{file} is mounted as a single file: a file that an editor puts in its place is not seen, and nothing "
                f"but that editor can change it. Mount its directory, {file.parent}, instead"
            )


def remarks(config: Config, directory: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what is probably not meant, in a container. ``directory``: that of the state."""
    if not contained(environ):
        return
    if not any(mounted(place) for place in (directory, *directory.parents) if place != Path("/")):
        yield (
            f"nothing is mounted at {directory}: history, tokens and stored secrets go with this container. "
            f"--volume ccflared:{directory} keeps them"
        )
    if _own_network() and all(only_loopback(listen.address) for listen in config.server.listen):
        yield (
            "all listeners are on loopback, which ports that are published do not reach; outside of a pod, "
            'listen = "0.0.0.0:8080" is meant'
        )


def _own_network(interfaces: Path = Path("/sys/class/net")) -> bool:
    """Whether no interface is that of a device: so it is in a network of the engine's making."""
    try:
        return not any(os.path.lexists(each / "device") for each in interfaces.iterdir())
    except OSError:
        return False
