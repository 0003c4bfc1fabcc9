"""From merged tables to a Config, gathering every mistake on the way.

Pure: what it needs of the world is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ccflared.config.kinds import KeyPath, Problem, Reading
from ccflared.config.later import not_yet
from ccflared.config.model import Config, Provider
from ccflared.config.rules import apply_rules, with_chains_expanded
from ccflared.config.shapes import Table
from ccflared.config.usage_rules import usage_hosts, with_usage_bound

ROOT: Table[Config] = Table(
    Config,
    hints={
        "port": 'the port belongs into [server] listen = "127.0.0.1:PORT"',
        "host": 'the address belongs into [server] listen = "HOST:PORT"',
        "lb_strategy": "it is strategy in [routing]",
        "account": "accounts are written [accounts.NAME]",
        "provider": "providers are written [providers.NAME]",
        "client": "clients are written [clients.NAME]",
    },
)
"""The kind of the whole file."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out. ``config`` is None if and only if there are problems."""

    config: Config | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def decode(
    tables: Mapping[str, Any],
    *,
    builtin: Mapping[str, Provider],
    directory: Callable[[KeyPath], Path],
    home: Path | None,
    zone_exists: Callable[[str], bool],
    whole: bool = True,
) -> Decoded:
    """Decode the merged tables of all files over the built-in providers.

    ``directory`` gives the directory of the file in which a path stands; ``whole`` is false where a file
    could not be read, so that names which are missing may stand in it.
    """
    reading = Reading(directory, home, zone_exists, elsewhere=_elsewhere())
    config = ROOT.read_over(Config(providers=dict(builtin)), {}, tables, (), reading)
    if config is not None:
        config = with_usage_bound(_with_listen_given(config, tables), tables, builtin)
        usage_hosts(config, reading)
        apply_rules(config, tables, reading, whole=whole)
        config = with_chains_expanded(config)
        if later := not_yet(tables):
            reading.warn(*later, at="key")
    broken = bool(reading.problems)
    return Decoded(None if broken else config, tuple(reading.problems), tuple(reading.warnings))


def _with_listen_given(config: Config, tables: Mapping[str, Any]) -> Config:
    server = tables.get("server")
    if not (isinstance(server, dict) and "listen" in server):
        return config
    return replace(config, server=replace(config.server, listen_given=True))


def _elsewhere() -> dict[str, str]:
    """Return the keys that stand in exactly one of the fixed sections, with its title."""
    found: dict[str, str] = {}
    for section, field in ROOT.fields.items():
        if isinstance(field.key.kind, Table):
            for name in field.key.kind.fields:
                found[name] = "" if name in found else f"[{section}]"
    return {name: title for name, title in found.items() if title and name not in ROOT.fields}
