"""What a wheel brings besides the program: manual pages, completions, the schema; each to where it is looked for.

A hook of the build (pyproject.toml), so that a new page needs no line anywhere.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "ccflared.bash": "share/bash-completion/completions/ccflared",
    "_ccflared": "share/zsh/site-functions/_ccflared",
    "ccflared.fish": "share/fish/vendor_completions.d/ccflared.fish",
}
"""Where each of contrib/completions goes, below the environment."""
SCHEMA = {"ccflare.schema.json": "share/ccflared/ccflare.schema.json"}
"""The same of contrib/editor."""


class SharedData(BuildHookInterface):
    """Adds pages, completions and the schema to a wheel, also to that of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's names
        """Add them to ``build_data``."""
        root = Path(self.root)
        pages = {page: f"share/man/man{page.name[-1]}/{page.name}" for page in root.glob("man/*.[1-8]")}
        words = {root / "contrib/completions" / name: place for name, place in COMPLETIONS.items()}
        schema = {root / "contrib/editor" / name: place for name, place in SCHEMA.items()}
        for path, place in sorted({**pages, **words, **schema}.items()):
            if path.exists():
                build_data["shared_data"][str(path)] = place
