"""Writes configuration files for tests and reads them as the daemon does."""

from pathlib import Path
from textwrap import dedent

from ccflared.config.load import Loaded, Rejected, load
from ccflared.config.model import Config
from ccflared.config.report import render_all
from ccflared.providers.presets import builtin

ENVIRON = {"HOME": "/home/ada"}


def write(directory: Path, **files: str) -> Path:
    """Write ``main`` as ccflare.toml, others as NAME.toml; return the main one."""
    for name, text in files.items():
        path = directory / f"{'ccflare' if name == 'main' else name}.toml"
        path.write_text(dedent(text), encoding="utf-8")
        path.chmod(0o600)
    return directory / "ccflare.toml"


def read(directory: Path, **files: str) -> Loaded | Rejected:
    """Write the files and load the main one."""
    return load(write(directory, **files), environ=ENVIRON, builtin=builtin())


def config(directory: Path, text: str) -> Config:
    """Return the configuration of a text that must be valid."""
    loaded = read(directory, main=text)
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)
    return loaded.config


def mistakes(directory: Path, text: str, **files: str) -> list[str]:
    """Return the mistakes of a text that has some, as ``LINE:COLUMN: message`` (``FILE:…`` in includes)."""
    rejected = read(directory, main=text, **files)
    assert isinstance(rejected, Rejected), "there is no mistake"
    return [
        str(mistake).removeprefix(f"{directory}/").removeprefix("ccflare.toml:")
        for mistake in rejected.mistakes
    ]


def only(directory: Path, text: str, **files: str) -> str:
    """Return the message of the one mistake."""
    (found,) = mistakes(directory, text, **files)
    return found


def shown(directory: Path, text: str, **files: str) -> str:
    """Return all mistakes as people see them."""
    rejected = read(directory, main=text, **files)
    assert isinstance(rejected, Rejected)
    return render_all(rejected.mistakes)
