"""Where the history of a configuration lies, for commands that work without a daemon."""

from collections.abc import Mapping
from pathlib import Path

from ccflared.cli.places import state_for
from ccflared.config.load import Rejected, find, load, storage_directory_of
from ccflared.errors import Refused
from ccflared.providers.presets import builtin


def database(config: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the path of the history. Raises UsageError where there is no file, Refused where it does not tell."""
    file = find(config, environ)
    loaded = load(file, environ=environ, builtin=builtin())
    directory = (
        storage_directory_of(file, environ)
        if isinstance(loaded, Rejected)
        else state_for(loaded.config, file, environ)
    )
    if directory is None:
        raise Refused(
            f"{file} has mistakes, and does not tell where the state directory is. ccflared check names them."
        )
    return directory / "ccflared.db"
