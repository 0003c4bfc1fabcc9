"""The built-in providers, decoded from presets.toml by the decoder of the file itself."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from ccflared.config.decode import decode
from ccflared.config.model import Provider


@cache
def builtin() -> Mapping[str, Provider]:
    """Return the built-in providers by name, in the order of presets.toml. Read once.

    Raises ValueError if the shipped file is broken, which is a bug.
    """
    tables = tomllib.loads(files("ccflared.providers").joinpath("presets.toml").read_text(encoding="utf-8"))
    decoded = decode(tables, builtin={}, directory=lambda _: Path("/"), home=None, zone_exists=lambda _: True)
    if decoded.config is None:
        raise ValueError(f"presets.toml: {decoded.problems}")
    return MappingProxyType(dict(decoded.config.providers))
