"""Somebody at a desk: a home, a configuration in it, and the commands typed there."""

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from terminals import COMMAND

ROOT = Path(__file__).parents[2]
FILE = """\
# by hand
[server]
listen = "127.0.0.1:0"
[storage]
directory = "state"

# local, and free
[accounts.local]
provider = "ollama"    # no key
"""


class Desk:
    """A directory with ccflare.toml, and the commands typed in it."""

    def __init__(self, directory: Path, text: str | None = FILE) -> None:
        self.directory = directory
        self.config = directory / "ccflare.toml"
        self.state = directory / "state"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
            "CCFLARED_CONFIG": str(self.config),
            "PYTHONPATH": str(ROOT),
        }
        if text is not None:
            self.write(text)

    def write(self, text: str) -> None:
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o600)
        new.replace(self.config)

    @property
    def text(self) -> str:
        return self.config.read_text()

    @property
    def tables(self) -> dict[str, Any]:
        return tomllib.loads(self.text)

    def start(self, *words: object, before: tuple[str, ...] = COMMAND) -> subprocess.Popen[str]:
        """Begin a command, with pipes around it."""
        return subprocess.Popen(
            [*before, *map(str, words)],
            env=self.environ,
            cwd=self.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def type_in(
        self, *words: object, stdin: str = "", before: tuple[str, ...] = COMMAND
    ) -> tuple[int, str, str]:
        """Run a command without a terminal; return exit code, output and complaints."""
        process = self.start(*words, before=before)
        out, err = process.communicate(stdin, timeout=60)
        return process.returncode, out, err

    def leftovers(self) -> set[str]:
        """What lies about in the directory besides the file and the state."""
        return {path.name for path in self.directory.iterdir()} - {"ccflare.toml", "state"}
