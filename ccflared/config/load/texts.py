"""The configuration files as texts, read at one moment: what an edit begins with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccflared.config.load.files import Rejected
from ccflared.config.load.includes import Together, with_includes
from ccflared.config.load.paths import home
from ccflared.config.load.source import Source, read_source
from ccflared.config.merge import merge


@dataclass(frozen=True, slots=True)
class Files:
    """The main file and what it includes, in order. They are TOML; what they say may be wrong otherwise."""

    texts: Mapping[Path, str]
    digests: Mapping[Path, str]
    """SHA-256 of the exact content of each, hexadecimal."""
    tables: Mapping[str, Any]
    """What they say together."""

    @property
    def main(self) -> Path:
        """The file that includes the others."""
        return next(iter(self.texts))


def sources_of(path: Path, environ: Mapping[str, str]) -> list[Source]:
    """Read the file at ``path`` and its includes as they are, whatever is wrong with them; the main one is first."""
    return _together(path, environ).sources


def _together(path: Path, environ: Mapping[str, str]) -> Together:
    return with_includes(read_source(path.absolute()), home(environ))


def read_files(path: Path, environ: Mapping[str, str], *, broken: bool = False) -> Files | Rejected:
    """Read the texts of the file at ``path`` and its includes. Rejected if one cannot be read or is no TOML.

    ``broken``: a text that is no TOML will do, as somebody is going to mend it.
    """
    together = _together(path, environ)
    sources = together.sources
    digests = {source.path: source.digest for source in sources if source.digest is not None}
    unusable = [source for source in sources if source.tables is None and not (broken and source.text)]
    if unusable:
        return Rejected(
            tuple(mistake for source in unusable for mistake in source.mistakes),
            tuple(source.path for source in sources),
            frozenset(together.watch),
            digests,
        )
    tables = merge([source.tables or {} for source in sources]).tables
    return Files({source.path: source.text for source in sources}, digests, tables)
