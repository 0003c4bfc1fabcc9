"""What a wheel brings besides the program: manual pages, completions, the schema, units, examples; each to its place.

A hook of the build (pyproject.toml), so that a new page or unit needs no line anywhere.
"""

from collections.abc import Iterator
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
TO_COPY = {
    "contrib/systemd": "share/ccflared/systemd",
    "contrib/container": "share/ccflared/container",
    "contrib/proxy": "share/ccflared/proxy",
    "contrib/grafana": "share/ccflared/grafana",
    "examples": "share/ccflared/examples",
}
"""Folders of what an administrator copies and makes his own. Not to lib/systemd nor share/systemd/user, where a service
manager may look: units name a prefix, and an environment may be anywhere."""
MADE = ("contrib/container/config", "contrib/container/secrets")
"""What the first lines of compose.yaml make beside it: secrets in no wheel, and so in no image. .dockerignore and
.gitignore have the same."""


class SharedData(BuildHookInterface):
    """Adds pages, completions, the schema and what is copied to a wheel, also to that of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's names
        """Add them to ``build_data``."""
        for path, place in sorted(_shared(Path(self.root))):
            build_data["shared_data"][str(path)] = place


def _shared(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file with its place below the environment."""
    for page in root.glob("man/*.[1-8]"):
        yield page, f"share/man/man{page.name[-1]}/{page.name}"
    for folder, places in (("contrib/completions", COMPLETIONS), ("contrib/editor", SCHEMA)):
        for name, place in places.items():
            if (root / folder / name).exists():
                yield root / folder / name, place
    for folder, place in TO_COPY.items():
        for path in (root / folder).rglob("*"):
            made = any(path.is_relative_to(root / each) for each in MADE)
            if path.is_file() and "__pycache__" not in path.parts and not made:
                yield path, f"{place}/{path.relative_to(root / folder)}"
